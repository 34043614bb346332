/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc.c - from a line to a method: parsed by the strict reader, checked against its method's table,
 * and only then run; whatever is wrong becomes one answer with a reason word. Does no I/O. Called
 * by control-peer.c.
 */
#include "supervisor/daemon/rpc.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "policy/nearest.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/rpc-life.h"

#define MAX_ID_NUMBER (INT64_C(1) << 53)
#define MAX_PARAMS    32u /* of one method */

/* Every method of this build. docs/protocol.md has one section for each, in this order. */
static const struct ms_method *const methods[] = {
	/* one a line, so that additions stay apart */
	/* clang-format off */
	&ms_method_hello,
	&ms_method_supervisor_info,
	&ms_method_supervisor_reload,
	&ms_method_host_check,
	&ms_method_capacity_get,
	&ms_method_instance_start,
	&ms_method_instance_stop,
	&ms_method_instance_restart,
	&ms_method_instance_kill,
	&ms_method_instance_wait,
	&ms_method_instance_show,
	&ms_method_instance_list,
	&ms_method_instance_stats,
	&ms_method_instance_logs,
	&ms_method_instance_exec,
	&ms_method_event_subscribe,
	&ms_method_event_unsubscribe,
	&ms_method_operation_cancel,
	&ms_method_emergency_stop,
	&ms_method_emergency_lift,
	/* clang-format on */
};

/* docs/protocol.md has the same table. */
static const struct ms_rpc_meaning meanings[MS_REASON_COUNT] = {
	[MS_REASON_PARSE_ERROR] = {-32700, 400, "never"},
	[MS_REASON_REQUEST_INVALID] = {-32600, 400, "never"},
	[MS_REASON_ID_MISSING] = {-32600, 400, "never"},
	[MS_REASON_METHOD_UNKNOWN] = {-32601, 400, "never"},
	[MS_REASON_PARAMS_INVALID] = {-32602, 400, "never"},
	[MS_REASON_PARAMS_UNKNOWN] = {-32602, 400, "never"},
	[MS_REASON_NOT_FOUND] = {-32001, 404, "after-change"},
	[MS_REASON_ROLE_FORBIDS] = {-32002, 403, "after-change"},
	[MS_REASON_TIER_FORBIDS] = {-32002, 403, "after-change"},
	[MS_REASON_CONFLICT] = {-32004, 409, "after-change"},
	[MS_REASON_ALREADY_RUNNING] = {-32004, 409, "after-change"},
	[MS_REASON_INTEGRITY] = {-32004, 409, "after-change"},
	[MS_REASON_BUSY] = {-32005, 429, "later"},
	[MS_REASON_RATE] = {-32005, 429, "later"},
	[MS_REASON_HOST_FULL] = {-32006, 503, "later"},
	[MS_REASON_HOST_LACKS] = {-32006, 503, "after-change"},
	[MS_REASON_OOM] = {-32006, 503, "later"},
	[MS_REASON_DEADLINE] = {-32007, 504, "later"},
	[MS_REASON_START_TIMEOUT] = {-32007, 504, "later"},
	[MS_REASON_MANIFEST_INVALID] = {-32008, 422, "after-change"},
	[MS_REASON_CONFIG_INVALID] = {-32008, 422, "after-change"},
	[MS_REASON_BUNDLE_INVALID] = {-32008, 422, "after-change"},
	[MS_REASON_UNSUPPORTED] = {-32008, 422, "after-change"},
	[MS_REASON_COMMAND_NOT_FOUND] = {-32008, 422, "after-change"},
	[MS_REASON_COMMAND_NOT_EXECUTABLE] = {-32008, 422, "after-change"},
	[MS_REASON_COMMAND_WRONG_FORMAT] = {-32008, 422, "after-change"},
	[MS_REASON_BACKOFF] = {-32006, 503, "later"},
	[MS_REASON_START_LIMIT] = {-32006, 503, "after-change"},
	[MS_REASON_EMERGENCY] = {-32003, 403, "after-change"},
	[MS_REASON_KEY_REUSED] = {-32004, 409, "never"},
	[MS_REASON_CANCELLED] = {-32007, 499, "never"},
	[MS_REASON_NOT_RUNNING] = {-32004, 409, "after-change"},
	[MS_REASON_SHIM_OUTDATED] = {-32004, 409, "after-change"},
	[MS_REASON_INTERNAL] = {-32099, 500, "later"},
};

/** ms_rpc_meaning() - Return: what a reason word means to a client. */
const struct ms_rpc_meaning *ms_rpc_meaning(enum ms_reason reason)
{
	return &meanings[(unsigned)reason < MS_REASON_COUNT ? reason : MS_REASON_INTERNAL];
}

/** ms_rpc_method_name() - Return: the name of method @i, or NULL beyond the last. */
const char *ms_rpc_method_name(size_t i)
{
	return i < MS_ARRAY_LEN(methods) ? methods[i]->name : NULL;
}

/** ms_rpc_is_id() - may this be the id of a request? */
bool ms_rpc_is_id(const struct ms_json *id)
{
	switch (ms_json_type(id)) {
	case MS_JSON_STRING:
		return ms_json_str(id).len >= 1 && ms_json_str(id).len <= MS_MAX_REQUEST_ID_BYTES;
	case MS_JSON_INT:
		return ms_json_int(id) > -MAX_ID_NUMBER && ms_json_int(id) < MAX_ID_NUMBER;
	case MS_JSON_NULL:
	case MS_JSON_BOOL:
	case MS_JSON_DOUBLE:
	case MS_JSON_ARRAY:
	case MS_JSON_OBJECT:
		break;
	}
	return false;
}

static bool is_text(const struct ms_json *value, const char *text)
{
	return value && ms_json_type(value) == MS_JSON_STRING &&
	       ms_json_str(value).len == strlen(text) &&
	       memcmp(ms_json_str(value).p, text, strlen(text)) == 0;
}

/* The members beside params; the id is told as soon as it is good, so that the error carries it. */
static int check_envelope(const struct ms_json *root, const struct ms_json **ret_id,
			  struct ms_error *err)
{
	const struct ms_json *id, *method, *params;
	char quote[64];

	if (ms_json_type(root) == MS_JSON_ARRAY)
		return ms_error_say(err, EINVAL, MS_REASON_REQUEST_INVALID,
				    "batches are not spoken here; send one request a line");
	if (ms_json_type(root) != MS_JSON_OBJECT)
		return ms_error_say(err, EINVAL, MS_REASON_REQUEST_INVALID,
				    "found %s; a request is an object",
				    ms_json_type_word(ms_json_type(root)));
	id = ms_json_get(root, "id");
	if (!id)
		return ms_error_say(err, EINVAL, MS_REASON_ID_MISSING,
				    "the request has no \"id\", so nothing was done");
	if (!ms_rpc_is_id(id))
		return ms_error_say(err, EINVAL, MS_REASON_REQUEST_INVALID,
				    "\"id\" is neither a text of 1 to " MS_STR(
					    MS_MAX_REQUEST_ID_BYTES) " bytes nor an integer "
								     "below 2^53");
	*ret_id = id;
	for (size_t i = 0; i < ms_json_count(root); i++) {
		struct ms_str key;

		(void)ms_json_member(root, i, &key); /* the key only */
		if (!is_text(ms_json_get(root, "jsonrpc"), "2.0"))
			return ms_error_say(err, EINVAL, MS_REASON_REQUEST_INVALID,
					    "\"jsonrpc\" is not \"2.0\"");
		if ((key.len == 7 && memcmp(key.p, "jsonrpc", 7) == 0) ||
		    (key.len == 2 && memcmp(key.p, "id", 2) == 0) ||
		    (key.len == 6 && memcmp(key.p, "method", 6) == 0) ||
		    (key.len == 6 && memcmp(key.p, "params", 6) == 0))
			continue;
		return ms_error_say(
			err, EINVAL, MS_REASON_REQUEST_INVALID,
			"found \"%s\", which a request does not have",
			ms_log_quote(key.p, MS_MIN(key.len, sizeof(quote)), quote, sizeof(quote)));
	}
	method = ms_json_get(root, "method");
	if (!method || ms_json_type(method) != MS_JSON_STRING)
		return ms_error_say(err, EINVAL, MS_REASON_REQUEST_INVALID,
				    "the request has no \"method\" that is a text");
	params = ms_json_get(root, "params");
	if (params && ms_json_type(params) != MS_JSON_OBJECT)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"params\" is %s; an object is accepted",
				    ms_json_type_word(ms_json_type(params)));
	return 0;
}

static const struct ms_method *find_method(const struct ms_json *root, struct ms_error *err)
{
	const struct ms_json *name = ms_json_get(root, "method");
	char quote[64], hint[MS_NEAREST_HINT_BYTES];
	struct ms_nearest nearest;
	struct ms_str text;

	text = ms_json_str(name); /* check_envelope() has seen that it is one */
	nearest = ms_nearest_init(text);
	for (size_t i = 0; i < MS_ARRAY_LEN(methods); i++) {
		if (is_text(name, methods[i]->name))
			return methods[i];
		ms_nearest_try(&nearest, methods[i]->name);
	}
	MS_IGNORE(ms_error_say(
		err, ENOSYS, MS_REASON_METHOD_UNKNOWN, "there is no method \"%s\"",
		ms_log_quote(text.p, MS_MIN(text.len, sizeof(quote)), quote, sizeof(quote))));
	if (ms_nearest_hint(&nearest, hint))
		MS_IGNORE(ms_error_hint(err, "%s", hint)); /* told by NULL */
	return NULL;
}

static int check_role(const struct ms_rpc_peer *peer, const struct ms_method *method,
		      struct ms_error *err)
{
	if (peer->role >= method->role)
		return 0;
	MS_IGNORE(ms_error_say(err, EACCES, MS_REASON_ROLE_FORBIDS, "%s needs the role %s",
			       method->name, ms_role_word(method->role))); /* the next returns it */
	return ms_error_hint(err, "this connection has the role %s", ms_role_word(peer->role));
}

/* The first of @report as the error itself. */
static int report_error(const struct ms_report *report, struct ms_fault *fault)
{
	const struct ms_diag *first = &report->diags[0];
	int r;

	if (!report->n_diags && !report->n_dropped)
		return 0;
	fault->report = report;
	if (!report->n_diags)
		return ms_error_say(&fault->error, ENOMEM, MS_REASON_OOM, "out of memory");
	r = ms_error_say(&fault->error, EINVAL, first->reason, "%.*s", (int)first->msg.len,
			 first->msg.p);
	if (first->hint.len)
		return ms_error_hint(&fault->error, "%.*s", (int)first->hint.len, first->hint.p);
	return r;
}

/* Into @args, that of `key` behind the method's own. */
static void read_params(struct ms_call *call, const struct ms_json *object, struct ms_arg *args)
{
	static const struct ms_param key = {
		.name = "key", .type = MS_PARAM_TEXT, .min = 1, .max = MS_MAX_KEY_BYTES};
	const struct ms_method *method = call->method;
	struct ms_param params[MAX_PARAMS + 1];
	size_t n = method->n_params;

	ms_assert(n <= MAX_PARAMS);
	if (n)
		memcpy(params, method->params, n * sizeof(*params));
	args[n] = (struct ms_arg){0};
	if (method->changes)
		params[n++] = key;
	ms_params_read(call->doc, object, method->name, params, n, args, call->report);
}

static int run_call(struct ms_call *call, struct ms_fault *fault)
{
	const struct ms_json *root = ms_doc_root(call->doc);
	struct ms_arg args[MAX_PARAMS + 1];
	int r;

	r = check_envelope(root, &call->id, &fault->error);
	if (r < 0)
		return r;
	call->method = find_method(root, &fault->error);
	if (!call->method)
		return fault->error.code;
	r = check_role(call->peer, call->method, &fault->error);
	if (r < 0)
		return r;
	read_params(call, ms_json_get(root, "params"), args);
	r = report_error(call->report, fault);
	if (r < 0)
		return r;
	if (args[call->method->n_params].value) {
		r = ms_key_begin(call, args[call->method->n_params].str, fault);
		if (r)
			return r < 0 ? r : 0;
	}
	r = call->method->run(call, args, fault);
	if (r < 0 && !fault->report && report_error(call->report, fault) < 0)
		return fault->error.code; /* of nested parameters */
	return r;
}

/**
 * ms_rpc_request() - one request; answered now or later, exactly once.
 * @peer: who asks
 * @line: @len bytes without a newline
 */
void ms_rpc_request(struct ms_rpc_peer *peer, const char *line, size_t len)
{
	struct ms_doc_limits limits = {.max_bytes = MS_MAX_REQUEST_BYTES,
				       .max_depth = MS_MAX_REQUEST_DEPTH,
				       .max_values = MS_MAX_REQUEST_VALUES};
	struct ms_call *call = calloc(1, sizeof(*call));
	struct ms_fault fault = {0};
	int r;

	if (!call) {
		ms_rpc_send_oom(peer);
		return;
	}
	ms_rpc_link_call(peer, call);
	call->report = ms_report_new("request");
	r = call->report ? ms_doc_parse(line, len, limits, MS_REASON_PARSE_ERROR, call->report,
					&call->doc)
			 : -ENOMEM;
	if (r < 0)
		r = ms_error_say(&fault.error, -r, MS_REASON_OOM, "out of memory");
	else if (r > 0)
		r = report_error(call->report, &fault);
	else
		r = run_call(call, &fault);
	if (r < 0)
		ms_call_refuse(call, &fault);
}
