/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-server.h - a supervisor of a few lines for the tests of clients: a forked child at the other
 * end of a socketpair that says what its script says. Ends with the script; a script that reads
 * nothing more exits 0, a failed read or write exits 9, which fake_end() reports.
 */
#ifndef MS_TESTS_UNIT_FAKE_SERVER_H
#define MS_TESTS_UNIT_FAKE_SERVER_H

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAKE_HELLO                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":{\"major\":1,"         \
	"\"minor\":0},\"epoch\":\"e1\"}}\n"

struct fake {
	int fd; /* the client's end; the client takes it */
	pid_t pid;
};

static inline void fake_say(int fd, const char *text)
{
	for (size_t len = strlen(text); len > 0;) {
		ssize_t n = write(fd, text, len);

		if (n <= 0)
			_exit(9);
		text += n;
		len -= (size_t)n;
	}
}

/* A line with descriptors, which go with its first byte. */
static inline void fake_say_fds(int fd, const char *text, const int *fds, size_t n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = CMSG_SPACE(sizeof(int) * n_fds)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
		_exit(9);
}

/* The next request; one byte at a time is fast enough here. @line ends with a NUL. */
static inline void fake_hear(int fd, char *line, size_t size)
{
	size_t n = 0;

	do {
		if (n + 1 >= size || read(fd, line + n, 1) != 1)
			_exit(9);
	} while (line[n++] != '\n');
	line[n] = '\0';
}

/* A request that must hold @text. */
static inline void fake_expect(int fd, const char *text)
{
	char line[65536];

	fake_hear(fd, line, sizeof(line));
	if (!strstr(line, text))
		_exit(8);
}

static inline struct fake fake_start(void (*script)(int fd))
{
	struct fake fake = {.fd = -1};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fake;
	fake.pid = fork();
	if (fake.pid == 0) {
		(void)close(ends[0]); /* so that the client's end is seen to close */
		(void)alarm(60);      /* a script that waits for what never comes */
		script(ends[1]);
		_exit(0);
	}
	(void)close(ends[1]); /* the child has it */
	fake.fd = ends[0];
	return fake;
}

/* How the script ended: 0 as it should. Call it after the client is freed. */
static inline int fake_end(struct fake *fake)
{
	int status = -1;

	if (fake->pid <= 0 || waitpid(fake->pid, &status, 0) != fake->pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
