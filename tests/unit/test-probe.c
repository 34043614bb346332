/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-probe.c - a probe against real sockets: what is asked, every shape of an answer, servers
 * that are slow, silent, gone or full, and giving up. Run by `make check`.
 */
#include "supervisor/daemon/probe.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "modsup/limits.h"
#include "tests/unit/oom.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

#define SEC	UINT64_C(1000000)
#define PENDING 1 /* no status, no errno */
#define REST	" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: modsup\r\nConnection: close\r\n\r\n"

struct world {
	struct scratch scratch;
	sd_event *loop;
	char path[64];
	int listener, peer;
	struct ms_probe *probe;
	int result;
	unsigned calls;
	bool free_when_told;
};

static void world_done(struct world *w)
{
	w->probe = ms_probe_free(w->probe);
	w->loop = sd_event_unref(w->loop);
	w->listener = ms_fd_close(w->listener);
	w->peer = ms_fd_close(w->peer);
	scratch_done(&w->scratch);
}

static int bind_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path); /* fits */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	return fd;
}

static struct world world_new(void)
{
	struct world w = {.scratch = scratch_new(), .listener = -EBADF, .peer = -EBADF};

	w.result = PENDING;
	(void)snprintf(w.path, sizeof(w.path), "%s/s", w.scratch.path); /* fits */
	if (sd_event_new(&w.loop) < 0)
		abort();
	return w;
}
#define WORLD(w) __attribute__((cleanup(world_done))) struct world w = world_new()

static void serve(struct world *w)
{
	w->listener = bind_at(w->path);
	if (listen(w->listener, 4) < 0)
		abort();
}

static void on_result(void *data, int status)
{
	struct world *w = data;

	w->result = status;
	w->calls++;
	if (w->free_when_told)
		w->probe = ms_probe_free(w->probe);
}

static int ask(struct world *w, const char *path, uint64_t timeout_usec)
{
	struct ms_str http = {.p = path, .len = strlen(path)};

	return ms_probe_start(w->loop, w->path, http, timeout_usec, on_result, w, &w->probe);
}

static uint64_t now_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec / 1000;
}

/* Goes on until the probe has told, at most for 10 s. */
static void run(struct world *w)
{
	uint64_t end = now_usec() + 10 * SEC;

	while (!w->calls && now_usec() < end) {
		if (sd_event_run(w->loop, SEC / 10) < 0)
			abort();
	}
}

/* What is ready now, and nothing more. */
static void step(struct world *w)
{
	for (unsigned i = 0; i < 20; i++) {
		if (sd_event_run(w->loop, 0) < 0)
			abort();
	}
}

static void take(struct world *w)
{
	step(w);
	w->peer = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->peer < 0)
		abort();
}

static void say(struct world *w, const char *text)
{
	if (send(w->peer, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		abort();
}

TEST(a_request_and_its_answer)
{
	char got[512];
	ssize_t n;

	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/healthz?deep=1", 10 * SEC) == 0);
	CHECK_EQ(w.calls, 0);
	take(&w);
	n = recv(w.peer, got, sizeof(got) - 1, 0);
	REQUIRE(n > 0);
	got[n] = '\0';
	CHECK_STR(got, "GET /healthz?deep=1" REST);
	say(&w, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
	w.peer = ms_fd_close(w.peer);
	run(&w);
	CHECK_EQ(w.result, 200);
	step(&w);
	CHECK_EQ(w.calls, 1);
}

static const struct {
	const char *answer;
	int want;
} answers[] = {
	{"HTTP/1.1 100 Continue\r\n", 100},
	{"HTTP/1.0 204 No Content\r\n\r\n", 204},
	{"HTTP/1.1 404 \r\n", 404},
	{"HTTP/1.1 503\r\n", 503},
	{"HTTP/1.1 500\n", 500},
	{"HTTP/1.1 999 x", 999},
	{"HTTP/1.1 099 x\r\n", -EPROTO},
	{"HTTP/1.1 2000 x\r\n", -EPROTO},
	{"HTTP/1.1 20 OK\r\n", -EPROTO},
	{"HTTP/1.1 2x0 OK\r\n", -EPROTO},
	{"HTTP/1.1 20: OK\r\n", -EPROTO},
	{"HTTP/1.1  200 OK\r\n", -EPROTO},
	{"HTTP/1.1 -20 OK\r\n", -EPROTO},
	{"HTTP/2.0 200 OK\r\n", -EPROTO},
	{"HTTP/1.x 200 OK\r\n", -EPROTO},
	{"HTTP/1.1\t200 OK\r\n", -EPROTO},
	{"http/1.1 200 OK\r\n", -EPROTO},
	{"\r\nHTTP/1.1 200 OK\r\n", -EPROTO},
	{"<html>hello, world</html>", -EPROTO},
	{"\x16\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", -EPROTO},
	{"HTTP/1.1 200", -EPROTO}, /* it ends there */
	{"HTTP/1.", -EPROTO},
	{"", -EPROTO},
};

TEST(every_shape_of_an_answer)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(answers); i++) {
		char request[512];

		WORLD(w);
		serve(&w);
		REQUIRE(ask(&w, "/", 10 * SEC) == 0);
		take(&w);
		REQUIRE(recv(w.peer, request, sizeof(request), 0) > 0);
		say(&w, answers[i].answer);
		w.peer = ms_fd_close(w.peer);
		run(&w);
		if (w.result != answers[i].want)
			printf("of \"%s\":\n", answers[i].answer);
		CHECK_EQ(w.result, answers[i].want);
	}
}

TEST(an_answer_byte_by_byte)
{
	static const char answer[] = "HTTP/1.1 302 Found\r\n\r\n";

	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", 10 * SEC) == 0);
	take(&w);
	for (size_t i = 0; answer[i]; i++) {
		char one[2] = {answer[i], '\0'};

		say(&w, one);
		step(&w);
		CHECK_EQ(w.calls, 0);
	}
	w.peer = ms_fd_close(w.peer);
	run(&w);
	CHECK_EQ(w.result, 302);
}

/* It answers before it is asked, and is gone: the kernel keeps what it said. */
TEST(an_answer_without_a_question)
{
	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", 10 * SEC) == 0);
	w.peer = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC);
	REQUIRE(w.peer >= 0);
	say(&w, "HTTP/1.1 503 Busy\r\n\r\n");
	w.peer = ms_fd_close(w.peer);
	run(&w);
	CHECK_EQ(w.result, 503);
}

/* Closed with the request unread: a reset. */
TEST(a_connection_thrown_away)
{
	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", 10 * SEC) == 0);
	take(&w);
	w.peer = ms_fd_close(w.peer);
	run(&w);
	CHECK_EQ(w.result, -ECONNRESET);
}

/* @how long it has to take, at least: nothing in here is shorter than its deadline. */
static void must_time_out(struct world *w, uint64_t start, uint64_t at_least)
{
	run(w);
	CHECK_EQ(w->result, -ETIMEDOUT);
	CHECK(now_usec() - start >= at_least);
}

TEST(a_server_that_never_accepts)
{
	uint64_t start = now_usec();

	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", SEC / 5) == 0);
	must_time_out(&w, start, SEC / 5);
}

TEST(a_server_that_is_silent_in_the_middle)
{
	uint64_t start = now_usec();

	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", SEC / 5) == 0);
	take(&w);
	say(&w, "HTTP/1.1 20");
	must_time_out(&w, start, SEC / 5);
}

/* The status counts, not whether the rest comes: neither a server that keeps the connection nor one
 * with more to say than fits delays the end. */
TEST(a_server_that_does_not_close)
{
	uint64_t start;

	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", 60 * SEC) == 0);
	take(&w);
	say(&w, "HTTP/1.1 200 OK\r\n\r\n");
	start = now_usec();
	run(&w);
	CHECK_EQ(w.result, 200);
	CHECK(now_usec() - start < 5 * SEC);
}

TEST(a_server_that_says_much)
{
	static char much[1 << 16];
	ssize_t n;

	WORLD(w);
	serve(&w);
	memset(much, 'x', sizeof(much));
	REQUIRE(ask(&w, "/", 60 * SEC) == 0);
	take(&w);
	say(&w, "HTTP/1.1 500 No\r\n\r\n");
	do {
		n = send(w.peer, much, sizeof(much), MSG_NOSIGNAL);
	} while (n > 0);
	CHECK_EQ(errno, EAGAIN); /* nobody reads it */
	run(&w);
	CHECK_EQ(w.result, 500);
	n = send(w.peer, much, sizeof(much), MSG_NOSIGNAL);
	CHECK(n < 0 && errno == EPIPE);
}

/* The whole takes no longer than it may, whenever the status came. */
TEST(the_deadline_is_that_of_the_whole)
{
	uint64_t start = now_usec();

	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", SEC / 10) == 0);
	take(&w);
	say(&w, "HTTP/1.1 200 OK\r\n\r\n");
	run(&w);
	CHECK_EQ(w.result, 200);
	CHECK(now_usec() - start < 5 * SEC);
}

TEST(nobody_there)
{
	WORLD(none);
	WORLD(deaf);

	REQUIRE(ask(&none, "/", SEC) == 0);
	CHECK_EQ(none.calls, 0); /* told later, not from inside */
	run(&none);
	CHECK_EQ(none.result, -ENOENT);
	deaf.listener = bind_at(deaf.path);
	REQUIRE(ask(&deaf, "/", SEC) == 0);
	CHECK_EQ(deaf.calls, 0);
	run(&deaf);
	CHECK_EQ(deaf.result, -ECONNREFUSED);
	step(&deaf);
	CHECK_EQ(deaf.calls, 1);
}

TEST(no_room_in_the_queue)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fds[64];
	size_t n = 0;
	int r = 0;

	WORLD(w);
	serve(&w);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", w.path); /* fits */
	for (; n < MS_ARRAY_LEN(fds) && r == 0; n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = connect(fds[n], (const struct sockaddr *)&address, sizeof(address));
	}
	CHECK(r < 0 && errno == EAGAIN);
	CHECK_EQ(ask(&w, "/", SEC), 0);
	run(&w);
	CHECK_EQ(w.result, -EAGAIN);
	while (n)
		(void)close(fds[--n]); /* only connected */
}

TEST(paths_at_the_cap_and_above)
{
	char path[MS_MAX_PATH_BYTES + 1], got[MS_MAX_PATH_BYTES + 256];
	struct ms_probe *none = NULL;
	char socket_path[120];
	ssize_t n;

	WORLD(w);
	serve(&w);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[MS_MAX_PATH_BYTES] = '\0';
	REQUIRE(ask(&w, path, SEC) == 0);
	take(&w);
	n = recv(w.peer, got, sizeof(got), 0);
	CHECK_EQ(n, strlen("GET " REST) + MS_MAX_PATH_BYTES);
	memset(socket_path, 's', sizeof(socket_path));
	socket_path[108] = '\0';
	CHECK_EQ(ms_probe_start(w.loop, socket_path, (struct ms_str){"/", 1}, SEC, on_result, &w,
				&none),
		 -ENAMETOOLONG);
	CHECK(!none);
}

TEST(given_up)
{
	WORLD(w);
	serve(&w);
	REQUIRE(ask(&w, "/", 10 * SEC) == 0);
	take(&w);
	say(&w, "HTTP/1.1 200 OK\r\n\r\n");
	w.probe = ms_probe_free(w.probe);
	step(&w);
	CHECK_EQ(w.calls, 0);
	REQUIRE(ask(&w, "/", 10 * SEC) == 0); /* before anything happened */
	w.probe = ms_probe_free(w.probe);
	w.listener = ms_fd_close(w.listener);
	REQUIRE(ask(&w, "/", 10 * SEC) == 0); /* refused, and not told of yet */
	w.probe = ms_probe_free(w.probe);
	step(&w);
	CHECK_EQ(w.calls, 0);
	CHECK(!ms_probe_free(NULL));
}

TEST(freed_while_it_is_told)
{
	WORLD(w);
	serve(&w);
	w.free_when_told = true;
	REQUIRE(ask(&w, "/", 10 * SEC) == 0);
	take(&w);
	say(&w, "HTTP/1.1 200 OK\r\n\r\n");
	w.peer = ms_fd_close(w.peer);
	run(&w);
	CHECK_EQ(w.result, 200);
	CHECK(!w.probe);
	w.calls = 0;
	REQUIRE(ask(&w, "/", SEC / 10) == 0);
	run(&w);
	CHECK_EQ(w.result, -ETIMEDOUT);
	CHECK(!w.probe);
}

static void oom_run(void)
{
	int r;

	WORLD(w);
	serve(&w);
	r = ask(&w, "/", SEC);
	CHECK_EQ(r, oom_happened ? -ENOMEM : 0);
	CHECK((w.probe == NULL) == (r < 0));
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	oom_run();
}
