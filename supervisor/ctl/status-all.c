/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status-all.c - status-all.h: version, sockets, the emergency flag, instances by state, what waits
 * for its turn, and which layers this host lacks.
 */
#include "supervisor/ctl/status-all.h"

#include <string.h>
#include <time.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/page.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define ANSWER_MS 30000

static const char *const states[] = {"ready",	 "unhealthy", "starting", "waiting",
				     "stopping", "backoff",   "failed",	  "stopped"};

struct tally {
	uint64_t by_state[MS_ARRAY_LEN(states)], others, all;
};

static void count(void *data, const struct ms_json *instance)
{
	struct tally *tally = data;
	struct ms_str state = ms_client_get_str(instance, "state");

	tally->all++;
	for (size_t i = 0; i < MS_ARRAY_LEN(states); i++) {
		if (ms_say_is(state, states[i])) {
			tally->by_state[i]++;
			return;
		}
	}
	tally->others++;
}

static void tell_server(const struct ms_json *info, int64_t now, struct ms_buf *out)
{
	const struct ms_json *server = ms_client_get(info, "server", MS_JSON_OBJECT);
	const struct ms_json *is_private = ms_client_get(info, "private", MS_JSON_BOOL);
	struct ms_str version = ms_client_get_str(server, "version");

	ms_buf_adds(out, "modsupd ");
	ms_buf_escape(out, version.p, version.len);
	ms_buf_addf(out, ", process %llu%s\n",
		    (unsigned long long)ms_client_get_uint(info, "pid", 0),
		    is_private && ms_json_bool(is_private) ? ", private" : "");
	ms_page_when(out, "since", ms_client_get_str(info, "started"), now);
	ms_page_str(out, "state in", ms_client_get_str(info, "stateDir"));
}

/* The folders beside the one that was asked: those that are there are served. */
static void tell_sockets(const struct ms_ctl *ctl, const struct ms_json *info, struct ms_buf *out)
{
	static const struct {
		const char *role, *path;
	} rows[] = {
		{"admin", "control.sock"},
		{"backend", "backend/control.sock"},
		{"observer", "observer/control.sock"},
	};
	struct ms_str dir = ms_client_get_str(info, "runtimeDir");
	bool any = false;

	for (size_t i = 0; dir.len && i < MS_ARRAY_LEN(rows); i++) {
		ms_auto(buf) struct ms_buf path = MS_BUF_INIT(8192);

		ms_buf_add(&path, dir.p, dir.len);
		ms_buf_addf(&path, "/%s", rows[i].path);
		if (path.error || access(path.data, F_OK) < 0)
			continue;
		ms_buf_addf(out, "  %-11s%-9s", any ? "" : "sockets", rows[i].role);
		ms_buf_escape(out, path.data, path.len);
		ms_buf_adds(out, "\n");
		any = true;
	}
	if (!any) /* it runs where its folder cannot be seen */
		ms_page_row(out, "socket", ctl->socket);
}

static void tell_emergency(const struct ms_ctl *ctl, const struct ms_json *info, int64_t now,
			   struct ms_buf *out)
{
	const struct ms_json *up = ms_client_get(info, "emergency", MS_JSON_OBJECT);
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(8192);
	struct ms_str reason = ms_client_get_str(up, "reason"), by = ms_client_get_str(up, "by");
	char self[MS_CTL_SELF_BYTES];

	if (!up)
		return;
	ms_say_paint(out, ctl->color_out, MS_PAINT_BAD, "  EMERGENCY  ");
	ms_buf_adds(&text, "nothing starts, since ");
	ms_page_moment(&text, ms_client_get_str(up, "since"), now);
	ms_buf_adds(&text, ", by ");
	ms_buf_escape(&text, by.p, by.len);
	ms_buf_adds(&text, ": ");
	ms_buf_escape(&text, reason.p, reason.len);
	ms_ctl_self(ctl, self, sizeof(self));
	ms_buf_addf(&text, "; %s emergency lift ends it", self);
	ms_text_wrap(out, text.error ? "nothing starts" : text.data, 13, 13, MS_SAY_WIDTH);
}

static void tell_instances(const struct tally *tally, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1024);

	/* also earlier runs of what was started again: list leaves these out */
	ms_buf_addf(&text, "%llu known", (unsigned long long)tally->all);
	for (size_t i = 0, told = 0; i < MS_ARRAY_LEN(states); i++) {
		if (tally->by_state[i])
			ms_buf_addf(&text, "%s%llu %s", told++ ? ", " : ": ",
				    (unsigned long long)tally->by_state[i], states[i]);
	}
	if (tally->others)
		ms_buf_addf(&text, ", %llu in states that this program does not know",
			    (unsigned long long)tally->others);
	ms_page_row(out, "instances", text.error ? "?" : text.data);
}

/* What waits for its turn, and whether there is room for more. */
static void tell_starts(const struct ms_json *capacity, struct ms_buf *out)
{
	const struct ms_json *starts = ms_client_get(capacity, "starts", MS_JSON_OBJECT);
	struct ms_str full = ms_client_get_str(capacity, "full");
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1024);

	if (!starts)
		return;
	ms_page_rowf(out, "starts",
		     "%llu under way, %llu wait for their turn, at most %llu at once",
		     (unsigned long long)ms_client_get_uint(starts, "launching", 0),
		     (unsigned long long)ms_client_get_uint(starts, "waiting", 0),
		     (unsigned long long)ms_client_get_uint(starts, "limit", 0));
	if (!full.len)
		return;
	ms_buf_escape(&text, full.p, full.len);
	ms_buf_adds(&text, ": another start would be refused; modsupctl capacity has the figures");
	ms_page_row(out, "host full", text.error ? "?" : text.data);
}

static void tell_layers(const struct ms_json *host, struct ms_buf *out)
{
	const struct ms_json *checks = ms_client_get(host, "checks", MS_JSON_ARRAY);
	const struct ms_json *fit = ms_client_get(host, "fit", MS_JSON_BOOL);
	size_t lacking = 0;

	for (size_t i = 0; checks && i < ms_json_count(checks); i++) {
		const struct ms_json *check = ms_json_at(checks, i);
		const struct ms_json *required = ms_client_get(check, "required", MS_JSON_BOOL);
		struct ms_str layer = ms_client_get_str(check, "layer");
		ms_auto(buf) struct ms_buf text = MS_BUF_INIT(1024);

		if (ms_say_is(layer, "cgroup"))
			ms_page_str(out, "cgroups", ms_client_get_str(check, "found"));
		if (!ms_say_is(ms_client_get_str(check, "verdict"), "missing"))
			continue;
		lacking++;
		ms_buf_escape(&text, layer.p, layer.len);
		ms_buf_adds(&text, required && ms_json_bool(required)
					   ? ": no module starts without it"
					   : ": optional, modules start without it");
		ms_page_row(out, "lacks", text.error ? "?" : text.data);
	}
	if (fit && !ms_json_bool(fit))
		ms_page_row(out, "host",
			    "not fit for modules: modsupctl doctor says what to change");
	else if (!lacking)
		ms_page_row(out, "layers", "all that this modsup has");
}

static int ask(struct ms_ctl *ctl, struct ms_client *client, const char *method,
	       struct ms_message *ret)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = ms_client_call(client, method, NULL, ANSWER_MS, ret, &err);

	return ms_say_call(ctl, r, ret, &err);
}

struct answers {
	const struct ms_json *info, *host, *capacity;
};

static int print_json(struct ms_ctl *ctl, const struct answers *answers, const struct tally *tally)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_value(jw, "supervisor", answers->info);
		ms_jw_object(jw, "instances");
		for (size_t i = 0; i < MS_ARRAY_LEN(states); i++)
			ms_jw_uint(jw, states[i], tally->by_state[i]);
		ms_jw_uint(jw, "others", tally->others);
		ms_jw_end(jw);
		ms_jw_value(jw, "host", answers->host);
		ms_jw_value(jw, "capacity", answers->capacity);
		ms_jw_end(jw);
	}
	return ms_say_jw(ctl, jw);
}

int ms_status_all(struct ms_ctl *ctl)
{
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message info = MS_MESSAGE_INIT;
	ms_auto(message) struct ms_message host = MS_MESSAGE_INIT;
	ms_auto(message) struct ms_message capacity = MS_MESSAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	int64_t now = (int64_t)time(NULL);
	struct tally tally = {0};
	int code = ms_ctl_connect(ctl, &client);

	if (code == MS_EXIT_DONE)
		code = ask(ctl, client, "supervisor.info", &info);
	if (code == MS_EXIT_DONE)
		code = ask(ctl, client, "host.check", &host);
	if (code == MS_EXIT_DONE)
		code = ask(ctl, client, "capacity.get", &capacity);
	if (code == MS_EXIT_DONE)
		code = ms_each_listed(ctl, client, count, &tally);
	if (code != MS_EXIT_DONE)
		return code;
	if (ctl->json)
		return print_json(ctl, &(struct answers){info.body, host.body, capacity.body},
				  &tally);
	tell_server(info.body, now, &out);
	tell_sockets(ctl, info.body, &out);
	tell_emergency(ctl, info.body, now, &out);
	tell_instances(&tally, &out);
	tell_starts(capacity.body, &out);
	tell_layers(host.body, &out);
	return ms_say_out(ctl, &out);
}
