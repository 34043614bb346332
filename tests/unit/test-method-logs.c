/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-method-logs.c - instance.logs asked and answered without a daemon: real files written by the
 * shim's own code, real streams, and each allocation failing in turn.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "shim/logfile.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/log-lines.h"
#include "supervisor/daemon/logread.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/stream.h"
#include "supervisor/daemon/supervisor.h"
#include "tests/unit/fake-instance.h"
#include "tests/unit/oom.h"
#include "tests/unit/scratch.h"

#define DEADLINE_SEC 20

struct rig {
	struct scratch dir;
	struct ms_supervisor s;
	struct ms_rpc_peer peer;
	struct ms_shim *shim;
	char *answer; /* the last one */
	unsigned n_answers;
	int fds[MS_MAX_ANSWER_FDS];
	uint32_t n_fds;
};

static void sink_send(void *data, struct ms_rpc_line *line)
{
	struct rig *r = data;

	free(r->answer);
	r->answer = strndup(line->head, line->head_len);
	r->n_answers++;
	for (uint32_t i = 0; i < line->n_fds; i++)
		r->fds[r->n_fds++] = MS_TAKE_FD(line->fds[i]);
	ms_rpc_line_done(line);
}

static void sink_wake(void *data MS_UNUSED)
{
}

static void rig_done(struct rig *r)
{
	ms_rpc_peer_done(&r->peer);
	r->s.streams = ms_streams_free(r->s.streams);
	r->s.events = ms_events_free(r->s.events);
	r->s.config = ms_config_free(r->s.config);
	(void)sd_event_unref(r->s.loop);
	for (int i = 0; i < 2; i++)
		(void)ms_fd_close(r->shim->log_files[i]); /* -EBADF */
	for (uint32_t i = 0; i < r->n_fds; i++)
		(void)ms_fd_close(r->fds[i]); /* -EBADF */
	free(r->shim);
	free(r->answer);
	free(r->s.runtime_dir);
	scratch_done(&r->dir);
	free(r);
}
static void rig_cleanup(struct rig **r)
{
	rig_done(*r);
}
#define RIG __attribute__((cleanup(rig_cleanup))) struct rig *

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct ms_error err = MS_ERROR_INIT;

	if (!r)
		abort();
	r->dir = scratch_new();
	r->s.runtime_dir = strdup(r->dir.path);
	r->s.config = ms_config_new();
	r->s.events = ms_events_new();
	r->shim = calloc(1, sizeof(*r->shim));
	if (!r->shim || sd_event_new(&r->s.loop) < 0 ||
	    ms_streams_new(&r->s, &r->s.streams, &err) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		r->shim->log_files[i] =
			openat(r->dir.fd, i ? "1" : "0", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (r->shim->log_files[i] < 0)
			abort();
	}
	ms_logfile_init(MS_MAX_LOG_BYTES / 2);
	fake_reset();
	fake.n_instances = 2; /* the second has ended */
	fake.log_dir = r->dir.fd;
	ms_rpc_peer_init(&r->peer, &r->s,
			 &(struct ms_rpc_who){.role = MS_ROLE_OBSERVER,
					      .ceiling = MS_ROLE_OBSERVER,
					      .uid = geteuid(),
					      .dir = r->dir.path},
			 (struct ms_rpc_sink){.send = sink_send, .wake = sink_wake, .data = r});
	return r;
}

static void say(struct rig *r, enum ms_logrec_source source, const char *text)
{
	struct ms_logbatch batch;

	ms_logbatch_init(&batch, r->shim);
	(void)ms_logbatch_add(
		&batch,
		&(struct ms_logrec){.source = source, .text = {.p = text, .len = strlen(text)}},
		0); /* its size */
	ms_logbatch_flush(&batch);
}

static const char *ask(struct rig *r, const char *params)
{
	char request[512];
	unsigned before = r->n_answers;

	(void)snprintf(
		request, sizeof(request),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.logs\",\"params\":{%s}}",
		params);
	ms_rpc_request(&r->peer, request, strlen(request));
	CHECK_EQ(r->n_answers, before + 1);
	return r->answer ? r->answer : "";
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	printf("  no %s\n  in %s\n", part, text);
	return false;
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text++;
	}
	return n;
}

TEST(inline_lines)
{
	RIG r = rig_new();
	const char *answer;

	answer = ask(r, "\"module\":\"demo\",\"as\":\"inline\"");
	CHECK(has(answer, "\"instance\":\"00000001\",\"lines\":[],\"truncated\":false"));
	for (int i = 0; i < 300; i++)
		say(r, i % 3 ? MS_LOGREC_STDOUT : MS_LOGREC_STDERR, i == 299 ? "last" : "line");
	say(r, MS_LOGREC_NOTE, "a note");
	answer = ask(r, "\"module\":\"demo\",\"as\":\"inline\"");
	CHECK_EQ(count(answer, "\"time\""), 200);
	CHECK(has(answer, "\"text\":\"last\""));
	answer =
		ask(r, "\"module\":\"demo\",\"as\":\"inline\",\"lines\":500,\"source\":\"stderr\"");
	CHECK_EQ(count(answer, "\"source\":\"stderr\""), 100);
	CHECK_EQ(count(answer, "\"source\":\"stdout\""), 0);
	CHECK_EQ(count(answer, "\"source\":\"note\""), 1);
	answer = ask(r, "\"instance\":\"00000002\",\"as\":\"inline\",\"lines\":0");
	CHECK(has(answer, "\"instance\":\"00000002\",\"lines\":[]"));
}

/* The cap of an answer: older lines go, and that is told. */
TEST(as_much_as_fits)
{
	RIG r = rig_new();
	struct ms_logread *read = malloc(sizeof(*read));
	const struct ms_log_filter all = {0};
	char text[1001];
	uint64_t skip, cut;
	int fds[2];

	memset(text, 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 400; i++)
		say(r, MS_LOGREC_STDOUT, i == 399 ? "last" : text);
	CHECK(has(ask(r, "\"module\":\"demo\",\"as\":\"inline\",\"lines\":500"),
		  "\"truncated\":true"));
	CHECK(has(r->answer, "\"text\":\"last\""));
	CHECK(strlen(r->answer) <= MS_MAX_LOG_INLINE_BYTES + 1024);
	CHECK(strlen(r->answer) > MS_MAX_LOG_INLINE_BYTES - 16384);
	for (int i = 0; i < 2; i++)
		fds[i] = openat(r->dir.fd, i ? "1" : "0", O_RDONLY | O_CLOEXEC);
	skip = ms_loglines_skip(read, fds, &all, 10);
	CHECK_EQ(skip, 390);
	cut = ms_loglines_cut(read, fds, &all, skip, 1u << 20);
	CHECK_EQ(cut, 0);
	CHECK_EQ(ms_loglines_cut(read, fds, &all, skip, 0), 10);
	CHECK_EQ(ms_loglines_cut(read, fds, &all, skip, 300), 9); /* "last" */
	CHECK_EQ(ms_loglines_skip(read, fds, &all, 0), 400);
	for (int i = 0; i < 2; i++)
		(void)ms_fd_close(fds[i]); /* -EBADF */
	free(read);
}

TEST(files)
{
	RIG r = rig_new();

	say(r, MS_LOGREC_STDOUT, "x");
	CHECK(has(ask(r, "\"module\":\"demo\",\"as\":\"fd\""), "\"fds\":2"));
	REQUIRE(r->n_fds == 2);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(fcntl(r->fds[i], F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST(refused)
{
	static const char *const cases[][2] = {
		{"", "params-invalid"},
		{"\"module\":\"none\"", "not-found"},
		{"\"module\":\"demo\",\"lines\":10001", "params-invalid"},
		{"\"module\":\"demo\",\"lines\":501,\"as\":\"inline\"", "params-invalid"},
		{"\"module\":\"demo\",\"since\":\"now\"", "params-invalid"},
		{"\"module\":\"demo\",\"as\":\"inline\",\"follow\":true", "params-invalid"},
		{"\"module\":\"demo\",\"as\":\"fd\",\"lines\":1", "params-invalid"},
	};
	RIG r = rig_new();

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++)
		CHECK(has(ask(r, cases[i][0]), cases[i][1]));
	fake.log_dir = 0;
	CHECK(has(ask(r, "\"module\":\"demo\""), "has no log"));
	CHECK(has(ask(r, "\"module\":\"demo\",\"as\":\"inline\""), "not-found"));
	CHECK(has(ask(r, "\"module\":\"demo\",\"as\":\"fd\""), "not-found"));
	CHECK(has(ask(r, "\"module\":\"demo\",\"follow\":true"),
		  "not-found")); /* it runs already */
}

static int connect_to_answer(const char *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = strstr(answer, "\"stream\":\"");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!path)
		abort();
	path += strlen("\"stream\":\"");
	memcpy(address.sun_path, path, strcspn(path, "\""));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	return fd;
}

/* Run the loop until @n lines have come, or the end. */
static bool read_lines(struct rig *r, int fd, struct ms_buf *text, unsigned n)
{
	struct timespec ts;
	time_t end;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	end = ts.tv_sec + DEADLINE_SEC;
	while (ts.tv_sec < end) {
		char bytes[4096];
		ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (got == 0)
			return false;
		if (got > 0)
			ms_buf_add(text, bytes, (size_t)got);
		if (text->data && count(text->data, "\n") >= n)
			return true;
		if (sd_event_run(r->s.loop, 10000) < 0)
			abort();
		(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	}
	CHECK(ts.tv_sec < end);
	return false;
}

TEST(a_stream)
{
	RIG r = rig_new();
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1u << 20);
	ms_auto_fd int fd = -EBADF;

	for (int i = 0; i < 10; i++)
		say(r, MS_LOGREC_STDOUT, "old");
	fd = connect_to_answer(ask(r, "\"module\":\"demo\",\"lines\":3"));
	CHECK(!read_lines(r, fd, &text, 99));
	CHECK_EQ(count(text.data, "\"text\":\"old\""), 3);
}

TEST(a_stream_that_follows)
{
	RIG r = rig_new();
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1u << 20);
	ms_auto_fd int fd = -EBADF;

	say(r, MS_LOGREC_STDOUT, "old");
	fd = connect_to_answer(ask(r, "\"instance\":\"00000001\",\"follow\":true"));
	CHECK(read_lines(r, fd, &text, 1));
	say(r, MS_LOGREC_STDERR, "new");
	CHECK(read_lines(r, fd, &text, 2));
	CHECK(has(text.data, "\"source\":\"stderr\",\"text\":\"new\""));
	fake.n_instances = 0; /* it is forgotten: what is left is told, then the end */
	say(r, MS_LOGREC_STDOUT, "last");
	CHECK(!read_lines(r, fd, &text, 99));
	CHECK_EQ(count(text.data, "\n"), 3);
}

/* Of one that has ended only what there is. */
TEST(following_the_ended)
{
	RIG r = rig_new();
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1u << 20);
	ms_auto_fd int fd = -EBADF;

	say(r, MS_LOGREC_STDOUT, "old");
	fd = connect_to_answer(ask(r, "\"instance\":\"00000002\",\"follow\":true"));
	CHECK(!read_lines(r, fd, &text, 99));
	CHECK_EQ(count(text.data, "\n"), 1);
}

static void ask_failing(struct rig *r, const char *request, unsigned n)
{
	oom_left = n;
	ms_rpc_request(&r->peer, request, strlen(request));
	oom_left = 0;
}

TEST(without_memory)
{
	static const char *const forms[] = {"inline", "fd", "stream"};

	for (size_t i = 0; i < MS_ARRAY_LEN(forms); i++) {
		char request[256];

		(void)snprintf(
			request, sizeof(request),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.logs\",\"params\":{"
			"\"module\":\"demo\",\"as\":\"%s\"}}",
			forms[i]);
		OOM_LOOP
		{
			unsigned n = oom_left;
			struct rig *r;

			oom_left = 0; /* not while the rig is made */
			r = rig_new();
			say(r, MS_LOGREC_STDOUT, "x");
			ask_failing(r, request, n);
			CHECK(oom_happened || (r->answer && strstr(r->answer, "\"result\"")));
			CHECK(r->n_answers <= 1);
			CHECK_EQ(r->peer.n_calls, 0);
			rig_done(r);
		}
	}
}
