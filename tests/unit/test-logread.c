/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-logread.c - a log that is read while the real writer fills and empties its files: no line
 * twice, none out of order, what is missing told; and files that nobody of ours wrote.
 */
#include "supervisor/daemon/logread.h"

#include "shim/logfile.h"
#include "tests/unit/scratch.h"

#define CAP 8192u

struct log {
	struct scratch s;
	struct ms_shim *shim;
	int fds[2];
	struct ms_logread *r;
	unsigned said; /* lines so far, numbered */
};

static void log_done(struct log *l)
{
	for (int i = 0; i < 2; i++) {
		(void)ms_fd_close(l->shim->log_files[i]); /* -EBADF */
		(void)ms_fd_close(l->fds[i]);
	}
	free(l->shim);
	free(l->r);
	scratch_done(&l->s);
}
#define LOG __attribute__((cleanup(log_done))) struct log

static struct log log_new(void)
{
	struct log l = {.s = scratch_new(),
			.shim = calloc(1, sizeof(*l.shim)),
			.r = calloc(1, sizeof(*l.r))};

	if (!l.shim || !l.r)
		abort();
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "1" : "0";

		l.shim->log_files[i] = openat(l.s.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		l.fds[i] = openat(l.s.fd, name, O_RDONLY | O_CLOEXEC);
		if (l.fds[i] < 0)
			abort();
	}
	ms_logfile_init(CAP);
	ms_logread_init(l.r, l.fds);
	return l;
}

/* One numbered line of 40 bytes. */
static void say(struct log *l)
{
	struct ms_logbatch batch;
	char text[41];
	struct ms_logrec rec = {.source = MS_LOGREC_STDOUT, .text = {.p = text, .len = 40}};

	(void)snprintf(text, sizeof(text), "%040u", l->said++);
	ms_logbatch_init(&batch, l->shim);
	(void)ms_logbatch_add(&batch, &rec, 41); /* its size */
	ms_logbatch_flush(&batch);
}

/* The number of the next line, or an ms_logread_result as a negative number. */
static long next(struct log *l)
{
	struct ms_logrec rec;
	int r = ms_logread_next(l->r, &rec);
	unsigned number = 0;

	if (r != 0)
		return -(long)r;
	for (size_t i = 0; i < rec.text.len; i++)
		number = number * 10 + (unsigned)(rec.text.p[i] - '0');
	return (long)number;
}

TEST(an_empty_log)
{
	LOG l = log_new();

	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	say(&l);
	CHECK_EQ(next(&l), 0);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
}

/* A reader that keeps up misses nothing, whatever is emptied behind it. */
TEST(over_many_rotations)
{
	LOG l = log_new();
	unsigned seed = 1;
	long expect = 0;

	for (int round = 0; round < 2000; round++) {
		seed = seed * 1103515245u + 12345u;
		for (unsigned n = (seed >> 16) % 100; n; n--)
			say(&l);
		while (expect < (long)l.said)
			if (next(&l) != expect++) {
				CHECK_EQ(expect, l.said);
				return;
			}
		CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	}
	CHECK(l.r->generation > 500);
}

/* From the oldest, wherever the writer is. */
TEST(begins_with_the_oldest)
{
	for (unsigned lines = 1; lines < 1000; lines += 37) {
		LOG l = log_new();
		long first, at;

		for (unsigned i = 0; i < lines; i++)
			say(&l);
		first = next(&l);
		CHECK(first >= 0 && first <= (lines > 280 ? (long)lines - 140 : 0));
		CHECK(lines <= 145 || first < (long)lines - 100); /* at least one whole file */
		for (at = first + 1; at < (long)lines; at++)
			CHECK_EQ(next(&l), at);
		CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	}
}

/* One that does not is told, and goes on with what is there. */
TEST(overtaken)
{
	LOG l = log_new();
	long at;
	unsigned gaps = 0;

	for (int i = 0; i < 10; i++)
		say(&l);
	CHECK_EQ(next(&l), 0);
	for (int i = 0; i < 1000; i++)
		say(&l);
	at = 0;
	for (;;) {
		long got = next(&l);

		if (got == -MS_LOGREAD_NOTHING)
			break;
		if (got == -MS_LOGREAD_GAP) {
			gaps++;
			at = -1;
			continue;
		}
		CHECK(at == -1 ? got > 700 : got == at + 1);
		at = got;
	}
	CHECK_EQ(gaps, 1);
	CHECK_EQ(at, 1009);
}

/* The same for one that was there before the first line. */
TEST(overtaken_before_it_began)
{
	LOG l = log_new();

	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	for (int i = 0; i < 1000; i++)
		say(&l);
	CHECK_EQ(next(&l), -MS_LOGREAD_GAP);
	CHECK(next(&l) > 700);
	while (next(&l) >= 0)
		;
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	CHECK(l.r->generation > 6);
}

static void put(struct log *l, int at, const void *data, size_t len, off_t offset)
{
	CHECK_EQ(pwrite(l->shim->log_files[at], data, len, offset), len);
}

static size_t header(uint8_t *buf, uint64_t generation)
{
	return ms_logrec_encode(
		buf, &(struct ms_logrec){.source = MS_LOGREC_HEADER, .generation = generation});
}

/* Half a record is waited for, and read again whole: it may have been taken back. */
TEST(half_a_record)
{
	LOG l = log_new();
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	size_t len = header(buf, 1);

	put(&l, 0, buf, len, 0);
	(void)ms_logrec_encode(buf, &(struct ms_logrec){.text = {.p = "99999999", .len = 8}});
	put(&l, 0, buf, 20, MS_LOGREC_HEADER_BYTES);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	CHECK_EQ(ftruncate(l.shim->log_files[0], MS_LOGREC_HEADER_BYTES), 0);
	len = ms_logrec_encode(buf, &(struct ms_logrec){.text = {.p = "7", .len = 1}});
	put(&l, 0, buf, len, MS_LOGREC_HEADER_BYTES);
	CHECK_EQ(next(&l), 7);
}

/* Garbage ends a file, once, and not the log. */
TEST(garbage)
{
	LOG l = log_new();
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	char garbage[2000];

	say(&l);
	memset(garbage, 0xee, sizeof(garbage));
	put(&l, 0, garbage, sizeof(garbage), 80);
	CHECK_EQ(next(&l), 0);
	CHECK_EQ(next(&l), -MS_LOGREAD_BAD);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	put(&l, 1, buf, header(buf, 2), 0);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	put(&l, 1, buf, ms_logrec_encode(buf, &(struct ms_logrec){.text = {.p = "5", .len = 1}}),
	    MS_LOGREC_HEADER_BYTES);
	CHECK_EQ(next(&l), 5);
}

/* A header in the middle would let a file be read for ever. */
TEST(headers_of_a_liar)
{
	LOG l = log_new();
	uint8_t buf[MS_LOGREC_MAX_BYTES];

	put(&l, 0, buf, header(buf, 1), 0);
	put(&l, 0, buf, header(buf, 1), MS_LOGREC_HEADER_BYTES);
	CHECK_EQ(next(&l), -MS_LOGREAD_BAD);
	/* the highest number there is has no successor, and an older one is not read again */
	put(&l, 1, buf, header(buf, UINT64_MAX), 0);
	CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
	put(&l, 0, buf, header(buf, UINT64_MAX), 0);
	CHECK_EQ(next(&l), -MS_LOGREAD_GAP);
	for (int i = 0; i < 10; i++) {
		long r = next(&l);

		CHECK(r == -MS_LOGREAD_NOTHING || (i == 0 && r == -MS_LOGREAD_BAD));
	}
	put(&l, 1, buf, header(buf, 3), 0);
	put(&l, 0, buf, header(buf, 2), 0);
	(void)next(&l); /* GAP: the file changed */
	for (int i = 0; i < 10; i++)
		CHECK_EQ(next(&l), -MS_LOGREAD_NOTHING);
}

/* Any bytes at all: bounded work, and it ends. */
TEST(random_files)
{
	unsigned seed = 7;

	for (int round = 0; round < 300; round++) {
		LOG l = log_new();
		uint8_t bytes[600];
		int n = 0;

		for (int i = 0; i < 40; i++)
			say(&l);
		for (int file = 0; file < 2; file++) {
			for (size_t i = 0; i < sizeof(bytes); i++) {
				seed = seed * 1103515245u + 12345u;
				bytes[i] = (uint8_t)(seed >> 16);
			}
			seed = seed * 1103515245u + 12345u;
			put(&l, file, bytes, (seed >> 16) % sizeof(bytes),
			    (off_t)(round % 2 ? 0 : (seed >> 8) % 2000));
		}
		while (n < 1000 && next(&l) != -MS_LOGREAD_NOTHING)
			n++;
		CHECK(n < 200);
	}
}
