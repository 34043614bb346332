/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event.h - one thing that a modsup_follow tells. Filled by follow.c alone, read by programs
 * through modsup/modsup.h.
 */
#ifndef MS_CLIENT_EVENT_H
#define MS_CLIENT_EVENT_H

#include "lib/base.h"
#include "modsup/modsup.h"

#define MS_EVENT_EPOCH_BYTES 64u

struct modsup_event {
	enum modsup_event_kind kind;
	char *json; /* owned, or NULL */
	char *type; /* owned, or NULL */
	char epoch[MS_EVENT_EPOCH_BYTES + 1];
	uint64_t seq, from;
	char text[sizeof(((struct modsup_error *)0)->message)];
	struct modsup_event *next; /* in the queue of a follow */
};

#endif
