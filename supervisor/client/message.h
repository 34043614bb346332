/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.h - one line of the supervisor, and struct modsup_error filled in. Called by connection.c
 * and follow.c.
 */
#ifndef MS_CLIENT_MESSAGE_H
#define MS_CLIENT_MESSAGE_H

#include "lib/base.h"
#include "modsup/modsup.h"

struct modsup_message {
	enum modsup_message_kind kind;
	uint64_t id;
	char *json;		 /* owned: the line */
	size_t json_len;	 /* of it */
	char *body;		 /* owned */
	char *method;		 /* owned, NULL unless a note */
	int fds[MODSUP_MAX_FDS]; /* owned; -EBADF once taken */
	unsigned n_fds;
	struct modsup_message *next; /* in the queue of a connection */
};

static inline void ms_note_cleanup(struct modsup_message **message)
{
	*message = modsup_message_free(*message);
}

/* ms_message_read - @ret_n_fds: as many descriptors belong to it, which the caller adds. 0,
 * -EPROTO, -ENOMEM. */
MS_MUST_CHECK int ms_message_read(struct ms_str line, struct modsup_message **ret,
				  uint64_t *ret_n_fds);
/* ms_message_refusal - @err as the error says it. MODSUP_REFUSED. */
int ms_message_refusal(const struct modsup_message *message, struct modsup_error *err);
/* ms_message_tell - fill @err (or nothing, when it is NULL); @result is its value. A macro, so that
 * a static analyser sees that. */
#define ms_message_tell(err, result, ...)                                                          \
	({                                                                                         \
		int result_ = (result);                                                            \
		ms_message_fill((err), result_, __VA_ARGS__);                                      \
		result_;                                                                           \
	})
void ms_message_fill(struct modsup_error *err, int result, const char *fmt, ...) MS_PRINTF(3, 4);
/* ms_message_hint - what to do about what was just told. */
void ms_message_hint(struct modsup_error *err, const char *hint);

#endif
