/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * adopt.c - instances over the death of a daemon: what is written down when a shim is born, and
 * what a new daemon does with what it finds. Who cannot be taken over is ended and told: nothing
 * runs that nobody supervises.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/record.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit-record.h"
#include "supervisor/daemon/unit.h"

static struct ms_str as_str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

int ms_life_record(struct ms_instance *i, const struct ms_box_birth *birth, struct ms_error *err)
{
	ms_auto_free char *labels = NULL;
	ms_auto_free void *bytes = NULL;
	struct ms_record record = {
		.instance = as_str(i->id),
		.tenant = i->tenant,
		.path = i->path,
		.socket_key = as_str(i->socket_key),
		.labels = as_str(""),
		.tier = i->tier,
		.installation = i->installation,
		.since_usec = i->since_usec,
		.shim_pid = birth->shim_pid,
		.shim_start = birth->shim_start,
		.shim_uid = birth->shim_uid,
		.module_uid = birth->module_uid,
		.generation = i->generation,
		.manifest = i->inspection.manifest,
	};
	size_t len;
	int r;

	memcpy(record.launch_id, birth->launch_id, sizeof(record.launch_id));
	memcpy(record.policy_hash, i->policy->hash, sizeof(record.policy_hash));
	memcpy(record.plan_hash, birth->plan_hash, sizeof(record.plan_hash));
	memcpy(record.limits, i->policy->limits, sizeof(record.limits));
	if (i->labels) {
		ms_auto(jw) struct ms_jw *jw = ms_jw_new();

		if (jw)
			ms_jw_value(jw, NULL, ms_doc_root(i->labels));
		labels = jw ? ms_jw_take(jw, MS_JW_LINE, &record.labels.len) : NULL;
		if (!labels)
			return ms_error_set(err, ENOMEM, "record the labels");
		record.labels.p = labels;
	}
	r = ms_record_encode(&record, &bytes, &len);
	if (r < 0)
		return ms_error_set(err, -r, "record the instance");
	return ms_state_put_record(i->s->state, i->id, bytes, len, err);
}

/* The sockets are where they were: the paths follow from the record. */
static void find_sockets(struct ms_instance *i)
{
	const struct ms_manifest *m = i->inspection.manifest;

	for (uint32_t n = 0; i->socket_key[0] && n < m->n_listen; n++) {
		(void)snprintf(i->sockets[n], sizeof(i->sockets[n]), "%s/s/%s/%.*s.sock",
			       i->s->runtime_dir, i->socket_key, (int)m->listen[n].len,
			       m->listen[n].p); /* as ms_state_bind() made it */
		i->n_sockets = n + 1;
	}
}

static int read_labels(struct ms_instance *i, struct ms_str labels)
{
	ms_auto(report) struct ms_report *report = ms_report_new("labels");
	const struct ms_doc_limits limits = {MS_MAX_REQUEST_BYTES, MS_MAX_REQUEST_DEPTH};

	if (!labels.len)
		return 0;
	if (!report)
		return -ENOMEM;
	return ms_doc_parse(labels.p, labels.len, limits, MS_REASON_INTERNAL, report, &i->labels) ==
			       0
		       ? 0
		       : -EBADMSG;
}

/* The instance as it was; its policy as this daemon's configuration would cut it now, but for the
 * limits, which are in force in the kernel. */
static int fill(struct ms_instance *i, struct ms_record *record, struct ms_error *err)
{
	int r;

	(void)snprintf(i->id, sizeof(i->id), "%.*s", (int)record->instance.len,
		       record->instance.p); /* fits */
	(void)snprintf(i->socket_key, sizeof(i->socket_key), "%.*s", (int)record->socket_key.len,
		       record->socket_key.p); /* fits */
	i->tenant = ms_arena_str(&i->arena, record->tenant.p, record->tenant.len);
	i->path = ms_arena_str(&i->arena, record->path.p, record->path.len);
	i->tier = record->tier;
	i->installation = record->installation;
	i->stdio = MS_STDIO_LOG;
	i->phase = MS_PHASE_RUN;
	i->adopted = true;
	i->generation = record->generation;
	i->inspection.manifest = MS_TAKE_PTR(record->manifest);
	for (size_t n = 0; n < sizeof(record->policy_hash); n++)
		(void)snprintf(i->policy_hex + 2 * n, 3, "%02x", record->policy_hash[n]); /* fits */
	find_sockets(i);
	if (i->arena.error || read_labels(i, record->labels) < 0)
		return ms_error_set(err, ENOMEM, "read its record");
	r = ms_policy_build(i->inspection.manifest, i->s->config, i->tier, i->tenant, &i->policy,
			    err);
	if (r < 0)
		return err->code ? r : ms_error_set(err, -r, "build its policy");
	if (record->has_limits)
		memcpy(i->policy->limits, record->limits, sizeof(record->limits));
	return 0;
}

/* How long the shim has run; 0 when it is from the future. The clock counts sleep, as its start
 * does. */
static uint64_t ran_usec(uint64_t start_ticks)
{
	const uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK); /* cannot fail */
	struct timespec now = {0};
	uint64_t ticks;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail */
	ticks = (uint64_t)now.tv_sec * per_second +
		(uint64_t)now.tv_nsec * per_second / 1000000000u;
	return ticks > start_ticks ? (ticks - start_ticks) * (1000000u / per_second) : 0;
}

/* The version before wrote no units down: the wish is what its run was started by. */
static struct ms_unit *make_unit(struct ms_instance *i, const struct ms_record *record)
{
	const struct ms_manifest *m = i->inspection.manifest;
	const struct ms_unit_record made = {
		.generation = i->generation,
		.history = {.n = 1, .starts_usec = {ms_life_now(CLOCK_BOOTTIME)}},
		.since_usec = record->since_usec,
		.tier = i->tier,
		.wished = true,
		.ready = true,
		.module = m->id,
		.tenant = i->tenant,
		.path = record->path,
		.manifest = as_str(""),
		.bundle = as_str(""),
		.labels = record->labels,
	};
	struct ms_unit_record numbered = made;
	struct ms_error err = MS_ERROR_INIT;

	if (!record->path.len || record->has_limits ||
	    ms_state_installation(i->s->state, m->id, i->tenant, &i->installation, &err) < 0)
		return NULL;
	numbered.number = i->installation;
	return ms_unit_by_number(i->s, numbered.number) ? NULL
							: ms_unit_from_record(i->s, &numbered);
}

/* The unit that it is the latest run of. */
static void find_unit(struct ms_instance *i, const struct ms_record *record)
{
	struct ms_unit *unit = ms_unit_by_number(i->s, i->installation);

	if (!unit)
		unit = make_unit(i, record);
	if (!unit || unit->current || unit->generation != i->generation)
		return;
	unit->current = i;
	i->unit = unit;
	ms_unit_note(unit);
}

static void adopt_one(struct ms_supervisor *s, struct ms_record *record)
{
	struct ms_instance *i = ms_life_new(s);
	struct ms_error err = MS_ERROR_INIT;
	char socket[128];
	struct ms_box_record box = {
		.name = record->instance.p,
		.socket = socket,
		.birth = {.shim_pid = record->shim_pid,
			  .shim_start = record->shim_start,
			  .shim_uid = record->shim_uid,
			  .module_uid = record->module_uid,
			  .launch_id = record->launch_id,
			  .plan_hash = record->plan_hash},
		.policy_hash = record->policy_hash,
	};
	int r;

	if (!i) {
		ms_log(MS_LOG_ERROR, "no memory to adopt instance %.*s: it is ended",
		       (int)record->instance.len, record->instance.p);
		ms_box_end_recorded(&box);
		return;
	}
	r = fill(i, record, &err);
	ms_life_insert(i);
	if (r == 0)
		find_unit(i, record);
	if (r == 0) {
		ms_state_shim_path(s->state, i->id, socket, sizeof(socket));
		r = ms_box_adopt(s, &box, ms_life_box_ops(), i, &i->box, &err);
	}
	if (r < 0) {
		ms_log(MS_LOG_WARNING, "instance %s cannot be taken over and is ended: %s", i->id,
		       err.msg);
		ms_box_end_recorded(&box);
		ms_life_lost(i, &err);
		return;
	}
	ms_life_set(i, MS_STATE_STARTING); /* until its shim has said who it is */
	i->since_usec = i->unit && i->unit->since_usec ? i->unit->since_usec : record->since_usec;
	i->ran_usec = ran_usec(record->shim_start);
	/* its stop was under way, or one half of its restart */
	if (i->unit && (!i->unit->wished || i->unit->again))
		ms_life_stop(i, MS_ENDER_STOP);
}

static void on_unit(void *arg, const char *number, bool told MS_UNUSED, const void *data,
		    size_t len)
{
	struct ms_supervisor *s = arg;
	ms_auto(unit_record) struct ms_unit_record record = {0};
	struct ms_unit *unit;

	if (!data || ms_unit_record_decode(data, len, &record) < 0) {
		ms_log(MS_LOG_WARNING,
		       "the record of unit %s is damaged: its module is not started again by "
		       "itself",
		       number);
		return;
	}
	unit = ms_unit_from_record(s, &record);
	if (!unit)
		ms_log(MS_LOG_ERROR, "no memory for unit %s", number);
	else
		unit->again = record.again;
}

/* Its end was told; only its shim may still wait to hear so. */
static void end_told(const struct ms_record *record)
{
	const struct ms_box_record box = {
		.name = record->instance.p,
		.birth = {.shim_pid = record->shim_pid, .shim_start = record->shim_start},
	};

	ms_box_end_recorded(&box);
}

static void on_record(void *arg, const char *instance, bool told, const void *data, size_t len)
{
	struct ms_supervisor *s = arg;
	ms_auto(record) struct ms_record record = {0};

	if (!data || ms_record_decode(data, len, &record) < 0 ||
	    strcmp(record.instance.p, instance) != 0) {
		ms_log(MS_LOG_WARNING, "the record of instance %s is damaged; it is ended",
		       instance);
		ms_state_drop_record(s->state, instance);
	} else if (told) {
		end_told(&record);
		ms_state_drop_record(s->state, instance);
	} else {
		adopt_one(s, &record);
	}
}

/* Their sockets' folders, too, are kept for the next run. */
static bool is_units(const struct ms_supervisor *s, const char *key)
{
	for (const struct ms_unit *unit = s->units->first; unit; unit = unit->next) {
		char own[16];

		(void)snprintf(own, sizeof(own), "%u", unit->number); /* always fits */
		if (unit->wished && strcmp(own, key) == 0)
			return true;
	}
	return false;
}

/* The folders of a running one: its log by its id, its sockets by their key. */
static bool has_files(void *data, const char *instance_or_key)
{
	struct ms_supervisor *s = data;

	for (const struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (i->box && (strcmp(i->id, instance_or_key) == 0 ||
			       strcmp(i->socket_key, instance_or_key) == 0))
			return true;
	}
	return is_units(s, instance_or_key);
}

static bool is_known(void *data, const char *name)
{
	struct ms_supervisor *s = data;

	for (const struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (i->box && strcmp(i->id, name) == 0)
			return true;
	}
	return false;
}

/* Wished to run, and nothing of them does: the daemon died between two runs, or with one. */
static void resume_units(struct ms_supervisor *s)
{
	struct ms_unit *next;

	for (struct ms_unit *unit = s->units->first; unit; unit = next) {
		next = unit->next;
		if (!unit->current)
			ms_unit_resume(unit);
	}
}

void ms_instances_adopt(struct ms_supervisor *s)
{
	uint32_t n;

	ms_state_each_unit(s->state, on_unit, s);
	ms_state_each_record(s->state, on_record, s);
	/* what is left in the groups belongs to nobody: its processes end here */
	ms_cgroups_sweep(s->launcher->cgroups, is_known, s);
	ms_state_sweep(s->state, has_files, s);
	n = ms_instances_live(s->instances);
	if (n)
		ms_log(MS_LOG_INFO, "took over %u running module%s", n, n == 1 ? "" : "s");
	resume_units(s);
}
