/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-stats.c - modsupctl stats: what running modules use of what they may, once or each second.
 */
#include <time.h>

#include "modsup/limits.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/target.h"
#include "supervisor/ctl/terminal.h"
#include "supervisor/ctl/usage.h"

#define ANSWER_MS 30000
#define MAX_PAGES (MS_MAX_INSTANCES / MS_MAX_LIST + 2) /* one that pages for ever is left */
#define HEADROOM  4u /* lines of the terminal for titles, the sum, what is left out, the cursor */

#define CLEAR "\033[H\033[2J"

/* Where one look at all of them goes. */
struct look {
	struct ms_usage usage;
	struct ms_jw *jw; /* NULL: no JSON is asked for; owned */
};

static void look_done(struct look *look)
{
	ms_usage_done(&look->usage);
	look->jw = ms_jw_free(look->jw);
}

static int out_of_memory(const struct ms_ctl *ctl)
{
	struct ms_error err = MS_ERROR_INIT;

	(void)ms_error_set(&err, ENOMEM, "stats"); /* told by the next line */
	return ms_say_error(ctl, &err);
}

static int take(struct ms_ctl *ctl, struct look *look, const struct ms_json *answer)
{
	const struct ms_json *list = ms_client_get(answer, "instances", MS_JSON_ARRAY);

	for (size_t i = 0; look->jw && list && i < ms_json_count(list); i++)
		ms_jw_value(look->jw, NULL, ms_json_at(list, i));
	return ms_usage_add(&look->usage, answer) < 0 ? out_of_memory(ctl) : MS_EXIT_DONE;
}

static int call(struct ms_ctl *ctl, struct ms_client *client, struct ms_jw *take_params,
		struct ms_message *ret)
{
	struct ms_error err = MS_ERROR_INIT;
	int r;

	ms_jw_end(take_params);
	r = ms_client_call(client, "instance.stats", take_params, ANSWER_MS, ret, &err);
	return ms_say_call(ctl, r, ret, &err);
}

static int look_at_one(struct ms_ctl *ctl, struct ms_client *client, const char *word,
		       struct look *look)
{
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	int code;

	if (!params)
		return out_of_memory(ctl);
	ms_jw_object(params, NULL);
	if (ms_target_request(params, word, &err) < 0)
		return ms_say_usage(ctl, &err);
	code = call(ctl, client, MS_TAKE_PTR(params), &message);
	return code == MS_EXIT_DONE ? take(ctl, look, message.body) : code;
}

static int look_at_all(struct ms_ctl *ctl, struct ms_client *client, struct look *look)
{
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_str cursor = {.p = "", .len = 0};
	int code = MS_EXIT_DONE;

	for (unsigned i = 0; i < MAX_PAGES; i++) {
		struct ms_message next = MS_MESSAGE_INIT;
		struct ms_jw *params = ms_jw_new();

		if (!params)
			return out_of_memory(ctl);
		ms_jw_object(params, NULL);
		ms_jw_uint(params, "limit", MS_MAX_LIST);
		if (cursor.len > 0)
			ms_jw_str(params, "cursor", cursor);
		code = call(ctl, client, params, &next);
		ms_message_done(&message); /* @cursor lived in it */
		message = next;
		if (code == MS_EXIT_DONE)
			code = take(ctl, look, message.body);
		cursor = ms_client_get_str(message.body, "next");
		if (code != MS_EXIT_DONE || cursor.len == 0)
			break;
	}
	return code;
}

/* Everything that was asked for, as it is now. */
static int look_now(struct ms_ctl *ctl, struct ms_client *client, const struct ms_args *args,
		    struct look *look)
{
	int code = MS_EXIT_DONE;

	*look = (struct look){.usage = MS_USAGE_INIT, .jw = ctl->json ? ms_jw_new() : NULL};
	if (ctl->json && !look->jw)
		return out_of_memory(ctl);
	if (look->jw) {
		ms_jw_object(look->jw, NULL);
		ms_jw_array(look->jw, "instances");
	}
	for (uint32_t i = 0; i < args->n_operands && code == MS_EXIT_DONE; i++)
		code = look_at_one(ctl, client, args->operands[i], look);
	if (args->n_operands == 0)
		code = look_at_all(ctl, client, look);
	if (look->jw) {
		ms_jw_end(look->jw);
		ms_jw_end(look->jw);
	}
	return code;
}

static void wait_a_second(void)
{
	const struct timespec pause = {.tv_sec = 1};

	(void)nanosleep(&pause, NULL); /* a signal ends it, and most likely the program */
}

static int show(struct ms_ctl *ctl, struct look *look, bool watch)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	const bool terminal = isatty(STDOUT_FILENO);
	uint16_t rows = 0, columns = 0;

	if (ctl->json)
		return ms_say_jw(ctl, MS_TAKE_PTR(look->jw));
	if (terminal)
		ms_terminal_size(STDOUT_FILENO, &rows, &columns);
	if (watch) {
		ms_usage_sort(&look->usage);
		ms_buf_adds(&out, terminal ? CLEAR : "");
	}
	if (look->usage.n == 0)
		ms_buf_adds(&out, "nothing is running\n");
	else
		ms_usage_print(&look->usage, columns,
			       watch && rows > HEADROOM ? rows - HEADROOM : 0, &out);
	if (watch && !terminal)
		ms_buf_adds(&out, "\n");
	return ms_say_out(ctl, &out);
}

/* Two looks a second apart, unless JSON is wanted, whose reader has figures to compare. */
static int once(struct ms_ctl *ctl, struct ms_client *client, const struct ms_args *args)
{
	struct look first, second = {.usage = MS_USAGE_INIT};
	int code = look_now(ctl, client, args, &first);

	if (code == MS_EXIT_DONE && (ctl->json || first.usage.n == 0)) {
		code = show(ctl, &first, /* watch= */ false);
	} else if (code == MS_EXIT_DONE) {
		wait_a_second();
		code = look_now(ctl, client, args, &second);
		ms_usage_compare(&second.usage, &first.usage);
		if (code == MS_EXIT_DONE)
			code = show(ctl, &second, /* watch= */ false);
	}
	look_done(&first);
	look_done(&second);
	return code;
}

/* Until something fails, or the caller has seen enough. */
static int each_second(struct ms_ctl *ctl, struct ms_client *client, const struct ms_args *args)
{
	struct look before = {.usage = MS_USAGE_INIT}, now;
	int code;

	for (;;) {
		code = look_now(ctl, client, args, &now);
		ms_usage_compare(&now.usage, &before.usage);
		if (code == MS_EXIT_DONE)
			code = show(ctl, &now, /* watch= */ true);
		look_done(&before);
		before = now;
		if (code != MS_EXIT_DONE)
			break;
		wait_a_second();
	}
	look_done(&before);
	return code;
}

int ms_verb_stats(struct ms_ctl *ctl, int argc, char **argv)
{
	bool watch = false;
	const struct ms_option options[] = {
		{"watch",
		 'w',
		 MS_OPTION_FLAG,
		 NULL,
		 "show it again each second, who uses most of a core first, until interrupted",
		 {.flag = &watch}},
	};
	struct ms_args args = {
		.synopsis = "[NAME[@TENANT] | INSTANCE]...",
		.about = "Shows what running modules use of what they may: their share of a core "
			 "within the last second, memory (what they read from files is in it), "
			 "processes and threads. With --json the figures as instance.stats tells "
			 "them, at once.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.max_operands = MS_MAX_ARGV,
	};
	ms_auto(client) struct ms_client *client = NULL;
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	code = ms_ctl_connect(ctl, &client);
	if (code != MS_EXIT_DONE)
		return code;
	return watch ? each_second(ctl, client, &args) : once(ctl, client, &args);
}
