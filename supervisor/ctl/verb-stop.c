/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-stop.c - modsupctl stop, and wait: end an instance, or wait for its end. Both answer with
 * the same object.
 */
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/target.h"

#define STOP_MS	       120000 /* SIGTERM, the longest stop time-out, the kill, and some air */
#define MAX_TEXT_BYTES 65536u

static int ask(struct ms_ctl *ctl, const char *method, const char *word, int timeout_ms)
{
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (!params)
		return ms_say_error(ctl, (ms_error_set(&err, ENOMEM, "%s", method), &err));
	ms_jw_object(params, NULL);
	if (ms_target_request(params, word, &err) < 0)
		return ms_say_usage(ctl, &err);
	ms_jw_end(params);
	r = ms_ctl_connect(ctl, &client);
	if (r != MS_EXIT_DONE)
		return r;
	r = ms_client_call(client, method, MS_TAKE_PTR(params), timeout_ms, &message, &err);
	r = ms_say_call(ctl, r, &message, &err);
	if (r != MS_EXIT_DONE)
		return r;
	if (ctl->json)
		return ms_say_json(ctl, message.body);
	ms_ending_tell(message.body, word, &out);
	return ms_say_out(ctl, &out);
}

int ms_verb_stop(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "NAME[@TENANT] | INSTANCE",
		.about = "Sends SIGTERM, waits for the manifest's stopTimeout, then kills whatever "
			 "is left. Returns when nothing of the instance is left.",
		.min_operands = 1,
		.max_operands = 1,
	};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	return ask(ctl, "instance.stop", args.operands[0], STOP_MS);
}

int ms_verb_wait(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "NAME[@TENANT] | INSTANCE",
		.about = "Waits until the instance has ended, and tells how.",
		.min_operands = 1,
		.max_operands = 1,
	};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	return ask(ctl, "instance.wait", args.operands[0], MS_CLIENT_FOREVER);
}
