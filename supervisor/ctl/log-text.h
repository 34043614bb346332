/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-text.h - a line of a module's log for people: "12:03:04.567 err text", in aligned columns and
 * safe for a terminal. Pure but for the local time zone.
 *
 *	12:03:04.567 out name?       a line without a newline yet
 *	12:03:09.012 out+Bob	     goes on
 *	12:03:09.013 --- ...	     the supervisor's own words
 */
#ifndef MS_CTL_LOG_TEXT_H
#define MS_CTL_LOG_TEXT_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/json.h"

/* What was shown before. Begins as zeros, but for `color`. */
struct ms_logtext {
	bool color;
	bool open[2]; /* stdout, stderr: the last line of it has not ended */
	int year, day;
};

/* ms_logtext_add - @line is an object of instance.logs; a new day gets a line of its own, unless it
 * is the day of @now (seconds since 1970). */
void ms_logtext_add(struct ms_logtext *view, const struct ms_json *line, int64_t now,
		    struct ms_buf *out);

#endif
