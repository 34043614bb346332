/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client.c - greeting, calls, notes between answers, descriptors, and every way to be let
 * down. */
#include "supervisor/client/client.h"

#include <fcntl.h>
#include <stdio.h>

#include "modsup/limits.h"
#include "tests/unit/fake-server.h"
#include "tests/unit/test.h"

#define SOON_MS 20000

static struct ms_client *connect_to(struct fake *fake, void (*script)(int fd))
{
	struct ms_client *client = NULL;
	struct ms_error err = MS_ERROR_INIT;

	*fake = fake_start(script);
	if (fake->fd < 0 || ms_client_adopt(fake->fd, SOON_MS, &client, &err) != 0)
		printf("no connection: %s\n", err.msg);
	return client;
}

/* What adopting the script's socket gives, and the error. */
static int refused_by(void (*script)(int fd), int timeout_ms, struct ms_error *err)
{
	struct ms_client *client = NULL;
	struct fake fake = fake_start(script);
	int r = fake.fd < 0 ? -EIO : ms_client_adopt(fake.fd, timeout_ms, &client, err);

	CHECK(client == NULL);
	ms_client_free(client);
	(void)fake_end(&fake); /* the script may have been cut off */
	return r;
}

static void one_call(int fd)
{
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.b\",\"params\":{\"k\":\"v\"}}");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":5}}\n");
}

TEST(call_and_answer)
{
	struct fake fake;
	ms_auto(client) struct ms_client *client = connect_to(&fake, one_call);
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_jw *params = ms_jw_new();

	REQUIRE(client && params);
	CHECK_STR(ms_client_get_str(ms_client_hello(client), "epoch").p, "e1");
	ms_jw_object(params, NULL);
	ms_jw_text(params, "k", "v");
	ms_jw_end(params);
	CHECK_EQ(ms_client_call(client, "a.b", params, SOON_MS, &message, &err), 0);
	CHECK_EQ(message.kind, MS_MESSAGE_RESULT);
	CHECK_EQ(ms_client_get_uint(message.body, "x", 0), 5);
	CHECK_EQ(ms_client_get_uint(message.body, "y", 7), 7);
	CHECK_EQ(ms_client_get_str(message.body, "x").len, 0);
	client = ms_client_free(client);
	CHECK_EQ(fake_end(&fake), 0);
}

/* Notes and another answer come first; the line arrives in pieces. */
static void mixed(int fd)
{
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"method\":\"first\"");
	fake_expect(fd, "\"method\":\"second\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":1}}\n"
		     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n{\"jsonrpc\":\"2.0\",");
	fake_say(fd, "\"id\":2,\"error\":{\"code\":-32001,\"message\":\"no\",");
	fake_say(fd, "\"data\":{\"reason\":\"not-found\"}}}\n"
		     "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":2}}\n");
}

struct seen {
	unsigned notes, answers;
};

static void see(void *data, struct ms_message *message)
{
	struct seen *seen = data;

	if (message->kind == MS_MESSAGE_NOTE)
		seen->notes++;
	else
		seen->answers++;
}

TEST(what_comes_before_the_answer)
{
	struct fake fake;
	struct seen seen = {0};
	ms_auto(client) struct ms_client *client = connect_to(&fake, mixed);
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(message) struct ms_message last = MS_MESSAGE_INIT;
	ms_auto(message) struct ms_message none = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	uint64_t id = 0;

	REQUIRE(client);
	ms_client_set_other(client, see, &seen);
	CHECK_EQ(ms_client_send(client, "first", NULL, &id, &err), 0);
	CHECK_EQ(id, 1);
	CHECK_EQ(ms_client_call(client, "second", NULL, SOON_MS, &message, &err), 0);
	CHECK_EQ(message.kind, MS_MESSAGE_FAILURE);
	CHECK_STR(ms_client_reason(message.body).p, "not-found");
	CHECK_EQ(seen.notes, 1);
	CHECK_EQ(seen.answers, 1);
	CHECK_EQ(ms_client_receive(client, SOON_MS, &last, &err), 0);
	CHECK_EQ(ms_client_get_uint(last.body, "seq", 0), 2);
	CHECK_EQ(ms_client_receive(client, SOON_MS, &none, &err), MS_CLIENT_CLOSED);
	CHECK_EQ(fake_end(&fake), 0);
}

/* The second line brings a pipe's read end; bytes of the first may come in the same read. */
static void give_fd(int fd)
{
	int ends[2];

	fake_say(fd, FAKE_HELLO);
	if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], "through", 7) != 7)
		_exit(9);
	fake_expect(fd, "\"method\":\"give\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n");
	fake_say_fds(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"fds\":1,\"result\":{}}\n", ends, 1);
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n");
}

TEST(descriptors_come_with_their_line)
{
	struct fake fake;
	ms_auto(client) struct ms_client *client = connect_to(&fake, give_fd);
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(message) struct ms_message note = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	char bytes[8] = "";

	REQUIRE(client);
	CHECK_EQ(ms_client_call(client, "give", NULL, SOON_MS, &message, &err), 0);
	CHECK_EQ(message.n_fds, 1);
	REQUIRE(message.n_fds == 1);
	CHECK_EQ(fcntl(message.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK_EQ(read(message.fds[0], bytes, 7), 7);
	CHECK_STR(bytes, "through");
	CHECK_EQ(ms_client_receive(client, SOON_MS, &note, &err), 0);
	CHECK_EQ(note.n_fds, 0);
	CHECK_EQ(fake_end(&fake), 0);
}

static void promise_fds(int fd)
{
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"method\":\"give\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"fds\":2,\"result\":{}}\n");
}

TEST(descriptors_that_do_not_come)
{
	struct fake fake;
	ms_auto(client) struct ms_client *client = connect_to(&fake, promise_fds);
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;

	REQUIRE(client);
	CHECK_EQ(ms_client_call(client, "give", NULL, SOON_MS, &message, &err), -EPROTO);
	CHECK(strstr(err.msg, "2 descriptors"));
	CHECK_EQ(fake_end(&fake), 0);
}

static void silent(int fd)
{
	char byte;

	fake_say(fd, FAKE_HELLO);
	while (read(fd, &byte, 1) == 1)
		continue;
}

TEST(time_runs_out)
{
	struct fake fake;
	ms_auto(client) struct ms_client *client = connect_to(&fake, silent);
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;

	REQUIRE(client);
	CHECK_EQ(ms_client_receive(client, 0, &message, &err), MS_CLIENT_TIMEOUT);
	CHECK_EQ(ms_client_call(client, "x", NULL, 20, &message, &err), MS_CLIENT_TIMEOUT);
	client = ms_client_free(client);
	CHECK_EQ(fake_end(&fake), 0);
}

static void no_entry(int fd)
{
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32002,\"message\":"
		     "\"you\\u001b[31m may not\",\"data\":{\"reason\":\"role-forbids\",\"hint\":"
		     "\"be root\"}}}\n");
}

static void other_major(int fd)
{
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":"
		     "{\"major\":2,\"minor\":0}}}\n");
}

static void some_http_server(int fd)
{
	fake_say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void hang_up(int fd)
{
	(void)fd;
}

static void mute(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1)
		continue;
}

static void endless_line(int fd)
{
	static char much[65536];

	memset(much, ' ', sizeof(much) - 1);
	for (;;) /* ends with the client, by EPIPE or SIGPIPE */
		fake_say(fd, much);
}

TEST(refusals)
{
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(refused_by(no_entry, SOON_MS, &err), MS_CLIENT_REFUSED);
	CHECK_EQ(err.reason, MS_REASON_ROLE_FORBIDS);
	CHECK_STR(err.msg, "you\\x1b[31m may not");
	CHECK_STR(err.hint, "be root");
	err = MS_ERROR_INIT;
	CHECK(refused_by(other_major, SOON_MS, &err) < 0);
	CHECK(strstr(err.msg, "protocol 2"));
	err = MS_ERROR_INIT;
	CHECK(refused_by(some_http_server, SOON_MS, &err) < 0);
	CHECK(strstr(err.msg, "no modsupd"));
	err = MS_ERROR_INIT;
	CHECK_EQ(refused_by(hang_up, SOON_MS, &err), -ECONNRESET);
	err = MS_ERROR_INIT;
	CHECK_EQ(refused_by(mute, 20, &err), -ETIMEDOUT);
	err = MS_ERROR_INIT;
	CHECK_EQ(refused_by(endless_line, SOON_MS, &err), -EMSGSIZE);
}

TEST(socket_paths)
{
	struct ms_client *client = NULL;
	struct ms_error err = MS_ERROR_INIT;
	char path[110];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	CHECK_EQ(ms_client_open(path, SOON_MS, &client, &err), -ENAMETOOLONG);
	path[107] = '\0'; /* the longest that the kernel takes; not there */
	err = MS_ERROR_INIT;
	CHECK_EQ(ms_client_open(path, SOON_MS, &client, &err), -ENOENT);
	CHECK_EQ(ms_client_open("", SOON_MS, &client, &err), -ENAMETOOLONG);
	CHECK(client == NULL);
}

TEST(request_at_the_cap)
{
	struct fake fake;
	ms_auto(client) struct ms_client *client = connect_to(&fake, silent);
	struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	char *text = calloc(1, MS_MAX_REQUEST_BYTES + 1);
	uint64_t id = 0;

	REQUIRE(client && params && text);
	memset(text, 'x', MS_MAX_REQUEST_BYTES);
	ms_jw_object(params, NULL);
	ms_jw_text(params, "k", text);
	ms_jw_end(params);
	CHECK_EQ(ms_client_send(client, "big", params, &id, &err), -E2BIG);
	CHECK_EQ(id, 0);
	params = ms_jw_new();
	REQUIRE(params);
	text[MS_MAX_REQUEST_BYTES - 64] = '\0';
	ms_jw_object(params, NULL);
	ms_jw_text(params, "k", text);
	ms_jw_end(params);
	CHECK_EQ(ms_client_send(client, "big", params, &id, &err), 0);
	CHECK_EQ(id, 1);
	free(text);
	client = ms_client_free(client);
	CHECK_EQ(fake_end(&fake), 0);
}
