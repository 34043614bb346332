/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-rpc.c - requests as lines, answers as lines: every error of the envelope, every parameter of
 * every method with a good and a bad value, answers that come later, and peers that go away first.
 */
#include "supervisor/daemon/rpc.h"

#include <fcntl.h>

#include "supervisor/daemon/event.h"
#include "supervisor/daemon/supervisor.h"
#include "tests/unit/fake-instance.h"
#include "tests/unit/test.h"

/* What the peer was sent: the last lines, oldest first. */
#define MAX_SENT 300
static struct {
	char *lines[MAX_SENT];
	uint32_t n, n_fds, n_woken;
} sent;

static struct ms_supervisor supervisor;
static struct ms_rpc_peer peer;

static void sink_send(void *data, struct ms_rpc_line *line)
{
	struct ms_buf buf = MS_BUF_INIT(8u << 20);

	(void)data;
	ms_buf_add(&buf, line->head, line->head_len);
	if (line->event)
		ms_buf_add(&buf, ms_event_text(line->event).p + 1,
			   ms_event_text(line->event).len - 1);
	ms_buf_adds(&buf, line->tail);
	CHECK_EQ(buf.len, ms_rpc_line_len(line));
	CHECK(buf.len && buf.data[buf.len - 1] == '\n');
	sent.n_fds += line->n_fds;
	ms_assert(sent.n < MAX_SENT);
	sent.lines[sent.n++] = ms_buf_take(&buf, NULL);
	ms_rpc_line_done(line);
}

static void sink_wake(void *data)
{
	(void)data;
	sent.n_woken++;
}

static void begin(enum ms_role role)
{
	fake_reset();
	supervisor = (struct ms_supervisor){.config = ms_config_new(),
					    .events = ms_events_new(),
					    .daemon_id = "0123456789abcdef",
					    .runtime_dir = (char *)(uintptr_t) "/run/modsup",
					    .state_dir = (char *)(uintptr_t) "/var/lib/modsup"};
	ms_rpc_peer_init(&peer, &supervisor,
			 &(struct ms_rpc_who){.role = role, .ceiling = MS_ROLE_ADMIN},
			 (struct ms_rpc_sink){.send = sink_send, .wake = sink_wake});
}

static void end(void)
{
	ms_rpc_peer_done(&peer);
	for (uint32_t i = 0; i < sent.n; i++)
		free(sent.lines[i]);
	memset(&sent, 0, sizeof(sent));
	supervisor.events = ms_events_free(supervisor.events);
	supervisor.config = ms_config_free(supervisor.config);
}

/* The answer, or "" when there is none yet. */
static const char *ask(const char *request)
{
	uint32_t before = sent.n;

	ms_rpc_request(&peer, request, strlen(request));
	CHECK(sent.n <= before + 1);
	return sent.n > before ? sent.lines[sent.n - 1] : "";
}

static bool has(const char *line, const char *part)
{
	if (strstr(line, part))
		return true;
	printf("  no %s\n  in %s\n", part, line);
	return false;
}

/* Every line that is sent is JSON that our own strict reader takes. */
static bool is_json(const char *line)
{
	ms_auto(report) struct ms_report *report = ms_report_new("answer");
	ms_auto(doc) struct ms_doc *doc = NULL;

	return ms_doc_parse(line, strlen(line), (struct ms_doc_limits){8u << 20, 32},
			    MS_REASON_PARSE_ERROR, report, &doc) == 0;
}

TEST(what_is_wrong_with_a_request)
{
	static const struct {
		const char *request, *first, *second;
	} cases[] = {
		{"", "\"code\":-32700", "\"id\":null"},
		{"{", "parse-error", "\"http\":400"},
		{"\"x\"", "-32600", "request-invalid"},
		{"[]", "batches", "\"id\":null"},
		{"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"}]", "batches",
		 "request-invalid"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"hello\"}", "parse-error",
		 "diagnostics"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"} x", "parse-error", "line"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "parse-error", "column"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\u0000\"}", "parse-error",
		 "retry\":\"never"},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"hello\"}", "id-missing", "\"id\":null"},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"hello\"}", "request-invalid",
		 "\"id\":null"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"hello\"}", "request-invalid",
		 "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"hello\"}", "request-invalid",
		 "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":9007199254740992,\"method\":\"hello\"}",
		 "request-invalid", "\"id\":null"},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"hello\"}", "request-invalid",
		 "\"id\":1"},
		{"{\"id\":1,\"method\":\"hello\"}", "jsonrpc", "request-invalid"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1}", "no \\\"method\\\"", "request-invalid"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", "request-invalid", "\"id\":1"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"x\":1}", "request-invalid",
		 "found \\\"x\\\""},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":[]}",
		 "params-invalid", "an object"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"helo\"}", "method-unknown",
		 "did you mean \\\"hello\\\"?"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"zzzzzzzzz\"}", "-32601",
		 "\"id\":\"a\""},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":{\"a\":1}}",
		 "params-unknown", "takes no parameters"},
	};

	begin(MS_ROLE_ADMIN);
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const char *answer = ask(cases[i].request);

		CHECK(has(answer, cases[i].first) && has(answer, cases[i].second));
		CHECK(is_json(answer));
	}
	CHECK_EQ(peer.n_calls, 0);
	end();
}

TEST(ids_at_their_bounds)
{
	char request[256], id[MS_MAX_REQUEST_ID_BYTES + 2];

	begin(MS_ROLE_ADMIN);
	memset(id, 'i', sizeof(id));
	(void)snprintf(request, sizeof(request),
		       "{\"jsonrpc\":\"2.0\",\"id\":\"%.64s\",\"method\":\"hello\"}", id);
	CHECK(has(ask(request), "\"result\""));
	(void)snprintf(request, sizeof(request),
		       "{\"jsonrpc\":\"2.0\",\"id\":\"%.65s\",\"method\":\"hello\"}", id);
	CHECK(has(ask(request), "request-invalid"));
	CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":9007199254740991,\"method\":\"hello\"}"),
		  "\"id\":9007199254740991,\"result\""));
	CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":-9007199254740991,\"method\":\"hello\"}"),
		  "\"result\""));
	end();
}

TEST(depth_at_its_cap_and_one_above)
{
	char request[256] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":";
	size_t at = strlen(request);

	begin(MS_ROLE_ADMIN);
	for (unsigned over = 0; over <= 1; over++) {
		unsigned levels = MS_MAX_REQUEST_DEPTH - 1 + over;

		memset(request + at, '[', levels);
		memset(request + at + levels, ']', levels);
		request[at + 2 * levels] = '}';
		request[at + 2 * levels + 1] = '\0';
		CHECK(has(ask(request), over ? "parse-error" : "params-invalid"));
	}
	end();
}

TEST(values_at_their_cap_and_one_above)
{
	static const char start[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":[0";
	char request[sizeof(start) + 2 * MS_MAX_REQUEST_VALUES];

	begin(MS_ROLE_ADMIN);
	for (unsigned over = 0; over <= 1; over++) {
		/* the request, four members of it, and the first of the array are six */
		unsigned more = MS_MAX_REQUEST_VALUES - 6 + over;
		size_t at = sizeof(start) - 1;

		memcpy(request, start, at);
		for (unsigned i = 0; i < more; i++, at += 2)
			memcpy(request + at, ",0", 2);
		memcpy(request + at, "]}", 3);
		CHECK(has(ask(request), over ? "parse-error" : "params-invalid"));
	}
	end();
}

TEST(hello_tells_what_there_is)
{
	const char *answer;

	begin(MS_ROLE_ADMIN);
	ms_rpc_greet(&peer);
	CHECK(is_json(sent.lines[0]));
	CHECK(has(sent.lines[0], "\"method\":\"hello\",\"params\":{\"protocol\":{\"major\":1"));
	CHECK(has(sent.lines[0], "\"role\":\"admin\""));
	CHECK(has(sent.lines[0], "\"instance.start\""));
	CHECK(has(sent.lines[0], ms_events_epoch(supervisor.events)));
	answer = ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":{}}");
	CHECK(has(answer, "\"id\":1,\"result\":{\"protocol\""));
	end();
}

TEST(info_and_check)
{
	const char *answer;

	begin(MS_ROLE_OBSERVER);
	fake.n_instances = 3; /* the second has stopped */
	answer = ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"supervisor.info\"}");
	CHECK(is_json(answer));
	CHECK(has(answer, "\"instances\":2,"));
	CHECK(has(answer, "\"requestBytes\":1048576"));
	answer = ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.check\"}");
	CHECK(is_json(answer));
	CHECK(has(answer, "\"layer\":\"landlock\""));
	CHECK(has(answer, "\"fit\":"));
	end();
}

#define START(params)                                                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\",\"params\":{" params "}}"

TEST(what_start_refuses)
{
	static const struct {
		const char *request, *first, *second;
	} cases[] = {
		{START(""), "params-invalid", "none is there"},
		{START("\"path\":\"/a\",\"manifest\":\"{}\""), "params-invalid", "not both"},
		{START("\"path\":\"/a\",\"bundle\":\"/b\""), "params-invalid", "bundle"},
		{START("\"path\":\"a\""), "absolute path", "\"pointer\":\"/params/path\""},
		{START("\"path\":\"\""), "absolute path", "hint"},
		{START("\"path\":7"), "found 7; a string is accepted", "params-invalid"},
		{START("\"manifest\":{}"), "found an object", "params-invalid"},
		{START("\"manifest\":\"\""), "1 to 262144 bytes", "params-invalid"},
		{START("\"path\":\"/a\",\"tennant\":\"x\""), "params-unknown",
		 "did you mean \\\"tenant\\\"?"},
		{START("\"path\":\"/a\",\"tenant\":\".x\""), "params-invalid", "tenant"},
		{START("\"path\":\"/a\",\"tier\":\"gold\""), "\\\"community\\\" \\\"verified\\\"",
		 "found \\\"gold\\\""},
		{START("\"path\":\"/a\",\"wait\":\"yes\""), "\\\"spawned\\\"", "wait"},
		{START("\"path\":\"/a\",\"timeout\":30"), "timeout: found 30", "a string"},
		{START("\"path\":\"/a\",\"timeout\":\"0s\""), "1ms", "1h"},
		{START("\"path\":\"/a\",\"timeout\":\"61m\""), "1ms", "timeout"},
		{START("\"path\":\"/a\",\"timeout\":\"1.5s\""), "timeout", "params-invalid"},
		{START("\"path\":\"/a\",\"stdio\":\"socket\""), "stdio", "\\\"pipe\\\""},
		{START("\"path\":\"/a\",\"tty\":{}"), "goes with", "params-invalid"},
		{START("\"path\":\"/a\",\"stdio\":\"tty\",\"tty\":{\"rows\":0}"),
		 "/params/tty/rows", "1 to 1000"},
		{START("\"path\":\"/a\",\"stdio\":\"tty\",\"tty\":{\"rows\":1001}"), "rows",
		 "found 1001"},
		{START("\"path\":\"/a\",\"stdio\":\"tty\",\"tty\":{\"colls\":1}"), "params-unknown",
		 "did you mean \\\"cols\\\"?"},
		{START("\"path\":\"/a\",\"attached\":1"), "attached", "params-invalid"},
		{START("\"path\":\"/a\",\"command\":[]"), "1 to 64 texts", "command"},
		{START("\"path\":\"/a\",\"command\":[\"\"]"), "/params/command/0", "empty"},
		{START("\"path\":\"/a\",\"command\":[\"x\",1]"), "/params/command/1",
		 "params-invalid"},
		{START("\"path\":\"/a\",\"labels\":{\"a\":1}"), "/params/labels/a",
		 "params-invalid"},
		{START("\"path\":\"/a\",\"labels\":{\"\":\"x\"}"), "a key of 1", "params-invalid"},
		{START("\"path\":\"a\",\"tier\":\"x\",\"zz\":1"), "\"diagnostics\":[{",
		 "params-unknown"},
	};

	begin(MS_ROLE_ADMIN);
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const char *answer = ask(cases[i].request);

		CHECK(has(answer, cases[i].first) && has(answer, cases[i].second));
		CHECK(is_json(answer));
	}
	CHECK_EQ(fake.n_started, 0);
	end();
}

TEST(start_hands_everything_on)
{
	static const char request[] =
		START("\"path\":\"/opt/demo\",\"command\":[\"/bin/sh\",\"\"],\"tier\":\"verified\","
		      "\"tenant\":\"acme:1\",\"wait\":\"no\",\"timeout\":\"2m\",\"labels\":{\"k\":"
		      "\"v\"},\"stdio\":\"tty\",\"tty\":{\"cols\":132},\"attached\":true");

	begin(MS_ROLE_ADMIN);
	CHECK_STR(ask(request), "");
	CHECK_EQ(fake.n_started, 1);
	CHECK_STR(fake.path, "/opt/demo");
	CHECK_STR(fake.tenant, "acme:1");
	CHECK_STR(fake.label, "v");
	CHECK_EQ(fake.last.n_command, 2);
	CHECK(fake.last.tier_set && fake.last.tier == MS_TIER_VERIFIED);
	CHECK_EQ(fake.last.wait, MS_WAIT_NO);
	CHECK_EQ(fake.last.timeout_usec, 120000000);
	CHECK_EQ(fake.last.stdio, MS_STDIO_TTY);
	CHECK_EQ(fake.last.tty_rows, 24);
	CHECK_EQ(fake.last.tty_cols, 132);
	CHECK(fake.last.owner == &peer);
	end();
}

/* Each byte of a good request as every other byte: one answer or none, and that is JSON. */
TEST(every_byte_changed)
{
	static const char good[] = START(
		"\"path\":\"/a\",\"command\":[\"x\"],\"timeout\":\"2m\",\"labels\":{\"k\":\"v\"},"
		"\"stdio\":\"tty\",\"tty\":{\"cols\":132},\"attached\":true");
	char request[sizeof(good)];

	for (size_t at = 0; at < sizeof(good) - 1; at++) {
		begin(MS_ROLE_ADMIN);
		memcpy(request, good, sizeof(good));
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t before = sent.n, started = fake.n_started;

			request[at] = (char)byte;
			ms_rpc_request(&peer, request, sizeof(good) - 1);
			CHECK_EQ(sent.n - before + (fake.n_started - started), 1);
			if (sent.n > before)
				CHECK(is_json(sent.lines[sent.n - 1]));
		}
		end();
	}
	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		begin(MS_ROLE_ADMIN);
		ms_rpc_request(&peer, good, len);
		CHECK(sent.n == 1 && has(sent.lines[0], "parse-error"));
		end();
	}
}

TEST(start_defaults)
{
	begin(MS_ROLE_ADMIN);
	CHECK_STR(ask(START("\"manifest\":\"{}\",\"bundle\":\"/b\"")), "");
	CHECK_STR(fake.manifest, "{}");
	CHECK_EQ(fake.last.wait, MS_WAIT_READY);
	CHECK_EQ(fake.last.timeout_usec, 30000000);
	CHECK_EQ(fake.last.stdio, MS_STDIO_LOG);
	CHECK(!fake.last.tier_set && !fake.last.owner && !fake.last.labels);
	end();
}

TEST(start_answers_later_with_descriptors)
{
	int fds[3];

	begin(MS_ROLE_ADMIN);
	(void)ask(START("\"path\":\"/a\",\"stdio\":\"pipe\""));
	CHECK_EQ(peer.n_calls, 1);
	for (size_t i = 0; i < MS_ARRAY_LEN(fds); i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fake_answer(NULL, fds, 3);
	REQUIRE(sent.n == 1);
	CHECK_EQ(sent.n_fds, 3);
	CHECK(has(sent.lines[0], "\"id\":1,\"fds\":3,\"result\":{\"instance\":\"00000001\""));
	CHECK(has(sent.lines[0], "\"sockets\":{\"http\":\"/run/x/http.sock\"}"));
	CHECK(has(sent.lines[0], "\"since\":\"2026-01-02T03:04:05.678901Z\""));
	CHECK(has(sent.lines[0], "\"narrowings\":[{\"key\":\"limits.memory\",\"asked\":\"1G\""));
	CHECK(has(sent.lines[0], "\"already\":false,\"stale\":false"));
	CHECK_EQ(peer.n_calls, 0);
	CHECK_EQ(sent.n_woken, 1);
	end();
}

TEST(start_fails_at_once_and_later)
{
	struct ms_error err = MS_ERROR_INIT;

	begin(MS_ROLE_ADMIN);
	fake.refuse_start = ENOSPC;
	CHECK(has(ask(START("\"path\":\"/a\"")), "\"reason\":\"host-full\",\"retry\":\"later\""));
	CHECK_EQ(peer.n_calls, 0);
	fake.refuse_start = 0;
	(void)ask(START("\"path\":\"/a\""));
	MS_IGNORE(ms_error_set(&err, EACCES, "mount '/module'"));
	MS_IGNORE(ms_error_step(&err, MS_STEP_MOUNT));
	fake_answer(&err, NULL, 0);
	CHECK(has(sent.lines[1], "\"step\":\"mount\",\"errno\":\"EACCES\""));
	CHECK(has(sent.lines[1], "\"code\":-32099"));
	CHECK(has(sent.lines[1], "\"instance\":\"00000001\""));
	CHECK(is_json(sent.lines[1]));
	end();
}

#define WHICH(method, params)                                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"instance." method "\",\"params\":{" params "}" \
	"}"

TEST(which_one)
{
	static const struct {
		const char *request, *first;
	} cases[] = {
		{WHICH("show", ""), "alone"},
		{WHICH("show", "\"instance\":\"00000001\",\"module\":\"demo\""), "alone"},
		{WHICH("show", "\"instance\":\"00000001\",\"tenant\":\"x\""), "alone"},
		{WHICH("show", "\"tenant\":\"x\""), "params-invalid"},
		{WHICH("show", "\"instance\":\"0000000Z\""), "hexadecimal"},
		{WHICH("show", "\"instance\":\"00000009\""), "not-found"},
		{WHICH("show", "\"module\":\"nemo\""), "of tenant 'default'"},
		{WHICH("show", "\"module\":\"Nemo\""), "a module id"},
		{WHICH("show", "\"instance\":\"00000001\""), "\"state\":\"ready\""},
		{WHICH("show", "\"instance\":\"00000002\""),
		 "\"exit\":{\"signal\":9,\"signalName\":\"SIGKILL\",\"cause\":\"memory\"}"},
		{WHICH("show", "\"module\":\"demo\",\"tenant\":\"x\""), "\"result\""},
		{WHICH("stop", "\"module\":\"nemo\""), "instance.list"},
		{WHICH("wait", "\"module\":\"nemo\""), "not-found"},
	};

	begin(MS_ROLE_ADMIN);
	fake.n_instances = 2;
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const char *answer = ask(cases[i].request);

		CHECK(has(answer, cases[i].first));
		CHECK(is_json(answer));
	}
	CHECK_STR(ask(WHICH("stop", "\"module\":\"demo\"")), "");
	CHECK_STR(ask(WHICH("wait", "\"module\":\"demo\"")), "");
	fake_answer(NULL, NULL, 0);
	fake_answer(NULL, NULL, 0);
	CHECK_EQ(peer.n_calls, 0);
	CHECK(has(sent.lines[sent.n - 1], "\"result\":{\"instance\":\"00000001\""));
	end();
}

TEST(lists_in_pages)
{
	begin(MS_ROLE_ADMIN);
	CHECK(has(ask(WHICH("list", "")), "\"instances\":[],\"next\":null"));
	fake.n_instances = 3;
	CHECK(has(ask(WHICH("list", "\"limit\":2")), "\"next\":\"2\""));
	CHECK(has(ask(WHICH("list", "\"limit\":2,\"cursor\":\"2\"")), "\"next\":null"));
	CHECK(has(ask(WHICH("list", "\"limit\":0")), "1 to 500"));
	CHECK(has(ask(WHICH("list", "\"limit\":500")), "\"result\""));
	CHECK(has(ask(WHICH("list", "\"limit\":501")), "params-invalid"));
	CHECK(has(ask(WHICH("list", "\"limit\":-1")), "found -1"));
	CHECK(has(ask(WHICH("list", "\"cursor\":\"x\"")), "params-invalid"));
	end();
}

TEST(roles)
{
	begin(MS_ROLE_OBSERVER);
	CHECK(has(ask(START("\"path\":\"/a\"")), "role-forbids"));
	CHECK(has(ask(WHICH("stop", "\"module\":\"demo\"")), "needs the role backend"));
	CHECK(has(ask(WHICH("list", "")), "\"result\""));
	end();
	begin(MS_ROLE_BACKEND);
	CHECK(has(ask(START("\"path\":\"/a\"")), "needs the role admin"));
	CHECK_STR(ask(WHICH("stop", "\"module\":\"demo\"")), "");
	end();
	begin(MS_ROLE_NONE);
	CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"}"), "role-forbids"));
	end();
}

#define CALL(method, params)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"

TEST(emergencies_and_capacity)
{
	begin(MS_ROLE_BACKEND);
	CHECK(has(ask(CALL("emergency.stop", "\"reason\":\"x\"")), "needs the role admin"));
	CHECK(has(ask(CALL("emergency.lift", "")), "needs the role admin"));
	CHECK(has(ask(CALL("capacity.get", "")), "\"full\":null"));
	end();
	begin(MS_ROLE_ADMIN);
	CHECK(has(ask(CALL("emergency.stop", "")), "params-invalid"));
	CHECK(has(ask(CALL("emergency.stop", "\"reason\":\"\"")), "params-invalid"));
	CHECK(has(ask(CALL("emergency.stop", "\"reason\":7")), "params-invalid"));
	CHECK(has(ask(CALL("emergency.lift", "\"reason\":\"x\"")), "params-unknown"));
	CHECK(has(ask(CALL("capacity.get", "\"x\":1")), "params-unknown"));
	CHECK_STR(fake.emergency, "");
	CHECK(has(ask(CALL("supervisor.info", "")), "\"emergency\":null"));
	fake.n_instances = 3;
	CHECK(has(ask(CALL("emergency.stop", "\"reason\":\"fire\"")), "\"killed\":3"));
	CHECK_STR(fake.emergency, "fire");
	CHECK(has(ask(CALL("supervisor.info", "")), "\"emergency\":\"fire\""));
	CHECK(has(ask(CALL("emergency.lift", "")), "\"wasRaised\":true"));
	CHECK(has(ask(CALL("emergency.lift", "")), "\"wasRaised\":false"));
	end();
}

static void emit(const char *module)
{
	struct ms_event_head head = {.type = "violation",
				     .module = {.p = module, .len = strlen(module)}};
	struct ms_jw *jw = ms_jw_new();

	ms_jw_object(jw, NULL);
	ms_jw_end(jw);
	ms_event_emit(supervisor.events, &head, jw);
}

#define EVENT(method, params)                                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"event." method "\",\"params\":{" params "}}"

TEST(subscriptions)
{
	char request[256];

	begin(MS_ROLE_OBSERVER);
	emit("demo");
	CHECK(has(ask(EVENT("subscribe", "\"types\":[\"violation\"],\"modules\":[\"demo\"]")),
		  "\"subscription\":\"s1\""));
	CHECK(has(sent.lines[0], "\"oldest\":1,\"next\":2"));
	CHECK(!ms_rpc_pull(&peer));
	sent.n_woken = 0;
	emit("other");
	CHECK_EQ(sent.n_woken, 0);
	emit("demo");
	CHECK_EQ(sent.n_woken, 1);
	CHECK(ms_rpc_pull(&peer));
	CHECK(!ms_rpc_pull(&peer));
	CHECK(has(sent.lines[1], "\"method\":\"event\",\"params\":{\"subscription\":\"s1\","
				 "\"prev\":0,\"seq\":3,"));
	CHECK(is_json(sent.lines[1]));

	(void)snprintf(request, sizeof(request),
		       EVENT("subscribe", "\"since\":{\"epoch\":\"%s\",\"seq\":1}"),
		       ms_events_epoch(supervisor.events));
	CHECK(has(ask(request), "\"s2\""));
	CHECK(ms_rpc_pull(&peer));
	CHECK(has(sent.lines[3], "\"subscription\":\"s2\",\"prev\":1,\"seq\":2,"));
	CHECK(has(ask(EVENT("unsubscribe", "\"subscription\":\"s2\"")), "\"result\":{}"));
	CHECK(!ms_rpc_pull(&peer));
	CHECK(has(ask(EVENT("unsubscribe", "\"subscription\":\"s2\"")), "not-found"));

	(void)snprintf(request, sizeof(request),
		       EVENT("subscribe",
			     "\"mark\":true,\"types\":[\"no\"],\"since\":{\"epoch\":\"%s\","
			     "\"seq\":0}"),
		       ms_events_epoch(supervisor.events));
	CHECK(has(ask(request), "\"s3\""));
	CHECK(ms_rpc_pull(&peer));
	CHECK(has(sent.lines[sent.n - 1], "\"subscription\":\"s3\",\"prev\":0,\"type\":\"mark\","));
	CHECK(is_json(sent.lines[sent.n - 1]));
	CHECK(!ms_rpc_pull(&peer));
	CHECK(has(ask(EVENT("unsubscribe", "\"subscription\":\"s3\"")), "\"result\":{}"));

	CHECK(has(ask(EVENT("subscribe", "\"since\":{\"epoch\":\"x\",\"seq\":9}")), "\"s4\""));
	CHECK(ms_rpc_pull(&peer));
	CHECK(has(sent.lines[sent.n - 1], "\"type\":\"gap\""));
	CHECK(has(sent.lines[sent.n - 1], "\"reason\":\"epoch\",\"ended\":false"));
	CHECK(is_json(sent.lines[sent.n - 1]));
	end();
}

TEST(what_subscribe_refuses)
{
	static const struct {
		const char *request, *first;
	} cases[] = {
		{EVENT("subscribe", "\"type\":[]"), "did you mean \\\"types\\\"?"},
		{EVENT("subscribe", "\"types\":\"violation\""), "params-invalid"},
		{EVENT("subscribe", "\"types\":[1]"), "/params/types/0"},
		{EVENT("subscribe", "\"severity\":\"bad\""), "\\\"notice\\\""},
		{EVENT("subscribe", "\"since\":5"), "/params/since"},
		{EVENT("subscribe", "\"since\":{}"), "since needs \\\"epoch\\\""},
		{EVENT("subscribe", "\"since\":{\"epoch\":\"x\",\"seq\":-1}"), "/params/since/seq"},
		{EVENT("unsubscribe", ""), "needs \\\"subscription\\\""},
		{EVENT("unsubscribe", "\"subscription\":\"s0\""), "not-found"},
		{EVENT("unsubscribe", "\"subscription\":\"x1\""), "not-found"},
		{EVENT("unsubscribe", "\"subscription\":\"s99999999999999999999\""), "not-found"},
	};
	char request[256];

	begin(MS_ROLE_ADMIN);
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++)
		CHECK(has(ask(cases[i].request), cases[i].first));
	(void)snprintf(request, sizeof(request),
		       EVENT("subscribe", "\"since\":{\"epoch\":\"%s\",\"seq\":1}"),
		       ms_events_epoch(supervisor.events));
	CHECK(has(ask(request), "no event of this epoch"));
	for (unsigned i = 0; i < MS_MAX_PEER_SUBSCRIPTIONS; i++)
		CHECK(has(ask(EVENT("subscribe", "")), "\"result\""));
	CHECK(has(ask(EVENT("subscribe", "")), "\"reason\":\"busy\""));
	CHECK(has(ask(EVENT("unsubscribe", "\"subscription\":\"s3\"")), "\"result\""));
	CHECK(has(ask(EVENT("subscribe", "")), "\"s17\""));
	end();
}

/* The first entry of a configuration, for @peer. */
static void admit_by(const char *entry, enum ms_role role)
{
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	ms_auto(config) struct ms_config *config = ms_config_new();
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"peers\":[%s]}", entry); /* fits */
	ms_assert(ms_config_apply(config, text, strlen(text), report) == 0);
	begin(role);
	peer.entry = ms_peer_dup(&config->peers[0]);
}

TEST(what_is_out_of_scope_is_not_there)
{
	static const char *const others[] = {
		"{\"user\":1,\"role\":\"backend\",\"modules\":[\"dem\",\"demo-*\",\"x*\"]}",
		"{\"user\":1,\"role\":\"backend\",\"tenants\":[\"acme\"]}",
	};
	static const char *const methods[] = {"show", "stop", "wait", "restart", "kill"};
	char request[256], absent[1024];

	for (size_t i = 0; i < MS_ARRAY_LEN(others); i++) {
		admit_by(others[i], MS_ROLE_BACKEND);
		fake.n_instances = 3;
		for (size_t m = 0; m < MS_ARRAY_LEN(methods); m++) {
			/* word by word what is told of one that is really not there */
			(void)snprintf(request, sizeof(request),
				       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.%s\","
				       "\"params\":{\"instance\":\"00000009\"}}",
				       methods[m]); /* fits */
			(void)snprintf(absent, sizeof(absent), "%s", ask(request));
			*strstr(request, "00000009") = '0';
			strstr(request, "00000009")[7] = '1';
			*strstr(absent, "00000009") = '0';
			strstr(absent, "00000009")[7] = '1';
			CHECK(has(absent, "\"reason\":\"not-found\""));
			CHECK_STR(ask(request), absent);
		}
		CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.list\"}"),
			  "\"instances\":[],\"next\":null"));
		CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"supervisor.info\"}"),
			  "\"instances\":0,"));
		CHECK_EQ(fake.n_waits, 0);
		end();
	}
}

TEST(what_is_in_scope_is_there)
{
	admit_by(
		"{\"user\":1,\"role\":\"backend\",\"modules\":[\"de*\"],\"tenants\":[\"default\"]}",
		MS_ROLE_BACKEND);
	fake.n_instances = 3;
	CHECK(has(ask(WHICH("show", "\"instance\":\"00000001\"")), "\"result\""));
	CHECK(has(ask(WHICH("show", "\"module\":\"demo\"")), "\"result\""));
	CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.list\",\"params\":{"
		      "\"limit\":2}}"),
		  "\"next\":\"2\""));
	CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"supervisor.info\"}"),
		  "\"instances\":2,"));
	ms_rpc_greet(&peer);
	CHECK(has(sent.lines[sent.n - 1],
		  "\"role\":\"backend\",\"scope\":{\"modules\":[\"de*\"],\"tenants\":[\"default\"],"
		  "\"maxTier\":\"community\"},\"may\":[],"));
	end();
}

TEST(what_a_backend_starts)
{
	static const struct {
		const char *params, *first, *second;
	} cases[] = {
		{"\"path\":\"/a\"", "role-forbids", "\\\"path\\\" needs the role admin"},
		{"\"manifest\":\"{}\"", "role-forbids", "manifest"},
		{"\"module\":\"shop-a\",\"path\":\"/a\"", "role-forbids", "path"},
		{"\"module\":\"shop-a\",\"bundle\":\"/a\"", "role-forbids", "bundle"},
		{"\"module\":\"shop-a\",\"command\":[\"/bin/sh\"]", "role-forbids", "command"},
		{"\"module\":\"shop-a\",\"stdio\":\"pipe\"", "role-forbids",
		 "\\\"stdio\\\" other than \\\"log\\\""},
		{"\"module\":\"shop-a\",\"stdio\":\"tty\"", "role-forbids", "stdio"},
		{"\"module\":\"shop-a\",\"tty\":{}", "role-forbids", "tty"},
		{"\"module\":\"shop-a\",\"attached\":false", "role-forbids", "attached"},
		{"\"module\":\"bank\"", "not-found", "no module 'bank'"},
		{"\"module\":\"shop-a\",\"tenant\":\"zoo\"", "not-found", "shop-a"},
		{"\"module\":\"shop-a\",\"tier\":\"private\"", "tier-forbids", "private is above"},
		{"\"tenant\":\"acme\"", "params-invalid", "none is there"},
	};
	char request[256];

	admit_by("{\"user\":1,\"role\":\"backend\",\"modules\":[\"shop-*\"],\"tenants\":["
		 "\"default\",\"acme\"],\"maxTier\":\"verified\",\"may\":[\"release\"]}",
		 MS_ROLE_BACKEND);
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const char *answer;

		(void)snprintf(request, sizeof(request),
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\","
			       "\"params\":{%s}}",
			       cases[i].params); /* fits */
		answer = ask(request);
		CHECK(has(answer, cases[i].first) && has(answer, cases[i].second));
	}
	CHECK_EQ(fake.n_started, 0);
	CHECK_STR(ask(START("\"module\":\"shop-a\",\"tier\":\"verified\",\"tenant\":\"acme\","
			    "\"stdio\":\"log\"")),
		  "");
	CHECK_EQ(fake.n_started, 1);
	CHECK_EQ(fake.last.module.len, 6);
	/* the host's own default is no way around it */
	supervisor.config->default_tier = MS_TIER_PRIVATE;
	CHECK(has(ask(START("\"module\":\"shop-a\"")), "(the host's default)"));
	end();
}

/* An entry of an administrator, through the socket of backends. */
TEST(the_socket_is_the_ceiling)
{
	admit_by("{\"user\":1,\"role\":\"admin\"}", MS_ROLE_BACKEND);
	CHECK(has(ask(START("\"path\":\"/a\"")), "role-forbids"));
	CHECK(has(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"supervisor.reload\"}"),
		  "needs the role admin"));
	CHECK_STR(ask(START("\"module\":\"any\",\"tier\":\"verified\"")), "");
	end();
}

TEST(a_peer_that_goes_away_is_forgotten)
{
	begin(MS_ROLE_ADMIN);
	(void)ask(START("\"path\":\"/a\",\"attached\":true"));
	(void)ask(START("\"path\":\"/b\""));
	CHECK_EQ(fake.n_waits, 2);
	end();
	CHECK_EQ(fake.n_waits, 0);
	CHECK_EQ(fake.n_data_forgotten, 2);
	CHECK_EQ(fake.n_owners_forgotten, 1);
	CHECK(fake.owner_forgotten == &peer);
}

TEST(labels_at_their_caps)
{
	struct ms_buf buf = MS_BUF_INIT(100000);

	begin(MS_ROLE_ADMIN);
	for (unsigned n = MS_MAX_LABELS; n <= MS_MAX_LABELS + 1; n++) {
		ms_buf_adds(&buf, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\","
				  "\"params\":{\"path\":\"/a\",\"labels\":{");
		for (unsigned i = 0; i < n; i++)
			ms_buf_addf(&buf, "%s\"k%u\":\"%0*d\"", i ? "," : "", i,
				    (int)MS_MAX_LABEL_BYTES, 0);
		ms_buf_adds(&buf, "}}}");
		if (n == MS_MAX_LABELS)
			CHECK_STR(ask(buf.data), "");
		else
			CHECK(has(ask(buf.data), "at most " MS_STR(16u)));
		ms_buf_done(&buf);
	}
	ms_buf_addf(&buf,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\","
		    "\"params\":{\"path\":\"/a\",\"labels\":{\"k\":\"%0*d\"}}}",
		    (int)MS_MAX_LABEL_BYTES + 1, 0);
	CHECK(has(ask(buf.data), "params-invalid"));
	ms_buf_done(&buf);
	end();
}
