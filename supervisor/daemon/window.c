/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.c - the arithmetic of windows over counters. No I/O, no clock of its own. Called by
 * watch.c.
 */
#include "supervisor/daemon/window.h"

#define STEPS                                                                                      \
	(MS_WINDOW_SAMPLES - 2) /* samples nearer to each other than this part are left out        \
				 */

void ms_window_init(struct ms_window *w, uint64_t length_usec)
{
	*w = (struct ms_window){.length_usec = length_usec};
}

/* The @i-th newest sample; @i below n. */
static const struct ms_window_sample *sample_at(const struct ms_window *w, uint32_t i)
{
	return &w->samples[(w->next + MS_WINDOW_SAMPLES - 1 - i) % MS_WINDOW_SAMPLES];
}

static bool went_back(const struct ms_window_sample *now, const struct ms_window_sample *then)
{
	return now->usec < then->usec || now->count < then->count || now->amount < then->amount;
}

/* The newest sample that is a whole window old; NULL: there is none yet. */
static const struct ms_window_sample *begin_of(const struct ms_window *w, uint64_t now_usec)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct ms_window_sample *s = sample_at(w, i);

		if (now_usec - s->usec >= w->length_usec)
			return s;
	}
	return NULL;
}

/** ms_window_look() - see window.h. */
bool ms_window_look(struct ms_window *w, const struct ms_window_sample *now,
		    struct ms_window_sample *ret)
{
	const struct ms_window_sample *begin;
	bool whole;

	if (w->n && went_back(now, sample_at(w, 0)))
		w->n = 0; /* these are other counters: begin anew */
	begin = begin_of(w, now->usec);
	whole = begin != NULL;
	if (whole)
		*ret = (struct ms_window_sample){
			.usec = now->usec - begin->usec,
			.count = now->count - begin->count,
			.amount = now->amount - begin->amount,
		};
	if (w->n && now->usec - sample_at(w, 0)->usec < w->length_usec / STEPS)
		return whole;
	w->samples[w->next] = *now;
	w->next = (w->next + 1) % MS_WINDOW_SAMPLES;
	if (w->n < MS_WINDOW_SAMPLES)
		w->n++;
	return whole;
}

bool ms_pace_due(const struct ms_pace *p, uint64_t now_usec)
{
	return !p->told || now_usec < p->told_usec || now_usec - p->told_usec >= p->interval_usec;
}

void ms_pace_tell(struct ms_pace *p, uint64_t now_usec)
{
	p->told = true;
	p->told_usec = now_usec;
}
