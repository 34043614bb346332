/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event.c - what a program reads of an event or a gap. Called by programs through modsup/modsup.h.
 */
#include "supervisor/client/event.h"

struct modsup_event *modsup_event_free(struct modsup_event *event)
{
	if (!event)
		return NULL;
	free(event->json);
	free(event->type);
	free(event);
	return NULL;
}

enum modsup_event_kind modsup_event_kind(const struct modsup_event *event)
{
	return event->kind;
}

const char *modsup_event_json(const struct modsup_event *event)
{
	return event->json ? event->json : "";
}

const char *modsup_event_type(const struct modsup_event *event)
{
	return event->type ? event->type : "";
}

const char *modsup_event_epoch(const struct modsup_event *event)
{
	return event->epoch;
}

uint64_t modsup_event_seq(const struct modsup_event *event)
{
	return event->kind == MODSUP_CONNECTED ? 0 : event->seq;
}

uint64_t modsup_event_from(const struct modsup_event *event)
{
	return event->from;
}

const char *modsup_event_text(const struct modsup_event *event)
{
	return event->text;
}
