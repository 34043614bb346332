/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - text for people in a terminal of 80 columns: wrapped paragraphs, aligned columns, ages
 * and times. Pure: what is written is in the caller's buffer.
 */
#ifndef MS_CTL_TEXT_H
#define MS_CTL_TEXT_H

#include "lib/base.h"
#include "lib/buf.h"

/* ms_text_wrap - @text in lines of at most @width columns, each beginning at column @indent. The
 * first line continues what stands in @out up to column @at. Ends with a newline. Words are never
 * cut. @text must be safe for a terminal already. */
void ms_text_wrap(struct ms_buf *out, const char *text, size_t at, size_t indent, size_t width);

/* ms_text_columns - how many columns @len bytes of UTF-8 take, one for each character. */
size_t ms_text_columns(const char *text, size_t len);

/* ms_text_bytes - how many bytes the first @columns characters of @text take. */
size_t ms_text_bytes(const char *text, size_t columns);

#define MS_TEXT_AGE_BYTES 32
/* ms_text_age - "5s" "3m12s" "2h05m" "4d03h"; at most 31 bytes and the NUL. */
void ms_text_age(uint64_t seconds, char out[static MS_TEXT_AGE_BYTES]);

/* ms_text_time - the seconds since 1970 of an RFC 3339 time in UTC ("2026-01-02T03:04:05.6Z");
 * false for anything else. */
bool ms_text_time(struct ms_str text, int64_t *ret);

#define MS_TABLE_MAX_COLUMNS 12u

/* A table: cells are added from left to right, row by row, and printed when all are known. */
struct ms_table {
	const char *const *titles;
	uint32_t n_columns;
	uint32_t right; /* bit n: column n is aligned to the right */
	bool notes;	/* one more cell a row, without a title: a line below it, unless empty */
	char **cells;	/* owned, each owned */
	size_t n_cells, cap;
	int error; /* sticky */
};

#define MS_TABLE_INIT(names, right_bits)                                                           \
	((struct ms_table){                                                                        \
		.titles = (names), .n_columns = MS_ARRAY_LEN(names), .right = (right_bits)})

void ms_table_done(struct ms_table *table);
static inline void ms_table_cleanup(struct ms_table *table)
{
	ms_table_done(table);
}
/* ms_table_add - the next cell; outside bytes, escaped here. */
void ms_table_add(struct ms_table *table, struct ms_str text);
void ms_table_addf(struct ms_table *table, const char *fmt, ...) MS_PRINTF(2, 3);
/* ms_table_drop - a whole row that was added, counted from 0. */
void ms_table_drop(struct ms_table *table, size_t row);
/* ms_table_print - titles and rows; columns @shrink (bits) are cut with "~" when a row would be
 * wider than @width. 0 for @width: nothing is cut. */
void ms_table_print(struct ms_table *table, size_t width, uint32_t shrink, struct ms_buf *out);

#endif
