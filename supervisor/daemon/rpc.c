/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc.c - from a line to a method and back. A request is parsed by the strict reader, checked
 * against its method's table, and only then run; whatever is wrong becomes one answer with a reason
 * word. Does no I/O but a log line for what is our own fault. Called by control.c.
 */
#include "supervisor/daemon/rpc.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "policy/nearest.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/supervisor.h"

#define MAX_ID_NUMBER (INT64_C(1) << 53)
#define MAX_PARAMS    32u /* of one method */

/* Every method of this build. docs/protocol.md has one section for each, in this order. */
static const struct ms_method *const methods[] = {
	&ms_method_hello,	   &ms_method_supervisor_info, &ms_method_host_check,
	&ms_method_instance_start, &ms_method_instance_stop,   &ms_method_instance_restart,
	&ms_method_instance_kill,  &ms_method_instance_wait,   &ms_method_instance_show,
	&ms_method_instance_list,  &ms_method_event_subscribe, &ms_method_event_unsubscribe,
	&ms_method_emergency_stop, &ms_method_emergency_lift,
};

/* What a reason word means to a client. docs/protocol.md has the same table. */
static const struct {
	int code;
	int http;
	const char *retry;
} meanings[MS_REASON_COUNT] = {
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

/** ms_rpc_method_name() - Return: the name of method @i, or NULL beyond the last. */
const char *ms_rpc_method_name(size_t i)
{
	return i < MS_ARRAY_LEN(methods) ? methods[i]->name : NULL;
}

/** ms_rpc_line_done() - free what @line owns. */
void ms_rpc_line_done(struct ms_rpc_line *line)
{
	free(line->head);
	line->head = NULL;
	line->event = ms_event_unref(line->event);
	for (uint32_t i = 0; i < line->n_fds; i++)
		line->fds[i] = ms_fd_close(line->fds[i]);
	line->n_fds = 0;
}

/** ms_rpc_line_len() - Return: bytes of the whole line. */
size_t ms_rpc_line_len(const struct ms_rpc_line *line)
{
	size_t event_len = line->event ? ms_event_text(line->event).len - 1 : 0;

	return line->head_len + event_len + strlen(line->tail);
}

/* -- answers -- */

static struct ms_jw *begin_message(void)
{
	struct ms_jw *jw = ms_jw_new();

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "jsonrpc", "2.0");
	return jw;
}

/* The text of @jw as a line; false on ENOMEM. */
static bool end_message(struct ms_jw *jw, struct ms_rpc_line *ret)
{
	size_t len = 0;
	char *text = ms_jw_take(jw, MS_JW_LINE, &len);

	if (!text)
		return false;
	*ret = (struct ms_rpc_line){.head = text, .head_len = len, .tail = "\n"};
	return true;
}

/* Last resort of a request that could not be answered for lack of memory: a text that needs only
 * one small allocation, with the id left out. */
static void send_oom(struct ms_rpc_peer *peer)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32006,\"message\":"
		"\"out of "
		"memory\",\"data\":{\"reason\":\"oom\",\"retry\":\"later\",\"http\":503}}}";
	struct ms_rpc_line line = {
		.head = strdup(text), .head_len = sizeof(text) - 1, .tail = "\n"};

	if (line.head)
		peer->sink.send(peer->sink.data, &line);
	else
		ms_log(MS_LOG_ERROR, "a request is left without an answer: out of memory");
}

static void write_diag(struct ms_jw *jw, const struct ms_diag *diag)
{
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "reason", ms_reason_word(diag->reason));
	if (diag->line) {
		ms_jw_uint(jw, "line", diag->line);
		ms_jw_uint(jw, "column", diag->column);
	}
	ms_jw_str(jw, "pointer", diag->pointer);
	ms_jw_str(jw, "message", diag->msg);
	if (diag->hint.len)
		ms_jw_str(jw, "hint", diag->hint);
	ms_jw_end(jw);
}

static void write_report(struct ms_jw *jw, const struct ms_report *report)
{
	if (!report || (!report->n_diags && !report->n_dropped))
		return;
	if (report->n_diags) {
		const struct ms_diag *first = &report->diags[0];

		ms_jw_str(jw, "pointer", first->pointer);
		if (first->line) {
			ms_jw_uint(jw, "line", first->line);
			ms_jw_uint(jw, "column", first->column);
		}
	}
	ms_jw_array(jw, "diagnostics");
	for (uint32_t i = 0; i < report->n_diags; i++)
		write_diag(jw, &report->diags[i]);
	ms_jw_end(jw);
	if (report->n_dropped)
		ms_jw_uint(jw, "diagnosticsDropped", report->n_dropped);
}

/* An errno tells a client something where the kernel said no; for a wrong request it is noise. */
static bool tells_errno(const struct ms_error *err)
{
	return err->code < 0 &&
	       (err->reason == MS_REASON_INTERNAL || err->reason == MS_REASON_HOST_LACKS) &&
	       strerrorname_np(-err->code);
}

static void write_error(struct ms_jw *jw, const struct ms_fault *fault)
{
	const struct ms_error *err = &fault->error;
	enum ms_reason reason =
		(unsigned)err->reason < MS_REASON_COUNT ? err->reason : MS_REASON_INTERNAL;

	ms_jw_object(jw, "error");
	ms_jw_int(jw, "code", meanings[reason].code);
	ms_jw_text(jw, "message", err->msg);
	ms_jw_object(jw, "data");
	ms_jw_text(jw, "reason", ms_reason_word(reason));
	ms_jw_text(jw, "retry", meanings[reason].retry);
	ms_jw_int(jw, "http", meanings[reason].http);
	if (err->hint[0])
		ms_jw_text(jw, "hint", err->hint);
	if (err->step != MS_STEP_NONE)
		ms_jw_text(jw, "step", ms_step_word(err->step));
	if (tells_errno(err))
		ms_jw_text(jw, "errno", strerrorname_np(-err->code));
	if (fault->instance.len)
		ms_jw_str(jw, "instance", fault->instance);
	write_report(jw, fault->report);
	ms_jw_end(jw);
	ms_jw_end(jw);
}

static bool make_refusal(const struct ms_json *id, const struct ms_fault *fault,
			 struct ms_rpc_line *ret)
{
	ms_auto(jw) struct ms_jw *jw = begin_message();

	if (!jw)
		return false;
	if (id)
		ms_jw_value(jw, "id", id);
	else
		ms_jw_null(jw, "id");
	write_error(jw, fault);
	ms_jw_end(jw);
	return end_message(jw, ret);
}

static void refuse(struct ms_rpc_peer *peer, const struct ms_json *id, const struct ms_fault *fault)
{
	struct ms_rpc_line line;

	if (fault->error.reason == MS_REASON_INTERNAL)
		ms_log(MS_LOG_ERROR, "control: %s", fault->error.msg);
	if (make_refusal(id, fault, &line))
		peer->sink.send(peer->sink.data, &line);
	else
		send_oom(peer);
}

/**
 * ms_rpc_refusal() - an error line that answers no request.
 * @err: why
 * @ret: owned by the caller
 * Return: false on ENOMEM.
 */
bool ms_rpc_refusal(const struct ms_error *err, struct ms_rpc_line *ret)
{
	struct ms_fault fault = {.error = *err};

	return make_refusal(NULL, &fault, ret);
}

/* -- calls -- */

static void end_call(struct ms_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->peer->n_calls--;
	call->doc = ms_doc_free(call->doc);
	call->report = ms_report_free(call->report);
	free(call);
}

/**
 * ms_call_begin() - start the answer of @call.
 * @n_fds: descriptors that will go with it
 * Return: open inside "result", owned by the caller; NULL on ENOMEM.
 */
struct ms_jw *ms_call_begin(const struct ms_call *call, uint32_t n_fds)
{
	struct ms_jw *jw = begin_message();

	if (!jw)
		return NULL;
	ms_jw_value(jw, "id", call->id);
	if (n_fds)
		ms_jw_uint(jw, "fds", n_fds);
	ms_jw_object(jw, "result");
	return jw;
}

/**
 * ms_call_answer() - send the result and end the call.
 * @call: gone afterwards
 * @take_jw: from ms_call_begin(), NULL for one that could not be made; consumed
 * @take_fds: @n_fds descriptors, consumed when the answer goes out, left to the caller otherwise
 */
void ms_call_answer(struct ms_call *call, struct ms_jw *take_jw, int *take_fds, uint32_t n_fds)
{
	ms_auto(jw) struct ms_jw *jw = take_jw;
	struct ms_rpc_peer *peer = call->peer;
	struct ms_rpc_line line;
	bool made = false;

	ms_assert(n_fds <= MS_MAX_ANSWER_FDS);
	if (jw) {
		ms_jw_end(jw);
		ms_jw_end(jw);
		made = end_message(jw, &line);
	}
	if (!made) {
		struct ms_fault fault = {0};

		MS_IGNORE(ms_error_say(&fault.error, ENOMEM, MS_REASON_OOM,
				       "the answer could not be made: out of memory")); /* sent */
		ms_call_refuse(call, &fault);
		return;
	}
	for (; line.n_fds < n_fds; line.n_fds++)
		line.fds[line.n_fds] = MS_TAKE_FD(take_fds[line.n_fds]);
	end_call(call);
	peer->sink.send(peer->sink.data, &line);
	peer->sink.wake(peer->sink.data);
}

/**
 * ms_call_refuse() - send an error and end the call.
 * @call: gone afterwards
 * @fault: why
 */
void ms_call_refuse(struct ms_call *call, const struct ms_fault *fault)
{
	struct ms_rpc_peer *peer = call->peer;

	refuse(peer, call->id, fault);
	end_call(call);
	peer->sink.wake(peer->sink.data);
}

static bool id_is_good(const struct ms_json *id)
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
	const struct ms_json *id, *params;
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
	if (!id_is_good(id))
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

	if (!name || ms_json_type(name) != MS_JSON_STRING) {
		MS_IGNORE(ms_error_say(err, EINVAL, MS_REASON_REQUEST_INVALID,
				       "the request has no \"method\"")); /* told by NULL */
		return NULL;
	}
	text = ms_json_str(name);
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

static int run_call(struct ms_call *call, struct ms_fault *fault)
{
	const struct ms_json *root = ms_doc_root(call->doc);
	struct ms_arg args[MAX_PARAMS];
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
	ms_assert(call->method->n_params <= MAX_PARAMS);
	ms_params_read(call->doc, ms_json_get(root, "params"), call->method->name,
		       call->method->params, call->method->n_params, args, call->report);
	r = report_error(call->report, fault);
	if (r < 0)
		return r;
	r = call->method->run(call, args, fault);
	if (r < 0 && !fault->report && report_error(call->report, fault) < 0)
		return fault->error.code; /* of nested parameters */
	return r;
}

static void link_call(struct ms_rpc_peer *peer, struct ms_call *call)
{
	call->peer = peer;
	call->link = &peer->calls;
	call->next = peer->calls;
	if (call->next)
		call->next->link = &call->next;
	peer->calls = call;
	peer->n_calls++;
}

/**
 * ms_rpc_request() - one request; answered now or later, exactly once.
 * @peer: who asks
 * @line: @len bytes without a newline
 */
void ms_rpc_request(struct ms_rpc_peer *peer, const char *line, size_t len)
{
	struct ms_doc_limits limits = {.max_bytes = MS_MAX_REQUEST_BYTES,
				       .max_depth = MS_MAX_REQUEST_DEPTH};
	struct ms_call *call = calloc(1, sizeof(*call));
	struct ms_fault fault = {0};
	int r;

	if (!call) {
		send_oom(peer);
		return;
	}
	link_call(peer, call);
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

/* -- peers -- */

/**
 * ms_rpc_peer_init() - a peer that has just connected.
 * @peer: zeroed or unused memory
 * @s: who serves it
 * @role: what it may do
 * @sink: where its lines go
 */
void ms_rpc_peer_init(struct ms_rpc_peer *peer, struct ms_supervisor *s, enum ms_role role,
		      struct ms_rpc_sink sink)
{
	*peer = (struct ms_rpc_peer){.s = s, .role = role, .sink = sink};
}

/** ms_rpc_peer_done() - forget everything that would answer @peer, end what was attached to it. */
void ms_rpc_peer_done(struct ms_rpc_peer *peer)
{
	while (peer->calls) {
		ms_instance_forget_data(peer->s, peer->calls);
		end_call(peer->calls);
	}
	for (size_t i = 0; i < MS_ARRAY_LEN(peer->subs); i++)
		peer->subs[i].sub = ms_sub_free(peer->subs[i].sub);
	ms_instance_forget_owner(peer->s, peer);
}

/** ms_rpc_greet() - the first line of a connection. */
void ms_rpc_greet(struct ms_rpc_peer *peer)
{
	ms_auto(jw) struct ms_jw *jw = begin_message();
	struct ms_rpc_line line;

	if (!jw) {
		send_oom(peer);
		return;
	}
	ms_jw_text(jw, "method", "hello");
	ms_jw_object(jw, "params");
	ms_hello_write(peer, jw);
	ms_jw_end(jw);
	ms_jw_end(jw);
	if (end_message(jw, &line))
		peer->sink.send(peer->sink.data, &line);
	else
		send_oom(peer);
}
