/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * say.c - writing for people and for programs. An error goes to stderr in words; with --json it
 * goes to stdout as an object too, so that a program reads one stream only.
 */
#include "supervisor/ctl/say.h"

#include <string.h>

#include "lib/fs.h"
#include "supervisor/ctl/text.h"

#define ERROR_BYTES (256u * 1024u)

bool ms_say_is(struct ms_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.p, word, text.len) == 0;
}

void ms_say_paint(struct ms_buf *out, bool on, enum ms_paint paint, const char *text)
{
	static const char *const codes[] = {
		[MS_PAINT_NONE] = "",	 [MS_PAINT_GOOD] = "32", [MS_PAINT_WARN] = "33",
		[MS_PAINT_BAD] = "1;31", [MS_PAINT_DIM] = "2",
	};

	if (on && paint != MS_PAINT_NONE)
		ms_buf_addf(out, "\033[%sm%s\033[0m", codes[paint], text);
	else
		ms_buf_adds(out, text);
}

void ms_say_err(struct ms_buf *text)
{
	if (text->len > 0)
		MS_IGNORE(ms_fs_write_all(STDERR_FILENO, text->data,
					  text->len)); /* no place is left to say that it failed */
}

static int failed(const struct ms_ctl *ctl, int code, const char *what)
{
	struct ms_error err = MS_ERROR_INIT;

	(void)ms_error_set(&err, code, "%s", what);
	(void)ms_say_error(ctl, &err);
	return MS_EXIT_FAILED;
}

int ms_say_out(const struct ms_ctl *ctl, struct ms_buf *text)
{
	int r;

	if (text->error)
		return failed(ctl, -text->error, "write the output");
	if (text->len == 0)
		return MS_EXIT_DONE;
	r = ms_fs_write_all(STDOUT_FILENO, text->data, text->len);
	if (r == -EPIPE) /* the reader has seen enough, as with `| head` */
		return MS_EXIT_FAILED;
	return r < 0 ? failed(ctl, -r, "write to standard output") : MS_EXIT_DONE;
}

int ms_say_jw(const struct ms_ctl *ctl, struct ms_jw *take_jw)
{
	ms_auto(jw) struct ms_jw *jw = take_jw;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	ms_auto_free char *text = NULL;
	size_t len = 0;

	if (jw)
		text = ms_jw_take(jw, MS_JW_LINE, &len);
	if (!text)
		return failed(ctl, ENOMEM, "write the output");
	ms_buf_add(&out, text, len);
	ms_buf_adds(&out, "\n");
	return ms_say_out(ctl, &out);
}

int ms_say_json(const struct ms_ctl *ctl, const struct ms_json *value)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw && value)
		ms_jw_value(jw, NULL, value);
	else if (jw)
		ms_jw_null(jw, NULL);
	return ms_say_jw(ctl, jw);
}

int ms_say_exit_code(struct ms_str reason)
{
	static const struct {
		const char *word;
		int code;
	} codes[] = {
		{"not-found", MS_EXIT_NOT_FOUND},      {"role-forbids", MS_EXIT_DENIED},
		{"tier-forbids", MS_EXIT_DENIED},      {"needs-approval", MS_EXIT_DENIED},
		{"authorizer-denied", MS_EXIT_DENIED}, {"quarantined", MS_EXIT_DENIED},
		{"emergency", MS_EXIT_DENIED},	       {"disabled", MS_EXIT_DENIED},
		{"deadline", MS_EXIT_DEADLINE},	       {"start-timeout", MS_EXIT_DEADLINE},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(codes); i++)
		if (ms_say_is(reason, codes[i].word))
			return codes[i].code;
	return MS_EXIT_FAILED;
}

static void prefix(const struct ms_ctl *ctl, struct ms_buf *out)
{
	ms_say_paint(out, ctl->color_err, MS_PAINT_BAD, "modsupctl:");
	if (ctl->verb[0])
		ms_buf_addf(out, " %s:", ctl->verb);
	ms_buf_adds(out, " ");
}

/* "  word: text", wrapped below the text; nothing when there is no text. */
static void detail(struct ms_buf *out, const char *word, struct ms_str text)
{
	ms_auto(buf) struct ms_buf safe = MS_BUF_INIT(ERROR_BYTES);
	size_t at = strlen(word) + 4;

	if (text.len == 0)
		return;
	ms_buf_escape(&safe, text.p, text.len);
	if (safe.error || !safe.data)
		return;
	ms_buf_addf(out, "  %s: ", word);
	ms_text_wrap(out, safe.data, at, at, MS_SAY_WIDTH);
}

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static void reason_and_step(struct ms_buf *out, struct ms_str reason, struct ms_str step)
{
	if (reason.len == 0)
		return;
	ms_buf_adds(out, "  reason: ");
	ms_buf_escape(out, reason.p, reason.len);
	if (step.len > 0) {
		ms_buf_adds(out, "  step: ");
		ms_buf_escape(out, step.p, step.len);
	}
	ms_buf_adds(out, "\n");
}

int ms_say_error(const struct ms_ctl *ctl, const struct ms_error *err)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(ERROR_BYTES);
	struct ms_str reason = str(ms_reason_word(err->reason));

	prefix(ctl, &out);
	ms_buf_addf(&out, "%s\n", err->msg);
	detail(&out, "hint", str(err->hint));
	ms_say_err(&out);
	if (ctl->json) {
		struct ms_jw *jw = ms_jw_new();

		if (jw) {
			ms_jw_object(jw, NULL);
			ms_jw_object(jw, "error");
			ms_jw_text(jw, "message", err->msg);
			ms_jw_object(jw, "data");
			ms_jw_str(jw, "reason", reason);
			ms_jw_text(jw, "hint", err->hint);
			ms_jw_end(jw);
			ms_jw_end(jw);
			ms_jw_end(jw);
		}
		if (ms_say_jw(&(struct ms_ctl){.verb = ctl->verb}, jw) != MS_EXIT_DONE)
			return MS_EXIT_FAILED;
	}
	return ms_say_exit_code(reason);
}

int ms_say_usage(const struct ms_ctl *ctl, const struct ms_error *err)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(ERROR_BYTES);

	prefix(ctl, &out);
	ms_buf_addf(&out, "%s\n", err->msg);
	detail(&out, "hint", str(err->hint));
	ms_buf_addf(&out, "  try: modsupctl %s%s--help\n", ctl->verb, ctl->verb[0] ? " " : "");
	ms_say_err(&out);
	return MS_EXIT_USAGE;
}

static bool ends_with(struct ms_str text, struct ms_str tail)
{
	return tail.len > 0 && text.len >= tail.len &&
	       memcmp(text.p + text.len - tail.len, tail.p, tail.len) == 0;
}

/* "  module.json:2:8: /id": where in a file it is; of a request only which parameter, of a file of
 * the bundle only its path. */
static void place(struct ms_buf *out, const struct ms_json *diag)
{
	struct ms_str pointer = ms_client_get_str(diag, "pointer");
	struct ms_str reason = ms_client_get_str(diag, "reason");
	uint64_t line = ms_client_get_uint(diag, "line", 0);

	ms_buf_adds(out, "  ");
	if (line > 0 && !ms_say_is(reason, "params-invalid") &&
	    !ms_say_is(reason, "params-unknown"))
		ms_buf_addf(out, "module.json:%llu:%llu", (unsigned long long)line,
			    (unsigned long long)ms_client_get_uint(diag, "column", 0));
	if (pointer.len > 0 && !out->error && out->data[out->len - 1] != ' ')
		ms_buf_adds(out, ": ");
	ms_buf_escape(out, pointer.p, pointer.len);
}

/* place: message; hint - without the message when @said, the headline, ends with it. */
static void diagnostic(struct ms_buf *out, const struct ms_json *diag, struct ms_str said)
{
	struct ms_str message = ms_client_get_str(diag, "message");
	struct ms_str hint = ms_client_get_str(diag, "hint");

	place(out, diag);
	if (!ends_with(said, message)) {
		if (!out->error && out->data[out->len - 1] != ' ')
			ms_buf_adds(out, ": ");
		ms_buf_escape(out, message.p, message.len);
	}
	if (hint.len > 0) {
		ms_buf_adds(out, "; ");
		ms_buf_escape(out, hint.p, hint.len);
	}
	ms_buf_adds(out, "\n");
}

int ms_say_failure(const struct ms_ctl *ctl, const struct ms_json *error)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	const struct ms_json *data = ms_client_get(error, "data", MS_JSON_OBJECT);
	const struct ms_json *diags = ms_client_get(data, "diagnostics", MS_JSON_ARRAY);
	struct ms_str message = ms_client_get_str(error, "message");
	struct ms_str reason = ms_client_get_str(data, "reason");

	prefix(ctl, &out);
	ms_buf_escape(&out, message.p, message.len);
	ms_buf_adds(&out, "\n");
	for (size_t i = 0; diags && i < ms_json_count(diags); i++)
		diagnostic(&out, ms_json_at(diags, i), message);
	reason_and_step(&out, reason, ms_client_get_str(data, "step"));
	if (!diags) /* each of them says where */
		detail(&out, "at", ms_client_get_str(data, "pointer"));
	detail(&out, "hint", ms_client_get_str(data, "hint"));
	ms_say_err(&out);
	if (ctl->json) {
		struct ms_jw *jw = ms_jw_new();

		if (jw) {
			ms_jw_object(jw, NULL);
			ms_jw_value(jw, "error", error);
			ms_jw_end(jw);
		}
		if (ms_say_jw(&(struct ms_ctl){.verb = ctl->verb}, jw) != MS_EXIT_DONE)
			return MS_EXIT_FAILED;
	}
	return ms_say_exit_code(reason);
}

int ms_say_lost(const struct ms_ctl *ctl, int r, const struct ms_error *err)
{
	struct ms_error own = MS_ERROR_INIT;

	if (r == MS_CLIENT_TIMEOUT) {
		(void)ms_error_say(&own, ETIMEDOUT, MS_REASON_DEADLINE,
				   "the supervisor did not answer in time");
		(void)ms_error_hint(&own, "what was asked may still happen: modsupctl list");
		return ms_say_error(ctl, &own);
	}
	if (r == MS_CLIENT_CLOSED) {
		(void)ms_error_say(&own, ECONNRESET, MS_REASON_INTERNAL,
				   "the supervisor ended the connection");
		(void)ms_error_hint(&own, "its log says why");
		(void)ms_say_error(ctl, &own);
		return MS_EXIT_UNREACHABLE;
	}
	(void)ms_say_error(ctl, err);
	return r == -EPIPE || r == -ECONNRESET ? MS_EXIT_UNREACHABLE : MS_EXIT_FAILED;
}

int ms_say_call(const struct ms_ctl *ctl, int r, const struct ms_message *message,
		const struct ms_error *err)
{
	if (r != 0)
		return ms_say_lost(ctl, r, err);
	if (message->kind == MS_MESSAGE_FAILURE)
		return ms_say_failure(ctl, message->body);
	return MS_EXIT_DONE;
}

void ms_say_report(const struct ms_report *report, const char *key, struct ms_jw *jw)
{
	ms_jw_array(jw, key);
	for (uint32_t i = 0; i < report->n_diags; i++) {
		const struct ms_diag *d = &report->diags[i];

		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "reason", ms_reason_word(d->reason));
		ms_jw_uint(jw, "line", d->line);
		ms_jw_uint(jw, "column", d->column);
		ms_jw_str(jw, "pointer", d->pointer);
		ms_jw_str(jw, "message", d->msg);
		ms_jw_str(jw, "hint", d->hint);
		ms_jw_end(jw);
	}
	ms_jw_end(jw);
}
