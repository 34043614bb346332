/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.c - the ring of kept events and the places in it. An event is put into text once, when it
 * happens; whoever sends it shares that text. Nothing here waits, and nothing here grows beyond
 * MS_MAX_EVENTS_KEPT events or MS_MAX_EVENTS_BYTES of text, whatever modules do. Which event goes
 * when there is no room is event-ring.c's choice: numbers are without a hole, what is kept is not.
 *
 *	oldest      cursor of a reader                             next
 *	  |---- - -----------|--------- - - - ------------------------|
 *	  passed: it is over   still to be looked at; a hole is a gap
 */
#include "supervisor/daemon/event.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/fs.h"
#include "modsup/limits.h"
#include "policy/config-peers.h"
#include "supervisor/daemon/event-ring.h"

#define LOOKS_A_TURN	 256u	       /* events that a reader does not want, one after the other */
#define SUB_FILTER_BYTES (64u * 1024u) /* of the words of one filter */

struct ms_event {
	struct ms_ring_node place; /* first: ms_ring's nodes are events */
	uint32_t refs;
	enum ms_severity severity;
	uint64_t seq;
	size_t len;
	const char *type; /* this and the next three point into `words` */
	struct ms_str module, tenant, instance;
	char *text;  /* owned */
	char *words; /* owned: the filtered words, one after the other */
};

struct ms_events {
	struct ms_ring ring;
	uint64_t oldest, next; /* nothing before `oldest` is kept */
	struct ms_sub *subs;
	char epoch[17];
	char boot_id[40];
};

struct ms_sub {
	struct ms_sub *next, **link;
	struct ms_events *events;
	struct ms_arena arena;
	struct ms_sub_filter filter;
	void (*wake)(void *data);
	void *data;
	struct ms_event *at; /* the first kept one from `cursor` on, NULL = none; borrowed */
	uint64_t cursor;     /* the next event to look at */
	uint64_t prev;	     /* the last one sent */
	bool epoch_gap, expired_gap, ended;
};

/* -- the ring -- */

static void read_boot_id(char out[static 40])
{
	ms_auto_fd int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	out[0] = '\0';
	if (fd < 0)
		return;
	n = ms_fs_read_all(fd, out, 39);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/**
 * ms_events_new() - an empty ring with a new random epoch.
 * Return: owned by the caller, or NULL on ENOMEM.
 */
struct ms_events *ms_events_new(void)
{
	struct ms_events *events = calloc(1, sizeof(*events));
	uint8_t random[8];

	if (!events)
		return NULL;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		free(events);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(events->epoch + 2 * i, 3, "%02x", random[i]); /* fits: 8 * 2 + 1 */
	read_boot_id(events->boot_id);
	events->oldest = events->next = 1; /* 0 is "nothing yet" in prev and since */
	return events;
}

static struct ms_event *event_of(struct ms_ring_node *place)
{
	return (struct ms_event *)place; /* its first member */
}

/* No longer kept: who had it still to look at finds a hole. */
static void drop(struct ms_events *events, struct ms_ring_node *place)
{
	struct ms_event *event = event_of(place), *newer = event_of(place->newer);

	for (struct ms_sub *sub = events->subs; sub; sub = sub->next) {
		if (sub->at == event)
			sub->at = newer;
	}
	if (place == events->ring.oldest)
		events->oldest = newer ? newer->seq : events->next;
	ms_ring_remove(&events->ring, place);
	(void)ms_event_unref(event); /* always NULL */
}

/**
 * ms_events_free() - the ring and what it keeps; subscriptions must be gone before.
 * @events: or NULL
 * Return: NULL.
 */
struct ms_events *ms_events_free(struct ms_events *events)
{
	if (!events)
		return NULL;
	ms_assert(!events->subs);
	while (events->ring.oldest)
		drop(events, events->ring.oldest);
	free(events);
	return NULL;
}

/** ms_events_epoch() - Return: 16 hexadecimal digits, valid as long as @events. */
const char *ms_events_epoch(const struct ms_events *events)
{
	return events->epoch;
}

/** ms_events_oldest() - Return: the oldest number kept. */
uint64_t ms_events_oldest(const struct ms_events *events)
{
	return events->oldest;
}

/** ms_events_next() - Return: the number that the next new event gets. */
uint64_t ms_events_next(const struct ms_events *events)
{
	return events->next;
}

/** ms_event_ref() - Return: @event, held once more. */
struct ms_event *ms_event_ref(struct ms_event *event)
{
	ms_assert(event->refs > 0 && event->refs < UINT32_MAX);
	event->refs++;
	return event;
}

/** ms_event_unref() - let go of @event, or of NULL. Return: NULL. */
struct ms_event *ms_event_unref(struct ms_event *event)
{
	if (!event || --event->refs > 0)
		return NULL;
	free(event->text);
	free(event->words);
	free(event);
	return NULL;
}

/** ms_event_text() - Return: the object as one line without a newline. */
struct ms_str ms_event_text(const struct ms_event *event)
{
	return (struct ms_str){.p = event->text, .len = event->len};
}

/** ms_event_seq() - Return: its number. */
uint64_t ms_event_seq(const struct ms_event *event)
{
	return event->seq;
}

/** ms_severity_word() - Return: the word of events and filters, "" for none. */
const char *ms_severity_word(enum ms_severity severity)
{
	switch (severity) {
	case MS_SEVERITY_NOTICE:
		return "notice";
	case MS_SEVERITY_WARNING:
		return "warning";
	case MS_SEVERITY_CRITICAL:
		return "critical";
	case MS_SEVERITY_NONE:
	case MS_SEVERITY_COUNT:
		break;
	}
	return "";
}

/**
 * ms_event_time() - a time as every message writes it.
 * @realtime_usec: microseconds of CLOCK_REALTIME
 * @out: filled
 * Return: @out.
 */
const char *ms_event_time(uint64_t realtime_usec, char out[static MS_EVENT_TIME_BYTES])
{
	time_t seconds = (time_t)(realtime_usec / 1000000u);
	struct tm tm;
	size_t n;

	out[0] = '\0';
	if (!gmtime_r(&seconds, &tm)) /* no time zone is read for UTC */
		return out;
	n = strftime(out, MS_EVENT_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, MS_EVENT_TIME_BYTES - n, ".%06uZ",
		       (unsigned)(realtime_usec % 1000000u)); /* fits for any year up to 9999 */
	return out;
}

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec ts = {0};

	(void)clock_gettime(clock, &ts); /* cannot fail for these clocks */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* -- making one -- */

static void write_part(struct ms_jw *jw, const char *key, struct ms_str value)
{
	if (value.len)
		ms_jw_str(jw, key, value);
}

/* Everything of an event but `data`, as an object; NULL on ENOMEM. */
static char *write_head(const struct ms_events *events, const struct ms_event_head *head,
			size_t *ret_len)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	char time[MS_EVENT_TIME_BYTES];

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_jw_uint(jw, "seq", events->next);
	ms_jw_text(jw, "epoch", events->epoch);
	ms_jw_text(jw, "time", ms_event_time(clock_usec(CLOCK_REALTIME), time));
	ms_jw_object(jw, "boot");
	ms_jw_text(jw, "id", events->boot_id);
	ms_jw_uint(jw, "usec", clock_usec(CLOCK_BOOTTIME));
	ms_jw_end(jw);
	ms_jw_text(jw, "type", head->type);
	write_part(jw, "module", head->module);
	write_part(jw, "version", head->version);
	write_part(jw, "tenant", head->tenant);
	write_part(jw, "tier", head->tier);
	write_part(jw, "instance", head->instance);
	if (head->labels) {
		ms_jw_value(jw, "labels", head->labels);
	} else if (head->module.len) {
		ms_jw_object(jw, "labels");
		ms_jw_end(jw);
	}
	ms_jw_end(jw);
	return ms_jw_take(jw, MS_JW_LINE, ret_len);
}

/* {head} and {data} joined to {head,"data":{data}}. */
static char *write_event(const struct ms_events *events, const struct ms_event_head *head,
			 struct ms_jw *jw_data, size_t *ret_len)
{
	static const char data_key[] = ",\"data\":";
	size_t head_len = 0, data_len = 0, at;
	ms_auto_free char *data = ms_jw_take(jw_data, MS_JW_LINE, &data_len);
	ms_auto_free char *start = data ? write_head(events, head, &head_len) : NULL;
	char *text;

	if (!start || head_len + data_len > MS_MAX_EVENT_BYTES)
		return NULL;
	text = malloc(head_len + sizeof(data_key) + data_len + 1);
	if (!text)
		return NULL;
	at = head_len - 1; /* without its closing brace */
	memcpy(text, start, at);
	memcpy(text + at, data_key, sizeof(data_key) - 1);
	at += sizeof(data_key) - 1;
	memcpy(text + at, data, data_len);
	at += data_len;
	text[at++] = '}';
	text[at] = '\0';
	*ret_len = at;
	return text;
}

static struct ms_str keep_word(char **at, struct ms_str word)
{
	struct ms_str kept = {.p = *at, .len = word.len};

	if (word.len)
		memcpy(*at, word.p, word.len);
	(*at)[word.len] = '\0';
	*at += word.len + 1;
	return kept;
}

static struct ms_event *make_event(const struct ms_events *events, const struct ms_event_head *head,
				   struct ms_jw *jw_data)
{
	struct ms_str type = {.p = head->type, .len = strlen(head->type)};
	struct ms_event *event = calloc(1, sizeof(*event));
	char *at;

	if (!event)
		return NULL;
	event->refs = 1;
	event->seq = events->next;
	event->severity = head->severity;
	event->text = write_event(events, head, jw_data, &event->len);
	event->words =
		malloc(type.len + head->module.len + head->tenant.len + head->instance.len + 4);
	if (!event->text || !event->words)
		return ms_event_unref(event);
	at = event->words;
	event->type = keep_word(&at, type).p;
	event->module = keep_word(&at, head->module);
	event->tenant = keep_word(&at, head->tenant);
	event->instance = keep_word(&at, head->instance);
	return event;
}

/* -- filters -- */

static bool same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0);
}

static bool list_passes(const struct ms_sub_list *list, struct ms_str word)
{
	if (!list->n)
		return true;
	for (uint32_t i = 0; i < list->n; i++)
		if (same(list->words[i], word))
			return true;
	return false;
}

static bool type_passes(const struct ms_sub_list *list, const char *type)
{
	struct ms_str word = {.p = type, .len = strlen(type)};

	if (!list->n)
		return true;
	for (uint32_t i = 0; i < list->n; i++) {
		struct ms_str want = list->words[i];

		if (same(want, word))
			return true;
		/* "instance.*": everything that begins with "instance." */
		if (want.len >= 2 && want.p[want.len - 1] == '*' && want.p[want.len - 2] == '.' &&
		    word.len >= want.len && memcmp(word.p, want.p, want.len - 1) == 0)
			return true;
	}
	return false;
}

/* What is about the daemon itself is everybody's. */
static bool in_scope(const struct ms_peer_entry *scope, const struct ms_event *event)
{
	if (!event->module.len && !event->instance.len)
		return true;
	return ms_peer_sees(scope, event->module, event->tenant);
}

static bool passes(const struct ms_sub_filter *filter, const struct ms_event *event)
{
	if (!in_scope(filter->scope, event))
		return false;
	if (event->severity != MS_SEVERITY_NONE && event->severity < filter->severity)
		return false;
	return type_passes(&filter->types, event->type) &&
	       list_passes(&filter->modules, event->module) &&
	       list_passes(&filter->tenants, event->tenant) &&
	       list_passes(&filter->instances, event->instance);
}

/**
 * ms_event_emit() - number, keep and announce one event.
 * @events: the ring
 * @head: who and what; borrowed for the call
 * @take_data: the object `data`, complete; NULL stands for one that could not be made
 */
void ms_event_emit(struct ms_events *events, const struct ms_event_head *head,
		   struct ms_jw *take_data)
{
	ms_auto(jw) struct ms_jw *data = take_data;
	struct ms_event *event = data ? make_event(events, head, data) : NULL;
	uint64_t seq = events->next;
	struct ms_ring_node *victim;

	while (event && (victim = ms_ring_victim(&events->ring, event->len, seq)))
		drop(events, victim);
	if (event && ms_ring_add(&events->ring, &event->place, event->instance, event->len, seq))
		event = ms_event_unref(event);
	events->next++;
	for (struct ms_sub *sub = events->subs; sub; sub = sub->next) {
		/* a reader that has nothing waiting is moved past what it does not want */
		if (event && sub->cursor == seq && !passes(&sub->filter, event)) {
			sub->cursor++;
			continue;
		}
		if (!sub->at)
			sub->at = event;
		if (!sub->ended)
			sub->wake(sub->data);
	}
}

/* -- subscriptions -- */

static void copy_list(struct ms_arena *arena, struct ms_sub_list *list)
{
	ms_assert(list->n <= MS_MAX_FILTER_WORDS);
	for (uint32_t i = 0; i < list->n; i++)
		list->words[i] = ms_arena_str(arena, list->words[i].p, list->words[i].len);
}

static void go_to(struct ms_sub *sub, uint64_t cursor)
{
	struct ms_ring_node *place = sub->events->ring.newest;

	sub->cursor = cursor;
	sub->at = NULL;
	for (; place && place->seq >= cursor; place = place->older)
		sub->at = event_of(place);
}

/* Where a new subscription begins; -EINVAL for a number that does not exist yet. */
static int place_cursor(struct ms_sub *sub, const struct ms_sub_filter *filter)
{
	const struct ms_events *events = sub->events;
	struct ms_str epoch = {.p = events->epoch, .len = strlen(events->epoch)};

	sub->cursor = events->next;
	if (!filter->since)
		return 0;
	if (!same(filter->since_epoch, epoch)) {
		sub->epoch_gap = true;
		go_to(sub, events->oldest);
		return 0;
	}
	if (filter->since_seq >= events->next)
		return -EINVAL;
	go_to(sub, filter->since_seq + 1);
	sub->prev = filter->since_seq;
	sub->expired_gap = sub->cursor < events->oldest;
	return 0;
}

/**
 * ms_sub_new() - a new place in the ring.
 * @events: the ring, which must outlive it
 * @filter: what is wanted and from where; copied
 * @wake: told that there may be something; @data is its argument
 * @ret: owned by the caller
 * Return: 0, -ENOMEM, or -EINVAL for a `since` that lies in the future.
 */
int ms_sub_new(struct ms_events *events, const struct ms_sub_filter *filter,
	       void (*wake)(void *data), void *data, struct ms_sub **ret)
{
	struct ms_sub *sub = calloc(1, sizeof(*sub));
	int r;

	if (!sub)
		return -ENOMEM;
	sub->events = events;
	sub->arena = MS_ARENA_INIT(SUB_FILTER_BYTES);
	sub->filter = *filter;
	copy_list(&sub->arena, &sub->filter.types);
	copy_list(&sub->arena, &sub->filter.modules);
	copy_list(&sub->arena, &sub->filter.tenants);
	copy_list(&sub->arena, &sub->filter.instances);
	sub->filter.since_epoch = (struct ms_str){.p = "", .len = 0}; /* was borrowed */
	sub->wake = wake;
	sub->data = data;
	r = sub->arena.error ? sub->arena.error : place_cursor(sub, filter);
	if (r < 0) {
		ms_arena_done(&sub->arena);
		free(sub);
		return r;
	}
	sub->link = &events->subs;
	sub->next = events->subs;
	if (sub->next)
		sub->next->link = &sub->next;
	events->subs = sub;
	*ret = sub;
	return 0;
}

/**
 * ms_sub_free() - end a subscription.
 * @sub: or NULL
 * Return: NULL.
 */
struct ms_sub *ms_sub_free(struct ms_sub *sub)
{
	if (!sub)
		return NULL;
	*sub->link = sub->next;
	if (sub->next)
		sub->next->link = sub->link;
	ms_arena_done(&sub->arena);
	free(sub);
	return NULL;
}

/* The numbers from the last one sent up to before @to are gone. */
static void fill_gap(struct ms_sub *sub, uint64_t from, uint64_t to, const char *reason,
		     struct ms_sub_item *ret)
{
	*ret = (struct ms_sub_item){.prev = sub->prev, .from = from, .to = to, .reason = reason};
	sub->prev = to;
}

/* Something was lost before the cursor: 0 when not. */
static int next_gap(struct ms_sub *sub, struct ms_sub_item *ret)
{
	const struct ms_events *events = sub->events;

	if (sub->epoch_gap) {
		sub->epoch_gap = false;
		go_to(sub, events->oldest);
		fill_gap(sub, 0, events->oldest - 1, "epoch", ret);
		return MS_SUB_GAP;
	}
	if (sub->cursor >= events->oldest)
		return 0;
	if (sub->expired_gap) {
		uint64_t from = sub->cursor;

		sub->expired_gap = false;
		go_to(sub, events->oldest);
		fill_gap(sub, from, events->oldest - 1, "expired", ret);
		return MS_SUB_GAP;
	}
	sub->ended = true;
	fill_gap(sub, sub->cursor, events->next - 1, "slow-reader", ret);
	return MS_SUB_ENDED;
}

/**
 * ms_sub_next() - what is to be sent next.
 * @sub: the subscription
 * @ret: filled unless MS_SUB_EMPTY
 * Return: 0 with a reference to an event, MS_SUB_EMPTY, MS_SUB_LATER (nothing of what was looked at
 * so far: ask again), MS_SUB_GAP, MS_SUB_ENDED or MS_SUB_MARK.
 */
int ms_sub_next(struct ms_sub *sub, struct ms_sub_item *ret)
{
	const struct ms_events *events = sub->events;
	uint32_t looked = 0;
	int r;

	if (sub->ended)
		return MS_SUB_EMPTY;
	r = next_gap(sub, ret);
	if (r)
		return r;
	sub->expired_gap = false; /* history reached: from here on, being passed is slowness */
	while (sub->cursor < events->next) {
		struct ms_event *event = sub->at;
		uint64_t from = sub->cursor, to = event ? event->seq : events->next;

		if (looked++ == LOOKS_A_TURN)
			return MS_SUB_LATER;
		sub->cursor = to;
		if (from < to) {
			fill_gap(sub, from, to - 1, "lost", ret);
			return MS_SUB_GAP;
		}
		sub->cursor++;
		sub->at = event_of(event->place.newer);
		if (!passes(&sub->filter, event))
			continue;
		*ret = (struct ms_sub_item){.prev = sub->prev, .event = ms_event_ref(event)};
		sub->prev = event->seq;
		return 0;
	}
	if (sub->filter.mark) {
		sub->filter.mark = false;
		*ret = (struct ms_sub_item){.prev = sub->prev};
		return MS_SUB_MARK;
	}
	return MS_SUB_EMPTY;
}
