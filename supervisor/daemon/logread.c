/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logread.c - see logread.h. The shim may empty a file while it is read here: what was read counts
 * only if the file is still of the generation that it was, looked at afterwards.
 *
 *	file A, generation n --(at its end, and B is n + 1)--> file B from its beginning
 *	         \--(A is another generation by now)--> GAP, then the oldest there is
 */
#include "supervisor/daemon/logread.h"

#include <string.h>

/* Above all that a shim of ours writes into one file. */
#define MAX_FILE_BYTES (MS_MAX_LOG_BYTES + MS_LOGREC_MAX_BYTES)

/** ms_logread_init() - nothing read yet. @fds stay the caller's and open. */
void ms_logread_init(struct ms_logread *r, const int fds[static 2])
{
	r->fds[0] = fds[0];
	r->fds[1] = fds[1];
	r->at = 0;
	r->generation = r->last = r->offset = 0;
	r->bad = r->begun = false;
	r->start = r->end = 0;
}

/* 0: it has none (yet). */
static uint64_t generation_of(const struct ms_logread *r, int at)
{
	uint8_t bytes[MS_LOGREC_HEADER_BYTES];
	ssize_t n = pread(r->fds[at], bytes, sizeof(bytes), 0);
	struct ms_logrec rec;
	size_t len;

	if (n < 0 || ms_logrec_decode(bytes, (size_t)n, &rec, &len) != 0 ||
	    rec.source != MS_LOGREC_HEADER)
		return 0;
	return rec.generation;
}

static void go_to(struct ms_logread *r, int at, uint64_t generation)
{
	r->at = at;
	r->generation = r->last = generation;
	r->offset = MS_LOGREC_HEADER_BYTES;
	r->bad = false;
	r->start = r->end = 0;
}

/* What has been read is never read again, whatever a header says. */
static uint64_t new_generation(const struct ms_logread *r, int at)
{
	uint64_t generation = generation_of(r, at);

	return generation > r->last ? generation : 0;
}

/* The beginning of the older file, if the other one goes on where it ends. 0, MS_LOGREAD_NOTHING,
 * or MS_LOGREAD_GAP: there was one between that and what was read last. */
static int find_oldest(struct ms_logread *r)
{
	uint64_t a = new_generation(r, 0), b = new_generation(r, 1), last = r->last;
	bool begun = r->begun;

	r->begun = true;
	if (!a && !b)
		return MS_LOGREAD_NOTHING;
	if (!b || (a && b == a + 1) || (a > b && a != b + 1))
		go_to(r, 0, a);
	else
		go_to(r, 1, b);
	return begun && r->generation > last + 1 ? MS_LOGREAD_GAP : 0;
}

/* Read ahead from the offset. 0, MS_LOGREAD_GAP, or -errno. */
static int read_ahead(struct ms_logread *r)
{
	ssize_t n = pread(r->fds[r->at], r->ahead, sizeof(r->ahead), (off_t)r->offset);

	r->start = r->end = 0;
	if (n < 0)
		return -errno;
	if (generation_of(r, r->at) != r->generation) {
		r->generation = 0;
		r->begun = false; /* once for all that is missing here */
		return MS_LOGREAD_GAP;
	}
	r->end = (size_t)n;
	return 0;
}

/* The record at the offset out of what was read ahead. */
static int take(struct ms_logread *r, struct ms_logrec *ret)
{
	size_t len = 0;
	int d = ms_logrec_decode(r->ahead + r->start, r->end - r->start, ret, &len);

	if (d == MS_LOGREC_SHORT)
		return MS_LOGREAD_NOTHING;
	if (d != 0 || ret->source == MS_LOGREC_HEADER || r->offset > MAX_FILE_BYTES) {
		r->bad = true;
		return MS_LOGREAD_BAD;
	}
	r->start += len;
	r->offset += len;
	return 0;
}

/* Whether the shim is done with this file: the other one goes on where it ends. */
static bool is_complete(const struct ms_logread *r)
{
	uint64_t other = new_generation(r, !r->at);

	return other && other == r->generation + 1; /* the highest has no successor */
}

/**
 * ms_logread_next() - the next line.
 * @ret: filled on 0
 * Return: 0, an ms_logread_result, or -errno.
 */
int ms_logread_next(struct ms_logread *r, struct ms_logrec *ret)
{
	/* at most: this file, this file once more, the other file */
	for (int turn = 0; turn < 3; turn++) {
		bool complete;
		int result;

		if (!r->generation) {
			result = find_oldest(r);
			if (result != 0)
				return result;
		}
		if (!r->bad) {
			result = take(r, ret);
			if (result != MS_LOGREAD_NOTHING)
				return result;
		}
		complete = is_complete(r); /* asked first: what it says now stays all there is */
		result = read_ahead(r);
		if (result != 0)
			return result;
		if (!r->bad) {
			result = take(r, ret);
			if (result != MS_LOGREAD_NOTHING)
				return result;
		}
		if (!complete)
			return MS_LOGREAD_NOTHING;
		go_to(r, !r->at, r->generation + 1);
	}
	return MS_LOGREAD_NOTHING;
}
