/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c - a subscription that outlives its connections and accounts for every number: what the
 * supervisor tells as a gap, and what it does not (a `prev` that is not the event before). Must
 *never wait longer than it was told to, so each step of connecting can be left and come back to.
 *Called by programs through modsup/modsup.h.
 *
 *	      next_try                greeting              answer
 *	DOWN ----------> GREETING ---------------> ASKING ----------> LIVE
 *	  ^                 |                        |  ^               | gap "ended"
 *	  |                 | lost, late             |  +---------------+
 *	  +-----------------+------------------------+------------------+ lost
 *
 * The way to DOWN is told once (DISCONNECTED), the one to LIVE too (CONNECTED).
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/buf.h"
#include "modsup/limits.h"
#include "supervisor/client/connection.h"
#include "supervisor/client/event.h"
#include "supervisor/client/message.h"
#include "supervisor/client/scan.h"

#define DEFAULT_FIRST_WAIT_MS 100
#define DEFAULT_MAX_WAIT_MS   10000
#define DEFAULT_TIMEOUT_MS    10000

enum state { DOWN, GREETING, ASKING, LIVE };

struct modsup_follow {
	struct modsup_options options; /* its path is owned */
	char *params;		       /* owned: an object */
	int first_wait_ms, max_wait_ms;
	enum state state;
	struct modsup *conn; /* owned; NULL when DOWN */
	uint64_t request;    /* ASKING: the one to event.subscribe */
	int64_t at_ms;	     /* DOWN: the next attempt; GREETING, ASKING: the deadline */
	uint32_t failures;   /* attempts since it was LIVE */
	bool down_told;	     /* DISCONNECTED was */
	bool up_told;	     /* CONNECTED was, on this connection */
	bool placed;	     /* epoch and seq hold */
	char epoch[MS_EVENT_EPOCH_BYTES + 1];
	uint64_t seq;  /* the last one seen or given up */
	uint64_t prev; /* what `prev` of the next one has to be */
	char told_epoch[MS_EVENT_EPOCH_BYTES + 1];
	uint64_t told_seq;		      /* the last one handed out */
	struct modsup_event *first, **behind; /* owned: to be handed out, in order */
};

/* -- making and ending -- */

struct modsup_follow *modsup_follow_free(struct modsup_follow *follow)
{
	if (!follow)
		return NULL;
	while (follow->first) {
		struct modsup_event *next = follow->first->next;

		(void)modsup_event_free(follow->first); /* always NULL */
		follow->first = next;
	}
	follow->conn = modsup_close(follow->conn);
	free((char *)(uintptr_t)follow->options.path);
	free(follow->params);
	free(follow);
	return NULL;
}

static void ms_follow_cleanup(struct modsup_follow **follow)
{
	*follow = modsup_follow_free(*follow);
}

/* One that goes into a request as it is. */
static bool is_epoch(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= MS_EVENT_EPOCH_BYTES &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       len;
}

/* The object that event.subscribe gets but for `since`, which is added each time. */
static int check_params(const char *params)
{
	struct ms_str text = {.p = params, .len = strlen(params)}, found;
	int r = text.len > MS_MAX_REQUEST_BYTES ? -E2BIG : ms_scan_check(text.p, text.len);

	if (r == -EBADMSG || (r == 0 && !ms_scan_is_object(text)))
		return -EINVAL;
	return r == 0 && ms_scan_get(text, "since", &found) ? -EINVAL : r;
}

static int fill(struct modsup_follow *f, const struct modsup_options *options,
		const struct modsup_follow_options *o)
{
	const char *params = o->params ? o->params : "{}", *epoch = o->epoch ? o->epoch : "";
	int r = check_params(params);

	if (r < 0)
		return r;
	if (!is_epoch(epoch) && o->epoch)
		return -EINVAL;
	f->options = *options;
	f->options.path = strdup(ms_conn_path(options));
	f->params = strdup(params);
	if (!f->params || !f->options.path)
		return -ENOMEM;
	if (f->options.timeout_ms <= 0)
		f->options.timeout_ms = DEFAULT_TIMEOUT_MS;
	f->first_wait_ms = o->first_wait_ms > 0 ? o->first_wait_ms : DEFAULT_FIRST_WAIT_MS;
	f->max_wait_ms = o->max_wait_ms > 0 ? o->max_wait_ms : DEFAULT_MAX_WAIT_MS;
	f->placed = o->epoch != NULL;
	f->seq = f->told_seq = o->epoch ? o->seq : 0;
	memcpy(f->epoch, epoch, strlen(epoch) + 1);
	memcpy(f->told_epoch, epoch, strlen(epoch) + 1);
	return 0;
}

int modsup_follow_new(const struct modsup_options *options,
		      const struct modsup_follow_options *follow, struct modsup_follow **ret,
		      struct modsup_error *err)
{
	ms_auto(follow) struct modsup_follow *f = calloc(1, sizeof(*f));
	struct modsup_options conn_options = MODSUP_OPTIONS_INIT;
	struct modsup_follow_options o = MODSUP_FOLLOW_OPTIONS_INIT;
	int r = f ? 0 : -ENOMEM;

	if (r == 0 && options)
		r = ms_conn_options(options, &conn_options, sizeof(conn_options));
	if (r == 0 && follow)
		r = ms_conn_options(follow, &o, sizeof(o));
	if (r == 0) {
		f->behind = &f->first;
		r = fill(f, &conn_options, &o);
	}
	if (r < 0)
		return ms_message_tell(err, r, "follow events: %s",
				       r == -EINVAL
					       ? "params must be a JSON object without `since`, "
						 "options begin with their size"
					       : modsup_strerror(r));
	*ret = MS_TAKE_PTR(f);
	return 0;
}

const char *modsup_follow_position(const struct modsup_follow *follow, uint64_t *ret_seq)
{
	if (ret_seq)
		*ret_seq = follow->told_seq;
	return follow->told_epoch;
}

void modsup_follow_poll(const struct modsup_follow *follow, int *ret_fd, short *ret_events,
			int *ret_timeout_ms)
{
	*ret_fd = follow->conn ? modsup_fd(follow->conn) : -1;
	*ret_events = follow->conn ? modsup_events(follow->conn) : 0;
	*ret_timeout_ms = follow->first		  ? 0
			  : follow->state == LIVE ? -1
						  : ms_conn_left_ms(follow->at_ms);
}

/* -- telling -- */

static struct modsup_event *tell(struct modsup_follow *f, enum modsup_event_kind kind)
{
	struct modsup_event *event = calloc(1, sizeof(*event));

	if (!event)
		return NULL;
	event->kind = kind;
	if (kind != MODSUP_DISCONNECTED)
		memcpy(event->epoch, f->epoch, sizeof(event->epoch));
	*f->behind = event;
	f->behind = &event->next;
	return event;
}

static int tell_gap(struct modsup_follow *f, uint64_t from, uint64_t to, const char *why)
{
	struct modsup_event *gap = tell(f, MODSUP_GAP);

	if (!gap)
		return -ENOMEM;
	gap->from = from;
	gap->seq = to;
	(void)snprintf(gap->text, sizeof(gap->text), "%s", why); /* cutting is wanted */
	return 0;
}

/* -- connecting -- */

/* Half to all of the doubled wait, so that many clients do not come back at once. */
static int wait_ms(const struct modsup_follow *f)
{
	int64_t ms = f->first_wait_ms;
	uint32_t random = 0;

	for (uint32_t i = 1; i < f->failures && ms < f->max_wait_ms; i++)
		ms *= 2;
	ms = MS_MIN(ms, (int64_t)f->max_wait_ms);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = (uint32_t)ms_conn_now_ms(); /* early boot: any spread will do */
	return (int)(ms - (int64_t)(random % (uint32_t)(ms / 2 + 1)));
}

/* The connection is gone, or never was: tell it once, and when to try again. */
static int go_down(struct modsup_follow *f, const struct modsup_error *why)
{
	struct modsup_event *event;

	f->conn = modsup_close(f->conn);
	f->state = DOWN;
	f->up_told = false;
	if (f->failures < UINT32_MAX)
		f->failures++;
	f->at_ms = ms_conn_now_ms() + wait_ms(f);
	if (f->down_told)
		return 0;
	event = tell(f, MODSUP_DISCONNECTED);
	if (!event)
		return -ENOMEM;
	f->down_told = true;
	(void)snprintf(event->text, sizeof(event->text), "%s", why->message); /* fits */
	return 0;
}

/* Whether a refusal is one that time does not heal. */
static bool final(int r, const struct modsup_error *err)
{
	return r == MODSUP_REFUSED && strcmp(err->retry, "later") != 0;
}

/* The caller is told by the result, so not once more by an event. */
static int refuse(struct modsup_follow *f, int r)
{
	f->down_told = true;
	MS_IGNORE(go_down(f, NULL)); /* nothing to tell, so nothing can fail */
	return r;
}

static int start(struct modsup_follow *f, struct modsup_error *err)
{
	int r = ms_conn_begin(&f->options, /* timeout_ms= */ 0, &f->conn, err);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return go_down(f, err);
	f->state = GREETING;
	f->at_ms = ms_conn_deadline(f->options.timeout_ms);
	return 0;
}

/* The params with `since`: put before the first member, so that only one brace is looked for. */
static int ask(struct modsup_follow *f, struct modsup_error *err)
{
	ms_auto(buf) struct ms_buf params = MS_BUF_INIT(MS_MAX_REQUEST_BYTES);
	const char *rest = strchr(f->params, '{') + 1; /* checked: there is one */
	size_t space = strspn(rest, " \t\r\n");
	int r;

	ms_buf_adds(&params, "{");
	if (f->placed)
		ms_buf_addf(&params, "\"since\":{\"epoch\":\"%s\",\"seq\":%llu}%s", f->epoch,
			    (unsigned long long)f->seq, rest[space] == '}' ? "" : ",");
	ms_buf_adds(&params, rest);
	if (params.error)
		return ms_message_tell(err, params.error, "event.subscribe: %s",
				       modsup_strerror(params.error));
	r = modsup_send(f->conn, "event.subscribe", params.data, &f->request, err);
	if (r == -ENOMEM || r == -EINVAL || r == -E2BIG)
		return r;
	if (r < 0)
		return go_down(f, err);
	f->state = ASKING;
	f->at_ms = ms_conn_deadline(f->options.timeout_ms);
	return 0;
}

static int greet(struct modsup_follow *f, struct modsup_error *err)
{
	int r = ms_conn_greet(f->conn, /* timeout_ms= */ 0, err);

	if (r == MODSUP_TIMEOUT && ms_conn_left_ms(f->at_ms) > 0)
		return r;
	if (r == 0)
		return ask(f, err);
	if (r == -ENOMEM)
		return r;
	return final(r, err) ? refuse(f, r) : go_down(f, err);
}

/* -- what arrives -- */

static struct ms_str body_of(const struct modsup_message *message)
{
	const char *body = modsup_message_body(message);

	return (struct ms_str){.p = body, .len = strlen(body)};
}

static uint64_t number(struct ms_str object, const char *key)
{
	struct ms_str found;
	uint64_t n = 0;

	if (ms_scan_get(object, key, &found))
		MS_IGNORE(ms_scan_uint(found, &n)); /* 0 then */
	return n;
}

static bool read_epoch(struct ms_str object, char out[static MS_EVENT_EPOCH_BYTES + 1])
{
	ms_auto_free char *text = NULL;
	struct ms_str found;

	if (!ms_scan_get(object, "epoch", &found) || ms_scan_string(found, &text) < 0 ||
	    !is_epoch(text))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static int broken(struct modsup_follow *f, const char *what)
{
	struct modsup_error err = {0};

	MS_IGNORE(ms_message_tell(&err, -EPROTO, "the supervisor sent %s", what)); /* told below */
	return go_down(f, &err);
}

/* The subscription stands. Its first `prev` is that of `since` in the same epoch, else 0. */
static int subscribed(struct modsup_follow *f, const struct modsup_message *answer)
{
	struct ms_str body = body_of(answer);
	char epoch[MS_EVENT_EPOCH_BYTES + 1];
	struct modsup_event *event;
	uint64_t next = number(body, "next");

	if (!read_epoch(body, epoch) || !next)
		return broken(f, "a subscription without epoch or next");
	f->prev = f->placed && strcmp(epoch, f->epoch) == 0 ? f->seq : 0;
	if (!f->placed) {
		memcpy(f->epoch, epoch, sizeof(f->epoch));
		f->seq = next - 1;
		f->placed = true;
	}
	f->state = LIVE;
	f->failures = 0;
	f->down_told = false;
	if (f->up_told)
		return 0;
	event = tell(f, MODSUP_CONNECTED);
	if (!event)
		return -ENOMEM;
	f->up_told = true;
	event->seq = f->seq; /* for the position before anything happened */
	memcpy(event->epoch, epoch, sizeof(event->epoch));
	event->json = strdup(modsup_greeting(f->conn));
	return event->json ? 0 : -ENOMEM;
}

static int take_gap(struct modsup_follow *f, struct ms_str gap, const char *epoch,
		    struct modsup_error *err)
{
	ms_auto_free char *why = NULL;
	struct ms_str data, found;
	int r;

	if (!ms_scan_get(gap, "data", &data))
		return broken(f, "a gap without data");
	if (ms_scan_get(data, "reason", &found) && ms_scan_string(found, &why) == -ENOMEM)
		return -ENOMEM;
	memcpy(f->epoch, epoch, MS_EVENT_EPOCH_BYTES + 1);
	f->seq = f->prev = number(data, "to");
	r = tell_gap(f, number(data, "from"), f->seq, why ? why : "missing");
	if (r < 0)
		return r;
	if (ms_scan_get(data, "ended", &found) && found.len && found.p[0] == 't')
		return ask(f, err);
	return 0;
}

/* Numbers that were not told: an epoch that began without a gap, a `prev` we did not have. */
static int account(struct modsup_follow *f, uint64_t prev, uint64_t seq, const char *epoch)
{
	bool other = strcmp(epoch, f->epoch) != 0;
	uint64_t from = MS_MIN(prev, f->prev) + 1, to = prev < f->prev ? f->prev : prev;

	memcpy(f->epoch, epoch, MS_EVENT_EPOCH_BYTES + 1);
	if (other)
		return tell_gap(f, 0, seq - 1, "epoch");
	return prev == f->prev ? 0 : tell_gap(f, from, to, "missing");
}

static int take_event(struct modsup_follow *f, struct ms_str params, char *take_type,
		      const char *epoch)
{
	ms_auto_free char *type = take_type;
	uint64_t prev = number(params, "prev"), seq = number(params, "seq");
	struct modsup_event *event;
	int r;

	if (seq <= prev)
		return broken(f, "an event that is before its `prev`");
	if (strcmp(epoch, f->epoch) == 0 && seq <= f->seq) {
		f->prev = seq; /* a second time: it was told */
		return 0;
	}
	r = account(f, prev, seq, epoch);
	if (r < 0)
		return r;
	f->seq = f->prev = seq;
	event = tell(f, MODSUP_EVENT);
	if (!event)
		return -ENOMEM;
	event->seq = seq;
	event->type = MS_TAKE_PTR(type);
	event->json = strndup(params.p, params.len);
	return event->json ? 0 : -ENOMEM;
}

static int take_note(struct modsup_follow *f, const struct modsup_message *message,
		     struct modsup_error *err)
{
	ms_auto_free char *type = NULL;
	struct ms_str params = body_of(message), found;
	char epoch[MS_EVENT_EPOCH_BYTES + 1];

	if (strcmp(modsup_message_method(message), "event") != 0 || f->state != LIVE)
		return 0;
	if (!ms_scan_get(params, "type", &found) || ms_scan_string(found, &type) < 0)
		return broken(f, "an event without a type");
	if (strcmp(type, "gap") != 0 && !ms_scan_get(params, "seq", &found))
		return 0; /* of a type that is not kept, so without a number */
	if (!read_epoch(params, epoch))
		return broken(f, "an event without an epoch");
	if (strcmp(type, "gap") == 0)
		return take_gap(f, params, epoch, err);
	return take_event(f, params, MS_TAKE_PTR(type), epoch);
}

static int take(struct modsup_follow *f, const struct modsup_message *message,
		struct modsup_error *err)
{
	struct modsup_error why = {0};

	if (modsup_message_kind(message) == MODSUP_MESSAGE_NOTE)
		return take_note(f, message, err);
	if (modsup_message_id(message) != 0 && modsup_message_id(message) != f->request)
		return 0;
	if (modsup_message_kind(message) == MODSUP_MESSAGE_RESULT)
		return subscribed(f, message);
	modsup_message_error(message, &why);
	if (!final(MODSUP_REFUSED, &why))
		return go_down(f, &why);
	*err = why;
	return refuse(f, MODSUP_REFUSED);
}

/* ASKING and LIVE: one message. */
static int listen_on(struct modsup_follow *f, struct modsup_error *err)
{
	ms_auto(note) struct modsup_message *message = NULL;
	int r = modsup_receive(f->conn, /* timeout_ms= */ 0, &message, err);

	if (r == 0)
		return take(f, message, err);
	if (r == MODSUP_TIMEOUT && (f->state == LIVE || ms_conn_left_ms(f->at_ms) > 0))
		return r;
	return r == -ENOMEM ? r : go_down(f, err);
}

/* One step. 0: something moved, MODSUP_TIMEOUT: nothing to do before poll(2) says so. */
static int step(struct modsup_follow *f, struct modsup_error *err)
{
	switch (f->state) {
	case DOWN:
		if (ms_conn_left_ms(f->at_ms) > 0)
			return MODSUP_TIMEOUT;
		return start(f, err);
	case GREETING:
		return greet(f, err);
	case ASKING:
	case LIVE:
		return listen_on(f, err);
	}
	return -EINVAL;
}

/* The earlier of two limits for poll(2), where below 0 is none. */
static int earlier(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : MS_MIN(a, b);
}

static struct modsup_event *pop(struct modsup_follow *f)
{
	struct modsup_event *event = f->first;

	f->first = event->next;
	if (!f->first)
		f->behind = &f->first;
	event->next = NULL;
	return event;
}

static struct modsup_event *hand_out(struct modsup_follow *f)
{
	struct modsup_event *event = pop(f);

	if (event->kind == MODSUP_EVENT || event->kind == MODSUP_GAP ||
	    (event->kind == MODSUP_CONNECTED && !f->told_epoch[0])) {
		memcpy(f->told_epoch, event->epoch, sizeof(f->told_epoch));
		f->told_seq = event->seq;
	}
	return event;
}

/* Memory ran out, perhaps between two steps: back to what the caller has had, and from there again.
 */
static void start_over(struct modsup_follow *f)
{
	while (f->first)
		(void)modsup_event_free(pop(f)); /* always NULL */
	f->conn = modsup_close(f->conn);
	f->state = DOWN;
	f->up_told = false;
	f->at_ms = ms_conn_now_ms() + wait_ms(f);
	memcpy(f->epoch, f->told_epoch, sizeof(f->epoch));
	f->seq = f->told_seq;
	f->placed = f->epoch[0] != '\0';
}

int modsup_follow_next(struct modsup_follow *follow, int timeout_ms, struct modsup_event **ret,
		       struct modsup_error *err)
{
	int64_t deadline = ms_conn_deadline(timeout_ms);
	struct modsup_error own; /* the steps need the words even where the caller does not */

	if (!err)
		err = &own;
	while (!follow->first) {
		struct pollfd pfd = {.fd = -1};
		int left = ms_conn_left_ms(deadline), limit, r = step(follow, err);

		if (r == 0)
			continue;
		if (r == -ENOMEM)
			start_over(follow);
		if (r != MODSUP_TIMEOUT)
			return r;
		if (left == 0)
			return ms_message_tell(err, MODSUP_TIMEOUT, "the time ran out");
		modsup_follow_poll(follow, &pfd.fd, &pfd.events, &limit);
		if (poll(&pfd, 1, earlier(left, limit)) < 0 && errno != EINTR)
			return ms_message_tell(err, -errno, "wait for the supervisor");
	}
	*ret = hand_out(follow);
	return 0;
}
