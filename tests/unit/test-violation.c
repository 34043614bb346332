/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-violation.c - every kind of violation has every field that docs/protocol.md promises, in
 * words from its lists, whatever bytes a module put into its names.
 */
#include "supervisor/daemon/violation.h"

#include <linux/audit.h>
#include <signal.h>
#include <sys/syscall.h>

#include "supervisor/daemon/watch.h"
#include "tests/unit/test.h"

static const struct ms_event_head head = {
	.type = "", /* set by violation.c */
	.module = {"demo", 4},
	.tenant = {"default", 7},
	.instance = {"0123abcd", 8},
};

struct seen {
	struct ms_events *events;
	struct ms_sub *sub;
	struct ms_doc *doc;
	struct ms_report *report;
	const struct ms_json *data; /* NULL: no event */
};

static void wake(void *data)
{
	(void)data;
}

static struct seen begin(void)
{
	struct seen s = {.events = ms_events_new(), .report = ms_report_new("event")};
	struct ms_sub_filter all = {0};

	CHECK_EQ(ms_sub_new(s.events, &all, wake, NULL, &s.sub), 0);
	return s;
}

static bool one_of(struct ms_str word, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == word.len && memcmp(*words, word.p, word.len) == 0)
			return true;
	return false;
}

static const char *text(const struct ms_json *object, const char *key)
{
	const struct ms_json *value = object ? ms_json_get(object, key) : NULL;

	return value && ms_json_type(value) == MS_JSON_STRING ? ms_json_str(value).p : "";
}

static long long number(const struct ms_json *object, const char *key)
{
	const struct ms_json *value = object ? ms_json_get(object, key) : NULL;

	return value && ms_json_type(value) == MS_JSON_INT ? ms_json_int(value) : -1;
}

static void check_words(const struct ms_json *data)
{
	static const char *const layers[] = {"syscall", "memory", "processes", NULL};
	static const char *const classes[] = {"fs",	"network", "cpu", "memory",
					      "static", "policy",  NULL};
	static const char *const severities[] = {"notice", "warning", "critical", NULL};
	static const char *const actions[] = {"observed", "blocked", "throttled", "terminated",
					      NULL};

	CHECK(one_of(ms_json_str(ms_json_get(data, "layer")), layers));
	CHECK(one_of(ms_json_str(ms_json_get(data, "class")), classes));
	CHECK(one_of(ms_json_str(ms_json_get(data, "severity")), severities));
	CHECK(one_of(ms_json_str(ms_json_get(data, "action")), actions));
	CHECK(text(data, "rule")[0] != '\0');
	CHECK(text(data, "remedy")[0] != '\0');
	CHECK(number(data, "count") >= 1);
	CHECK_EQ(ms_json_type(ms_json_get(data, "observed")), MS_JSON_OBJECT);
}

/* The next event, of type @type; NULL data when there is none. */
static void look_for(struct seen *s, const char *type)
{
	struct ms_sub_item item = {0};
	struct ms_str line;

	if (ms_sub_next(s->sub, &item) != 0)
		return;
	line = ms_event_text(item.event);
	CHECK_EQ(ms_doc_parse(line.p, line.len, (struct ms_doc_limits){65536, 8},
			      MS_REASON_PARSE_ERROR, s->report, &s->doc),
		 0);
	(void)ms_event_unref(item.event); /* NULL */
	if (!s->doc)
		return;
	CHECK_STR(text(ms_doc_root(s->doc), "type"), type);
	s->data = ms_json_get(ms_doc_root(s->doc), "data");
}

static void look(struct seen *s)
{
	look_for(s, "violation");
	if (s->data)
		check_words(s->data);
}

static void end(struct seen *s)
{
	s->doc = ms_doc_free(s->doc);
	s->report = ms_report_free(s->report);
	s->sub = ms_sub_free(s->sub);
	s->events = ms_events_free(s->events);
}

static struct ms_shim_violation call(uint32_t nr)
{
	return (struct ms_shim_violation){
		.arch = AUDIT_ARCH_X86_64,
		.nr = nr,
		.tid = 8,
		.pid = 7,
		.count = 3,
		.total = 30,
		.action = MS_SHIM_BLOCKED,
		.error = EPERM,
		.boot_usec = 12345,
		.comm = {"a\n\"\xff\x1b", 5},
		.exe = {"/module/x", 9},
	};
}

TEST(a_refused_call)
{
	struct seen s = begin();
	struct ms_shim_violation v = call(__NR_mount);

	ms_violation_syscall(s.events, &head, &v, 4711);
	look(&s);
	REQUIRE(s.data);
	CHECK_STR(text(s.data, "layer"), "syscall");
	CHECK_STR(text(s.data, "action"), "blocked");
	CHECK_EQ(number(s.data, "count"), 3);
	CHECK_EQ(number(s.data, "total"), 30);
	CHECK_EQ(number(s.data, "actBootUsec"), 12345);
	CHECK_STR(text(ms_json_get(s.data, "observed"), "call"), "mount");
	CHECK_EQ(number(ms_json_get(s.data, "process"), "pid"), 4711);
	CHECK_EQ(number(ms_json_get(s.data, "process"), "pidInside"), 7);
	CHECK_STR(text(ms_json_get(s.data, "process"), "exe"), "/module/x");
	CHECK(strstr(text(ms_json_get(s.data, "process"), "comm"), "\\x") != NULL);
	end(&s);
}

TEST(an_end_is_critical_and_a_tarpit_throttles)
{
	struct seen s = begin();
	struct ms_shim_violation v = call(__NR_ptrace);

	v.action = MS_SHIM_TERMINATED;
	ms_violation_syscall(s.events, &head, &v, 0);
	look(&s);
	CHECK_STR(text(s.data, "severity"), "critical");
	CHECK_STR(text(s.data, "action"), "terminated");
	CHECK_EQ(number(ms_json_get(s.data, "process"), "pid"), -1); /* not known */
	s.doc = ms_doc_free(s.doc);
	v.action = MS_SHIM_THROTTLED;
	ms_violation_syscall(s.events, &head, &v, 0);
	look(&s);
	CHECK_STR(text(s.data, "action"), "throttled");
	end(&s);
}

TEST(memory_of_the_module_and_of_the_host)
{
	struct seen s = begin();
	struct ms_violation_memory m = {.limit_bytes = 1u << 28, .peak_bytes = 99, .kills = 2};

	ms_violation_memory(s.events, &head, &m);
	look(&s);
	CHECK_STR(text(s.data, "layer"), "memory");
	CHECK_STR(text(s.data, "severity"), "warning");
	CHECK_STR(text(s.data, "rule"), "limits.memory");
	CHECK_EQ(number(ms_json_get(s.data, "observed"), "limitBytes"), 1 << 28);
	CHECK_EQ(number(s.data, "count"), 2);
	s.doc = ms_doc_free(s.doc);
	m = (struct ms_violation_memory){.limit_bytes = 1, .host = true};
	ms_violation_memory(s.events, &head, &m);
	look(&s);
	CHECK_STR(text(s.data, "rule"), "host-memory");
	CHECK_STR(text(s.data, "severity"), "notice");
	end(&s);
}

TEST(processes)
{
	struct seen s = begin();

	ms_violation_processes(s.events, &head, 64, 5);
	look(&s);
	CHECK_STR(text(s.data, "layer"), "processes");
	CHECK_EQ(number(s.data, "count"), 5);
	CHECK_EQ(number(ms_json_get(s.data, "observed"), "limit"), 64);
	CHECK_EQ(number(ms_json_get(s.data, "observed"), "current"), -1); /* it is over */
	s.doc = ms_doc_free(s.doc);
	ms_violation_forks(s.events, &head, 64, 9, 63);
	look(&s);
	CHECK_STR(text(s.data, "rule"), "limits.processes");
	CHECK_EQ(number(s.data, "count"), 9);
	CHECK_EQ(number(ms_json_get(s.data, "observed"), "current"), 63);
	end(&s);
}

/* Slowed down is not refused: neither is a violation, and neither may look like one. */
TEST(limits_that_slow_down)
{
	struct seen s = begin();
	const struct ms_watch_cpu cpu = {.limit_pct = 10,
					 .window_usec = 60500000,
					 .periods = 605,
					 .throttled = 590,
					 .throttled_usec = 50000000};
	const struct ms_watch_memory memory = {
		.limit_bytes = 1u << 26, .current_bytes = 1u << 25, .hits = 12};

	ms_violation_slow(s.events, &head, &cpu);
	look_for(&s, "limit.cpu");
	CHECK_EQ(number(s.data, "limit"), 10);
	CHECK_EQ(number(s.data, "periods"), 605);
	CHECK_EQ(number(s.data, "throttled"), 590);
	CHECK_EQ(number(s.data, "throttledUsec"), 50000000);
	CHECK_EQ(number(s.data, "windowUsec"), 60500000);
	CHECK_STR(text(s.data, "severity"), "notice");
	CHECK(strstr(text(s.data, "remedy"), "limits.cpu"));
	CHECK(!s.data || !ms_json_get(s.data, "layer"));
	s.doc = ms_doc_free(s.doc);
	ms_violation_full(s.events, &head, &memory);
	look_for(&s, "limit.memory");
	CHECK_EQ(number(s.data, "limitBytes"), 1 << 26);
	CHECK_EQ(number(s.data, "currentBytes"), 1 << 25);
	CHECK_EQ(number(s.data, "hits"), 12);
	CHECK_STR(text(s.data, "severity"), "notice");
	CHECK(strstr(text(s.data, "remedy"), "limits.memory"));
	end(&s);
}

TEST(signals_that_tell_something_and_those_that_do_not)
{
	for (uint8_t signo = 1; signo < 65; signo++) {
		bool tells = signo == SIGSEGV || signo == SIGBUS || signo == SIGILL ||
			     signo == SIGFPE || signo == SIGTRAP || signo == SIGABRT ||
			     signo == SIGSYS || signo == SIGXCPU || signo == SIGXFSZ;
		struct seen s = begin();

		ms_violation_signal(s.events, &head, 5, signo, true);
		look(&s);
		CHECK_EQ(s.data != NULL, tells);
		if (s.data)
			CHECK_EQ(number(ms_json_get(s.data, "observed"), "signal"), signo);
		end(&s);
	}
}

TEST(a_flood_and_what_was_not_told)
{
	struct seen s = begin();

	ms_violation_flood(s.events, &head, 5000, 100);
	look(&s);
	CHECK_STR(text(s.data, "severity"), "critical");
	CHECK_EQ(number(s.data, "total"), 5000);
	end(&s);
	s = begin();
	ms_violation_unreported(s.events, &head, 10, 10);
	look(&s);
	CHECK(s.data == NULL);
	ms_violation_unreported(s.events, &head, 10, 8);
	look(&s);
	CHECK_EQ(number(s.data, "count"), 2);
	end(&s);
}
