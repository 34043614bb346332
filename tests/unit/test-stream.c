/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-stream.c - one-use sockets with a real loop and real readers: who gets the bytes, when a
 * stream ends, and that its source hears of it once whatever ended it.
 */
#include "supervisor/daemon/stream.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "supervisor/daemon/supervisor.h"
#include "tests/unit/scratch.h"

/* What somebody else does in the folder right after a socket was made there. */
static void (*after_bind)(const char *path);
int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int r = __real_bind(fd, address, len);

	if (r == 0 && after_bind)
		after_bind(((const struct sockaddr_un *)address)->sun_path);
	return r;
}

#define DEADLINE_SEC 20
#define SHORT_USEC   150000u

/* Gives @left bytes counting from 0, then pauses or ends. */
struct source {
	struct ms_stream *stream;
	size_t left, given;
	bool ends, fails;
	unsigned n_done, n_pulls;
};

static int source_pull(void *data, struct ms_buf *out)
{
	struct source *s = data;
	uint8_t bytes[MS_STREAM_PULL_BYTES];
	size_t n = MS_MIN(s->left, sizeof(bytes));

	s->n_pulls++;
	if (s->fails)
		return -EIO;
	if (!n)
		return s->ends ? MS_STREAM_END : MS_STREAM_EMPTY;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(s->given + i);
	ms_buf_add(out, bytes, n);
	s->left -= n;
	s->given += n;
	return 0;
}

static void source_done(void *data)
{
	struct source *s = data;

	s->n_done++;
	s->stream = NULL;
}

struct rig {
	struct scratch dir;
	struct ms_supervisor s;
};

static void rig_done(struct rig *r)
{
	r->s.streams = ms_streams_free(r->s.streams);
	(void)sd_event_unref(r->s.loop);
	free(r->s.runtime_dir);
	scratch_done(&r->dir);
}
#define RIG __attribute__((cleanup(rig_done))) struct rig

static struct rig rig_new(void)
{
	struct rig r = {.dir = scratch_new()};

	if (fchmod(r.dir.fd, 0755) < 0 || sd_event_new(&r.s.loop) < 0)
		abort();
	r.s.runtime_dir = strdup(r.dir.path);
	return r;
}

static void rig_start(struct rig *r)
{
	struct ms_error err = MS_ERROR_INIT;

	if (ms_streams_new(&r->s, &r->s.streams, &err) < 0)
		abort();
}

static int open_for(struct rig *r, struct source *source, struct ms_stream_for whom)
{
	struct ms_stream_source pulled = {.pull = source_pull, .done = source_done, .data = source};
	struct ms_error err = MS_ERROR_INIT;
	int result;

	whom.dir = r->dir.path;
	result = ms_stream_open(r->s.streams, &whom, &pulled, &source->stream, &err);
	if (result < 0)
		CHECK(err.msg[0] != '\0');
	return err.reason == MS_REASON_BUSY ? -EBUSY : result;
}

static int open_own(struct rig *r, struct source *source)
{
	return open_for(r, source, (struct ms_stream_for){.uid = geteuid()});
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int code = errno;

		(void)ms_fd_close(fd); /* -EBADF */
		return -code;
	}
	return fd;
}

static time_t now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

#define UNTIL(loop, condition)                                                                     \
	do {                                                                                       \
		time_t end_ = now() + DEADLINE_SEC;                                                \
		while (!(condition) && now() < end_)                                               \
			if (sd_event_run(loop, 10000) < 0)                                         \
				abort();                                                           \
		CHECK(condition);                                                                  \
	} while (0)

/* Read what is there; false at the end. */
static bool take(int fd, size_t *got)
{
	uint8_t bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] != (uint8_t)(*got + (size_t)i)) {
			CHECK_EQ(bytes[i], (uint8_t)(*got + (size_t)i));
			return false;
		}
	if (n > 0)
		*got += (size_t)n;
	return n > 0 || (n < 0 && errno == EAGAIN);
}

TEST(all_bytes_and_the_end)
{
	RIG r = rig_new();
	struct source source = {.left = 3000001, .ends = true};
	char path[MS_STREAM_PATH_BYTES];
	size_t got = 0;
	struct stat st;
	ms_auto_fd int fd = -EBADF;

	rig_start(&r);
	REQUIRE(open_own(&r, &source) == 0);
	(void)snprintf(path, sizeof(path), "%s", ms_stream_path(source.stream));
	REQUIRE(stat(path, &st) == 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(st.st_uid, geteuid());
	fd = connect_to(path);
	REQUIRE(fd >= 0);
	UNTIL(r.s.loop, source.n_pulls > 0);
	CHECK_EQ(connect_to(path), -ENOENT); /* one use */
	UNTIL(r.s.loop, !take(fd, &got));
	CHECK_EQ(got, 3000001);
	CHECK_EQ(source.n_done, 1);
}

TEST(a_source_that_has_nothing_now)
{
	RIG r = rig_new();
	struct source source = {.left = 10};
	size_t got = 0;
	unsigned pulls;
	ms_auto_fd int fd = -EBADF;

	rig_start(&r);
	REQUIRE(open_own(&r, &source) == 0);
	fd = connect_to(ms_stream_path(source.stream));
	UNTIL(r.s.loop, take(fd, &got) && got == 10);
	pulls = source.n_pulls;
	for (int i = 0; i < 20; i++)
		CHECK(sd_event_run(r.s.loop, 1000) >= 0);
	CHECK(source.n_pulls <= pulls + 1); /* it is not asked for ever */
	source.left = 5;
	ms_stream_wake(source.stream);
	UNTIL(r.s.loop, take(fd, &got) && got == 15);
	source.ends = true;
	ms_stream_wake(source.stream);
	UNTIL(r.s.loop, !take(fd, &got));
	CHECK_EQ(source.n_done, 1);
}

TEST(nobody_comes)
{
	RIG r = rig_new();
	struct source source = {.left = 10};
	char path[MS_STREAM_PATH_BYTES];

	rig_start(&r);
	REQUIRE(open_for(&r, &source,
			 (struct ms_stream_for){.uid = geteuid(), .expire_usec = SHORT_USEC}) == 0);
	(void)snprintf(path, sizeof(path), "%s", ms_stream_path(source.stream));
	ms_stream_wake(source.stream); /* before anybody reads: nothing is lost by it */
	UNTIL(r.s.loop, source.n_done);
	CHECK_EQ(source.n_pulls, 0);
	CHECK_EQ(access(path, F_OK), -1);
}

TEST(the_reader_goes)
{
	RIG r = rig_new();
	struct source idle = {.left = 10}, busy = {.left = SIZE_MAX / 2};
	int fds[2];
	size_t got = 0;

	rig_start(&r);
	REQUIRE(open_own(&r, &idle) == 0 && open_own(&r, &busy) == 0);
	fds[0] = connect_to(ms_stream_path(idle.stream));
	fds[1] = connect_to(ms_stream_path(busy.stream));
	UNTIL(r.s.loop, take(fds[0], &got) && got == 10);
	UNTIL(r.s.loop, busy.given > 0);
	(void)ms_fd_close(fds[0]); /* -EBADF */
	(void)ms_fd_close(fds[1]); /* -EBADF */
	UNTIL(r.s.loop, idle.n_done && busy.n_done);
}

/* One that never reads costs a buffer for a while; the others do not notice. */
TEST(a_reader_that_does_not_read)
{
	RIG r = rig_new();
	struct source stuck = {.left = SIZE_MAX / 2}, other = {.left = 2000000, .ends = true};
	size_t got = 0;
	ms_auto_fd int fd = -EBADF, reads = -EBADF;

	rig_start(&r);
	REQUIRE(open_for(&r, &stuck,
			 (struct ms_stream_for){.uid = geteuid(), .stall_usec = SHORT_USEC}) == 0);
	REQUIRE(open_own(&r, &other) == 0);
	fd = connect_to(ms_stream_path(stuck.stream));
	reads = connect_to(ms_stream_path(other.stream));
	UNTIL(r.s.loop, !take(reads, &got));
	CHECK_EQ(got, 2000000);
	CHECK(stuck.given < 1000000); /* the socket's buffer and ours */
	UNTIL(r.s.loop, stuck.n_done);
}

/* A reader for whom there is nothing is not a reader that does not read. */
TEST(waiting_is_no_stall)
{
	RIG r = rig_new();
	struct source source = {.left = 10};
	size_t got = 0;
	time_t end = now() + 2;
	ms_auto_fd int fd = -EBADF;

	rig_start(&r);
	REQUIRE(open_for(&r, &source,
			 (struct ms_stream_for){.uid = geteuid(), .stall_usec = SHORT_USEC}) == 0);
	fd = connect_to(ms_stream_path(source.stream));
	while (now() < end)
		CHECK(sd_event_run(r.s.loop, 50000) >= 0 && take(fd, &got));
	CHECK_EQ(got, 10);
	CHECK_EQ(source.n_done, 0);
}

/* Whoever may open the file but is somebody else gets nothing, and takes nothing from the reader.
 */
TEST(another_user)
{
	RIG r = rig_new();
	struct source source = {.left = 10, .ends = true};
	size_t got = 0;
	int status = 0;
	pid_t child, ended = 0;
	ms_auto_fd int fd = -EBADF;

	if (geteuid() != 0)
		TEST_SKIP("needs root to become somebody else");
	rig_start(&r);
	REQUIRE(open_own(&r, &source) == 0);
	CHECK_EQ(chmod(ms_stream_path(source.stream), 0777), 0);
	child = fork();
	if (child == 0) {
		struct pollfd wait = {.events = POLLIN};
		char byte;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(3);
		wait.fd = connect_to(ms_stream_path(source.stream));
		if (wait.fd < 0)
			_exit(4);
		_exit(poll(&wait, 1, DEADLINE_SEC * 1000) == 1 && read(wait.fd, &byte, 1) == 0 ? 0
											       : 5);
	}
	UNTIL(r.s.loop, ended == child || (ended = waitpid(child, &status, WNOHANG)) == child);
	CHECK_EQ(status, 0);
	CHECK_EQ(source.n_pulls, 0);
	fd = connect_to(ms_stream_path(source.stream));
	UNTIL(r.s.loop, !take(fd, &got));
	CHECK_EQ(got, 10);
}

TEST(for_another_user)
{
	RIG r = rig_new();
	struct source source = {.left = 10, .ends = true};
	struct stat st;
	ms_auto_fd int fd = -EBADF;

	if (geteuid() != 0)
		TEST_SKIP("needs root to give a socket away");
	rig_start(&r);
	REQUIRE(open_for(&r, &source, (struct ms_stream_for){.uid = 65534}) == 0);
	REQUIRE(stat(ms_stream_path(source.stream), &st) == 0);
	CHECK_EQ(st.st_uid, 65534);
	CHECK_EQ(st.st_mode & 07777, 0600);
	fd = connect_to(ms_stream_path(source.stream)); /* root may, and is not the one */
	CHECK(fd >= 0);
	for (int i = 0; i < 20; i++)
		CHECK(sd_event_run(r.s.loop, 1000) >= 0);
	CHECK_EQ(source.n_pulls, 0);
}

TEST(at_the_cap_and_one_above)
{
	RIG r = rig_new();
	static struct source sources[MS_MAX_STREAMS + 1];
	ms_auto_fd int fd = -EBADF;
	size_t got = 0;

	memset(sources, 0, sizeof(sources));
	rig_start(&r);
	for (size_t i = 0; i < MS_MAX_STREAMS; i++)
		REQUIRE(open_own(&r, &sources[i]) == 0);
	CHECK_EQ(open_own(&r, &sources[MS_MAX_STREAMS]), -EBUSY);
	CHECK_EQ(sources[MS_MAX_STREAMS].n_done, 0);
	sources[0].ends = true; /* one ends, and there is room */
	fd = connect_to(ms_stream_path(sources[0].stream));
	UNTIL(r.s.loop, !take(fd, &got));
	CHECK_EQ(open_own(&r, &sources[MS_MAX_STREAMS]), 0);
	r.s.streams = ms_streams_free(r.s.streams);
	for (size_t i = 0; i <= MS_MAX_STREAMS; i++)
		CHECK_EQ(sources[i].n_done, 1);
}

TEST(a_source_that_fails)
{
	RIG r = rig_new();
	struct source source = {.left = 10, .fails = true};
	size_t got = 0;
	ms_auto_fd int fd = -EBADF;

	rig_start(&r);
	REQUIRE(open_own(&r, &source) == 0);
	fd = connect_to(ms_stream_path(source.stream));
	UNTIL(r.s.loop, !take(fd, &got));
	CHECK_EQ(got, 0);
	CHECK_EQ(source.n_done, 1);
}

/* Who may do what has changed: whoever an entry let in asks again. */
TEST(after_a_change_of_the_peers)
{
	RIG r = rig_new();
	struct source own = {.left = 10}, others = {.left = 10};

	if (geteuid() != 0)
		TEST_SKIP("needs root to give a socket away");
	rig_start(&r);
	REQUIRE(open_own(&r, &own) == 0);
	REQUIRE(open_for(&r, &others, (struct ms_stream_for){.uid = 65534}) == 0);
	ms_streams_review(r.s.streams);
	CHECK_EQ(own.n_done, 0);
	CHECK_EQ(others.n_done, 1);
	ms_streams_review(NULL);
}

TEST(a_folder_that_is_not_there)
{
	RIG r = rig_new();
	struct source source = {.left = 10};
	struct ms_stream_source pulled = {
		.pull = source_pull, .done = source_done, .data = &source};
	struct ms_stream_for whom = {.dir = "/nonexistent", .uid = geteuid()};
	char longest[200];
	struct ms_error err = MS_ERROR_INIT;

	rig_start(&r);
	CHECK(ms_stream_open(r.s.streams, &whom, &pulled, &source.stream, &err) < 0);
	CHECK(strstr(err.msg, "/nonexistent"));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	whom.dir = longest;
	CHECK_EQ(ms_stream_open(r.s.streams, &whom, &pulled, &source.stream, &err), -ENAMETOOLONG);
	CHECK_EQ(source.n_done, 0);
}

#define VICTIM "victim"

static void put_link(const char *path)
{
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(symlink(VICTIM, path), 0);
}

static void put_file(const char *path)
{
	char victim[64];

	(void)snprintf(victim, sizeof(victim), "%.*s/" VICTIM, (int)(strrchr(path, '/') - path),
		       path);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(link(victim, path), 0);
}

/* The folder may be mounted into a container, with a root of its own. */
TEST(what_is_put_in_its_place_is_left_alone)
{
	static void (*const tricks[])(const char *path) = {put_link, put_file};

	for (size_t i = 0; i < MS_ARRAY_LEN(tricks); i++) {
		RIG r = rig_new();
		struct source source = {.ends = true};
		struct stat st;

		rig_start(&r);
		scratch_write(&r.dir, VICTIM, "of the host", 0644);
		after_bind = tricks[i];
		CHECK(open_for(&r, &source, (struct ms_stream_for){.uid = geteuid()}) < 0);
		after_bind = NULL;
		CHECK_EQ(fstatat(r.dir.fd, VICTIM, &st, AT_SYMLINK_NOFOLLOW), 0);
		CHECK_EQ(st.st_mode & 07777, 0644);
		CHECK_EQ(st.st_uid, geteuid());
		CHECK_EQ(source.n_done, 0);
	}
}

static void leave_socket(const struct scratch *s, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	ms_auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", s->path, name);
	CHECK_EQ(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

TEST(what_a_dead_daemon_left)
{
	RIG r = rig_new();

	scratch_mkdir(&r.dir, "backend", 0755);
	leave_socket(&r.dir, "stream-0123456789abcdef");
	leave_socket(&r.dir, "backend/stream-0123456789abcdef");
	leave_socket(&r.dir, "control.sock");
	scratch_write(&r.dir, "stream-0123456789abcdee", "a file of somebody", 0600);
	rig_start(&r);
	CHECK(!scratch_has(&r.dir, "stream-0123456789abcdef"));
	CHECK(!scratch_has(&r.dir, "backend/stream-0123456789abcdef"));
	CHECK(scratch_has(&r.dir, "control.sock"));
	CHECK(scratch_has(&r.dir, "stream-0123456789abcdee"));
}
