/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-events.c - modsupctl events: what is kept, and with --follow what comes.
 */
#include <string.h>

#include "lib/num.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/event-text.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

#define ANSWER_MS	30000
#define MAX_EPOCH_BYTES 64u

struct events_options {
	bool follow;
	struct ms_option_list types, modules, tenants;
	const char *severity, *since;
};

struct view {
	struct ms_ctl *ctl;
	const struct events_options *options;
	bool at_end; /* the mark came: of what is kept all has been dealt with */
	int code;
};

static void add_list(struct ms_jw *jw, const char *key, const struct ms_option_list *list)
{
	if (list->n == 0)
		return;
	ms_jw_array(jw, key);
	for (uint32_t i = 0; i < list->n; i++)
		ms_jw_text(jw, NULL, list->items[i]);
	ms_jw_end(jw);
}

/* --since EPOCH:SEQ; without it everything that the supervisor has kept. */
static int add_since(struct ms_jw *jw, const char *since, struct ms_str epoch, struct ms_error *err)
{
	const char *colon = since ? strrchr(since, ':') : NULL;
	uint64_t seq = 0;

	if (since && (!colon || colon == since || (size_t)(colon - since) > MAX_EPOCH_BYTES ||
		      ms_parse_u64(colon + 1, strlen(colon + 1), 0, INT64_MAX, &seq) != 0))
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "--since takes EPOCH:SEQ, as `events --json` shows them");
	if (since)
		epoch = (struct ms_str){.p = since, .len = (size_t)(colon - since)};
	ms_jw_object(jw, "since");
	ms_jw_str(jw, "epoch", epoch);
	ms_jw_uint(jw, "seq", seq);
	ms_jw_end(jw);
	return 0;
}

/* What is asked of the supervisor, which filters; where its history ends, it says so. */
static int build(const struct events_options *o, struct ms_str epoch, struct ms_jw *jw,
		 struct ms_error *err)
{
	int r = 0;

	ms_jw_object(jw, NULL);
	add_list(jw, "types", &o->types);
	add_list(jw, "modules", &o->modules);
	add_list(jw, "tenants", &o->tenants);
	if (o->severity)
		ms_jw_text(jw, "severity", o->severity);
	if (!o->follow)
		ms_jw_bool(jw, "mark", true);
	if (!o->follow || o->since)
		r = add_since(jw, o->since, epoch, err);
	if (r == 0)
		ms_jw_end(jw);
	return r;
}

static int show_gap(const struct view *v, const struct ms_json *gap)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	const struct ms_json *data = ms_client_get(gap, "data", MS_JSON_OBJECT);
	struct ms_str reason = ms_client_get_str(data, "reason");

	if (v->ctl->json)
		return ms_say_json(v->ctl, gap);
	if (ms_say_is(reason, "epoch")) {
		ms_buf_adds(&out, "-- events of an earlier supervisor are gone with it\n");
		return ms_say_out(v->ctl, &out);
	}
	ms_buf_addf(&out, "-- events %llu to %llu cannot be shown: ",
		    (unsigned long long)ms_client_get_uint(data, "from", 0),
		    (unsigned long long)ms_client_get_uint(data, "to", 0));
	if (ms_say_is(reason, "expired"))
		ms_buf_adds(&out, "no longer kept");
	else
		ms_buf_escape(&out, reason.p, reason.len);
	ms_buf_adds(&out, "\n");
	return ms_say_out(v->ctl, &out);
}

static int show_event(const struct view *v, const struct ms_json *event)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);

	if (v->ctl->json)
		return ms_say_json(v->ctl, event);
	ms_event_text(event, v->ctl->color_out, &out);
	return ms_say_out(v->ctl, &out);
}

/* The supervisor drops a reader that is too slow: nothing more comes, and silence would look like
 * peace. */
static int dropped(const struct view *v)
{
	struct ms_error err = MS_ERROR_INIT;

	(void)ms_error_say(&err, EPIPE, MS_REASON_BUSY,
			   "the supervisor ended this subscription: it was not read fast enough");
	(void)ms_error_hint(&err, "ask again, with --since or fewer types");
	return ms_say_error(v->ctl, &err);
}

/* Also called with what comes before an awaited answer. */
static void show(void *view, struct ms_message *message)
{
	struct view *v = view;
	const struct ms_json *event = message->body;
	const struct ms_json *data = ms_client_get(event, "data", MS_JSON_OBJECT);
	const struct ms_json *ended = ms_client_get(data, "ended", MS_JSON_BOOL);
	struct ms_str type = ms_client_get_str(event, "type");
	bool gap = ms_say_is(type, "gap");

	if (message->kind != MS_MESSAGE_NOTE || !event || v->code != MS_EXIT_DONE)
		return;
	if (ms_say_is(type, "mark")) {
		v->at_end = true;
		return;
	}
	v->code = gap ? show_gap(v, event) : show_event(v, event);
	if (v->code == MS_EXIT_DONE && gap && ended && ms_json_bool(ended))
		v->code = dropped(v);
}

/* Until the mark, which there is none of when following. */
static int receive(struct ms_client *client, struct view *v)
{
	while (v->code == MS_EXIT_DONE && !v->at_end) {
		ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
		struct ms_error err = MS_ERROR_INIT;
		int wait = v->options->follow ? MS_CLIENT_FOREVER : ANSWER_MS;
		int r = ms_client_receive(client, wait, &message, &err);

		if (r != 0)
			return ms_say_lost(v->ctl, r, &err);
		show(v, &message);
	}
	return v->code;
}

static int events(struct ms_ctl *ctl, const struct events_options *o)
{
	struct view v = {.ctl = ctl, .options = o};
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	int r = ms_ctl_connect(ctl, &client);

	if (r != MS_EXIT_DONE)
		return r;
	r = params ? build(o, ms_client_get_str(ms_client_hello(client), "epoch"), params, &err)
		   : ms_error_set(&err, ENOMEM, "events");
	if (r < 0)
		return params ? ms_say_usage(ctl, &err) : ms_say_error(ctl, &err);
	ms_client_set_other(client, show, &v);
	r = ms_client_call(client, "event.subscribe", MS_TAKE_PTR(params), ANSWER_MS, &message,
			   &err);
	r = ms_say_call(ctl, r, &message, &err);
	if (r != MS_EXIT_DONE)
		return r;
	return receive(client, &v);
}

int ms_verb_events(struct ms_ctl *ctl, int argc, char **argv)
{
	struct events_options o = {0};
	struct ms_option options[] = {
		{"follow", 'f', MS_OPTION_FLAG, NULL, "show events as they come, until interrupted",
		 .to.flag = &o.follow},
		{"type", 0, MS_OPTION_LIST, "TYPE",
		 "only this type, or family such as 'instance.*'; may be given again",
		 .to.list = &o.types},
		{"module", 0, MS_OPTION_LIST, "ID", "only of this module; may be given again",
		 .to.list = &o.modules},
		{"tenant", 0, MS_OPTION_LIST, "NAME", "only of this tenant; may be given again",
		 .to.list = &o.tenants},
		{"severity", 0, MS_OPTION_CHOICE, "notice|warning|critical",
		 "violations at or above this", .to.text = &o.severity},
		{"since", 0, MS_OPTION_TEXT, "EPOCH:SEQ",
		 "go on after this event (both are members of it with --json)",
		 .to.text = &o.since},
	};
	struct ms_args args = {
		.synopsis = "[options]",
		.about =
			"Shows what the supervisor has kept of what happened: violations, and "
			"instances that started and ended. With --follow, what happens from now on "
			"(with --since too, what happened since then first).",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
	};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	return events(ctl, &o);
}
