/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-status.c - the shim's end of NOTIFY_SOCKET with real sockets at both of its sides, and a
 * clock of the test's own: what is told and when, what a flood costs, when the watchdog runs out.
 */
#include "shim/status.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/scratch.h"

#define SECOND 1000000u
#define NAME   "notify"

static uint64_t now;

struct module {
	struct scratch s;
	struct ms_shim *shim;
	int out;     /* the module's end */
	int modsupd; /* the other end of the control socket */
};

static void module_done(struct module *m)
{
	(void)ms_fd_close(m->out); /* -EBADF */
	(void)ms_fd_close(m->modsupd);
	(void)ms_fd_close(m->shim->status_sock);
	(void)ms_fd_close(m->shim->control);
	free(m->shim);
	scratch_done(&m->s);
}
#define MODULE __attribute__((cleanup(module_done))) struct module

static void control_new(struct module *m)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	m->shim->control = pair[0];
	m->modsupd = pair[1];
}

static struct module module_new(uint64_t watchdog_usec, ms_plan_flags flags)
{
	struct module m = {.s = scratch_new(), .shim = calloc(1, sizeof(*m.shim))};
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = NAME};

	if (!m.shim)
		abort();
	m.shim->plan.watchdog_usec = watchdog_usec;
	m.shim->plan.flags = flags;
	m.shim->status_sock = -EBADF;
	control_new(&m);
	if (ms_status_bind(m.shim, m.s.fd, NAME, getuid(), getgid()) < 0)
		abort();
	m.out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* (bind left this process in the folder) */
	if (m.out < 0 || connect(m.out, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		abort();
	ms_status_init(m.shim);
	now = ms_io_now_usec();
	return m;
}

static void say(struct module *m, const char *text)
{
	CHECK_EQ(send(m->out, text, strlen(text), 0), strlen(text));
	ms_status_receive(m->shim, now);
}

/* What modsupd is told, in letters as long as it is there: "" = nothing. */
static const char *told(struct module *m)
{
	static char text[MS_MAX_STATUS_BYTES + 64];
	static struct ms_shim_msg msg;
	uint8_t buf[MS_SHIM_MAX_BYTES];
	ssize_t n;

	(void)ms_status_tick(m->shim, now); /* when next is asked where it matters */
	n = recv(m->modsupd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0)
		return "";
	CHECK_EQ(ms_shimwire_decode(buf, (size_t)n, &msg), 0);
	CHECK_EQ(msg.type, MS_SHIM_NOTIFY);
	(void)snprintf(text, sizeof(text), "%s%s%s%u:%s", msg.notify.ready ? "R" : "",
		       msg.notify.reloading ? "L" : "", msg.notify.stopping ? "S" : "",
		       msg.notify.dropped, msg.notify.status.p);
	return text;
}

TEST(the_socket)
{
	MODULE m = module_new(0, 0);
	struct stat st;

	REQUIRE(fstatat(m.s.fd, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0200);
	CHECK_EQ(st.st_uid, getuid());
	CHECK_EQ(fcntl(m.shim->status_sock, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(m.shim->status_sock, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(ms_status_bind(m.shim, m.s.fd, NAME, getuid(), getgid()), -EADDRINUSE);
}

TEST(nothing_said_nothing_told)
{
	MODULE m = module_new(0, 0);

	ms_status_receive(m.shim, now);
	CHECK_STR(told(&m), "");
	CHECK_EQ(ms_status_tick(m.shim, now), UINT64_MAX);
	ms_status_adopted();
	CHECK_STR(told(&m), "");
	CHECK(!ms_status_is_ready());
}

TEST(states_at_once_texts_once_a_second)
{
	MODULE m = module_new(0, 0);

	say(&m, "STATUS=reading");
	CHECK_STR(told(&m), "0:reading"); /* the first after long */
	say(&m, "STATUS=counting");
	CHECK_STR(told(&m), "");
	CHECK_EQ(ms_status_tick(m.shim, now), now + SECOND);
	say(&m, "READY=1");
	CHECK_STR(told(&m), "R0:counting");
	CHECK(ms_status_is_ready());
	say(&m, "RELOADING=1\nSTATUS=again");
	CHECK_STR(told(&m), "RL0:again");
	say(&m, "READY=1");
	CHECK_STR(told(&m), "R0:again");
	say(&m, "READY=1"); /* nothing new */
	CHECK_STR(told(&m), "");
	CHECK_EQ(ms_status_tick(m.shim, now), UINT64_MAX);
	say(&m, "STATUS=");
	CHECK_STR(told(&m), "");
	now += SECOND;
	CHECK_STR(told(&m), "R0:");
	say(&m, "STOPPING=1");
	CHECK_STR(told(&m), "RS0:");
}

/* To and fro as fast as it can: a few at once, one more each second, the last always. */
TEST(a_module_that_cannot_make_up_its_mind)
{
	MODULE m = module_new(0, 0);
	unsigned n = 0;

	for (int i = 0; i < 1000; i++) {
		say(&m, i % 2 ? "READY=1" : "RELOADING=1");
		n += *told(&m) != '\0';
	}
	CHECK(n > 1 && n < 16);
	now += SECOND;
	CHECK_STR(told(&m), "R0:");
	n = 0;
	for (int i = 0; i < 1000; i++) {
		say(&m, i % 2 ? "READY=1" : "RELOADING=1");
		n += *told(&m) != '\0';
		now += 10000; /* ten seconds in all */
	}
	CHECK(n >= 9 && n < 30);
}

TEST(garbage_is_counted)
{
	MODULE m = module_new(0, 0);
	char big[8192];

	memset(big, 'x', sizeof(big));
	say(&m, "hello");
	CHECK_STR(told(&m), "1:");
	now += SECOND;
	say(&m, "WATCHDOG_USEC=1\nREADY=1");
	CHECK_STR(told(&m), "R2:");
	CHECK_EQ(send(m.out, big, sizeof(big), 0), sizeof(big));
	CHECK_EQ(send(m.out, "", 0, 0), 0);
	ms_status_receive(m.shim, now);
	now += SECOND;
	CHECK_STR(told(&m), "R4:");
	memcpy(big, "STATUS=", 7);
	CHECK_EQ(send(m.out, big, 4096, 0), 4096); /* the longest that is read */
	ms_status_receive(m.shim, now);
	now += SECOND;
	CHECK_EQ(strlen(told(&m)), strlen("R4:") + MS_MAX_STATUS_BYTES);
}

/* As many as the queue takes, a bounded number of them a turn; none is lost, and the module waits.
 */
TEST(a_flood_has_its_turn_and_no_more)
{
	MODULE m = module_new(0, 0);
	unsigned sent = 0, turns = 0;

	while (send(m.out, "X=1", 3, 0) == 3)
		sent++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent >= 1);
	for (struct pollfd p = {.fd = m.shim->status_sock, .events = POLLIN};
	     poll(&p, 1, 0) == 1 && turns <= sent; turns++)
		ms_status_receive(m.shim, now);
	CHECK(turns >= sent / 16 && turns <= sent / 16 + 1);
	say(&m, "READY=1");
	CHECK_STR(told(&m), "R0:");
}

static void send_fds(struct module *m, const char *text, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 4)];
	} control = {0};
	struct iovec iov = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	CHECK_EQ(sendmsg(m->out, &msg, 0), strlen(text));
}

/* Descriptors that come along are closed by the kernel: the module's pipe ends. */
TEST(descriptors_are_not_taken)
{
	MODULE m = module_new(0, 0);
	int pipes[2], before, after;
	char byte;

	REQUIRE(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
	send_fds(&m, "BARRIER=1", &pipes[1], 1);
	(void)close(pipes[1]); /* the only one is in flight */
	CHECK_EQ(read(pipes[0], &byte, 1), -1);
	CHECK_EQ(errno, EAGAIN);
	before = dup(0);
	(void)close(before); /* only its number is of interest: the lowest that is free */
	ms_status_receive(m.shim, now);
	after = dup(0);
	(void)close(after);
	CHECK_EQ(after, before);
	CHECK_EQ(read(pipes[0], &byte, 1), 0);
	(void)close(pipes[0]);
	CHECK_STR(told(&m), "");
}

/* The last of a connection with data that nobody reads, told to wait for an hour when it is closed.
 */
static int lingering(int kept[static 2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct linger hour = {.l_onoff = 1, .l_linger = 3600};
	socklen_t len = sizeof(addr);
	int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char fill[65536] = {0};

	kept[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(kept[0], (const struct sockaddr *)&addr, len) < 0 || listen(kept[0], 1) < 0 ||
	    getsockname(kept[0], (struct sockaddr *)&addr, &len) < 0 ||
	    connect(out, (const struct sockaddr *)&addr, len) < 0)
		return -1;
	kept[1] = accept4(kept[0], NULL, NULL, SOCK_CLOEXEC);
	while (send(out, fill, sizeof(fill), MSG_DONTWAIT) > 0)
		;
	return setsockopt(out, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)) < 0 ? -1 : out;
}

TEST(descriptors_cannot_hold_it_up)
{
	MODULE m = module_new(0, 0);
	int kept[3][2], fds[3];
	uint64_t began;

	for (int i = 0; i < 3; i++) {
		fds[i] = lingering(kept[i]);
		REQUIRE(fds[i] >= 0);
	}
	send_fds(&m, "STATUS=first", fds, 2);
	send_fds(&m, "STATUS=second", fds + 2, 1);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]); /* the last of each is in flight */
	began = ms_io_now_usec();
	ms_status_receive(m.shim, now);
	CHECK(ms_io_now_usec() - began < 10u * SECOND);
	CHECK_STR(told(&m), "0:first"); /* the turn ends with what took its time */
	ms_status_receive(m.shim, now);
	now += SECOND;
	CHECK_STR(told(&m), "0:second");
	CHECK(ms_io_now_usec() - began < 20u * SECOND);
	for (int i = 0; i < 3; i++) {
		(void)close(kept[i][0]);
		(void)close(kept[i][1]);
	}
}

TEST(a_modsupd_that_is_behind_or_gone_is_told_later)
{
	MODULE m = module_new(0, 0);
	const uint8_t fill[1024] = {0};

	while (send(m.shim->control, fill, sizeof(fill), MSG_DONTWAIT) > 0)
		;
	say(&m, "READY=1");
	CHECK_EQ(ms_status_tick(m.shim, now), now + SECOND);
	while (recv(m.modsupd, (uint8_t[1024]){0}, 1024, MSG_DONTWAIT) > 0)
		;
	now += SECOND;
	CHECK_STR(told(&m), "R0:");
	/* nobody there: no reason to wake up */
	m.shim->control = ms_fd_close(m.shim->control);
	m.modsupd = ms_fd_close(m.modsupd);
	say(&m, "STATUS=alone");
	CHECK_EQ(ms_status_tick(m.shim, now), UINT64_MAX);
	control_new(&m);
	ms_status_adopted();
	CHECK_STR(told(&m), "R0:alone");
	CHECK_STR(told(&m), "");
	/* one who comes when there is nothing new is told all the same */
	(void)ms_fd_close(m.shim->control); /* -EBADF */
	(void)ms_fd_close(m.modsupd);
	control_new(&m);
	ms_status_adopted();
	CHECK_STR(told(&m), "R0:alone");
}

TEST(no_watchdog)
{
	MODULE m = module_new(0, 0);

	ms_status_started(now);
	say(&m, "WATCHDOG=1");
	say(&m, "WATCHDOG=trigger");
	CHECK(!ms_status_is_hung(m.shim, now + UINT32_MAX));
	CHECK_STR(told(&m), "");
	CHECK_EQ(ms_status_tick(m.shim, now), UINT64_MAX);
}

TEST(a_watchdog_runs_from_the_start)
{
	MODULE m = module_new(5u * SECOND, 0);

	CHECK(!ms_status_is_hung(m.shim, now + 100u * SECOND)); /* not before it */
	ms_status_started(now);
	CHECK_EQ(ms_status_tick(m.shim, now), now + 5u * SECOND);
	CHECK(!ms_status_is_hung(m.shim, now + 5u * SECOND - 1));
	now += 4u * SECOND;
	say(&m, "WATCHDOG=1");
	CHECK_EQ(ms_status_tick(m.shim, now), now + 5u * SECOND);
	CHECK(!ms_status_is_hung(m.shim, now + 5u * SECOND - 1));
	CHECK(ms_status_is_hung(m.shim, now + 5u * SECOND));
	/* something else is not it */
	now += 5u * SECOND;
	say(&m, "STATUS=alive\nREADY=1");
	CHECK(ms_status_is_hung(m.shim, now));
}

TEST(a_watchdog_waits_for_ready)
{
	MODULE m = module_new(5u * SECOND, MS_PLAN_READY_NOTIFY);

	ms_status_started(now);
	CHECK_EQ(ms_status_tick(m.shim, now), UINT64_MAX);
	CHECK(!ms_status_is_hung(m.shim, now + 100u * SECOND));
	now += 20u * SECOND;
	say(&m, "READY=1");
	CHECK(!ms_status_is_hung(m.shim, now + 5u * SECOND - 1));
	now += 4u * SECOND;
	say(&m, "READY=1"); /* again: no food */
	CHECK(ms_status_is_hung(m.shim, now + SECOND));
}

TEST(a_watchdog_fed_before_ready_counts)
{
	MODULE m = module_new(5u * SECOND, MS_PLAN_READY_NOTIFY);

	ms_status_started(now);
	say(&m, "WATCHDOG=1");
	CHECK(ms_status_is_hung(m.shim, now + 5u * SECOND));
}

/* The word lies in the socket, only nobody had looked: it came in time. */
TEST(a_word_that_lies_there_counts)
{
	MODULE m = module_new(5u * SECOND, 0);

	ms_status_started(now);
	CHECK_EQ(send(m.out, "WATCHDOG=1", 10, 0), 10);
	now += 5u * SECOND + SECOND / 2;
	CHECK(!ms_status_is_hung(m.shim, now));
	CHECK(ms_status_is_hung(m.shim, now + 5u * SECOND));
}

/* The machine slept for an hour: nobody could say anything. */
TEST(a_watchdog_over_a_sleep)
{
	MODULE m = module_new(5u * SECOND, 0);

	ms_status_started(now);
	now += 3600ull * SECOND;
	CHECK(!ms_status_is_hung(m.shim, now));
	CHECK(!ms_status_is_hung(m.shim, now + 5u * SECOND - 1));
	CHECK(ms_status_is_hung(m.shim, now + 5u * SECOND));
}

TEST(a_watchdog_ends_with_the_stop)
{
	MODULE m = module_new(5u * SECOND, 0);

	ms_status_started(now);
	ms_status_stopping();
	CHECK(!ms_status_is_hung(m.shim, now + 5u * SECOND));
	CHECK_EQ(ms_status_tick(m.shim, now), UINT64_MAX);
	say(&m, "WATCHDOG=1"); /* it was not the end of it */
	CHECK(ms_status_is_hung(m.shim, now + 5u * SECOND));
	say(&m, "STOPPING=1");
	CHECK(!ms_status_is_hung(m.shim, now + 5u * SECOND));
}

TEST(a_module_may_say_that_it_hangs)
{
	MODULE m = module_new(5u * SECOND, 0);

	ms_status_started(now);
	CHECK(!ms_status_is_hung(m.shim, now));
	say(&m, "WATCHDOG=trigger");
	CHECK(ms_status_is_hung(m.shim, now));
}
