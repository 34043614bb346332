/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * each.c - each.h. At most WINDOW requests are on their way at once: a stop takes seconds, and a
 * hundred of them shall not take a hundred times as long, nor more than one peer may have.
 */
#include "supervisor/ctl/each.h"

#include <string.h>

#include "modsup/limits.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/target.h"

#define WINDOW	       32u
#define ANSWER_MS      30000
#define PAGE	       500u
#define MAX_PAGES      (MS_MAX_INSTANCES / PAGE + 2) /* one that pages for ever is left */
#define MAX_NAME_BYTES 4096u
#define MAX_TEXT_BYTES (1024u * 1024u)

_Static_assert(WINDOW <= MS_MAX_PEER_REQUESTS, "no more than one peer may have in flight");

void ms_each_done(struct ms_each_targets *targets)
{
	for (uint32_t i = 0; i < targets->n; i++) {
		free(targets->list[i].name);
		free(targets->list[i].instance);
	}
	free(targets->list);
	*targets = (struct ms_each_targets){0};
}

/* Both texts are taken, also when it fails. */
static int add(struct ms_each_targets *targets, char *take_name, char *take_instance)
{
	struct ms_each_target *list = targets->list;

	if (take_name && targets->n == targets->cap) {
		targets->cap = targets->cap ? targets->cap * 2 : 16;
		list = reallocarray(targets->list, targets->cap, sizeof(*list));
	}
	if (!take_name || !list) {
		free(take_name);
		free(take_instance);
		return -ENOMEM;
	}
	targets->list = list;
	list[targets->n++] = (struct ms_each_target){take_name, take_instance};
	return 0;
}

int ms_each_words(struct ms_each_targets *targets, const char *const *words, uint32_t n)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = add(targets, strdup(words[i]), NULL);
	return r;
}

int ms_each_target_members(const struct ms_each_target *target, struct ms_jw *jw,
			   struct ms_error *err)
{
	if (!target->instance)
		return ms_target_request(jw, target->name, err);
	ms_jw_text(jw, "instance", target->instance);
	return 0;
}

/* -- the supervisor's list -- */

static bool is_picked(const struct ms_json *instance, enum ms_each_pick pick)
{
	struct ms_str state = ms_client_get_str(instance, "state");
	bool live = !ms_say_is(state, "stopped") && !ms_say_is(state, "failed");

	switch (pick) {
	case MS_EACH_LIVE:
		return live;
	case MS_EACH_OUTDATED:
		return live && ms_say_is(ms_client_get_str(instance, "shim"), "outdated");
	}
	return false;
}

static int list_page(struct ms_ctl *ctl, struct ms_client *client, struct ms_str cursor,
		     struct ms_message *ret)
{
	struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (params) {
		ms_jw_object(params, NULL);
		ms_jw_uint(params, "limit", PAGE);
		if (cursor.len)
			ms_jw_str(params, "cursor", cursor);
		ms_jw_end(params);
	}
	r = ms_client_call(client, "instance.list", params, ANSWER_MS, ret, &err);
	return ms_say_call(ctl, r, ret, &err);
}

int ms_each_listed(struct ms_ctl *ctl, struct ms_client *client,
		   void (*fn)(void *data, const struct ms_json *instance), void *data)
{
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_str cursor = {.p = "", .len = 0};

	for (uint32_t page = 0; page < MAX_PAGES; page++) {
		struct ms_message next = MS_MESSAGE_INIT;
		int code = list_page(ctl, client, cursor, &next);
		const struct ms_json *list = ms_client_get(next.body, "instances", MS_JSON_ARRAY);

		ms_message_done(&message); /* @cursor lived in it */
		message = next;
		if (code != MS_EXIT_DONE)
			return code;
		for (size_t i = 0; list && i < ms_json_count(list); i++)
			fn(data, ms_json_at(list, i));
		cursor = ms_client_get_str(message.body, "next");
		if (!cursor.len)
			break;
	}
	return MS_EXIT_DONE;
}

struct picking {
	struct ms_each_targets *targets;
	enum ms_each_pick pick;
	int error;
};

static void pick_one(void *data, const struct ms_json *instance)
{
	struct picking *picking = data;
	struct ms_str id = ms_client_get_str(instance, "instance");
	struct ms_str module = ms_client_get_str(instance, "module");
	struct ms_str tenant = ms_client_get_str(instance, "tenant");
	ms_auto(buf) struct ms_buf name = MS_BUF_INIT(MAX_NAME_BYTES);

	if (picking->error || !is_picked(instance, picking->pick))
		return;
	if (!module.len) /* its manifest is not read yet */
		module = id;
	ms_buf_escape(&name, module.p, module.len);
	if (tenant.len && !ms_say_is(tenant, "default")) {
		ms_buf_adds(&name, "@");
		ms_buf_escape(&name, tenant.p, tenant.len);
	}
	picking->error = add(picking->targets, ms_buf_take(&name, NULL), strndup(id.p, id.len));
}

static int collect(struct ms_ctl *ctl, struct ms_client *client, enum ms_each_pick pick,
		   struct ms_each_targets *targets)
{
	struct picking picking = {.targets = targets, .pick = pick};
	struct ms_error err = MS_ERROR_INIT;
	int code = ms_each_listed(ctl, client, pick_one, &picking);

	if (code != MS_EXIT_DONE || !picking.error)
		return code;
	(void)ms_error_set(&err, -picking.error, "%s", ctl->verb);
	return ms_say_error(ctl, &err);
}

/* -- requests and answers -- */

struct flight {
	const struct ms_each *each;
	const struct ms_each_targets *targets;
	struct ms_client *client;
	uint64_t ids[WINDOW]; /* 0: free */
	uint32_t whose[WINDOW];
	uint32_t n_out, next;
	uint32_t n_failed;
	int code; /* of the failures; MS_EXIT_FAILED once they differ */
};

static void note_failure(struct flight *f, int code)
{
	if (code == MS_EXIT_DONE)
		return;
	f->code = f->n_failed++ && f->code != code ? MS_EXIT_FAILED : code;
}

/* The verb as messages begin with it: of several, whose it is. */
static struct ms_ctl named(const struct flight *f, const struct ms_each_target *target,
			   struct ms_buf *verb)
{
	struct ms_ctl ctl = *f->each->ctl;

	if (f->targets->n > 1) {
		ms_buf_addf(verb, "%s ", ctl.verb);
		ms_buf_escape(verb, target->name, strlen(target->name));
		if (!verb->error)
			ctl.verb = verb->data;
	}
	return ctl;
}

static int answered(struct flight *f, const struct ms_each_target *target,
		    const struct ms_message *message)
{
	ms_auto(buf) struct ms_buf verb = MS_BUF_INIT(MAX_NAME_BYTES);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	const struct ms_each *each = f->each;
	struct ms_ctl ctl = named(f, target, &verb);
	int code;

	if (message->kind == MS_MESSAGE_FAILURE) {
		code = ms_say_failure(&ctl, message->body);
		if (each->failed && !ctl.json)
			each->failed(each->data, target, message->body);
		return code;
	}
	if (ctl.json)
		return ms_say_json(&ctl, message->body);
	each->tell(each->data, target, message->body, &out);
	return ms_say_out(&ctl, &out);
}

static int launch(struct flight *f)
{
	const struct ms_each_target *target = &f->targets->list[f->next];
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	uint32_t slot = 0;
	int r;

	while (f->ids[slot])
		slot++;
	if (params) {
		ms_jw_object(params, NULL);
		r = f->each->build(f->each->data, target, params, &err);
		if (r < 0)
			return err.reason == MS_REASON_PARAMS_INVALID
				       ? ms_say_usage(f->each->ctl, &err)
				       : ms_say_error(f->each->ctl, &err);
		ms_jw_end(params);
	}
	r = ms_client_send(f->client, f->each->method, MS_TAKE_PTR(params), &f->ids[slot], &err);
	if (r < 0)
		return ms_say_lost(f->each->ctl, r, &err);
	f->whose[slot] = f->next++;
	f->n_out++;
	return MS_EXIT_DONE;
}

/* The time that was given is over. */
static int late(const struct flight *f)
{
	struct ms_error err = MS_ERROR_INIT;
	uint32_t slot = 0;

	while (slot + 1 < WINDOW && !f->ids[slot])
		slot++;
	(void)ms_error_say(&err, ETIMEDOUT, MS_REASON_DEADLINE, "%.100s %s",
			   f->targets->list[f->whose[slot]].name, f->each->late);
	return ms_say_error(f->each->ctl, &err);
}

static int receive(struct flight *f)
{
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	int r = ms_client_receive(f->client, f->each->timeout_ms, &message, &err);

	if (r == MS_CLIENT_TIMEOUT && f->each->late)
		return late(f);
	if (r != 0)
		return ms_say_lost(f->each->ctl, r, &err);
	for (uint32_t i = 0; message.kind != MS_MESSAGE_NOTE && i < WINDOW; i++) {
		if (!f->ids[i] || f->ids[i] != message.id)
			continue;
		f->ids[i] = 0;
		f->n_out--;
		note_failure(f, answered(f, &f->targets->list[f->whose[i]], &message));
		break;
	}
	return MS_EXIT_DONE;
}

static int fly(const struct ms_each *each, struct ms_client *client,
	       const struct ms_each_targets *targets)
{
	struct flight f = {.each = each, .targets = targets, .client = client};

	while (f.n_out || f.next < targets->n) {
		int code = f.n_out < WINDOW && f.next < targets->n ? launch(&f) : receive(&f);

		if (code != MS_EXIT_DONE)
			return code; /* told; the connection is of no use, or a word was wrong */
	}
	return f.code;
}

/* Wrong words are told before anything is done about the right ones. */
static int check(const struct ms_each *each, const struct ms_each_targets *targets)
{
	for (uint32_t i = 0; i < targets->n; i++) {
		ms_auto(jw) struct ms_jw *params = ms_jw_new();
		struct ms_error err = MS_ERROR_INIT;

		if (!params)
			continue;
		ms_jw_object(params, NULL);
		if (each->build(each->data, &targets->list[i], params, &err) < 0)
			return err.reason == MS_REASON_PARAMS_INVALID
				       ? ms_say_usage(each->ctl, &err)
				       : ms_say_error(each->ctl, &err);
	}
	return MS_EXIT_DONE;
}

int ms_each_call(const struct ms_each *each, const struct ms_each_targets *targets)
{
	ms_auto(client) struct ms_client *client = NULL;
	int code = check(each, targets);

	if (code == MS_EXIT_DONE)
		code = ms_ctl_connect(each->ctl, &client);
	return code == MS_EXIT_DONE ? fly(each, client, targets) : code;
}

int ms_each_call_picked(const struct ms_each *each, enum ms_each_pick pick)
{
	ms_auto(each_targets) struct ms_each_targets targets = {0};
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_NAME_BYTES);
	int code = ms_ctl_connect(each->ctl, &client);

	if (code == MS_EXIT_DONE)
		code = collect(each->ctl, client, pick, &targets);
	if (code != MS_EXIT_DONE)
		return code;
	if (!targets.n && !each->ctl->json) {
		ms_buf_adds(&out, pick == MS_EACH_LIVE ? "nothing is running\n"
						       : "nothing that runs is outdated\n");
		return ms_say_out(each->ctl, &out);
	}
	return fly(each, client, &targets);
}
