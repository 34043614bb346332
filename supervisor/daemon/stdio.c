/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stdio.c - pipes and pseudo-terminals for a module or a command, and their client's ends. Called
 * by start.c and exec.c.
 */
#include "supervisor/daemon/stdio.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

void ms_stdio_close_module(struct ms_stdio_ends *stdio)
{
	for (size_t n = 0; n < 3; n++)
		stdio->module[n] = ms_fd_close(stdio->module[n]);
}

void ms_stdio_close_client(struct ms_stdio_ends *stdio)
{
	for (size_t n = 0; n < 3; n++)
		stdio->client[n] = ms_fd_close(stdio->client[n]);
	stdio->n_client = 0;
}

static void close_both(struct ms_stdio_ends *stdio)
{
	ms_stdio_close_module(stdio);
	ms_stdio_close_client(stdio);
}

/**
 * ms_stdio_pipes() - one pipe for each standard stream.
 * @ret: filled on success
 */
int ms_stdio_pipes(struct ms_stdio_ends *ret, struct ms_error *err)
{
	struct ms_stdio_ends made = MS_STDIO_ENDS_INIT;

	for (int n = 0; n < 3; n++) {
		int pipe[2];

		if (pipe2(pipe, O_CLOEXEC) < 0) {
			int r = ms_error_set(err, errno, "make a pipe");

			close_both(&made);
			return r;
		}
		made.module[n] = pipe[n == 0 ? 0 : 1];
		made.client[n] = pipe[n == 0 ? 1 : 0];
	}
	made.n_client = 3;
	*ret = made;
	return 0;
}

/**
 * ms_stdio_terminal() - a terminal of @rows times @cols.
 * @ret: filled on success
 */
int ms_stdio_terminal(uint16_t rows, uint16_t cols, struct ms_stdio_ends *ret, struct ms_error *err)
{
	const struct winsize size = {.ws_row = rows, .ws_col = cols};
	ms_auto_fd int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	ms_auto_fd int slave = -EBADF;
	int lock = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &lock) < 0)
		return ms_error_set(err, errno, "make a terminal");
	slave = ioctl(master, TIOCGPTPEER,
		      O_RDWR | O_NOCTTY | O_CLOEXEC); /* 4.13: by descriptor, not by path */
	if (slave < 0)
		return ms_error_set(err, errno, "open the terminal");
	if (ioctl(master, TIOCSWINSZ, &size) < 0)
		return ms_error_set(err, errno, "size the terminal");
	*ret = MS_STDIO_ENDS_INIT;
	ret->module[0] = MS_TAKE_FD(slave);
	ret->client[0] = MS_TAKE_FD(master);
	ret->n_client = 1;
	return 0;
}
