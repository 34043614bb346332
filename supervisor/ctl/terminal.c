/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * terminal.c - termios(3). The module never gets the caller's terminal itself: with TIOCSTI or a
 * changed mode it could act on the caller's shell.
 */
#include "supervisor/ctl/terminal.h"

#include <sys/ioctl.h>

int ms_terminal_raw(struct ms_terminal *terminal, int fd)
{
	struct termios raw;

	if (tcgetattr(fd, &terminal->saved) < 0)
		return -errno;
	raw = terminal->saved;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return -errno;
	terminal->fd = fd;
	return 0;
}

void ms_terminal_restore(struct ms_terminal *terminal)
{
	if (terminal->fd < 0)
		return;
	(void)tcsetattr(terminal->fd, TCSADRAIN, &terminal->saved); /* gone: nobody is there */
	terminal->fd = -1;
}

void ms_terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_cols)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	*ret_rows = size.ws_row;
	*ret_cols = size.ws_col;
}

void ms_terminal_copy_size(int from, int to)
{
	struct winsize size = {0};

	/* of none it is better not to tell: the other has been made with a size */
	if (ioctl(from, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		(void)ioctl(to, TIOCSWINSZ, &size); /* a module that ended needs no size */
}
