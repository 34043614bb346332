/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-list.c - modsupctl list: every instance, in the order of start, page by page.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "modsup/limits.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define ANSWER_MS 30000
#define PAGE	  500u
#define MAX_PAGES (MS_MAX_INSTANCES / PAGE + 2) /* a supervisor that pages for ever is left */

static const char *const titles[] = {"MODULE", "TENANT", "STATE",   "SINCE",
				     "PID",    "DENIED", "INSTANCE"};
#define RIGHT  (1u << 3 | 1u << 4 | 1u << 5)
#define SHRINK (1u << 0 | 1u << 1)

static void add_age(struct ms_table *table, const struct ms_json *instance)
{
	struct ms_str since = ms_client_get_str(instance, "since");
	int64_t then = 0;
	time_t now = time(NULL);
	char age[MS_TEXT_AGE_BYTES];

	if (!ms_text_time(since, &then)) {
		ms_table_addf(table, "-");
		return;
	}
	ms_text_age(now > then ? (uint64_t)(now - then) : 0, age);
	ms_table_addf(table, "%s", age);
}

static void add_number(struct ms_table *table, uint64_t value)
{
	if (value > 0)
		ms_table_addf(table, "%llu", (unsigned long long)value);
	else
		ms_table_addf(table, "-");
}

/* What is worth a look: why it failed, the reason of its state, else the layers it runs without. */
static void add_note(struct ms_table *table, const struct ms_json *instance)
{
	const struct ms_json *skipped = ms_client_get(instance, "skippedLayers", MS_JSON_ARRAY);
	const struct ms_json *error = ms_client_get(instance, "error", MS_JSON_OBJECT);
	struct ms_str state = ms_client_get_str(instance, "state");
	struct ms_str reason = ms_client_get_str(instance, "reason");

	if (error)
		reason = ms_client_get_str(error, "message");

	if (reason.len == state.len && memcmp(reason.p, state.p, state.len) == 0)
		reason.len = 0; /* "stopped: stopped" is no news */
	if (ms_say_is(reason, "exited"))
		ms_table_addf(table, "exited, code %llu",
			      (unsigned long long)ms_client_get_uint(
				      ms_client_get(instance, "exit", MS_JSON_OBJECT), "code", 0));
	else if (reason.len > 0)
		ms_table_add(table, reason);
	else if (skipped && ms_json_count(skipped) > 0)
		ms_table_addf(table, "runs without %zu optional layer%s that this host lacks",
			      ms_json_count(skipped), ms_json_count(skipped) > 1 ? "s" : "");
	else
		ms_table_addf(table, "%s", "");
}

static void add_instance(struct ms_table *table, const struct ms_json *instance)
{
	ms_table_add(table, ms_client_get_str(instance, "module"));
	ms_table_add(table, ms_client_get_str(instance, "tenant"));
	ms_table_add(table, ms_client_get_str(instance, "state"));
	add_age(table, instance);
	add_number(table, ms_client_get_uint(instance, "pid", 0));
	ms_table_addf(table, "%llu", (unsigned long long)ms_client_get_uint(instance, "denied", 0));
	ms_table_add(table, ms_client_get_str(instance, "instance"));
	add_note(table, instance);
}

/* One page into @table or @jw; the cursor of the next one, or "" at the end. */
static int page(struct ms_ctl *ctl, struct ms_client *client, struct ms_str cursor,
		struct ms_message *ret)
{
	struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (params) {
		ms_jw_object(params, NULL);
		ms_jw_uint(params, "limit", PAGE);
		if (cursor.len > 0)
			ms_jw_str(params, "cursor", cursor);
		ms_jw_end(params);
	}
	r = ms_client_call(client, "instance.list", params, ANSWER_MS, ret, &err);
	return ms_say_call(ctl, r, ret, &err);
}

static void take_page(const struct ms_json *body, struct ms_table *table, struct ms_jw *jw)
{
	const struct ms_json *list = ms_client_get(body, "instances", MS_JSON_ARRAY);

	for (size_t i = 0; list && i < ms_json_count(list); i++) {
		add_instance(table, ms_json_at(list, i));
		ms_jw_value(jw, NULL, ms_json_at(list, i));
	}
}

static int collect(struct ms_ctl *ctl, struct ms_table *table, struct ms_jw *jw)
{
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_str cursor = {.p = "", .len = 0};
	int code = ms_ctl_connect(ctl, &client);

	for (unsigned i = 0; code == MS_EXIT_DONE && i < MAX_PAGES; i++) {
		struct ms_message next = MS_MESSAGE_INIT;

		code = page(ctl, client, cursor, &next);
		ms_message_done(&message); /* @cursor lived in it */
		message = next;
		if (code != MS_EXIT_DONE)
			break;
		take_page(message.body, table, jw);
		cursor = ms_client_get_str(message.body, "next");
		if (cursor.len == 0)
			break;
	}
	return code;
}

/* The columns of the terminal on stdout; 0: none, nothing is cut. */
static size_t terminal_width(void)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int ms_verb_list(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "",
		.about = "Shows every instance: its module and tenant, its state and since when, "
			 "the process on the host, and how many calls were refused so far.",
	};
	ms_auto(table) struct ms_table table = MS_TABLE_INIT(titles, RIGHT);
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (!jw)
		return MS_EXIT_FAILED;
	ms_jw_object(jw, NULL);
	ms_jw_array(jw, "instances");
	table.notes = true;
	code = collect(ctl, &table, jw);
	if (code != MS_EXIT_DONE)
		return code;
	ms_jw_end(jw);
	ms_jw_end(jw);
	if (ctl->json)
		return ms_say_jw(ctl, MS_TAKE_PTR(jw));
	if (table.n_cells == 0)
		ms_buf_adds(&out, "nothing is running\n");
	else
		ms_table_print(&table, terminal_width(), SHRINK, &out);
	return ms_say_out(ctl, &out);
}
