/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-list.c - modsupctl list: every instance, in the order of start, page by page.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

static const char *const titles[] = {"MODULE", "TENANT", "STATE",   "REASON",
				     "SINCE",  "NEXT",	 "INSTANCE"};
#define RIGHT  (1u << 4 | 1u << 5)
#define SHRINK (1u << 0 | 1u << 1 | 1u << 3)

/* How far from now, either way; "-" for no time. */
static void add_distance(struct ms_table *table, struct ms_str text, int64_t now)
{
	char age[MS_TEXT_AGE_BYTES];
	int64_t then = 0;

	if (!ms_text_time(text, &then)) {
		ms_table_addf(table, "-");
		return;
	}
	ms_text_age((uint64_t)(then > now ? then - now : now - then), age);
	ms_table_addf(table, "%s", age);
}

static void add_reason(struct ms_table *table, const struct ms_json *instance)
{
	struct ms_str state = ms_client_get_str(instance, "state");
	struct ms_str reason = ms_client_get_str(instance, "reason");
	uint64_t code = ms_client_get_uint(ms_client_get(instance, "exit", MS_JSON_OBJECT), "code",
					   UINT64_MAX);

	if (!reason.len || (reason.len == state.len && memcmp(reason.p, state.p, state.len) == 0))
		ms_table_addf(table, "-"); /* "stopped: stopped" is no news */
	else if (ms_say_is(reason, "exited") && code <= 255)
		ms_table_addf(table, "exit code %u", (unsigned)code);
	else
		ms_table_add(table, reason);
}

/* What is worth a look: why it failed, else that it runs less guarded than it could. */
static void add_note(struct ms_table *table, const struct ms_json *instance)
{
	const struct ms_json *skipped = ms_client_get(instance, "skippedLayers", MS_JSON_ARRAY);
	const struct ms_json *error = ms_client_get(instance, "error", MS_JSON_OBJECT);

	if (error)
		ms_table_add(table, ms_client_get_str(error, "message"));
	else if (skipped && ms_json_count(skipped) > 0)
		ms_table_addf(table, "runs without %zu optional layer%s that this host lacks",
			      ms_json_count(skipped), ms_json_count(skipped) > 1 ? "s" : "");
	else if (ms_say_is(ms_client_get_str(instance, "shim"), "outdated"))
		ms_table_addf(table, "runs under the shim of an earlier modsup");
	else
		ms_table_addf(table, "%s", "");
}

static void add_instance(struct ms_table *table, const struct ms_json *instance)
{
	int64_t now = (int64_t)time(NULL);

	ms_table_add(table, ms_client_get_str(instance, "module"));
	ms_table_add(table, ms_client_get_str(instance, "tenant"));
	ms_table_add(table, ms_client_get_str(instance, "state"));
	add_reason(table, instance);
	add_distance(table, ms_client_get_str(instance, "since"), now);
	add_distance(table, ms_client_get_str(instance, "next"), now);
	ms_table_add(table, ms_client_get_str(instance, "instance"));
	add_note(table, instance);
}

/* A row of the table, as far as it matters whether people see it. */
struct row {
	char *module, *tenant; /* owned */
	bool ended;
};

struct listing {
	struct ms_table *table; /* borrowed, as is the next */
	struct ms_jw *jw;
	struct row *rows; /* owned */
	size_t n_rows, cap;
	bool all, incomplete;
};

static void listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->n_rows; i++) {
		free(listing->rows[i].module);
		free(listing->rows[i].tenant);
	}
	free(listing->rows);
}

static char *copy(struct ms_str text)
{
	return strndup(text.p, text.len);
}

static void add_row(struct listing *listing, const struct ms_json *instance)
{
	struct ms_str state = ms_client_get_str(instance, "state");
	struct row row = {
		.module = copy(ms_client_get_str(instance, "module")),
		.tenant = copy(ms_client_get_str(instance, "tenant")),
		.ended = ms_say_is(state, "stopped") || ms_say_is(state, "failed"),
	};
	struct row *rows = listing->rows;

	if (listing->n_rows == listing->cap) {
		listing->cap = listing->cap ? listing->cap * 2 : 64;
		rows = reallocarray(listing->rows, listing->cap, sizeof(*rows));
	}
	if (rows)
		listing->rows = rows;
	if (!rows || !row.module || !row.tenant) {
		free(row.module);
		free(row.tenant);
		listing->incomplete = true;
		return;
	}
	rows[listing->n_rows++] = row;
}

static void take(void *data, const struct ms_json *instance)
{
	struct listing *listing = data;

	add_instance(listing->table, instance);
	add_row(listing, instance);
	ms_jw_value(listing->jw, NULL, instance);
}

static bool has_later_run(const struct listing *listing, size_t i)
{
	for (size_t k = i + 1; k < listing->n_rows; k++) {
		if (strcmp(listing->rows[k].module, listing->rows[i].module) == 0 &&
		    strcmp(listing->rows[k].tenant, listing->rows[i].tenant) == 0)
			return true;
	}
	return false;
}

/* A module that was started again and again is one line: its earlier runs are history. */
static void drop_earlier_runs(struct listing *listing)
{
	for (size_t i = listing->n_rows; !listing->all && !listing->incomplete && i-- > 0;)
		if (listing->rows[i].ended && has_later_run(listing, i))
			ms_table_drop(listing->table, i);
}

/* For scripts and for completion: MODULE, or MODULE@TENANT, each once. */
static int print_names(const struct ms_ctl *ctl, const struct listing *listing)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);

	for (size_t i = 0; i < listing->n_rows; i++) {
		const struct row *row = &listing->rows[i];

		if (!row->module[0] || has_later_run(listing, i))
			continue;
		ms_buf_escape(&out, row->module, strlen(row->module));
		if (strcmp(row->tenant, "default") != 0) {
			ms_buf_adds(&out, "@");
			ms_buf_escape(&out, row->tenant, strlen(row->tenant));
		}
		ms_buf_adds(&out, "\n");
	}
	return ms_say_out(ctl, &out);
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
		.synopsis = "[--all | --names]",
		.about = "Shows every instance: its module and tenant, its state and for how long, "
			 "why, and in how much time something happens by itself.",
	};
	ms_auto(table) struct ms_table table = MS_TABLE_INIT(titles, RIGHT);
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	ms_auto(client) struct ms_client *client = NULL;
	__attribute__((cleanup(listing_done))) struct listing listing = {.table = &table, .jw = jw};
	bool names = false;
	struct ms_option options[] = {
		{"all", 0, MS_OPTION_FLAG, NULL, "earlier runs of what was started again, too",
		 .to.flag = &listing.all},
		{"names", 0, MS_OPTION_FLAG, NULL, "nothing but the names, one a line",
		 .to.flag = &names},
	};
	int code;

	args.options = options;
	args.n_options = MS_ARRAY_LEN(options);
	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (!jw)
		return MS_EXIT_FAILED;
	ms_jw_object(jw, NULL);
	ms_jw_array(jw, "instances");
	table.notes = true;
	code = ms_ctl_connect(ctl, &client);
	if (code == MS_EXIT_DONE)
		code = ms_each_listed(ctl, client, take, &listing);
	if (code != MS_EXIT_DONE)
		return code;
	ms_jw_end(jw);
	ms_jw_end(jw);
	if (ctl->json)
		return ms_say_jw(ctl, MS_TAKE_PTR(jw));
	if (names)
		return print_names(ctl, &listing);
	drop_earlier_runs(&listing);
	if (table.n_cells == 0)
		ms_buf_adds(&out, "nothing is running\n");
	else
		ms_table_print(&table, terminal_width(), SHRINK, &out);
	return ms_say_out(ctl, &out);
}
