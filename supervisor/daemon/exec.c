/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec.c - the table of commands in instances. What box-exec.c does is decided and told here:
 * whether it may run, that it runs, how it ended. An instance that ends takes its commands with it
 * by itself, so that this table needs no word from instance.c: an instance is looked up by its id
 * each time it is needed.
 */
#include "supervisor/daemon/exec.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/fs.h"
#include "policy/policy.h"
#include "supervisor/daemon/box-exec.h"
#include "supervisor/daemon/box.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/stdio.h"
#include "supervisor/daemon/supervisor.h"

#define START_TIMEOUT_USEC (20u * 1000000u)
#define MAX_TOLD_ARGS	   4096u /* bytes of a command in an event */

struct ms_exec {
	struct ms_exec *next;
	struct ms_supervisor *s; /* borrowed */
	char id[17], instance[17];
	ms_exec_fn fn; /* NULL once it was called, or is not wanted any more */
	ms_exec_end_fn end_fn;
	void *data;
	const void *owner;	 /* NULL once it has gone */
	struct ms_box_exec *run; /* owned */
	struct ms_stdio_ends streams;
	bool started;
};

struct ms_execs {
	struct ms_exec *first; /* owned, in no order that matters */
};

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

/* -- the table -- */

static uint32_t count_of(const struct ms_execs *t, struct ms_str instance)
{
	uint32_t n = 0;

	for (const struct ms_exec *x = t->first; x; x = x->next)
		n += instance.len == strlen(x->instance) &&
		     memcmp(instance.p, x->instance, instance.len) == 0;
	return n;
}

static void drop(struct ms_exec *x)
{
	struct ms_exec **at = &x->s->execs->first;

	while (*at && *at != x)
		at = &(*at)->next;
	if (*at)
		*at = x->next;
	ms_stdio_close_module(&x->streams);
	ms_stdio_close_client(&x->streams);
	x->run = ms_box_exec_free(x->run);
	free(x);
}

struct ms_execs *ms_execs_free(struct ms_execs *execs)
{
	if (!execs)
		return NULL;
	while (execs->first)
		drop(execs->first);
	free(execs);
	return NULL;
}

static struct ms_instance *find(const struct ms_exec *x)
{
	return ms_instance_find(x->s, str(x->instance), str(""), str(""));
}

/* -- what is told -- */

static void emit(const struct ms_exec *x, const char *type, struct ms_jw *take_jw)
{
	const struct ms_instance *i = find(x);
	struct ms_instance_view view;
	struct ms_event_head head = {.type = type, .instance = str(x->instance)};

	if (i) {
		ms_instance_view(i, &view);
		head.module = view.module;
		head.version = view.version;
		head.tenant = view.tenant;
		head.tier = str(ms_tier_word(view.tier));
		head.labels = view.labels;
	}
	ms_event_emit(x->s->events, &head, take_jw); /* NULL, out of memory, becomes a gap */
}

/* As much of a text as there is room for, cut at a character's end. */
static struct ms_str cut(struct ms_str text, size_t room)
{
	size_t n = MS_MIN(text.len, room);

	while (n > 0 && n < text.len && (text.p[n] & 0xc0) == 0x80)
		n--;
	return (struct ms_str){.p = text.p, .len = n};
}

static void write_command(const struct ms_exec_request *req, struct ms_jw *jw)
{
	size_t room = MAX_TOLD_ARGS;
	bool whole = true;

	ms_jw_array(jw, "command");
	for (uint32_t n = 0; n < req->n_command; n++) {
		struct ms_str arg = cut(req->command[n], room);

		whole = whole && arg.len == req->command[n].len;
		if (whole || arg.len)
			ms_jw_str(jw, NULL, arg);
		room -= arg.len;
	}
	ms_jw_end(jw);
	if (!whole)
		ms_jw_bool(jw, "commandCut", true);
}

static void emit_exec(const struct ms_exec *x, const struct ms_exec_request *req)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "exec", x->id);
		ms_jw_uint(jw, "uid", req->uid);
		ms_jw_uint(jw, "pid", (uint64_t)req->pid);
		write_command(req, jw);
		ms_jw_bool(jw, "tty", req->tty);
		ms_jw_end(jw);
	}
	emit(x, "instance.exec-asked", jw);
}

static void emit_exited(const struct ms_exec *x, const struct ms_box_exec_end *end)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "exec", x->id);
		if (!end->exited) {
			ms_jw_text(jw, "reason", ms_reason_word(end->error.reason));
			ms_jw_text(jw, "step", ms_step_word(end->error.step));
			ms_jw_text(jw, "message", end->error.msg);
		} else if (end->exit.kind == MS_EXIT_CODE) {
			ms_jw_uint(jw, "code", end->exit.value);
		} else {
			const char *name = sigabbrev_np(end->exit.value);

			ms_jw_uint(jw, "signal", end->exit.value);
			if (name)
				ms_jw_textf(jw, "signalName", "SIG%s", name);
			else
				ms_jw_textf(jw, "signalName", "SIGRT%u", end->exit.value);
		}
		ms_jw_end(jw);
	}
	emit(x, "instance.exec-exited", jw);
}

/* -- from the box -- */

static int on_parked(void *data, int listener, int taken, struct ms_error *err)
{
	struct ms_exec *x = data;
	const struct ms_instance *i = find(x);
	struct ms_box *box = i ? ms_instance_box(i) : NULL;
	int r;

	if (!box)
		return ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING,
				    "the instance ended before the command ran");
	r = listener < 0 ? -EPROTO : ms_box_listen_to(box, listener, taken);
	return r < 0 ? ms_error_set(err, -r, "hand the command's listener to the shim") : 0;
}

static void answer(struct ms_exec *x, const struct ms_error *error)
{
	ms_exec_fn fn = x->fn;

	x->fn = NULL;
	if (fn)
		fn(x->data, x->id, error, x->streams.client, error ? 0 : x->streams.n_client);
	ms_stdio_close_client(&x->streams); /* taken, or never to be asked for again */
}

static void on_started(void *data, uint32_t pid MS_UNUSED)
{
	struct ms_exec *x = data;

	x->started = true;
	answer(x, NULL);
	if (!x->owner) /* it went while the command was on its way */
		ms_box_exec_kill(x->run);
}

static void on_end(void *data, const struct ms_box_exec_end *end)
{
	struct ms_exec *x = data;
	const struct ms_exec_end told = {
		.exec = str(x->id),
		.instance = str(x->instance),
		.by_signal = end->exited && end->exit.kind == MS_EXIT_SIGNAL,
		.value = end->exit.value,
		.error = end->exited ? NULL : &end->error,
	};

	emit_exited(x, end);
	if (!x->started)
		answer(x, &end->error);
	else if (x->owner)
		x->end_fn(x->owner, &told);
	drop(x);
}

/* -- what the control socket asks -- */

static int new_id(char id[static 17], struct ms_error *err)
{
	uint8_t random[8];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return ms_error_set(err, EIO, "random bytes for the command");
	for (size_t n = 0; n < sizeof(random); n++)
		(void)snprintf(id + 2 * n, 3, "%02x", random[n]); /* always fits */
	return 0;
}

/* Between the change of id and the filter the command must not be readable by the module, which has
 * that id. The kernel sees to it, unless this says that such processes may be dumped by their user.
 */
static int check_dumpable(struct ms_error *err)
{
	char value[8] = "";
	ms_auto_fd int fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : ms_fs_read_all(fd, value, sizeof(value) - 1);

	if (n < 0)
		return ms_error_set(err, (int)-n, "read fs.suid_dumpable");
	if (value[0] != '1')
		return 0;
	ms_error_say(err, EPERM, MS_REASON_HOST_LACKS,
		     "fs.suid_dumpable is 1 on this host: the module could read a command before "
		     "its filter is on");
	return ms_error_hint(err, "set the sysctl fs.suid_dumpable to 0 or 2");
}

static int admit(struct ms_supervisor *s, const struct ms_instance_view *view, struct ms_error *err)
{
	int r = s->emergency ? ms_emergency_admit(s->emergency, err) : 0;

	if (r < 0)
		return r;
	if (view->state != MS_STATE_READY && view->state != MS_STATE_UNHEALTHY &&
	    view->state != MS_STATE_STARTING) {
		ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING,
			     "instance %.*s is %s: there is nothing to run a command in",
			     (int)view->instance.len, view->instance.p, ms_state_word(view->state));
		return ms_error_hint(err, "start the module first");
	}
	if (!view->pid) {
		ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING,
			     "the module of instance %.*s does not run yet",
			     (int)view->instance.len, view->instance.p);
		return ms_error_hint(err, "wait until it is ready, then ask again");
	}
	if (count_of(s->execs, view->instance) >= MS_MAX_EXECS)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY,
				    "%u commands run in this instance already, the most",
				    MS_MAX_EXECS);
	return check_dumpable(err);
}

static int open_streams(struct ms_exec *x, const struct ms_exec_request *req, struct ms_error *err)
{
	err->step = MS_STEP_FDS;
	return req->tty ? ms_stdio_terminal(req->tty_rows, req->tty_cols, &x->streams, err)
			: ms_stdio_pipes(&x->streams, err);
}

static int begin(struct ms_exec *x, const struct ms_exec_request *req, uint32_t main_pid,
		 struct ms_error *err)
{
	static const struct ms_box_exec_ops ops = {
		.on_parked = on_parked, .on_started = on_started, .on_end = on_end};
	struct ms_box *box = ms_instance_box(req->instance);
	struct ms_box_exec_spec spec = {
		.main_pid = main_pid,
		.argv = req->command,
		.n_argv = req->n_command,
		.env = req->env,
		.n_env = req->n_env,
		.tty = req->tty,
		.flag = x->s->emergency ? ms_emergency_flag(x->s->emergency) : -EBADF,
		.timeout_usec = START_TIMEOUT_USEC,
	};
	int r;

	if (!box)
		return ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING, "the instance has ended");
	r = open_streams(x, req, err);
	if (r < 0)
		return r;
	memcpy(spec.std, x->streams.module, sizeof(spec.std));
	r = ms_box_exec_open(x->s, box, &spec, &ops, x, &x->run, err);
	ms_stdio_close_module(&x->streams); /* the helper gets copies */
	return r;
}

int ms_exec_start(struct ms_supervisor *s, const struct ms_exec_request *req, ms_exec_fn fn,
		  ms_exec_end_fn end_fn, void *data, struct ms_error *err)
{
	struct ms_instance_view view;
	struct ms_exec *x;
	int r;

	if (!s->execs)
		s->execs = calloc(1, sizeof(*s->execs));
	x = s->execs ? calloc(1, sizeof(*x)) : NULL;
	if (!x)
		return ms_error_set(err, ENOMEM, "exec");
	*x = (struct ms_exec){.s = s,
			      .fn = fn,
			      .end_fn = end_fn,
			      .data = data,
			      .owner = req->owner,
			      .streams = MS_STDIO_ENDS_INIT};
	ms_instance_view(req->instance, &view);
	(void)snprintf(x->instance, sizeof(x->instance), "%.*s", (int)view.instance.len,
		       view.instance.p); /* at most 16 digits */
	err->step = MS_STEP_ADMIT;
	r = admit(s, &view, err);
	if (r == 0)
		r = new_id(x->id, err);
	if (r == 0)
		r = begin(x, req, view.pid, err);
	if (r < 0) {
		drop(x);
		return r;
	}
	err->step = MS_STEP_NONE;
	x->next = s->execs->first;
	s->execs->first = x;
	emit_exec(x, req); /* nothing of it runs before the loop goes on */
	return 0;
}

void ms_exec_forget_data(struct ms_supervisor *s, const void *data)
{
	for (struct ms_exec *x = s->execs ? s->execs->first : NULL; x; x = x->next) {
		if (x->fn && x->data == data)
			x->fn = NULL;
	}
}

bool ms_exec_cancel(struct ms_supervisor *s, const void *data)
{
	for (struct ms_exec *x = s->execs ? s->execs->first : NULL; x; x = x->next) {
		if (!x->fn || x->data != data)
			continue;
		x->fn = NULL;
		x->owner = NULL;
		ms_box_exec_kill(x->run); /* on_end follows, from the loop */
		return true;
	}
	return false;
}

void ms_exec_forget_owner(struct ms_supervisor *s, const void *owner)
{
	for (struct ms_exec *x = s->execs ? s->execs->first : NULL; x; x = x->next) {
		if (x->owner != owner)
			continue;
		x->owner = NULL;
		x->fn = NULL;
		ms_box_exec_kill(x->run); /* on_end follows, from the loop */
	}
}
