/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-instance.c - instance.stop, wait, show and list, and an instance as JSON. Starting has a
 * file of its own. Decides nothing about instances: instance.c does. Called through the table of
 * rpc.c.
 */
#include "supervisor/daemon/method-instance.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/num.h"
#include "policy/policy.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"

/* -- an instance as JSON -- */

static void write_exit(struct ms_jw *jw, const struct ms_exit *e)
{
	if (!e->ended)
		return;
	ms_jw_object(jw, "exit");
	if (e->by_signal) {
		const char *name = sigabbrev_np(e->value);

		ms_jw_uint(jw, "signal", e->value);
		if (name)
			ms_jw_textf(jw, "signalName", "SIG%s", name);
		else
			ms_jw_textf(jw, "signalName", "SIGRT%u", e->value);
	} else {
		ms_jw_uint(jw, "code", e->value);
	}
	if (e->cause)
		ms_jw_text(jw, "cause", e->cause);
	if (e->by && e->by[0])
		ms_jw_text(jw, "by", e->by);
	ms_jw_end(jw);
}

static void write_failure(struct ms_jw *jw, const struct ms_error *err)
{
	if (!err)
		return;
	ms_jw_object(jw, "error");
	ms_jw_text(jw, "reason", ms_reason_word(err->reason));
	ms_jw_text(jw, "message", err->msg);
	if (err->step != MS_STEP_NONE)
		ms_jw_text(jw, "step", ms_step_word(err->step));
	if (err->hint[0])
		ms_jw_text(jw, "hint", err->hint);
	ms_jw_end(jw);
}

static void write_lists(struct ms_jw *jw, const struct ms_instance_view *view)
{
	ms_jw_array(jw, "narrowings");
	for (uint32_t i = 0; i < view->n_narrowings; i++) {
		ms_jw_object(jw, NULL);
		ms_jw_str(jw, "key", view->narrowings[i].key);
		ms_jw_str(jw, "asked", view->narrowings[i].asked);
		ms_jw_str(jw, "granted", view->narrowings[i].granted);
		ms_jw_str(jw, "why", view->narrowings[i].why);
		ms_jw_end(jw);
	}
	ms_jw_end(jw);
	ms_jw_array(jw, "skippedLayers");
	for (uint32_t i = 0; i < view->n_skipped; i++)
		ms_jw_text(jw, NULL, view->skipped[i]);
	ms_jw_end(jw);
}

static void write_sockets(struct ms_jw *jw, const struct ms_instance_view *view)
{
	char name[64];

	ms_jw_object(jw, "sockets");
	for (uint32_t i = 0; i < view->n_sockets; i++) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)view->sockets[i].name.len,
			       view->sockets[i].name.p); /* socket names are short */
		ms_jw_str(jw, name, view->sockets[i].path);
	}
	ms_jw_end(jw);
}

static void write_known(struct ms_jw *jw, const char *key, struct ms_str value)
{
	if (value.len)
		ms_jw_str(jw, key, value);
}

/**
 * ms_view_members() - an instance as members of an open object.
 * @view: what instance.c shows
 * @jw: the open object
 */
void ms_view_members(const struct ms_instance_view *view, struct ms_jw *jw)
{
	char time[MS_EVENT_TIME_BYTES];

	ms_jw_str(jw, "instance", view->instance);
	write_known(jw, "module", view->module);
	write_known(jw, "version", view->version);
	write_known(jw, "tenant", view->tenant);
	ms_jw_text(jw, "tier", ms_tier_word(view->tier));
	ms_jw_text(jw, "state", ms_state_word(view->state));
	if (view->reason && view->reason[0])
		ms_jw_text(jw, "reason", view->reason);
	ms_jw_text(jw, "since", ms_event_time(view->since_usec, time));
	if (view->next_usec)
		ms_jw_text(jw, "next", ms_event_time(view->next_usec, time));
	else
		ms_jw_null(jw, "next");
	ms_jw_uint(jw, "generation", view->generation);
	if (view->pid)
		ms_jw_uint(jw, "pid", view->pid);
	write_known(jw, "policy", view->policy);
	write_sockets(jw, view);
	if (view->labels) {
		ms_jw_value(jw, "labels", view->labels);
	} else {
		ms_jw_object(jw, "labels");
		ms_jw_end(jw);
	}
	ms_jw_uint(jw, "denied", view->denied);
	write_known(jw, "status", view->status);
	if (view->state < MS_STATE_STOPPED)
		ms_jw_text(jw, "shim", view->outdated ? "outdated" : "current");
	write_known(jw, "stderrTail", view->stderr_tail);
	if (view->exit.ended) {
		ms_jw_uint(jw, "peakMemoryBytes", view->peak_memory);
		ms_jw_uint(jw, "cpuUsec", view->cpu_used_usec);
	}
	write_lists(jw, view);
	write_failure(jw, view->error);
	write_exit(jw, &view->exit);
}

/* -- which one -- */

static const struct ms_param which_params[MS_WHICH_COUNT] = {
	[MS_WHICH_INSTANCE] = {.name = "instance", .type = MS_PARAM_INSTANCE},
	[MS_WHICH_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[MS_WHICH_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
};

static bool is_seen(const struct ms_rpc_peer *peer, const struct ms_instance *i)
{
	struct ms_instance_view view;

	ms_instance_view(i, &view);
	return ms_rpc_sees(peer, view.module, view.tenant);
}

/**
 * ms_which_find() - the instance that a request names.
 * @args: by enum ms_which_arg
 * @err: filled when there is none
 * Return: borrowed until the loop goes on, or NULL.
 */
struct ms_instance *ms_which_find(struct ms_call *call, const struct ms_arg *args,
				  struct ms_error *err)
{
	const struct ms_arg *id = &args[MS_WHICH_INSTANCE], *module = &args[MS_WHICH_MODULE],
			    *tenant = &args[MS_WHICH_TENANT];
	struct ms_instance *i;

	if (!id->value == !module->value || (id->value && tenant->value)) {
		MS_IGNORE(ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				       "\"instance\" alone, or \"module\" and perhaps \"tenant\", "
				       "say which one is meant")); /* told by NULL */
		return NULL;
	}
	i = ms_instance_find(call->peer->s, id->str, module->str, tenant->str);
	if (i && is_seen(call->peer, i))
		return i;
	if (id->value)
		MS_IGNORE(ms_error_say(err, ENOENT, MS_REASON_NOT_FOUND,
				       "there is no instance '%.*s'", (int)id->str.len,
				       id->str.p)); /* told by NULL */
	else
		MS_IGNORE(ms_error_say(
			err, ENOENT, MS_REASON_NOT_FOUND,
			"module '%.*s' of tenant '%.*s' has no instance", (int)module->str.len,
			module->str.p, tenant->value ? (int)tenant->str.len : 7,
			tenant->value ? tenant->str.p : "default")); /* told by NULL */
	MS_IGNORE(ms_error_hint(
		err, "instance.list (modsupctl list) shows what there is")); /* told by NULL */
	return NULL;
}

void ms_view_answer_call(void *data, const struct ms_instance_view *view)
{
	struct ms_call *call = data;
	struct ms_jw *jw = ms_call_begin(call, /* n_fds= */ 0);

	if (jw)
		ms_view_members(view, jw);
	ms_call_answer(call, jw, NULL, 0);
}

static int run_stop(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_instance *i = ms_which_find(call, args, &fault->error);

	if (!i)
		return fault->error.code;
	return ms_instance_stop(call->peer->s, i, ms_view_answer_call, call, &fault->error);
}

const struct ms_method ms_method_instance_stop = {
	.name = "instance.stop",
	.changes = true,
	.role = MS_ROLE_BACKEND,
	.params = which_params,
	.n_params = MS_WHICH_COUNT,
	.run = run_stop,
};

static int run_wait(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_instance *i = ms_which_find(call, args, &fault->error);

	if (!i)
		return fault->error.code;
	return ms_instance_wait(call->peer->s, i, ms_view_answer_call, call, &fault->error);
}

static bool cancel_wait(struct ms_call *call)
{
	ms_instance_forget_data(call->peer->s, call);
	return true;
}

const struct ms_method ms_method_instance_wait = {
	.name = "instance.wait",
	.role = MS_ROLE_OBSERVER,
	.params = which_params,
	.n_params = MS_WHICH_COUNT,
	.run = run_wait,
	.cancel = cancel_wait,
};

static int run_show(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_instance *i = ms_which_find(call, args, &fault->error);
	struct ms_instance_view view;

	if (!i)
		return fault->error.code;
	ms_instance_view(i, &view);
	ms_view_answer_call(call, &view);
	return 0;
}

const struct ms_method ms_method_instance_show = {
	.name = "instance.show",
	.role = MS_ROLE_OBSERVER,
	.params = which_params,
	.n_params = MS_WHICH_COUNT,
	.run = run_show,
};

/* -- the list -- */

enum list_arg { ARG_LIMIT, ARG_CURSOR, ARG_LIST_COUNT };

static const struct ms_param list_params[ARG_LIST_COUNT] = {
	[ARG_LIMIT] = {.name = "limit", .type = MS_PARAM_NUMBER, .min = 1, .max = MS_MAX_LIST},
	[ARG_CURSOR] = {.name = "cursor", .type = MS_PARAM_TEXT, .min = 1, .max = 20},
};

#define LIST_DEFAULT 100u
#define LIST_STEP    4u	  /* instances between two looks at how long the answer is */
#define LIST_STEPS   512u /* then it goes on with another request, whoever sees how few of them */
#define LIST_BYTES   (1024u * 1024u) /* after which a page ends: labels may be large */

struct listing {
	const struct ms_rpc_peer *peer;
	struct ms_jw *jw;
	uint32_t left; /* that may still be shown */
};

static void add_to_list(void *data, const struct ms_instance_view *view)
{
	struct listing *listing = data;

	if (!ms_rpc_sees(listing->peer, view->module, view->tenant))
		return;
	ms_jw_object(listing->jw, NULL);
	ms_view_members(view, listing->jw);
	ms_jw_end(listing->jw);
	listing->left--;
}

/* As many as are wanted of those that the peer sees, and as an answer has room for; never more at a
 * time, as all of them may be. Where to go on, or 0. */
static uint64_t write_list(struct ms_supervisor *s, uint64_t after, struct listing *listing)
{
	uint32_t steps = 0;

	do
		after = ms_instance_each(s, after, MS_MIN(listing->left, LIST_STEP), add_to_list,
					 listing);
	while (after && listing->left && ++steps < LIST_STEPS &&
	       ms_jw_len(listing->jw) < LIST_BYTES);
	return after;
}

static int run_list(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct listing listing = {.peer = call->peer,
				  .left = args[ARG_LIMIT].value ? (uint32_t)args[ARG_LIMIT].number
								: LIST_DEFAULT};
	uint64_t at = 0;

	if (args[ARG_CURSOR].value &&
	    ms_parse_u64(args[ARG_CURSOR].str.p, args[ARG_CURSOR].str.len, 1, UINT64_MAX, &at) < 0)
		return ms_error_say(&fault->error, EINVAL, MS_REASON_PARAMS_INVALID,
				    "cursor: this is not the \"next\" of an earlier answer");
	listing.jw = ms_call_begin(call, /* n_fds= */ 0);
	if (listing.jw) {
		ms_jw_array(listing.jw, "instances");
		at = write_list(call->peer->s, at, &listing);
		ms_jw_end(listing.jw);
		if (at)
			ms_jw_textf(listing.jw, "next", "%llu", (unsigned long long)at);
		else
			ms_jw_null(listing.jw, "next");
	}
	ms_call_answer(call, listing.jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_instance_list = {
	.name = "instance.list",
	.role = MS_ROLE_OBSERVER,
	.params = list_params,
	.n_params = ARG_LIST_COUNT,
	.run = run_list,
};
