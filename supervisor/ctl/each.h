/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * each.h - one request for each of several instances, over one connection and at the same time:
 * what stop, wait, start, restart and kill have in common. Answers are printed as they come.
 */
#ifndef MS_CTL_EACH_H
#define MS_CTL_EACH_H

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"
#include "policy/json.h"
#include "supervisor/ctl/ctl.h"

struct ms_client;

/* Whom it is about: what people call it, and what the request says. */
struct ms_each_target {
	char *name;	/* owned; escaped, or a word that only @build has checked */
	char *instance; /* owned; NULL: @name is the word as it was typed */
};

struct ms_each_targets {
	struct ms_each_target *list; /* owned */
	uint32_t n, cap;
};

void ms_each_done(struct ms_each_targets *targets);
static inline void ms_each_targets_cleanup(struct ms_each_targets *targets)
{
	ms_each_done(targets);
}

enum ms_each_pick { MS_EACH_LIVE, MS_EACH_OUTDATED };

/* ms_each_words - the operands of a command line. 0 or -ENOMEM. */
MS_MUST_CHECK int ms_each_words(struct ms_each_targets *targets, const char *const *words,
				uint32_t n);

struct ms_each {
	struct ms_ctl *ctl; /* borrowed */
	const char *method;
	int timeout_ms;	  /* of silence */
	const char *late; /* what @timeout_ms over means, said of the first that is open; NULL: the
			   * supervisor should have answered */
	/* The members of the request. -errno with @err: a usage error. */
	int (*build)(const void *data, const struct ms_each_target *target, struct ms_jw *jw,
		     struct ms_error *err);
	/* The answer for people. */
	void (*tell)(const void *data, const struct ms_each_target *target,
		     const struct ms_json *answer, struct ms_buf *out);
	const void *data;
	/* Said of a failure beside the supervisor's words; may be NULL. */
	void (*failed)(const void *data, const struct ms_each_target *target,
		       const struct ms_json *error);
};

/* ms_each_call - all of them; the exit code: that of the failures when they agree, else 1. */
MS_MUST_CHECK int ms_each_call(const struct ms_each *each, const struct ms_each_targets *targets);
/* ms_each_call_picked - the same for those of the supervisor's list that @pick says. */
MS_MUST_CHECK int ms_each_call_picked(const struct ms_each *each, enum ms_each_pick pick);
/* ms_each_listed - @fn for each instance of the supervisor's list, in the order of start, page by
 * page. MS_EXIT_DONE, or the exit code after the error was told. */
MS_MUST_CHECK int ms_each_listed(struct ms_ctl *ctl, struct ms_client *client,
				 void (*fn)(void *data, const struct ms_json *instance),
				 void *data);
/* ms_each_target_members - the plain request: who it is, and nothing more. */
MS_MUST_CHECK int ms_each_target_members(const struct ms_each_target *target, struct ms_jw *jw,
					 struct ms_error *err);

#endif
