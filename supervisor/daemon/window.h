/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.h - counters that only grow, looked at now and then: how far they came within the last
 * minute or so, and when it is time to tell. Pure: the clock is an argument. Used by watch.c.
 */
#ifndef MS_DAEMON_WINDOW_H
#define MS_DAEMON_WINDOW_H

#include "lib/base.h"

#define MS_WINDOW_SAMPLES 8u /* two more than steps in a window: late looks leave it covered */

struct ms_window_sample {
	uint64_t usec, count, amount;
};

struct ms_window {
	uint64_t length_usec;
	struct ms_window_sample samples[MS_WINDOW_SAMPLES]; /* a ring */
	uint32_t n, next;
};

/* ms_window_init - nothing is known yet of the last @length_usec. */
void ms_window_init(struct ms_window *window, uint64_t length_usec);
/* ms_window_look - take in what two counters are now. True: they have been watched for the length
 * of the window, and @ret tells how far they came and in what time: that length, or up to the
 * distance of two looks more. */
bool ms_window_look(struct ms_window *window, const struct ms_window_sample *now,
		    struct ms_window_sample *ret);

/* The first is told at once, later ones not before an interval has passed. */
struct ms_pace {
	uint64_t interval_usec, told_usec;
	bool told;
};
bool ms_pace_due(const struct ms_pace *pace, uint64_t now_usec);
void ms_pace_tell(struct ms_pace *pace, uint64_t now_usec);

#endif
