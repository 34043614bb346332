/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-why.c - the one reason that holds a module, of each state and each failure, and what to type
 * next; nothing of a module's words reaches the terminal as it is. Run by `make check`.
 */
#include "supervisor/ctl/why.h"

#include "lib/arena.h"
#include "tests/unit/test.h"

static struct ms_doc *parse(const char *text)
{
	ms_auto(report) struct ms_report *report = ms_report_new("test");
	const struct ms_doc_limits limits = {.max_bytes = 65536, .max_depth = 16};
	struct ms_doc *doc = NULL;

	if (!text)
		return NULL;
	if (!report ||
	    ms_doc_parse(text, strlen(text), limits, MS_REASON_INTERNAL, report, &doc) != 0)
		printf("not JSON: %s\n", text);
	return doc;
}

struct asked {
	struct ms_why why;
	struct ms_doc *instance, *emergency, *backoff;
};

static void asked_done(struct asked *a)
{
	ms_why_done(&a->why);
	a->instance = ms_doc_free(a->instance);
	a->emergency = ms_doc_free(a->emergency);
	a->backoff = ms_doc_free(a->backoff);
}

/* 2026-01-02T03:04:05Z is 1767323045. */
static struct asked ask(const char *instance, const char *emergency, const char *backoff)
{
	struct asked a = {.instance = parse(instance),
			  .emergency = parse(emergency),
			  .backoff = parse(backoff)};
	struct ms_why_facts facts = {
		.name = "shop@acme",
		.program = "modsupctl --private /p",
		.instance = a.instance ? ms_doc_root(a.instance) : NULL,
		.emergency = a.emergency ? ms_doc_root(a.emergency) : NULL,
		.backoff = a.backoff ? ms_doc_root(a.backoff) : NULL,
		.ailing = a.backoff ? ms_doc_root(a.backoff) : NULL,
		.now = 1767323045,
	};

	ms_why_find(&facts, &a.why);
	return a;
}
#define ASK(a, ...) __attribute__((cleanup(asked_done))) struct asked a = ask(__VA_ARGS__)

static const struct {
	const char *instance, *reason, *text; /* the text holds this; "" = there is none */
	const char *commands[3];
} cases[] = {
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"ready\"}",
	 "ready",
	 "",
	 {NULL}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"ready\","
	 "\"shim\":\"outdated\"}",
	 "ready",
	 "the shim of an earlier modsup",
	 {"restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"starting\"}",
	 "starting",
	 "not ready yet",
	 {"logs shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"waiting\"}",
	 "waiting",
	 "waits for its turn",
	 {NULL}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"stopping\"}",
	 "stopping",
	 "stopTimeout",
	 {NULL}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"unhealthy\"}",
	 "unhealthy",
	 "its health check fails",
	 {"logs shop@acme", "restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"stopped\","
	 "\"exit\":{\"signal\":15,\"signalName\":"
	 "\"SIGTERM\","
	 "\"cause\":\"stopped\"}}",
	 "stopped",
	 "somebody stopped it",
	 {"restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"stopped\","
	 "\"exit\":{\"signal\":9,\"signalName\":"
	 "\"SIGKILL\","
	 "\"cause\":\"killed\"}}",
	 "stopped",
	 "somebody killed it",
	 {"restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"stopped\","
	 "\"exit\":{\"code\":0,\"cause\":\"exited\"}}",
	 "stopped",
	 "it ended (exit code 0), and its manifest does not",
	 {"logs shop@acme", "restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"stopped\","
	 "\"exit\":{\"signal\":9,\"signalName\":"
	 "\"SIGKILL\","
	 "\"cause\":\"memory\"}}",
	 "stopped",
	 "it ended (by SIGKILL: it passed its memory limit)",
	 {"logs shop@acme", "restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"failed\","
	 "\"reason\":\"start-limit\",\"error\":{"
	 "\"reason\":"
	 "\"start-limit\",\"message\":\"it was started 10 times\"}}",
	 "start-limit",
	 "it was started 10 times",
	 {"logs shop@acme", "restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"failed\","
	 "\"error\":{\"reason\":\"host-lacks\",\"step\":"
	 "\"landlock\",\"message\":\"no landlock\"}}",
	 "host-lacks",
	 "at step landlock: no landlock",
	 {"doctor", "restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"failed\","
	 "\"error\":{\"reason\":\"host-full\","
	 "\"message\":"
	 "\"memory\"}}",
	 "host-full",
	 "memory",
	 {"capacity", "restart shop@acme"}},
	{"{\"state\":\"failed\",\"error\":{\"reason\":\"manifest-invalid\",\"message\":\"2 "
	 "problems\"}}",
	 "manifest-invalid",
	 "2 problems",
	 {"validate DIR", "start DIR"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"failed\","
	 "\"reason\":\"exited\",\"exit\":{\"code\":3,"
	 "\"cause\":\"exited\"}}",
	 "exited",
	 "it ended (exit code 3)",
	 {"restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"failed\"}",
	 "failed",
	 "it ended",
	 {"restart shop@acme"}},
	{"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"dreaming\"}",
	 "dreaming",
	 "",
	 {NULL}},
	{NULL, "not-started", "it was not started", {"start shop@acme", "list"}},
};

TEST(each_state)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		ASK(a, cases[i].instance, NULL, NULL);
		uint32_t n = 0;

		CHECK_STR(a.why.reason, cases[i].reason);
		CHECK(!a.why.text.error);
		if (cases[i].text[0]) {
			REQUIRE(a.why.text.data);
			CHECK(strstr(a.why.text.data, cases[i].text) != NULL);
		} else {
			CHECK_EQ(a.why.text.len, 0);
		}
		for (; n < 3 && cases[i].commands[n]; n++) {
			char want[128];

			(void)snprintf(want, sizeof(want), "modsupctl --private /p %s",
				       cases[i].commands[n]); /* fits */
			REQUIRE(n < a.why.n_commands);
			CHECK_STR(a.why.commands[n], want);
		}
		CHECK_EQ(a.why.n_commands, n);
		if (test_failures)
			printf("of %s: %s\n", cases[i].instance ? cases[i].instance : "none",
			       a.why.text.data ? a.why.text.data : "");
	}
}

#define BACKOFF                                                                                    \
	"{\"module\":\"shop\",\"tenant\":\"acme\",\"version\":\"1.0.0\",\"state\":\"backoff\","    \
	"\"next\":\"2026-01-02T03:04:17.5Z\","                                                     \
	"\"exit\":{\"code\":3,\"cause\":\"exited\"}}"

TEST(a_backoff_says_when_and_how_often)
{
	ASK(a, BACKOFF, NULL, "{\"failures\":4}");
	ASK(once, BACKOFF, NULL, "{\"failures\":1}");
	ASK(unknown, BACKOFF, NULL, NULL);

	CHECK_STR(a.why.reason, "backoff");
	REQUIRE(a.why.text.data && once.why.text.data && unknown.why.text.data);
	CHECK(strstr(a.why.text.data, "it ended (exit code 3), 4 failures in a row; it is started "
				      "again at ") != NULL);
	CHECK(strstr(a.why.text.data, ", in 12s") != NULL);
	CHECK(strstr(once.why.text.data, "failures") == NULL);
	CHECK_STR(unknown.why.text.data, once.why.text.data);
	CHECK_EQ(a.why.n_commands, 2);
}

/* It holds what does not run, whatever else is the matter with it; and nothing that runs. */
TEST(an_emergency_comes_first)
{
	static const char up[] =
		"{\"since\":\"2026-01-02T03:03:05Z\",\"by\":\"root\",\"reason\":\"fire"
		"\\u001b[31m\"}";
	static const char *const held[] = {NULL, BACKOFF, "{\"state\":\"failed\"}",
					   "{\"state\":\"stopped\"}", "{\"state\":\"waiting\"}"};

	for (size_t i = 0; i < MS_ARRAY_LEN(held); i++) {
		ASK(a, held[i], up, NULL);

		CHECK_STR(a.why.reason, "emergency");
		REQUIRE(a.why.text.data);
		CHECK(strstr(a.why.text.data, "1m00s ago, by root: fire\\x1b[31m") != NULL);
		REQUIRE(a.why.n_commands == 1);
		CHECK_STR(a.why.commands[0], "modsupctl --private /p emergency lift");
	}
	ASK(runs, "{\"state\":\"ready\"}", up, NULL);
	CHECK_STR(runs.why.reason, "ready");
}

TEST(an_unhealthy_one_says_what_it_answered)
{
	static const struct {
		const char *ailing, *want;
	} told[] = {
		{NULL, "it runs, and its health check fails"},
		{"{\"failures\":3,\"status\":503}",
		 "it runs, and its health check fails: 3 in a row, answered with 503"},
		{"{\"failures\":2,\"error\":\"ETIMEDOUT\"}",
		 "it runs, and its health check fails: 2 in a row, without an answer (ETIMEDOUT)"},
		{"{\"failures\":\"x\",\"status\":503}", "it runs, and its health check fails"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(told); i++) {
		ASK(a, "{\"module\":\"shop\",\"state\":\"unhealthy\"}", NULL, told[i].ailing);

		CHECK_STR(a.why.text.data, told[i].want);
	}
}

/* It may be asked for by the id of a run: what is started again is its module. */
TEST(again_means_the_module)
{
	ASK(dflt,
	    "{\"module\":\"m\",\"tenant\":\"default\",\"version\":\"1.0.0\",\"state\":\"stopped\"}",
	    NULL, NULL);
	ASK(unread, "{\"module\":\"m\",\"tenant\":\"t\",\"state\":\"failed\"}", NULL, NULL);
	ASK(nobody, "{\"tenant\":\"t\",\"state\":\"failed\"}", NULL, NULL);

	REQUIRE(dflt.why.n_commands == 2 && unread.why.n_commands == 1 &&
		nobody.why.n_commands == 1);
	CHECK_STR(dflt.why.commands[0], "modsupctl --private /p logs shop@acme");
	CHECK_STR(dflt.why.commands[1], "modsupctl --private /p restart m");
	CHECK_STR(unread.why.commands[0], "modsupctl --private /p start m@t");
	CHECK_STR(nobody.why.commands[0], "modsupctl --private /p start DIR --tenant t");
}

TEST(words_from_outside_are_escaped)
{
	ASK(a,
	    "{\"state\":\"failed\",\"error\":{\"reason\":\"x\\u001b]0;t\\u0007\",\"step\":"
	    "\"\\u202e\","
	    "\"message\":\"a\\r\\u009bb\"}}",
	    NULL, NULL);

	REQUIRE(a.why.text.data);
	for (const char *p = a.why.text.data; *p; p++)
		CHECK((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f);
}

/* What is no object, or of other types than it should be, is a supervisor to be survived. */
TEST(answers_of_any_shape)
{
	static const char *const odd[] = {
		"[]",
		"5",
		"{\"state\":7}",
		"{\"state\":\"failed\",\"error\":\"x\"}",
		"{\"state\":\"failed\",\"error\":{\"reason\":[],\"message\":{}}}",
		"{\"state\":\"backoff\",\"next\":\"soon\",\"exit\":[]}",
		"{\"state\":\"stopped\",\"exit\":{\"code\":99999}}",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(odd); i++) {
		ASK(a, odd[i], NULL, odd[i]);

		CHECK(!a.why.text.error);
		CHECK(a.why.n_commands <= MS_WHY_COMMANDS);
	}
}
