/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-lines.h - lines of a log as answers tell them: which are wanted, how many there are, one as
 * JSON.
 */
#ifndef MS_DAEMON_LOG_LINES_H
#define MS_DAEMON_LOG_LINES_H

#include "lib/base.h"
#include "lib/logrec.h"
#include "policy/json.h"

struct ms_logread;

struct ms_log_filter {
	bool one_source;
	enum ms_logrec_source source; /* with one_source; notes pass all the same */
	uint64_t since_usec;	      /* CLOCK_REALTIME, 0: from the beginning */
};

bool ms_loglines_wanted(const struct ms_log_filter *filter, const struct ms_logrec *rec);
/* ms_loglines_skip - how many wanted lines to leave out so that the last @lines remain. @read is
 * used for it. */
uint64_t ms_loglines_skip(struct ms_logread *read, const int fds[static 2],
			  const struct ms_log_filter *filter, uint64_t lines);
/* ms_loglines_cut - how many more, after the first @skip, so that the rest takes at most about
 * @max_bytes as JSON. */
uint64_t ms_loglines_cut(struct ms_logread *read, const int fds[static 2],
			 const struct ms_log_filter *filter, uint64_t skip, uint64_t max_bytes);
/* ms_loglines_members - of an open object. */
void ms_loglines_members(struct ms_jw *jw, const struct ms_logrec *rec);

#endif
