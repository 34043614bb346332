/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-log-text.c - lines of a log as people see them. */
#include "supervisor/ctl/log-text.h"

#include <stdlib.h>
#include <time.h>

#include "tests/unit/test.h"

#define NOW 1767323045 /* 2026-01-02T03:04:05Z */

/* The text of JSON lines, in UTC. */
static const char *show(struct ms_logtext *view, const char *const *lines, size_t n)
{
	static char text[4096];
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(sizeof(text) - 1);

	if (setenv("TZ", "UTC", 1) < 0)
		abort();
	tzset();
	for (size_t i = 0; i < n; i++) {
		struct ms_doc_limits limits = {.max_bytes = 4096, .max_depth = 4};
		struct ms_report *report = ms_report_new("line");
		struct ms_doc *doc = NULL;

		if (!report || ms_doc_parse(lines[i], strlen(lines[i]), limits,
					    MS_REASON_PARSE_ERROR, report, &doc) != 0)
			abort();
		ms_logtext_add(view, ms_doc_root(doc), NOW, &out);
		(void)ms_doc_free(doc);	      /* NULL */
		(void)ms_report_free(report); /* NULL */
	}
	CHECK_EQ(out.error, 0);
	(void)snprintf(text, sizeof(text), "%s", out.data ? out.data : "");
	return text;
}

static const char *show_one(const char *line)
{
	struct ms_logtext view = {0};

	return show(&view, &line, 1);
}

#define LINE(source, text)                                                                         \
	"{\"time\":\"2026-01-02T03:04:05.678901Z\",\"source\":\"" source "\",\"text\":\"" text "\"}"
#define PART(source, text)                                                                         \
	"{\"time\":\"2026-01-02T03:04:05.678901Z\",\"source\":\"" source "\",\"text\":\"" text     \
	"\",\"partial\":true}"

TEST(one_line)
{
	CHECK_STR(show_one(LINE("stdout", "hello")), "03:04:05.678 out hello\n");
	CHECK_STR(show_one(LINE("stderr", "")), "03:04:05.678 err \n");
	CHECK_STR(show_one(LINE("note", "5 bytes")), "03:04:05.678 --- 5 bytes\n");
	CHECK_STR(show_one(LINE("later", "x")), "03:04:05.678 --- x\n");
}

TEST(nothing_reaches_the_terminal)
{
	CHECK_STR(show_one(LINE("stdout", "\\u001b[2J\\u0007\\u202ex\\n")),
		  "03:04:05.678 out \\x1b[2J\\x07\\xe2\\x80\\xaex\\x0a\n");
	CHECK_STR(show_one("{\"time\":\"\\u001b[2J\",\"source\":\"\\u001b\",\"text\":\"x\"}"),
		  "\\x1b[2J --- x\n");
}

TEST(what_is_common_in_logs)
{
	CHECK_STR(show_one(LINE("stdout", "C:\\\\new \\\\d+")), "03:04:05.678 out C:\\new \\d+\n");
	CHECK_STR(show_one(LINE("stdout", "\\tat x")), "03:04:05.678 out         at x\n");
	CHECK_STR(show_one(LINE("stdout", "a\\t1234567\\tb")),
		  "03:04:05.678 out a       1234567 b\n");
	CHECK_STR(show_one(LINE("stdout", "\\u00e4\\tb")), "03:04:05.678 out \u00e4       b\n");
	CHECK_STR(show_one(LINE("stdout", "dos\\r")), "03:04:05.678 out dos\n");
	CHECK_STR(show_one(LINE("stdout", "50%\\r100%")), "03:04:05.678 out 50%\\x0d100%\n");
}

TEST(a_line_that_goes_on)
{
	static const char *const lines[] = {
		PART("stdout", "name? "), LINE("stderr", "between"), PART("stdout", "Bo"),
		LINE("stdout", "b"),	  LINE("stdout", ""),	     PART("stderr", "> "),
		LINE("stderr", ""),	  LINE("stderr", "x"),
	};
	struct ms_logtext view = {0};

	CHECK_STR(show(&view, lines, MS_ARRAY_LEN(lines)), "03:04:05.678 out name? \n"
							   "03:04:05.678 err between\n"
							   "03:04:05.678 out+Bo\n"
							   "03:04:05.678 out+b\n"
							   "03:04:05.678 out \n"
							   "03:04:05.678 err > \n"
							   "03:04:05.678 err x\n");
}

/* The day is told when it is not today's, and when it changes. */
TEST(days)
{
	static const char *const lines[] = {
		"{\"time\":\"2025-12-31T23:59:59.9Z\",\"source\":\"stdout\",\"text\":\"a\"}",
		"{\"time\":\"2025-12-31T23:59:59.9Z\",\"source\":\"stdout\",\"text\":\"b\"}",
		"{\"time\":\"2026-01-01T00:00:00Z\",\"source\":\"stdout\",\"text\":\"c\"}",
		LINE("stdout", "d"),
	};
	struct ms_logtext view = {0};

	CHECK_STR(show(&view, lines, MS_ARRAY_LEN(lines)), "-- 2025-12-31\n"
							   "23:59:59.900 out a\n"
							   "23:59:59.900 out b\n"
							   "-- 2026-01-01\n"
							   "00:00:00.000 out c\n"
							   "-- 2026-01-02\n"
							   "03:04:05.678 out d\n");
}

TEST(what_is_no_line)
{
	CHECK_STR(show_one("{}"), " --- \n");
	CHECK_STR(show_one("[]"), " --- \n");
	CHECK_STR(show_one("{\"time\":5,\"source\":null,\"text\":[],\"partial\":3}"), " --- \n");
}
