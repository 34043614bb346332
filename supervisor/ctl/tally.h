/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tally.h - the violations of one run, like ones added up, for the account at its end. Bounded: the
 * rest is counted only.
 */
#ifndef MS_CTL_TALLY_H
#define MS_CTL_TALLY_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/json.h"

#define MS_TALLY_MAX_KINDS 50u

struct ms_tally_kind {
	char *instance, *severity, *text, *remedy; /* owned */
	uint64_t count;
	bool observed; /* told, not refused */
};

struct ms_tally {
	struct ms_tally_kind kinds[MS_TALLY_MAX_KINDS];
	uint32_t n_kinds;
	uint64_t dropped; /* violations of kinds beyond those */
};

void ms_tally_done(struct ms_tally *tally);
/* ms_tally_add - one `violation` event. */
void ms_tally_add(struct ms_tally *tally, const struct ms_json *event);
/* ms_tally_print - those of @instance; nothing when there are none. */
void ms_tally_print(const struct ms_tally *tally, struct ms_str instance, bool color,
		    struct ms_buf *out);

#endif
