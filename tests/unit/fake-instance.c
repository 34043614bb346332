/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-instance.c - see fake-instance.h. */
#include "tests/unit/fake-instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/exec.h"
#include "supervisor/daemon/unit.h"

struct fake fake;
static char ids[FAKE_MAX][9];
static struct ms_instance {
	uint32_t number;
} instances[FAKE_MAX];

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

void fake_reset(void)
{
	fake = (struct fake){0};
	for (uint32_t i = 0; i < FAKE_MAX; i++) {
		instances[i].number = i + 1;
		(void)snprintf(ids[i], sizeof(ids[i]), "%08x", i + 1);
	}
}

static void keep(char *out, size_t out_len, struct ms_str text)
{
	(void)snprintf(out, out_len, "%.*s", (int)text.len, text.p ? text.p : "");
}

static void add_wait(struct fake_wait wait)
{
	ms_assert(fake.n_waits < FAKE_MAX);
	fake.waits[fake.n_waits++] = wait;
}

static void drop_wait(uint32_t i)
{
	memmove(&fake.waits[i], &fake.waits[i + 1], (fake.n_waits - i - 1) * sizeof(fake.waits[0]));
	fake.n_waits--;
}

void fake_answer(const struct ms_error *error, int *fds, uint32_t n_fds)
{
	struct fake_wait wait = fake.waits[0];
	struct ms_instance_view view;

	ms_assert(fake.n_waits > 0);
	drop_wait(0);
	ms_instance_view(&instances[0], &view);
	if (wait.view)
		wait.view(wait.data, &view);
	else
		wait.start(wait.data,
			   &(struct ms_start_answer){
				   .view = &view, .error = error, .fds = fds, .n_fds = n_fds});
	for (uint32_t i = 0; i < n_fds; i++)
		fds[i] = ms_fd_close(fds[i]);
}

int ms_instance_start(struct ms_supervisor *s MS_UNUSED, const struct ms_start_request *req,
		      ms_start_fn fn, void *data, struct ms_error *err)
{
	if (fake.refuse_start)
		return ms_error_say(err, fake.refuse_start, MS_REASON_HOST_FULL, "no room");
	fake.last = *req;
	fake.n_started++;
	keep(fake.path, sizeof(fake.path), req->path);
	keep(fake.manifest, sizeof(fake.manifest), req->manifest);
	keep(fake.tenant, sizeof(fake.tenant), req->tenant);
	if (req->labels && ms_json_get(req->labels, "k"))
		keep(fake.label, sizeof(fake.label), ms_json_str(ms_json_get(req->labels, "k")));
	add_wait((struct fake_wait){.start = fn, .data = data});
	return 0;
}

struct ms_instance *ms_instance_find(struct ms_supervisor *s MS_UNUSED, struct ms_str instance,
				     struct ms_str module, struct ms_str tenant MS_UNUSED)
{
	for (uint32_t i = 0; i < fake.n_instances; i++)
		if (instance.len == 8 && memcmp(instance.p, ids[i], 8) == 0)
			return &instances[i];
	return module.len == 4 && memcmp(module.p, "demo", 4) == 0 ? &instances[0] : NULL;
}

int ms_instance_stop(struct ms_supervisor *s MS_UNUSED, struct ms_instance *i MS_UNUSED,
		     ms_view_fn fn, void *data, struct ms_error *err MS_UNUSED)
{
	add_wait((struct fake_wait){.view = fn, .data = data});
	return 0;
}

int ms_instance_restart(struct ms_supervisor *s MS_UNUSED, struct ms_instance *i MS_UNUSED,
			enum ms_wait wait MS_UNUSED, uint64_t timeout_usec MS_UNUSED,
			ms_start_fn fn, void *data, struct ms_error *err MS_UNUSED)
{
	add_wait((struct fake_wait){.start = fn, .data = data});
	return 0;
}

int ms_instance_kill(struct ms_supervisor *s MS_UNUSED, struct ms_instance *i MS_UNUSED,
		     uint8_t signo MS_UNUSED, ms_view_fn fn, void *data,
		     struct ms_error *err MS_UNUSED)
{
	add_wait((struct fake_wait){.view = fn, .data = data});
	return 0;
}

bool ms_instance_cancel(struct ms_supervisor *s MS_UNUSED, const void *data)
{
	for (uint32_t i = 0; i < fake.n_waits; i++) {
		if (fake.waits[i].data != data)
			continue;
		drop_wait(i);
		return true;
	}
	return false;
}

const char *ms_instance_step(const struct ms_supervisor *s MS_UNUSED, const void *data)
{
	for (uint32_t i = 0; i < fake.n_waits; i++)
		if (fake.waits[i].data == data && fake.waits[i].start)
			return fake.step;
	return NULL;
}

int ms_instance_wait(struct ms_supervisor *s MS_UNUSED, struct ms_instance *i MS_UNUSED,
		     ms_view_fn fn, void *data, struct ms_error *err MS_UNUSED)
{
	add_wait((struct fake_wait){.view = fn, .data = data});
	return 0;
}

void ms_instance_forget_owner(struct ms_supervisor *s MS_UNUSED, const void *owner)
{
	fake.n_owners_forgotten++;
	fake.owner_forgotten = owner;
}

void ms_instance_forget_data(struct ms_supervisor *s MS_UNUSED, const void *data)
{
	fake.n_data_forgotten++;
	for (uint32_t i = 0; i < fake.n_waits;)
		if (fake.waits[i].data == data)
			drop_wait(i);
		else
			i++;
}

int ms_exec_start(struct ms_supervisor *s MS_UNUSED, const struct ms_exec_request *req MS_UNUSED,
		  ms_exec_fn fn MS_UNUSED, ms_exec_end_fn end_fn MS_UNUSED, void *data MS_UNUSED,
		  struct ms_error *err)
{
	return ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING, "nothing runs here");
}

bool ms_exec_cancel(struct ms_supervisor *s MS_UNUSED, const void *data MS_UNUSED)
{
	return false;
}

void ms_exec_forget_data(struct ms_supervisor *s MS_UNUSED, const void *data MS_UNUSED)
{
}

void ms_exec_forget_owner(struct ms_supervisor *s MS_UNUSED, const void *owner MS_UNUSED)
{
}

uint64_t ms_instance_each(struct ms_supervisor *s MS_UNUSED, uint64_t after, uint32_t limit,
			  ms_view_fn fn, void *data)
{
	struct ms_instance_view view;

	for (uint64_t i = after; i < fake.n_instances; i++) {
		if (limit-- == 0)
			return i;
		ms_instance_view(&instances[i], &view);
		fn(data, &view);
	}
	return 0;
}

void ms_instance_view(const struct ms_instance *i, struct ms_instance_view *ret)
{
	static const struct ms_narrowing narrowing = {
		.key = {"limits.memory", 13},
		.asked = {"1G", 2},
		.granted = {"256M", 4},
		.why = {"tier community", 14},
	};

	*ret = (struct ms_instance_view){
		.instance = str(ids[i->number - 1]),
		.module = str("demo"),
		.version = str("1.0.0"),
		.tenant = str("default"),
		.state = i->number == 2 ? MS_STATE_STOPPED : MS_STATE_READY,
		.reason = "",
		.generation = 1,
		.since_usec = 1767323045678901u,
		.pid = 4711,
		.narrowings = &narrowing,
		.n_narrowings = 1,
		.exit = {.ended = i->number == 2, .by_signal = true, .value = 9, .cause = "memory"},
	};
	ret->status = str(fake.status ? fake.status : "");
	ret->sockets[0].name = str("http");
	ret->sockets[0].path = str("/run/x/http.sock");
	ret->n_sockets = 1;
}

int ms_emergency_stop(struct ms_emergency *e MS_UNUSED, struct ms_str reason,
		      const char *by MS_UNUSED, uint32_t *ret_killed,
		      struct ms_error *err MS_UNUSED)
{
	keep(fake.emergency, sizeof(fake.emergency), reason);
	*ret_killed = fake.n_instances;
	return 0;
}

void ms_capacity_write(struct ms_supervisor *s MS_UNUSED, struct ms_jw *jw)
{
	ms_jw_null(jw, "full");
}

int ms_capacity_apply(struct ms_capacity *c MS_UNUSED, struct ms_error *err MS_UNUSED)
{
	return 0;
}

int ms_emergency_lift(struct ms_emergency *e MS_UNUSED, const char *by MS_UNUSED, bool *ret_was_up,
		      struct ms_error *err MS_UNUSED)
{
	*ret_was_up = fake.emergency[0];
	fake.emergency[0] = '\0';
	return 0;
}

void ms_emergency_write(struct ms_emergency *e MS_UNUSED, struct ms_jw *jw, const char *key)
{
	if (fake.emergency[0])
		ms_jw_text(jw, key, fake.emergency);
	else
		ms_jw_null(jw, key);
}

const char *ms_state_word(enum ms_state state)
{
	return state == MS_STATE_STOPPED ? "stopped" : "ready";
}

/* Logs "0" and "1" in a folder that the test has made. */
int ms_state_read_logs(struct ms_folders *state MS_UNUSED, const char *instance MS_UNUSED,
		       int ret_fds[static 2], struct ms_error *err)
{
	if (!fake.log_dir)
		return ms_error_set(err, ENOENT, "logs");
	ret_fds[0] = openat(fake.log_dir, "0", O_RDONLY | O_CLOEXEC);
	ret_fds[1] = openat(fake.log_dir, "1", O_RDONLY | O_CLOEXEC);
	return 0;
}

void ms_units_regroup(struct ms_supervisor *s MS_UNUSED)
{
}
