/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-modsup.c - libmodsup's connection as a program sees it: what is kept, what is cut, how it is
 * let down. The greeting, descriptors and hostile peers are in test-client.c, too. */
#include "modsup/modsup.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/un.h>

#include "modsup/limits.h"
#include "tests/unit/fake-server.h"
#include "tests/unit/oom.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

#define SOON_MS 20000

static struct modsup *connect_to(struct fake *fake, void (*script)(int fd))
{
	struct modsup *conn = NULL;
	struct modsup_error err;

	*fake = fake_start(script);
	if (fake->fd < 0 || modsup_adopt(fake->fd, NULL, &conn, &err) != 0)
		printf("no connection: %s\n", err.message);
	return conn;
}

/* Two requests under way; the answers in the other order, a note before each. */
static void crossed(int fd)
{
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"id\":1,\"method\":\"slow\"}");
	fake_expect(fd, "\"id\":2,\"method\":\"fast\",\"params\":{ \"a\": [ 1 ] }}");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":1}}\n"
		     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"late\"}\n"
		     "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"x\":5}}\n");
	fake_expect(fd, "\"id\":3");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32001,\"message\":\"no "
		     "such \\\"thing\\\"\",\"data\":{\"reason\":\"not-found\",\"retry\":"
		     "\"after-change\",\"hint\":\"look\"}}}\n");
}

TEST(calls_keep_what_they_do_not_want)
{
	struct fake fake;
	struct modsup *conn = connect_to(&fake, crossed);
	struct modsup_message *reply = NULL, *kept = NULL;
	struct modsup_error err;
	uint64_t id = 0;

	REQUIRE(conn);
	CHECK(strstr(modsup_greeting(conn), "\"epoch\":\"e1\""));
	CHECK_EQ(modsup_send(conn, "slow", NULL, &id, &err), 0);
	CHECK_EQ(id, 1);
	CHECK_EQ(modsup_call(conn, "fast", "{\n\"a\":\r[ 1 ] }", SOON_MS, &reply, &err), 0);
	REQUIRE(reply);
	CHECK_EQ(modsup_message_kind(reply), MODSUP_MESSAGE_RESULT);
	CHECK_STR(modsup_message_body(reply), "{\"x\":5}");
	CHECK_EQ(modsup_message_id(reply), 2);
	reply = modsup_message_free(reply);
	CHECK_EQ(modsup_receive(conn, 0, &kept, &err), 0);
	CHECK_STR(modsup_message_method(kept), "event");
	kept = modsup_message_free(kept);
	CHECK_EQ(modsup_receive(conn, 0, &kept, &err), 0);
	CHECK_EQ(modsup_message_id(kept), 1);
	CHECK_STR(modsup_message_body(kept), "\"late\"");
	kept = modsup_message_free(kept);
	CHECK_EQ(modsup_receive(conn, 0, &kept, &err), MODSUP_TIMEOUT);
	CHECK_EQ(modsup_call(conn, "third", NULL, SOON_MS, &reply, &err), MODSUP_REFUSED);
	REQUIRE(reply);
	CHECK_EQ(err.result, MODSUP_REFUSED);
	CHECK_EQ(err.code, -32001);
	CHECK_STR(err.reason, "not-found");
	CHECK_STR(err.retry, "after-change");
	CHECK_STR(err.message, "no such \"thing\"");
	CHECK_STR(err.hint, "look");
	reply = modsup_message_free(reply);
	CHECK_EQ(modsup_call(conn, "fourth", NULL, SOON_MS, NULL, NULL), MODSUP_CLOSED);
	conn = modsup_close(conn);
	CHECK(conn == NULL);
	CHECK_EQ(fake_end(&fake), 0);
}

static void silent(int fd)
{
	char byte;

	fake_say(fd, FAKE_HELLO);
	while (read(fd, &byte, 1) == 1)
		continue;
}

TEST(requests_that_are_none)
{
	static const char *const params[] = {"[]", "{", "null", "1", "{}\n{}", "{\"a\":1} x", ""};
	struct fake fake;
	struct modsup *conn = connect_to(&fake, silent);
	struct modsup_error err;
	uint64_t id = 77;

	REQUIRE(conn);
	for (size_t i = 0; i < MS_ARRAY_LEN(params); i++)
		CHECK_EQ(modsup_send(conn, "a.b", params[i], &id, &err), -EINVAL);
	CHECK_EQ(modsup_send(conn, "", NULL, &id, &err), -EINVAL);
	CHECK_EQ(modsup_send(conn, "a\"b", NULL, &id, &err), -EINVAL);
	CHECK_EQ(id, 77);
	CHECK(strlen(err.message) > 0);
	(void)modsup_close(conn); /* always NULL */
	CHECK_EQ(fake_end(&fake), 0);
}

/* The supervisor reads nothing: requests are taken up to a bound, nothing ever waits. */
static void deaf(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = 0};

	fake_say(fd, FAKE_HELLO);
	(void)poll(&pfd, 1, 60000); /* until the client goes: POLLHUP */
}

TEST(requests_wait_up_to_a_bound)
{
	struct fake fake;
	struct modsup *conn = connect_to(&fake, deaf);
	struct modsup_error err;
	char *params = calloc(1, MS_MAX_REQUEST_BYTES);
	uint64_t id = 0;
	unsigned n = 0;
	int r = 0;

	REQUIRE(conn && params);
	memset(params, ' ', MS_MAX_REQUEST_BYTES / 2);
	memcpy(params, "{}", 2);
	while (n < 100 && (r = modsup_send(conn, "a", params, &id, &err)) == 0)
		n++;
	CHECK_EQ(r, -EAGAIN);
	CHECK(n >= 4 && n < 10);
	CHECK_EQ(id, n);
	CHECK_EQ(modsup_events(conn), POLLIN | POLLOUT);
	CHECK_EQ(modsup_flush(conn, 10, &err), MODSUP_TIMEOUT);
	free(params);
	(void)modsup_close(conn); /* always NULL */
	CHECK_EQ(fake_end(&fake), 0);
}

/* Fifty thousand lines that a call does not want: more than may be kept. */
static void chatty(int fd)
{
	char note[600] = "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"x\":\"";
	size_t n = strlen(note);

	memset(note + n, 'y', 500);
	memcpy(note + n + 500, "\"}}\n", 5);
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"id\":1");
	for (unsigned i = 0; i < 50000; i++)
		fake_say(fd, note);
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
}

TEST(kept_messages_have_a_bound_and_are_not_lost)
{
	struct fake fake;
	struct modsup *conn = connect_to(&fake, chatty);
	struct modsup_message *message = NULL;
	struct modsup_error err;
	unsigned notes = 0;

	REQUIRE(conn);
	CHECK_EQ(modsup_call(conn, "a", NULL, SOON_MS, NULL, &err), -ENOBUFS);
	for (;;) {
		REQUIRE(modsup_receive(conn, SOON_MS, &message, &err) == 0);
		if (modsup_message_kind(message) != MODSUP_MESSAGE_NOTE)
			break;
		notes++;
		message = modsup_message_free(message);
	}
	CHECK_EQ(notes, 50000);
	CHECK_EQ(modsup_message_id(message), 1);
	CHECK_STR(modsup_message_body(message), "null");
	(void)modsup_message_free(message); /* always NULL */
	(void)modsup_close(conn);	    /* always NULL */
	CHECK_EQ(fake_end(&fake), 0);
}

static void give_fds(int fd)
{
	int ends[2];

	fake_say(fd, FAKE_HELLO);
	if (pipe2(ends, O_CLOEXEC) < 0)
		_exit(9);
	fake_expect(fd, "\"id\":1");
	fake_say_fds(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"fds\":2,\"result\":{}}\n", ends, 2);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(descriptors_are_taken_or_closed)
{
	struct fake fake;
	struct modsup *conn = connect_to(&fake, give_fds);
	struct modsup_message *reply = NULL;
	struct modsup_error err;
	unsigned before = count_fds();
	int fd;

	REQUIRE(conn);
	REQUIRE(modsup_call(conn, "give", NULL, SOON_MS, &reply, &err) == 0);
	CHECK_EQ(modsup_message_fds(reply), 2);
	CHECK_EQ(count_fds(), before + 2);
	fd = modsup_message_take_fd(reply, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(modsup_message_take_fd(reply, 0), -EBADF);
	CHECK_EQ(modsup_message_take_fd(reply, 2), -EBADF);
	(void)modsup_message_free(reply); /* always NULL */
	CHECK_EQ(count_fds(), before + 1);
	(void)close(fd);	  /* a pipe */
	(void)modsup_close(conn); /* always NULL */
	CHECK_EQ(fake_end(&fake), 0);
}

TEST(options_of_other_versions)
{
	struct {
		struct modsup_options known;
		uint64_t later;
	} newer = {.known = MODSUP_OPTIONS_INIT};
	struct modsup *conn = NULL;
	struct modsup_error err;

	newer.known.size = sizeof(newer);
	newer.known.path = "/nowhere/at/all";
	CHECK_EQ(modsup_connect(&newer.known, &conn, &err), -ENOENT);
	CHECK(strstr(err.message, "/nowhere/at/all"));
	newer.later = 1;
	CHECK_EQ(modsup_connect(&newer.known, &conn, &err), -E2BIG);
	newer.known.size = 0;
	CHECK_EQ(modsup_connect(&newer.known, &conn, &err), -EINVAL);
	/* An older program: only its first member. */
	newer.known.size = sizeof(size_t);
	CHECK_EQ(setenv("MODSUP_SOCKET", "/from/the/environment", 1), 0);
	CHECK_EQ(modsup_connect(&newer.known, &conn, &err), -ENOENT);
	CHECK(strstr(err.message, "/from/the/environment"));
	CHECK(conn == NULL);
}

/* A socket on which nobody accepts, its backlog full: connecting ends in time all the same. */
TEST(nobody_accepts)
{
	SCRATCH(s);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct modsup_options options = MODSUP_OPTIONS_INIT;
	struct modsup *conn = NULL;
	struct modsup_error err;
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", s.path); /* fits */
	REQUIRE(listening >= 0);
	REQUIRE(bind(listening, (const struct sockaddr *)&addr, sizeof(addr)) == 0);
	REQUIRE(listen(listening, 0) == 0);
	options.path = addr.sun_path;
	options.timeout_ms = 50;
	CHECK_EQ(modsup_connect(&options, &conn, &err), -ETIMEDOUT); /* accepted, not greeted */
	CHECK_EQ(modsup_connect(&options, &conn, &err), -ETIMEDOUT);
	CHECK_EQ(modsup_connect(&options, &conn, &err), -ETIMEDOUT); /* not accepted */
	(void)close(listening);					     /* a socket */
}

TEST(words)
{
	CHECK_STR(modsup_strerror(-ENOENT), "No such file or directory");
	CHECK_STR(modsup_strerror(MODSUP_CLOSED), "the supervisor ended the connection");
	CHECK_STR(modsup_strerror(-100000), "unknown result");
	CHECK_STR(modsup_strerror(99), "unknown result");
	CHECK(modsup_version()[0] != '\0');
	CHECK(modsup_message_free(NULL) == NULL);
	CHECK(modsup_close(NULL) == NULL);
	CHECK(modsup_follow_free(NULL) == NULL);
	CHECK(modsup_event_free(NULL) == NULL);
}

static void one_answer(int fd)
{
	char line[4096];

	fake_say(fd, FAKE_HELLO);
	fake_hear(fd, line, sizeof(line));
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
}

TEST(memory_runs_out)
{
	OOM_LOOP
	{
		struct fake fake = fake_start(one_answer);
		struct modsup *conn = NULL;
		struct modsup_message *reply = NULL;
		struct modsup_error err;
		int r = modsup_adopt(fake.fd, NULL, &conn, &err);

		if (r == 0)
			r = modsup_call(conn, "a", "{}", SOON_MS, &reply, &err);
		CHECK(r == 0 || r == -ENOMEM);
		CHECK((reply != NULL) == (r == 0));
		(void)modsup_message_free(reply); /* always NULL */
		(void)modsup_close(conn);	  /* always NULL */
		(void)fake_end(&fake);		  /* may have been cut off */
	}
}
