/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-flow.c - bytes arrive whole, ends are passed on, a reader that goes away is felt. */
#include "supervisor/ctl/flow.h"

#include <fcntl.h>
#include <signal.h>

#include "tests/unit/test.h"

#define SOON_MS 20000

struct pair {
	int in[2], out[2];
	struct ms_flow *flow;
};

/* A flow from the pipe `in` to the pipe `out`, whose inner ends it owns. */
static bool open_pair(struct pair *p)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	p->flow = malloc(sizeof(*p->flow));
	if (!p->flow || sigaction(SIGPIPE, &ignore, NULL) < 0 ||
	    pipe2(p->in, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(p->out, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	ms_flow_init(p->flow, p->in[0], true, p->out[1], true);
	return true;
}

static void close_pair(struct pair *p)
{
	ms_flow_done(p->flow);
	(void)ms_fd_close(p->in[1]); /* maybe closed already: then the number is -EBADF */
	(void)ms_fd_close(p->out[0]);
	free(p->flow);
}

/* One poll and turn; false when nothing could be done within the time. */
static bool turn(struct ms_flow *flow, int timeout_ms)
{
	struct pollfd fds[2];

	ms_flow_want(flow, &fds[0], &fds[1]);
	if (poll(fds, 2, timeout_ms) <= 0)
		return false;
	return ms_flow_turn(flow, fds[0].revents, fds[1].revents);
}

TEST(bytes_and_the_end)
{
	struct pair p;
	char got[16] = "";

	REQUIRE(open_pair(&p));
	CHECK_EQ(write(p.in[1], "hello", 5), 5);
	while (read(p.out[0], got, sizeof(got)) < 0 && turn(p.flow, SOON_MS))
		continue;
	CHECK_STR(got, "hello");
	p.in[1] = ms_fd_close(p.in[1]);
	while (!ms_flow_ended(p.flow) && turn(p.flow, SOON_MS))
		continue;
	CHECK(ms_flow_ended(p.flow));
	CHECK_EQ(read(p.out[0], got, sizeof(got)), 0);
	CHECK(!p.flow->broken);
	close_pair(&p);
}

/* More than the buffers hold: the writer is stopped, nothing is lost, the end comes after all. */
TEST(back_pressure)
{
	struct pair p;
	unsigned char out = 0, in = 0, bytes[4096];
	size_t sent = 0, got = 0, total = 1u << 20;
	bool bad = false;

	REQUIRE(open_pair(&p));
	while (got < total) {
		ssize_t n;

		for (n = 0; sent + (size_t)n < total && (size_t)n < sizeof(bytes); n++)
			bytes[n] = (unsigned char)(out + n);
		n = n ? write(p.in[1], bytes, (size_t)n) : 0;
		if (n > 0) {
			sent += (size_t)n;
			out = (unsigned char)(out + n);
		}
		if (sent == total && p.in[1] >= 0)
			p.in[1] = ms_fd_close(p.in[1]);
		while (turn(p.flow, 0))
			continue;
		n = read(p.out[0], bytes, sizeof(bytes));
		REQUIRE(n != 0);
		for (ssize_t i = 0; i < n; i++)
			bad = bad || bytes[i] != in++;
		got += n > 0 ? (size_t)n : 0;
	}
	CHECK(!bad);
	while (!ms_flow_ended(p.flow) && turn(p.flow, SOON_MS))
		continue;
	CHECK_EQ(read(p.out[0], bytes, sizeof(bytes)), 0);
	close_pair(&p);
}

TEST(reader_goes_away)
{
	struct pair p;

	REQUIRE(open_pair(&p));
	p.out[0] = ms_fd_close(p.out[0]);
	CHECK(turn(p.flow, SOON_MS)); /* without a byte to write */
	CHECK(ms_flow_ended(p.flow));
	CHECK(p.flow->broken);
	CHECK_EQ(p.flow->error, 0); /* as in a pipeline */
	CHECK_EQ(write(p.in[1], "x", 1), -1);
	CHECK_EQ(errno, EPIPE);
	close_pair(&p);
}

TEST(output_that_is_full)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct pair p;

	REQUIRE(full >= 0 && open_pair(&p));
	(void)ms_fd_close(p.flow->out); /* the field is set below */
	p.flow->out = full;
	CHECK_EQ(write(p.in[1], "x", 1), 1);
	while (!ms_flow_ended(p.flow) && turn(p.flow, SOON_MS))
		continue;
	CHECK(ms_flow_ended(p.flow));
	CHECK_EQ(p.flow->error, ENOSPC);
	close_pair(&p);
}

TEST(borrowed_ends_stay_open)
{
	struct pair p;

	REQUIRE(open_pair(&p));
	p.flow->owns_in = p.flow->owns_out = false;
	ms_flow_done(p.flow);
	CHECK(ms_flow_ended(p.flow));
	CHECK(fcntl(p.in[0], F_GETFD) >= 0);
	CHECK(fcntl(p.out[1], F_GETFD) >= 0);
	(void)ms_fd_close(p.in[0]); /* the test's own now */
	(void)ms_fd_close(p.out[1]);
	close_pair(&p);
}
