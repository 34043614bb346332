/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-show.c - modsupctl show: everything that the supervisor tells of one instance.
 */
#include <time.h>

#include "policy/units.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/page.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/target.h"

#define ANSWER_MS 30000

static void labels(const struct ms_json *object, struct ms_buf *out)
{
	for (size_t i = 0; object && i < ms_json_count(object); i++) {
		ms_auto(buf) struct ms_buf text = MS_BUF_INIT(8192);
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, i, &key);

		if (ms_json_type(value) != MS_JSON_STRING)
			continue;
		ms_buf_escape(&text, key.p, key.len);
		ms_buf_adds(&text, "=");
		ms_buf_escape(&text, ms_json_str(value).p, ms_json_str(value).len);
		if (!text.error)
			ms_page_row(out, "label", text.data);
	}
}

static void failure(const struct ms_json *error, struct ms_buf *out)
{
	struct ms_str step = ms_client_get_str(error, "step");
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(8192);

	if (!error)
		return;
	if (step.len) {
		ms_buf_adds(&text, "step ");
		ms_buf_escape(&text, step.p, step.len);
		ms_buf_adds(&text, ": ");
	}
	ms_buf_escape(&text, ms_client_get_str(error, "message").p,
		      ms_client_get_str(error, "message").len);
	if (!text.error)
		ms_page_row(out, "error", text.data);
	ms_page_str(out, "hint", ms_client_get_str(error, "hint"));
}

static void figures(const struct ms_json *instance, struct ms_buf *out)
{
	uint64_t peak = ms_client_get_uint(instance, "peakMemoryBytes", 0);
	uint64_t cpu = ms_client_get_uint(instance, "cpuUsec", 0);
	char text[MS_PAGE_BYTES_TEXT];

	if (peak)
		ms_page_rowf(out, "memory", "%s at its peak", ms_page_bytes(peak, text));
	if (cpu)
		ms_page_rowf(out, "cpu time", "%llu.%03llu s", (unsigned long long)(cpu / 1000000),
			     (unsigned long long)(cpu / 1000 % 1000));
	ms_page_rowf(out, "refused", "%llu calls",
		     (unsigned long long)ms_client_get_uint(instance, "denied", 0));
}

static void state(const struct ms_json *instance, int64_t now, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf end = MS_BUF_INIT(1024);
	struct ms_str shim = ms_client_get_str(instance, "shim");
	uint64_t pid = ms_client_get_uint(instance, "pid", 0);

	ms_page_str(out, "state", ms_client_get_str(instance, "state"));
	ms_page_str(out, "reason", ms_client_get_str(instance, "reason"));
	ms_page_when(out, "since", ms_client_get_str(instance, "since"), now);
	ms_page_when(out, "next", ms_client_get_str(instance, "next"), now);
	ms_page_rowf(out, "run", "%llu, as instance %.*s",
		     (unsigned long long)ms_client_get_uint(instance, "generation", 1),
		     (int)MS_MIN(ms_client_get_str(instance, "instance").len, (size_t)64),
		     ms_client_get_str(instance, "instance").p);
	if (pid)
		ms_page_rowf(out, "pid", "%llu", (unsigned long long)pid);
	if (ms_say_is(shim, "outdated"))
		ms_page_row(out, "shim", "outdated: of an earlier modsup; restart renews it");
	else
		ms_page_str(out, "shim", shim);
	ms_page_str(out, "status", ms_client_get_str(instance, "status"));
	failure(ms_client_get(instance, "error", MS_JSON_OBJECT), out);
	ms_ending_how(instance, &end);
	if (!end.error && end.len)
		ms_page_row(out, "ended", end.data);
	figures(instance, out);
}

static void show(const struct ms_json *instance, struct ms_buf *out)
{
	struct ms_str module = ms_client_get_str(instance, "module");
	struct ms_str version = ms_client_get_str(instance, "version");
	struct ms_str tail = ms_client_get_str(instance, "stderrTail");

	ms_buf_escape(out, module.p, module.len);
	ms_buf_adds(out, module.len && version.len ? " " : "");
	ms_buf_escape(out, version.p, version.len);
	ms_buf_adds(out, module.len ? "\n" : "(its manifest is not read yet)\n");
	ms_page_str(out, "tenant", ms_client_get_str(instance, "tenant"));
	ms_page_str(out, "tier", ms_client_get_str(instance, "tier"));
	state(instance, (int64_t)time(NULL), out);
	ms_request_sockets(instance, out);
	labels(ms_client_get(instance, "labels", MS_JSON_OBJECT), out);
	ms_page_str(out, "policy", ms_client_get_str(instance, "policy"));
	ms_request_less(instance, out);
	if (tail.len)
		ms_buf_adds(out, "last lines of its standard error:\n");
	ms_page_tail(out, tail, /* max= */ 20);
}

int ms_verb_show(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "NAME[@TENANT] | INSTANCE",
		.about = "Shows all that the supervisor tells of one instance; of a module the "
			 "latest one. Ended ones are remembered for a while.",
		.min_operands = 1,
		.max_operands = 1,
	};
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	code = ms_ctl_connect(ctl, &client);
	if (code == MS_EXIT_DONE)
		code = ms_target_ask(ctl, client, "instance.show", args.operands[0], ANSWER_MS,
				     &message);
	if (code != MS_EXIT_DONE)
		return code;
	if (ctl->json)
		return ms_say_json(ctl, message.body);
	show(message.body, &out);
	return ms_say_out(ctl, &out);
}
