/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modsup.h - libmodsup: a connection to the control socket of modsupd, for programs in C and for
 * languages that can call C. Answers and events are handed over as the JSON text that the
 * supervisor sent; docs/protocol.md says what is in it. Must never name a type of modsup's own
 * sources, nor one of a third-party library.
 *
 * Threads: nothing is shared between connections, so each may be used by its own thread; one
 * connection (or one modsup_follow) is for one thread at a time. Signals: none of these functions
 * may be called from a signal handler; none of them raises one (a supervisor that is gone is an
 * error, not SIGPIPE), and a signal does not end a wait. Fork: a child must not use what its parent
 * opened; all descriptors are close-on-exec.
 *
 * Times are milliseconds of a clock that runs on while the machine sleeps. Where a function takes
 * @timeout_ms, 0 means "do not wait" and a negative number "for ever".
 *
 * Results: 0 is success, a negative number is -errno, a positive one is of enum modsup_result. A
 * result parameter (ret_...) is written on success only, unless its function says otherwise.
 *
 * Texts in an answer may come from a module: escape control characters before a terminal sees them.
 */
#ifndef MODSUP_MODSUP_H
#define MODSUP_MODSUP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MODSUP_API	  __attribute__((visibility("default")))
#define MODSUP_MUST_CHECK __attribute__((warn_unused_result))

/* The interface described here; modsup_version() is that of the library in use. */
#define MODSUP_API_VERSION 1

/* Where the supervisor of the system listens. */
#define MODSUP_DEFAULT_SOCKET "/run/modsup/control.sock"

/* As many descriptors come with one answer at most. */
#define MODSUP_MAX_FDS 4u

enum modsup_result {
	MODSUP_TIMEOUT = 1, /* the time ran out; the connection is as good as before */
	MODSUP_CLOSED = 2,  /* the supervisor ended the connection; modsup_close() it */
	MODSUP_REFUSED = 3, /* the supervisor said no: see struct modsup_error */
};

/*
 * struct modsup_error - what went wrong, in words. The caller owns it; a function fills it when it
 * returns anything but 0, and every function takes NULL. Its layout does not change.
 */
struct modsup_error {
	int result;	   /* what the function returned */
	int code;	   /* MODSUP_REFUSED: the JSON-RPC code, else 0 */
	char reason[64];   /* MODSUP_REFUSED: the stable word to switch on, else "" */
	char retry[16];	   /* MODSUP_REFUSED: "never", "later" or "after-change", else "" */
	char message[512]; /* what and why, cut when longer */
	char hint[512];	   /* what to do, or "" */
};

/* ---------------------------------------------------------------------------------------------- */
/* Connection */

/* struct modsup - one connection. */
struct modsup;
/* struct modsup_message - one line of the supervisor. */
struct modsup_message;

/*
 * struct modsup_options - how to connect. Begin with MODSUP_OPTIONS_INIT: members may be added at
 * the end, and @size tells the library which of them the caller knows. What is 0 or NULL has its
 * default.
 */
struct modsup_options {
	size_t size;
	const char *path;      /* default: $MODSUP_SOCKET (not in set-uid programs), then
				  MODSUP_DEFAULT_SOCKET; borrowed for the call */
	int timeout_ms;	       /* until the greeting is there; default 10000 */
	size_t max_line_bytes; /* a longer line ends the connection; default 4 MiB, the most the
				  supervisor queues for one peer */
};

#define MODSUP_OPTIONS_INIT                                                                        \
	{                                                                                          \
		sizeof(struct modsup_options), NULL, 0, 0                                          \
	}

/**
 * modsup_version() - the version of the library, such as "0.1.0".
 * Return: a constant.
 */
MODSUP_API const char *modsup_version(void);

/**
 * modsup_strerror() - a few words for what one of these functions returned.
 * @result: 0, -errno, or of enum modsup_result
 * Return: a constant text, never NULL.
 */
MODSUP_API const char *modsup_strerror(int result);

/**
 * modsup_connect() - connect, and wait for the greeting.
 * @options: NULL for the defaults
 * @ret: the connection, to be ended with modsup_close()
 * @err: or NULL
 *
 * Return: 0; MODSUP_REFUSED when this user may not, or the supervisor is full; -ETIMEDOUT;
 * -ECONNRESET when it hung up; -EPROTO when what listens there is no modsupd, or speaks another
 * major version of the protocol; -E2BIG when @options sets what this library does not know; another
 * -errno of socket(2) or connect(2), such as -ENOENT and -ECONNREFUSED when none runs.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_connect(const struct modsup_options *options,
						struct modsup **ret, struct modsup_error *err);

/**
 * modsup_adopt() - the same over a stream socket that is connected already.
 * @take_fd: closed by the library, also on failure
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_adopt(int take_fd, const struct modsup_options *options,
					      struct modsup **ret, struct modsup_error *err);

/**
 * modsup_close() - end a connection and forget what it received.
 * @conn: or NULL. What was begun at the supervisor goes on; descriptors taken stay open.
 * Return: NULL, to be stored in place of @conn.
 */
MODSUP_API struct modsup *modsup_close(struct modsup *conn);

/**
 * modsup_greeting() - the params of the greeting: protocol, server, role, scope, features, epoch.
 * Return: a JSON object, valid as long as @conn.
 */
MODSUP_API const char *modsup_greeting(const struct modsup *conn);

/**
 * modsup_fd() - the descriptor to poll(2). Not to be read, written or closed.
 */
MODSUP_API int modsup_fd(const struct modsup *conn);

/**
 * modsup_events() - what to poll for: POLLIN, with POLLOUT while a request has not wholly gone out.
 * When it is there, call modsup_receive() with a timeout of 0 until it returns MODSUP_TIMEOUT:
 * messages that were read already wait in @conn, where poll(2) does not see them.
 */
MODSUP_API short modsup_events(const struct modsup *conn);

/* ---------------------------------------------------------------------------------------------- */
/* Requests and answers */

/**
 * modsup_call() - one request and its answer.
 * @method: such as "instance.list"
 * @params: a JSON object, or NULL for none
 * @ret_reply: the answer, to be ended with modsup_message_free(); also written with MODSUP_REFUSED,
 *	then it is the error. May be NULL where only success matters.
 * @err: or NULL
 *
 * What else arrives meanwhile (events, answers to requests of modsup_send()) is kept for
 * modsup_receive(). After MODSUP_TIMEOUT the answer may still come, through modsup_receive().
 *
 * Return: 0, MODSUP_REFUSED, MODSUP_TIMEOUT, MODSUP_CLOSED, -ENOBUFS when more than 16 MiB arrived
 * meanwhile, or as modsup_send() and modsup_receive().
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_call(struct modsup *conn, const char *method,
					     const char *params, int timeout_ms,
					     struct modsup_message **ret_reply,
					     struct modsup_error *err);

/**
 * modsup_send() - begin a request, without waiting for anything.
 * @ret_id: by which modsup_message_id() of its answer is known; answers come in any order
 *
 * What the socket does not take at once goes out with the next modsup_receive(), modsup_call() or
 * modsup_flush(). The supervisor works on 64 requests of one connection at once.
 *
 * Return: 0; -EINVAL when @method is no method name or @params no JSON object; -E2BIG for a request
 * above 1 MiB; -EAGAIN when 2 MiB wait to go out already (nothing was begun: receive first);
 * -ENOMEM; another -errno of send(2). That the supervisor has gone is told by modsup_receive(),
 * behind the last that it said.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_send(struct modsup *conn, const char *method,
					     const char *params, uint64_t *ret_id,
					     struct modsup_error *err);

/**
 * modsup_flush() - wait until every request has gone out. Reads nothing: a supervisor that waits
 * for its answers to be read takes none, so prefer modsup_receive() with many requests.
 * Return: 0, MODSUP_TIMEOUT, or -errno.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_flush(struct modsup *conn, int timeout_ms,
					      struct modsup_error *err);

/**
 * modsup_receive() - the next message: an answer, an event, or another notification.
 * @ret: to be ended with modsup_message_free()
 *
 * Return: 0; MODSUP_TIMEOUT; MODSUP_CLOSED; -EPROTO when the supervisor breaks the protocol;
 * -EMSGSIZE for a line above the bound; -ENOMEM; another -errno of recvmsg(2). After a negative
 * result the connection is of no use any more.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_receive(struct modsup *conn, int timeout_ms,
						struct modsup_message **ret,
						struct modsup_error *err);

/* ---------------------------------------------------------------------------------------------- */
/* Messages. What these return is valid as long as the message; nothing of it is ever NULL. */

enum modsup_message_kind {
	MODSUP_MESSAGE_RESULT = 1, /* an answer */
	MODSUP_MESSAGE_ERROR = 2,  /* a refusal; id 0 is about the connection */
	MODSUP_MESSAGE_NOTE = 3,   /* a notification: "event", "operation.progress" ... */
};

MODSUP_API enum modsup_message_kind modsup_message_kind(const struct modsup_message *message);
/** modsup_message_id() - of the request that is answered; 0 when there is none. */
MODSUP_API uint64_t modsup_message_id(const struct modsup_message *message);
/** modsup_message_method() - of a note, else "". */
MODSUP_API const char *modsup_message_method(const struct modsup_message *message);
/** modsup_message_body() - JSON text: the result, the error object, or the params of a note. */
MODSUP_API const char *modsup_message_body(const struct modsup_message *message);
/** modsup_message_json() - the whole line. */
MODSUP_API const char *modsup_message_json(const struct modsup_message *message);
/** modsup_message_error() - fill @ret with what an error says, its texts cut to fit. */
MODSUP_API void modsup_message_error(const struct modsup_message *message,
				     struct modsup_error *ret);
/** modsup_message_fds() - how many descriptors came with it. */
MODSUP_API unsigned modsup_message_fds(const struct modsup_message *message);
/**
 * modsup_message_take_fd() - one of its descriptors, from now on the caller's to close; -EBADF for
 * one that is taken or was never there. What is not taken is closed with the message.
 */
MODSUP_API int modsup_message_take_fd(struct modsup_message *message, unsigned index);
/** modsup_message_free() - @message or NULL. Return: NULL. */
MODSUP_API struct modsup_message *modsup_message_free(struct modsup_message *message);

/**
 * modsup_json_get() - one value out of a JSON text of the supervisor, for programs that bring no
 * parser of their own.
 * @json: as one of these functions handed it over
 * @pointer: RFC 6901, such as "/data/severity" or "/instances/0/state"; "" is the whole
 * @out: a string is written decoded, anything else as its JSON text; always ends with a NUL when
 *	@size is not 0; cut when it does not fit
 *
 * Return: the bytes that the whole takes, without the NUL (more than @size - 1: it was cut);
 * -ENOENT when there is no such value; -EINVAL when @json is no JSON; -ENOMEM.
 */
MODSUP_API long modsup_json_get(const char *json, const char *pointer, char *out, size_t size);

/* ---------------------------------------------------------------------------------------------- */
/* Streams */

/**
 * modsup_stream_open() - connect to a stream that an answer named, such as that of instance.logs.
 * @conn: the connection that the answer came over. A stream is looked for beside its socket, since
 *	that folder may have another name here than the supervisor knows (in a container).
 * @path: as the member `stream` of the result has it; good for one connection within 10 s
 *
 * Return: a descriptor to read(2) until its end, the caller's to close; or -errno.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_stream_open(const struct modsup *conn, const char *path);

/* ---------------------------------------------------------------------------------------------- */
/* Events without a hole that is not told, over the death of the supervisor */

/*
 * struct modsup_follow - a subscription on a connection of its own that is made again whenever it
 * is lost, each time a while later (doubled up to a bound, with jitter), and goes on where it was.
 * What could not be had is told as a gap, so that the accounts of a caller stay right.
 */
struct modsup_follow;
/* struct modsup_event - one thing that a modsup_follow tells. */
struct modsup_event;

/* As struct modsup_options: begin with MODSUP_FOLLOW_OPTIONS_INIT. All texts are copied. */
struct modsup_follow_options {
	size_t size;
	const char *params; /* of event.subscribe, without `since`: a JSON object; default: all */
	const char *epoch;  /* go on after the event @seq of this epoch; default: from now on */
	uint64_t seq;
	int first_wait_ms; /* before the second attempt; default 100 */
	int max_wait_ms;   /* between later ones; default 10000 */
};

#define MODSUP_FOLLOW_OPTIONS_INIT                                                                 \
	{                                                                                          \
		sizeof(struct modsup_follow_options), NULL, NULL, 0, 0, 0                          \
	}

enum modsup_event_kind {
	MODSUP_EVENT = 1,	 /* something happened */
	MODSUP_GAP = 2,		 /* events from..to may have been missed; _text() says why */
	MODSUP_CONNECTED = 3,	 /* the subscription is in force (again) */
	MODSUP_DISCONNECTED = 4, /* it is not, the library tries again; _text() says why */
};

/**
 * modsup_follow_new() - begin. Nothing is connected yet: that a supervisor is not there is told by
 * the first modsup_follow_next() as MODSUP_DISCONNECTED, and tried again.
 * @options: how to connect, or NULL; copied
 * @follow: what to follow, or NULL
 * @ret: to be ended with modsup_follow_free()
 * Return: 0; -EINVAL for params that are no object or hold `since`; -E2BIG; -ENOMEM.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_follow_new(const struct modsup_options *options,
						   const struct modsup_follow_options *follow,
						   struct modsup_follow **ret,
						   struct modsup_error *err);

/**
 * modsup_follow_next() - the next event, gap, loss or return of the connection.
 * @ret: to be ended with modsup_event_free()
 *
 * Within an epoch `seq` only grows: what a supervisor sends twice is told once. A `prev` that is
 * not the event before it becomes a gap with the text "missing".
 *
 * Return: 0; MODSUP_TIMEOUT; MODSUP_REFUSED when the supervisor refuses the subscription and trying
 * again is no use (calling this again tries all the same); -EPROTO, -ENOMEM.
 */
MODSUP_API MODSUP_MUST_CHECK int modsup_follow_next(struct modsup_follow *follow, int timeout_ms,
						    struct modsup_event **ret,
						    struct modsup_error *err);

/**
 * modsup_follow_poll() - for an event loop of one's own: what to wait for.
 * @ret_fd: to poll, or -1 while there is no connection; may change with each modsup_follow_next()
 * @ret_events: for poll(2)
 * @ret_timeout_ms: call modsup_follow_next() (timeout 0, until MODSUP_TIMEOUT) after this time at
 *	the latest; -1: no limit
 */
MODSUP_API void modsup_follow_poll(const struct modsup_follow *follow, int *ret_fd,
				   short *ret_events, int *ret_timeout_ms);

/**
 * modsup_follow_position() - where a later program can go on: after the last event or gap handed
 * over. Both are to be kept.
 * @ret_seq: written when not NULL
 * Return: the epoch, "" before the first connection; valid until the next call of this follow.
 */
MODSUP_API const char *modsup_follow_position(const struct modsup_follow *follow,
					      uint64_t *ret_seq);

/** modsup_follow_free() - @follow or NULL. Return: NULL. */
MODSUP_API struct modsup_follow *modsup_follow_free(struct modsup_follow *follow);

MODSUP_API enum modsup_event_kind modsup_event_kind(const struct modsup_event *event);
/** modsup_event_json() - MODSUP_EVENT: the event, a JSON object. MODSUP_CONNECTED: the greeting.
 * Else "". Valid as long as @event. */
MODSUP_API const char *modsup_event_json(const struct modsup_event *event);
/** modsup_event_type() - MODSUP_EVENT: its type, such as "violation"; else "". */
MODSUP_API const char *modsup_event_type(const struct modsup_event *event);
/** modsup_event_epoch() - MODSUP_EVENT, MODSUP_GAP and MODSUP_CONNECTED: the epoch; else "". */
MODSUP_API const char *modsup_event_epoch(const struct modsup_event *event);
/** modsup_event_seq() - MODSUP_EVENT: its number, MODSUP_GAP: the last one missed; else 0. */
MODSUP_API uint64_t modsup_event_seq(const struct modsup_event *event);
/** modsup_event_from() - MODSUP_GAP: the first one that may be missed; else 0. */
MODSUP_API uint64_t modsup_event_from(const struct modsup_event *event);
/** modsup_event_text() - MODSUP_GAP: "expired", "epoch", "slow-reader", "lost", "missing" ...;
 * MODSUP_DISCONNECTED: what happened, in words; else "". */
MODSUP_API const char *modsup_event_text(const struct modsup_event *event);
/** modsup_event_free() - @event or NULL. Return: NULL. */
MODSUP_API struct modsup_event *modsup_event_free(struct modsup_event *event);

#ifdef __cplusplus
}
#endif

#endif
