/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restart.h - what follows the end of an instance: nothing, another start after a while, or the
 * finding that it is of no use. Pure: no clock, no randomness of its own. Called by unit.c.
 */
#ifndef MS_DAEMON_RESTART_H
#define MS_DAEMON_RESTART_H

#include "lib/base.h"
#include "modsup/limits.h"
#include "policy/manifest.h"

/* Starts that are remembered: as many as the configuration may ask for. */
#define MS_RESTART_HISTORY MS_MAX_RESTART_LIMIT

/* The times of the latest starts, of one module. */
struct ms_restart_history {
	uint64_t starts_usec[MS_RESTART_HISTORY]; /* CLOCK_BOOTTIME; a ring */
	uint32_t n;				  /* ever */
};

struct ms_restart_rules {
	enum ms_restart when;
	uint64_t delay_usec, max_delay_usec, window_usec;
	uint32_t limit; /* starts in the window; 0 = none */
};

enum ms_restart_verdict {
	MS_RESTART_STAY, /* it ended as it should */
	MS_RESTART_AGAIN,
	MS_RESTART_GIVE_UP, /* too many starts in the window */
};

void ms_restart_note(struct ms_restart_history *history, uint64_t now_usec);

/*
 * ms_restart_decide - @failed: it ended otherwise than by exit status 0.
 * @failures: such ends in a row, this one included.
 * @random: 32 random bits, for the jitter: a hundred modules that failed together do not come back
 * together.
 * AGAIN: @ret_delay is how long to wait, between 75 and 125 per cent of the exponential step.
 */
enum ms_restart_verdict ms_restart_decide(const struct ms_restart_rules *rules,
					  const struct ms_restart_history *history, bool failed,
					  uint32_t failures, uint64_t now_usec, uint32_t random,
					  uint64_t *ret_delay);

#endif
