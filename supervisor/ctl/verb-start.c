/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-start.c - modsupctl start: modules by name or by folder, left running.
 */
#include <string.h>
#include <sys/stat.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/target.h"

#define TIMEOUT_USEC (UINT64_C(30) * 1000000)
#define MARGIN_MS    15000 /* the supervisor's own deadline passes first */

struct start_options {
	const char *tier, *tenant, *wait;
	uint64_t timeout_usec;
	struct ms_option_list labels;
};

/* What has a slash is a path, and so are "." and ".."; every other word is a name. */
static bool is_path(const char *word)
{
	return strchr(word, '/') || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
}

static int build_name(const struct start_options *o, const char *word, struct ms_jw *jw,
		      struct ms_error *err)
{
	const char *at = strchr(word, '@');

	if (at && o->tenant)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "--tenant and '@%s' both name a tenant; give one", at + 1);
	return ms_target_module(jw, word, o->tenant, err);
}

static int build(const void *data, const struct ms_each_target *target, struct ms_jw *jw,
		 struct ms_error *err)
{
	const struct start_options *o = data;
	int r;

	if (is_path(target->name)) {
		r = ms_request_path(jw, "path", target->name, err);
		ms_request_text(jw, "tenant", o->tenant);
	} else {
		r = build_name(o, target->name, jw, err);
	}
	if (r < 0)
		return r;
	ms_request_text(jw, "tier", o->tier);
	ms_request_text(jw, "wait", o->wait);
	ms_request_duration(jw, "timeout", o->timeout_usec);
	return ms_request_labels(jw, &o->labels, err);
}

static void tell(const void *data MS_UNUSED, const struct ms_each_target *target MS_UNUSED,
		 const struct ms_json *answer, struct ms_buf *out)
{
	ms_request_instance(answer, out);
}

/* Nobody knows a module of this name, and the caller stands before a folder that has it. */
static void failed(const void *data MS_UNUSED, const struct ms_each_target *target,
		   const struct ms_json *error)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(4096);
	struct stat st;

	if (is_path(target->name) || !ms_say_is(ms_client_reason(error), "not-found") ||
	    stat(target->name, &st) < 0 || !S_ISDIR(st.st_mode))
		return;
	ms_buf_adds(&out, "  the folder of that name is meant by: modsupctl start ./");
	ms_buf_escape(&out, target->name, strlen(target->name));
	ms_buf_adds(&out, "\n");
	ms_say_err(&out);
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
		.synopsis = "[options] NAME[@TENANT] | DIR ...",
		.about = "Starts modules and leaves them running: by NAME, from the folders that "
			 "the supervisor's configuration names (moduleFolders), or the one in DIR, "
			 "the folder that holds its module.json; a DIR is written with a slash. A "
			 "module that is running already stays as it is.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = MS_MAX_ARGV,
	};
	ms_auto(each_targets) struct ms_each_targets targets = {0};
	struct ms_each each = {.ctl = ctl,
			       .method = "instance.start",
			       .build = build,
			       .tell = tell,
			       .failed = failed,
			       .data = &o};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code) ||
	    !ms_request_operands(ctl, &args, /* all= */ false, &targets, &code) ||
	    !ms_request_wait(ctl, o.timeout_usec, &each.timeout_ms, &code))
		return code;
	each.timeout_ms += MARGIN_MS;
	return ms_each_call(&each, &targets);
}
