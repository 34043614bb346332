/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-follow.c - a subscription over connections that end, epochs that change, numbers that are
 * missing: whatever the supervisor does, each number is an event, in a gap, or filtered out. */
#include "modsup/modsup.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/un.h>

#include "tests/unit/fake-server.h"
#include "tests/unit/oom.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

#define SOON_MS 20000

struct server {
	struct scratch scratch;
	struct sockaddr_un addr;
	pid_t pid;
};

/* A script gets the listening socket and accepts as often as it likes. */
static void server_start(struct server *s, void (*script)(int listening))
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*s = (struct server){.scratch = scratch_new(), .addr = {.sun_family = AF_UNIX}};
	(void)snprintf(s->addr.sun_path, sizeof(s->addr.sun_path), "%s/s",
		       s->scratch.path); /* fits */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&s->addr, sizeof(s->addr)) < 0 ||
	    listen(fd, 8) < 0)
		abort();
	s->pid = fork();
	if (s->pid == 0) {
		(void)alarm(60); /* a script that waits for what never comes */
		script(fd);
		_exit(0);
	}
	(void)close(fd); /* the child has it */
}

static int server_end(struct server *s)
{
	int status = -1;

	if (waitpid(s->pid, &status, 0) != s->pid)
		return -1;
	scratch_done(&s->scratch);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void server_kill(struct server *s)
{
	(void)kill(s->pid, SIGKILL); /* ours, not yet waited for */
	(void)server_end(s);	     /* killed */
}

/* -- what scripts are made of -- */

static int greet(int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		_exit(9);
	fake_say(fd, FAKE_HELLO);
	return fd;
}

static void sayf(int fd, const char *fmt, ...) MS_PRINTF(2, 3);
static void sayf(int fd, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* fits */
	va_end(ap);
	fake_say(fd, text);
}

static void subscribe(int fd, const char *expected, const char *epoch, unsigned next, unsigned id)
{
	fake_expect(fd, expected);
	sayf(fd,
	     "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"subscription\":\"s1\",\"epoch\":\"%s\","
	     "\"oldest\":1,\"next\":%u}}\n",
	     id, epoch, next);
}

static void event(int fd, const char *epoch, unsigned prev, unsigned seq)
{
	sayf(fd,
	     "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"subscription\":\"s1\","
	     "\"prev\":%u,\"seq\":%u,\"epoch\":\"%s\",\"type\":\"violation\",\"data\":{}}}\n",
	     prev, seq, epoch);
}

static void gap(int fd, const char *epoch, unsigned from, unsigned to, const char *reason,
		const char *ended)
{
	sayf(fd,
	     "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"subscription\":\"s1\","
	     "\"prev\":0,\"type\":\"gap\",\"epoch\":\"%s\",\"data\":{\"from\":%u,\"to\":%u,"
	     "\"reason\":\"%s\",\"ended\":%s}}}\n",
	     epoch, from, to, reason, ended);
}

static void until_gone(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = 0};

	(void)poll(&pfd, 1, 60000); /* POLLHUP */
	(void)close(fd);	    /* ours */
}

/* -- what the tests are made of -- */

static struct modsup_follow *follow(const struct server *s, const char *params, const char *epoch,
				    uint64_t seq)
{
	struct modsup_options options = MODSUP_OPTIONS_INIT;
	struct modsup_follow_options what = MODSUP_FOLLOW_OPTIONS_INIT;
	struct modsup_follow *f = NULL;
	struct modsup_error err;

	options.path = s->addr.sun_path;
	what.params = params;
	what.epoch = epoch;
	what.seq = seq;
	what.first_wait_ms = 1;
	what.max_wait_ms = 20;
	if (modsup_follow_new(&options, &what, &f, &err) != 0)
		printf("no follow: %s\n", err.message);
	return f;
}

/* The next thing in a line: "event e1 5", "gap e1 3..4 missing", "connected e1", "disconnected". */
static const char *next(struct modsup_follow *f)
{
	static char text[256];
	struct modsup_event *e = NULL;
	struct modsup_error err;
	int r = modsup_follow_next(f, SOON_MS, &e, &err);

	if (r != 0) {
		(void)snprintf(text, sizeof(text), "%d %s", r, err.reason); /* cut */
		return text;
	}
	switch (modsup_event_kind(e)) {
	case MODSUP_EVENT:
		(void)snprintf(text, sizeof(text), "%s %s %llu", modsup_event_type(e),
			       modsup_event_epoch(e),
			       (unsigned long long)modsup_event_seq(e)); /* fits */
		break;
	case MODSUP_GAP:
		(void)snprintf(text, sizeof(text), "gap %s %llu..%llu %s", modsup_event_epoch(e),
			       (unsigned long long)modsup_event_from(e),
			       (unsigned long long)modsup_event_seq(e),
			       modsup_event_text(e)); /* fits */
		break;
	case MODSUP_CONNECTED:
		(void)snprintf(text, sizeof(text), "connected %s",
			       modsup_event_epoch(e)); /* fits */
		CHECK(strstr(modsup_event_json(e), "\"protocol\""));
		break;
	case MODSUP_DISCONNECTED:
		(void)snprintf(text, sizeof(text), "disconnected"); /* fits */
		CHECK(modsup_event_text(e)[0] != '\0');
		break;
	}
	(void)modsup_event_free(e); /* always NULL */
	return text;
}

static void position_is(const struct modsup_follow *f, const char *epoch, uint64_t seq)
{
	uint64_t got = UINT64_MAX;

	CHECK_STR(modsup_follow_position(f, &got), epoch);
	CHECK_EQ(got, seq);
}

/* -- resuming -- */

static void twice_the_same_epoch(int listening)
{
	int fd = greet(listening);

	subscribe(fd, "\"method\":\"event.subscribe\",\"params\":{\"types\":[\"violation\"]}}",
		  "e1", 5, 1);
	event(fd, "e1", 0, 7); /* 5 and 6 were of other types */
	event(fd, "e1", 7, 8);
	(void)close(fd); /* as a restart does */
	fd = greet(listening);
	(void)close(fd); /* it is not ready yet */
	fd = greet(listening);
	subscribe(fd,
		  "\"params\":{\"since\":{\"epoch\":\"e1\",\"seq\":8},\"types\":[\"violation\"]}}",
		  "e1", 12, 1);
	event(fd, "e1", 7, 8);	/* once more: at least once */
	event(fd, "e1", 8, 11); /* 9 and 10 were of other types */
	until_gone(fd);
}

TEST(goes_on_where_it_was)
{
	struct server s;
	struct modsup_follow *f;

	server_start(&s, twice_the_same_epoch);
	f = follow(&s, "{\"types\":[\"violation\"]}", NULL, 0);
	REQUIRE(f);
	position_is(f, "", 0);
	CHECK_STR(next(f), "connected e1");
	position_is(f, "e1", 4); /* nothing before was asked for */
	CHECK_STR(next(f), "violation e1 7");
	CHECK_STR(next(f), "violation e1 8");
	position_is(f, "e1", 8);
	CHECK_STR(next(f), "disconnected"); /* once, for two failures */
	CHECK_STR(next(f), "connected e1");
	CHECK_STR(next(f), "violation e1 11");
	position_is(f, "e1", 11);
	f = modsup_follow_free(f);
	CHECK_EQ(server_end(&s), 0);
}

static void other_epoch(int listening)
{
	int fd = greet(listening);

	subscribe(fd, "\"params\":{\"since\":{\"epoch\":\"e1\",\"seq\":40}}}", "e2", 9, 1);
	gap(fd, "e2", 0, 5, "epoch", "false");
	event(fd, "e2", 5, 6);
	(void)close(fd); /* and the next one says nothing of the change */
	fd = greet(listening);
	subscribe(fd, "\"since\":{\"epoch\":\"e2\",\"seq\":6}", "e3", 4, 1);
	event(fd, "e3", 0, 3);
	until_gone(fd);
}

TEST(another_epoch_is_a_gap_told_or_not)
{
	struct server s;
	struct modsup_follow *f;

	server_start(&s, other_epoch);
	f = follow(&s, NULL, "e1", 40);
	REQUIRE(f);
	position_is(f, "e1", 40);
	CHECK_STR(next(f), "connected e2");
	position_is(f, "e1", 40); /* what is missed is not accounted for yet */
	CHECK_STR(next(f), "gap e2 0..5 epoch");
	position_is(f, "e2", 5);
	CHECK_STR(next(f), "violation e2 6");
	CHECK_STR(next(f), "disconnected");
	CHECK_STR(next(f), "connected e3");
	CHECK_STR(next(f), "gap e3 0..2 epoch");
	position_is(f, "e3", 2); /* the event behind it is not handed out yet */
	CHECK_STR(next(f), "violation e3 3");
	position_is(f, "e3", 3);
	f = modsup_follow_free(f);
	CHECK_EQ(server_end(&s), 0);
}

static void holes(int listening)
{
	int fd = greet(listening);

	subscribe(fd, "event.subscribe", "e1", 1, 1);
	event(fd, "e1", 0, 1);
	event(fd, "e1", 4, 6); /* 2..4 are missing, 5 is of another type */
	gap(fd, "e1", 7, 9, "lost", "false");
	event(fd, "e1", 9, 10);
	gap(fd, "e1", 11, 500, "slow-reader", "true");
	subscribe(fd, "\"since\":{\"epoch\":\"e1\",\"seq\":500}", "e1", 502, 2);
	event(fd, "e1", 500, 501);
	until_gone(fd);
}

TEST(holes_are_told)
{
	struct server s;
	struct modsup_follow *f;

	server_start(&s, holes);
	f = follow(&s, "{ }", NULL, 0);
	REQUIRE(f);
	CHECK_STR(next(f), "connected e1");
	CHECK_STR(next(f), "violation e1 1");
	CHECK_STR(next(f), "gap e1 2..4 missing");
	CHECK_STR(next(f), "violation e1 6");
	CHECK_STR(next(f), "gap e1 7..9 lost");
	CHECK_STR(next(f), "violation e1 10");
	CHECK_STR(next(f), "gap e1 11..500 slow-reader");
	CHECK_STR(next(f), "violation e1 501"); /* over the same connection */
	f = modsup_follow_free(f);
	CHECK_EQ(server_end(&s), 0);
}

/* -- waiting -- */

static void nothing_yet(int listening)
{
	int fd = greet(listening);

	subscribe(fd, "event.subscribe", "e1", 1, 1);
	until_gone(fd);
}

TEST(never_waits_longer_than_told)
{
	struct server s;
	struct modsup_follow *f;
	struct modsup_event *e = NULL;
	struct modsup_error err;
	struct pollfd pfd = {0};
	int limit, r;

	server_start(&s, nothing_yet);
	f = follow(&s, NULL, NULL, 0);
	REQUIRE(f);
	/* An event loop of one's own, and no call that waits. */
	while ((r = modsup_follow_next(f, 0, &e, &err)) == MODSUP_TIMEOUT) {
		modsup_follow_poll(f, &pfd.fd, &pfd.events, &limit);
		REQUIRE(poll(&pfd, 1, limit < 0 ? SOON_MS : limit) >= 0);
	}
	CHECK_EQ(r, 0);
	CHECK_EQ(modsup_event_kind(e), MODSUP_CONNECTED);
	e = modsup_event_free(e);
	CHECK_EQ(modsup_follow_next(f, 30, &e, &err), MODSUP_TIMEOUT);
	modsup_follow_poll(f, &pfd.fd, &pfd.events, &limit);
	CHECK_EQ(limit, -1);
	CHECK(pfd.fd >= 0);
	server_kill(&s);
	CHECK_STR(next(f), "disconnected");
	modsup_follow_poll(f, &pfd.fd, &pfd.events, &limit);
	CHECK_EQ(pfd.fd, -1);
	CHECK(limit >= 0 && limit <= 20);
	CHECK_EQ(modsup_follow_next(f, 100, &e, &err), MODSUP_TIMEOUT); /* told once */
	f = modsup_follow_free(f);
}

/* -- refusals -- */

static void busy_then_never(int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32005,\"message\":"
		     "\"full\",\"data\":{\"reason\":\"busy\",\"retry\":\"later\"}}}\n");
	(void)close(fd); /* ours */
	fd = greet(listening);
	fake_expect(fd, "event.subscribe");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"no\","
		     "\"data\":{\"reason\":\"params-invalid\",\"retry\":\"never\"}}}\n");
	until_gone(fd);
}

TEST(refusals_that_pass_and_that_do_not)
{
	struct server s;
	struct modsup_follow *f;

	server_start(&s, busy_then_never);
	f = follow(&s, "{\"types\":7}", NULL, 0);
	REQUIRE(f);
	CHECK_STR(next(f), "disconnected");
	CHECK_STR(next(f), "3 params-invalid");
	f = modsup_follow_free(f);
	CHECK_EQ(server_end(&s), 0);
}

/* A supervisor that talks nonsense is a lost connection, whatever it says. */
static void nonsense(int listening)
{
	static const char *const lines[] = {
		"[]\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"epoch\":\"e\\\"1\",\"next\":1}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"epoch\":\"e1\",\"next\":1}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"gap\"}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"epoch\":\"e1\",\"next\":1}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"x\",\"seq\":3,"
		"\"prev\":3,\"epoch\":\"e1\"}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"epoch\":\"e1\",\"next\":1}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"type\":\"x\",\"seq\":3}}"
		"\n",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(lines); i++) {
		int fd = greet(listening);

		fake_expect(fd, "event.subscribe");
		fake_say(fd, lines[i]);
		until_gone(fd);
	}
}

TEST(nonsense_is_a_loss)
{
	struct server s;
	struct modsup_follow *f;

	server_start(&s, nonsense);
	f = follow(&s, NULL, NULL, 0);
	REQUIRE(f);
	CHECK_STR(next(f), "disconnected"); /* three attempts */
	CHECK_STR(next(f), "connected e1");
	CHECK_STR(next(f), "disconnected");
	CHECK_STR(next(f), "connected e1");
	CHECK_STR(next(f), "disconnected");
	CHECK_STR(next(f), "connected e1");
	CHECK_STR(next(f), "disconnected");
	f = modsup_follow_free(f);
	CHECK_EQ(server_end(&s), 0);
}

/* The second connection is the stream: found beside the socket, whatever folder the answer says. */
static void with_a_stream(int listening)
{
	int fd = greet(listening);
	int stream = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	fake_say(stream, "a line\n");
	(void)close(stream); /* ours */
	until_gone(fd);
}

TEST(streams_are_beside_the_socket)
{
	struct modsup_options options = MODSUP_OPTIONS_INIT;
	struct modsup *conn = NULL;
	struct server s;
	char text[16] = "";
	int fd;

	server_start(&s, with_a_stream);
	options.path = s.addr.sun_path;
	REQUIRE(modsup_connect(&options, &conn, NULL) == 0);
	fd = modsup_stream_open(conn, "/seen/from/elsewhere/s");
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, text, sizeof(text) - 1), 7);
	CHECK_STR(text, "a line\n");
	(void)close(fd); /* ours */
	CHECK_EQ(modsup_stream_open(conn, "/seen/from/elsewhere/t"), -ENOENT);
	conn = modsup_close(conn);
	CHECK_EQ(server_end(&s), 0);
}

TEST(options_that_are_none)
{
	static const char *const params[] = {"[]", "{", "{\"since\":{}}", "7", ""};
	struct modsup_follow_options what = MODSUP_FOLLOW_OPTIONS_INIT;
	struct modsup_follow *f = NULL;
	struct modsup_error err;

	for (size_t i = 0; i < MS_ARRAY_LEN(params); i++) {
		what.params = params[i];
		CHECK_EQ(modsup_follow_new(NULL, &what, &f, &err), -EINVAL);
	}
	what.params = NULL;
	what.epoch = "e\"1";
	CHECK_EQ(modsup_follow_new(NULL, &what, &f, &err), -EINVAL);
	CHECK(f == NULL);
}

/* For ever, to clients that may leave at any moment; ended by the test. */
static void one_event(int listening)
{
	static const char hello[] = FAKE_HELLO;
	static const char rest[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"epoch\":\"e1\",\"next\":2}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":2,\"prev\":1,"
		"\"epoch\":\"e1\",\"type\":\"x\"}}\n";

	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		char line[4096];

		if (send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) > 0 &&
		    read(fd, line, sizeof(line)) > 0 &&
		    send(fd, rest, sizeof(rest) - 1, MSG_NOSIGNAL) > 0)
			until_gone(fd);
		else
			(void)close(fd); /* it has left */
	}
}

/* Without memory it fails, and goes on the next time with nothing lost: the event comes in the end.
 */
TEST(memory_runs_out)
{
	struct server s;

	server_start(&s, one_event);
	OOM_LOOP
	{
		struct modsup_follow *f = follow(&s, NULL, NULL, 0);
		struct modsup_event *e = NULL;
		struct modsup_error err;
		unsigned failures = 0;
		uint64_t seq = 0;

		while (f && seq != 2 && failures < 3) {
			int r = modsup_follow_next(f, SOON_MS, &e, &err);

			CHECK(r == 0 || r == -ENOMEM);
			failures += r != 0;
			if (r == 0 && modsup_event_kind(e) == MODSUP_EVENT)
				seq = modsup_event_seq(e);
			e = r == 0 ? modsup_event_free(e) : NULL;
		}
		CHECK(!f || (seq == 2 && failures <= 1));
		(void)modsup_follow_free(f); /* always NULL */
	}
	server_kill(&s);
}
