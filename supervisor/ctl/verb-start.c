/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-start.c - modsupctl start: the module in a folder, left running.
 */
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"

#define TIMEOUT_USEC   (30u * 1000000u)
#define MARGIN_MS      15000 /* the supervisor's own deadline passes first */
#define MAX_TEXT_BYTES (1024u * 1024u)

struct start_options {
	const char *tier, *tenant, *wait;
	uint64_t timeout_usec;
	struct ms_option_list labels;
};

static int build(const struct start_options *o, const char *path, struct ms_jw *jw,
		 struct ms_error *err)
{
	int r;

	ms_jw_object(jw, NULL);
	r = ms_request_path(jw, "path", path, err);
	if (r < 0)
		return r;
	ms_request_text(jw, "tier", o->tier);
	ms_request_text(jw, "tenant", o->tenant);
	ms_request_text(jw, "wait", o->wait);
	ms_request_duration(jw, "timeout", o->timeout_usec);
	r = ms_request_labels(jw, &o->labels, err);
	if (r < 0)
		return r;
	ms_jw_end(jw);
	return 0;
}

static int start(struct ms_ctl *ctl, const struct start_options *o, const char *path)
{
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_error err = MS_ERROR_INIT;
	int r = params ? build(o, path, params, &err) : ms_error_set(&err, ENOMEM, "start");

	if (r < 0)
		return ms_say_error(ctl, &err);
	r = ms_ctl_connect(ctl, &client);
	if (r != MS_EXIT_DONE)
		return r;
	r = ms_client_call(client, "instance.start", MS_TAKE_PTR(params),
			   (int)(o->timeout_usec / 1000) + MARGIN_MS, &message, &err);
	r = ms_say_call(ctl, r, &message, &err);
	if (r != MS_EXIT_DONE)
		return r;
	if (ctl->json)
		return ms_say_json(ctl, message.body);
	ms_request_instance(message.body, &out);
	return ms_say_out(ctl, &out);
}

int ms_verb_start(struct ms_ctl *ctl, int argc, char **argv)
{
	struct start_options o = {.wait = "ready", .timeout_usec = TIMEOUT_USEC};
	struct ms_option options[] = {
		{"tier", 0, MS_OPTION_CHOICE, "community|verified|private",
		 "default: the configuration's", .to.text = &o.tier},
		{"tenant", 0, MS_OPTION_TEXT, "NAME", "on whose behalf; default: default",
		 .to.text = &o.tenant},
		{"wait", 0, MS_OPTION_CHOICE, "ready|spawned|no", "until when; default: ready",
		 .to.text = &o.wait},
		{"timeout", 0, MS_OPTION_USEC, "TIME", "how long at most; default: 30s",
		 .to.usec = &o.timeout_usec},
		{"label", 0, MS_OPTION_LIST, "NAME=VALUE",
		 "carried with the instance and its events; may be given again",
		 .to.list = &o.labels},
	};
	struct ms_args args = {
		.synopsis = "[options] DIR",
		.about = "Starts the module in DIR, the folder that holds its module.json, and "
			 "leaves it running. A module that is running already stays as it is.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = 1,
	};
	struct ms_error err = MS_ERROR_INIT;
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (o.timeout_usec > UINT64_C(3600) * 1000000) {
		(void)ms_error_say(&err, ERANGE, MS_REASON_PARAMS_INVALID,
				   "--timeout is at most 1h");
		return ms_say_usage(ctl, &err);
	}
	return start(ctl, &o, args.operands[0]);
}
