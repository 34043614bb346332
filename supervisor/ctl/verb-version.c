/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-version.c - modsupctl version: this program, and the supervisor when it can be reached.
 */
#include "config.h"

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

#define ANSWER_MS      10000
#define MAX_TEXT_BYTES 4096u

/* The supervisor's own account of itself; NULL body when there is none. */
static void ask(struct ms_ctl *ctl, struct ms_message *ret)
{
	ms_auto(client) struct ms_client *client = NULL;
	struct ms_error err = MS_ERROR_INIT;

	if (ms_ctl_try(ctl, &client, &err) != 0)
		return;
	if (ms_client_call(client, "supervisor.info", NULL, ANSWER_MS, ret, &err) != 0 ||
	    ret->kind != MS_MESSAGE_RESULT)
		ret->body = NULL;
}

static int as_json(struct ms_ctl *ctl, const struct ms_json *info)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "client", PACKAGE_VERSION);
		if (info)
			ms_jw_value(jw, "supervisor", info);
		else
			ms_jw_null(jw, "supervisor");
		ms_jw_end(jw);
	}
	return ms_say_jw(ctl, jw);
}

int ms_verb_version(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "",
		.about = "Prints the version of modsupctl, and of the supervisor when it can be "
			 "reached.",
	};
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	ask(ctl, &message);
	if (ctl->json)
		return as_json(ctl, message.body);
	ms_buf_adds(&out, "modsupctl " PACKAGE_VERSION "\n");
	if (message.body) {
		struct ms_str version = ms_client_get_str(
			ms_client_get(message.body, "server", MS_JSON_OBJECT), "version");

		ms_buf_adds(&out, "modsupd   ");
		ms_buf_escape(&out, version.p, version.len);
		ms_buf_addf(&out, " at %s\n", ctl->socket);
	} else {
		ms_buf_addf(&out, "modsupd   cannot be reached at %s\n",
			    ctl->socket ? ctl->socket : "its socket");
	}
	return ms_say_out(ctl, &out);
}
