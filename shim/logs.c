/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logs.c - the log's pump. A write that fails (disk full) drops and counts: the module is not
 * blocked by it, and the shim goes on.
 */
#include "shim/logs.h"

#include "lib/fs.h"

#define PUMP_ROUNDS 16 /* at most this many buffers before other work gets its turn */

static struct {
	uint64_t cap, used, dropped;
	int at; /* which file is being filled */
} state;

void ms_logs_init(const struct ms_shim *shim)
{
	state.cap = shim->plan.log_bytes;
}

/* Start the other file from empty once this one is full. */
static void rotate(struct ms_shim *shim)
{
	state.at = !state.at;
	state.used = 0;
	(void)ms_sys_ftruncate(shim->log_files[state.at],
			       0); /* kept as it was when that fails: still bounded */
	(void)ms_sys_lseek(shim->log_files[state.at], 0, SEEK_SET); /* a regular file seeks */
}

bool ms_logs_pump(struct ms_shim *shim)
{
	char buf[4096];

	for (int i = 0; i < PUMP_ROUNDS; i++) {
		ssize_t n = ms_sys_read(shim->log_pipe, buf, sizeof(buf));

		if (n == -EINTR)
			continue;
		if (n <= 0) {
			if (n != -EAGAIN)
				shim->log_pipe = ms_fd_close(shim->log_pipe);
			return false;
		}
		if (state.used + (uint64_t)n > state.cap)
			rotate(shim);
		if (ms_fs_write_all(shim->log_files[state.at], buf, (size_t)n) < 0)
			state.dropped += (uint64_t)n;
		else
			state.used += (uint64_t)n;
	}
	return true;
}

uint64_t ms_logs_dropped(void)
{
	return state.dropped;
}
