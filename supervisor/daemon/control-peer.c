/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-peer.c - one connection. It reads while there is room for what the answers need, writes
 * what is queued, and pulls notifications only when the queue is short. A peer that is slow, dead
 * or hostile costs its own buffers and nothing else; nothing here waits. A turn is short, and those
 * of a user who had many of late come when nothing else is to do (control-share.h).
 *
 *	reading --(fault of framing)--> draining --(all sent, or the deadline)--> gone
 *	   |  \--(end of input)--> answering --(nothing left to say)-------------> gone
 *	   \----(hang-up, output over its cap)-----------------------------------> gone
 *
 * Freed only from its own event sources, never from inside a call of rpc.c. Called by control.c.
 */
#include "supervisor/daemon/control-peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/supervisor.h"

#define READ_BYTES	 16384u
#define KEEP_INPUT_BYTES 65536u /* a larger input buffer is given back when it is empty */
#define STOP_READING	 (MS_MAX_PEER_OUTPUT_BYTES / 2)
#define FREE_BYTES	 131072u /* of a connection, whatever others of its user have */
#define PULL_BELOW_BYTES 65536u	 /* notifications are queued only while less than this waits */
#define LINES_A_TURN	 32u	 /* requests or lines before the loop looks at others */
#define TURN_USEC	 1000u	 /* nor does it begin another request after this */
#define PATIENT_PRIORITY SD_EVENT_PRIORITY_IDLE /* with what modules say, in turn */
#define DRAIN_USEC	 (5u * 1000000u)
#define TICK_USEC	 1000000u
#define TICK_SLACK_USEC	 100000u

struct out {
	struct out *next;
	struct ms_rpc_line line;
	size_t sent;
};

struct ms_control_peer {
	struct ms_control_peer *next, **link;
	struct ms_control_peers *peers;
	int fd;
	sd_event_source *io, *kick, *deadline, *tick;
	struct ms_rpc_peer rpc;
	struct ms_buf in;
	size_t scanned; /* bytes of `in` known to hold no newline */
	struct out *out, **out_end;
	size_t out_bytes;
	bool pull;     /* ms_rpc_pull() may have something */
	bool draining; /* told that it is over: no more reading */
	bool eof;      /* sends no more, may still read */
	bool doomed;   /* freed at its next turn */
	bool patient;  /* its user has had its share, and waits for others */
	uint64_t turn_began_usec;
};

static void free_out(struct out *out)
{
	ms_rpc_line_done(&out->line);
	free(out);
}

static void peer_free(struct ms_control_peer *peer)
{
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
	peer->peers->n--;
	peer->doomed = true; /* what ends below may still try to send */
	ms_rpc_peer_done(&peer->rpc);
	peer->io = sd_event_source_disable_unref(peer->io);
	peer->kick = sd_event_source_disable_unref(peer->kick);
	peer->deadline = sd_event_source_disable_unref(peer->deadline);
	peer->tick = sd_event_source_disable_unref(peer->tick);
	while (peer->out) {
		struct out *out = peer->out;

		peer->out = out->next;
		free_out(out);
	}
	ms_buf_done(&peer->in);
	peer->fd = ms_fd_close(peer->fd);
	free(peer);
}

/* -- what a user may make us keep -- */

static size_t held(const struct ms_control_peer *peer)
{
	return peer->in.cap + peer->out_bytes;
}

/* Each connection has its bounds; this is the one of all connections of a user, which are many. Who
 * runs the host is not held to it. */
static bool is_over_share(const struct ms_control_peer *peer)
{
	uid_t uid = peer->rpc.uid;
	size_t sum = 0;

	if (uid == 0 || uid == geteuid() || held(peer) < FREE_BYTES)
		return false;
	for (const struct ms_control_peer *p = peer->peers->first; p; p = p->next)
		if (p->rpc.uid == uid)
			sum += held(p);
	return sum > MS_MAX_USER_PEER_BYTES;
}

/* -- whose turn it is -- */

static uint64_t now_usec(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static bool is_late(const struct ms_control_peer *peer)
{
	return now_usec() - peer->turn_began_usec > TURN_USEC;
}

/* As its user's share is now. True when it has to wait from here on, where it had not. */
static bool settle(struct ms_control_peer *peer, uint64_t now)
{
	bool patient = peer->rpc.role < MS_ROLE_ADMIN &&
		       ms_share_is_over(&peer->peers->shares, peer->rpc.uid, now);
	int64_t priority = patient ? PATIENT_PRIORITY : SD_EVENT_PRIORITY_NORMAL;

	if (patient == peer->patient)
		return false;
	if (sd_event_source_set_priority(peer->io, priority) < 0 ||
	    sd_event_source_set_priority(peer->kick, priority) < 0)
		return false; /* cannot happen: both are there, and it needs no memory */
	peer->patient = patient;
	return patient;
}

static bool begin_turn(struct ms_control_peer *peer)
{
	peer->turn_began_usec = now_usec();
	return !settle(peer, peer->turn_began_usec);
}

static void end_turn(struct ms_control_peer *peer)
{
	uint64_t now = now_usec();

	ms_share_charge(&peer->peers->shares, peer->rpc.uid, now, now - peer->turn_began_usec);
	(void)settle(peer, now); /* of the next turn */
}

/* -- out -- */

static void kick(struct ms_control_peer *peer)
{
	if (peer->kick && sd_event_source_set_enabled(peer->kick, SD_EVENT_ONESHOT) < 0)
		peer->doomed = true; /* cannot happen: a deferred source needs no memory */
}

static void sink_wake(void *data)
{
	struct ms_control_peer *peer = data;

	peer->pull = true;
	kick(peer);
}

static void sink_send(void *data, struct ms_rpc_line *take_line)
{
	struct ms_control_peer *peer = data;
	size_t len = ms_rpc_line_len(take_line);
	struct out *out = peer->doomed ? NULL : calloc(1, sizeof(*out));

	if (!out || peer->out_bytes + len > MS_MAX_PEER_OUTPUT_BYTES || is_over_share(peer)) {
		if (!peer->doomed)
			ms_log(MS_LOG_WARNING, "control: a peer is disconnected: %s",
			       out ? "it does not read its answers" : "out of memory");
		free(out);
		ms_rpc_line_done(take_line);
		peer->doomed = true;
		kick(peer);
		return;
	}
	out->line = *take_line;
	*peer->out_end = out;
	peer->out_end = &out->next;
	peer->out_bytes += len;
	kick(peer);
}

/* The parts of a line that are still to be sent. */
static size_t fill_iov(const struct out *out, struct iovec iov[static 3])
{
	struct ms_str event = {.p = "", .len = 0};
	struct ms_str parts[3] = {{.p = out->line.head, .len = out->line.head_len}};
	size_t skip = out->sent, n = 0;

	if (out->line.event) {
		event = ms_event_text(out->line.event);
		parts[1] = (struct ms_str){.p = event.p + 1, .len = event.len - 1};
	}
	parts[2] = (struct ms_str){.p = out->line.tail, .len = strlen(out->line.tail)};
	for (size_t i = 0; i < MS_ARRAY_LEN(parts); i++) {
		size_t cut = MS_MIN(skip, parts[i].len);

		skip -= cut;
		if (parts[i].len > cut)
			iov[n++] = (struct iovec){.iov_base = (void *)(uintptr_t)(parts[i].p + cut),
						  .iov_len = parts[i].len - cut};
	}
	return n;
}

/* One sendmsg of one line; its descriptors go with its first byte. */
static ssize_t send_some(struct ms_control_peer *peer, struct out *out)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MS_MAX_ANSWER_FDS)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov[3];
	struct msghdr msg = {.msg_iov = iov};
	ssize_t n;

	msg.msg_iovlen = fill_iov(out, iov);
	if (out->line.n_fds && !out->sent) {
		size_t fds_len = sizeof(int) * out->line.n_fds;
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fds_len);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_len);
		memcpy(CMSG_DATA(cmsg), out->line.fds, fds_len);
	}
	do
		n = sendmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Send until it would block or the turn is over. */
static void flush(struct ms_control_peer *peer)
{
	for (uint32_t turn = 0; peer->out && turn < LINES_A_TURN; turn++) {
		struct out *out = peer->out;
		size_t len = ms_rpc_line_len(&out->line);
		ssize_t n = send_some(peer, out);

		if (n == -EAGAIN || n == -ETOOMANYREFS) /* the latter: descriptors in flight */
			return;
		if (n < 0) {
			peer->doomed = true; /* EPIPE, ECONNRESET: nobody is there */
			return;
		}
		for (; out->line.n_fds > 0; out->line.n_fds--) /* they are on their way */
			(void)ms_fd_close(out->line.fds[out->line.n_fds - 1]); /* -EBADF */
		out->sent += (size_t)n;
		if (out->sent < len)
			continue;
		peer->out = out->next;
		if (!peer->out)
			peer->out_end = &peer->out;
		peer->out_bytes -= len;
		free_out(out);
	}
}

static void pull(struct ms_control_peer *peer)
{
	for (uint32_t turn = 0; peer->pull && turn < LINES_A_TURN && !is_late(peer); turn++) {
		if (peer->doomed || peer->draining || peer->out_bytes >= PULL_BELOW_BYTES)
			return;
		peer->pull = ms_rpc_pull(&peer->rpc);
	}
}

/* -- in -- */

static int on_deadline(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	peer_free(data);
	return 0;
}

/* A fault of framing: tell it, read no more, end when it is sent. */
static void drain(struct ms_control_peer *peer, const struct ms_error *err)
{
	struct ms_rpc_line line;

	peer->draining = true;
	if (sd_event_add_time_relative(peer->rpc.s->loop, &peer->deadline, CLOCK_MONOTONIC,
				       DRAIN_USEC, 0, on_deadline, peer) < 0 ||
	    !ms_rpc_refusal(err, &line)) {
		peer->doomed = true;
		kick(peer);
		return;
	}
	sink_send(peer, &line);
}

static bool may_run(const struct ms_control_peer *peer)
{
	return !peer->doomed && !peer->draining && peer->rpc.n_calls < MS_MAX_PEER_REQUESTS &&
	       peer->out_bytes < STOP_READING;
}

static void refuse_long_line(struct ms_control_peer *peer)
{
	struct ms_error err = MS_ERROR_INIT;

	MS_IGNORE(ms_error_say(&err, E2BIG, MS_REASON_REQUEST_INVALID,
			       "a line is longer than %u bytes, so the connection is ended",
			       MS_MAX_REQUEST_BYTES)); /* sent below */
	drain(peer, &err);
}

/* Only while there is something to tell: an idle peer wakes nobody up. Without memory for the timer
 * there is no progress, and nothing else is missed. */
static int on_tick(sd_event_source *source, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_control_peer *peer = data;

	if (!peer->draining && ms_rpc_tick(&peer->rpc) &&
	    sd_event_source_set_time_relative(source, TICK_USEC) >= 0)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static void start_tick(struct ms_control_peer *peer)
{
	int on = SD_EVENT_OFF;

	if (!ms_rpc_has_steps(&peer->rpc))
		return;
	if (!peer->tick) {
		MS_IGNORE(sd_event_add_time_relative(peer->rpc.s->loop, &peer->tick,
						     CLOCK_MONOTONIC, TICK_USEC, TICK_SLACK_USEC,
						     on_tick, peer)); /* as above */
		return;
	}
	if (sd_event_source_get_enabled(peer->tick, &on) >= 0 && on == SD_EVENT_OFF &&
	    sd_event_source_set_time_relative(peer->tick, TICK_USEC) >= 0)
		MS_IGNORE(sd_event_source_set_enabled(peer->tick, SD_EVENT_ONESHOT)); /* as above */
}

static void refuse_share(struct ms_control_peer *peer)
{
	struct ms_error err = MS_ERROR_INIT;

	ms_log(MS_LOG_WARNING,
	       "control: a peer is disconnected: user %u has more than %u bytes "
	       "waiting at this socket",
	       (unsigned)peer->rpc.uid, MS_MAX_USER_PEER_BYTES);
	MS_IGNORE(
		ms_error_say(&err, EBUSY, MS_REASON_BUSY,
			     "the connections of user %u have more than %u bytes waiting, so this "
			     "one is ended",
			     (unsigned)peer->rpc.uid, MS_MAX_USER_PEER_BYTES)); /* sent below */
	ms_buf_done(&peer->in);
	peer->scanned = 0;
	drain(peer, &err);
}

/* Run the complete lines, as far as may be. */
static void run_lines(struct ms_control_peer *peer)
{
	size_t used = 0, turn = 0;

	while (may_run(peer) && turn++ < LINES_A_TURN) {
		if (turn > 1 && is_late(peer)) {
			kick(peer);
			break;
		}

		size_t from = used > peer->scanned ? used : peer->scanned;
		const char *end = peer->in.len > from
					  ? memchr(peer->in.data + from, '\n', peer->in.len - from)
					  : NULL;
		size_t len = (end ? (size_t)(end - peer->in.data) : peer->in.len) - used;

		if (len > MS_MAX_REQUEST_BYTES) {
			refuse_long_line(peer);
			break;
		}
		if (!end) {
			peer->scanned = peer->in.len;
			break;
		}
		ms_rpc_request(&peer->rpc, peer->in.data + used, len);
		used += len + 1;
	}
	if (turn > LINES_A_TURN)
		kick(peer);
	if (used) {
		ms_buf_drop_front(&peer->in, used);
		start_tick(peer);
	}
	peer->scanned = peer->scanned > used ? peer->scanned - used : 0;
	if (!peer->in.len && peer->in.cap > KEEP_INPUT_BYTES)
		ms_buf_done(&peer->in); /* keeps its cap, starts anew */
}

/* One read. Descriptors are never taken: without room for them the kernel drops them, and says so.
 */
static void receive(struct ms_control_peer *peer)
{
	char bytes[READ_BYTES];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct ms_error err = MS_ERROR_INIT;
	ssize_t n = recvmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			peer->doomed = true;
		return;
	}
	if (msg.msg_flags & MSG_CTRUNC) {
		MS_IGNORE(ms_error_say(&err, EINVAL, MS_REASON_REQUEST_INVALID,
				       "no request takes file descriptors, so the connection is "
				       "ended")); /* sent below */
		drain(peer, &err);
		return;
	}
	if (n == 0)
		peer->eof = true;
	ms_buf_add(&peer->in, bytes, (size_t)n);
	if (peer->in.error)
		peer->doomed = true;
	else if (is_over_share(peer))
		refuse_share(peer);
}

/* -- turns -- */

static bool is_over(const struct ms_control_peer *peer)
{
	if (peer->doomed)
		return true;
	if (peer->out)
		return false;
	if (peer->draining)
		return true;
	if (!peer->eof || peer->rpc.n_calls)
		return false;
	if (peer->in.len && memchr(peer->in.data, '\n', peer->in.len))
		return false; /* requests that have not had their turn */
	for (size_t i = 0; i < MS_ARRAY_LEN(peer->rpc.subs); i++)
		if (peer->rpc.subs[i].sub)
			return false;
	return true;
}

static bool wants_input(const struct ms_control_peer *peer)
{
	return !peer->eof && may_run(peer) && peer->in.len <= MS_MAX_REQUEST_BYTES;
}

/* Everything that can be done now; frees the peer when that was all. */
static void serve(struct ms_control_peer *peer)
{
	uint32_t events = 0;

	run_lines(peer);
	pull(peer);
	flush(peer);
	end_turn(peer);
	if (is_over(peer)) {
		peer_free(peer);
		return;
	}
	if (peer->pull && peer->out_bytes < PULL_BELOW_BYTES)
		kick(peer);
	if (wants_input(peer))
		events |= EPOLLIN;
	if (peer->out)
		events |= EPOLLOUT;
	if (sd_event_source_set_io_events(peer->io, events) < 0)
		peer_free(peer);
}

static int on_kick(sd_event_source *source MS_UNUSED, void *data)
{
	if (begin_turn(data))
		serve(data);
	else
		kick(data);
	return 0;
}

static int on_io(sd_event_source *source MS_UNUSED, int fd MS_UNUSED, uint32_t events, void *data)
{
	struct ms_control_peer *peer = data;

	if (events & (EPOLLHUP | EPOLLERR)) {
		peer_free(peer);
		return 0;
	}
	if (!begin_turn(peer))
		return 0; /* it is ready still when its turn comes */
	if (events & EPOLLIN)
		receive(peer);
	serve(peer);
	return 0;
}

static int add_sources(struct ms_control_peer *peer)
{
	sd_event *loop = peer->rpc.s->loop;
	int r;

	r = sd_event_add_io(loop, &peer->io, peer->fd, EPOLLIN, on_io, peer);
	if (r < 0)
		return r;
	r = sd_event_add_defer(loop, &peer->kick, on_kick, peer);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(peer->kick, SD_EVENT_OFF);
}

/**
 * ms_control_peer_new() - a connection that has been admitted.
 * @peers: the list it belongs to
 * @s: whose loop and state it uses
 * @take_who: who it is; its entry is consumed in every case
 * @take_fd: a connected, non-blocking socket; consumed in every case
 * Return: 0 or -errno.
 */
int ms_control_peer_new(struct ms_control_peers *peers, struct ms_supervisor *s,
			const struct ms_rpc_who *take_who, int take_fd)
{
	struct ms_control_peer *peer = calloc(1, sizeof(*peer));
	int r;

	if (!peer) {
		(void)ms_fd_close(take_fd); /* -EBADF */
		free(take_who->entry);
		return -ENOMEM;
	}
	peer->fd = take_fd;
	peer->in = MS_BUF_INIT(MS_MAX_REQUEST_BYTES + 2 * READ_BYTES);
	peer->out_end = &peer->out;
	peer->peers = peers;
	peer->link = &peers->first;
	peer->next = peers->first;
	if (peer->next)
		peer->next->link = &peer->next;
	peers->first = peer;
	peers->n++;
	ms_rpc_peer_init(&peer->rpc, s, take_who,
			 (struct ms_rpc_sink){.send = sink_send, .wake = sink_wake, .data = peer});
	r = add_sources(peer);
	if (r < 0) {
		peer_free(peer);
		return r;
	}
	ms_rpc_greet(&peer->rpc);
	return 0;
}

/** ms_control_peer_next() - Return: the one after @peer, the first after NULL, NULL at the end. */
struct ms_control_peer *ms_control_peer_next(const struct ms_control_peers *peers,
					     const struct ms_control_peer *peer)
{
	return peer ? peer->next : peers->first;
}

/** ms_control_peer_rpc() - Return: as it was admitted. */
const struct ms_rpc_peer *ms_control_peer_rpc(const struct ms_control_peer *peer)
{
	return &peer->rpc;
}

/** ms_control_peer_fd() - Return: its socket, borrowed. */
int ms_control_peer_fd(const struct ms_control_peer *peer)
{
	return peer->fd;
}

/** ms_control_peer_dismiss() - what waits is sent, then @err, then it ends. */
void ms_control_peer_dismiss(struct ms_control_peer *peer, const struct ms_error *err)
{
	if (!peer->draining && !peer->doomed)
		drain(peer, err);
}

/** ms_control_peers_of() - Return: how many of @peers are of this user. */
uint32_t ms_control_peers_of(const struct ms_control_peers *peers, uid_t uid)
{
	uint32_t n = 0;

	for (const struct ms_control_peer *peer = peers->first; peer; peer = peer->next)
		n += peer->rpc.uid == uid;
	return n;
}

/** ms_control_peers_done() - end every connection of @peers. */
void ms_control_peers_done(struct ms_control_peers *peers)
{
	while (peers->first)
		peer_free(peers->first);
}
