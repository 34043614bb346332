/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restart.c - restart.h.
 */
#include "supervisor/daemon/restart.h"

void ms_restart_note(struct ms_restart_history *history, uint64_t now_usec)
{
	history->starts_usec[history->n++ % MS_RESTART_HISTORY] = now_usec;
}

static uint32_t starts_in_window(const struct ms_restart_history *history, uint64_t now_usec,
				 uint64_t window_usec)
{
	uint32_t kept = MS_MIN(history->n, (uint32_t)MS_RESTART_HISTORY), in = 0;

	for (uint32_t i = 0; i < kept; i++)
		in += history->starts_usec[i] + window_usec > now_usec;
	return in;
}

static uint64_t step(const struct ms_restart_rules *rules, uint32_t failures)
{
	uint64_t delay = rules->delay_usec;

	for (uint32_t i = 1; i < failures && delay < rules->max_delay_usec; i++)
		delay *= 2;
	return MS_MIN(delay, rules->max_delay_usec);
}

enum ms_restart_verdict ms_restart_decide(const struct ms_restart_rules *rules,
					  const struct ms_restart_history *history, bool failed,
					  uint32_t failures, uint64_t now_usec, uint32_t random,
					  uint64_t *ret_delay)
{
	uint64_t delay;

	if (rules->when == MS_RESTART_NEVER || (rules->when == MS_RESTART_ON_FAILURE && !failed))
		return MS_RESTART_STAY;
	if (rules->limit && starts_in_window(history, now_usec, rules->window_usec) >= rules->limit)
		return MS_RESTART_GIVE_UP;
	delay = step(rules, failures ? failures : 1);
	*ret_delay = delay - delay / 4 + (delay / 2) * (uint64_t)random / UINT32_MAX;
	return MS_RESTART_AGAIN;
}
