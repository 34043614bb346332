/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.c - a line of the supervisor taken apart as far as a client needs: which request it
 * answers, with what, or what it announces. The rest stays JSON text. Must never trust the form of
 * a line: it is checked first.
 */
#include "supervisor/client/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/client/scan.h"

/**
 * ms_message_fill() - what went wrong, in words.
 * @err: or NULL
 */
void ms_message_fill(struct modsup_error *err, int result, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	*err = (struct modsup_error){.result = result};
	va_start(ap, fmt);
	(void)vsnprintf(err->message, sizeof(err->message), fmt, ap); /* cutting is wanted */
	va_end(ap);
}

/**
 * ms_message_hint() - what to do about it.
 * @err: or NULL
 */
void ms_message_hint(struct modsup_error *err, const char *hint)
{
	if (err)
		(void)snprintf(err->hint, sizeof(err->hint), "%s", hint); /* cutting is wanted */
}

static char *copy(struct ms_str text)
{
	char *out = malloc(text.len + 1);

	if (!out)
		return NULL;
	memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return out;
}

/* Which of the three it is, and where its body stands. */
static int classify(struct ms_str line, struct modsup_message *message, struct ms_str *ret_body)
{
	struct ms_str id, method;

	if (ms_scan_get(line, "id", &id) && !ms_scan_uint(id, &message->id))
		message->id = 0; /* null, or a text: not one of ours */
	if (ms_scan_get(line, "error", ret_body)) {
		message->kind = MODSUP_MESSAGE_ERROR;
		return ms_scan_is_object(*ret_body) ? 0 : -EPROTO;
	}
	if (ms_scan_get(line, "method", &method)) {
		message->kind = MODSUP_MESSAGE_NOTE;
		if (!ms_scan_get(line, "params", ret_body))
			*ret_body = (struct ms_str){.p = "{}", .len = 2};
		return ms_scan_string(method, &message->method) == -ENOMEM ? -ENOMEM
		       : message->method				   ? 0
									   : -EPROTO;
	}
	message->kind = MODSUP_MESSAGE_RESULT;
	return ms_scan_get(line, "result", ret_body) && message->id ? 0 : -EPROTO;
}

/**
 * ms_message_read() - take one line apart.
 * @line: without its newline; copied
 * @ret: the message, without descriptors
 * @ret_n_fds: how many it announces
 * Return: 0, -EPROTO when no modsupd wrote that, or -ENOMEM.
 */
int ms_message_read(struct ms_str line, struct modsup_message **ret, uint64_t *ret_n_fds)
{
	ms_auto(note) struct modsup_message *message = calloc(1, sizeof(*message));
	struct ms_str body, fds;
	int r = message ? ms_scan_check(line.p, line.len) : -ENOMEM;

	if (r == 0)
		r = ms_scan_is_object(line) ? classify(line, message, &body) : -EPROTO;
	if (r != 0)
		return r == -ENOMEM ? r : -EPROTO;
	message->json = copy(line);
	message->json_len = line.len;
	message->body = copy(body);
	if (!message->json || !message->body)
		return -ENOMEM;
	*ret_n_fds = 0;
	if (ms_scan_get(line, "fds", &fds) && !ms_scan_uint(fds, ret_n_fds))
		return -EPROTO;
	*ret = MS_TAKE_PTR(message);
	return 0;
}

struct modsup_message *modsup_message_free(struct modsup_message *message)
{
	if (!message)
		return NULL;
	for (unsigned i = 0; i < message->n_fds; i++)
		message->fds[i] = ms_fd_close(message->fds[i]);
	free(message->json);
	free(message->body);
	free(message->method);
	free(message);
	return NULL;
}

enum modsup_message_kind modsup_message_kind(const struct modsup_message *message)
{
	return message->kind;
}

uint64_t modsup_message_id(const struct modsup_message *message)
{
	return message->id;
}

const char *modsup_message_method(const struct modsup_message *message)
{
	return message->method ? message->method : "";
}

const char *modsup_message_body(const struct modsup_message *message)
{
	return message->body;
}

const char *modsup_message_json(const struct modsup_message *message)
{
	return message->json;
}

unsigned modsup_message_fds(const struct modsup_message *message)
{
	return message->n_fds;
}

int modsup_message_take_fd(struct modsup_message *message, unsigned index)
{
	return index < message->n_fds ? MS_TAKE_FD(message->fds[index]) : -EBADF;
}

/* -- errors -- */

/* A member that is a text, cut to fit; "" when it is none. */
static void put(struct ms_str object, const char *key, char *out, size_t size)
{
	ms_auto_free char *text = NULL;
	struct ms_str found;

	out[0] = '\0';
	if (ms_scan_get(object, key, &found) && ms_scan_string(found, &text) == 0)
		(void)snprintf(out, size, "%s", text); /* cutting is wanted */
}

static int code_of(struct ms_str error)
{
	struct ms_str found;
	uint64_t n;
	bool minus;

	if (!ms_scan_get(error, "code", &found) || !found.len)
		return 0;
	minus = found.p[0] == '-';
	found.p += minus;
	found.len -= minus;
	if (!ms_scan_uint(found, &n) || n > INT32_MAX)
		return 0;
	return minus ? -(int)n : (int)n;
}

void modsup_message_error(const struct modsup_message *message, struct modsup_error *ret)
{
	struct ms_str error = {.p = message->body, .len = strlen(message->body)}, data;

	*ret = (struct modsup_error){0};
	if (message->kind != MODSUP_MESSAGE_ERROR)
		return;
	ret->result = MODSUP_REFUSED;
	ret->code = code_of(error);
	put(error, "message", ret->message, sizeof(ret->message));
	if (!ms_scan_get(error, "data", &data))
		return;
	put(data, "reason", ret->reason, sizeof(ret->reason));
	put(data, "retry", ret->retry, sizeof(ret->retry));
	put(data, "hint", ret->hint, sizeof(ret->hint));
}

/**
 * ms_message_refusal() - @err as the supervisor's error says it.
 * @err: or NULL
 * Return: MODSUP_REFUSED.
 */
int ms_message_refusal(const struct modsup_message *message, struct modsup_error *err)
{
	if (err)
		modsup_message_error(message, err);
	return MODSUP_REFUSED;
}

long modsup_json_get(const char *json, const char *pointer, char *out, size_t size)
{
	struct ms_str whole = {.p = json, .len = strlen(json)}, found;
	ms_auto_free char *text = NULL;
	int r = ms_scan_check(whole.p, whole.len);

	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	r = ms_scan_pointer(whole, pointer, &found);
	if (r == 0 && found.len && found.p[0] == '"') {
		r = ms_scan_string(found, &text);
		if (r == 0)
			found = (struct ms_str){.p = text, .len = strlen(text)};
	}
	if (r < 0)
		return r;
	if (size > 0) {
		size_t n = MS_MIN(found.len, size - 1);

		memcpy(out, found.p, n);
		out[n] = '\0';
	}
	return (long)found.len;
}
