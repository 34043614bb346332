/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-control.c - the real socket on a real loop, in one process: lines in pieces and in heaps,
 * every cap, descriptors both ways, peers that do not read, stale and living socket files. The loop
 * is run until what is waited for is there, with a generous deadline.
 */
#include "supervisor/daemon/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "lib/buf.h"
#include "modsup/limits.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/supervisor.h"
#include "tests/unit/fake-instance.h"
#include "tests/unit/test.h"

#define DEADLINE_SECONDS 30

static struct ms_supervisor supervisor;
static struct ms_control *control;
static char dir[64], path[108];

/* A runtime folder after its sockets are gone. */
static void remove_folder(const char *folder)
{
	char sub[128];

	(void)snprintf(sub, sizeof(sub), "%s/backend", folder); /* fits */
	CHECK(rmdir(sub) == 0);
	(void)snprintf(sub, sizeof(sub), "%s/observer", folder); /* fits */
	CHECK(rmdir(sub) == 0);
	CHECK(rmdir(folder) == 0);
}

static bool begin(void)
{
	struct ms_error err = MS_ERROR_INIT;

	fake_reset();
	(void)snprintf(dir, sizeof(dir), "/tmp/modsup-test-control-XXXXXX"); /* fits */
	if (!mkdtemp(dir))
		return false;
	(void)snprintf(path, sizeof(path), "%s/control.sock", dir); /* fits */
	supervisor = (struct ms_supervisor){.config = ms_config_new(),
					    .events = ms_events_new(),
					    .daemon_id = "0123456789abcdef",
					    .runtime_dir = dir,
					    .state_dir = dir};
	if (sd_event_new(&supervisor.loop) < 0)
		return false;
	if (ms_control_open(&supervisor, &control, &err) < 0)
		printf("%s\n", err.msg);
	return control != NULL;
}

static void end(void)
{
	control = ms_control_close(control);
	CHECK(access(path, F_OK) < 0);
	supervisor.loop = sd_event_unref(supervisor.loop);
	supervisor.events = ms_events_free(supervisor.events);
	supervisor.config = ms_config_free(supervisor.config);
	remove_folder(dir);
}

static void turn(void)
{
	CHECK(sd_event_run(supervisor.loop, 1000) >= 0);
}

static bool late(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec - start->tv_sec > DEADLINE_SECONDS;
}

/* Run the loop until there is nothing it could do right now. */
static void settle(void)
{
	while (sd_event_run(supervisor.loop, 0) > 0)
		;
}

struct client {
	int fd;
	struct ms_buf in;
	size_t used;
	bool over;
	int fds[8];
	uint32_t n_fds;
};

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return ms_fd_close(fd);
	return fd;
}

static struct client connect_client(void)
{
	return (struct client){.fd = dial(), .in = MS_BUF_INIT(64u << 20)};
}

static void client_done(struct client *c)
{
	c->fd = ms_fd_close(c->fd);
	while (c->n_fds)
		(void)ms_fd_close(c->fds[--c->n_fds]); /* -EBADF */
	ms_buf_done(&c->in);
}

/* Take what is there; descriptors are kept. */
static void drink(struct client *c)
{
	char bytes[65536];
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} room;
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->over = true;
	if (n <= 0)
		return;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
		size_t n_new = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		memcpy(c->fds + c->n_fds, CMSG_DATA(h), n_new * sizeof(int));
		c->n_fds += (uint32_t)n_new;
	}
	ms_buf_add(&c->in, bytes, (size_t)n);
	CHECK_EQ(c->in.error, 0);
}

/* The next line as text ending in NUL, or "" when the connection ended or time ran out. */
static const char *read_line(struct client *c)
{
	struct timespec start;

	(void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail */
	while (!late(&start)) {
		char *from = c->in.len > c->used ? c->in.data + c->used : NULL;
		char *end = from ? memchr(from, '\n', c->in.len - c->used) : NULL;

		if (end) {
			*end = '\0';
			c->used = (size_t)(end - c->in.data) + 1;
			return from;
		}
		if (c->over)
			return "";
		if (sd_event_run(supervisor.loop, 10000) < 0)
			break;
		drink(c);
	}
	return "";
}

/* Send all of it, running the loop while it would block. False when the other side hung up. */
static bool say(struct client *c, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			turn();
			drink(c);
			continue;
		}
		if (n < 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static bool say_text(struct client *c, const char *text)
{
	return say(c, text, strlen(text));
}

/* Run the loop until the connection is closed by the other side. */
static bool ends(struct client *c)
{
	while (*read_line(c))
		;
	return c->over;
}

#define HELLO(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"hello\"}\n"

TEST(greets_and_answers)
{
	struct client c;
	struct stat st;

	REQUIRE(begin());
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	c = connect_client();
	CHECK(strstr(read_line(&c), "\"method\":\"hello\""));
	CHECK(say_text(&c, HELLO("1")));
	CHECK(strstr(read_line(&c), "\"id\":1,\"result\""));
	client_done(&c);
	end();
}

TEST(lines_in_pieces)
{
	static const char text[] = HELLO("1") "\r" HELLO("2");
	struct client c;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		CHECK(say(&c, text + i, 1));
		settle();
	}
	CHECK(strstr(read_line(&c), "\"id\":1,"));
	CHECK(strstr(read_line(&c), "\"id\":2,"));
	client_done(&c);
	end();
}

TEST(many_lines_at_once_and_then_the_end_of_input)
{
	struct ms_buf buf = MS_BUF_INIT(1u << 20);
	struct client c;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	for (int i = 0; i < 500; i++)
		ms_buf_addf(&buf, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"instance.list\"}\n",
			    i);
	CHECK(say(&c, buf.data, buf.len));
	CHECK(shutdown(c.fd, SHUT_WR) == 0);
	for (int i = 0; i < 500; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "\"id\":%d,", i); /* fits */
		REQUIRE(strstr(read_line(&c), want));
	}
	CHECK(ends(&c));
	ms_buf_done(&buf);
	client_done(&c);
	end();
}

/* A request of exactly @len bytes: blanks are allowed between tokens. */
static bool say_padded(struct client *c, size_t len)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"hello\"}";
	ms_auto_free char *line = malloc(len + 1);

	memset(line, ' ', len);
	memcpy(line, text, sizeof(text) - 1);
	line[len] = '\n';
	return say(c, line, len + 1);
}

TEST(a_line_at_the_cap_and_one_above)
{
	struct client c;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	CHECK(say_padded(&c, MS_MAX_REQUEST_BYTES));
	CHECK(strstr(read_line(&c), "\"id\":7,\"result\""));
	(void)say_padded(&c, MS_MAX_REQUEST_BYTES + 1); /* may be cut off */
	CHECK(strstr(read_line(&c), "longer than 1048576 bytes"));
	CHECK(ends(&c));
	client_done(&c);

	c = connect_client(); /* without any newline: bounded, too */
	(void)read_line(&c);  /* the greeting */
	for (int i = 0; i < 64; i++) {
		char junk[65536];

		memset(junk, 'x', sizeof(junk));
		if (!say(&c, junk, sizeof(junk)))
			break;
	}
	CHECK(strstr(read_line(&c), "request-invalid"));
	CHECK(ends(&c));
	client_done(&c);
	end();
}

/* Nobody holds the other end any more. */
static bool hangs_up(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, DEADLINE_SECONDS * 1000) == 1 && (p.revents & POLLHUP);
}

TEST(descriptors_from_a_client_are_refused)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} room = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)HELLO("1"), .iov_len = 5};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	struct client c;
	int fds[2];

	REQUIRE(begin());
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fds[1], sizeof(int));
	REQUIRE(sendmsg(c.fd, &msg, 0) == 5);
	fds[1] = ms_fd_close(fds[1]);
	CHECK(strstr(read_line(&c), "file descriptors"));
	CHECK(ends(&c));
	CHECK(hangs_up(fds[0]));
	fds[0] = ms_fd_close(fds[0]);
	client_done(&c);
	end();
}

TEST(descriptors_come_with_their_line)
{
	struct client c;
	int fds[3], pipe_fds[2];
	char byte = 0;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	CHECK(say_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\","
			   "\"params\":{\"path\":\"/x\",\"stdio\":\"pipe\"}}\n" HELLO("2")));
	CHECK(strstr(read_line(&c), "\"id\":2,")); /* answered while the start goes on */
	CHECK_EQ(c.n_fds, 0);
	REQUIRE(pipe2(pipe_fds, O_CLOEXEC) == 0);
	fds[0] = pipe_fds[1];
	fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[2] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fake_answer(NULL, fds, 3);
	CHECK(strstr(read_line(&c), "\"fds\":3"));
	REQUIRE(c.n_fds == 3);
	CHECK(write(c.fds[0], "y", 1) == 1); /* it is the pipe, and the supervisor kept no copy */
	CHECK(read(pipe_fds[0], &byte, 1) == 1 && byte == 'y');
	client_done(&c);
	CHECK(hangs_up(pipe_fds[0]));
	(void)ms_fd_close(pipe_fds[0]); /* -EBADF */
	end();
}

TEST(requests_in_flight_at_the_cap_and_one_above)
{
	unsigned starts = 0, hellos = 0;
	struct client c;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	for (unsigned i = 0; i <= MS_MAX_PEER_REQUESTS; i++)
		CHECK(say_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\","
				   "\"params\":{\"path\":\"/x\"}}\n"));
	CHECK(say_text(&c, HELLO("9")));
	settle();
	CHECK_EQ(fake.n_waits, MS_MAX_PEER_REQUESTS); /* the next one waits unread */
	drink(&c);
	CHECK_EQ(c.in.len, c.used);
	fake_answer(NULL, NULL, 0);
	CHECK(strstr(read_line(&c), "\"id\":1,\"result\""));
	settle();
	CHECK_EQ(fake.n_waits, MS_MAX_PEER_REQUESTS);
	while (fake.n_waits) {
		fake_answer(NULL, NULL, 0);
		settle();
	}
	for (unsigned i = 0; i < MS_MAX_PEER_REQUESTS + 1; i++) { /* in any order */
		const char *line = read_line(&c);

		starts += strstr(line, "\"id\":1,\"result\"") != NULL;
		hellos += strstr(line, "\"id\":9,\"result\"") != NULL;
	}
	CHECK_EQ(starts, MS_MAX_PEER_REQUESTS);
	CHECK_EQ(hellos, 1);
	client_done(&c);
	end();
}

TEST(peers_at_the_cap_and_one_above)
{
	struct client clients[MS_MAX_PEERS], c;

	REQUIRE(begin());
	for (unsigned i = 0; i < MS_MAX_PEERS; i++) {
		clients[i] = connect_client();
		CHECK(strstr(read_line(&clients[i]), "\"method\":\"hello\""));
	}
	c = connect_client();
	CHECK(strstr(read_line(&c), "\"reason\":\"busy\""));
	CHECK(ends(&c));
	client_done(&c);
	client_done(&clients[0]);
	settle();
	c = connect_client();
	CHECK(strstr(read_line(&c), "\"method\":\"hello\""));
	client_done(&c);
	for (unsigned i = 1; i < MS_MAX_PEERS; i++)
		client_done(&clients[i]);
	end();
}

TEST(a_peer_that_does_not_read_its_answers_stops_being_read)
{
	struct client c, other;
	size_t said = 0, heard = 0;

	REQUIRE(begin());
	fake.n_instances = 200; /* an answer of some 80 kB */
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	for (unsigned i = 0; i < 2000; i++) {
		static const char text[] =
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.list\","
			"\"params\":{\"limit\":200}}\n";
		ssize_t n = send(c.fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n != (ssize_t)sizeof(text) - 1)
			break;
		said++;
		settle();
	}
	/* the others are served meanwhile */
	other = connect_client();
	CHECK(strstr(read_line(&other), "\"method\":\"hello\""));
	client_done(&other);
	/* and nothing is lost once it reads */
	while (heard < said && strstr(read_line(&c), "\"result\""))
		heard++;
	CHECK_EQ(heard, said);
	CHECK(said > MS_MAX_PEER_OUTPUT_BYTES / 80000);
	client_done(&c);
	end();
}

static void emit(void)
{
	struct ms_event_head head = {.type = "t", .module = {"demo", 4}};
	struct ms_jw *jw = ms_jw_new();

	ms_jw_object(jw, NULL);
	ms_jw_end(jw);
	ms_event_emit(supervisor.events, &head, jw);
}

TEST(a_subscriber_that_does_not_read_is_told_of_the_gap)
{
	struct client c;
	uint64_t last = 0, seen = 0;
	const char *line;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	CHECK(say_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\"}\n"));
	CHECK(strstr(read_line(&c), "\"subscription\":\"s1\""));
	for (unsigned i = 0; i < 3 * MS_MAX_EVENTS_KEPT; i++) {
		emit();
		if (i % 100 == 0)
			settle();
	}
	while (*(line = read_line(&c))) {
		char want[64];

		if (strstr(line, "\"type\":\"gap\""))
			break;
		(void)snprintf(want, sizeof(want), "\"prev\":%llu,\"seq\":%llu,",
			       (unsigned long long)last, (unsigned long long)last + 1); /* fits */
		REQUIRE(strstr(line, want));
		last++;
		seen++;
	}
	CHECK(strstr(line, "\"reason\":\"slow-reader\",\"ended\":true"));
	CHECK(seen > 10 && seen < 3 * MS_MAX_EVENTS_KEPT);
	CHECK(say_text(&c, HELLO("2"))); /* the connection itself is fine */
	CHECK(strstr(read_line(&c), "\"id\":2,\"result\""));
	client_done(&c);
	end();
}

TEST(history_longer_than_any_buffer_is_delivered)
{
	char request[256];
	struct client c;

	REQUIRE(begin());
	for (unsigned i = 0; i < MS_MAX_EVENTS_KEPT; i++)
		emit();
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	(void)snprintf(request, sizeof(request),
		       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\",\"params\":"
		       "{\"since\":{\"epoch\":\"%s\",\"seq\":0}}}\n",
		       ms_events_epoch(supervisor.events)); /* fits */
	CHECK(say_text(&c, request));
	CHECK(strstr(read_line(&c), "\"oldest\":1,"));
	for (unsigned i = 1; i <= MS_MAX_EVENTS_KEPT; i++) {
		char want[64];

		(void)snprintf(want, sizeof(want), "\"prev\":%u,\"seq\":%u,", i - 1, i); /* fits */
		REQUIRE(strstr(read_line(&c), want));
	}
	client_done(&c);
	end();
}

TEST(a_peer_that_leaves_is_forgotten)
{
	struct client c;
	struct timespec start;

	REQUIRE(begin());
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	CHECK(say_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.start\","
			   "\"params\":{\"path\":\"/x\",\"attached\":true}}\n"));
	settle();
	CHECK_EQ(fake.n_waits, 1);
	client_done(&c);
	(void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail */
	while (!fake.n_owners_forgotten && !late(&start))
		turn();
	CHECK_EQ(fake.n_owners_forgotten, 1);
	CHECK(fake.owner_forgotten == fake.last.owner);
	CHECK_EQ(fake.n_waits, 0);
	end();
}

/* In a child: become nobody and see what the socket says. */
static int child_as_nobody(void)
{
	char line[1024] = "";
	size_t used = 0;
	int fd;

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 2;
	fd = dial();
	if (fd < 0)
		return 3;
	while (used < sizeof(line) - 1) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, DEADLINE_SECONDS * 1000) != 1)
			return 4;
		n = read(fd, line + used, sizeof(line) - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	return strstr(line, "role-forbids") && strstr(line, "65534") ? 0 : 5;
}

TEST(another_user_is_refused_with_a_reason)
{
	struct timespec start;
	int status = -1;
	pid_t pid, r = 0;

	if (geteuid() != 0)
		TEST_SKIP("needs root to become another user");
	REQUIRE(begin());
	/* by its mode nobody gets even this far: the second lock is what is tested */
	CHECK(chmod(dir, 0755) == 0 && chmod(path, 0666) == 0);
	pid = fork();
	if (pid == 0)
		_exit(child_as_nobody());
	(void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail */
	while (!late(&start) && (r = waitpid(pid, &status, WNOHANG)) == 0)
		CHECK(sd_event_run(supervisor.loop, 10000) >= 0);
	CHECK_EQ(r, pid);
	CHECK_EQ(WEXITSTATUS(status), 0);
	end();
}

TEST(socket_files_stale_and_living)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ms_supervisor other = {0};
	struct ms_error err = MS_ERROR_INIT;
	struct ms_control *second = NULL;
	char folder[96], file[108];
	int fd;

	REQUIRE(begin());
	CHECK(ms_control_open(&supervisor, &second, &err) < 0);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK(strstr(err.msg, "another modsupd serves") && strstr(err.msg, dir));
	settle();

	other = supervisor;
	other.runtime_dir = folder;
	(void)snprintf(folder, sizeof(folder), "%s/other", dir);	  /* fits */
	(void)snprintf(file, sizeof(file), "%s/other/control.sock", dir); /* fits */
	CHECK(mkdir(folder, 0755) == 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, file, strlen(file));
	CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	fd = ms_fd_close(fd);
	CHECK_EQ(ms_control_open(&other, &second, &err), 0);
	second = ms_control_close(second);
	CHECK(access(file, F_OK) < 0);
	remove_folder(folder);

	CHECK(mkdir(folder, 0755) == 0);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(ms_control_open(&other, &second, &err) < 0);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK(strstr(err.msg, "not a socket"));
	CHECK(access(file, F_OK) == 0); /* not ours: left alone */
	CHECK(unlink(file) == 0);
	fd = ms_fd_close(fd);
	CHECK(rmdir(folder) == 0);

	CHECK(ms_control_open(&other, &second, &err) < 0);
	CHECK(strstr(err.msg, "No such file or directory"));
	end();
}

/* backend/ and observer/ may be in somebody's container: what stands there is not believed. */
TEST(what_stands_in_the_folders_for_containers)
{
	struct ms_supervisor other = {0};
	struct ms_error err = MS_ERROR_INIT;
	struct ms_control *second = NULL;
	char folder[80], sub[96], file[128], victim[108];
	struct stat st;
	int fd;

	REQUIRE(begin());
	other = supervisor;
	other.runtime_dir = folder;
	(void)snprintf(folder, sizeof(folder), "%s/other", dir);    /* fits */
	(void)snprintf(sub, sizeof(sub), "%s/backend", folder);	    /* fits */
	(void)snprintf(file, sizeof(file), "%s/control.sock", sub); /* fits */
	(void)snprintf(victim, sizeof(victim), "%s/victim", dir);   /* fits */
	CHECK(mkdir(folder, 0755) == 0 && mkdir(sub, 0755) == 0);
	fd = open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK(symlink(victim, file) == 0); /* a link: replaced, not followed */
	CHECK_EQ(ms_control_open(&other, &second, &err), 0);
	CHECK(lstat(file, &st) == 0 && S_ISSOCK(st.st_mode));
	/* replaced while we run: what is there is not opened to anybody, and not removed */
	CHECK(unlink(file) == 0 && symlink(victim, file) == 0);
	CHECK(ms_control_open_to_peers(second, &err) < 0);
	CHECK(strstr(err.msg, "replaced by somebody else"));
	second = ms_control_close(second);
	CHECK(lstat(file, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(unlink(file) == 0);
	/* a folder may hold anything */
	CHECK(mkdir(file, 0755) == 0);
	err = MS_ERROR_INIT;
	CHECK(ms_control_open(&other, &second, &err) < 0);
	CHECK(strstr(err.msg, "backend/control.sock") && err.hint[0]);
	CHECK(rmdir(file) == 0);
	/* and a folder that others may write to is no place for a socket */
	CHECK(chmod(sub, 0777) == 0);
	err = MS_ERROR_INIT;
	CHECK(ms_control_open(&other, &second, &err) < 0);
	CHECK(strstr(err.msg, "can be written by others"));
	CHECK(unlink(victim) == 0);
	remove_folder(folder);
	fd = ms_fd_close(fd);
	end();
}

TEST(a_path_at_the_kernels_cap_and_one_above)
{
	static const char longest[] = "/observer/control.sock";
	struct ms_supervisor other = {0};
	struct ms_error err = MS_ERROR_INIT;
	struct ms_control *second = NULL;
	char folder[160];

	REQUIRE(begin());
	other = supervisor;
	other.runtime_dir = folder;
	for (int len = 107; len <= 108; len++) {
		(void)snprintf(folder, sizeof(folder), "%s/%0*d", dir,
			       len - (int)sizeof(longest) - (int)strlen(dir), 0); /* fits */
		CHECK_EQ(strlen(folder) + sizeof(longest) - 1, len);
		CHECK(mkdir(folder, 0755) == 0);
		if (len == 107) {
			CHECK_EQ(ms_control_open(&other, &second, &err), 0);
			second = ms_control_close(second);
		} else {
			CHECK(ms_control_open(&other, &second, &err) < 0);
			CHECK(strstr(err.msg, "108 bytes"));
			CHECK(strstr(err.hint, "shorter"));
		}
		remove_folder(folder);
	}
	end();
}

/* As the kernel tells it, but for the wall clock, which somebody has set. */
static int64_t wall_offset_seconds;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = __real_clock_gettime(clock, ts);

	if (clock == CLOCK_REALTIME)
		ts->tv_sec += wall_offset_seconds;
	return r;
}

static uint64_t number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	uint64_t number = 0;

	for (at = at ? at + strlen(key) : ""; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	return number;
}

/* A year there and two back: what is shown changes, the order of things and every wait do not. */
TEST(a_wall_clock_that_jumps)
{
	static const int64_t year = 365 * 24 * 3600, offsets[] = {0, year, -year, 0};
	static const char stop[] = "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"instance.stop\","
				   "\"params\":{\"module\":\"demo\",\"key\":\"k\"}}\n";
	static const char info[] =
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"supervisor.info\"}\n";
	char first[4096] = "", years[MS_ARRAY_LEN(offsets)][5];
	uint64_t boot_usec = 0;
	struct client c;

	REQUIRE(begin());
	supervisor.rpc = ms_rpc_memory_new(ms_rpc_memory_clock);
	supervisor.started_boot_usec = ms_rpc_memory_clock();
	c = connect_client();
	(void)read_line(&c); /* the greeting */
	CHECK(say_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\"}\n"));
	(void)read_line(&c); /* the subscription */
	for (unsigned i = 0; i < MS_ARRAY_LEN(offsets); i++) {
		char want[64];
		const char *line;

		wall_offset_seconds = offsets[i];
		emit();
		line = read_line(&c);
		(void)snprintf(want, sizeof(want), "\"prev\":%u,\"seq\":%u,", i, i + 1); /* fits */
		CHECK(strstr(line, want));
		CHECK(number_after(line, "\"usec\":") > boot_usec);
		boot_usec = number_after(line, "\"usec\":");
		(void)snprintf(years[i], sizeof(years[i]), "%.4s",
			       strstr(line, "\"time\":\"") + 8); /* fits */
		/* a key is neither forgotten nor kept for longer */
		CHECK(say_text(&c, stop));
		settle();
		CHECK_EQ(fake.n_waits, i == 0);
		if (i == 0)
			fake_answer(NULL, NULL, 0);
		line = read_line(&c);
		if (i == 0)
			(void)snprintf(first, sizeof(first), "%s", line); /* fits */
		CHECK_STR(line, first);
		CHECK(say_text(&c, info));
		CHECK(number_after(read_line(&c), "\"uptimeUsec\":") <
		      DEADLINE_SECONDS * UINT64_C(1000000));
	}
	CHECK(strcmp(years[1], years[0]) > 0 && strcmp(years[2], years[0]) < 0); /* it did jump */
	client_done(&c);
	supervisor.rpc = ms_rpc_memory_free(supervisor.rpc);
	end();
}

TEST(a_successors_socket_is_not_removed)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_control *second = NULL;

	REQUIRE(begin());
	CHECK(unlink(path) == 0);
	CHECK_EQ(ms_control_open(&supervisor, &second, &err), 0);
	control = ms_control_close(control);
	CHECK(access(path, F_OK) == 0);
	control = second;
	end();
}
