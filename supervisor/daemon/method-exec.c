/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-exec.c - instance.exec: a command inside a running instance, its streams with the answer,
 * its end as the notification exec.exited to the connection that asked. Called through the table of
 * rpc.c.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "policy/manifest-check.h"
#include "supervisor/daemon/exec.h"
#include "supervisor/daemon/method-instance.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"

enum exec_arg { ARG_COMMAND = MS_WHICH_COUNT, ARG_ENV, ARG_STDIO, ARG_TTY, ARG_COUNT };
enum exec_stdio { STDIO_PIPE, STDIO_TTY };

static const char *const exec_stdios[] = {"pipe", "tty", NULL};

static const struct ms_param exec_params[ARG_COUNT] = {
	[MS_WHICH_INSTANCE] = {.name = "instance", .type = MS_PARAM_INSTANCE},
	[MS_WHICH_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[MS_WHICH_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
	[ARG_COMMAND] = {.name = "command",
			 .type = MS_PARAM_TEXTS,
			 .required = true,
			 .min = 1,
			 .max = MS_MAX_ARGV},
	[ARG_ENV] = {.name = "env", .type = MS_PARAM_OBJECT},
	[ARG_STDIO] = {.name = "stdio", .type = MS_PARAM_WORD, .words = exec_stdios},
	[ARG_TTY] = {.name = "tty", .type = MS_PARAM_OBJECT},
};

enum tty_arg { TTY_ROWS, TTY_COLS, TTY_COUNT };

static const struct ms_param tty_params[TTY_COUNT] = {
	[TTY_ROWS] = {.name = "rows", .type = MS_PARAM_NUMBER, .min = 1, .max = MS_MAX_TTY_SIDE},
	[TTY_COLS] = {.name = "cols", .type = MS_PARAM_NUMBER, .min = 1, .max = MS_MAX_TTY_SIDE},
};

#define DEFAULT_TTY_ROWS 24
#define DEFAULT_TTY_COLS 80

/* One text of at most as many bytes as two of the parameters may have. */
#define MAX_KEPT_BYTES (MS_MAX_ENV * MS_MAX_PLAN_ENV_BYTES + MS_MAX_PLAN_ARG_BYTES)

static int read_tty(struct ms_call *call, const struct ms_json *object, struct ms_exec_request *req)
{
	struct ms_arg tty[TTY_COUNT];

	req->tty_rows = DEFAULT_TTY_ROWS;
	req->tty_cols = DEFAULT_TTY_COLS;
	if (!object)
		return 0;
	ms_params_read(call->doc, object, "tty", tty_params, TTY_COUNT, tty, call->report);
	if (call->report->n_diags || call->report->n_dropped)
		return -EINVAL; /* rpc.c tells what the report says */
	if (tty[TTY_ROWS].value)
		req->tty_rows = (uint16_t)tty[TTY_ROWS].number;
	if (tty[TTY_COLS].value)
		req->tty_cols = (uint16_t)tty[TTY_COLS].number;
	return 0;
}

/* As a manifest's: absolute, or the bundle's own file. */
static int read_command(const struct ms_json *command, struct ms_arena *arena,
			struct ms_exec_request *req, struct ms_error *err)
{
	for (size_t i = 0; i < ms_json_count(command); i++)
		req->command[req->n_command++] = ms_json_str(ms_json_at(command, i));
	if (req->n_command == 0 || !ms_check_command(req->command[0])) {
		ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
			     "command: the first text is a program's path, absolute or below the "
			     "module's folder, without '.' and '..' in it");
		return ms_error_hint(err, "for example \"/bin/sh\", or \"bin/tool\" of the module");
	}
	if (req->command[0].p[0] != '/')
		req->command[0] = ms_arena_strf(arena, "/module/%.*s", (int)req->command[0].len,
						req->command[0].p);
	return 0;
}

/* The rules of a manifest's variables hold here too. */
static int read_env(const struct ms_json *env, struct ms_arena *arena, struct ms_exec_request *req,
		    struct ms_error *err)
{
	for (size_t i = 0; env && i < ms_json_count(env); i++) {
		struct ms_str name;
		const struct ms_json *value = ms_json_member(env, i, &name);

		if (req->n_env == MS_MAX_ENV)
			return ms_error_say(err, E2BIG, MS_REASON_PARAMS_INVALID,
					    "env: more than %u variables", MS_MAX_ENV);
		if (!ms_check_env_name(name))
			return ms_error_say(
				err, EINVAL, MS_REASON_PARAMS_INVALID,
				"env: the name of variable %zu is none: letters, digits "
				"and '_', no digit first, at most %u bytes",
				i + 1, MS_MAX_ENV_NAME_BYTES);
		if (ms_check_env_reserved(name)) {
			ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				     "env: the name '%.*s' is reserved", (int)name.len, name.p);
			return ms_error_hint(err, "module.json(5) lists reserved names");
		}
		if (ms_json_type(value) != MS_JSON_STRING || !ms_check_arg(ms_json_str(value)))
			return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
					    "env: the value of '%.*s' is not a text of at most %u "
					    "bytes",
					    (int)name.len, name.p, MS_MAX_ARG_BYTES);
		req->env[req->n_env++] =
			ms_arena_strf(arena, "%.*s=%.*s", (int)name.len, name.p,
				      (int)ms_json_str(value).len, ms_json_str(value).p);
	}
	return 0;
}

static void answer_exec(void *data, const char *exec, const struct ms_error *error, int *fds,
			uint32_t n_fds)
{
	struct ms_call *call = data;
	struct ms_jw *jw;

	if (error) {
		struct ms_fault fault = {.error = *error};

		ms_call_refuse(call, &fault);
		return;
	}
	jw = ms_call_begin(call, n_fds);
	if (jw)
		ms_jw_text(jw, "exec", exec);
	ms_call_answer(call, jw, fds, n_fds);
}

static void write_end(const struct ms_exec_end *end, struct ms_jw *jw)
{
	const char *name = sigabbrev_np(end->value);

	ms_jw_str(jw, "exec", end->exec);
	ms_jw_str(jw, "instance", end->instance);
	if (end->error) {
		ms_jw_object(jw, "error");
		ms_jw_text(jw, "reason", ms_reason_word(end->error->reason));
		ms_jw_text(jw, "message", end->error->msg);
		ms_jw_end(jw);
		return;
	}
	ms_jw_object(jw, "exit");
	if (!end->by_signal)
		ms_jw_uint(jw, "code", end->value);
	else
		ms_jw_uint(jw, "signal", end->value);
	if (end->by_signal && name)
		ms_jw_textf(jw, "signalName", "SIG%s", name);
	else if (end->by_signal)
		ms_jw_textf(jw, "signalName", "SIGRT%u", end->value);
	ms_jw_end(jw);
}

/* The notification to whoever asked. Without memory for it the events and the streams' end tell. */
static void notify_end(const void *owner, const struct ms_exec_end *end)
{
	const struct ms_rpc_peer *peer = owner;
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	struct ms_rpc_line line = {.tail = "\n"};

	if (!jw)
		return;
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "jsonrpc", "2.0");
	ms_jw_text(jw, "method", "exec.exited");
	ms_jw_object(jw, "params");
	write_end(end, jw);
	ms_jw_end(jw);
	ms_jw_end(jw);
	line.head = ms_jw_take(jw, MS_JW_LINE, &line.head_len);
	if (line.head)
		peer->sink.send(peer->sink.data, &line);
}

static int run_exec(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	ms_auto(arena) struct ms_arena arena = MS_ARENA_INIT(MAX_KEPT_BYTES);
	struct ms_exec_request req = {
		.instance = ms_which_find(call, args, &fault->error),
		.tty = args[ARG_STDIO].value && args[ARG_STDIO].word == STDIO_TTY,
		.uid = call->peer->uid,
		.pid = call->peer->pid,
		.owner = call->peer,
	};
	int r;

	if (!req.instance)
		return fault->error.code;
	if (args[ARG_TTY].value && !req.tty)
		return ms_error_say(&fault->error, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"tty\" goes with \"stdio\": \"tty\" only");
	r = read_tty(call, args[ARG_TTY].value, &req);
	if (r == 0)
		r = read_command(args[ARG_COMMAND].value, &arena, &req, &fault->error);
	if (r == 0)
		r = read_env(args[ARG_ENV].value, &arena, &req, &fault->error);
	if (r == 0 && arena.error)
		r = ms_error_set(&fault->error, -arena.error, "keep the command");
	if (r < 0)
		return r;
	return ms_exec_start(call->peer->s, &req, answer_exec, notify_end, call, &fault->error);
}

static bool cancel_exec(struct ms_call *call)
{
	return ms_exec_cancel(call->peer->s, call);
}

static void forget_exec(struct ms_call *call)
{
	ms_exec_forget_data(call->peer->s, call);
}

const struct ms_method ms_method_instance_exec = {
	.name = "instance.exec",
	.role = MS_ROLE_ADMIN, /* what runs there is not what was looked at when the module was */
	.params = exec_params,
	.n_params = ARG_COUNT,
	/* no `key`: a command is its connection's, and its streams cannot be handed out twice */
	.run = run_exec,
	.cancel = cancel_exec,
	.forget = forget_exec,
};
