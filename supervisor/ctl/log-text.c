/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-text.c - see log-text.h. A module's text never reaches the terminal unescaped, but for
 * backslashes, tabs, which become spaces, and the carriage return before a newline, which is left
 * out.
 */
#include "supervisor/ctl/log-text.h"

#include <string.h>
#include <time.h>

#include "lib/rfc3339.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define TAB	   8u
#define TIME_BYTES 16
#define DAY_BYTES  32

/* A day that is not the one before: "-- 2026-01-02". */
static void add_day(struct ms_logtext *view, const struct tm *tm, int64_t now, struct ms_buf *out)
{
	time_t seconds = (time_t)now;
	char text[DAY_BYTES];
	struct tm today;

	if (view->year == tm->tm_year && view->day == tm->tm_yday + 1)
		return;
	if (view->day == 0 && localtime_r(&seconds, &today) && today.tm_year == tm->tm_year &&
	    today.tm_yday == tm->tm_yday) {
		view->year = tm->tm_year;
		view->day = tm->tm_yday + 1;
		return;
	}
	view->year = tm->tm_year;
	view->day = tm->tm_yday + 1;
	if (strftime(text, sizeof(text), "-- %Y-%m-%d", tm) == 0)
		return;
	ms_say_paint(out, view->color, MS_PAINT_DIM, text);
	ms_buf_adds(out, "\n");
}

static void add_time(struct ms_logtext *view, struct ms_str text, int64_t now, struct ms_buf *out)
{
	char clock[TIME_BYTES];
	uint64_t usec = 0;
	struct tm tm;
	time_t seconds;

	if (ms_rfc3339_parse(text.p, text.len, &usec) < 0) {
		ms_buf_escape(out, text.p, text.len);
		return;
	}
	seconds = (time_t)(usec / 1000000u);
	if (!localtime_r(&seconds, &tm) || strftime(clock, sizeof(clock), "%H:%M:%S", &tm) == 0)
		return;
	add_day(view, &tm, now, out);
	ms_buf_addf(out, "%s.%03u", clock, (unsigned)(usec % 1000000u / 1000u));
}

/* Up to the next character that is not simply escaped. */
static const char *plain_end(const char *p, const char *end)
{
	while (p < end && *p != '\t' && *p != '\\')
		p++;
	return p;
}

/* Tabs stand at every eighth column of the text. A backslash is shown as it is: what a program
 * reads is the JSON. */
static void add_text(struct ms_str text, struct ms_buf *out)
{
	const char *p = text.p, *end = text.p + text.len;
	size_t begin = out->len, columns;

	while (p < end) {
		const char *stop = plain_end(p, end);

		ms_buf_escape(out, p, (size_t)(stop - p));
		if (stop == end || out->error)
			return;
		columns =
			out->len > begin ? ms_text_columns(out->data + begin, out->len - begin) : 0;
		if (*stop == '\t')
			ms_buf_addf(out, "%*s", (int)(TAB - columns % TAB), "");
		else
			ms_buf_adds(out, "\\");
		p = stop + 1;
	}
}

static void add_source(const struct ms_logtext *view, struct ms_str source, bool goes_on,
		       struct ms_buf *out)
{
	ms_buf_adds(out, " ");
	if (ms_say_is(source, "stdout"))
		ms_buf_adds(out, "out");
	else if (ms_say_is(source, "stderr"))
		ms_say_paint(out, view->color, MS_PAINT_WARN, "err");
	else
		ms_say_paint(out, view->color, MS_PAINT_DIM, "---");
	ms_buf_adds(out, goes_on ? "+" : " ");
}

/**
 * ms_logtext_add() - one line.
 * @view: kept from line to line
 * @line: of the supervisor; nothing of it is certain
 * @now: for what day it is
 * @out: appended to
 */
void ms_logtext_add(struct ms_logtext *view, const struct ms_json *line, int64_t now,
		    struct ms_buf *out)
{
	struct ms_str source = ms_client_get_str(line, "source");
	struct ms_str text = ms_client_get_str(line, "text");
	const struct ms_json *partial = ms_client_get(line, "partial", MS_JSON_BOOL);
	bool is_open = partial && ms_json_bool(partial), goes_on = false;

	if (!is_open && text.len > 0 && text.p[text.len - 1] == '\r')
		text.len--;
	if (ms_say_is(source, "stdout") || ms_say_is(source, "stderr")) {
		bool *open = &view->open[ms_say_is(source, "stderr")];

		goes_on = *open;
		*open = is_open;
	}
	if (goes_on && !is_open && text.len == 0)
		return; /* only the newline of what is shown already */
	add_time(view, ms_client_get_str(line, "time"), now, out);
	add_source(view, source, goes_on, out);
	add_text(text, out);
	ms_buf_adds(out, "\n");
}
