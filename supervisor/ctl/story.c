/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * story.c - story.h. Events are read from the oldest that is kept up to the mark that says that
 * there are no more; nothing is waited for that is still to come.
 */
#include "supervisor/ctl/story.h"

#include <string.h>

#include "supervisor/ctl/event-text.h"
#include "supervisor/ctl/say.h"

#define ANSWER_MS  15000
#define TEXT_BYTES 65536u

static void denial_done(struct ms_story_denial *denial)
{
	ms_message_done(&denial->event);
	free(denial->text);
	*denial = (struct ms_story_denial){0};
}

void ms_story_done(struct ms_story *story)
{
	for (uint32_t i = 0; i < story->n_denials; i++)
		denial_done(&story->denials[i]);
	story->n_denials = 0;
	ms_message_done(&story->backoff);
	ms_message_done(&story->ailing);
	ms_message_done(&story->logs);
}

/* Room for a kind at the end: that of its kind before, or of the oldest one. Its count so far. */
static uint64_t make_room(struct ms_story *story, const char *text)
{
	uint32_t at = 0;
	uint64_t count = 0;

	while (at < story->n_denials && strcmp(story->denials[at].text, text) != 0)
		at++;
	if (at == story->n_denials && at < MS_STORY_DENIALS)
		return 0;
	if (at == story->n_denials)
		at = 0;
	else
		count = story->denials[at].count;
	denial_done(&story->denials[at]);
	story->n_denials--;
	memmove(&story->denials[at], &story->denials[at + 1],
		(story->n_denials - at) * sizeof(story->denials[0]));
	return count;
}

static void add_denial(struct ms_story *story, struct ms_message *take, const struct ms_json *data)
{
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(TEXT_BYTES);
	uint64_t count = ms_client_get_uint(data, "count", 1);
	char *tried;

	story->n_refused += count;
	ms_event_tried(data, /* with_pid= */ false, &text);
	tried = ms_buf_take(&text, NULL);
	if (!tried)
		return; /* counted all the same */
	count += make_room(story, tried);
	story->denials[story->n_denials++] =
		(struct ms_story_denial){.event = *take, .text = tried, .count = count};
	*take = MS_MESSAGE_INIT;
}

static void keep(struct ms_message *place, struct ms_message *take)
{
	ms_message_done(place);
	*place = *take;
	*take = MS_MESSAGE_INIT;
}

static void take_event(struct ms_story *story, struct ms_message *take)
{
	const struct ms_json *data = ms_client_get(take->body, "data", MS_JSON_OBJECT);
	struct ms_str type = ms_client_get_str(take->body, "type");

	if (ms_say_is(type, "violation") &&
	    !ms_say_is(ms_client_get_str(data, "action"), "observed")) {
		add_denial(story, take, data);
	} else if (ms_say_is(type, "instance.backoff")) {
		keep(&story->backoff, take);
	} else if (ms_say_is(type, "instance.unhealthy")) {
		keep(&story->ailing, take);
	}
}

static void add_list(struct ms_jw *jw, const char *key, struct ms_str word)
{
	ms_jw_array(jw, key);
	ms_jw_str(jw, NULL, word);
	ms_jw_end(jw);
}

static struct ms_jw *build_subscription(const struct ms_client *client,
					const struct ms_json *instance)
{
	struct ms_jw *jw = ms_jw_new();
	struct ms_str module = ms_client_get_str(instance, "module");

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_jw_array(jw, "types");
	ms_jw_text(jw, NULL, "violation");
	ms_jw_text(jw, NULL, "instance.backoff");
	ms_jw_text(jw, NULL, "instance.unhealthy");
	ms_jw_end(jw);
	if (module.len) {
		add_list(jw, "modules", module);
		add_list(jw, "tenants", ms_client_get_str(instance, "tenant"));
	} else {
		add_list(jw, "instances", ms_client_get_str(instance, "instance"));
	}
	ms_jw_object(jw, "since");
	ms_jw_str(jw, "epoch", ms_client_get_str(ms_client_hello(client), "epoch"));
	ms_jw_uint(jw, "seq", 0);
	ms_jw_end(jw);
	ms_jw_bool(jw, "mark", true);
	ms_jw_end(jw);
	return jw;
}

/* 0 when the history was read or is not to be had; else what ms_client_receive() returned. */
static int read_events(struct ms_client *client, const struct ms_json *instance,
		       struct ms_story *story, struct ms_error *err)
{
	ms_auto(message) struct ms_message answer = MS_MESSAGE_INIT;
	int r = ms_client_call(client, "event.subscribe", build_subscription(client, instance),
			       ANSWER_MS, &answer, err);

	if (r != 0 || answer.kind == MS_MESSAGE_FAILURE)
		return r;
	for (;;) {
		ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;

		r = ms_client_receive(client, ANSWER_MS, &message, err);
		if (r != 0 || ms_say_is(ms_client_get_str(message.body, "type"), "mark"))
			return r;
		if (message.kind == MS_MESSAGE_NOTE)
			take_event(story, &message);
	}
}

static int read_logs(struct ms_client *client, const struct ms_json *instance,
		     struct ms_story *story, struct ms_error *err)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_str(jw, "instance", ms_client_get_str(instance, "instance"));
		ms_jw_uint(jw, "lines", MS_STORY_LINES);
		ms_jw_text(jw, "source", "stderr");
		ms_jw_text(jw, "as", "inline");
		ms_jw_end(jw);
	}
	return ms_client_call(client, "instance.logs", jw, ANSWER_MS, &story->logs, err);
}

bool ms_story_read(struct ms_ctl *ctl, struct ms_client *client, const struct ms_json *instance,
		   struct ms_story *ret, int *ret_exit)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = read_logs(client, instance, ret, &err);

	if (r == 0)
		r = read_events(client, instance, ret, &err);
	if (r != 0)
		*ret_exit = ms_say_lost(ctl, r, &err);
	return r == 0;
}
