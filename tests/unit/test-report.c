/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-report.c - what is printed, the caps, and what is counted when there is no room. Run by
 * `make check`. */
#include "policy/report.h"

#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static char *print(const struct ms_report *report)
{
	struct ms_buf out = MS_BUF_INIT(1000000);
	char *text;

	ms_report_print(report, &out);
	text = ms_buf_take(&out, NULL);
	ms_buf_done(&out);
	return text;
}

TEST(lines)
{
	ms_auto(report) struct ms_report *r = ms_report_new("m\x1b.json");
	ms_auto_free char *text = NULL;

	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 7, 13, str("/limits/memory"), "did you mean?",
		      "found %d", 12);
	ms_report_add(r, MS_REASON_BUNDLE_INVALID, 0, 0, str("dev/\nnull"), NULL, "is a device");
	ms_report_add(r, MS_REASON_UNSUPPORTED, 1, 1, str(""), "", "whole");
	ms_report_add(r, MS_REASON_BUNDLE_INVALID, 0, 0, str("b"), NULL, "later");
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 7, 2, str(""), NULL, "before");
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 7, 13, str(""), NULL, "same");
	ms_report_sort(r);
	text = print(r);
	CHECK_STR(text, "m\\x1b.json:1:1: whole\n"
			"m\\x1b.json:7:2: before\n"
			"m\\x1b.json:7:13: /limits/memory: found 12; did you mean?\n"
			"m\\x1b.json:7:13: same\n"
			"m\\x1b.json: dev/\\x0anull: is a device\n"
			"m\\x1b.json: b: later\n");
	CHECK_EQ(r->diags[0].reason, MS_REASON_UNSUPPORTED);
	CHECK_EQ(r->diags[5].reason, MS_REASON_BUNDLE_INVALID);
	CHECK(!ms_report_free(NULL));
}

TEST(count_at_cap_and_above)
{
	ms_auto(report) struct ms_report *r = ms_report_new("f");
	ms_auto_free char *one = NULL, *two = NULL;

	for (unsigned i = 0; i < MS_MAX_DIAGS; i++)
		ms_report_add(r, MS_REASON_MANIFEST_INVALID, i + 1, 1, str(""), NULL, "e");
	CHECK_EQ(r->n_dropped, 0);
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1, str(""), NULL, "e");
	CHECK_EQ(r->n_diags, MS_MAX_DIAGS);
	CHECK_EQ(r->n_dropped, 1);
	one = print(r);
	CHECK(strstr(one, "f:100:1: e\nf: 1 more error not shown\n"));
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1, str(""), NULL, "e");
	two = print(r);
	CHECK(strstr(two, "f: 2 more errors not shown\n"));
}

TEST(text_at_cap_and_above)
{
	ms_auto(report) struct ms_report *r = ms_report_new("f");
	/* file and pointer are kept with their NUL, and so are message and hint */
	size_t len = MS_MAX_REPORT_BYTES - 2 - 1 - 2 - 1;
	char *big = malloc(len + 1);

	memset(big, 'p', len + 1);
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1, (struct ms_str){.p = big, .len = len},
		      NULL, "e");
	CHECK_EQ(r->n_diags, 1);
	r = ms_report_free(r);
	r = ms_report_new("f");
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1,
		      (struct ms_str){.p = big, .len = len + 1}, NULL, "e");
	CHECK_EQ(r->n_diags, 0);
	CHECK_EQ(r->n_dropped, 1);
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1, str(""), NULL, "e");
	CHECK_EQ(r->n_dropped, 2); /* after a hole nothing more is kept: the order would lie */
	free(big);
}

TEST(long_messages_are_cut)
{
	ms_auto(report) struct ms_report *r = ms_report_new("f");
	char big[3000];

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1, str(""), NULL, "%s", big);
	CHECK_EQ(r->diags[0].msg.len, 1023);
}

static void oom_run(void)
{
	ms_auto(report) struct ms_report *r = ms_report_new("f");

	CHECK(r || oom_happened);
	if (!r)
		return;
	for (int i = 0; i < 3; i++)
		ms_report_add(r, MS_REASON_MANIFEST_INVALID, 1, 1, str("/p"), NULL, "%02000d", i);
	CHECK_EQ(r->n_diags + r->n_dropped, 3);
	CHECK((r->n_dropped > 0) == oom_happened);
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	oom_run();
}
