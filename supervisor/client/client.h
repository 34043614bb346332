/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.h - one connection to a control socket: requests out, answers, events and descriptors in.
 * Bounded: a line of the supervisor above MS_MAX_PEER_OUTPUT_BYTES ends the connection. One thread,
 * no callbacks but the one for what arrives while an answer is awaited. Called by modsupctl.
 */
#ifndef MS_CLIENT_CLIENT_H
#define MS_CLIENT_CLIENT_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"

#define MS_CLIENT_MAX_FDS 4u /* with one answer, by the protocol */
#define MS_CLIENT_FOREVER (-1)

struct ms_client;

enum ms_client_result {
	MS_CLIENT_TIMEOUT = 1,
	MS_CLIENT_CLOSED,  /* the supervisor ended the connection */
	MS_CLIENT_REFUSED, /* by ms_client_open: @err says why, in the supervisor's words */
};

enum ms_message_kind { MS_MESSAGE_RESULT, MS_MESSAGE_FAILURE, MS_MESSAGE_NOTE };

/* One line of the supervisor. The values live as long as @doc. */
struct ms_message {
	enum ms_message_kind kind;
	struct ms_doc *doc;	    /* owned */
	const struct ms_json *body; /* result, error object, or params; NULL when there is none */
	struct ms_str method;	    /* of a NOTE */
	uint64_t id;		    /* of the request answered; 0 when there is none */
	int fds[MS_CLIENT_MAX_FDS]; /* owned */
	uint32_t n_fds;
};

#define MS_MESSAGE_INIT ((struct ms_message){0})

void ms_message_done(struct ms_message *message);
static inline void ms_message_cleanup(struct ms_message *message)
{
	ms_message_done(message);
}

/* ms_client_open - connect to @path and await the greeting. 0, MS_CLIENT_REFUSED, or -errno; @err
 * is filled in both cases. */
MS_MUST_CHECK int ms_client_open(const char *path, int timeout_ms, struct ms_client **ret,
				 struct ms_error *err);
/* ms_client_adopt - the same over a connected stream socket, which is taken. */
MS_MUST_CHECK int ms_client_adopt(int take_fd, int timeout_ms, struct ms_client **ret,
				  struct ms_error *err);
struct ms_client *ms_client_free(struct ms_client *client);
static inline void ms_client_cleanup(struct ms_client **client)
{
	*client = ms_client_free(*client);
}

/* The params of the greeting: protocol, server, role, epoch ... */
const struct ms_json *ms_client_hello(const struct ms_client *client);
int ms_client_fd(const struct ms_client *client); /* for poll(2) */

/* ms_client_send - one request. @take_params: a complete object, or NULL for none; consumed. 0 and
 * the id, or -errno with @err. */
MS_MUST_CHECK int ms_client_send(struct ms_client *client, const char *method,
				 struct ms_jw *take_params, uint64_t *ret_id, struct ms_error *err);

/* ms_client_receive - the next line, whatever it is. 0, MS_CLIENT_TIMEOUT, MS_CLIENT_CLOSED, or
 * -errno with @err. With @timeout_ms 0 it takes what is there already. */
MS_MUST_CHECK int ms_client_receive(struct ms_client *client, int timeout_ms,
				    struct ms_message *ret, struct ms_error *err);

/* What arrives while ms_client_call() waits, and is not its answer; valid for the call only. */
typedef void (*ms_client_other_fn)(void *data, struct ms_message *message);
void ms_client_set_other(struct ms_client *client, ms_client_other_fn fn, void *data);

/* ms_client_call - send, then receive until the answer is there: RESULT or FAILURE. As
 * ms_client_receive(). */
MS_MUST_CHECK int ms_client_call(struct ms_client *client, const char *method,
				 struct ms_jw *take_params, int timeout_ms, struct ms_message *ret,
				 struct ms_error *err);

/* ms_client_reason - the reason word of an error object, "" when it has none. */
struct ms_str ms_client_reason(const struct ms_json *error);
/* ms_client_get - a member of an object that must be of @type; NULL when it is not there, or
 * @object is NULL or none. For reading answers, of which nothing is certain. */
const struct ms_json *ms_client_get(const struct ms_json *object, const char *key,
				    enum ms_json_type type);
/* The same for a string ("" when absent), and for an integer of at least 0 (@dflt when absent). */
struct ms_str ms_client_get_str(const struct ms_json *object, const char *key);
uint64_t ms_client_get_uint(const struct ms_json *object, const char *key, uint64_t dflt);

#endif
