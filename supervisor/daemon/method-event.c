/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-event.c - event.subscribe and event.unsubscribe, and the notifications that follow. A
 * subscription is pulled by its connection when that has room, so a slow peer costs nothing but its
 * place in the ring. Called through the table of rpc.c, and by control.c for ms_rpc_pull().
 */
#include <stdio.h>
#include <string.h>

#include "lib/num.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"

enum subscribe_arg {
	ARG_TYPES,
	ARG_MODULES,
	ARG_TENANTS,
	ARG_INSTANCES,
	ARG_SEVERITY,
	ARG_SINCE,
	ARG_MARK,
	ARG_SUBSCRIBE_COUNT
};

static const char *const severities[] = {"notice", "warning", "critical", NULL};

static const struct ms_param subscribe_params[ARG_SUBSCRIBE_COUNT] = {
	[ARG_TYPES] = {.name = "types", .type = MS_PARAM_TEXTS, .max = MS_MAX_FILTER_WORDS},
	[ARG_MODULES] = {.name = "modules", .type = MS_PARAM_TEXTS, .max = MS_MAX_FILTER_WORDS},
	[ARG_TENANTS] = {.name = "tenants", .type = MS_PARAM_TEXTS, .max = MS_MAX_FILTER_WORDS},
	[ARG_INSTANCES] = {.name = "instances", .type = MS_PARAM_TEXTS, .max = MS_MAX_FILTER_WORDS},
	[ARG_SEVERITY] = {.name = "severity", .type = MS_PARAM_WORD, .words = severities},
	[ARG_SINCE] = {.name = "since", .type = MS_PARAM_OBJECT},
	[ARG_MARK] = {.name = "mark", .type = MS_PARAM_BOOL},
};

enum since_arg { SINCE_EPOCH, SINCE_SEQ, SINCE_COUNT };

static const struct ms_param since_params[SINCE_COUNT] = {
	[SINCE_EPOCH] = {.name = "epoch", .type = MS_PARAM_TEXT, .required = true, .max = 64},
	[SINCE_SEQ] = {.name = "seq", .type = MS_PARAM_NUMBER, .required = true, .max = INT64_MAX},
};

static void read_list(const struct ms_json *value, struct ms_sub_list *ret)
{
	ret->n = 0;
	for (size_t i = 0; value && i < ms_json_count(value); i++)
		ret->words[ret->n++] = ms_json_str(ms_json_at(value, i));
}

/* The filter borrows from the request. */
static int read_filter(struct ms_call *call, const struct ms_arg *args, struct ms_sub_filter *ret)
{
	struct ms_arg since[SINCE_COUNT];

	read_list(args[ARG_TYPES].value, &ret->types);
	read_list(args[ARG_MODULES].value, &ret->modules);
	read_list(args[ARG_TENANTS].value, &ret->tenants);
	read_list(args[ARG_INSTANCES].value, &ret->instances);
	if (args[ARG_SEVERITY].value)
		ret->severity = (enum ms_severity)(MS_SEVERITY_NOTICE + args[ARG_SEVERITY].word);
	ret->mark = args[ARG_MARK].value && ms_json_bool(args[ARG_MARK].value);
	if (!args[ARG_SINCE].value)
		return 0;
	ms_params_read(call->doc, args[ARG_SINCE].value, "since", since_params, SINCE_COUNT, since,
		       call->report);
	if (call->report->n_diags || call->report->n_dropped)
		return -EINVAL; /* rpc.c tells what the report says */
	ret->since = true;
	ret->since_epoch = since[SINCE_EPOCH].str;
	ret->since_seq = since[SINCE_SEQ].number;
	return 0;
}

static struct ms_rpc_sub *free_slot(struct ms_rpc_peer *peer)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(peer->subs); i++)
		if (!peer->subs[i].sub)
			return &peer->subs[i];
	return NULL;
}

static void answer_subscribed(struct ms_call *call, const struct ms_rpc_sub *slot)
{
	const struct ms_events *events = call->peer->s->events;
	struct ms_jw *jw = ms_call_begin(call, /* n_fds= */ 0);

	if (jw) {
		ms_jw_textf(jw, "subscription", "s%llu", (unsigned long long)slot->number);
		ms_jw_text(jw, "epoch", ms_events_epoch(events));
		ms_jw_uint(jw, "oldest", ms_events_oldest(events));
		ms_jw_uint(jw, "next", ms_events_next(events));
	}
	ms_call_answer(call, jw, NULL, 0);
}

static int run_subscribe(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_rpc_peer *peer = call->peer;
	struct ms_rpc_sub *slot = free_slot(peer);
	struct ms_sub_filter filter = {.scope = peer->entry};
	int r;

	r = read_filter(call, args, &filter);
	if (r < 0)
		return r;
	if (!slot) {
		MS_IGNORE(ms_error_say(&fault->error, EBUSY, MS_REASON_BUSY,
				       "this connection has " MS_STR(
					       MS_MAX_PEER_SUBSCRIPTIONS) " subscriptions, the "
									  "most")); /* below */
		return ms_error_hint(&fault->error, "end one with event.unsubscribe");
	}
	r = ms_sub_new(peer->s->events, &filter, peer->sink.wake, peer->sink.data, &slot->sub);
	if (r == -EINVAL)
		return ms_error_say(&fault->error, EINVAL, MS_REASON_PARAMS_INVALID,
				    "since: no event of this epoch has the number %llu yet",
				    (unsigned long long)filter.since_seq);
	if (r < 0)
		return ms_error_say(&fault->error, -r, MS_REASON_OOM, "out of memory");
	slot->number = ++peer->n_subscribed;
	answer_subscribed(call, slot); /* wakes the connection, which pulls what is there already */
	return 0;
}

const struct ms_method ms_method_event_subscribe = {
	.name = "event.subscribe",
	.role = MS_ROLE_OBSERVER,
	.params = subscribe_params,
	.n_params = ARG_SUBSCRIBE_COUNT,
	.run = run_subscribe,
};

static const struct ms_param unsubscribe_params[] = {
	{.name = "subscription", .type = MS_PARAM_TEXT, .required = true, .min = 2, .max = 32},
};

static struct ms_rpc_sub *find_slot(struct ms_rpc_peer *peer, struct ms_str name)
{
	uint64_t number;

	if (name.len < 2 || name.p[0] != 's' ||
	    ms_parse_u64(name.p + 1, name.len - 1, 1, UINT64_MAX, &number) < 0)
		return NULL;
	for (size_t i = 0; i < MS_ARRAY_LEN(peer->subs); i++)
		if (peer->subs[i].sub && peer->subs[i].number == number)
			return &peer->subs[i];
	return NULL;
}

static int run_unsubscribe(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_rpc_sub *slot = find_slot(call->peer, args[0].str);

	if (!slot)
		return ms_error_say(&fault->error, ENOENT, MS_REASON_NOT_FOUND,
				    "this connection has no such subscription (any more)");
	slot->sub = ms_sub_free(slot->sub);
	ms_call_answer(call, ms_call_begin(call, /* n_fds= */ 0), NULL, 0);
	return 0;
}

const struct ms_method ms_method_event_unsubscribe = {
	.name = "event.unsubscribe",
	.role = MS_ROLE_OBSERVER,
	.params = unsubscribe_params,
	.n_params = MS_ARRAY_LEN(unsubscribe_params),
	.run = run_unsubscribe,
};

/* -- notifications -- */

/* What stands before an event's own members: only numbers and our own words, so no escaping. */
static char *write_prefix(const struct ms_rpc_sub *slot, uint64_t prev, size_t *ret_len)
{
	char *text = NULL;
	int n = asprintf(&text,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"subscription\":"
			 "\"s%llu\",\"prev\":%llu,",
			 (unsigned long long)slot->number, (unsigned long long)prev);

	if (n < 0)
		return NULL;
	*ret_len = (size_t)n;
	return text;
}

static char *write_gap(const struct ms_rpc_sub *slot, const char *epoch,
		       const struct ms_sub_item *item, bool ended, size_t *ret_len)
{
	char *text = NULL;
	int n = asprintf(&text,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"subscription\":"
			 "\"s%llu\",\"prev\":%llu,\"type\":\"gap\",\"epoch\":\"%s\",\"data\":{"
			 "\"from\":%llu,\"to\":%llu,\"reason\":\"%s\",\"ended\":%s}}}",
			 (unsigned long long)slot->number, (unsigned long long)item->prev, epoch,
			 (unsigned long long)item->from, (unsigned long long)item->to, item->reason,
			 ended ? "true" : "false");

	if (n < 0)
		return NULL;
	*ret_len = (size_t)n;
	return text;
}

static char *write_mark(const struct ms_rpc_sub *slot, const char *epoch,
			const struct ms_sub_item *item, size_t *ret_len)
{
	char *text = NULL;
	int n = asprintf(&text,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"subscription\":"
			 "\"s%llu\",\"prev\":%llu,\"type\":\"mark\",\"epoch\":\"%s\"}}",
			 (unsigned long long)slot->number, (unsigned long long)item->prev, epoch);

	if (n < 0)
		return NULL;
	*ret_len = (size_t)n;
	return text;
}

static bool pull_one(struct ms_rpc_peer *peer, struct ms_rpc_sub *slot)
{
	struct ms_rpc_line line = {.tail = "\n"};
	struct ms_sub_item item;
	int r = ms_sub_next(slot->sub, &item);

	if (r == MS_SUB_EMPTY)
		return false;
	if (r == MS_SUB_LATER)
		return true;
	if (r == 0) {
		line.event = item.event;
		line.tail = "}\n"; /* the event's own brace ends params */
		line.head = write_prefix(slot, item.prev, &line.head_len);
	} else if (r == MS_SUB_MARK) {
		line.head =
			write_mark(slot, ms_events_epoch(peer->s->events), &item, &line.head_len);
	} else {
		line.head = write_gap(slot, ms_events_epoch(peer->s->events), &item,
				      r == MS_SUB_ENDED, &line.head_len);
	}
	if (r == MS_SUB_ENDED)
		slot->sub = ms_sub_free(slot->sub);
	if (!line.head) {
		ms_rpc_line_done(
			&line); /* the peer sees the loss: the next prev is not what it had */
		return true;
	}
	peer->sink.send(peer->sink.data, &line);
	return true;
}

/**
 * ms_rpc_pull() - send one notification of one subscription, in turn.
 * @peer: a connection with room for one
 * Return: false when no subscription has anything now.
 */
bool ms_rpc_pull(struct ms_rpc_peer *peer)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(peer->subs); i++) {
		struct ms_rpc_sub *slot = &peer->subs[peer->turn++ % MS_ARRAY_LEN(peer->subs)];

		if (slot->sub && pull_one(peer, slot))
			return true;
	}
	return false;
}
