/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * why.h - why is it not running? What the supervisor tells of an instance, of itself and of what
 * happened, as the one reason that holds it, in a sentence, and the commands to type next. Pure.
 */
#ifndef MS_CTL_WHY_H
#define MS_CTL_WHY_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/json.h"

struct ms_why_facts {
	const char *name;		 /* NAME[@TENANT] or an instance, as it was typed */
	const char *program;		 /* "modsupctl", with the options that lead to this one */
	const struct ms_json *instance;	 /* NULL: there is none */
	const struct ms_json *emergency; /* of supervisor.info; NULL: the flag is down */
	const struct ms_json *backoff;	 /* data of its latest instance.backoff; NULL: not known */
	const struct ms_json *ailing;	 /* ... of its latest instance.unhealthy; NULL: not known */
	int64_t now;
};

#define MS_WHY_COMMANDS	     3u
#define MS_WHY_COMMAND_BYTES 256u

struct ms_why {
	char reason[64];    /* a stable word: "ready", "emergency", "not-started", "start-limit" */
	struct ms_buf text; /* the sentence; empty when it simply runs */
	char commands[MS_WHY_COMMANDS][MS_WHY_COMMAND_BYTES];
	uint32_t n_commands;
};

void ms_why_done(struct ms_why *why);
static inline void ms_why_cleanup(struct ms_why *why)
{
	ms_why_done(why);
}

/* ms_why_find - the first reason that holds it. @ret: of any content; its text has a sticky error.
 */
void ms_why_find(const struct ms_why_facts *facts, struct ms_why *ret);

#endif
