/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-packet.c - packets with descriptors: whole or not at all, and no descriptor is ever lost.
 */
#include "supervisor/daemon/packet.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/test.h"

struct pair {
	int a, b;
};

static void pair_done(struct pair *p)
{
	p->a = ms_fd_close(p->a);
	p->b = ms_fd_close(p->b);
}

static struct pair pair_new(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	return (struct pair){fds[0], fds[1]};
}
#define PAIR(name) __attribute__((cleanup(pair_done))) struct pair name = pair_new()

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* @n descriptors of one file, sent by hand: as many as the kernel takes. */
static void send_raw(int sock, int fd, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 200)];
	} control = {0};
	char byte = 'x';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	if (sendmsg(sock, &msg, 0) != 1)
		abort();
}

TEST(data_alone)
{
	PAIR(p);
	char buf[8] = "";
	size_t n = 99;

	REQUIRE(ms_packet_send(p.a, "hello", 5, NULL, 0, 0) == 0);
	REQUIRE(ms_packet_send(p.a, "you", 3, NULL, 0, 0) == 0);
	CHECK_EQ(ms_packet_recv(p.b, buf, sizeof(buf), NULL, 0, &n, 0), 5);
	CHECK_EQ(n, 0);
	CHECK(memcmp(buf, "hello", 5) == 0);
	CHECK_EQ(ms_packet_recv(p.b, buf, 3, NULL, 0, NULL, 0), 3); /* exactly what fits */
}

TEST(descriptors_in_order)
{
	PAIR(p);
	int fds[MS_PACKET_MAX_FDS], got[MS_PACKET_MAX_FDS];
	unsigned before;
	size_t n = 0;
	char c;

	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	REQUIRE(fds[0] >= 0 && fds[1] >= 0);
	for (size_t i = 2; i < MS_ARRAY_LEN(fds); i++)
		fds[i] = fds[i % 2];
	before = count_fds();
	REQUIRE(ms_packet_send(p.a, "x", 1, fds, MS_ARRAY_LEN(fds), 0) == 0);
	REQUIRE(ms_packet_recv(p.b, &c, 1, got, MS_ARRAY_LEN(got), &n, 0) == 1);
	REQUIRE(n == MS_PACKET_MAX_FDS);
	for (size_t i = 0; i < n; i++) {
		struct stat want, have;

		CHECK_EQ(fstat(fds[i], &want), 0);
		CHECK_EQ(fstat(got[i], &have), 0);
		CHECK_EQ(have.st_rdev, want.st_rdev);
		CHECK_EQ(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		(void)ms_fd_close(got[i]);
	}
	CHECK_EQ(count_fds(), before);
	(void)ms_fd_close(fds[0]);
	(void)ms_fd_close(fds[1]);
}

TEST(more_descriptors_than_wanted)
{
	PAIR(p);
	const unsigned before = count_fds();
	int got[2] = {-1, -1};
	size_t n = 0;
	char c;

	send_raw(p.a, p.a, 5);
	CHECK_EQ(ms_packet_recv(p.b, &c, 1, got, 2, &n, 0), 1);
	CHECK_EQ(n, 2);
	CHECK_EQ(count_fds(), before + 2);
	(void)ms_fd_close(got[0]);
	(void)ms_fd_close(got[1]);
	send_raw(p.a, p.a, 5);
	CHECK_EQ(ms_packet_recv(p.b, &c, 1, NULL, 0, NULL, 0), 1); /* none at all */
	CHECK_EQ(count_fds(), before);
}

/* More than there is room for at all: nobody knows which are missing, so none is kept. */
TEST(descriptors_that_were_cut)
{
	PAIR(p);
	const unsigned before = count_fds();
	int got[MS_PACKET_MAX_FDS];
	size_t n = 99;
	char c;

	send_raw(p.a, p.a, MS_PACKET_MAX_FDS + 20);
	CHECK_EQ(ms_packet_recv(p.b, &c, 1, got, MS_ARRAY_LEN(got), &n, 0), -EMSGSIZE);
	CHECK_EQ(n, 99);
	CHECK_EQ(count_fds(), before);
	/* the next packet is not touched by it */
	CHECK_EQ(ms_packet_send(p.a, "y", 1, NULL, 0, 0), 0);
	CHECK_EQ(ms_packet_recv(p.b, &c, 1, got, MS_ARRAY_LEN(got), &n, 0), 1);
	CHECK_EQ(c, 'y');
}

TEST(data_that_was_cut)
{
	PAIR(p);
	const unsigned before = count_fds();
	int fds[2] = {p.a, p.a}, got[2];
	char buf[4];
	size_t n = 99;

	REQUIRE(ms_packet_send(p.a, "hello", 5, fds, 2, 0) == 0);
	CHECK_EQ(ms_packet_recv(p.b, buf, sizeof(buf), got, 2, &n, 0), -EMSGSIZE);
	CHECK_EQ(n, 99);
	CHECK_EQ(count_fds(), before);
}

TEST(the_end_and_nothing_yet)
{
	PAIR(p);
	char c;

	CHECK_EQ(ms_packet_recv(p.b, &c, 1, NULL, 0, NULL, MSG_DONTWAIT), -EAGAIN);
	p.a = ms_fd_close(p.a);
	CHECK_EQ(ms_packet_recv(p.b, &c, 1, NULL, 0, NULL, 0), 0);
	CHECK_EQ(ms_packet_send(p.b, "x", 1, NULL, 0, 0), -EPIPE); /* and no signal */
}

TEST(a_full_queue)
{
	PAIR(p);
	int r = 0, n = 0;

	while (n < 100000 && (r = ms_packet_send(p.a, "x", 1, NULL, 0, MSG_DONTWAIT)) == 0)
		n++;
	CHECK_EQ(r, -EAGAIN);
	CHECK(n > 0);
}

TEST(not_a_socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char c;

	CHECK_EQ(ms_packet_send(null, "x", 1, NULL, 0, 0), -ENOTSOCK);
	CHECK_EQ(ms_packet_recv(null, &c, 1, NULL, 0, NULL, 0), -ENOTSOCK);
	(void)ms_fd_close(null);
}
