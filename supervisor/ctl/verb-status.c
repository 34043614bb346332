/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-status.c - modsupctl status: of one module, why is it not running; without a name, the
 * supervisor itself (status-all.c).
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/event-text.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/page.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/status-all.h"
#include "supervisor/ctl/story.h"
#include "supervisor/ctl/target.h"
#include "supervisor/ctl/text.h"
#include "supervisor/ctl/why.h"

#define ANSWER_MS     30000
#define REMEDY_BYTES  65536u
#define DENIAL_INDENT 18u /* "12:34:56 critical " */

/* What is known of one module. */
struct status {
	struct ms_ctl *ctl;
	const char *name;
	struct ms_message info, shown; /* shown.body: NULL when there is no instance */
	struct ms_story story;
	struct ms_why why;
	int64_t now;
};

static void status_done(struct status *st)
{
	ms_message_done(&st->info);
	ms_message_done(&st->shown);
	ms_story_done(&st->story);
	ms_why_done(&st->why);
}

/* -- for people -- */

static enum ms_paint paint_of(struct ms_str state)
{
	if (ms_say_is(state, "ready"))
		return MS_PAINT_GOOD;
	return ms_say_is(state, "failed") || ms_say_is(state, "unhealthy") ? MS_PAINT_BAD
									   : MS_PAINT_WARN;
}

/* Whatever it was called by. */
static void title(const struct status *st, struct ms_buf *out)
{
	struct ms_str module = ms_client_get_str(st->shown.body, "module");
	struct ms_str tenant = ms_client_get_str(st->shown.body, "tenant");

	if (!module.len) {
		ms_buf_adds(out, st->name);
		return;
	}
	ms_buf_escape(out, module.p, module.len);
	if (tenant.len && !ms_say_is(tenant, "default")) {
		ms_buf_adds(out, "@");
		ms_buf_escape(out, tenant.p, tenant.len);
	}
}

static void headline(const struct status *st, struct ms_buf *out)
{
	const struct ms_json *i = st->shown.body;
	ms_auto(buf) struct ms_buf state = MS_BUF_INIT(256);
	struct ms_str version = ms_client_get_str(i, "version");
	struct ms_str word = ms_client_get_str(i, "state");

	title(st, out);
	ms_buf_adds(out, version.len ? " " : "");
	ms_buf_escape(out, version.p, version.len);
	ms_buf_adds(out, ": ");
	ms_buf_escape(&state, word.p, word.len);
	ms_say_paint(out, st->ctl->color_out, i ? paint_of(word) : MS_PAINT_WARN,
		     i && !state.error ? state.data : "not started");
	ms_buf_adds(out, "\n");
}

static void tell_lines(const struct status *st, struct ms_buf *out)
{
	const struct ms_json *lines = ms_client_get(st->story.logs.body, "lines", MS_JSON_ARRAY);
	struct ms_str tail = ms_client_get_str(st->shown.body, "stderrTail");
	bool inside = st->story.logs.kind == MS_MESSAGE_RESULT && lines && ms_json_count(lines);

	if (inside || tail.len)
		ms_buf_adds(out, "\nlast lines of its standard error:\n");
	if (!inside)
		ms_page_tail(out, tail, MS_STORY_LINES);
	for (size_t i = 0; inside && i < ms_json_count(lines); i++) {
		const struct ms_json *line = ms_json_at(lines, i);

		ms_page_line(out, ms_client_get_str(line, "text"),
			     ms_say_is(ms_client_get_str(line, "source"), "note"));
	}
}

/* The advice of one kind, unless the next one has the same. */
static void tell_remedy(const struct ms_story *story, uint32_t i, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf safe = MS_BUF_INIT(REMEDY_BYTES);
	struct ms_str remedy[2] = {{.p = "", .len = 0}, {.p = "", .len = 0}};

	for (uint32_t n = 0; n < 2 && i + n < story->n_denials; n++)
		remedy[n] = ms_client_get_str(
			ms_client_get(story->denials[i + n].event.body, "data", MS_JSON_OBJECT),
			"remedy");
	if (!remedy[0].len || (remedy[0].len == remedy[1].len &&
			       memcmp(remedy[0].p, remedy[1].p, remedy[0].len) == 0))
		return;
	ms_buf_adds(&safe, "remedy: ");
	ms_buf_escape(&safe, remedy[0].p, remedy[0].len);
	if (!safe.error)
		ms_text_wrap(out, safe.data, 0, DENIAL_INDENT, MS_SAY_WIDTH);
}

static void tell_denials(const struct status *st, struct ms_buf *out)
{
	const struct ms_story *story = &st->story;

	if (story->n_denials)
		ms_buf_adds(out, "\nwhat the sandbox refused, the latest last:\n");
	for (uint32_t i = 0; i < story->n_denials; i++) {
		const struct ms_story_denial *denial = &story->denials[i];
		const struct ms_json *event = denial->event.body;
		const struct ms_json *data = ms_client_get(event, "data", MS_JSON_OBJECT);
		ms_auto(buf) struct ms_buf said = MS_BUF_INIT(REMEDY_BYTES);

		ms_event_clock(ms_client_get_str(event, "time"), out);
		ms_event_severity(ms_client_get_str(data, "severity"), st->ctl->color_out, out);
		ms_buf_adds(&said, denial->text);
		if (denial->count > 1)
			ms_buf_addf(&said, ", %llu times", (unsigned long long)denial->count);
		ms_text_wrap(out, said.error ? denial->text : said.data, DENIAL_INDENT,
			     DENIAL_INDENT, MS_SAY_WIDTH);
		tell_remedy(story, i, out);
	}
}

static void tell_commands(const struct status *st, struct ms_buf *out)
{
	if (st->why.n_commands)
		ms_buf_adds(out, "\nnext:\n");
	for (uint32_t i = 0; i < st->why.n_commands; i++)
		ms_buf_addf(out, "  %s\n", st->why.commands[i]);
}

static int print(struct status *st)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	const struct ms_json *i = st->shown.body;
	uint64_t pid = ms_client_get_uint(i, "pid", 0);

	headline(st, &out);
	if (i)
		ms_page_when(&out, "since", ms_client_get_str(i, "since"), st->now);
	if (st->why.text.len)
		ms_page_row(&out, "because",
			    st->why.text.error ? "(too long to show)" : st->why.text.data);
	ms_page_str(&out, "hint",
		    ms_client_get_str(ms_client_get(i, "error", MS_JSON_OBJECT), "hint"));
	ms_page_str(&out, "it says", ms_client_get_str(i, "status"));
	if (i)
		ms_page_rowf(&out, "run", "%llu, as instance %.*s",
			     (unsigned long long)ms_client_get_uint(i, "generation", 1),
			     (int)MS_MIN(ms_client_get_str(i, "instance").len, (size_t)64),
			     ms_client_get_str(i, "instance").p);
	if (pid)
		ms_page_rowf(&out, "pid", "%llu", (unsigned long long)pid);
	ms_request_sockets(i, &out);
	ms_request_less(i, &out);
	tell_lines(st, &out);
	tell_denials(st, &out);
	tell_commands(st, &out);
	return ms_say_out(st->ctl, &out);
}

/* -- for programs -- */

static void write_lines(const struct status *st, struct ms_jw *jw)
{
	const struct ms_json *lines = ms_client_get(st->story.logs.body, "lines", MS_JSON_ARRAY);

	ms_jw_array(jw, "stderr");
	for (size_t i = 0;
	     st->story.logs.kind == MS_MESSAGE_RESULT && lines && i < ms_json_count(lines); i++)
		ms_jw_value(jw, NULL, ms_json_at(lines, i));
	ms_jw_end(jw);
}

static int print_json(struct status *st)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "why", st->why.reason);
		ms_jw_text(jw, "text",
			   st->why.text.data && !st->why.text.error ? st->why.text.data : "");
		if (st->shown.body)
			ms_jw_value(jw, "instance", st->shown.body);
		else
			ms_jw_null(jw, "instance");
		write_lines(st, jw);
		ms_jw_array(jw, "denials");
		for (uint32_t i = 0; i < st->story.n_denials; i++)
			ms_jw_value(jw, NULL, st->story.denials[i].event.body);
		ms_jw_end(jw);
		ms_jw_uint(jw, "refused", st->story.n_refused);
		ms_jw_array(jw, "commands");
		for (uint32_t i = 0; i < st->why.n_commands; i++)
			ms_jw_text(jw, NULL, st->why.commands[i]);
		ms_jw_end(jw);
		ms_jw_end(jw);
	}
	return ms_say_jw(st->ctl, jw);
}

/* -- asking -- */

/* The instance; none is an answer here, not an error. */
static int ask_instance(struct status *st, struct ms_client *client)
{
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (params) {
		ms_jw_object(params, NULL);
		if (ms_target_request(params, st->name, &err) < 0)
			return ms_say_usage(st->ctl, &err);
		ms_jw_end(params);
	}
	r = ms_client_call(client, "instance.show", MS_TAKE_PTR(params), ANSWER_MS, &st->shown,
			   &err);
	if (r == 0 && st->shown.kind == MS_MESSAGE_FAILURE &&
	    ms_say_is(ms_client_reason(st->shown.body), "not-found")) {
		ms_message_done(&st->shown);
		st->shown = MS_MESSAGE_INIT;
		return MS_EXIT_DONE;
	}
	return ms_say_call(st->ctl, r, &st->shown, &err);
}

static int ask(struct status *st, struct ms_client *client)
{
	struct ms_error err = MS_ERROR_INIT;
	int code = ask_instance(st, client);
	int r;

	if (code != MS_EXIT_DONE)
		return code;
	r = ms_client_call(client, "supervisor.info", NULL, ANSWER_MS, &st->info, &err);
	code = ms_say_call(st->ctl, r, &st->info, &err);
	if (code != MS_EXIT_DONE || !st->shown.body)
		return code;
	return ms_story_read(st->ctl, client, st->shown.body, &st->story, &code) ? MS_EXIT_DONE
										 : code;
}

static int status_of(struct ms_ctl *ctl, const char *name)
{
	__attribute__((cleanup(status_done))) struct status st = {.ctl = ctl, .name = name};
	ms_auto(client) struct ms_client *client = NULL;
	char program[MS_CTL_SELF_BYTES];
	struct ms_why_facts facts = {.name = name, .program = program};
	int code = ms_ctl_connect(ctl, &client);

	if (code == MS_EXIT_DONE)
		code = ask(&st, client);
	if (code != MS_EXIT_DONE)
		return code;
	st.now = (int64_t)time(NULL);
	ms_ctl_self(ctl, program, sizeof(program));
	facts.instance = st.shown.body;
	facts.emergency = ms_client_get(st.info.body, "emergency", MS_JSON_OBJECT);
	facts.backoff = ms_client_get(st.story.backoff.body, "data", MS_JSON_OBJECT);
	facts.ailing = ms_client_get(st.story.ailing.body, "data", MS_JSON_OBJECT);
	facts.now = st.now;
	ms_why_find(&facts, &st.why);
	code = ctl->json ? print_json(&st) : print(&st);
	return code == MS_EXIT_DONE && !st.shown.body ? MS_EXIT_NOT_FOUND : code;
}

int ms_verb_status(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "[NAME[@TENANT] | INSTANCE]",
		.about = "Why is it not running? The state of a module and since when, the reason, "
			 "the last lines of its standard error, what the sandbox refused, and the "
			 "commands to type next. Without a name: the supervisor itself.",
		.max_operands = 1,
	};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	return args.n_operands ? status_of(ctl, args.operands[0]) : ms_status_all(ctl);
}
