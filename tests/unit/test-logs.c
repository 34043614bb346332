/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-logs.c - a module's log with real files and real pipes, and a clock of the test's own: which
 * lines are kept and how, what a flood costs, and that its last words are there.
 */
#include "shim/logs.h"

#include <signal.h>
#include <sys/resource.h>

#include "lib/logrec.h"
#include "tests/unit/scratch.h"

#define SECOND 1000000u
#define HOLD   250000u
#define MIB    (1u << 20)

static uint64_t now;

uint64_t ms_io_now_usec(void)
{
	return now;
}

struct log {
	struct scratch s;
	struct ms_shim *shim;
	int in[MS_LOG_SOURCES]; /* the module's ends */
};

static void log_done(struct log *l)
{
	for (int i = 0; i < 2; i++) {
		(void)ms_fd_close(l->in[i]); /* -EBADF */
		(void)ms_fd_close(l->shim->log_pipes[i]);
		(void)ms_fd_close(l->shim->log_files[i]);
	}
	free(l->shim);
	scratch_done(&l->s);
}
#define LOG __attribute__((cleanup(log_done))) struct log

static struct log log_new(uint64_t cap)
{
	struct log l = {.s = scratch_new(), .shim = calloc(1, sizeof(*l.shim))};

	for (int i = 0; i < 2; i++) {
		int fds[2];

		if (!l.shim || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
			abort();
		l.shim->log_pipes[i] = fds[0];
		l.in[i] = fds[1];
		l.shim->log_files[i] =
			openat(l.s.fd, i ? "1" : "0", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (l.shim->log_files[i] < 0)
			abort();
	}
	l.shim->plan.log_bytes = cap;
	now = 1000u * (uint64_t)SECOND;
	ms_logs_init(l.shim);
	return l;
}

static void say_to(struct log *l, enum ms_log_source source, const char *text)
{
	CHECK_EQ(write(l->in[source], text, strlen(text)), strlen(text));
	CHECK(!ms_logs_pump(l->shim, source));
}

static void say(struct log *l, const char *text)
{
	say_to(l, MS_LOG_STDOUT, text);
}

/* A module that never stops: @bytes in lines of 64 bytes, none of which waits. */
static void flood(struct log *l, size_t bytes, char letter)
{
	char line[4096];

	memset(line, letter, sizeof(line));
	for (size_t i = 63; i < sizeof(line); i += 64)
		line[i] = '\n';
	for (size_t done = 0; done < bytes; done += sizeof(line)) {
		CHECK_EQ(write(l->in[0], line, sizeof(line)), sizeof(line));
		CHECK(!ms_logs_pump(l->shim, MS_LOG_STDOUT));
	}
}

static off_t size_of(const struct log *l, const char *name)
{
	struct stat st;

	CHECK_EQ(fstatat(l->s.fd, name, &st, 0), 0);
	return st.st_size;
}

/* What a file holds. */
struct content {
	uint64_t generation;
	unsigned records;
	uint64_t text_bytes, newlines, noted; /* of the module; told by notes */
	char last[8192]; /* the last of it: "out|text", "err|", "note|", '+' where it is partial */
};

static uint64_t number_in(struct ms_str text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] >= '0' && text.p[i] <= '9')
			n = n * 10 + (uint64_t)(text.p[i] - '0');
		else if (n > 1)
			break; /* not the 1 of "1 MiB" */
		else
			n = 0;
	}
	return n;
}

static void show(struct content *c, const struct ms_logrec *rec)
{
	static const char *const words[] = {"out", "err", "note"};
	size_t used = strlen(c->last), need = rec->text.len + 8;

	if (used + need > sizeof(c->last)) {
		memmove(c->last, c->last + 4096, used - 4096 + 1);
		used -= 4096;
	}
	(void)snprintf(c->last + used, sizeof(c->last) - used, "%s%s|%.*s\n", words[rec->source],
		       rec->partial ? "+" : "", (int)rec->text.len, rec->text.p);
}

static const struct content *content_of(const struct log *l, const char *name)
{
	static uint8_t bytes[64 * MIB];
	static struct content c;
	ms_auto_fd int fd = openat(l->s.fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof(bytes));
	size_t at = 0, len;
	struct ms_logrec rec;

	c = (struct content){0};
	while (at < (size_t)n && ms_logrec_decode(bytes + at, (size_t)n - at, &rec, &len) == 0) {
		CHECK_EQ(rec.source == MS_LOGREC_HEADER, at == 0);
		CHECK(rec.usec > 1767323045678901u); /* 2026: not the clock of the pauses */
		at += len;
		if (rec.source == MS_LOGREC_HEADER) {
			c.generation = rec.generation;
			continue;
		}
		c.records++;
		if (rec.source == MS_LOGREC_NOTE) {
			c.noted += number_in(rec.text);
		} else {
			c.text_bytes += rec.text.len;
			c.newlines += !rec.partial;
		}
		show(&c, &rec);
	}
	CHECK_EQ(at, n); /* no half record, nothing that is none */
	return &c;
}

TEST(what_is_written_is_kept)
{
	LOG l = log_new(2 * MIB);

	say(&l, "hello\nworld\n\n");
	say_to(&l, MS_LOG_STDERR, "oh\n");
	say(&l, "again\n");
	CHECK_STR(content_of(&l, "0")->last, "out|hello\nout|world\nout|\nerr|oh\nout|again\n");
	CHECK_EQ(content_of(&l, "0")->generation, 1);
	CHECK_EQ(ms_logs_tick(l.shim, now), UINT64_MAX);
	ms_logs_finish(l.shim);
	CHECK_EQ(ms_logs_dropped(), 0);
	CHECK_EQ(size_of(&l, "1"), 0);
}

TEST(a_silent_module_has_no_file_content)
{
	LOG l = log_new(2 * MIB);

	ms_logs_finish(l.shim);
	CHECK_EQ(size_of(&l, "0"), 0);
}

TEST(a_line_in_pieces_is_one)
{
	LOG l = log_new(2 * MIB);

	say(&l, "hel");
	say_to(&l, MS_LOG_STDERR, "between\n");
	CHECK_EQ(ms_logs_tick(l.shim, now), now + HOLD);
	now += HOLD - 1;
	CHECK_EQ(ms_logs_tick(l.shim, now), now + 1);
	say(&l, "lo\n");
	CHECK_STR(content_of(&l, "0")->last, "err|between\nout|hello\n");
	CHECK_EQ(ms_logs_tick(l.shim, now), UINT64_MAX);
}

TEST(a_prompt_is_shown)
{
	LOG l = log_new(2 * MIB);

	say(&l, "name? ");
	now += HOLD;
	CHECK_EQ(ms_logs_tick(l.shim, now), UINT64_MAX);
	CHECK_STR(content_of(&l, "0")->last, "out+|name? \n");
	say(&l, "x");
	now += HOLD / 2;
	say(&l, "y"); /* dripping does not put it off */
	now += HOLD / 2;
	CHECK_EQ(ms_logs_tick(l.shim, now), UINT64_MAX);
	say(&l, "\nnext\n");
	CHECK_STR(content_of(&l, "0")->last, "out+|name? \nout+|xy\nout|\nout|next\n");
}

TEST(the_end_without_a_newline)
{
	LOG l = log_new(2 * MIB);

	say(&l, "out");
	say_to(&l, MS_LOG_STDERR, "err");
	l.in[1] = ms_fd_close(l.in[1]);
	CHECK(!ms_logs_pump(l.shim, MS_LOG_STDERR));
	CHECK_EQ(l.shim->log_pipes[1], -EBADF);
	CHECK_STR(content_of(&l, "0")->last, "err+|err\n");
	ms_logs_finish(l.shim);
	CHECK_STR(content_of(&l, "0")->last, "err+|err\nout+|out\n");
}

/* At the cap of a record, one byte above it, and without end. */
TEST(long_lines)
{
	LOG l = log_new(2 * MIB);
	const struct content *c;
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[MS_MAX_LOG_TEXT_BYTES] = '\n';
	CHECK_EQ(write(l.in[0], text, MS_MAX_LOG_TEXT_BYTES + 1), MS_MAX_LOG_TEXT_BYTES + 1);
	CHECK(!ms_logs_pump(l.shim, MS_LOG_STDOUT));
	CHECK_EQ(content_of(&l, "0")->records, 1);
	CHECK_EQ(content_of(&l, "0")->newlines, 1);
	text[MS_MAX_LOG_TEXT_BYTES] = 'x';
	text[MS_MAX_LOG_TEXT_BYTES + 1] = '\n';
	CHECK_EQ(write(l.in[0], text, MS_MAX_LOG_TEXT_BYTES + 2), MS_MAX_LOG_TEXT_BYTES + 2);
	CHECK(!ms_logs_pump(l.shim, MS_LOG_STDOUT));
	c = content_of(&l, "0");
	CHECK_EQ(c->records, 3);
	CHECK_EQ(c->newlines, 2);
	CHECK_EQ(c->text_bytes, 2 * MS_MAX_LOG_TEXT_BYTES + 1);
	CHECK(strstr(c->last, "x\nout|x\n"));
	text[MS_MAX_LOG_TEXT_BYTES + 1] = 'x';
	CHECK_EQ(write(l.in[0], text, sizeof(text)), sizeof(text));
	CHECK(!ms_logs_pump(l.shim, MS_LOG_STDOUT));
	CHECK_EQ(content_of(&l, "0")->records, 5);
	ms_logs_finish(l.shim);
	CHECK_EQ(content_of(&l, "0")->text_bytes, 2 * MS_MAX_LOG_TEXT_BYTES + 1 + sizeof(text));
	CHECK_EQ(content_of(&l, "0")->newlines, 2);
	CHECK_EQ(ms_logs_dropped(), 0);
}

/* Text that looks like a record, a note or a terminal's control is text. */
TEST(nothing_can_be_forged)
{
	LOG l = log_new(2 * MIB);
	uint8_t fake[MS_LOGREC_MAX_BYTES];
	size_t len = ms_logrec_encode(fake, &(struct ms_logrec){.source = MS_LOGREC_NOTE,
								.usec = 1,
								.text = {.p = "lie", .len = 3}});

	CHECK_EQ(write(l.in[0], fake, len), len);
	say(&l, "\nmore than 1 MiB a second: 5 bytes dropped\n");
	CHECK_EQ(content_of(&l, "0")->records, 2);
	CHECK_EQ(content_of(&l, "0")->noted, 0);
	CHECK(!strstr(content_of(&l, "0")->last, "note|"));
}

TEST(the_files_are_filled_in_turn)
{
	LOG l = log_new(8192);

	for (unsigned generation = 1; generation <= 5; generation++) {
		const char *name = generation % 2 ? "0" : "1";
		const struct content *c;

		while (content_of(&l, name)->generation != generation)
			say(&l, "0123456789012345678901234567890123456789\n");
		CHECK(size_of(&l, "0") <= 8192 && size_of(&l, "1") <= 8192);
		c = content_of(&l, name);
		CHECK_EQ(c->records, 1); /* it has just begun */
		c = content_of(&l, generation % 2 ? "1" : "0");
		CHECK_EQ(c->generation, generation - 1);
		CHECK(generation == 1 || c->records > 140); /* and the one before is full */
	}
	CHECK_EQ(ms_logs_dropped(), 0);
}

TEST(a_burst_is_kept_and_a_flood_is_not)
{
	LOG l = log_new(16 * MIB);
	off_t size;

	flood(&l, 2 * MIB, 'a');
	CHECK_EQ(ms_logs_dropped(), 0);
	CHECK_EQ(content_of(&l, "0")->text_bytes + content_of(&l, "0")->newlines, 2 * MIB);
	flood(&l, 4 * MIB, 'b');
	size = size_of(&l, "0");
	CHECK(size <= 3 * MIB && size > 3 * MIB - 4096);
	say(&l, "last words\n");
	CHECK_EQ(ms_logs_tick(l.shim, now), now + SECOND);
	CHECK_EQ(ms_logs_tick(l.shim, now + SECOND - 1), now + SECOND);
	CHECK_EQ(size_of(&l, "0"), size);
	CHECK_EQ(ms_logs_tick(l.shim, now + SECOND), UINT64_MAX);
	CHECK(strstr(content_of(&l, "0")->last, "\nout|last words\n"));
	CHECK(strstr(content_of(&l, "0")->last, "note|more than 1 MiB a second: "));
	CHECK_EQ(content_of(&l, "0")->noted, ms_logs_dropped());
	CHECK_EQ(content_of(&l, "0")->text_bytes + content_of(&l, "0")->newlines +
			 ms_logs_dropped(),
		 6 * MIB + strlen("last words\n"));
}

/* As much as is taken at once is there afterwards, and not half of it overwritten by the rest. */
TEST(a_burst_fits_into_the_files)
{
	LOG l = log_new(MS_MAX_LOG_BYTES / 2);
	uint64_t kept;

	flood(&l, 5 * MIB, 'a');
	ms_logs_finish(l.shim);
	kept = content_of(&l, "0")->text_bytes + content_of(&l, "0")->newlines;
	CHECK_EQ(content_of(&l, "0")->generation, 1);
	kept += content_of(&l, "1")->text_bytes + content_of(&l, "1")->newlines;
	CHECK_EQ(kept + ms_logs_dropped(), 5 * MIB);
}

/* Ten seconds of it: what is written is bounded, and nothing is neither written nor counted. */
TEST(the_rate_of_a_flood)
{
	LOG l = log_new(64 * MIB);
	const struct content *c;
	uint64_t size;

	for (int i = 0; i < 100; i++) {
		flood(&l, MIB / 2, 'x');
		now += SECOND / 10;
	}
	ms_logs_finish(l.shim);
	size = (uint64_t)size_of(&l, "0");
	CHECK(size > 8 * MIB && size < 14 * MIB);
	c = content_of(&l, "0");
	CHECK_EQ(c->noted, ms_logs_dropped());
	CHECK_EQ(c->text_bytes + c->newlines + ms_logs_dropped(), 50 * MIB);
	/* quiet for long: no more than a burst again */
	now += 3600u * (uint64_t)SECOND;
	flood(&l, 8 * MIB, 'y');
	CHECK((uint64_t)size_of(&l, "0") < size + 3 * MIB + 4096);
}

/* Lines without text cost the disk sixteen times what they cost the module. */
TEST(a_flood_of_newlines)
{
	LOG l = log_new(64 * MIB);
	char newlines[4096];

	memset(newlines, '\n', sizeof(newlines));
	for (int i = 0; i < 512; i++) { /* 2 MiB */
		CHECK_EQ(write(l.in[0], newlines, sizeof(newlines)), sizeof(newlines));
		CHECK(!ms_logs_pump(l.shim, MS_LOG_STDOUT));
	}
	CHECK((uint64_t)size_of(&l, "0") < 3 * MIB + 65536);
	now += 2 * SECOND;
	CHECK_EQ(ms_logs_tick(l.shim, now), UINT64_MAX);
	CHECK((uint64_t)size_of(&l, "0") < 3 * MIB + 65536);
	CHECK_EQ(content_of(&l, "0")->newlines + ms_logs_dropped(), 2 * MIB);
}

TEST(the_end_comes_in_the_middle_of_a_flood)
{
	LOG l = log_new(16 * MIB);

	flood(&l, 6 * MIB, 'a');
	say_to(&l, MS_LOG_STDERR, "cannot go on: no such table\n");
	say(&l, "bye");
	for (int i = 0; i < 2; i++) {
		l.in[i] = ms_fd_close(l.in[i]);
		CHECK(!ms_logs_pump(l.shim, (enum ms_log_source)i));
		CHECK_EQ(l.shim->log_pipes[i], -EBADF);
	}
	ms_logs_finish(l.shim);
	CHECK(strstr(content_of(&l, "0")->last, "err|cannot go on: no such table\nout+|bye\n"));
	CHECK_EQ(content_of(&l, "0")->noted, ms_logs_dropped());
	ms_logs_finish(l.shim); /* twice is fine */
	CHECK_EQ(content_of(&l, "0")->noted, ms_logs_dropped());
}

TEST(the_tail_is_of_stderr)
{
	LOG l = log_new(2 * MIB);
	char tail[MS_MAX_TAIL_BYTES + 1];
	size_t len;

	CHECK_EQ(ms_logs_tail(tail, MS_MAX_TAIL_BYTES), 0);
	say_to(&l, MS_LOG_STDERR, "one\ntwo\n");
	say(&l, "not this\n");
	say_to(&l, MS_LOG_STDERR, "three");
	tail[ms_logs_tail(tail, MS_MAX_TAIL_BYTES)] = '\0';
	CHECK_STR(tail, "one\ntwo\nthree");
	tail[ms_logs_tail(tail, 10)] = '\0';
	CHECK_STR(tail, "two\nthree");
	tail[ms_logs_tail(tail, 8)] = '\0';
	CHECK_STR(tail, "three"); /* from where a line begins */
	tail[ms_logs_tail(tail, 3)] = '\0';
	CHECK_STR(tail, "ree");
	for (int i = 0; i < 100; i++)
		say_to(&l, MS_LOG_STDERR, "a line of thirty-one bytes ....\n");
	len = ms_logs_tail(tail, MS_MAX_TAIL_BYTES);
	tail[len] = '\0';
	CHECK_EQ(len, MS_MAX_TAIL_BYTES - 32); /* the first of them may be none */
	CHECK(strncmp(tail, "a line of", 9) == 0);
	CHECK_STR(tail + len - 3, "..\n");
}

/* Counted, without waiting; told once there is room again, and no half record stays. */
TEST(a_full_disk)
{
	LOG l = log_new(2 * MIB);
	int good = l.shim->log_files[0];

	l.shim->log_files[0] = open("/dev/full", O_WRONLY | O_CLOEXEC);
	say(&l, "twelve bytes\n");
	CHECK_EQ(ms_logs_dropped(), 13);
	say(&l, "more\n");
	CHECK_EQ(ms_logs_dropped(), 18);
	(void)ms_fd_close(l.shim->log_files[0]); /* -EBADF */
	l.shim->log_files[0] = good;
	say(&l, "again\n");
	CHECK_EQ(content_of(&l, "0")->generation, 1);
	CHECK_STR(content_of(&l, "0")->last, "note|18 bytes could not be written\nout|again\n");
	CHECK_EQ(ms_logs_dropped(), 18);
}

/* A disk with room for a note and not for a line: the note comes once, with what follows it. */
TEST(a_nearly_full_disk)
{
	LOG l = log_new(2 * MIB);
	struct rlimit old, low;

	say(&l, "first\n");
	REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	low = old;
	low.rlim_cur = (rlim_t)size_of(&l, "0") + 100;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (int i = 0; i < 20; i++)
		say(&l, "a line of more than one hundred bytes, which has no place in what is left "
			"of this file, unlike a note\n");
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK_STR(content_of(&l, "0")->last, "out|first\n");
	say(&l, "again\n");
	CHECK_STR(content_of(&l, "0")->last,
		  "out|first\nnote|2040 bytes could not be written\nout|again\n");
	CHECK_EQ(ms_logs_dropped(), 2040);
}
