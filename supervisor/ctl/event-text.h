/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event-text.h - one event as a person reads it: when, how bad, which module, what was tried, by
 * whom, what became of it, and what to do. Pure but for the local time zone.
 */
#ifndef MS_CTL_EVENT_TEXT_H
#define MS_CTL_EVENT_TEXT_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/json.h"

/* ms_event_text - @event are the params of a notification. One paragraph, and one for the remedy.
 */
void ms_event_text(const struct ms_json *event, bool color, struct ms_buf *out);

/* ms_event_tried - only what was tried, by whom, and what became of it, of a violation's data;
 * without the count and without a newline. @with_pid: name the process, not only its program. */
void ms_event_tried(const struct ms_json *data, bool with_pid, struct ms_buf *out);
/* ms_event_severity - the word in the colour of its weight, 9 columns. */
void ms_event_severity(struct ms_str severity, bool color, struct ms_buf *out);
/* ms_event_clock - the time of an event, here: "12:34:56 ", 9 columns. */
void ms_event_clock(struct ms_str time, struct ms_buf *out);

#endif
