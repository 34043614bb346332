/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-ctl-text.c - what people read: wrapping, tables, ages, times, events, endings. */
#include "supervisor/ctl/text.h"

#include <stdio.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/event-text.h"
#include "supervisor/ctl/say.h"
#include "tests/unit/test.h"

static void check_wrap(const char *text, size_t at, size_t indent, size_t width, const char *want)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(1000);

	ms_text_wrap(&out, text, at, indent, width);
	CHECK_STR(out.data ? out.data : "", want);
}

TEST(wrap)
{
	check_wrap("", 0, 0, 10, "");
	check_wrap("one two three", 0, 0, 10, "one two\nthree\n");
	check_wrap("one two three", 0, 2, 10, "  one two\n  three\n");
	check_wrap("one two", 4, 4, 10, "one\n    two\n");
	check_wrap("a-word-that-does-not-fit x", 0, 2, 10, "  a-word-that-does-not-fit\n  x\n");
	check_wrap("one\ntwo  three", 0, 0, 20, "one\ntwo three\n");
	check_wrap("\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4", 0, 0, 6,
		   "\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4\n");
}

TEST(ages)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {{0, "0s"},	       {59, "59s"},
		     {60, "1m00s"},    {3599, "59m59s"},
		     {3600, "1h00m"},  {86399, "23h59m"},
		     {86400, "1d00h"}, {UINT64_MAX, "213503982334601d07h"}};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		char text[MS_TEXT_AGE_BYTES];

		ms_text_age(cases[i].seconds, text);
		CHECK_STR(text, cases[i].text);
	}
}

static bool time_of(const char *text, int64_t *ret)
{
	return ms_text_time((struct ms_str){.p = text, .len = strlen(text)}, ret);
}

TEST(times)
{
	int64_t t = -1;

	CHECK(time_of("1970-01-01T00:00:01Z", &t));
	CHECK_EQ(t, 1);
	CHECK(time_of("2026-11-20T09:30:00.123456Z", &t));
	CHECK_EQ(t, 1795167000);
	CHECK(!time_of("", &t));
	CHECK(!time_of("2026-11-20T09:30:00", &t));
	CHECK(!time_of("2026-11-20T09:30:00+01:00", &t));
	CHECK(!time_of("2026-1x-20T09:30:00Z", &t));
	CHECK_EQ(t, 1795167000);
}

static const char *const titles[] = {"NAME", "N", "WHERE"};

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

TEST(table)
{
	ms_auto(table) struct ms_table table = MS_TABLE_INIT(titles, 1u << 1);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(4000);
	ms_auto(buf) struct ms_buf cut = MS_BUF_INIT(4000);

	ms_table_add(&table, str("a-name-of-twenty-one"));
	ms_table_addf(&table, "%d", 5);
	ms_table_add(&table, str("here"));
	ms_table_add(&table, str("\x1b[m"));
	ms_table_addf(&table, "%d", 1234);
	ms_table_add(&table, str(""));
	ms_table_print(&table, 0, 1, &out);
	CHECK_STR(out.data, "NAME                     N  WHERE\n"
			    "a-name-of-twenty-one     5  here\n"
			    "\\x1b[m                1234  \n");
	ms_table_print(&table, 25, 1, &cut);
	CHECK_STR(cut.data, "NAME             N  WHERE\n"
			    "a-name-of-t~     5  here\n"
			    "\\x1b[m        1234  \n");
}

TEST(table_with_notes)
{
	ms_auto(table) struct ms_table table = MS_TABLE_INIT(titles, 0);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(4000);

	table.notes = true;
	for (const char *note = "why not";; note = "") {
		ms_table_add(&table, str("a"));
		ms_table_add(&table, str("1"));
		ms_table_add(&table, str("x"));
		ms_table_add(&table, str(note));
		if (!note[0])
			break;
	}
	ms_table_print(&table, 0, 0, &out);
	CHECK_STR(out.data, "NAME  N  WHERE\na     1  x\n    why not\na     1  x\n");
	ms_table_add(&table, str("half a row"));
	ms_table_print(&table, 0, 0, &out);
	CHECK_EQ(out.error, -EINVAL);
}

static struct ms_doc *parse(const char *text)
{
	ms_auto(report) struct ms_report *report = ms_report_new("test");
	struct ms_doc *doc = NULL;

	if (!report || ms_doc_parse(text, strlen(text), (struct ms_doc_limits){65536, 16},
				    MS_REASON_INTERNAL, report, &doc) != 0)
		printf("no JSON: %s\n", text);
	return doc;
}

static void check_event(const char *event, bool color, const char *want)
{
	ms_auto(doc) struct ms_doc *doc = parse(event);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(4000);

	REQUIRE(doc);
	ms_event_text(ms_doc_root(doc), color, &out);
	CHECK_STR(out.data, want);
}

TEST(events)
{
	CHECK_EQ(setenv("TZ", "UTC", 1), 0);
	check_event("{\"time\":\"2026-11-20T09:30:00.5Z\",\"type\":\"violation\",\"module\":\"m\","
		    "\"tenant\":\"default\",\"data\":{\"layer\":\"syscall\",\"severity\":"
		    "\"critical\",\"action\":\"blocked\",\"count\":3,\"remedy\":\"never\","
		    "\"observed\":{\"call\":\"ptrace\",\"arch\":\"i386\",\"args\":[\"A\",\"7\"],"
		    "\"needs\":\"CAP_SYS_PTRACE\"},\"process\":{\"pid\":12,\"comm\":\"c\\nx\"}}}",
		    false,
		    "09:30:00 critical m: ptrace(A, 7) of i386, which needs CAP_SYS_PTRACE, by\n"
		    "                  c\\x0ax[12]: blocked, 3 times\n"
		    "                  remedy: never\n");
	check_event(
		"{\"time\":\"2026-11-20T09:30:00Z\",\"type\":\"violation\",\"module\":\"m\","
		"\"tenant\":\"t\",\"data\":{\"layer\":\"memory\",\"severity\":\"warning\","
		"\"action\":\"terminated\",\"rule\":\"limits.memory\",\"observed\":{\"kills\":1}}}",
		true, "09:30:00 \033[33mwarning  \033[0mm@t: limits.memory, kills 1: terminated\n");
	check_event(
		"{\"type\":\"instance.exited\",\"module\":\"m\",\"tenant\":\"default\",\"data\":"
		"{\"exit\":{\"code\":1,\"deep\":{\"x\":{\"y\":1}}},\"none\":[],\"ok\":true}}",
		false, "-        m: instance.exited: exit (code 1, deep (x (...))), ok yes\n");
	check_event("{\"type\":\"instance.exec-asked\",\"module\":\"m\",\"tenant\":\"default\","
		    "\"data\":"
		    "{\"command\":[\"sh\",\"-c\",\"\\u001b[2J\"],\"nested\":[{}]}}",
		    false,
		    "-        m: instance.exec-asked: command (sh, -c, \\x1b[2J), nested (1)\n");
	check_event("{}", false, "-        \n");
}

TEST(events_of_limits)
{
	CHECK_EQ(setenv("TZ", "UTC", 1), 0);
	check_event(
		"{\"time\":\"2026-11-20T09:30:00Z\",\"type\":\"limit.cpu\",\"module\":\"m\","
		"\"tenant\":\"default\",\"data\":{\"severity\":\"notice\",\"remedy\":\"raise it\","
		"\"limit\":10,\"periods\":605,\"throttled\":590,\"throttledUsec\":51200000,"
		"\"windowUsec\":60500000}}",
		false,
		"09:30:00 notice   m: used up its 10 % of a core in 590 of 605 periods, and\n"
		"                  waited 51 s of 60 s\n"
		"                  remedy: raise it\n");
	check_event(
		"{\"time\":\"2026-11-20T09:30:00Z\",\"type\":\"limit.memory\",\"module\":\"m\","
		"\"tenant\":\"default\",\"data\":{\"severity\":\"notice\",\"remedy\":\"raise it\","
		"\"limitBytes\":33554432,\"currentBytes\":32505856,\"hits\":7}}",
		false,
		"09:30:00 notice   m: its memory was full 7 times: 31 M of 32 M are in use now\n"
		"                  remedy: raise it\n");
	/* of a newer supervisor, perhaps: shown as it is */
	check_event("{\"type\":\"limit.cpu\",\"module\":\"m\",\"tenant\":\"default\","
		    "\"data\":{\"limit\":10}}",
		    false, "-        m: limit.cpu: limit 10\n");
}

static void check_ending(const char *answer, int code, const char *want)
{
	ms_auto(doc) struct ms_doc *doc = parse(answer);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(4000);

	REQUIRE(doc);
	CHECK_EQ(ms_ending_code(ms_doc_root(doc)), code);
	ms_ending_tell(ms_doc_root(doc), "m", &out);
	CHECK_STR(out.data, want);
}

TEST(endings)
{
	check_ending("{\"state\":\"stopped\",\"exit\":{\"code\":0,\"cause\":\"exited\"}}", 0,
		     "m stopped, exit code 0\n");
	check_ending("{\"state\":\"failed\",\"exit\":{\"signal\":9,\"signalName\":\"SIGKILL\","
		     "\"cause\":\"memory\"}}",
		     137, "m failed, by SIGKILL: it passed its memory limit\n");
	check_ending("{\"state\":\"stopped\"}", MS_EXIT_FAILED, "m stopped\n");
	check_ending("{\"state\":\"stopped\",\"exit\":{\"code\":256}}", MS_EXIT_FAILED,
		     "m stopped\n");
	check_ending("{\"state\":\"stopped\",\"exit\":{\"signal\":400}}", MS_EXIT_FAILED,
		     "m stopped\n");
}

TEST(exit_codes)
{
	static const struct {
		const char *reason;
		int code;
	} cases[] = {{"", 1},
		     {"internal", 1},
		     {"not-found", 3},
		     {"role-forbids", 5},
		     {"tier-forbids", 5},
		     {"start-timeout", 124},
		     {"deadline", 124},
		     {"not-found-x", 1}};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++)
		CHECK_EQ(ms_say_exit_code(str(cases[i].reason)), cases[i].code);
}
