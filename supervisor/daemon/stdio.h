/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stdio.h - standard streams for whoever asked: pipes or a terminal of modsupd's own make, one end
 * for the module, the other for the client. Nothing of the caller's ever reaches a module.
 */
#ifndef MS_DAEMON_STDIO_H
#define MS_DAEMON_STDIO_H

#include "lib/base.h"
#include "lib/error.h"

/* Both ends; the owner closes what nobody took. */
struct ms_stdio_ends {
	int module[3]; /* 0, 1, 2; of a terminal its slave in the first alone */
	int client[3]; /* stdin's write end, stdout, stderr; of a terminal its master in the first
			*/
	uint32_t n_client;
};

#define MS_STDIO_ENDS_INIT                                                                         \
	((struct ms_stdio_ends){.module = {-EBADF, -EBADF, -EBADF},                                \
				.client = {-EBADF, -EBADF, -EBADF}})

/* 0 or -errno with @err, and then nothing is open. */
MS_MUST_CHECK int ms_stdio_pipes(struct ms_stdio_ends *ret, struct ms_error *err);
MS_MUST_CHECK int ms_stdio_terminal(uint16_t rows, uint16_t cols, struct ms_stdio_ends *ret,
				    struct ms_error *err);
void ms_stdio_close_module(struct ms_stdio_ends *stdio);
void ms_stdio_close_client(struct ms_stdio_ends *stdio);

#endif
