/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-answer.c - answers and errors as lines, and the end of a request. Whatever was asked, exactly
 * one of these goes out. Does no I/O but a log line for what is our own fault. Called by rpc.c and
 * by methods.
 */
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/rpc-life.h"

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

struct ms_jw *ms_rpc_begin(void)
{
	struct ms_jw *jw = ms_jw_new();

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "jsonrpc", "2.0");
	return jw;
}

/** ms_rpc_end() - the text of @jw as a line; false on ENOMEM. */
bool ms_rpc_end(struct ms_jw *jw, struct ms_rpc_line *ret)
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
void ms_rpc_send_oom(struct ms_rpc_peer *peer)
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
	const struct ms_rpc_meaning *meaning = ms_rpc_meaning(err->reason);

	ms_jw_object(jw, "error");
	ms_jw_int(jw, "code", meaning->code);
	ms_jw_text(jw, "message", err->msg);
	ms_jw_object(jw, "data");
	ms_jw_text(jw, "reason", ms_reason_word(err->reason));
	ms_jw_text(jw, "retry", meaning->retry);
	ms_jw_int(jw, "http", meaning->http);
	if (fault->retry_after_ms)
		ms_jw_uint(jw, "retryAfterMs", fault->retry_after_ms);
	else if (err->reason == MS_REASON_HOST_FULL) /* the figures are read anew by then */
		ms_jw_uint(jw, "retryAfterMs", MS_CAPACITY_RETRY_MS);
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
	ms_auto(jw) struct ms_jw *jw = ms_rpc_begin();

	if (!jw)
		return false;
	if (id)
		ms_jw_value(jw, "id", id);
	else
		ms_jw_null(jw, "id");
	write_error(jw, fault);
	ms_jw_end(jw);
	return ms_rpc_end(jw, ret);
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

static void unlink_call(struct ms_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->peer->n_calls--;
}

/** ms_rpc_link_call() - it is one of @peer's. */
void ms_rpc_link_call(struct ms_rpc_peer *peer, struct ms_call *call)
{
	call->peer = peer;
	call->link = &peer->calls;
	call->next = peer->calls;
	if (call->next)
		call->next->link = &call->next;
	peer->calls = call;
	peer->n_calls++;
}

/** ms_rpc_move_call() - from its peer to @peer. */
void ms_rpc_move_call(struct ms_call *call, struct ms_rpc_peer *peer)
{
	unlink_call(call);
	ms_rpc_link_call(peer, call);
}

/** ms_rpc_end_call() - nobody answers it any more. */
void ms_rpc_end_call(struct ms_call *call)
{
	if (call->key)
		ms_key_leave(call);
	unlink_call(call);
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
	struct ms_jw *jw = ms_rpc_begin();

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
		made = ms_rpc_end(jw, &line);
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
	if (call->key)
		ms_key_done(call, &line, /* passes= */ false);
	ms_rpc_end_call(call);
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
	struct ms_rpc_line line;
	bool made;

	if (fault->error.reason == MS_REASON_INTERNAL)
		ms_log(MS_LOG_ERROR, "control: %s", fault->error.msg);
	if (fault->error.reason == MS_REASON_ROLE_FORBIDS ||
	    fault->error.reason == MS_REASON_TIER_FORBIDS)
		ms_rpc_log_refusal(call, &fault->error);
	made = make_refusal(call->id, fault, &line);
	if (call->key)
		ms_key_done(call, made ? &line : NULL,
			    strcmp(ms_rpc_meaning(fault->error.reason)->retry, "later") == 0);
	if (made)
		peer->sink.send(peer->sink.data, &line);
	else
		ms_rpc_send_oom(peer);
	ms_rpc_end_call(call);
	peer->sink.wake(peer->sink.data);
}
