/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.h - one-use sockets for bulk data: a caller is told a path beside the control socket it
 * came through, connects there within ten seconds as the same user, and reads bytes to their end.
 * Bytes come from a source that is pulled when the reader has room, so a slow reader costs one
 * buffer and its place, and nothing ever waits for it.
 *
 *	listening --(same user)--> sending --(source ends, all sent)--> gone
 *	    \--(10 s)--> gone          \--(reader gone, or takes nothing for a minute)--> gone
 */
#ifndef MS_DAEMON_STREAM_H
#define MS_DAEMON_STREAM_H

#include <sys/types.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"

struct ms_stream;
struct ms_streams;
struct ms_supervisor;

#define MS_STREAM_PATH_BYTES 108u /* what a Unix socket's address takes */

enum ms_stream_result {
	MS_STREAM_EMPTY = 1, /* nothing now: ms_stream_wake() will say when there is more */
	MS_STREAM_END,	     /* nothing any more; what @out has is still sent */
};

/* Where bytes come from. pull() appends to @out, at most MS_STREAM_PULL_BYTES, in a short time; 0:
 * call again (also when it added nothing), an ms_stream_result, or -errno, which ends the stream.
 * done() is called once, whatever ended it; neither may end the stream itself. */
#define MS_STREAM_PULL_BYTES 16384u
struct ms_stream_source {
	int (*pull)(void *data, struct ms_buf *out);
	void (*done)(void *data);
	void *data;
};

/* Who may have it, and where. Times of 0 are the usual ones (ten seconds, a minute). */
struct ms_stream_for {
	const char *dir; /* absolute, nobody else's to write */
	uid_t uid;
	uint64_t expire_usec, stall_usec;
};

/* ms_streams_new - and remove what a dead daemon left in the folders of the control sockets. */
MS_MUST_CHECK int ms_streams_new(struct ms_supervisor *s, struct ms_streams **ret,
				 struct ms_error *err);
struct ms_streams *ms_streams_free(struct ms_streams *streams); /* ends every stream */
/* ms_streams_review - after a change of who may do what: end those of everybody but root and the
 * daemon's own user, as they are not bound to a connection that could be looked at. */
void ms_streams_review(struct ms_streams *streams);

/* ms_stream_open - begin to listen; `busy` when there are MS_MAX_STREAMS. On failure the source is
 * the caller's as before, and done() is not called. */
MS_MUST_CHECK int ms_stream_open(struct ms_streams *streams, const struct ms_stream_for *whom,
				 const struct ms_stream_source *source, struct ms_stream **ret,
				 struct ms_error *err);
const char *ms_stream_path(const struct ms_stream *stream);
/* ms_stream_wake - the source has something, or has ended. */
void ms_stream_wake(struct ms_stream *stream);

#endif
