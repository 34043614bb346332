/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * story.h - what the supervisor still knows of a module's past, for `status`: what was refused
 * last, how often it failed in a row, its last lines. Each part may be missing (a supervisor that
 * is older, or forgot): then it is empty, and nothing is said of it here.
 */
#ifndef MS_CTL_STORY_H
#define MS_CTL_STORY_H

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"

#define MS_STORY_DENIALS 5u
#define MS_STORY_LINES	 20u

/* One kind of refused act: what differs in the process alone is the same. */
struct ms_story_denial {
	struct ms_message event; /* the latest of them */
	char *text;		 /* owned: what was tried */
	uint64_t count;
};

struct ms_story {
	struct ms_story_denial denials[MS_STORY_DENIALS]; /* the last to happen last */
	uint32_t n_denials;
	uint64_t n_refused;	   /* acts, of these kinds and of those that found no room */
	struct ms_message backoff; /* the latest instance.backoff */
	struct ms_message ailing;  /* the latest instance.unhealthy */
	struct ms_message logs;	   /* the answer of instance.logs */
};

void ms_story_done(struct ms_story *story);
static inline void ms_story_cleanup(struct ms_story *story)
{
	ms_story_done(story);
}

/* ms_story_read - of the module and tenant of @instance. False, and told, when the connection
 * broke. */
MS_MUST_CHECK bool ms_story_read(struct ms_ctl *ctl, struct ms_client *client,
				 const struct ms_json *instance, struct ms_story *ret,
				 int *ret_exit);
#endif
