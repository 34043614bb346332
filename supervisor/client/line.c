/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * line.c - receiving. Descriptors come with the first byte of the line that declares them; the
 * kernel never merges two such lines into one read, so a queue in order of arrival is enough to
 * know whose they are. Must never wait.
 */
#include "supervisor/client/line.h"

#include <string.h>
#include <sys/socket.h>

#define CHUNK_BYTES 65536u

/**
 * ms_line_done() - free what was received, close what was not taken.
 */
void ms_line_done(struct ms_line *line)
{
	for (uint32_t i = 0; i < line->n_held; i++)
		line->held[i] = ms_fd_close(line->held[i]);
	line->n_held = 0;
	free(line->in);
	line->in = NULL;
}

/* The descriptors of one control message; one that does not fit is closed, and remembered. */
static void hold_fds(struct ms_line *line, const struct cmsghdr *cmsg)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (line->n_held < MS_LINE_HELD_FDS) {
			line->held[line->n_held++] = fd;
		} else {
			line->fds_lost = true;
			(void)ms_fd_close(fd); /* the number is a local one */
		}
	}
}

/* Room for one more chunk: first by moving what is left to the front, then by growing. */
static int make_room(struct ms_line *line)
{
	size_t cap = line->cap ? line->cap * 2 : 2 * (size_t)CHUNK_BYTES;
	char *in;

	if (line->start > 0) {
		memmove(line->in, line->in + line->start, line->end - line->start);
		line->end -= line->start;
		line->looked -= line->start;
		line->start = 0;
	}
	if (line->end > line->max)
		return -EMSGSIZE;
	if (line->cap - line->end >= CHUNK_BYTES)
		return 0;
	in = realloc(line->in, cap);
	if (!in)
		return -ENOMEM;
	line->in = in;
	line->cap = cap;
	return 0;
}

/**
 * ms_line_receive() - take what the socket has.
 * Return: 0, -EAGAIN, -EMSGSIZE for a line above the bound, -ENOMEM, or another -errno.
 */
int ms_line_receive(struct ms_line *line)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MODSUP_MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int r = make_room(line);
	ssize_t n;

	if (r < 0)
		return r;
	iov = (struct iovec){.iov_base = line->in + line->end, .iov_len = line->cap - line->end};
	do {
		n = recvmsg(line->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return -errno;
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			hold_fds(line, c);
	if (n > 0 && (msg.msg_flags & MSG_CTRUNC))
		line->fds_lost = true;
	if (n <= 0)
		line->ended = true; /* a reset means the same: nothing more will come */
	else
		line->end += (size_t)n;
	return 0;
}

/**
 * ms_line_next() - the next whole line; false when there is none yet.
 */
bool ms_line_next(struct ms_line *line, struct ms_str *ret)
{
	const char *newline;

	if (line->looked == line->end)
		return false;
	newline = memchr(line->in + line->looked, '\n', line->end - line->looked);
	if (!newline) {
		line->looked = line->end;
		return false;
	}
	*ret = (struct ms_str){.p = line->in + line->start,
			       .len = (size_t)(newline - line->in) - line->start};
	line->start = line->looked = (size_t)(newline - line->in) + 1;
	return true;
}

/**
 * ms_line_take_fds() - the descriptors that belong to the line just read; the caller's.
 * Return: 0, or -EPROTO.
 */
int ms_line_take_fds(struct ms_line *line, uint64_t n, int *ret)
{
	if (n > MODSUP_MAX_FDS || n > line->n_held || line->fds_lost)
		return -EPROTO;
	memcpy(ret, line->held, n * sizeof(int));
	line->n_held -= (uint32_t)n;
	memmove(line->held, line->held + n, line->n_held * sizeof(int));
	return 0;
}
