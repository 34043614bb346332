/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage.h - what instances use, out of the answers of instance.stats: rows of figures, compared
 * with an earlier look, as a table of 80 columns. Pure but for memory. Used by verb-stats.c.
 */
#ifndef MS_CTL_USAGE_H
#define MS_CTL_USAGE_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/json.h"

struct ms_usage_row {
	char *name; /* owned: MODULE, or MODULE@TENANT */
	char instance[17], state[16];
	bool running;
	uint64_t cpu_usec, uptime_usec;
	uint64_t cpu_tenths; /* of a per cent of a core */
	uint64_t memory, memory_limit, processes, processes_limit;
};

struct ms_usage {
	struct ms_usage_row *rows; /* owned */
	size_t n, cap;
};
#define MS_USAGE_INIT ((struct ms_usage){.n = 0})

void ms_usage_done(struct ms_usage *usage);
static inline void ms_usage_cleanup(struct ms_usage *usage)
{
	ms_usage_done(usage);
}
/* ms_usage_add - the rows of an answer; 0 or -ENOMEM. The share of a core is that since the start.
 */
MS_MUST_CHECK int ms_usage_add(struct ms_usage *usage, const struct ms_json *answer);
/* ms_usage_compare - the share of a core since @before, of those that are in both. */
void ms_usage_compare(struct ms_usage *usage, const struct ms_usage *before);
/* ms_usage_sort - who uses most of a core first. */
void ms_usage_sort(struct ms_usage *usage);
/* ms_usage_print - at most @max_rows (0: all) and what they come to together; @width as for
 * ms_table_print(). */
void ms_usage_print(const struct ms_usage *usage, size_t width, size_t max_rows,
		    struct ms_buf *out);

#define MS_USAGE_BYTES_TEXT 24
/* ms_usage_bytes - "0", "812K", "12.3M", "1.5G": at most five characters below a thousand T. */
const char *ms_usage_bytes(uint64_t bytes, char out[static MS_USAGE_BYTES_TEXT]);

#endif
