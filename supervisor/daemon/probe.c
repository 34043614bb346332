/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.c - probe.h.
 *
 *	connect -> send the request -> read 13 bytes -> let the module finish -> tell
 *
 * "HTTP/1.1 200 " is all that is ever read: the version at 0, the status at 9, by their places. No
 * header, no length, no body: modsupd runs with the host's rights and parses nothing of a module's
 * making. The last wait is a courtesy: a server that is cut off in the middle of its answer writes
 * an error into its log, once for each check.
 */
#include "supervisor/daemon/probe.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/buf.h"
#include "modsup/limits.h"

#define ANSWER_BYTES  13u /* of "HTTP/1.1 200 " */
#define REQUEST_BYTES (MS_MAX_PATH_BYTES + 128u)
#define FINISH_USEC   (UINT64_C(200) * 1000)
#define ACCURACY_USEC (UINT64_C(10) * 1000)

struct ms_probe {
	int fd;
	sd_event_source *io, *timer, *told; /* owned; told: an end that is known at once */
	char *request;			    /* owned */
	size_t request_len, sent, got;
	char answer[ANSWER_BYTES];
	int result; /* once there is one; 0 before */
	ms_probe_fn fn;
	void *data;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The status that these bytes begin with, or -EPROTO. */
static int read_status(const char answer[static ANSWER_BYTES])
{
	if (memcmp(answer, "HTTP/1.", 7) != 0 || !is_digit(answer[7]) || answer[8] != ' ')
		return -EPROTO;
	if (answer[9] < '1' || answer[9] > '9' || !is_digit(answer[10]) || !is_digit(answer[11]))
		return -EPROTO;
	if (answer[12] != ' ' && answer[12] != '\r' && answer[12] != '\n')
		return -EPROTO;
	return (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0');
}

/* The end: nothing of @probe is touched after the call, which may free it. */
static int tell(struct ms_probe *probe, int result)
{
	ms_probe_fn fn = probe->fn;

	probe->io = sd_event_source_disable_unref(probe->io);
	probe->timer = sd_event_source_disable_unref(probe->timer);
	probe->told = sd_event_source_disable_unref(probe->told);
	probe->fd = ms_fd_close(probe->fd);
	if (fn) {
		probe->fn = NULL;
		fn(probe->data, result);
	}
	return 0;
}

static int on_told(sd_event_source *source MS_UNUSED, void *data)
{
	struct ms_probe *probe = data;

	return tell(probe, probe->result);
}

static int on_timer(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_probe *probe = data;

	return tell(probe, probe->result ? probe->result : -ETIMEDOUT);
}

/* The status is known; the module may write the rest and close, for a moment and not longer than
 * the whole may take. */
static int finish(struct ms_probe *probe)
{
	uint64_t now, end;
	int r;

	probe->result = read_status(probe->answer);
	if (probe->result < 0 ||
	    sd_event_now(sd_event_source_get_event(probe->io), CLOCK_BOOTTIME, &now) < 0 ||
	    sd_event_source_get_time(probe->timer, &end) < 0)
		return tell(probe, probe->result);
	r = sd_event_source_set_time(probe->timer, MS_MIN(end, now + FINISH_USEC));
	/* EPOLLHUP comes without being asked for; what can be read is left where it is */
	if (r < 0 || sd_event_source_set_io_events(probe->io, EPOLLRDHUP) < 0)
		return tell(probe, probe->result);
	return 0;
}

static int send_request(struct ms_probe *probe)
{
	ssize_t n = send(probe->fd, probe->request + probe->sent, probe->request_len - probe->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EPIPE) /* it did not wait for the question: what did it say? */
		n = (ssize_t)(probe->request_len - probe->sent);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : tell(probe, -errno);
	probe->sent += (size_t)n;
	if (probe->sent < probe->request_len)
		return 0;
	n = sd_event_source_set_io_events(probe->io, EPOLLIN | EPOLLRDHUP);
	return n < 0 ? tell(probe, (int)n) : 0;
}

static int read_answer(struct ms_probe *probe)
{
	ssize_t n = recv(probe->fd, probe->answer + probe->got, ANSWER_BYTES - probe->got,
			 MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : tell(probe, -errno);
	if (!n)
		return tell(probe, -EPROTO);
	probe->got += (size_t)n;
	return probe->got < ANSWER_BYTES ? 0 : finish(probe);
}

static int on_io(sd_event_source *source MS_UNUSED, int fd MS_UNUSED, uint32_t events MS_UNUSED,
		 void *data)
{
	struct ms_probe *probe = data;

	if (probe->result)
		return tell(probe, probe->result); /* it has closed */
	if (probe->sent < probe->request_len)
		return send_request(probe);
	return read_answer(probe);
}

static int make_request(struct ms_probe *probe, struct ms_str path)
{
	struct ms_buf request = MS_BUF_INIT(REQUEST_BYTES);

	ms_buf_adds(&request, "GET ");
	ms_buf_add(&request, path.p, path.len);
	ms_buf_adds(&request, " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: modsup\r\n"
			      "Connection: close\r\n\r\n");
	if (request.error) {
		ms_buf_done(&request);
		return -ENOMEM;
	}
	probe->request = ms_buf_take(&request, &probe->request_len);
	return 0;
}

/* 0, or why not, which is an answer and no failure of the caller's. */
static int connect_to(struct ms_probe *probe, const struct sockaddr_un *address)
{
	probe->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->fd < 0)
		return -errno;
	return connect(probe->fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno
											  : 0;
}

/**
 * ms_probe_start() - see probe.h.
 */
int ms_probe_start(sd_event *loop, const char *socket_path, struct ms_str http_path,
		   uint64_t timeout_usec, ms_probe_fn fn, void *data, struct ms_probe **ret)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	ms_auto(probe) struct ms_probe *probe = NULL;
	int r;

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return -ENOMEM;
	probe->fd = -EBADF;
	r = make_request(probe, http_path);
	if (r < 0)
		return r;
	probe->result = connect_to(probe, &address);
	if (probe->result < 0) {
		r = sd_event_add_defer(loop, &probe->told, on_told, probe);
	} else {
		r = sd_event_add_io(loop, &probe->io, probe->fd, EPOLLOUT, on_io, probe);
		if (r >= 0)
			r = sd_event_add_time_relative(loop, &probe->timer, CLOCK_BOOTTIME,
						       timeout_usec, ACCURACY_USEC, on_timer,
						       probe);
	}
	if (r < 0)
		return r;
	probe->fn = fn;
	probe->data = data;
	*ret = MS_TAKE_PTR(probe);
	return 0;
}

/**
 * ms_probe_free() - see probe.h.
 *
 * Return: NULL, to store back.
 */
struct ms_probe *ms_probe_free(struct ms_probe *probe)
{
	if (!probe)
		return NULL;
	probe->fn = NULL;
	(void)tell(probe, 0); /* closes; nobody is told */
	free(probe->request);
	free(probe);
	return NULL;
}
