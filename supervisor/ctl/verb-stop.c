/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-stop.c - modsupctl stop, and wait: end instances, or wait for their end. Both answer with
 * the same object.
 */
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"

#define STOP_USEC                                                                                  \
	(UINT64_C(120) * 1000000) /* SIGTERM, the longest stop time-out, the kill, air             \
				   */

static int build(const void *data MS_UNUSED, const struct ms_each_target *target, struct ms_jw *jw,
		 struct ms_error *err)
{
	return ms_each_target_members(target, jw, err);
}

static void tell(const void *data MS_UNUSED, const struct ms_each_target *target,
		 const struct ms_json *answer, struct ms_buf *out)
{
	ms_ending_tell(answer, target->name, out);
}

int ms_verb_stop(struct ms_ctl *ctl, int argc, char **argv)
{
	uint64_t timeout_usec = STOP_USEC;
	bool all = false;
	struct ms_option options[] = {
		{"all", 0, MS_OPTION_FLAG, NULL, "everything that runs or would start again",
		 .to.flag = &all},
		{"timeout", 0, MS_OPTION_USEC, "TIME",
		 "how long to wait for the end, which comes all the same; default: 2m",
		 .to.usec = &timeout_usec},
	};
	struct ms_args args = {
		.synopsis = "[options] NAME[@TENANT] | INSTANCE ... | --all",
		.about = "Sends SIGTERM, waits for the manifest's stopTimeout, then kills whatever "
			 "is left, and does not start it again. Returns when nothing of the "
			 "instances is left.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.max_operands = MS_MAX_ARGV,
	};
	ms_auto(each_targets) struct ms_each_targets targets = {0};
	struct ms_each each = {
		.ctl = ctl,
		.method = "instance.stop",
		.build = build,
		.tell = tell,
		.late = "has not ended within the time given; it will, all the same"};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code) ||
	    !ms_request_operands(ctl, &args, all, &targets, &code) ||
	    !ms_request_wait(ctl, timeout_usec, &each.timeout_ms, &code))
		return code;
	return all ? ms_each_call_picked(&each, MS_EACH_LIVE) : ms_each_call(&each, &targets);
}

int ms_verb_wait(struct ms_ctl *ctl, int argc, char **argv)
{
	uint64_t timeout_usec = 0;
	struct ms_option options[] = {
		{"timeout", 0, MS_OPTION_USEC, "TIME", "how long to wait; default: for ever",
		 .to.usec = &timeout_usec},
	};
	struct ms_args args = {
		.synopsis = "[options] NAME[@TENANT] | INSTANCE ...",
		.about = "Waits until the instances have ended, and tells how.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = MS_MAX_ARGV,
	};
	ms_auto(each_targets) struct ms_each_targets targets = {0};
	struct ms_each each = {.ctl = ctl,
			       .method = "instance.wait",
			       .build = build,
			       .tell = tell,
			       .timeout_ms = MS_CLIENT_FOREVER,
			       .late = "has not ended within the time given"};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code) ||
	    !ms_request_operands(ctl, &args, /* all= */ false, &targets, &code))
		return code;
	if (timeout_usec && !ms_request_wait(ctl, timeout_usec, &each.timeout_ms, &code))
		return code;
	return ms_each_call(&each, &targets);
}
