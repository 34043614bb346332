/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-usage.c - figures of instances as rows for people. */
#include "supervisor/ctl/usage.h"

#include "tests/unit/test.h"

struct answer {
	struct ms_doc *doc;
	struct ms_report *report;
};

static const struct ms_json *parse(struct answer *a, const char *text)
{
	a->report = ms_report_new("answer");
	CHECK_EQ(ms_doc_parse(text, strlen(text), (struct ms_doc_limits){1 << 20, 8},
			      MS_REASON_PARSE_ERROR, a->report, &a->doc),
		 0);
	return ms_doc_root(a->doc);
}

static void add(struct ms_usage *usage, const char *text)
{
	struct answer a = {0};

	CHECK_EQ(ms_usage_add(usage, parse(&a, text)), 0);
	(void)ms_doc_free(a.doc);	/* NULL */
	(void)ms_report_free(a.report); /* NULL */
}

/* What is printed, once. */
static const char *text_of(struct ms_buf *buf)
{
	static char *text;

	free(text);
	text = ms_buf_take(buf, NULL);
	CHECK(text != NULL);
	return text ? text : "";
}

#define FIRST                                                                                      \
	"{\"instances\":["                                                                         \
	"{\"instance\":\"00000001\",\"module\":\"shop-mail\",\"tenant\":\"default\","              \
	"\"state\":\"ready\",\"cpuUsec\":500000,\"uptimeUsec\":10000000,\"memoryBytes\":12902400," \
	"\"memoryLimitBytes\":67108864,\"processes\":3,\"processesLimit\":16},"                    \
	"{\"instance\":\"00000002\",\"module\":\"shop-search\",\"tenant\":\"acme\","               \
	"\"state\":\"unhealthy\",\"cpuUsec\":9000000,\"uptimeUsec\":90000000000,"                  \
	"\"memoryBytes\":1610612736,\"memoryLimitBytes\":2147483648,\"processes\":120,"            \
	"\"processesLimit\":128},"                                                                 \
	"{\"instance\":\"00000003\",\"module\":\"old\",\"tenant\":\"default\","                    \
	"\"state\":\"stopped\",\"cpuUsec\":77,\"memoryPeakBytes\":5}],\"next\":null}"

#define SECOND                                                                                     \
	"{\"instances\":["                                                                         \
	"{\"instance\":\"00000002\",\"module\":\"shop-search\",\"tenant\":\"acme\","               \
	"\"state\":\"ready\",\"cpuUsec\":10250000,\"uptimeUsec\":90001000000,"                     \
	"\"memoryBytes\":1610612736,\"memoryLimitBytes\":2147483648,\"processes\":120,"            \
	"\"processesLimit\":128},"                                                                 \
	"{\"instance\":\"00000001\",\"module\":\"shop-mail\",\"tenant\":\"default\","              \
	"\"state\":\"ready\",\"cpuUsec\":500000,\"uptimeUsec\":10000000,\"memoryBytes\":12902400," \
	"\"memoryLimitBytes\":67108864,\"processes\":3,\"processesLimit\":16},"                    \
	"{\"instance\":\"00000009\",\"module\":\"new\",\"tenant\":\"default\","                    \
	"\"state\":\"ready\",\"cpuUsec\":30000,\"uptimeUsec\":100000,\"memoryBytes\":4096,"        \
	"\"memoryLimitBytes\":67108864,\"processes\":1,\"processesLimit\":16}],\"next\":null}"

TEST(since_the_start)
{
	ms_auto(usage) struct ms_usage usage = MS_USAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(8192);

	add(&usage, FIRST);
	CHECK_EQ(usage.n, 3);
	CHECK_EQ(usage.rows[0].cpu_tenths, 50); /* half a second of ten */
	CHECK_STR(usage.rows[1].name, "shop-search@acme");
	CHECK(!usage.rows[2].running);
	ms_usage_print(&usage, 80, 0, &out);
	CHECK_STR(text_of(&out), "NAME              STATE      CPU%     MEMORY    PROCS  UPTIME\n"
				 "shop-mail         ready       5.0  12.3M/64M     3/16     10s\n"
				 "shop-search@acme  unhealthy   0.0    1.5G/2G  120/128   1d01h\n"
				 "old               stopped       -          -        -       -\n"
				 "2 running                     5.0    1.5G/2G  123/144        \n");
}

TEST(between_two_looks)
{
	ms_auto(usage) struct ms_usage before = MS_USAGE_INIT;
	ms_auto(usage) struct ms_usage usage = MS_USAGE_INIT;

	add(&before, FIRST);
	before.rows[0].cpu_tenths = 321; /* of a look before that */
	add(&usage, SECOND);
	ms_usage_compare(&usage, &before);
	CHECK_EQ(usage.rows[0].cpu_tenths, 1250); /* a core and a quarter, whatever it did before */
	CHECK_EQ(usage.rows[1].cpu_tenths, 321);  /* the same figures: nothing new is known */
	CHECK_EQ(usage.rows[2].cpu_tenths, 300);  /* new: since its start */
	ms_usage_sort(&usage);
	CHECK_STR(usage.rows[0].name, "shop-search@acme");
	CHECK_STR(usage.rows[1].name, "shop-mail");
	CHECK_STR(usage.rows[2].name, "new");
}

TEST(more_than_there_is_room_for)
{
	ms_auto(usage) struct ms_usage usage = MS_USAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(1 << 20);
	const char *text;
	unsigned lines = 0;

	for (int i = 0; i < 100; i++)
		add(&usage, FIRST);
	CHECK_EQ(usage.n, 300);
	ms_usage_print(&usage, 80, 20, &out);
	text = text_of(&out);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	CHECK_EQ(lines, 23); /* titles, twenty, the sum of all, how many are left out */
	CHECK(strstr(text, "200 running"));
	CHECK(strstr(text, "280 more"));
}

TEST(a_long_name_is_cut_to_the_terminal)
{
	ms_auto(usage) struct ms_usage usage = MS_USAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(8192);
	const char *text;

	add(&usage, "{\"instances\":[{\"instance\":\"00000001\",\"module\":\"a-module-whose-name-"
		    "goes-on-and-on-until-the-end-of-the-line-and-further\",\"tenant\":\"t\","
		    "\"state\":\"starting\",\"cpuUsec\":1,\"uptimeUsec\":3,\"memoryBytes\":1,"
		    "\"memoryLimitBytes\":1099511627776,\"processes\":10000,"
		    "\"processesLimit\":10000}]}");
	ms_usage_print(&usage, 80, 0, &out);
	text = text_of(&out);
	for (const char *p = text, *end; (end = strchr(p, '\n')); p = end + 1)
		CHECK(end - p <= 80);
	CHECK(strstr(text, "~"));
	CHECK(strstr(text, "1K/1T"));
}

TEST(answers_without_what_is_asked_for)
{
	ms_auto(usage) struct ms_usage usage = MS_USAGE_INIT;

	add(&usage, "{}");
	add(&usage, "{\"instances\":7}");
	CHECK_EQ(usage.n, 0);
	ms_usage_sort(&usage);
	ms_usage_compare(&usage, &usage);
	add(&usage, "{\"instances\":[{}]}");
	CHECK_EQ(usage.n, 1);
	CHECK_STR(usage.rows[0].name, "");
}

TEST(bytes_for_people)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} cases[] = {
		{0, "0"},
		{1, "1K"},
		{1024, "1K"},
		{999 * 1024, "999K"},
		{1000 * 1024, "0.9M"},
		{1024 * 1024, "1M"},
		{1536 * 1024, "1.5M"},
		{UINT64_C(64) << 20, "64M"},
		{(UINT64_C(512) << 20) + 700000, "512M"},
		{UINT64_C(1) << 30, "1G"},
		{UINT64_C(1) << 40, "1T"},
		{UINT64_MAX, "15.9E"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		char text[MS_USAGE_BYTES_TEXT];

		CHECK_STR(ms_usage_bytes(cases[i].bytes, text), cases[i].want);
	}
}
