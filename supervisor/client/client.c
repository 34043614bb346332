/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.c - the connection. Descriptors come with the first byte of the line that declares them;
 * the kernel never merges two such lines into one read, so a queue in order of arrival is enough to
 * know whose they are. Must never block longer than it was told to.
 */
#include "supervisor/client/client.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "modsup/limits.h"

#define CHUNK_BYTES    65536u
#define SEND_MS	       30000
#define MAX_LINE_BYTES MS_MAX_PEER_OUTPUT_BYTES

struct ms_client {
	int fd;			      /* owned */
	char *in;		      /* owned: received, from @start to @end */
	size_t cap;		      /* of @in */
	size_t start;		      /* of the first line not yet handed out */
	size_t end;		      /* of what was received */
	size_t looked;		      /* up to here there is no newline */
	int held[MS_CLIENT_HELD_FDS]; /* owned, in order of arrival */
	uint32_t n_held;
	bool ended;    /* nothing more will come */
	bool fds_lost; /* more descriptors came than can be held */
	uint64_t last_id;
	struct ms_message hello;
	ms_client_other_fn other;
	void *other_data; /* borrowed */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	/* Cannot fail for this clock; suspend counts, as the supervisor's deadlines do. */
	if (clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What is left until @deadline_ms (below 0: forever), for poll(2). */
static int left_ms(int64_t deadline_ms)
{
	int64_t left;

	if (deadline_ms < 0)
		return -1;
	left = deadline_ms - now_ms();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static int64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/* 1: ready, 0: the deadline passed, -errno. Signals do not end the wait. */
static int await(int fd, short events, int64_t deadline_ms)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int n;

	do {
		n = poll(&pfd, 1, left_ms(deadline_ms));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void ms_message_done(struct ms_message *message)
{
	if (!message)
		return;
	for (uint32_t i = 0; i < message->n_fds; i++)
		message->fds[i] = ms_fd_close(message->fds[i]);
	message->n_fds = 0;
	message->doc = ms_doc_free(message->doc);
	message->body = NULL;
}

struct ms_client *ms_client_free(struct ms_client *client)
{
	if (!client)
		return NULL;
	for (uint32_t i = 0; i < client->n_held; i++)
		client->held[i] = ms_fd_close(client->held[i]);
	ms_message_done(&client->hello);
	client->fd = ms_fd_close(client->fd);
	free(client->in);
	free(client);
	return NULL;
}

const struct ms_json *ms_client_hello(const struct ms_client *client)
{
	return client->hello.body;
}

int ms_client_fd(const struct ms_client *client)
{
	return client->fd;
}

void ms_client_set_other(struct ms_client *client, ms_client_other_fn fn, void *data)
{
	client->other = fn;
	client->other_data = data;
}

/* Reading answers */

const struct ms_json *ms_client_get(const struct ms_json *object, const char *key,
				    enum ms_json_type type)
{
	const struct ms_json *value;

	if (!object || ms_json_type(object) != MS_JSON_OBJECT)
		return NULL;
	value = ms_json_get(object, key);
	return value && ms_json_type(value) == type ? value : NULL;
}

struct ms_str ms_client_get_str(const struct ms_json *object, const char *key)
{
	const struct ms_json *value = ms_client_get(object, key, MS_JSON_STRING);

	return value ? ms_json_str(value) : (struct ms_str){.p = "", .len = 0};
}

uint64_t ms_client_get_uint(const struct ms_json *object, const char *key, uint64_t dflt)
{
	const struct ms_json *value = ms_client_get(object, key, MS_JSON_INT);

	return value && ms_json_int(value) >= 0 ? (uint64_t)ms_json_int(value) : dflt;
}

struct ms_str ms_client_reason(const struct ms_json *error)
{
	return ms_client_get_str(ms_client_get(error, "data", MS_JSON_OBJECT), "reason");
}

/* Receiving */

/* The descriptors of one control message; one that does not fit is closed, and remembered. */
static void hold_fds(struct ms_client *client, const struct cmsghdr *cmsg)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (client->n_held < MS_CLIENT_HELD_FDS) {
			client->held[client->n_held++] = fd;
		} else {
			client->fds_lost = true;
			(void)ms_fd_close(fd); /* the number is a local one */
		}
	}
}

/* Room for one more chunk: first by moving what is left to the front, then by growing. */
static int make_room(struct ms_client *client)
{
	size_t cap = client->cap ? client->cap * 2 : 2 * (size_t)CHUNK_BYTES;
	char *in;

	if (client->start > 0) {
		memmove(client->in, client->in + client->start, client->end - client->start);
		client->end -= client->start;
		client->looked -= client->start;
		client->start = 0;
	}
	if (client->cap - client->end >= CHUNK_BYTES)
		return 0;
	if (client->end > MAX_LINE_BYTES)
		return -EMSGSIZE;
	in = realloc(client->in, cap);
	if (!in)
		return -ENOMEM;
	client->in = in;
	client->cap = cap;
	return 0;
}

/* One recvmsg(2). 0 when something came or the end was seen, -EAGAIN when nothing is there. */
static int receive_some(struct ms_client *client, struct ms_error *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MS_CLIENT_MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int r = make_room(client);
	ssize_t n;

	if (r < 0)
		return ms_error_set(err, -r, "an answer of the supervisor does not fit");
	iov = (struct iovec){.iov_base = client->in + client->end,
			     .iov_len = client->cap - client->end};
	do {
		n = recvmsg(client->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n < 0 && errno != ECONNRESET)
		return ms_error_set(err, errno, "read from the control socket");
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			hold_fds(client, c);
	if (n > 0 && (msg.msg_flags & MSG_CTRUNC))
		client->fds_lost = true;
	if (n <= 0)
		client->ended = true; /* a reset means the same: nothing more will come */
	else
		client->end += (size_t)n;
	return 0;
}

/* The next whole line, without its newline; false when there is none yet. */
static bool next_line(struct ms_client *client, struct ms_str *ret)
{
	const char *newline;

	if (client->looked == client->end)
		return false;
	newline = memchr(client->in + client->looked, '\n', client->end - client->looked);
	if (!newline) {
		client->looked = client->end;
		return false;
	}
	*ret = (struct ms_str){.p = client->in + client->start,
			       .len = (size_t)(newline - client->in) - client->start};
	client->start = client->looked = (size_t)(newline - client->in) + 1;
	return true;
}

static int take_fds(struct ms_client *client, uint64_t n, struct ms_message *message,
		    struct ms_error *err)
{
	if (n > MS_CLIENT_MAX_FDS || n > client->n_held || client->fds_lost)
		return ms_error_set(err, EPROTO, "the supervisor announced %u descriptors, %u came",
				    (unsigned)(n > UINT32_MAX ? UINT32_MAX : n), client->n_held);
	memcpy(message->fds, client->held, n * sizeof(int));
	message->n_fds = (uint32_t)n;
	client->n_held -= (uint32_t)n;
	memmove(client->held, client->held + n, client->n_held * sizeof(int));
	return 0;
}

static int classify(const struct ms_json *root, struct ms_message *message)
{
	const struct ms_json *value;

	if (ms_json_type(root) != MS_JSON_OBJECT)
		return -EPROTO;
	message->id = ms_client_get_uint(root, "id", 0);
	message->method = ms_client_get_str(root, "method");
	value = ms_client_get(root, "error", MS_JSON_OBJECT);
	if (value) {
		message->kind = MS_MESSAGE_FAILURE;
		message->body = value;
		return 0;
	}
	if (message->method.len > 0) {
		message->kind = MS_MESSAGE_NOTE;
		message->body = ms_client_get(root, "params", MS_JSON_OBJECT);
		return 0;
	}
	value = ms_json_get(root, "result");
	if (!value || message->id == 0)
		return -EPROTO;
	message->kind = MS_MESSAGE_RESULT;
	message->body = value;
	return 0;
}

static int decode(struct ms_client *client, struct ms_str line, struct ms_message *ret,
		  struct ms_error *err)
{
	static const struct ms_doc_limits limits = {.max_bytes = MAX_LINE_BYTES,
						    .max_depth = MS_MAX_REQUEST_DEPTH};
	ms_auto(report) struct ms_report *report = ms_report_new("answer");
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	char shown[81];
	int r;

	if (!report)
		return ms_error_set(err, ENOMEM, "read an answer");
	r = ms_doc_parse(line.p, line.len, limits, MS_REASON_PARSE_ERROR, report, &message.doc);
	if (r < 0)
		return ms_error_set(err, -r, "read an answer");
	if (r == 0)
		r = classify(ms_doc_root(message.doc), &message);
	if (r != 0)
		return ms_error_say(
			err, EPROTO, MS_REASON_INTERNAL, "what answered is no modsupd: '%s'",
			ms_log_quote(line.p, MS_MIN(line.len, (size_t)60), shown, sizeof(shown)));
	r = take_fds(client, ms_client_get_uint(ms_doc_root(message.doc), "fds", 0), &message, err);
	if (r < 0)
		return r;
	*ret = message;
	message = MS_MESSAGE_INIT;
	return 0;
}

int ms_client_receive(struct ms_client *client, int timeout_ms, struct ms_message *ret,
		      struct ms_error *err)
{
	int64_t deadline = deadline_of(timeout_ms);
	struct ms_str line;
	int r;

	while (!next_line(client, &line)) {
		if (client->ended)
			return MS_CLIENT_CLOSED;
		r = await(client->fd, POLLIN, deadline);
		if (r < 0)
			return ms_error_set(err, -r, "wait for the supervisor");
		if (r == 0)
			return MS_CLIENT_TIMEOUT;
		r = receive_some(client, err);
		if (r < 0 && r != -EAGAIN)
			return r;
	}
	return decode(client, line, ret, err);
}

/* Sending */

static int send_all(struct ms_client *client, const char *data, size_t len, struct ms_error *err)
{
	int64_t deadline = deadline_of(SEND_MS);

	while (len > 0) {
		ssize_t n = send(client->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n > 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return ms_error_set(err, errno, "write to the control socket");
		r = await(client->fd, POLLOUT, deadline);
		if (r <= 0)
			return ms_error_set(err, r < 0 ? -r : ETIMEDOUT,
					    "write to the control socket");
	}
	return 0;
}

int ms_client_send(struct ms_client *client, const char *method, struct ms_jw *take_params,
		   uint64_t *ret_id, struct ms_error *err)
{
	ms_auto(jw) struct ms_jw *params = take_params;
	ms_auto(buf) struct ms_buf line = MS_BUF_INIT(MS_MAX_REQUEST_BYTES);
	ms_auto_free char *text = params ? ms_jw_take(params, MS_JW_LINE, NULL) : NULL;
	uint64_t id = client->last_id + 1;
	int r;

	if (params && !text)
		return ms_error_set(err, ENOMEM, "write the request %s", method);
	ms_buf_addf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\"",
		    (unsigned long long)id, method);
	if (text)
		ms_buf_addf(&line, ",\"params\":%s", text);
	ms_buf_adds(&line, "}\n");
	if (line.error == -E2BIG)
		return ms_error_say(err, E2BIG, MS_REASON_REQUEST_INVALID,
				    "the request %s is larger than %u bytes", method,
				    MS_MAX_REQUEST_BYTES);
	if (line.error)
		return ms_error_set(err, -line.error, "write the request %s", method);
	r = send_all(client, line.data, line.len, err);
	if (r < 0)
		return r;
	client->last_id = id;
	*ret_id = id;
	return 0;
}

int ms_client_call(struct ms_client *client, const char *method, struct ms_jw *take_params,
		   int timeout_ms, struct ms_message *ret, struct ms_error *err)
{
	int64_t deadline = deadline_of(timeout_ms);
	uint64_t id = 0;
	int r = ms_client_send(client, method, take_params, &id, err);

	while (r == 0) {
		ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;

		r = ms_client_receive(client, left_ms(deadline), &message, err);
		if (r != 0)
			break;
		/* A failure without an id is about the connection, so about this call too. */
		if (message.kind != MS_MESSAGE_NOTE &&
		    (message.id == id || (message.kind == MS_MESSAGE_FAILURE && message.id == 0))) {
			*ret = message;
			message = MS_MESSAGE_INIT;
			return 0;
		}
		if (client->other)
			client->other(client->other_data, &message);
	}
	return r;
}

/* Opening */

static enum ms_reason reason_of(struct ms_str word)
{
	for (unsigned i = 0; i < MS_REASON_COUNT; i++) {
		const char *w = ms_reason_word((enum ms_reason)i);

		if (strlen(w) == word.len && memcmp(w, word.p, word.len) == 0)
			return (enum ms_reason)i;
	}
	return MS_REASON_INTERNAL;
}

static int refused(const struct ms_json *error, struct ms_error *err)
{
	struct ms_str hint =
		ms_client_get_str(ms_client_get(error, "data", MS_JSON_OBJECT), "hint");
	struct ms_str text = ms_client_get_str(error, "message");
	char shown[MS_ERROR_MSG_BYTES];

	(void)ms_error_say(err, EACCES, reason_of(ms_client_reason(error)), "%s",
			   ms_log_quote(text.p, text.len, shown, sizeof(shown)));
	if (hint.len > 0)
		(void)ms_error_hint(err, "%s",
				    ms_log_quote(hint.p, hint.len, shown, sizeof(shown)));
	return MS_CLIENT_REFUSED;
}

/* The greeting: the protocol's major version is the only thing that must match. */
static int greet(struct ms_client *client, int timeout_ms, struct ms_error *err)
{
	struct ms_message *hello = &client->hello;
	int r = ms_client_receive(client, timeout_ms, hello, err);
	uint64_t major;

	if (r == MS_CLIENT_TIMEOUT)
		return ms_error_set(err, ETIMEDOUT, "no greeting within %d ms", timeout_ms);
	if (r == MS_CLIENT_CLOSED)
		return ms_error_set(err, ECONNRESET, "the supervisor hung up without a greeting");
	if (r < 0)
		return r;
	if (hello->kind == MS_MESSAGE_FAILURE)
		return refused(hello->body, err);
	major = ms_client_get_uint(ms_client_get(hello->body, "protocol", MS_JSON_OBJECT), "major",
				   0);
	if (major == 1)
		return 0;
	(void)ms_error_say(err, EPROTO, MS_REASON_UNSUPPORTED,
			   "the supervisor speaks protocol %llu, this program speaks 1",
			   (unsigned long long)major);
	return ms_error_hint(err, "use the modsupctl that came with this modsupd");
}

int ms_client_adopt(int take_fd, int timeout_ms, struct ms_client **ret, struct ms_error *err)
{
	ms_auto_fd int fd = take_fd;
	ms_auto(client) struct ms_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return ms_error_set(err, ENOMEM, "connect");
	client->fd = MS_TAKE_FD(fd);
	r = greet(client, timeout_ms, err);
	if (r != 0)
		return r;
	*ret = MS_TAKE_PTR(client);
	return 0;
}

int ms_client_open(const char *path, int timeout_ms, struct ms_client **ret, struct ms_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = timeout_ms < 0 ? 0 : timeout_ms / 1000 + 1};
	ms_auto_fd int fd = -EBADF;
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(addr.sun_path))
		return ms_error_say(err, ENAMETOOLONG, MS_REASON_PARAMS_INVALID,
				    "socket path of %zu bytes; 1 to %zu are possible", len,
				    sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ms_error_set(err, errno, "make a socket");
	/* A full backlog would block connect(2) for as long as the supervisor does not accept. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return ms_error_set(err, errno, "set up the socket");
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return ms_error_set(err, errno, "connect to '%s'", path);
	return ms_client_adopt(MS_TAKE_FD(fd), timeout_ms, ret, err);
}
