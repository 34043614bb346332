/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * terminal.h - the caller's terminal, made raw for the time of a `run -t` and given back as it was.
 */
#ifndef MS_CTL_TERMINAL_H
#define MS_CTL_TERMINAL_H

#include <termios.h>

#include "lib/base.h"

struct ms_terminal {
	int fd; /* borrowed; -1: nothing to give back */
	struct termios saved;
};

#define MS_TERMINAL_INIT ((struct ms_terminal){.fd = -1})

/* ms_terminal_raw - every key goes to the module, ^C too. 0 or -errno. */
MS_MUST_CHECK int ms_terminal_raw(struct ms_terminal *terminal, int fd);
/* ms_terminal_restore - as it was before; may be called again. */
void ms_terminal_restore(struct ms_terminal *terminal);
static inline void ms_terminal_cleanup(struct ms_terminal *terminal)
{
	ms_terminal_restore(terminal);
}
/* ms_terminal_size - of @fd; 24 x 80 when it does not say. */
void ms_terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_cols);
/* ms_terminal_copy_size - that of @from to @to, a pseudo-terminal's master. */
void ms_terminal_copy_size(int from, int to);

#endif
