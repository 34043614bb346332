/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-stats.c - instance.stats: what running instances use of what they may, one by one and in
 * sum. Cheap enough to be asked each second: figures are at most a second old, and read ahead by
 * watch.c where there are many.
 */
#include "lib/num.h"
#include "supervisor/daemon/method-instance.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/watch.h"

#define LIST_DEFAULT 100u

enum stats_arg {
	ARG_LIMIT = MS_WHICH_COUNT,
	ARG_CURSOR,
	ARG_SUM,
	ARG_STATS_COUNT,
};

static const struct ms_param stats_params[ARG_STATS_COUNT] = {
	[MS_WHICH_INSTANCE] = {.name = "instance", .type = MS_PARAM_INSTANCE},
	[MS_WHICH_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[MS_WHICH_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
	[ARG_LIMIT] = {.name = "limit", .type = MS_PARAM_NUMBER, .min = 1, .max = MS_MAX_LIST},
	[ARG_CURSOR] = {.name = "cursor", .type = MS_PARAM_TEXT, .min = 1, .max = 20},
	[ARG_SUM] = {.name = "sum", .type = MS_PARAM_BOOL},
};

/* One pass over those that run. */
struct pass {
	const struct ms_rpc_peer *peer;
	struct ms_jw *jw;
	struct ms_watch_figures sum; /* uptime: of all together, never shown */
	uint64_t n, denied;
};

static void write_who(struct ms_jw *jw, const struct ms_instance_view *view)
{
	ms_jw_str(jw, "instance", view->instance);
	if (view->module.len)
		ms_jw_str(jw, "module", view->module);
	if (view->tenant.len)
		ms_jw_str(jw, "tenant", view->tenant);
	ms_jw_text(jw, "state", ms_state_word(view->state));
	ms_jw_uint(jw, "generation", view->generation);
	ms_jw_uint(jw, "denied", view->denied);
}

static void write_figures(struct ms_jw *jw, const struct ms_watch_figures *f)
{
	ms_jw_uint(jw, "cpuUsec", f->now.cpu_usec);
	ms_jw_uint(jw, "cpuThrottledUsec", f->now.throttled_usec);
	ms_jw_uint(jw, "cpuLimit", f->limits[MS_LIMIT_CPU]);
	ms_jw_uint(jw, "memoryBytes", f->now.memory_bytes);
	ms_jw_uint(jw, "memoryLimitBytes", f->limits[MS_LIMIT_MEMORY]);
	ms_jw_uint(jw, "processes", f->now.processes);
	ms_jw_uint(jw, "processesLimit", f->limits[MS_LIMIT_PROCESSES]);
}

static void write_running(struct ms_jw *jw, const struct ms_instance_view *view,
			  const struct ms_watch_figures *f)
{
	ms_jw_object(jw, NULL);
	write_who(jw, view);
	write_figures(jw, f);
	ms_jw_uint(jw, "memoryPeakBytes", f->now.memory_peak_bytes);
	ms_jw_uint(jw, "openFilesLimit", f->limits[MS_LIMIT_OPEN_FILES]);
	ms_jw_uint(jw, "uptimeUsec", f->uptime_usec);
	ms_jw_end(jw);
}

/* What is left of one that does not run: nothing it uses, no limit that holds it. */
static void write_ended(struct ms_jw *jw, const struct ms_instance_view *view)
{
	ms_jw_object(jw, NULL);
	write_who(jw, view);
	ms_jw_uint(jw, "cpuUsec", view->cpu_used_usec);
	ms_jw_uint(jw, "memoryPeakBytes", view->peak_memory);
	ms_jw_end(jw);
}

static bool is_seen(void *data, const struct ms_instance *i)
{
	const struct pass *pass = data;
	struct ms_instance_view view;

	ms_instance_view(i, &view);
	return ms_rpc_sees(pass->peer, view.module, view.tenant);
}

static void add_to_list(void *data, const struct ms_instance *i, const struct ms_watch_figures *f)
{
	struct pass *pass = data;
	struct ms_instance_view view;

	ms_instance_view(i, &view);
	write_running(pass->jw, &view, f);
}

static void add_to_sum(void *data, const struct ms_instance *i, const struct ms_watch_figures *f)
{
	struct pass *pass = data;
	struct ms_watch_figures *sum = &pass->sum;
	struct ms_instance_view view;

	ms_instance_view(i, &view);
	pass->n++;
	pass->denied += view.denied;
	sum->now.cpu_usec += f->now.cpu_usec;
	sum->now.throttled_usec += f->now.throttled_usec;
	sum->now.memory_bytes += f->now.memory_bytes;
	sum->now.processes += f->now.processes;
	for (int limit = 0; limit < MS_LIMIT_COUNT; limit++)
		sum->limits[limit] += f->limits[limit];
}

static void write_sum(struct pass *pass)
{
	const struct ms_watch_walk all = {
		.limit = UINT32_MAX, .is_wanted = is_seen, .show = add_to_sum, .data = pass};
	struct ms_jw *jw = pass->jw;

	if (ms_watch_each(pass->peer->s, &all) != 0) {
		ms_jw_null(jw, "sum"); /* not all figures are there yet */
		return;
	}
	ms_jw_object(jw, "sum");
	ms_jw_uint(jw, "instances", pass->n);
	ms_jw_uint(jw, "denied", pass->denied);
	write_figures(jw, &pass->sum);
	ms_jw_end(jw);
}

static int run_one(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_instance *i = ms_which_find(call, args, &fault->error);
	struct ms_watch_figures figures;
	struct ms_instance_view view;
	struct ms_jw *jw;

	if (!i)
		return fault->error.code;
	if (args[ARG_LIMIT].value || args[ARG_CURSOR].value || args[ARG_SUM].value)
		return ms_error_say(&fault->error, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"limit\", \"cursor\" and \"sum\" are for all instances, "
				    "not for one that is named");
	ms_instance_view(i, &view);
	jw = ms_call_begin(call, /* n_fds= */ 0);
	if (jw) {
		ms_jw_array(jw, "instances");
		if (ms_watch_figures(call->peer->s, i, &figures))
			write_running(jw, &view, &figures);
		else
			write_ended(jw, &view);
		ms_jw_end(jw);
		ms_jw_null(jw, "next");
	}
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

static int run_all(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct pass pass = {.peer = call->peer};
	struct ms_watch_walk walk = {
		.limit = args[ARG_LIMIT].value ? (uint32_t)args[ARG_LIMIT].number : LIST_DEFAULT,
		.is_wanted = is_seen,
		.show = add_to_list,
		.data = &pass,
	};
	uint64_t at = 0;

	if (args[ARG_CURSOR].value && ms_parse_u64(args[ARG_CURSOR].str.p, args[ARG_CURSOR].str.len,
						   1, UINT64_MAX, &walk.after) < 0)
		return ms_error_say(&fault->error, EINVAL, MS_REASON_PARAMS_INVALID,
				    "cursor: this is not the \"next\" of an earlier answer");
	pass.jw = ms_call_begin(call, /* n_fds= */ 0);
	if (pass.jw) {
		ms_jw_array(pass.jw, "instances");
		at = ms_watch_each(call->peer->s, &walk);
		ms_jw_end(pass.jw);
		if (at)
			ms_jw_textf(pass.jw, "next", "%llu", (unsigned long long)at);
		else
			ms_jw_null(pass.jw, "next");
		if (args[ARG_SUM].yes)
			write_sum(&pass);
	}
	ms_call_answer(call, pass.jw, NULL, 0);
	return 0;
}

static int run_stats(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	const bool named = args[MS_WHICH_INSTANCE].value || args[MS_WHICH_MODULE].value ||
			   args[MS_WHICH_TENANT].value;

	return named ? run_one(call, args, fault) : run_all(call, args, fault);
}

const struct ms_method ms_method_instance_stats = {
	.name = "instance.stats",
	.role = MS_ROLE_OBSERVER,
	.params = stats_params,
	.n_params = ARG_STATS_COUNT,
	.run = run_stats,
};
