/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest.h - "did you mean ...?": the known word that a misspelled one resembles most. For the
 * strict parsers of this folder and for command lines. Pure.
 */
#ifndef MS_POLICY_NEAREST_H
#define MS_POLICY_NEAREST_H

#include "lib/base.h"

struct ms_nearest {
	struct ms_str word; /* borrowed: as found */
	const char *best;   /* borrowed: the likest so far, or NULL */
	unsigned distance;  /* of best */
	unsigned max;	    /* a candidate further away than this is no help */
};

#define MS_NEAREST_HINT_BYTES 96u

struct ms_nearest ms_nearest_init(struct ms_str word);
/* ms_nearest_try - one known word after another; of equally like ones the first stays. */
void ms_nearest_try(struct ms_nearest *nearest, const char *candidate);
/* ms_nearest_hint - did you mean "best"? or NULL when nothing resembles; @out holds the text. */
const char *ms_nearest_hint(const struct ms_nearest *nearest,
			    char out[static MS_NEAREST_HINT_BYTES]);

#endif
