/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * line.h - whole lines and descriptors out of a stream socket. Bounded, never blocks. Called by
 * connection.c.
 */
#ifndef MS_CLIENT_LINE_H
#define MS_CLIENT_LINE_H

#include "lib/base.h"
#include "modsup/modsup.h"

#define MS_LINE_HELD_FDS 16u /* received, their line not yet complete */

struct ms_line {
	int fd;			    /* borrowed */
	size_t max;		    /* bytes of a line */
	char *in;		    /* owned: received, from @start to @end */
	size_t cap;		    /* of @in */
	size_t start;		    /* of the first line not yet handed out */
	size_t end;		    /* of what was received */
	size_t looked;		    /* up to here there is no newline */
	int held[MS_LINE_HELD_FDS]; /* owned, in order of arrival */
	uint32_t n_held;
	bool ended;    /* nothing more will come */
	bool fds_lost; /* more descriptors came than can be held */
};

void ms_line_done(struct ms_line *line);
/* ms_line_receive - one recvmsg(2). 0 when something came or the end was seen, -EAGAIN when nothing
 * is there, -EMSGSIZE, -ENOMEM, or another -errno. */
MS_MUST_CHECK int ms_line_receive(struct ms_line *line);
/* ms_line_next - the next whole line, without its newline, valid until the next _receive(). */
bool ms_line_next(struct ms_line *line, struct ms_str *ret);
/* ms_line_take_fds - the @n oldest descriptors; -EPROTO when they did not come. */
MS_MUST_CHECK int ms_line_take_fds(struct ms_line *line, uint64_t n, int *ret);

#endif
