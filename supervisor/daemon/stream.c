/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.c - see stream.h. A stream belongs to nobody's connection: it lives by its own source,
 * reader and deadlines, and is freed only from its own event sources or with all of them. Called by
 * methods with bulk data.
 */
#include "supervisor/daemon/stream.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "supervisor/daemon/supervisor.h"

#define NAME_PREFIX   "stream-"
#define NAME_DIGITS   16u
#define EXPIRE_USEC   10000000u
#define STALL_USEC    60000000u
#define TURN_BYTES    32768u /* pulled before others get their turn */
#define PULLS_A_TURN  8u
#define BACKLOG	      1
#define REFUSED_A_WAY 16u /* connections of others before we stop looking */
#define PRIORITY      (SD_EVENT_PRIORITY_NORMAL + 10) /* requests first */

struct ms_stream {
	struct ms_stream *next, **link;
	struct ms_streams *streams;
	struct ms_stream_source source;
	char path[MS_STREAM_PATH_BYTES];
	uid_t uid;
	uint64_t stall_usec;
	uint32_t n_refused;
	int fd; /* listening, then connected */
	bool is_connected, ended, has_socket_file;
	bool empty; /* the source has nothing now */
	struct ms_buf out;
	size_t sent; /* of out */
	sd_event_source *io, *turn, *deadline;
};

struct ms_streams {
	struct ms_supervisor *s; /* borrowed */
	struct ms_stream *first; /* owned */
	uint32_t n;
};

static void remove_file(struct ms_stream *stream)
{
	if (stream->has_socket_file)
		MS_IGNORE(unlink(stream->path)); /* swept at the next start otherwise */
	stream->has_socket_file = false;
}

static void stream_free(struct ms_stream *stream)
{
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	stream->streams->n--;
	remove_file(stream);
	stream->io = sd_event_source_disable_unref(stream->io);
	stream->turn = sd_event_source_disable_unref(stream->turn);
	stream->deadline = sd_event_source_disable_unref(stream->deadline);
	stream->fd = ms_fd_close(stream->fd);
	ms_buf_done(&stream->out);
	if (stream->source.done)
		stream->source.done(stream->source.data);
	free(stream);
}

/* -- sending -- */

static void kick(struct ms_stream *stream)
{
	MS_IGNORE(sd_event_source_set_enabled(stream->turn, SD_EVENT_ONESHOT)); /* it is there */
}

static int set_deadline(struct ms_stream *stream, uint64_t usec)
{
	int r = sd_event_source_set_time_relative(stream->deadline, usec);

	return r < 0 ? r : sd_event_source_set_enabled(stream->deadline, SD_EVENT_ONESHOT);
}

/* Fill the buffer, up to a turn's share. */
static int pull(struct ms_stream *stream)
{
	for (uint32_t i = 0; i < PULLS_A_TURN; i++) {
		int r;

		if (stream->ended || stream->empty || stream->out.len >= TURN_BYTES)
			return 0;
		r = stream->source.pull(stream->source.data, &stream->out);
		if (r < 0 || stream->out.error)
			return r < 0 ? r : stream->out.error;
		stream->empty = r == MS_STREAM_EMPTY;
		stream->ended = r == MS_STREAM_END;
	}
	return 0;
}

static int send_some(struct ms_stream *stream)
{
	ssize_t n;

	if (stream->sent == stream->out.len)
		return 0;
	do
		n = send(stream->fd, stream->out.data + stream->sent,
			 stream->out.len - stream->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	stream->sent += (size_t)n;
	if (stream->sent == stream->out.len)
		stream->out.len = stream->sent = 0;
	return n > 0 ? set_deadline(stream, stream->stall_usec) : 0;
}

/* Everything that can be done now; frees the stream when that was all. */
static void serve(struct ms_stream *stream)
{
	bool waits = false;
	int r = 0;

	if (!stream->out.len)
		r = pull(stream);
	if (r == 0)
		r = send_some(stream);
	waits = stream->out.len > 0; /* for the reader */
	if (r < 0 || (!waits && stream->ended)) {
		stream_free(stream);
		return;
	}
	if (waits && sd_event_source_get_enabled(stream->deadline, NULL) == 0)
		r = set_deadline(stream, stream->stall_usec);
	if (!waits) /* nobody owes anything: a reader that waits is not stalled */
		r = sd_event_source_set_enabled(stream->deadline, SD_EVENT_OFF);
	if (!waits && !stream->empty)
		kick(stream);
	if (r < 0 || sd_event_source_set_io_events(stream->io, waits ? EPOLLOUT : 0) < 0)
		stream_free(stream);
}

static int on_turn(sd_event_source *source MS_UNUSED, void *data)
{
	serve(data);
	return 0;
}

/* Nobody came, or nobody reads. */
static int on_deadline(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	stream_free(data);
	return 0;
}

static int on_writable(struct ms_stream *stream, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR))
		stream_free(stream);
	else
		serve(stream);
	return 0;
}

/* -- the way in -- */

static bool is_wanted(const struct ms_stream *stream, int peer)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);

	return getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       cred.uid == stream->uid;
}

/* From now on @take_fd is the stream, and nobody else can come. */
static int connected(struct ms_stream *stream, int take_fd)
{
	remove_file(stream);
	(void)ms_fd_close(stream->fd); /* set below */
	stream->fd = take_fd;
	stream->is_connected = true;
	return sd_event_source_set_io_fd(stream->io, take_fd);
}

static int on_io(sd_event_source *source MS_UNUSED, int fd, uint32_t events, void *data)
{
	struct ms_stream *stream = data;
	int peer;

	if (stream->is_connected)
		return on_writable(stream, events);
	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer < 0)
		return 0; /* it went away, or we are short: the deadline ends this */
	if (!is_wanted(stream, peer)) {
		(void)ms_fd_close(peer); /* of another user */
		if (++stream->n_refused == REFUSED_A_WAY)
			stream_free(stream);
		return 0;
	}
	if (connected(stream, peer) < 0 || set_deadline(stream, stream->stall_usec) < 0)
		stream_free(stream);
	else
		serve(stream);
	return 0;
}

/* What bind(2) made, to @uid alone. The folder may be mounted into a container: what stands there
 * by now may be a link, or a file of somebody else's, and is neither followed nor touched. */
static int give_to(const struct ms_stream *stream, uid_t uid)
{
	ms_auto_fd int fd = open(stream->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char self[32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 07777))
		return -ESTALE;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd); /* fits */
	if (fchownat(fd, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0 || chmod(self, 0600) < 0)
		return -errno;
	return 0;
}

/* A socket file that only @uid can connect to, from its first moment on. */
static int bind_for(struct ms_stream *stream, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t saved = umask(0777);
	int r;

	memcpy(address.sun_path, stream->path, strlen(stream->path));
	r = bind(stream->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(saved); /* cannot fail */
	if (r < 0)
		return r;
	stream->has_socket_file = true;
	r = give_to(stream, uid);
	if (r == 0 && listen(stream->fd, BACKLOG) < 0)
		r = -errno;
	return r;
}

static int make_path(struct ms_stream *stream, const char *dir)
{
	uint8_t random[NAME_DIGITS / 2];
	int n;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	n = snprintf(stream->path, sizeof(stream->path), "%s/" NAME_PREFIX, dir);
	if (n < 0 || (size_t)n + NAME_DIGITS >= sizeof(stream->path))
		return -ENAMETOOLONG;
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(stream->path + n + 2 * i, 3, "%02x", random[i]); /* measured */
	return 0;
}

static int add_sources(struct ms_stream *stream, uint64_t expire_usec)
{
	sd_event *loop = stream->streams->s->loop;
	int r;

	r = sd_event_add_io(loop, &stream->io, stream->fd, EPOLLIN, on_io, stream);
	if (r >= 0)
		r = sd_event_source_set_priority(stream->io, PRIORITY);
	if (r >= 0)
		r = sd_event_add_defer(loop, &stream->turn, on_turn, stream);
	if (r >= 0)
		r = sd_event_source_set_enabled(stream->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(stream->turn, PRIORITY);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &stream->deadline, CLOCK_BOOTTIME, expire_usec,
					       0, on_deadline, stream);
	return r;
}

static int begin(struct ms_stream *stream, const struct ms_stream_for *whom)
{
	int r = make_path(stream, whom->dir);

	if (r < 0)
		return r;
	stream->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (stream->fd < 0)
		return -errno;
	r = bind_for(stream, whom->uid);
	return r < 0 ? r : add_sources(stream, whom->expire_usec ? whom->expire_usec : EXPIRE_USEC);
}

/* One user never has all of those that others need as well. */
static bool has_its_share(const struct ms_streams *streams, uid_t uid)
{
	uint32_t n = 0;

	if (uid == 0 || uid == geteuid())
		return false;
	for (const struct ms_stream *stream = streams->first; stream; stream = stream->next)
		n += stream->uid == uid;
	return n >= MS_MAX_USER_STREAMS;
}

static int refuse_more(uid_t uid, bool has_its_share, struct ms_error *err)
{
	if (has_its_share)
		MS_IGNORE(ms_error_say(err, EBUSY, MS_REASON_BUSY,
				       "user %u has %u streams open, the most of one user",
				       (unsigned)uid, MS_MAX_USER_STREAMS)); /* below */
	else
		MS_IGNORE(ms_error_say(err, EBUSY, MS_REASON_BUSY, "%u streams are open, the most",
				       MS_MAX_STREAMS)); /* below */
	return ms_error_hint(err, "end a --follow, or ask for the lines inline");
}

/**
 * ms_stream_open() - make a socket for one reader.
 * @streams: of the supervisor
 * @whom: who may read, and where the socket stands
 * @source: copied; its done() is called once the stream has ended
 * @ret: valid until then
 * @err: filled on failure
 * Return: 0 or -errno, with the source left to the caller.
 */
int ms_stream_open(struct ms_streams *streams, const struct ms_stream_for *whom,
		   const struct ms_stream_source *source, struct ms_stream **ret,
		   struct ms_error *err)
{
	struct ms_stream *stream;
	int r;

	if (streams->n >= MS_MAX_STREAMS || has_its_share(streams, whom->uid))
		return refuse_more(whom->uid, has_its_share(streams, whom->uid), err);
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	stream->streams = streams;
	stream->fd = -EBADF;
	stream->uid = whom->uid;
	stream->stall_usec = whom->stall_usec ? whom->stall_usec : STALL_USEC;
	stream->out = MS_BUF_INIT(TURN_BYTES + MS_STREAM_PULL_BYTES);
	stream->link = &streams->first;
	stream->next = streams->first;
	if (stream->next)
		stream->next->link = &stream->next;
	streams->first = stream;
	streams->n++;
	r = begin(stream, whom);
	if (r < 0) {
		stream_free(stream); /* it has no source yet */
		return ms_error_set(err, -r, "make a socket for a stream in '%.100s'", whom->dir);
	}
	stream->source = *source;
	*ret = stream;
	return 0;
}

/** ms_stream_path() - Return: where it listens, as answers tell it. */
const char *ms_stream_path(const struct ms_stream *stream)
{
	return stream->path;
}

/** ms_stream_wake() - ask the source again. May be called from anywhere but its pull(). */
void ms_stream_wake(struct ms_stream *stream)
{
	stream->empty = false;
	if (stream->is_connected)
		kick(stream);
}

/* -- all of them -- */

static bool is_stream_name(const char *name)
{
	size_t prefix = strlen(NAME_PREFIX);

	return strncmp(name, NAME_PREFIX, prefix) == 0 && strlen(name) == prefix + NAME_DIGITS &&
	       strspn(name + prefix, "0123456789abcdef") == NAME_DIGITS;
}

static void sweep(int runtime, const char *name)
{
	int fd = openat(runtime, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (fd >= 0 && !dir)
		(void)ms_fd_close(fd);	    /* -EBADF */
	while (dir && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (is_stream_name(e->d_name) &&
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode))
			(void)unlinkat(dirfd(dir), e->d_name, 0); /* the next start tries again */
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

/**
 * ms_streams_new() - none yet, and none left of a daemon that was killed.
 * @s: must outlive it
 * @ret: owned by the caller
 * @err: filled on failure
 * Return: 0 or -errno.
 */
int ms_streams_new(struct ms_supervisor *s, struct ms_streams **ret, struct ms_error *err)
{
	static const char *const folders[] = {".", "backend", "observer"};
	ms_auto_fd int runtime =
		open(s->runtime_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct ms_streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	for (size_t i = 0; runtime >= 0 && i < MS_ARRAY_LEN(folders); i++)
		sweep(runtime, folders[i]);
	streams->s = s;
	*ret = streams;
	return 0;
}

/** ms_streams_review() - end the streams of all whom an entry of the configuration let in. */
void ms_streams_review(struct ms_streams *streams)
{
	struct ms_stream *next;

	for (struct ms_stream *stream = streams ? streams->first : NULL; stream; stream = next) {
		next = stream->next;
		if (stream->uid != 0 && stream->uid != geteuid())
			stream_free(stream);
	}
}

/** ms_streams_free() - end every stream; NULL is fine. Return: NULL. */
struct ms_streams *ms_streams_free(struct ms_streams *streams)
{
	while (streams && streams->first)
		stream_free(streams->first);
	free(streams);
	return NULL;
}
