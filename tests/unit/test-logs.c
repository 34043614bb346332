/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-logs.c - a module's log with real files and a real pipe, and a clock of the test's own: what
 * is kept, what a flood costs, and that its last words are there.
 */
#include "shim/logs.h"

#include "tests/unit/scratch.h"

#define SECOND 1000000u
#define MIB    (1u << 20)

static uint64_t now;

uint64_t ms_io_now_usec(void)
{
	return now;
}

struct log {
	struct scratch s;
	struct ms_shim *shim;
	int in; /* the module's end */
};

static void log_done(struct log *l)
{
	(void)ms_fd_close(l->in); /* -EBADF */
	(void)ms_fd_close(l->shim->log_pipes[0]);
	(void)ms_fd_close(l->shim->log_files[0]);
	(void)ms_fd_close(l->shim->log_files[1]);
	free(l->shim);
	scratch_done(&l->s);
}
#define LOG __attribute__((cleanup(log_done))) struct log

static struct log log_new(uint64_t cap)
{
	struct log l = {.s = scratch_new(), .shim = calloc(1, sizeof(*l.shim))};
	int fds[2];

	if (!l.shim || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	l.shim->log_pipes[0] = fds[0];
	l.shim->log_pipes[1] = -EBADF;
	l.in = fds[1];
	l.shim->plan.log_bytes = cap;
	for (int i = 0; i < 2; i++) {
		l.shim->log_files[i] =
			openat(l.s.fd, i ? "1" : "0", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (l.shim->log_files[i] < 0)
			abort();
	}
	now = 1000u * (uint64_t)SECOND;
	ms_logs_init(l.shim);
	return l;
}

static void say(struct log *l, const char *text)
{
	CHECK_EQ(write(l->in, text, strlen(text)), strlen(text));
	CHECK(!ms_logs_pump(l->shim, MS_LOG_STDOUT));
}

/* A module that never stops: @bytes in lines of 64 bytes, none of which waits. */
static void flood(struct log *l, size_t bytes, char letter)
{
	char line[4096];

	memset(line, letter, sizeof(line));
	for (size_t i = 63; i < sizeof(line); i += 64)
		line[i] = '\n';
	for (size_t done = 0; done < bytes; done += sizeof(line)) {
		CHECK_EQ(write(l->in, line, sizeof(line)), sizeof(line));
		CHECK(!ms_logs_pump(l->shim, MS_LOG_STDOUT));
	}
}

static off_t size_of(const struct log *l, const char *name)
{
	struct stat st;

	CHECK_EQ(fstatat(l->s.fd, name, &st, 0), 0);
	return st.st_size;
}

/* The last of a file: at most 8 KiB. */
static const char *end_of(const struct log *l, const char *name)
{
	static char text[8193];
	ms_auto_fd int fd = openat(l->s.fd, name, O_RDONLY | O_CLOEXEC);
	off_t size = size_of(l, name), from = size > 8192 ? size - 8192 : 0;
	ssize_t n = pread(fd, text, sizeof(text) - 1, from);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

TEST(what_is_written_is_kept)
{
	LOG l = log_new(2 * MIB);

	say(&l, "hello\n");
	say(&l, "world\n");
	CHECK_STR(scratch_read(&l.s, "0"), "hello\nworld\n");
	CHECK_EQ(ms_logs_tick(l.shim, now), UINT64_MAX);
	ms_logs_finish(l.shim);
	CHECK_EQ(ms_logs_dropped(), 0);
	CHECK_EQ(size_of(&l, "1"), 0);
}

TEST(the_files_are_filled_in_turn)
{
	LOG l = log_new(8192);

	flood(&l, 8192, 'a');
	say(&l, "b");
	CHECK_EQ(size_of(&l, "0"), 8192);
	CHECK_STR(end_of(&l, "1"), "b");
	flood(&l, 8192, 'c');
	CHECK(size_of(&l, "0") <= 8192 && size_of(&l, "1") <= 8192);
	CHECK_EQ(ms_logs_dropped(), 0);
}

TEST(a_burst_is_kept_and_a_flood_is_not)
{
	LOG l = log_new(16 * MIB);

	flood(&l, 4 * MIB, 'a');
	CHECK_EQ(ms_logs_dropped(), 0);
	CHECK_EQ(size_of(&l, "0"), 4 * MIB);
	flood(&l, 4 * MIB, 'b');
	CHECK_EQ(size_of(&l, "0"), 4 * MIB);
	CHECK_EQ(ms_logs_dropped(), 4 * MIB - 4096); /* the last is not lost yet */
	say(&l, "last words\n");
	CHECK_EQ(ms_logs_tick(l.shim, now), now + SECOND);
	CHECK_EQ(ms_logs_tick(l.shim, now + SECOND - 1), now + SECOND);
	CHECK_EQ(size_of(&l, "0"), 4 * MIB);
	CHECK_EQ(ms_logs_tick(l.shim, now + SECOND), UINT64_MAX);
	CHECK(strstr(end_of(&l, "0"),
		     "\n[modsup: more than 1 MiB a second: 4194304 bytes dropped]\n"
		     "last words\n"));
	CHECK_EQ(ms_logs_dropped(), 4 * MIB);
}

/* Ten seconds of it: what is written is bounded, and nothing is neither written nor counted. */
TEST(the_rate_of_a_flood)
{
	LOG l = log_new(64 * MIB);
	uint64_t kept;

	for (int i = 0; i < 100; i++) {
		flood(&l, MIB / 2, 'x');
		now += SECOND / 10;
	}
	ms_logs_finish(l.shim);
	kept = (uint64_t)size_of(&l, "0");
	CHECK(kept > 8 * MIB && kept < 15 * MIB);
	CHECK(kept + ms_logs_dropped() >= 50 * MIB);
	CHECK(kept + ms_logs_dropped() < 50 * MIB + 16 * 128); /* the notes */
	/* quiet for long: no more than a burst again */
	now += 3600u * (uint64_t)SECOND;
	flood(&l, 8 * MIB, 'y');
	CHECK((uint64_t)size_of(&l, "0") < kept + 4 * MIB + 4096);
}

TEST(the_end_comes_in_the_middle_of_a_flood)
{
	LOG l = log_new(16 * MIB);

	flood(&l, 6 * MIB, 'a');
	say(&l, "cannot go on: no such table\n");
	l.in = ms_fd_close(l.in);
	CHECK(!ms_logs_pump(l.shim, MS_LOG_STDOUT));
	CHECK_EQ(l.shim->log_pipes[0], -EBADF);
	ms_logs_finish(l.shim);
	CHECK(strstr(end_of(&l, "0"), "bytes dropped]\ncannot go on: no such table\n"));
	ms_logs_finish(l.shim); /* twice is fine */
	CHECK_EQ(ms_logs_dropped(), 2 * MIB);
}

TEST(a_full_disk)
{
	LOG l = log_new(2 * MIB);

	(void)ms_fd_close(l.shim->log_files[0]); /* -EBADF */
	l.shim->log_files[0] = open("/dev/full", O_WRONLY | O_CLOEXEC);
	say(&l, "twelve bytes");
	CHECK_EQ(ms_logs_dropped(), 12);
}
