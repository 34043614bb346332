/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logread.h - the lines of an instance's log in order, out of two files that its shim fills in turn
 * meanwhile. Reads in short steps and never waits; believes nothing that the files say beyond its
 * bounds.
 */
#ifndef MS_DAEMON_LOGREAD_H
#define MS_DAEMON_LOGREAD_H

#include "lib/base.h"
#include "lib/logrec.h"

#define MS_LOGREAD_BYTES 16384u

struct ms_logread {
	int fds[2];	     /* borrowed */
	int at;		     /* the file that is being read */
	uint64_t generation; /* of it; 0: to be looked for */
	uint64_t last;	     /* the highest there was: it only goes up */
	uint64_t offset;     /* in it, of the next record */
	bool bad;	     /* nothing after the offset can be read */
	bool begun;	     /* what is missing from now on is told */
	size_t start, end;   /* of what is read ahead from the offset */
	uint8_t ahead[MS_LOGREAD_BYTES];
};

enum ms_logread_result {
	MS_LOGREAD_NOTHING = 1, /* now: perhaps later */
	MS_LOGREAD_GAP,		/* what came next was overwritten before it was read */
	MS_LOGREAD_BAD,		/* the rest of this file is no log; told once */
};

/* ms_logread_init - from the oldest line there is. */
void ms_logread_init(struct ms_logread *r, const int fds[static 2]);
/* ms_logread_next - 0 and a line (STDOUT, STDERR or NOTE; its text is valid until the next call),
 * an ms_logread_result, or -errno. */
MS_MUST_CHECK int ms_logread_next(struct ms_logread *r, struct ms_logrec *ret);

#endif
