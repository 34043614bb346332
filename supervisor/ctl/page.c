/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.c - page.h.
 */
#include "supervisor/ctl/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define LABEL	   11u /* columns of a label */
#define INDENT	   (2u + LABEL)
#define TEXT_BYTES 65536u
#define LINE_WIDTH 75u /* of a module's line, after its bar */

void ms_page_row(struct ms_buf *out, const char *label, const char *text)
{
	if (!text[0])
		return;
	ms_buf_addf(out, "  %-*s", (int)LABEL, label);
	ms_text_wrap(out, text, INDENT, INDENT, MS_SAY_WIDTH);
}

void ms_page_rowf(struct ms_buf *out, const char *label, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* figures and words of ours: they fit */
	va_end(ap);
	ms_page_row(out, label, text);
}

void ms_page_str(struct ms_buf *out, const char *label, struct ms_str text)
{
	ms_auto(buf) struct ms_buf safe = MS_BUF_INIT(TEXT_BYTES);

	if (!text.len)
		return;
	ms_buf_escape(&safe, text.p, text.len);
	ms_page_row(out, label, safe.error ? "(too long to show)" : safe.data);
}

void ms_page_moment(struct ms_buf *out, struct ms_str time, int64_t now)
{
	char age[MS_TEXT_AGE_BYTES];
	int64_t then = 0;
	struct tm tm;
	time_t when;

	if (!ms_text_time(time, &then)) {
		ms_buf_escape(out, time.p, time.len);
		return;
	}
	when = (time_t)then;
	if (localtime_r(&when, &tm))
		ms_buf_addf(out, "%04d-%02d-%02d %02d:%02d:%02d, ", tm.tm_year + 1900,
			    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	ms_text_age((uint64_t)(then > now ? then - now : now - then), age);
	if (then > now)
		ms_buf_addf(out, "in %s", age);
	else
		ms_buf_addf(out, "%s ago", age);
}

void ms_page_when(struct ms_buf *out, const char *label, struct ms_str time, int64_t now)
{
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(TEXT_BYTES);

	if (!time.len)
		return;
	ms_page_moment(&text, time, now);
	ms_page_row(out, label, text.error ? "(too long to show)" : text.data);
}

void ms_page_line(struct ms_buf *out, struct ms_str text, bool note)
{
	ms_auto(buf) struct ms_buf safe = MS_BUF_INIT(TEXT_BYTES);
	size_t columns;

	/* what is beyond the edge is not shown: no need to escape a megabyte of it */
	ms_buf_escape(&safe, text.p, MS_MIN(text.len, (size_t)(TEXT_BYTES / 8)));
	ms_buf_adds(out, note ? "  - " : "  | ");
	if (!safe.error && safe.len) {
		columns = ms_text_columns(safe.data, safe.len);
		ms_buf_add(out, safe.data, ms_text_bytes(safe.data, LINE_WIDTH));
		ms_buf_adds(out, columns > LINE_WIDTH ? "~" : "");
	}
	ms_buf_adds(out, "\n");
}

void ms_page_tail(struct ms_buf *out, struct ms_str text, unsigned max)
{
	size_t start = text.len;

	if (start && text.p[start - 1] == '\n')
		start = --text.len;
	for (unsigned lines = 0; start > 0; start--) {
		if (text.p[start - 1] == '\n' && ++lines == max)
			break;
	}
	while (text.len && start <= text.len) {
		const char *end = memchr(text.p + start, '\n', text.len - start);
		size_t len = end ? (size_t)(end - text.p) - start : text.len - start;

		ms_page_line(out, (struct ms_str){.p = text.p + start, .len = len},
			     /* note= */ false);
		start += len + 1;
	}
}

const char *ms_page_bytes(uint64_t bytes, char out[static MS_PAGE_BYTES_TEXT])
{
	static const char units[] = "KMGT";
	double value = (double)bytes;
	int unit = -1;

	while (value >= 1024.0 && unit < 3) {
		value /= 1024.0;
		unit++;
	}
	if (unit < 0)
		(void)snprintf(out, MS_PAGE_BYTES_TEXT, "%u", (unsigned)bytes); /* below 1024 */
	else
		(void)snprintf(out, MS_PAGE_BYTES_TEXT, "%.1f%c", value, units[unit]); /* fits */
	return out;
}
