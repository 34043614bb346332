/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logs.c - the log's pump. Lines are written as soon as they are whole; what is no whole line yet
 * waits a moment for the rest, then it is shown as it is (a prompt).
 *
 * A module that writes more than the rate is read and dropped for a second, but for the last of
 * each stream, which is then kept after a note that says how much is missing. Whole stretches stay
 * readable, and the newest text is there. Nothing here blocks, whatever becomes of the files.
 */
#include "shim/logs.h"

#include <string.h>

#include "lib/num.h"
#include "lib/sys.h"
#include "shim/logfile.h"

#define PUMP_ROUNDS 16 /* at most this many buffers before other work gets its turn */
#define CHUNK_BYTES 4096u
#define RATE_BYTES  (1u << 20)		       /* a second: a busy disk is the whole host's */
#define BURST_BYTES (MS_MAX_LOG_BYTES / 4 * 3) /* less than both files hold: it is kept whole */
#define PAUSE_USEC  1000000u
#define HOLD_USEC   250000u /* how long the beginning of a line waits for its end */
#define NOTE_BEGIN  "more than 1 MiB a second: "
#define NOTE_END    " bytes dropped"

/* What has been read of one stream and is not in the log: the beginning of a line, or in a pause
 * the last of what came. */
struct line {
	uint64_t since; /* when the first of it came */
	uint16_t len;
	bool cut; /* something before it was dropped */
	char text[MS_MAX_LOG_TEXT_BYTES];
};

static struct {
	uint64_t budget, asof; /* bytes that may be written; when that was so */
	uint64_t pause_until;  /* 0: not dropping */
	uint64_t missing;      /* dropped since the pause began */
	uint64_t dropped;
	struct line lines[MS_LOG_SOURCES];
	uint64_t tail_end; /* how many bytes of stderr have come; the ring holds the last */
	char tail[MS_MAX_TAIL_BYTES];
} state;

void ms_logs_init(const struct ms_shim *shim)
{
	ms_logfile_init(shim->plan.log_bytes);
	state.pause_until = state.missing = state.dropped = state.tail_end = 0;
	for (int i = 0; i < MS_LOG_SOURCES; i++) {
		state.lines[i].len = 0;
		state.lines[i].cut = false;
	}
	state.budget = BURST_BYTES;
	state.asof = ms_io_now_usec();
}

/* -- records -- */

/* @told: bytes of the module, with its newline if one ended them. */
static void emit(struct ms_logbatch *batch, enum ms_log_source source, const char *text, size_t len,
		 bool partial)
{
	size_t told = len + !partial;
	struct ms_logrec rec = {
		.source = source == MS_LOG_STDERR ? MS_LOGREC_STDERR : MS_LOGREC_STDOUT,
		.partial = partial,
		.text = {.p = text, .len = len},
	};
	uint64_t cost = ms_logbatch_add(batch, &rec, told);

	state.budget -= MS_MIN(state.budget, cost);
}

static void emit_line(struct ms_logbatch *batch, enum ms_log_source source, bool partial)
{
	struct line *line = &state.lines[source];

	emit(batch, source, line->text, line->len, partial);
	line->len = 0;
}

static void append(struct line *line, const char *text, size_t len)
{
	if (line->len == 0)
		line->since = state.asof;
	memcpy(line->text + line->len, text, len);
	line->len = (uint16_t)(line->len + len);
}

/* -- in a pause -- */

static void drop(size_t len)
{
	state.dropped += len;
	state.missing += len;
}

/* Keep the last of a stream, drop the rest. */
static void keep_last(struct line *line, const char *text, size_t len)
{
	size_t extra =
		line->len + len > sizeof(line->text) ? line->len + len - sizeof(line->text) : 0;
	size_t from_line = MS_MIN(extra, (size_t)line->len), from_text = extra - from_line;

	if (extra) {
		drop(extra);
		line->cut = true;
		line->len = (uint16_t)(line->len - from_line);
		memmove(line->text, line->text + from_line, line->len);
	}
	append(line, text + from_text, len - from_text);
}

/* The end of a line whose beginning was dropped tells nothing, unless it is all there is. */
static void drop_cut(struct line *line)
{
	const char *end = line->cut ? memchr(line->text, '\n', line->len) : NULL;
	size_t len = end ? (size_t)(end - line->text) + 1 : 0;

	line->cut = false;
	if (len == line->len)
		return;
	drop(len);
	line->len = (uint16_t)(line->len - len);
	memmove(line->text, line->text + len, line->len);
}

static void put_note(struct ms_logbatch *batch)
{
	char text[sizeof(NOTE_BEGIN) + 20 + sizeof(NOTE_END)];
	size_t len = sizeof(NOTE_BEGIN) - 1;
	struct ms_logrec rec = {.source = MS_LOGREC_NOTE};

	memcpy(text, NOTE_BEGIN, len);
	len += ms_num_format(state.missing, text + len);
	memcpy(text + len, NOTE_END, sizeof(NOTE_END) - 1);
	rec.text = (struct ms_str){.p = text, .len = len + sizeof(NOTE_END) - 1};
	(void)ms_logbatch_add(batch, &rec, /* told= */ 0); /* not of the module's share */
	state.missing = 0;
}

/* The whole lines of what was kept; what is left is the beginning of one. */
static void release(struct ms_logbatch *batch, enum ms_log_source source)
{
	struct line *line = &state.lines[source];
	size_t from = 0;
	const char *end;

	while (from < line->len && (end = memchr(line->text + from, '\n', line->len - from))) {
		size_t len = (size_t)(end - line->text) - from;

		emit(batch, source, line->text + from, len, /* partial= */ false);
		from += len + 1;
	}
	line->len = (uint16_t)(line->len - from);
	memmove(line->text, line->text + from, line->len);
}

static void resume(struct ms_logbatch *batch)
{
	for (int i = 0; i < MS_LOG_SOURCES; i++)
		drop_cut(&state.lines[i]);
	if (state.missing)
		put_note(batch);
	for (int i = 0; i < MS_LOG_SOURCES; i++)
		release(batch, (enum ms_log_source)i);
	state.pause_until = 0;
}

/* -- time -- */

static bool is_held(const struct line *line)
{
	return !state.pause_until && line->len > 0;
}

/** ms_logs_tick() - write what waited; Return: when there will be more to do. */
uint64_t ms_logs_tick(struct ms_shim *shim, uint64_t now)
{
	uint64_t passed = now - state.asof, next = UINT64_MAX;
	struct ms_logbatch batch;

	/* the budget is full again after three seconds, however long it was */
	state.budget += passed > 5000000u ? BURST_BYTES : passed * RATE_BYTES / 1000000u;
	state.budget = MS_MIN(state.budget, (uint64_t)BURST_BYTES);
	state.asof = now;
	if (!state.pause_until && !is_held(&state.lines[0]) && !is_held(&state.lines[1]))
		return UINT64_MAX; /* the usual case touches no more of the stack */
	ms_logbatch_init(&batch, shim);
	if (state.pause_until && now >= state.pause_until)
		resume(&batch);
	if (state.pause_until)
		next = state.pause_until;
	for (int i = 0; i < MS_LOG_SOURCES; i++) {
		struct line *line = &state.lines[i];

		if (is_held(line) && now >= line->since + HOLD_USEC)
			emit_line(&batch, (enum ms_log_source)i, /* partial= */ true);
		if (is_held(line))
			next = MS_MIN(next, line->since + HOLD_USEC);
	}
	ms_logbatch_flush(&batch);
	return next;
}

static void end_source(struct ms_logbatch *batch, enum ms_log_source source)
{
	if (is_held(&state.lines[source]))
		emit_line(batch, source, /* partial= */ true);
}

/** ms_logs_finish() - write all that is left. */
void ms_logs_finish(struct ms_shim *shim)
{
	struct ms_logbatch batch;

	ms_logbatch_init(&batch, shim);
	if (state.pause_until)
		resume(&batch);
	for (int i = 0; i < MS_LOG_SOURCES; i++)
		end_source(&batch, (enum ms_log_source)i);
	ms_logbatch_flush(&batch);
}

/* -- the pump -- */

static void keep_tail(const char *text, size_t len)
{
	size_t skip = len > sizeof(state.tail) ? len - sizeof(state.tail) : 0;

	state.tail_end += skip;
	while (skip < len) {
		size_t at = state.tail_end % sizeof(state.tail);
		size_t n = MS_MIN(sizeof(state.tail) - at, len - skip);

		memcpy(state.tail + at, text + skip, n);
		state.tail_end += n;
		skip += n;
	}
}

/* One line, or as much as there is of it; how many bytes of @text that took. */
static size_t take_line(struct ms_logbatch *batch, enum ms_log_source source, const char *text,
			size_t len)
{
	struct line *line = &state.lines[source];
	const char *end = memchr(text, '\n', len);
	size_t piece = end ? (size_t)(end - text) : len, room = sizeof(line->text) - line->len;

	if (state.budget < MS_LOGREC_HEAD_BYTES + line->len + piece) {
		state.pause_until = state.asof + PAUSE_USEC;
		return 0;
	}
	if (piece > room) { /* a long line goes on in the next record */
		append(line, text, room);
		emit_line(batch, source, /* partial= */ true);
		return room;
	}
	if (!end) {
		append(line, text, piece);
		return piece;
	}
	if (line->len == 0) {
		emit(batch, source, text, piece, /* partial= */ false);
	} else {
		append(line, text, piece);
		emit_line(batch, source, /* partial= */ false);
	}
	return piece + 1;
}

static void take(struct ms_logbatch *batch, enum ms_log_source source, const char *text, size_t len)
{
	size_t used = 0;

	if (source == MS_LOG_STDERR)
		keep_tail(text, len);
	while (used < len && !state.pause_until)
		used += take_line(batch, source, text + used, len - used);
	if (used < len)
		keep_last(&state.lines[source], text + used, len - used);
}

/** ms_logs_pump() - read a pipe and write what it says; Return: whether there may be more. */
bool ms_logs_pump(struct ms_shim *shim, enum ms_log_source source)
{
	struct ms_logbatch batch;
	char buf[CHUNK_BYTES];
	bool more = true;

	(void)ms_logs_tick(shim, ms_io_now_usec()); /* the caller's next turn asks when */
	ms_logbatch_init(&batch, shim);
	for (int i = 0; i < PUMP_ROUNDS && more; i++) {
		ssize_t n = ms_sys_read(shim->log_pipes[source], buf, sizeof(buf));

		if (n == -EINTR)
			continue;
		if (n > 0) {
			take(&batch, source, buf, (size_t)n);
			continue;
		}
		more = false;
		if (n != -EAGAIN) {
			shim->log_pipes[source] = ms_fd_close(shim->log_pipes[source]);
			end_source(&batch, source);
		}
	}
	ms_logbatch_flush(&batch);
	return more;
}

/** ms_logs_dropped() - Return: bytes of the module that are not in the log. */
uint64_t ms_logs_dropped(void)
{
	return state.dropped + ms_logfile_lost();
}

/**
 * ms_logs_tail() - the last of stderr, from the beginning of a line if one begins there.
 * @buf: room for @cap bytes
 * Return: how many there are.
 */
size_t ms_logs_tail(char *buf, size_t cap)
{
	size_t room = MS_MIN(cap, sizeof(state.tail));
	uint64_t len = MS_MIN(state.tail_end, (uint64_t)room);
	uint64_t from = state.tail_end - len;
	const char *first;

	for (uint64_t i = 0; i < len; i++)
		buf[i] = state.tail[(from + i) % sizeof(state.tail)];
	first = from > 0 && len > 1 ? memchr(buf, '\n', len - 1) : NULL;
	if (!first)
		return (size_t)len;
	len -= (uint64_t)(first - buf) + 1;
	memmove(buf, first + 1, (size_t)len);
	return (size_t)len;
}
