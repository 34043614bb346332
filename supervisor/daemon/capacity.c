/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capacity.c - reads the figures that admission.c judges, sets the limits above all modules, and
 * says who uses most when one more is refused.
 */
#include "supervisor/daemon/capacity.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "lib/log.h"
#include "lib/num.h"
#include "policy/config-peers.h"
#include "policy/units.h"
#include "supervisor/daemon/admission.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/hostcheck.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/layer/cgroup-share.h"
#include "supervisor/daemon/supervisor.h"

#define STALE_USEC     1000000u /* for a yes */
#define STALE_NO_USEC  100000u	/* for a no: what was stopped has made room since */
#define LARGEST	       3u
#define NAME_BYTES     28u		     /* three of them go into one message */
#define TYPICAL_BYTES  (UINT64_C(256) << 20) /* of a module, when there is none to go by */
#define PIDS_SHARE_PCT 75u		     /* of kernel.pid_max, at most */
#define UNLIMITED_FROM (UINT64_C(1) << 62)   /* no limit, as v1 says it */
#define SMALL_FILE     8192u
#define ROW	       "host-share" /* of host.check */

struct user {
	char instance[17];
	uint64_t figure;
};

struct ms_capacity {
	struct ms_supervisor *s; /* borrowed */
	struct ms_admission a;
	uint64_t read_usec; /* CLOCK_BOOTTIME; 0 = never */
	uint64_t wanted;    /* limit of memory; a.limit is what is in force */
	uint32_t weight;
	uint32_t n_limits; /* instances in a.sum_of_limits */
};

static uint64_t now_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static ssize_t read_small(const char *path, char *buf, size_t len)
{
	ms_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : read(fd, buf, len);
}

/* -- the limits -- */

static uint64_t total_memory(const struct ms_cgroups *cgroups)
{
	uint64_t above = ms_cgroups_above(cgroups), ram = UINT64_MAX;
	struct sysinfo info;

	if (sysinfo(&info) == 0)
		ram = (uint64_t)info.totalram * info.mem_unit;
	return MS_MIN(ram, above);
}

/* The configured number, but never so many that the host itself runs out. */
static uint64_t most_processes(const struct ms_config *config)
{
	char text[24];
	ssize_t n = read_small("/proc/sys/kernel/pid_max", text, sizeof(text));
	uint64_t max = 0;

	if (n > 1 && ms_parse_u64(text, (size_t)n - 1, 1, UINT32_MAX, &max) == 0)
		return MS_MIN((uint64_t)config->host_processes, max * PIDS_SHARE_PCT / 100);
	return config->host_processes;
}

/* A limit that this host does not let us set is a layer that it lacks. */
static int set_limit(struct ms_capacity *c, enum ms_controller controller, uint64_t value,
		     uint64_t *ret, struct ms_error *err)
{
	static const enum ms_opt_layer layers[MS_CONTROLLER_COUNT] = {
		[MS_CGROUP_CPU] = MS_OPT_CGROUP_CPU,
		[MS_CGROUP_MEMORY] = MS_OPT_CGROUP_MEMORY,
		[MS_CGROUP_PIDS] = MS_OPT_CGROUP_PIDS,
	};
	const char *layer = ms_opt_layer_word(layers[controller]);
	int r = ms_cgroups_share(c->s->launcher->cgroups, controller, value, ret, err);

	if (r == 0)
		return 0;
	if (c->s->config->optional[layers[controller]]) {
		ms_log(MS_LOG_WARNING, "no limit above all modules: %s; %s is optional here",
		       err->msg, layer);
		*err = MS_ERROR_INIT;
		*ret = 0;
		return 0;
	}
	err->reason = MS_REASON_HOST_LACKS;
	return ms_error_hint(err,
			     "all modules together need a limit; where that cannot be had: "
			     "\"optionalLayers\": [\"%s\"]",
			     layer);
}

/* The row that is there since the start, or a new one; NULL: there is no room. */
static struct ms_check *find_row(struct ms_host_report *host)
{
	for (uint32_t i = 0; i < host->n_checks; i++) {
		if (strcmp(host->checks[i].layer, ROW) == 0)
			return &host->checks[i];
	}
	return host->n_checks < MS_ARRAY_LEN(host->checks) ? &host->checks[host->n_checks++] : NULL;
}

/* A row of host.check: what was set, next to what was probed. */
static void tell_host(struct ms_capacity *c)
{
	struct ms_host_report *host = c->s->host;
	const struct ms_admission *a = &c->a;
	char limit[MS_UNITS_BRIEF_BYTES], total[MS_UNITS_BRIEF_BYTES];
	bool whole = a->limit && a->processes_limit && c->weight;
	struct ms_check *check;

	check = host ? find_row(host) : NULL;
	if (!check)
		return;
	*check =
		(struct ms_check){.layer = ROW, .verdict = whole ? MS_CHECK_OK : MS_CHECK_DEGRADED};
	(void)snprintf(check->found, sizeof(check->found),
		       "all modules: memory %s of %s, %llu processes, cpu weight %u%s",
		       a->limit ? ms_units_brief(a->limit, limit) : "without limit",
		       ms_units_brief(a->total, total), (unsigned long long)a->processes_limit,
		       c->weight, whole ? "" : " (0 = not set)"); /* a cut text is still one */
	(void)snprintf(check->probed, sizeof(check->probed),
		       "limits written to the group above all modules"); /* fits */
	if (!whole)
		(void)snprintf(check->advice, sizeof(check->advice),
			       "all modules together can take this host's %s: find out why its "
			       "cgroup controllers are missing",
			       a->limit ? "processors or processes" : "memory"); /* fits */
}

int ms_capacity_apply(struct ms_capacity *c, struct ms_error *err)
{
	const struct ms_config *config = c->s->config;
	struct ms_admission *a = &c->a;
	uint64_t weight = 0;
	int r;

	a->total = total_memory(c->s->launcher->cgroups);
	a->reserve = ms_admission_reserve(a->total, config->reserve_memory);
	if (a->reserve < config->reserve_memory)
		ms_log(MS_LOG_WARNING,
		       "host.reserve.memory is more than half of what there is: half it is");
	a->overcommit_pct = config->overcommit_memory;
	c->wanted = a->total - a->reserve;
	c->read_usec = 0;
	err->step = MS_STEP_CGROUP;
	r = set_limit(c, MS_CGROUP_MEMORY, c->wanted, &a->limit, err);
	if (r == 0)
		r = set_limit(c, MS_CGROUP_PIDS, most_processes(config), &a->processes_limit, err);
	if (r == 0)
		r = set_limit(c, MS_CGROUP_CPU, config->host_cpu_weight, &weight, err);
	if (r < 0)
		return r;
	c->weight = (uint32_t)weight;
	err->step = MS_STEP_NONE;
	tell_host(c);
	if (a->limit > c->wanted)
		ms_log(MS_LOG_WARNING,
		       "the modules use more memory than they may have together: the limit comes "
		       "down as they do");
	return 0;
}

int ms_capacity_new(struct ms_supervisor *s, struct ms_capacity **ret, struct ms_error *err)
{
	struct ms_capacity *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return ms_error_set(err, ENOMEM, "capacity");
	c->s = s;
	r = ms_capacity_apply(c, err);
	if (r < 0) {
		(void)ms_capacity_free(c); /* always NULL */
		return r;
	}
	*ret = c;
	return 0;
}

struct ms_capacity *ms_capacity_free(struct ms_capacity *c)
{
	free(c);
	return NULL;
}

/* -- the figures -- */

static void add_limit(void *data, const char *name, uint64_t limit, uint64_t used)
{
	struct ms_capacity *c = data;

	(void)name;
	(void)used;
	if (limit >= UNLIMITED_FROM)
		return; /* being made: its own start was counted when it was admitted */
	if (__builtin_add_overflow(c->a.sum_of_limits, limit, &c->a.sum_of_limits))
		c->a.sum_of_limits = UINT64_MAX;
	c->n_limits++;
}

static uint64_t available_memory(void)
{
	char text[SMALL_FILE];
	ssize_t n = read_small("/proc/meminfo", text, sizeof(text) - 1);
	const char *p;
	uint64_t kib;

	text[n > 0 ? n : 0] = '\0';
	p = strstr(text, "MemAvailable:");
	p = p ? p + strlen("MemAvailable:") : NULL;
	p = p ? p + strspn(p, " ") : NULL;
	if (!p || ms_parse_u64(p, strspn(p, "0123456789"), 0, UINT64_MAX / 1024, &kib) < 0)
		return UINT64_MAX; /* not known: no reason to refuse */
	return kib * 1024;
}

static void read_disk(struct ms_capacity *c)
{
	struct statvfs fs;

	c->a.disk_total = c->a.disk_free = 0;
	if (statvfs(c->s->state_dir, &fs) < 0)
		return;
	c->a.disk_total = (uint64_t)fs.f_blocks * fs.f_frsize;
	c->a.disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
	c->a.disk_reserve = ms_admission_disk_reserve(c->a.disk_total, c->s->config->reserve_disk);
}

static void refresh(struct ms_capacity *c, uint64_t older_than_usec)
{
	const struct ms_cgroups *cgroups = c->s->launcher->cgroups;
	const uint64_t now = now_usec();
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroups_use use;
	char text[512];
	ssize_t n;

	if (c->read_usec && now - c->read_usec < older_than_usec)
		return;
	c->read_usec = now;
	if (c->a.limit > c->wanted) /* was above its usage when it was set */
		MS_IGNORE(ms_cgroups_share(cgroups, MS_CGROUP_MEMORY, c->wanted, &c->a.limit,
					   &err)); /* and again the next time */
	ms_cgroups_use(cgroups, &use);
	c->a.used = use.memory_bytes;
	c->a.processes = use.processes;
	c->a.available = available_memory();
	n = read_small("/proc/pressure/memory", text, sizeof(text));
	c->a.has_pressure = n > 0 && ms_admission_pressure(text, (size_t)n, &c->a.some, &c->a.full);
	read_disk(c);
	c->a.sum_of_limits = 0;
	c->n_limits = 0;
	ms_cgroups_each(cgroups, MS_CGROUP_MEMORY, /* with_use= */ false, add_limit, c);
}

/* -- who uses most -- */

struct largest {
	struct user users[LARGEST];
	bool by_limit;
};

static void sort_in(void *data, const char *name, uint64_t limit, uint64_t used)
{
	struct largest *l = data;
	uint64_t figure = !l->by_limit ? used : limit >= UNLIMITED_FROM ? 0 : limit;

	for (uint32_t i = 0; i < LARGEST; i++) {
		if (figure <= l->users[i].figure)
			continue;
		memmove(&l->users[i + 1], &l->users[i], (LARGEST - 1 - i) * sizeof(l->users[0]));
		l->users[i].figure = figure;
		(void)snprintf(l->users[i].instance, sizeof(l->users[i].instance), "%s",
			       name); /* instances are 16 bytes */
		return;
	}
}

/* "shop-mail 120M", or with a tenant "shop-mail@acme 120M". */
static void name_user(struct ms_supervisor *s, const struct user *user, bool is_size,
		      struct ms_buf *out)
{
	const struct ms_str id = {.p = user->instance, .len = strlen(user->instance)};
	const struct ms_str none = {.p = "", .len = 0};
	struct ms_instance *i = ms_instance_find(s, id, none, none);
	char name[2 * MS_MAX_TENANT_BYTES], size[MS_UNITS_BRIEF_BYTES];
	struct ms_instance_view v = {.module = id};
	bool has_tenant;

	if (i)
		ms_instance_view(i, &v);
	if (!v.module.len)
		v.module = id;
	has_tenant = v.tenant.len && (v.tenant.len != 7 || memcmp(v.tenant.p, "default", 7) != 0);
	(void)snprintf(name, sizeof(name), "%.*s%s%.*s", (int)v.module.len, v.module.p,
		       has_tenant ? "@" : "", has_tenant ? (int)v.tenant.len : 0,
		       has_tenant ? v.tenant.p : ""); /* cut is enough */
	if (is_size)
		ms_buf_addf(out, "%.*s %s", (int)NAME_BYTES, name,
			    ms_units_brief(user->figure, size));
	else
		ms_buf_addf(out, "%.*s %llu", (int)NAME_BYTES, name,
			    (unsigned long long)user->figure);
}

/* "; most have a 1.0G, b 900M, c 12M", nothing when there is nobody. */
static void name_largest(struct ms_supervisor *s, enum ms_controller controller, bool by_limit,
			 struct ms_buf *out)
{
	struct largest l = {.by_limit = by_limit};

	/* a backend is told why its start was refused, and others are not there for it */
	if (ms_peers_have_scopes(s->config))
		return;
	ms_cgroups_each(s->launcher->cgroups, controller, !l.by_limit, sort_in, &l);
	for (uint32_t i = 0; i < LARGEST && l.users[i].figure; i++) {
		ms_buf_adds(out, i ? ", " : "; most have ");
		name_user(s, &l.users[i], controller == MS_CGROUP_MEMORY, out);
	}
}

/* -- may one more start? -- */

static void say_figures(struct ms_capacity *c, enum ms_admission_refusal refusal, uint64_t wanted,
			struct ms_buf *out)
{
	const struct ms_admission *a = &c->a;
	char x[MS_UNITS_BRIEF_BYTES], y[MS_UNITS_BRIEF_BYTES], z[MS_UNITS_BRIEF_BYTES];

	ms_buf_addf(out, "%s: ", ms_admission_word(refusal));
	switch (refusal) {
	case MS_ADMISSION_MEMORY:
		ms_buf_addf(out, "modules use %s of %s, more than %u %%",
			    ms_units_brief(a->used, x), ms_units_brief(a->limit, y),
			    MS_ADMISSION_MEMORY_PCT);
		name_largest(c->s, MS_CGROUP_MEMORY, /* by_limit= */ false, out);
		return;
	case MS_ADMISSION_LIMITS:
		ms_buf_addf(out, "%s promised and %s more, of %s",
			    ms_units_brief(a->sum_of_limits, x), ms_units_brief(wanted, y),
			    ms_units_brief(ms_admission_promised(a), z));
		name_largest(c->s, MS_CGROUP_MEMORY, /* by_limit= */ true, out);
		return;
	case MS_ADMISSION_PRESSURE:
		ms_buf_addf(out, "tasks waited %u %% of the last 10 s, %s available",
			    (a->some > a->full ? a->some : a->full) / 100,
			    ms_units_brief(a->available, x));
		name_largest(c->s, MS_CGROUP_MEMORY, /* by_limit= */ false, out);
		return;
	case MS_ADMISSION_PROCESSES:
		ms_buf_addf(out, "modules have %llu of %llu, more than %u %%",
			    (unsigned long long)a->processes,
			    (unsigned long long)a->processes_limit, MS_ADMISSION_PROCESSES_PCT);
		name_largest(c->s, MS_CGROUP_PIDS, /* by_limit= */ false, out);
		return;
	case MS_ADMISSION_DISK:
		ms_buf_addf(out, "%s free where the state is, of a reserve of %s",
			    ms_units_brief(a->disk_free, x), ms_units_brief(a->disk_reserve, y));
		return;
	case MS_ADMISSION_OK:
	case MS_ADMISSION_COUNT:
		return;
	}
}

static const char *advice(enum ms_admission_refusal refusal)
{
	switch (refusal) {
	case MS_ADMISSION_MEMORY:
	case MS_ADMISSION_PRESSURE:
		return "stop some modules, or lower host.reserve.memory in modsupd.json; modsupctl "
		       "capacity shows all figures";
	case MS_ADMISSION_LIMITS:
		return "stop some modules, lower their limits.memory, or raise "
		       "host.overcommit.memory in modsupd.json; see modsupctl capacity";
	case MS_ADMISSION_PROCESSES:
		return "stop some modules, or raise host.processes in modsupd.json; modsupctl "
		       "capacity shows all figures";
	case MS_ADMISSION_DISK:
		return "make room there, or lower host.reserve.disk in modsupd.json; modsupctl "
		       "capacity shows all figures";
	case MS_ADMISSION_OK:
	case MS_ADMISSION_COUNT:
		break;
	}
	return "";
}

static int refuse(struct ms_capacity *c, enum ms_admission_refusal refusal, uint64_t wanted,
		  struct ms_error *err)
{
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1024);

	say_figures(c, refusal, wanted, &text);
	(void)ms_error_say(err, EBUSY, MS_REASON_HOST_FULL, "%s",
			   text.data && !text.error ? text.data : ms_admission_word(refusal));
	return ms_error_hint(err, "%s", advice(refusal));
}

int ms_capacity_admit(struct ms_supervisor *s, const struct ms_policy *policy, struct ms_error *err)
{
	const uint64_t wanted = policy ? policy->limits[MS_LIMIT_MEMORY] : 0;
	struct ms_capacity *c = s->capacity;
	enum ms_admission_refusal refusal;
	int r;

	err->step = MS_STEP_ADMIT;
	r = ms_emergency_admit(s->emergency, err);
	if (r < 0)
		return r;
	refresh(c, STALE_USEC);
	refusal = ms_admission_decide(&c->a, wanted);
	if (refusal != MS_ADMISSION_OK) {
		refresh(c, STALE_NO_USEC);
		refusal = ms_admission_decide(&c->a, wanted);
	}
	if (refusal != MS_ADMISSION_OK)
		return refuse(c, refusal, wanted, err);
	/* those of the same second see it, too; the next look finds its group */
	c->a.sum_of_limits += MS_MIN(wanted, UINT64_MAX - c->a.sum_of_limits);
	c->n_limits += wanted > 0;
	err->step = MS_STEP_NONE;
	return 0;
}

/* -- capacity.get -- */

static void write_memory(const struct ms_admission *a, struct ms_jw *jw)
{
	ms_jw_object(jw, "memory");
	ms_jw_uint(jw, "totalBytes", a->total);
	ms_jw_uint(jw, "reserveBytes", a->reserve);
	ms_jw_uint(jw, "limitBytes", a->limit);
	ms_jw_uint(jw, "usedBytes", a->used);
	ms_jw_uint(jw, "availableBytes", a->available);
	ms_jw_uint(jw, "promisedBytes", a->sum_of_limits);
	ms_jw_uint(jw, "promisedMaxBytes", ms_admission_promised(a));
	if (a->has_pressure) {
		ms_jw_object(jw, "pressure");
		ms_jw_textf(jw, "some", "%u.%02u", a->some / 100, a->some % 100);
		ms_jw_textf(jw, "full", "%u.%02u", a->full / 100, a->full % 100);
		ms_jw_end(jw);
	} else {
		ms_jw_null(jw, "pressure");
	}
	ms_jw_end(jw);
}

static void write_fit(const struct ms_capacity *c, struct ms_jw *jw)
{
	const struct ms_admission *a = &c->a;
	uint64_t typical = c->n_limits ? a->sum_of_limits / c->n_limits : TYPICAL_BYTES;
	uint32_t live = ms_instances_live(c->s->instances);
	uint64_t room = c->s->config->max_instances - MS_MIN(c->s->config->max_instances, live);
	uint64_t fit = ms_admission_fit(a, typical);
	enum ms_admission_refusal refusal = ms_admission_decide(a, 0);

	ms_jw_object(jw, "instances");
	ms_jw_uint(jw, "live", live);
	ms_jw_uint(jw, "max", c->s->config->max_instances);
	ms_jw_uint(jw, "typicalBytes", typical);
	ms_jw_uint(jw, "fit", MS_MIN(fit, room));
	ms_jw_end(jw);
	if (refusal == MS_ADMISSION_OK)
		ms_jw_null(jw, "full");
	else
		ms_jw_text(jw, "full", ms_admission_word(refusal));
}

static void write_rest(const struct ms_capacity *c, struct ms_jw *jw)
{
	const struct ms_admission *a = &c->a;
	uint32_t launching, waiting, limit;

	ms_jw_object(jw, "processes");
	ms_jw_uint(jw, "used", a->processes);
	ms_jw_uint(jw, "limit", a->processes_limit);
	ms_jw_end(jw);
	ms_jw_object(jw, "cpu");
	ms_jw_int(jw, "count", c->s->launcher->host->n_cpus);
	ms_jw_uint(jw, "weight", c->weight);
	ms_jw_end(jw);
	ms_jw_object(jw, "disk");
	ms_jw_text(jw, "path", c->s->state_dir);
	ms_jw_uint(jw, "freeBytes", a->disk_free);
	ms_jw_uint(jw, "totalBytes", a->disk_total);
	ms_jw_uint(jw, "reserveBytes", a->disk_reserve);
	ms_jw_end(jw);
	ms_instances_queue(c->s, &launching, &waiting, &limit);
	ms_jw_object(jw, "starts");
	ms_jw_uint(jw, "launching", launching);
	ms_jw_uint(jw, "waiting", waiting);
	ms_jw_uint(jw, "limit", limit);
	ms_jw_end(jw);
}

void ms_capacity_write(struct ms_supervisor *s, struct ms_jw *jw)
{
	struct ms_capacity *c = s->capacity;

	refresh(c, STALE_NO_USEC);
	write_memory(&c->a, jw);
	write_rest(c, jw);
	write_fit(c, jw);
	ms_emergency_write(s->emergency, jw, "emergency");
}
