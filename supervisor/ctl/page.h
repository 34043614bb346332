/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.h - one thing on one screen of 80 columns, for status and show: rows of a label and a text,
 * times as a clock and as an age, and a module's own lines. Everything that came from outside is
 * escaped. Writes into the caller's buffer; reads no clock, only the local time zone.
 */
#ifndef MS_CTL_PAGE_H
#define MS_CTL_PAGE_H

#include "lib/base.h"
#include "lib/buf.h"

/* ms_page_row - our own words, wrapped. Nothing for an empty text. */
void ms_page_row(struct ms_buf *out, const char *label, const char *text);
void ms_page_rowf(struct ms_buf *out, const char *label, const char *fmt, ...) MS_PRINTF(3, 4);
/* ms_page_str - outside text, escaped and wrapped. Nothing for an empty one. */
void ms_page_str(struct ms_buf *out, const char *label, struct ms_str text);
/* ms_page_when - a time of the supervisor's: "2026-01-02 03:04:05, 3m12s ago", or "in 12s". As it
 * is when it is none. */
void ms_page_when(struct ms_buf *out, const char *label, struct ms_str time, int64_t now);
/* ms_page_moment - the same without label and newline. */
void ms_page_moment(struct ms_buf *out, struct ms_str time, int64_t now);
/* ms_page_line - one line that a module wrote, after "  | ", or a @note of the supervisor's, after
 * "  - ", cut at the edge of the screen. */
void ms_page_line(struct ms_buf *out, struct ms_str text, bool note);
/* ms_page_tail - the last @max lines of @text, each so. */
void ms_page_tail(struct ms_buf *out, struct ms_str text, unsigned max);
/* ms_page_bytes - "64.0M": a figure to look at, not to write into a file. */
#define MS_PAGE_BYTES_TEXT 24u
const char *ms_page_bytes(uint64_t bytes, char out[static MS_PAGE_BYTES_TEXT]);

#endif
