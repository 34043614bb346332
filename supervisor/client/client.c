/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.c - libmodsup for the programs of this tree: its messages as trees, its errors as struct
 * ms_error. Everything about the connection itself is the library's. Must never block longer than
 * it was told to. Called by modsupctl.
 */
#include "supervisor/client/client.h"

#include <string.h>

#include "lib/log.h"
#include "modsup/limits.h"
#include "modsup/modsup.h"
#include "supervisor/client/connection.h"

#define SEND_MS 30000

struct ms_client {
	struct modsup *conn;  /* owned */
	struct ms_doc *hello; /* owned */
	ms_client_other_fn other;
	void *other_data; /* borrowed */
};

static inline void ms_reply_cleanup(struct modsup_message **message)
{
	*message = modsup_message_free(*message);
}

void ms_message_done(struct ms_message *message)
{
	if (!message)
		return;
	for (uint32_t i = 0; i < message->n_fds; i++)
		message->fds[i] = ms_fd_close(message->fds[i]);
	message->n_fds = 0;
	message->doc = ms_doc_free(message->doc);
	message->body = NULL;
}

struct ms_client *ms_client_free(struct ms_client *client)
{
	if (!client)
		return NULL;
	client->conn = modsup_close(client->conn);
	client->hello = ms_doc_free(client->hello);
	free(client);
	return NULL;
}

const struct ms_json *ms_client_hello(const struct ms_client *client)
{
	return ms_doc_root(client->hello);
}

int ms_client_fd(const struct ms_client *client)
{
	return modsup_fd(client->conn);
}

void ms_client_set_other(struct ms_client *client, ms_client_other_fn fn, void *data)
{
	client->other = fn;
	client->other_data = data;
}

/* Reading answers */

const struct ms_json *ms_client_get(const struct ms_json *object, const char *key,
				    enum ms_json_type type)
{
	const struct ms_json *value;

	if (!object || ms_json_type(object) != MS_JSON_OBJECT)
		return NULL;
	value = ms_json_get(object, key);
	return value && ms_json_type(value) == type ? value : NULL;
}

struct ms_str ms_client_get_str(const struct ms_json *object, const char *key)
{
	const struct ms_json *value = ms_client_get(object, key, MS_JSON_STRING);

	return value ? ms_json_str(value) : (struct ms_str){.p = "", .len = 0};
}

uint64_t ms_client_get_uint(const struct ms_json *object, const char *key, uint64_t dflt)
{
	const struct ms_json *value = ms_client_get(object, key, MS_JSON_INT);

	return value && ms_json_int(value) >= 0 ? (uint64_t)ms_json_int(value) : dflt;
}

struct ms_str ms_client_reason(const struct ms_json *error)
{
	return ms_client_get_str(ms_client_get(error, "data", MS_JSON_OBJECT), "reason");
}

/* Errors */

static enum ms_reason reason_of(struct ms_str word)
{
	for (unsigned i = 0; i < MS_REASON_COUNT; i++) {
		const char *w = ms_reason_word((enum ms_reason)i);

		if (strlen(w) == word.len && memcmp(w, word.p, word.len) == 0)
			return (enum ms_reason)i;
	}
	return MS_REASON_INTERNAL;
}

/* The library's words, made safe for a terminal: they may be those of whatever listens there. */
static int failed(int r, const struct modsup_error *why, struct ms_error *err)
{
	char shown[MS_ERROR_MSG_BYTES];
	struct ms_str reason = {.p = why->reason, .len = strlen(why->reason)};
	enum ms_reason known = reason.len ? reason_of(reason) : MS_REASON_INTERNAL;

	if (r == -E2BIG)
		known = MS_REASON_REQUEST_INVALID;
	if (r == -ENAMETOOLONG)
		known = MS_REASON_PARAMS_INVALID;
	(void)ms_error_say(err, r < 0 ? -r : EACCES, known, "%s",
			   ms_log_quote(why->message, strlen(why->message), shown, sizeof(shown)));
	if (why->hint[0])
		(void)ms_error_hint(
			err, "%s",
			ms_log_quote(why->hint, strlen(why->hint), shown, sizeof(shown)));
	return r == MODSUP_REFUSED ? MS_CLIENT_REFUSED : r;
}

/* Receiving */

static int parse(const char *text, struct ms_doc **ret, struct ms_error *err)
{
	static const struct ms_doc_limits limits = {.max_bytes = MS_MAX_PEER_OUTPUT_BYTES,
						    .max_depth = MS_MAX_REQUEST_DEPTH};
	ms_auto(report) struct ms_report *report = ms_report_new("answer");
	size_t len = strlen(text);
	char shown[81];
	int r = -ENOMEM;

	if (report)
		r = ms_doc_parse(text, len, limits, MS_REASON_PARSE_ERROR, report, ret);
	if (r < 0)
		return ms_error_set(err, -r, "read an answer");
	if (r == 0)
		return 0;
	return ms_error_say(err, EPROTO, MS_REASON_INTERNAL, "what answered is no modsupd: '%s'",
			    ms_log_quote(text, MS_MIN(len, (size_t)60), shown, sizeof(shown)));
}

/* What the library took apart, as a tree. */
static int convert(struct modsup_message *reply, struct ms_message *ret, struct ms_error *err)
{
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	int r = parse(modsup_message_json(reply), &message.doc, err);
	const struct ms_json *root;

	if (r < 0)
		return r;
	root = ms_doc_root(message.doc);
	message.id = modsup_message_id(reply);
	message.method = ms_client_get_str(root, "method");
	switch (modsup_message_kind(reply)) {
	case MODSUP_MESSAGE_RESULT:
		message.kind = MS_MESSAGE_RESULT;
		message.body = ms_json_get(root, "result");
		break;
	case MODSUP_MESSAGE_ERROR:
		message.kind = MS_MESSAGE_FAILURE;
		message.body = ms_client_get(root, "error", MS_JSON_OBJECT);
		break;
	case MODSUP_MESSAGE_NOTE:
		message.kind = MS_MESSAGE_NOTE;
		message.body = ms_client_get(root, "params", MS_JSON_OBJECT);
		break;
	}
	for (unsigned i = 0; i < modsup_message_fds(reply); i++)
		message.fds[message.n_fds++] = modsup_message_take_fd(reply, i);
	*ret = message;
	message = MS_MESSAGE_INIT;
	return 0;
}

int ms_client_receive(struct ms_client *client, int timeout_ms, struct ms_message *ret,
		      struct ms_error *err)
{
	ms_auto(reply) struct modsup_message *reply = NULL;
	struct modsup_error why;
	int r = modsup_receive(client->conn, timeout_ms, &reply, &why);

	if (r == 0)
		return convert(reply, ret, err);
	if (r == MODSUP_TIMEOUT)
		return MS_CLIENT_TIMEOUT;
	return r == MODSUP_CLOSED ? MS_CLIENT_CLOSED : failed(r, &why, err);
}

/* Sending */

int ms_client_send(struct ms_client *client, const char *method, struct ms_jw *take_params,
		   uint64_t *ret_id, struct ms_error *err)
{
	ms_auto(jw) struct ms_jw *params = take_params;
	ms_auto_free char *text = params ? ms_jw_take(params, MS_JW_LINE, NULL) : NULL;
	struct modsup_error why;
	uint64_t id = 0;
	int r;

	if (params && !text)
		return ms_error_set(err, ENOMEM, "write the request %s", method);
	r = modsup_send(client->conn, method, text, &id, &why);
	if (r == 0)
		r = modsup_flush(client->conn, SEND_MS, &why);
	if (r != 0)
		return failed(r == MODSUP_TIMEOUT ? -ETIMEDOUT : r, &why, err);
	*ret_id = id;
	return 0;
}

/* What is left of @timeout_ms since @since_ms. */
static int left_of(int timeout_ms, int64_t since_ms)
{
	int64_t left = timeout_ms - (ms_conn_now_ms() - since_ms);

	return timeout_ms < 0 ? timeout_ms : left < 0 ? 0 : (int)left;
}

int ms_client_call(struct ms_client *client, const char *method, struct ms_jw *take_params,
		   int timeout_ms, struct ms_message *ret, struct ms_error *err)
{
	int64_t since = ms_conn_now_ms();
	uint64_t id = 0;
	int r = ms_client_send(client, method, take_params, &id, err);

	while (r == 0) {
		ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;

		r = ms_client_receive(client, left_of(timeout_ms, since), &message, err);
		if (r != 0)
			break;
		/* A failure without an id is about the connection, so about this call too. */
		if (message.kind != MS_MESSAGE_NOTE &&
		    (message.id == id || (message.kind == MS_MESSAGE_FAILURE && message.id == 0))) {
			*ret = message;
			message = MS_MESSAGE_INIT;
			return 0;
		}
		if (client->other)
			client->other(client->other_data, &message);
	}
	return r;
}

/* Opening */

static int wrap(struct modsup *take_conn, struct ms_client **ret, struct ms_error *err)
{
	ms_auto(conn) struct modsup *conn = take_conn;
	ms_auto(client) struct ms_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return ms_error_set(err, ENOMEM, "connect");
	client->conn = MS_TAKE_PTR(conn);
	r = parse(modsup_greeting(client->conn), &client->hello, err);
	if (r == 0)
		*ret = MS_TAKE_PTR(client);
	return r;
}

static struct modsup_options options_of(const char *path, int timeout_ms)
{
	struct modsup_options options = MODSUP_OPTIONS_INIT;

	options.path = path;
	options.timeout_ms = timeout_ms ? timeout_ms : 1; /* 0 would be the library's default */
	return options;
}

int ms_client_adopt(int take_fd, int timeout_ms, struct ms_client **ret, struct ms_error *err)
{
	struct modsup_options options = options_of(NULL, timeout_ms);
	struct modsup *conn = NULL;
	struct modsup_error why;
	int r = modsup_adopt(take_fd, &options, &conn, &why);

	return r == 0 ? wrap(conn, ret, err) : failed(r, &why, err);
}

int ms_client_open(const char *path, int timeout_ms, struct ms_client **ret, struct ms_error *err)
{
	struct modsup_options options = options_of(path, timeout_ms);
	struct modsup *conn = NULL;
	struct modsup_error why;
	int r = modsup_connect(&options, &conn, &why);

	return r == 0 ? wrap(conn, ret, err) : failed(r, &why, err);
}
