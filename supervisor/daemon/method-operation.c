/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-operation.c - operation.cancel, and operation.progress: what a peer can do about a request
 * that takes long, and what it is told meanwhile. Decides nothing about instances. Called through
 * the table of rpc.c, and once a second by control-peer.c.
 */
#include <string.h>

#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/rpc-life.h"

#define TICKS_BEFORE 2u /* one whole second at least */

static const struct ms_param cancel_params[] = {
	{.name = "id", .type = MS_PARAM_ID, .required = true},
};

static bool same_id(const struct ms_json *a, const struct ms_json *b)
{
	if (ms_json_type(a) != ms_json_type(b))
		return false;
	if (ms_json_type(a) == MS_JSON_INT)
		return ms_json_int(a) == ms_json_int(b);
	return ms_json_str(a).len == ms_json_str(b).len &&
	       memcmp(ms_json_str(a).p, ms_json_str(b).p, ms_json_str(a).len) == 0;
}

static struct ms_call *find_other(const struct ms_call *call, const struct ms_json *id)
{
	struct ms_call *other = call->peer->calls;

	while (other && (other == call || !other->id || !same_id(other->id, id)))
		other = other->next;
	return other;
}

/* One that only waits for what another one does is always free to go. */
static bool give_up(struct ms_call *call)
{
	if (ms_key_leader(call) != call)
		return true;
	return call->method->cancel && call->method->cancel(call);
}

static void refuse_cancelled(struct ms_call *call)
{
	struct ms_fault fault = {0};

	MS_IGNORE(ms_error_say(&fault.error, ECANCELED, MS_REASON_CANCELLED,
			       "%s: cancelled by operation.cancel", call->method->name)); /* sent */
	if (ms_key_leader(call) != call)
		ms_key_leave(call); /* the first one's answer is not this one */
	ms_call_refuse(call, &fault);
}

static int run_cancel(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_call *other = find_other(call, args[0].value);
	bool done;
	struct ms_jw *jw;

	if (!other) {
		MS_IGNORE(ms_error_say(&fault->error, ENOENT, MS_REASON_NOT_FOUND,
				       "this connection has no request in flight with this id"));
		return ms_error_hint(
			&fault->error,
			"it may have been answered; only the connection that asked can "
			"cancel");
	}
	done = give_up(other);
	if (done)
		refuse_cancelled(other);
	jw = ms_call_begin(call, /* n_fds= */ 0);
	if (jw)
		ms_jw_bool(jw, "cancelled", done);
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_operation_cancel = {
	.name = "operation.cancel",
	.role = MS_ROLE_OBSERVER, /* it ends what the same connection began */
	.params = cancel_params,
	.n_params = MS_ARRAY_LEN(cancel_params),
	.run = run_cancel,
};

/* -- progress -- */

static bool has_steps(const struct ms_call *call)
{
	const struct ms_method *method = ms_key_leader(call)->method;

	return method && method->step;
}

/** ms_rpc_has_steps() - is there something that ms_rpc_tick() could tell? */
bool ms_rpc_has_steps(const struct ms_rpc_peer *peer)
{
	for (const struct ms_call *call = peer->calls; call; call = call->next)
		if (has_steps(call))
			return true;
	return false;
}

static void send_step(const struct ms_call *call, const char *step, uint64_t done, uint64_t total)
{
	struct ms_rpc_peer *peer = call->peer;
	ms_auto(jw) struct ms_jw *jw = ms_rpc_begin();
	struct ms_str key = ms_key_name(call);
	struct ms_rpc_line line;

	if (!jw)
		return; /* the next change may have more luck */
	ms_jw_text(jw, "method", "operation.progress");
	ms_jw_object(jw, "params");
	ms_jw_value(jw, "id", call->id);
	if (key.len)
		ms_jw_str(jw, "key", key);
	ms_jw_text(jw, "step", step);
	if (total) {
		ms_jw_uint(jw, "done", done);
		ms_jw_uint(jw, "total", total);
	}
	ms_jw_end(jw);
	ms_jw_end(jw);
	if (ms_rpc_end(jw, &line))
		peer->sink.send(peer->sink.data, &line);
}

static void tell_step(struct ms_call *call)
{
	const struct ms_call *leader = ms_key_leader(call);
	uint64_t done = 0, total = 0;
	const char *step = leader->method->step(leader, &done, &total);

	if (!step || (call->told_step && strcmp(step, call->told_step) == 0 &&
		      (!total || done == call->told_done)))
		return;
	call->told_step = step;
	call->told_done = done;
	send_step(call, step, done, total);
}

/**
 * ms_rpc_tick() - a second has gone by.
 *
 * Return: true when there is something to tell in a second, perhaps.
 */
bool ms_rpc_tick(struct ms_rpc_peer *peer)
{
	bool more = false;

	for (struct ms_call *call = peer->calls; call; call = call->next) {
		if (!has_steps(call))
			continue;
		more = true;
		if (++call->n_ticks >= TICKS_BEFORE)
			tell_step(call);
	}
	return more;
}
