/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-start.c - instance.start: the request as instance.c wants it, and its answer, with
 * descriptors when the module's stdio was asked for. Called through the table of rpc.c.
 */
#include <string.h>

#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/method-instance.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"

enum start_arg {
	ARG_MODULE,
	ARG_PATH,
	ARG_MANIFEST,
	ARG_BUNDLE,
	ARG_COMMAND,
	ARG_TIER,
	ARG_TENANT,
	ARG_WAIT,
	ARG_TIMEOUT,
	ARG_LABELS,
	ARG_STDIO,
	ARG_TTY,
	ARG_ATTACHED,
	ARG_COUNT
};

/* In the order of enum ms_tier, ms_wait and ms_stdio. */
static const char *const tiers[] = {"community", "verified", "private", NULL};
static const char *const waits[] = {"ready", "spawned", "no", NULL};
static const char *const stdios[] = {"log", "pipe", "tty", NULL};

static const struct ms_param start_params[ARG_COUNT] = {
	[ARG_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[ARG_PATH] = {.name = "path", .type = MS_PARAM_PATH},
	[ARG_MANIFEST] = {.name = "manifest",
			  .type = MS_PARAM_TEXT,
			  .min = 1,
			  .max = MS_MAX_MANIFEST_BYTES},
	[ARG_BUNDLE] = {.name = "bundle", .type = MS_PARAM_PATH},
	[ARG_COMMAND] = {.name = "command", .type = MS_PARAM_TEXTS, .min = 1, .max = MS_MAX_ARGV},
	[ARG_TIER] = {.name = "tier", .type = MS_PARAM_WORD, .words = tiers},
	[ARG_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
	[ARG_WAIT] = {.name = "wait", .type = MS_PARAM_WORD, .words = waits},
	[ARG_TIMEOUT] = {.name = "timeout",
			 .type = MS_PARAM_DURATION,
			 .min = 1000,
			 .max = MS_MAX_WAIT_USEC},
	[ARG_LABELS] = {.name = "labels", .type = MS_PARAM_LABELS},
	[ARG_STDIO] = {.name = "stdio", .type = MS_PARAM_WORD, .words = stdios},
	[ARG_TTY] = {.name = "tty", .type = MS_PARAM_OBJECT},
	[ARG_ATTACHED] = {.name = "attached", .type = MS_PARAM_BOOL},
};

enum tty_arg { TTY_ROWS, TTY_COLS, TTY_COUNT };

static const struct ms_param tty_params[TTY_COUNT] = {
	[TTY_ROWS] = {.name = "rows", .type = MS_PARAM_NUMBER, .min = 1, .max = MS_MAX_TTY_SIDE},
	[TTY_COLS] = {.name = "cols", .type = MS_PARAM_NUMBER, .min = 1, .max = MS_MAX_TTY_SIDE},
};

#define DEFAULT_TIMEOUT_USEC (30u * 1000000u)
#define DEFAULT_TTY_ROWS     24
#define DEFAULT_TTY_COLS     80

_Static_assert(MS_ARRAY_LEN(tiers) == MS_TIER_COUNT + 1, "one word a tier");

/* What one parameter says about another. */
static int check_together(const struct ms_arg *args, struct ms_error *err)
{
	if (args[ARG_PATH].value && args[ARG_MANIFEST].value)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "either \"path\" or \"manifest\" says what to start, not both");
	if (!args[ARG_PATH].value && !args[ARG_MANIFEST].value && !args[ARG_MODULE].value)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"module\", \"path\" or \"manifest\" says what to start, and "
				    "none is there");
	if (args[ARG_BUNDLE].value && !args[ARG_MANIFEST].value && !args[ARG_PATH].value)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"bundle\" goes with \"manifest\"; a module has its own");
	if (args[ARG_BUNDLE].value && args[ARG_PATH].value)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"bundle\" goes with \"manifest\"; \"path\" is the folder "
				    "itself");
	if (args[ARG_TTY].value && (!args[ARG_STDIO].value || args[ARG_STDIO].word != MS_STDIO_TTY))
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"tty\" goes with \"stdio\": \"tty\" only");
	return 0;
}

/* What only an administrator may say: it chooses the code that runs, or holds on to it. */
static int check_role(const struct ms_rpc_peer *peer, const struct ms_arg *args,
		      struct ms_error *err)
{
	static const enum start_arg forbidden[] = {ARG_PATH,	ARG_MANIFEST, ARG_BUNDLE,
						   ARG_COMMAND, ARG_TTY,      ARG_ATTACHED};
	const char *name = NULL;

	if (peer->role >= MS_ROLE_ADMIN)
		return 0;
	for (size_t i = 0; !name && i < MS_ARRAY_LEN(forbidden); i++)
		if (args[forbidden[i]].value)
			name = start_params[forbidden[i]].name;
	if (!name && args[ARG_STDIO].value && args[ARG_STDIO].word != MS_STDIO_LOG)
		name = "stdio";
	if (!name)
		return 0;
	MS_IGNORE(ms_error_say(err, EACCES, MS_REASON_ROLE_FORBIDS,
			       "instance.start: \"%s\"%s needs the role admin", name,
			       args[ARG_STDIO].value && strcmp(name, "stdio") == 0
				       ? " other than \"log\""
				       : "")); /* the next returns it */
	return ms_error_hint(err, "this connection has the role %s: it starts by \"module\"",
			     ms_role_word(peer->role));
}

/* A backend's own bounds: what it sees, and up to which tier. */
static int check_reach(const struct ms_rpc_peer *peer, const struct ms_start_request *req,
		       struct ms_error *err)
{
	enum ms_tier tier = req->tier_set ? req->tier : peer->s->config->default_tier;

	if (peer->role >= MS_ROLE_ADMIN)
		return 0;
	if (!ms_rpc_sees(peer, req->module, req->tenant))
		return ms_error_say(err, ENOENT, MS_REASON_NOT_FOUND, "there is no module '%.*s'",
				    (int)req->module.len, req->module.p);
	if (tier <= ms_rpc_max_tier(peer))
		return 0;
	MS_IGNORE(ms_error_say(err, EACCES, MS_REASON_TIER_FORBIDS,
			       "instance.start: the tier %s%s is above this connection's maxTier, "
			       "%s",
			       ms_tier_word(tier), req->tier_set ? "" : " (the host's default)",
			       ms_tier_word(ms_rpc_max_tier(peer)))); /* the next returns it */
	return ms_error_hint(err, "give \"tier\", or have maxTier of the peer's entry raised");
}

static int read_tty(struct ms_call *call, const struct ms_json *object,
		    struct ms_start_request *req)
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

/* Parameters that stand alone. */
static void read_plain(const struct ms_call *call, const struct ms_arg *args,
		       struct ms_start_request *req)
{
	const struct ms_json *command = args[ARG_COMMAND].value;

	*req = (struct ms_start_request){
		.module = args[ARG_MODULE].str,
		.path = args[ARG_PATH].str,
		.manifest = args[ARG_MANIFEST].str,
		.bundle = args[ARG_BUNDLE].str,
		.tier_set = args[ARG_TIER].value != NULL,
		.tier = (enum ms_tier)args[ARG_TIER].word,
		.tenant = args[ARG_TENANT].str,
		.wait = (enum ms_wait)args[ARG_WAIT].word,
		.timeout_usec =
			args[ARG_TIMEOUT].value ? args[ARG_TIMEOUT].number : DEFAULT_TIMEOUT_USEC,
		.stdio = (enum ms_stdio)args[ARG_STDIO].word,
		.labels = args[ARG_LABELS].value,
		.owner = args[ARG_ATTACHED].yes ? call->peer : NULL,
	};
	for (size_t i = 0; command && i < ms_json_count(command); i++)
		req->command[req->n_command++] = ms_json_str(ms_json_at(command, i));
}

void ms_start_answer_call(void *data, const struct ms_start_answer *answer)
{
	struct ms_call *call = data;
	struct ms_jw *jw;

	if (answer->error || !answer->view) {
		struct ms_fault fault = {.report = answer->report};

		if (answer->view)
			fault.instance = answer->view->instance; /* start-timeout: it goes on */
		if (answer->error)
			fault.error = *answer->error;
		else
			MS_IGNORE(ms_error_set(&fault.error, EPROTO,
					       "start ended without an answer")); /* sent */
		ms_call_refuse(call, &fault);
		return;
	}
	jw = ms_call_begin(call, answer->n_fds);
	if (jw) {
		ms_view_members(answer->view, jw);
		ms_jw_bool(jw, "already", answer->view->already);
		ms_jw_bool(jw, "stale", answer->view->stale);
	}
	ms_call_answer(call, jw, answer->fds, answer->n_fds);
}

static int run_start(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_start_request req;
	int r;

	r = check_role(call->peer, args, &fault->error);
	if (r == 0)
		r = check_together(args, &fault->error);
	if (r < 0)
		return r;
	read_plain(call, args, &req);
	r = check_reach(call->peer, &req, &fault->error);
	if (r < 0)
		return r;
	r = read_tty(call, args[ARG_TTY].value, &req);
	if (r < 0)
		return r;
	return ms_instance_start(call->peer->s, &req, ms_start_answer_call, call, &fault->error);
}

/**
 * ms_start_step() - what a start or restart does now.
 * Return: a static word, or NULL.
 */
const char *ms_start_step(const struct ms_call *call, uint64_t *ret_done, uint64_t *ret_total)
{
	*ret_done = *ret_total = 0; /* its steps do not count */
	return ms_instance_step(call->peer->s, call);
}

static bool cancel_start(struct ms_call *call)
{
	return ms_instance_cancel(call->peer->s, call);
}

const struct ms_method ms_method_instance_start = {
	.name = "instance.start",
	.changes = true,
	.role = MS_ROLE_BACKEND, /* and admin for what names code: check_role() */
	.params = start_params,
	.n_params = ARG_COUNT,
	.run = run_start,
	.cancel = cancel_start,
	.step = ms_start_step,
};
