/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.c - one connection of libmodsup: greeting, requests out, messages in. Must never wait
 * longer than it was told to, and never lose a message: what a call does not want is kept for the
 * next receive, and when too much is kept the call ends, not the message. Called by programs
 * through modsup/modsup.h, and by follow.c.
 */
#include "supervisor/client/connection.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "modsup/limits.h"
#include "supervisor/client/line.h"
#include "supervisor/client/message.h"
#include "supervisor/client/scan.h"

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_PENDING_BYTES  (2u * MS_MAX_REQUEST_BYTES) /* requests that have not gone out */
#define MAX_KEPT_BYTES	   (16u * 1024u * 1024u)       /* messages that no one took yet */
#define PROTOCOL_MAJOR	   1u
#define MAX_METHOD_BYTES   64u

struct modsup {
	int fd;	    /* owned */
	char *path; /* owned: of its socket; NULL when that is not known */
	struct ms_line line;
	struct ms_buf out; /* what has not gone out */
	uint64_t last_id;
	struct modsup_message *hello;		/* owned; NULL until greeted */
	struct modsup_message *first, **behind; /* owned: kept, in order */
	size_t kept_bytes;
};

/* -- time -- */

int64_t ms_conn_now_ms(void)
{
	struct timespec ts;

	/* Cannot fail for this clock; suspend counts, as the supervisor's deadlines do. */
	if (clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int ms_conn_left_ms(int64_t deadline_ms)
{
	int64_t left;

	if (deadline_ms < 0)
		return -1;
	left = deadline_ms - ms_conn_now_ms();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

int64_t ms_conn_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : ms_conn_now_ms() + timeout_ms;
}

/* 1: ready, 0: the deadline passed, -errno. Signals do not end the wait. */
static int await(int fd, short events, int64_t deadline_ms)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int n;

	do {
		n = poll(&pfd, 1, ms_conn_left_ms(deadline_ms));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* -- options -- */

int ms_conn_options(const void *given, void *out, size_t known)
{
	const unsigned char *bytes = given;
	size_t size;

	memcpy(&size, given, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG; /* it asks for what this library does not have */
	memset(out, 0, known);
	memcpy(out, given, MS_MIN(size, known));
	return 0;
}

const char *ms_conn_path(const struct modsup_options *options)
{
	const char *env = secure_getenv("MODSUP_SOCKET");

	if (options->path)
		return options->path;
	return env && env[0] ? env : MODSUP_DEFAULT_SOCKET;
}

static int read_options(const struct modsup_options *given, struct modsup_options *ret,
			struct modsup_error *err)
{
	int r = 0;

	*ret = (struct modsup_options)MODSUP_OPTIONS_INIT;
	if (given)
		r = ms_conn_options(given, ret, sizeof(*ret));
	if (r < 0)
		return ms_message_tell(err, r, "struct modsup_options: %s",
				       r == -E2BIG ? "it sets what this libmodsup does not know"
						   : "begin with MODSUP_OPTIONS_INIT");
	if (!ret->timeout_ms)
		ret->timeout_ms = DEFAULT_TIMEOUT_MS;
	return 0;
}

/* -- opening -- */

struct modsup *modsup_close(struct modsup *conn)
{
	if (!conn)
		return NULL;
	while (conn->first) {
		struct modsup_message *next = conn->first->next;

		(void)modsup_message_free(conn->first); /* always NULL */
		conn->first = next;
	}
	(void)modsup_message_free(conn->hello); /* always NULL */
	ms_line_done(&conn->line);
	ms_buf_done(&conn->out);
	free(conn->path);
	conn->fd = ms_fd_close(conn->fd);
	free(conn);
	return NULL;
}

static int conn_new(int take_fd, size_t max_line_bytes, struct modsup **ret,
		    struct modsup_error *err)
{
	ms_auto_fd int fd = take_fd;
	struct modsup *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return ms_message_tell(err, -ENOMEM, "out of memory");
	conn->fd = conn->line.fd = MS_TAKE_FD(fd);
	conn->line.max = max_line_bytes ? max_line_bytes : MS_MAX_PEER_OUTPUT_BYTES;
	conn->out = MS_BUF_INIT(MAX_PENDING_BYTES + MS_MAX_REQUEST_BYTES + 1);
	conn->behind = &conn->first;
	*ret = conn;
	return 0;
}

/* Where a full backlog would block connect(2) for as long as nobody accepts. */
static int bound_connect(int fd, int timeout_ms)
{
	struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	if (timeout_ms <= 0)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ? -errno : 0;
}

static int connect_to(const char *path, int timeout_ms)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	ms_auto_fd int fd = -EBADF;
	size_t len = strlen(path);
	int r;

	if (len == 0 || len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (timeout_ms ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0)
		return -errno;
	r = bound_connect(fd, timeout_ms);
	if (r < 0)
		return r;
	do {
		r = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return MS_TAKE_FD(fd);
}

int ms_conn_begin(const struct modsup_options *options, int timeout_ms, struct modsup **ret,
		  struct modsup_error *err)
{
	const char *path = ms_conn_path(options);
	ms_auto(conn) struct modsup *conn = NULL;
	ms_auto_fd int fd = connect_to(path, timeout_ms);
	char shown[200];
	int r;

	if (fd == -ENAMETOOLONG)
		return ms_message_tell(err, fd, "socket path of %zu bytes; 1 to %zu are possible",
				       strlen(path),
				       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	if (fd < 0)
		return ms_message_tell(err, fd, "connect to '%s': %s",
				       ms_log_quote(path, strlen(path), shown, sizeof(shown)),
				       modsup_strerror(fd));
	r = conn_new(MS_TAKE_FD(fd), options->max_line_bytes, &conn, err);
	if (r < 0)
		return r;
	conn->path = strdup(path);
	if (!conn->path)
		return ms_message_tell(err, -ENOMEM, "out of memory");
	*ret = MS_TAKE_PTR(conn);
	return 0;
}

/* The protocol's major version is the only thing that must match. */
int ms_conn_greet(struct modsup *conn, int timeout_ms, struct modsup_error *err)
{
	ms_auto(note) struct modsup_message *message = NULL;
	int r = modsup_receive(conn, timeout_ms, &message, err);
	struct ms_str body, found;
	uint64_t major = 0;

	if (r == MODSUP_CLOSED)
		return ms_message_tell(err, -ECONNRESET,
				       "the supervisor hung up without a greeting");
	if (r != 0)
		return r;
	if (message->kind == MODSUP_MESSAGE_ERROR)
		return ms_message_refusal(message, err);
	body = (struct ms_str){.p = message->body, .len = strlen(message->body)};
	if (ms_scan_get(body, "protocol", &found) && ms_scan_get(found, "major", &found))
		MS_IGNORE(ms_scan_uint(found, &major)); /* 0 is another version too */
	if (message->kind != MODSUP_MESSAGE_NOTE || major != PROTOCOL_MAJOR) {
		r = ms_message_tell(err, -EPROTO,
				    "the supervisor speaks protocol %llu, this program speaks %u",
				    (unsigned long long)major, PROTOCOL_MAJOR);
		ms_message_hint(err, "use the libmodsup that came with this modsupd");
		return r;
	}
	conn->hello = MS_TAKE_PTR(message);
	return 0;
}

static int greet_within(struct modsup *conn, int timeout_ms, struct modsup **ret,
			struct modsup_error *err)
{
	ms_auto(conn) struct modsup *owned = conn;
	int r = ms_conn_greet(owned, timeout_ms, err);

	if (r == MODSUP_TIMEOUT)
		return ms_message_tell(err, -ETIMEDOUT, "no greeting within %d ms", timeout_ms);
	if (r == 0)
		*ret = MS_TAKE_PTR(owned);
	return r;
}

int modsup_connect(const struct modsup_options *options, struct modsup **ret,
		   struct modsup_error *err)
{
	struct modsup_options o;
	struct modsup *conn = NULL;
	int r = read_options(options, &o, err);

	if (r == 0)
		r = ms_conn_begin(&o, o.timeout_ms, &conn, err);
	if (r == -EAGAIN)
		return ms_message_tell(err, -ETIMEDOUT, "not accepted within %d ms", o.timeout_ms);
	return r < 0 ? r : greet_within(conn, o.timeout_ms, ret, err);
}

int modsup_adopt(int take_fd, const struct modsup_options *options, struct modsup **ret,
		 struct modsup_error *err)
{
	ms_auto_fd int fd = take_fd;
	struct modsup_options o;
	struct modsup *conn = NULL;
	int r = read_options(options, &o, err);

	if (r == 0)
		r = conn_new(MS_TAKE_FD(fd), o.max_line_bytes, &conn, err);
	return r < 0 ? r : greet_within(conn, o.timeout_ms, ret, err);
}

const char *modsup_greeting(const struct modsup *conn)
{
	return conn->hello->body;
}

int modsup_fd(const struct modsup *conn)
{
	return conn->fd;
}

short modsup_events(const struct modsup *conn)
{
	return conn->out.len ? POLLIN | POLLOUT : POLLIN;
}

/* -- sending -- */

/* What the socket takes now. 0, also when it takes nothing, or -errno. A supervisor that has hung
 * up is no error here: what it said before that is still to be read, and then that it has gone. */
static int push(struct modsup *conn)
{
	while (conn->out.len > 0) {
		ssize_t n =
			send(conn->fd, conn->out.data, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			ms_buf_drop_front(&conn->out, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return 0;
		else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			conn->out.len = 0;
		else if (n < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

static bool is_method(const char *method)
{
	size_t len = strlen(method);

	return len > 0 && len <= MAX_METHOD_BYTES &&
	       strspn(method,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static int check_request(const char *method, const char *params, struct modsup_error *err)
{
	struct ms_str text = {.p = params ? params : "{}", .len = params ? strlen(params) : 2};
	int r;

	if (!is_method(method))
		return ms_message_tell(err, -EINVAL, "that is no method name");
	/* Before the check: a text of any size would be as slow as it is long. */
	if (text.len > MS_MAX_REQUEST_BYTES)
		return ms_message_tell(err, -E2BIG, "the request %s is larger than %u bytes",
				       method, MS_MAX_REQUEST_BYTES);
	r = ms_scan_check(text.p, text.len);
	if (r == -ENOMEM)
		return ms_message_tell(err, r, "out of memory");
	if (r < 0 || !ms_scan_is_object(text))
		return ms_message_tell(err, -EINVAL, "the params of %s are no JSON object", method);
	return 0;
}

/* One line. White space of checked params may hold line ends, their strings cannot. */
static void write_request(struct ms_buf *line, uint64_t id, const char *method, const char *params)
{
	ms_buf_addf(line, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\"",
		    (unsigned long long)id, method);
	if (params) {
		ms_buf_adds(line, ",\"params\":");
		ms_buf_adds(line, params);
	}
	ms_buf_adds(line, "}");
	for (size_t i = 0; !line->error && i < line->len; i++)
		if (line->data[i] == '\n' || line->data[i] == '\r')
			line->data[i] = ' ';
	ms_buf_adds(line, "\n");
}

int modsup_send(struct modsup *conn, const char *method, const char *params, uint64_t *ret_id,
		struct modsup_error *err)
{
	ms_auto(buf) struct ms_buf line = MS_BUF_INIT(MS_MAX_REQUEST_BYTES);
	int r = check_request(method, params, err);

	if (r < 0)
		return r;
	if (conn->out.len >= MAX_PENDING_BYTES)
		return ms_message_tell(err, -EAGAIN, "the supervisor reads no requests now");
	write_request(&line, conn->last_id + 1, method, params);
	if (line.error == -E2BIG)
		return ms_message_tell(err, -E2BIG, "the request %s is larger than %u bytes",
				       method, MS_MAX_REQUEST_BYTES);
	if (!line.error)
		ms_buf_add(&conn->out, line.data, line.len);
	if (line.error || conn->out.error)
		return ms_message_tell(err, -ENOMEM, "out of memory");
	r = push(conn);
	if (r < 0)
		return ms_message_tell(err, r, "write to the control socket: %s",
				       modsup_strerror(r));
	*ret_id = ++conn->last_id;
	return 0;
}

int modsup_flush(struct modsup *conn, int timeout_ms, struct modsup_error *err)
{
	int64_t deadline = ms_conn_deadline(timeout_ms);
	int r;

	for (;;) {
		r = push(conn);
		if (r == 0 && conn->out.len == 0)
			return 0;
		if (r == 0)
			r = await(conn->fd, POLLOUT, deadline);
		if (r == 0)
			return ms_message_tell(err, MODSUP_TIMEOUT,
					       "the supervisor took no request within %d ms",
					       timeout_ms);
		if (r < 0)
			return ms_message_tell(err, r, "write to the control socket: %s",
					       modsup_strerror(r));
	}
}

/* -- receiving -- */

static int decode(struct modsup *conn, struct ms_str line, struct modsup_message **ret,
		  struct modsup_error *err)
{
	ms_auto(note) struct modsup_message *message = NULL;
	uint64_t n_fds = 0;
	char shown[241];
	int r = ms_message_read(line, &message, &n_fds);

	if (r == -ENOMEM)
		return ms_message_tell(err, r, "out of memory");
	if (r < 0)
		return ms_message_tell(
			err, r, "what answered is no modsupd: '%s'",
			ms_log_quote(line.p, MS_MIN(line.len, (size_t)60), shown, sizeof(shown)));
	r = ms_line_take_fds(&conn->line, n_fds, message->fds);
	if (r < 0)
		return ms_message_tell(err, r, "the supervisor announced %llu descriptors, %u came",
				       (unsigned long long)n_fds, conn->line.n_held);
	message->n_fds = (unsigned)n_fds;
	*ret = MS_TAKE_PTR(message);
	return 0;
}

/* The next message of the socket, past those that are kept. */
static int next_message(struct modsup *conn, int64_t deadline, struct modsup_message **ret,
			struct modsup_error *err)
{
	struct ms_str line;
	int r;

	while (!ms_line_next(&conn->line, &line)) {
		if (conn->line.ended)
			return ms_message_tell(err, MODSUP_CLOSED,
					       "the supervisor ended the connection");
		if (push(conn) < 0)
			conn->out.len = 0; /* what it still said can be read */
		r = await(conn->fd, modsup_events(conn), deadline);
		if (r == 0)
			return ms_message_tell(err, MODSUP_TIMEOUT, "the time ran out");
		if (r > 0)
			r = ms_line_receive(&conn->line);
		if (r == -EMSGSIZE)
			return ms_message_tell(err, r,
					       "a line of the supervisor is above %zu bytes",
					       conn->line.max);
		if (r < 0 && r != -EAGAIN)
			return ms_message_tell(err, r, "read from the control socket: %s",
					       modsup_strerror(r));
	}
	return decode(conn, line, ret, err);
}

static void keep(struct modsup *conn, struct modsup_message *take_message)
{
	conn->kept_bytes += take_message->json_len;
	*conn->behind = take_message;
	conn->behind = &take_message->next;
}

int modsup_receive(struct modsup *conn, int timeout_ms, struct modsup_message **ret,
		   struct modsup_error *err)
{
	struct modsup_message *kept = conn->first;

	if (!kept)
		return next_message(conn, ms_conn_deadline(timeout_ms), ret, err);
	conn->first = kept->next;
	if (!conn->first)
		conn->behind = &conn->first;
	conn->kept_bytes -= kept->json_len;
	kept->next = NULL;
	*ret = kept;
	return 0;
}

/* A failure without an id is about the connection, so about every call on it. */
static bool answers(const struct modsup_message *message, uint64_t id)
{
	return message->kind != MODSUP_MESSAGE_NOTE &&
	       (message->id == id || (message->kind == MODSUP_MESSAGE_ERROR && message->id == 0));
}

int modsup_call(struct modsup *conn, const char *method, const char *params, int timeout_ms,
		struct modsup_message **ret_reply, struct modsup_error *err)
{
	int64_t deadline = ms_conn_deadline(timeout_ms);
	uint64_t id = 0;
	int r = modsup_send(conn, method, params, &id, err);

	while (r == 0) {
		ms_auto(note) struct modsup_message *message = NULL;

		if (conn->kept_bytes > MAX_KEPT_BYTES)
			return ms_message_tell(err, -ENOBUFS,
					       "%zu bytes of messages wait for modsup_receive()",
					       conn->kept_bytes);
		r = next_message(conn, deadline, &message, err);
		if (r != 0)
			break;
		if (!answers(message, id)) {
			keep(conn, MS_TAKE_PTR(message));
			continue;
		}
		if (message->kind == MODSUP_MESSAGE_ERROR)
			r = ms_message_refusal(message, err);
		if (ret_reply)
			*ret_reply = MS_TAKE_PTR(message);
		return r;
	}
	return r;
}

/* -- streams -- */

/* The folder of the socket with its slash, and the last component of @path. */
int modsup_stream_open(const struct modsup *conn, const char *path)
{
	const char *slash = conn->path ? strrchr(conn->path, '/') : NULL;
	const char *name = strrchr(path, '/');
	char beside[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int n;

	if (!slash)
		return connect_to(path, DEFAULT_TIMEOUT_MS);
	n = snprintf(beside, sizeof(beside), "%.*s%s", (int)(slash + 1 - conn->path), conn->path,
		     name ? name + 1 : path);
	if (n < 0 || (size_t)n >= sizeof(beside))
		return -ENAMETOOLONG;
	return connect_to(beside, DEFAULT_TIMEOUT_MS);
}
