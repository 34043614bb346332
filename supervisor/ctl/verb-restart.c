/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-restart.c - modsupctl restart: a new run of a module, its sockets staying meanwhile.
 */
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"

#define TIMEOUT_USEC (UINT64_C(90) * 1000000)
#define MARGIN_MS    15000 /* the supervisor's own deadline passes first */

struct restart_options {
	const char *wait;
	uint64_t timeout_usec;
	bool all, outdated;
};

static int build(const void *data, const struct ms_each_target *target, struct ms_jw *jw,
		 struct ms_error *err)
{
	const struct restart_options *o = data;
	int r = ms_each_target_members(target, jw, err);

	if (r < 0)
		return r;
	ms_request_text(jw, "wait", o->wait);
	ms_request_duration(jw, "timeout", o->timeout_usec);
	return 0;
}

static void tell(const void *data MS_UNUSED, const struct ms_each_target *target MS_UNUSED,
		 const struct ms_json *answer, struct ms_buf *out)
{
	ms_request_instance(answer, out);
}

static int check(struct ms_ctl *ctl, const struct restart_options *o)
{
	struct ms_error err = MS_ERROR_INIT;

	if (!o->all || !o->outdated)
		return MS_EXIT_DONE;
	(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
			   "--all and --outdated are two answers to one question; give one");
	return ms_say_usage(ctl, &err);
}

int ms_verb_restart(struct ms_ctl *ctl, int argc, char **argv)
{
	struct restart_options o = {.wait = "ready", .timeout_usec = TIMEOUT_USEC};
	struct ms_option options[] = {
		{"wait", 0, MS_OPTION_CHOICE, "ready|spawned|no", "until when; default: ready",
		 .to.text = &o.wait},
		{"timeout", 0, MS_OPTION_USEC, "TIME", "how long at most; default: 90s",
		 .to.usec = &o.timeout_usec},
		{"all", 0, MS_OPTION_FLAG, NULL, "everything that runs", .to.flag = &o.all},
		{"outdated", 0, MS_OPTION_FLAG, NULL,
		 "everything that runs under the shim of an earlier modsup",
		 .to.flag = &o.outdated},
	};
	struct ms_args args = {
		.synopsis = "[options] [NAME[@TENANT] | INSTANCE ...]",
		.about = "Stops each module as stop does, and starts it again as it was started. "
			 "Connections to its sockets wait meanwhile. One that has ended, or waits "
			 "for its next start, is started at once.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.max_operands = MS_MAX_ARGV,
	};
	ms_auto(each_targets) struct ms_each_targets targets = {0};
	struct ms_each each = {
		.ctl = ctl, .method = "instance.restart", .build = build, .tell = tell, .data = &o};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	code = check(ctl, &o);
	if (code != MS_EXIT_DONE ||
	    !ms_request_operands(ctl, &args, o.all || o.outdated, &targets, &code) ||
	    !ms_request_wait(ctl, o.timeout_usec, &each.timeout_ms, &code))
		return code;
	each.timeout_ms += MARGIN_MS;
	if (o.all || o.outdated)
		return ms_each_call_picked(&each, o.all ? MS_EACH_LIVE : MS_EACH_OUTDATED);
	return ms_each_call(&each, &targets);
}
