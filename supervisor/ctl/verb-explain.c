/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-explain.c - modsupctl explain: what a module will be able to do, and each narrowing with its
 * reason. Needs neither root nor a supervisor: the ceilings come from files or are the shipped
 * ones.
 */
#include <string.h>

#include "lib/log.h"
#include "policy/policy.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/load.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

#define DEFAULT_TENANT "default"

struct explain_options {
	const char *tier, *tenant;
	struct ms_option_list configs;
};

static void add_narrowings(const struct ms_policy *policy, struct ms_jw *jw)
{
	ms_jw_array(jw, "narrowings");
	for (uint32_t i = 0; i < policy->n_narrowings; i++) {
		const struct ms_narrowing *n = &policy->narrowings[i];

		ms_jw_object(jw, NULL);
		ms_jw_str(jw, "key", n->key);
		ms_jw_str(jw, "asked", n->asked);
		ms_jw_str(jw, "granted", n->granted);
		ms_jw_str(jw, "why", n->why);
		ms_jw_end(jw);
	}
	ms_jw_end(jw);
}

/* The canonical text is JSON already; it is read again so that it goes in as a value. */
static int add_effective(const struct ms_policy *policy, struct ms_jw *jw, struct ms_doc **ret_doc)
{
	static const struct ms_doc_limits limits = {.max_bytes = MS_MAX_POLICY_BYTES,
						    .max_depth = MS_MAX_REQUEST_DEPTH};
	ms_auto(report) struct ms_report *report = ms_report_new("policy");
	int r;

	if (!report)
		return -ENOMEM;
	r = ms_doc_parse(policy->canonical, policy->canonical_len, limits, MS_REASON_INTERNAL,
			 report, ret_doc);
	if (r == 0)
		ms_jw_value(jw, "effective", ms_doc_root(*ret_doc));
	return r;
}

static int as_json(struct ms_ctl *ctl, const struct ms_policy *policy)
{
	static const char digits[] = "0123456789abcdef";
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto(doc) struct ms_doc *doc = NULL;
	char hash[2 * sizeof(policy->hash) + 1];
	struct ms_error err = MS_ERROR_INIT;

	for (size_t i = 0; i < sizeof(policy->hash); i++) {
		hash[2 * i] = digits[policy->hash[i] >> 4];
		hash[2 * i + 1] = digits[policy->hash[i] & 15];
	}
	hash[sizeof(hash) - 1] = '\0';
	if (!jw)
		return MS_EXIT_FAILED;
	ms_jw_object(jw, NULL);
	ms_jw_str(jw, "module", policy->manifest->id);
	ms_jw_str(jw, "version", policy->manifest->version);
	ms_jw_str(jw, "tenant", policy->tenant);
	ms_jw_text(jw, "tier", ms_tier_word(policy->tier));
	ms_jw_text(jw, "policy", hash);
	add_narrowings(policy, jw);
	if (add_effective(policy, jw, &doc) != 0) {
		(void)ms_error_set(&err, EPROTO, "read the policy's canonical text");
		return ms_say_error(ctl, &err);
	}
	ms_jw_end(jw);
	return ms_say_jw(ctl, MS_TAKE_PTR(jw));
}

static int tell(struct ms_ctl *ctl, const struct explain_options *o, const struct ms_policy *policy)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);

	if (ctl->json)
		return as_json(ctl, policy);
	ms_policy_explain(policy, &out);
	if (o->configs.n == 0)
		ms_buf_adds(&out, "\nReckoned with the shipped configuration; with another one: "
				  "--config FILE.\n");
	return ms_say_out(ctl, &out);
}

static int explain(struct ms_ctl *ctl, const struct explain_options *o,
		   const struct ms_manifest *manifest)
{
	ms_auto(config) struct ms_config *config = NULL;
	ms_auto(policy) struct ms_policy *policy = NULL;
	ms_auto(buf) struct ms_buf errors = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	struct ms_str tenant = {.p = o->tenant, .len = strlen(o->tenant)};
	struct ms_error err = MS_ERROR_INIT;
	enum ms_tier tier;
	int r = ms_load_config(o->configs.items, o->configs.n, &config, &errors, &err);

	if (r > 0) {
		ms_say_err(&errors);
		return MS_EXIT_FAILED;
	}
	if (r < 0)
		return ms_say_error(ctl, &err);
	tier = config->default_tier;
	if (o->tier && ms_tier_parse(o->tier, strlen(o->tier), &tier) < 0)
		return MS_EXIT_USAGE; /* the option's words are the tiers: cannot be */
	r = ms_policy_build(manifest, config, tier, tenant, &policy, &err);
	if (r < 0 && err.code == 0)
		(void)ms_error_set(&err, -r, "build the policy");
	return r < 0 ? ms_say_error(ctl, &err) : tell(ctl, o, policy);
}

static int refuse(struct ms_ctl *ctl, const struct ms_load *load)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	struct ms_jw *jw;

	ms_report_print(load->report, &out);
	ms_say_err(&out);
	if (!ctl->json)
		return MS_EXIT_FAILED;
	jw = ms_jw_new();
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_say_report(load->report, "diagnostics", jw);
		ms_jw_end(jw);
	}
	(void)!ms_say_jw(ctl, jw); /* the code is that of the module's errors either way */
	return MS_EXIT_FAILED;
}

int ms_verb_explain(struct ms_ctl *ctl, int argc, char **argv)
{
	struct explain_options o = {.tenant = DEFAULT_TENANT};
	struct ms_option options[] = {
		{"tier", 0, MS_OPTION_CHOICE, "community|verified|private",
		 "whose ceilings apply; default: the configuration's", .to.text = &o.tier},
		{"tenant", 0, MS_OPTION_TEXT, "NAME", "on whose behalf; default: default",
		 .to.text = &o.tenant},
		{"config", 0, MS_OPTION_LIST, "FILE",
		 "modsupd.json or a drop-in, over the shipped defaults; may be given again",
		 .to.list = &o.configs},
	};
	struct ms_args args = {
		.synopsis = "[options] [DIR | FILE]",
		.about =
			"Says in plain words what the module in DIR (default: the current folder), "
			"or of the manifest FILE, will be able to do, and what it asked for and "
			"does not get, with the reason.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.max_operands = 1,
	};
	ms_auto(load) struct ms_load load = {0};
	struct ms_error err = MS_ERROR_INIT;
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (ms_load_module(args.n_operands ? args.operands[0] : ".", &load, &err) < 0)
		return ms_say_error(ctl, &err);
	if (!load.manifest || load.report->n_diags > 0)
		return refuse(ctl, &load);
	return explain(ctl, &o, load.manifest);
}
