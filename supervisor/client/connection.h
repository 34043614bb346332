/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.h - what follow.c needs of a connection beyond the public header: to begin one without
 * waiting, and the clock.
 */
#ifndef MS_CLIENT_CONNECTION_H
#define MS_CLIENT_CONNECTION_H

#include "lib/base.h"
#include "modsup/modsup.h"

static inline void ms_conn_cleanup(struct modsup **conn)
{
	*conn = modsup_close(*conn);
}

/* ms_conn_options - the options that this library knows out of those that the caller knows; both
 * begin with their size. 0, -EINVAL, -E2BIG. */
MS_MUST_CHECK int ms_conn_options(const void *given, void *out, size_t known);
const char *ms_conn_path(const struct modsup_options *options);
/* ms_conn_begin - connect, with the greeting still to come. With @timeout_ms 0 a full backlog is
 * -EAGAIN. */
MS_MUST_CHECK int ms_conn_begin(const struct modsup_options *options, int timeout_ms,
				struct modsup **ret, struct modsup_error *err);
/* ms_conn_greet - 0, MODSUP_TIMEOUT (ask again), MODSUP_REFUSED, or -errno. */
MS_MUST_CHECK int ms_conn_greet(struct modsup *conn, int timeout_ms, struct modsup_error *err);

int64_t ms_conn_now_ms(void);
/* What is left until @deadline_ms (below 0: for ever), for poll(2); and the deadline of a timeout.
 */
int ms_conn_left_ms(int64_t deadline_ms);
int64_t ms_conn_deadline(int timeout_ms);

#endif
