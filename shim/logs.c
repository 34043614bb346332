/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logs.c - the log's pump. A write that fails (disk full) drops and counts: the module is not
 * blocked by it, and the shim goes on. So does a module that writes more than the rate: for a
 * second its output is read and dropped but for the last of it, which is then kept after a line
 * that says how much is missing. Whole stretches stay readable, and the newest text is there.
 */
#include "shim/logs.h"

#include <string.h>

#include "lib/fs.h"
#include "lib/num.h"

#define PUMP_ROUNDS 16 /* at most this many buffers before other work gets its turn */
#define CHUNK_BYTES 4096u
#define RATE_BYTES  (1u << 20) /* a second: a busy disk is the whole host's */
#define BURST_BYTES (4u << 20) /* as much as is kept at all */
#define PAUSE_USEC  1000000u
#define NOTE_BEGIN  "\n[modsup: more than 1 MiB a second: "
#define NOTE_END    " bytes dropped]\n"

static struct {
	uint64_t cap, used, dropped;
	int at;		       /* which file is being filled */
	uint64_t budget, asof; /* bytes that may be written; when that was so */
	uint64_t pause_until;  /* 0: not dropping */
	uint64_t missing;      /* dropped since the pause began */
	size_t tail_len;
	char tail[CHUNK_BYTES]; /* the last that was read in the pause */
} state;

void ms_logs_init(const struct ms_shim *shim)
{
	state.cap = shim->plan.log_bytes;
	state.used = state.dropped = state.pause_until = state.missing = 0;
	state.at = 0;
	state.tail_len = 0;
	state.budget = BURST_BYTES;
	state.asof = ms_io_now_usec();
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

static bool put(struct ms_shim *shim, const char *text, size_t len)
{
	if (state.used + len > state.cap)
		rotate(shim);
	if (ms_fs_write_all(shim->log_files[state.at], text, len) < 0)
		return false;
	state.used += len;
	return true;
}

static void put_note(struct ms_shim *shim, uint64_t missing)
{
	char text[sizeof(NOTE_BEGIN) + 20 + sizeof(NOTE_END)];
	size_t len = sizeof(NOTE_BEGIN) - 1;

	memcpy(text, NOTE_BEGIN, len);
	len += ms_num_format(missing, text + len);
	memcpy(text + len, NOTE_END, sizeof(NOTE_END) - 1);
	MS_IGNORE(put(shim, text, len + sizeof(NOTE_END) - 1)); /* the count is told at the end */
}

static void resume(struct ms_shim *shim)
{
	if (state.missing)
		put_note(shim, state.missing);
	if (state.tail_len && !put(shim, state.tail, state.tail_len))
		state.dropped += state.tail_len;
	state.pause_until = state.missing = 0;
	state.tail_len = 0;
}

uint64_t ms_logs_tick(struct ms_shim *shim, uint64_t now)
{
	uint64_t passed = now - state.asof;

	/* the budget is full again after four seconds, however long it was */
	state.budget += passed > 5000000u ? BURST_BYTES : passed * RATE_BYTES / 1000000u;
	state.budget = MS_MIN(state.budget, (uint64_t)BURST_BYTES);
	state.asof = now;
	if (state.pause_until && now >= state.pause_until)
		resume(shim);
	return state.pause_until ? state.pause_until : UINT64_MAX;
}

void ms_logs_finish(struct ms_shim *shim)
{
	if (state.pause_until)
		resume(shim);
}

static void keep_tail(const char *text, size_t len)
{
	state.dropped += state.tail_len;
	state.missing += state.tail_len;
	memcpy(state.tail, text, len);
	state.tail_len = len;
}

static void take(struct ms_shim *shim, const char *text, size_t len)
{
	if (!state.pause_until && state.budget < len)
		state.pause_until = state.asof + PAUSE_USEC;
	if (state.pause_until) {
		keep_tail(text, len);
		return;
	}
	state.budget -= len;
	if (!put(shim, text, len))
		state.dropped += len;
}

bool ms_logs_pump(struct ms_shim *shim, enum ms_log_source source)
{
	char buf[CHUNK_BYTES];

	(void)ms_logs_tick(shim, ms_io_now_usec()); /* the caller's next turn asks when */
	for (int i = 0; i < PUMP_ROUNDS; i++) {
		ssize_t n = ms_sys_read(shim->log_pipes[source], buf, sizeof(buf));

		if (n == -EINTR)
			continue;
		if (n <= 0) {
			if (n != -EAGAIN)
				shim->log_pipes[source] = ms_fd_close(shim->log_pipes[source]);
			return false;
		}
		take(shim, buf, (size_t)n);
	}
	return true;
}

uint64_t ms_logs_dropped(void)
{
	return state.dropped;
}

size_t ms_logs_tail(char *buf, size_t cap)
{
	(void)buf; /* the streams are not kept apart yet: nothing is known to be stderr's */
	(void)cap;
	return 0;
}
