/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest.c - the distance of two words: letters changed, added, left out or swapped with their
 * neighbour (optimal string alignment), with case and the separators people mix up (open_files,
 * open-files) costing little. It never allocates; long words are given up at once.
 */
#include "policy/nearest.h"

#include <stdio.h>
#include <string.h>

#define MAX_WORD 48u

/* Half steps: a difference of case or separator is half an error. */
#define WHOLE 2u
#define HALF  1u

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_separator(char c)
{
	return c == '-' || c == '_' || c == '.' || c == ' ';
}

static unsigned change(char a, char b)
{
	if (a == b)
		return 0;
	if (lower(a) == lower(b) || (is_separator(a) && is_separator(b)))
		return HALF;
	return WHOLE;
}

static unsigned drop(char c)
{
	return is_separator(c) ? HALF : WHOLE;
}

static unsigned distance(struct ms_str a, struct ms_str b)
{
	unsigned rows[3][MAX_WORD + 1];

	rows[0][0] = 0;
	for (size_t j = 0; j < b.len; j++)
		rows[0][j + 1] = rows[0][j] + drop(b.p[j]);
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i - 1) % 3];
		const unsigned *earlier = rows[(i + 1) % 3];

		now[0] = before[0] + drop(a.p[i - 1]);
		for (size_t j = 1; j <= b.len; j++) {
			unsigned best = before[j - 1] + change(a.p[i - 1], b.p[j - 1]);

			best = MS_MIN(best, before[j] + drop(a.p[i - 1]));
			best = MS_MIN(best, now[j - 1] + drop(b.p[j - 1]));
			if (i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
			    lower(a.p[i - 2]) == lower(b.p[j - 1]))
				best = MS_MIN(best, earlier[j - 2] + WHOLE);
			now[j] = best;
		}
	}
	return rows[a.len % 3][b.len];
}

/**
 * ms_nearest_init() - begin to look for the nearest to @word.
 *
 * One error, and one more for each five letters, is a misspelling; more is another word.
 */
struct ms_nearest ms_nearest_init(struct ms_str word)
{
	unsigned max = word.len > MAX_WORD ? 0 : WHOLE * (1 + (unsigned)word.len / 5);

	return (struct ms_nearest){.word = word, .max = max, .distance = max + 1};
}

/**
 * ms_nearest_try() - one known word.
 */
void ms_nearest_try(struct ms_nearest *nearest, const char *candidate)
{
	struct ms_str other = {.p = candidate, .len = strlen(candidate)};
	unsigned d;

	if (!nearest->max || other.len > MAX_WORD || nearest->word.len > MAX_WORD)
		return;
	d = distance(nearest->word, other);
	/* a short candidate that shares no letter is within reach of any short word */
	if (d >= nearest->distance || d >= WHOLE * other.len)
		return;
	nearest->distance = d;
	nearest->best = candidate;
}

/**
 * ms_nearest_hint() - the question for a message.
 *
 * Return: @out, or NULL.
 */
const char *ms_nearest_hint(const struct ms_nearest *nearest,
			    char out[static MS_NEAREST_HINT_BYTES])
{
	if (!nearest->best)
		return NULL;
	(void)snprintf(out, MS_NEAREST_HINT_BYTES, "did you mean \"%s\"?",
		       nearest->best); /* fits */
	return out;
}
