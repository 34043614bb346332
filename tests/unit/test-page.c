/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-page.c - rows, times both ways, and a module's lines: aligned, no wider than a screen, and
 * safe for it. Run by `make check`.
 */
#include "supervisor/ctl/page.h"

#include <time.h>

#include "supervisor/ctl/text.h"
#include "tests/unit/test.h"

#define STR(text) ((struct ms_str){.p = (text), .len = strlen(text)})
#define PAGE(out) ms_auto(buf) struct ms_buf out = MS_BUF_INIT(1u << 20)

TEST(rows_are_aligned_and_wrapped)
{
	PAGE(out);

	ms_page_row(&out, "state", "ready");
	ms_page_row(&out, "empty", "");
	ms_page_str(&out, "empty", STR(""));
	ms_page_rowf(&out, "pid", "%d", 7);
	ms_page_str(&out, "says", STR("a\033[1m"));
	CHECK_STR(out.data, "  state      ready\n"
			    "  pid        7\n"
			    "  says       a\\x1b[1m\n");
	ms_buf_done(&out);
	ms_page_row(&out, "because",
		    "one two three four five six seven eight nine ten eleven twelve thirteen");
	CHECK_STR(out.data, "  because    one two three four five six seven eight nine ten eleven "
			    "twelve\n             thirteen\n");
}

TEST(times_both_ways)
{
	PAGE(out);

	REQUIRE(setenv("TZ", "UTC", 1) == 0);
	tzset();
	ms_page_when(&out, "since", STR("2026-01-02T03:04:05.999Z"), 1767323045 + 192);
	ms_page_when(&out, "next", STR("2026-01-02T03:04:05Z"), 1767323045 - 61);
	ms_page_when(&out, "now", STR("2026-01-02T03:04:05Z"), 1767323045);
	ms_page_when(&out, "odd", STR("soon\n"), 0);
	ms_page_when(&out, "none", STR(""), 0);
	CHECK_STR(out.data, "  since      2026-01-02 03:04:05, 3m12s ago\n"
			    "  next       2026-01-02 03:04:05, in 1m01s\n"
			    "  now        2026-01-02 03:04:05, 0s ago\n"
			    "  odd        soon\\x0a\n");
}

TEST(the_last_lines)
{
	static const struct {
		const char *text, *want;
		unsigned max;
	} cases[] = {
		{"", NULL, 3},
		{"a", "  | a\n", 3},
		{"a\n", "  | a\n", 3},
		{"a\nb\nc\nd\n", "  | c\n  | d\n", 2},
		{"a\nb\nc\nd", "  | b\n  | c\n  | d\n", 3},
		{"a\n\n\n", "  | a\n  | \n  | \n", 9},
		{"\na", "  | \n  | a\n", 9},
		{"\n", NULL, 3},
		{"a\rb\033c\n", "  | a\\x0db\\x1bc\n", 1},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		PAGE(out);

		ms_page_tail(&out, STR(cases[i].text), cases[i].max);
		if (cases[i].want)
			CHECK_STR(out.data, cases[i].want);
		else
			CHECK_EQ(out.len, 0);
	}
}

TEST(a_long_line_is_cut_at_the_edge)
{
	char text[100001];
	PAGE(out);

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ms_page_line(&out, STR(text), /* note= */ false);
	REQUIRE(out.data);
	CHECK_EQ(out.len, 4 + 75 + 1 + 1);
	CHECK_STR(out.data + 4 + 74, "x~\n");
	ms_buf_done(&out);
	text[75] = '\0';
	ms_page_line(&out, STR(text), /* note= */ false);
	CHECK_STR(out.data + 4 + 74, "x\n");
	ms_buf_done(&out);
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';
	ms_page_line(&out, STR(text), /* note= */ false);
	CHECK_EQ(ms_text_columns(out.data, out.len), 4 + 75 + 1 + 1);
	CHECK(ms_text_columns(out.data, out.len) < out.len);
}

TEST(figures)
{
	char text[MS_PAGE_BYTES_TEXT];

	CHECK_STR(ms_page_bytes(0, text), "0");
	CHECK_STR(ms_page_bytes(1023, text), "1023");
	CHECK_STR(ms_page_bytes(1024, text), "1.0K");
	CHECK_STR(ms_page_bytes(1536 * 1024, text), "1.5M");
	CHECK_STR(ms_page_bytes(UINT64_C(3) << 40, text), "3.0T");
	CHECK_STR(ms_page_bytes(UINT64_MAX, text), "16777216.0T");
}
