/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-logs.c - instance.logs: an instance's log as a stream of lines, as its two files, or in
 * the answer itself. Whoever can see the instance may read its log. Called through the table of
 * rpc.c.
 */
#include <stdio.h>

#include "lib/rfc3339.h"
#include "supervisor/daemon/log-follow.h"
#include "supervisor/daemon/logread.h"
#include "supervisor/daemon/method-instance.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/stream.h"
#include "supervisor/daemon/supervisor.h"

#define DEFAULT_LINES 200u
#define TIME_BYTES    64u

enum logs_arg {
	ARG_LINES = MS_WHICH_COUNT,
	ARG_SINCE,
	ARG_FOLLOW,
	ARG_SOURCE,
	ARG_AS,
	ARG_LOGS_COUNT
};

enum logs_as { AS_STREAM, AS_FD, AS_INLINE };

static const char *const sources[] = {"stdout", "stderr", NULL};
static const char *const forms[] = {"stream", "fd", "inline", NULL};

static const struct ms_param logs_params[ARG_LOGS_COUNT] = {
	[MS_WHICH_INSTANCE] = {.name = "instance", .type = MS_PARAM_INSTANCE},
	[MS_WHICH_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[MS_WHICH_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
	[ARG_LINES] = {.name = "lines", .type = MS_PARAM_NUMBER, .max = MS_MAX_LOG_LINES},
	[ARG_SINCE] = {.name = "since", .type = MS_PARAM_TEXT, .min = 1, .max = TIME_BYTES},
	[ARG_FOLLOW] = {.name = "follow", .type = MS_PARAM_BOOL},
	[ARG_SOURCE] = {.name = "source", .type = MS_PARAM_WORD, .words = sources},
	[ARG_AS] = {.name = "as", .type = MS_PARAM_WORD, .words = forms},
};

/* What goes with which form; the files are handed out whole. */
static int check_form(const struct ms_arg *args, enum logs_as as, struct ms_error *err)
{
	if (as == AS_FD && (args[ARG_LINES].value || args[ARG_SINCE].value ||
			    args[ARG_SOURCE].value || args[ARG_FOLLOW].value))
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"as\": \"fd\" hands out the whole log: \"lines\", "
				    "\"since\", \"source\" and \"follow\" do not go with it");
	if (as == AS_INLINE && args[ARG_FOLLOW].yes)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "\"follow\" goes with \"as\": \"stream\" only");
	if (as == AS_INLINE && args[ARG_LINES].number > MS_MAX_LOG_INLINE_LINES)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "lines: at most %u go into an answer; use \"as\": \"stream\"",
				    MS_MAX_LOG_INLINE_LINES);
	return 0;
}

static int read_request(const struct ms_arg *args, enum logs_as as, struct ms_log_request *ret,
			struct ms_error *err)
{
	const struct ms_arg *since = &args[ARG_SINCE];
	uint64_t most = as == AS_INLINE ? MS_MAX_LOG_INLINE_LINES : MS_MAX_LOG_LINES;

	*ret = (struct ms_log_request){
		.lines = since->value ? most : DEFAULT_LINES,
		.follow = args[ARG_FOLLOW].yes,
		.by_module = args[MS_WHICH_MODULE].value,
	};
	if (args[ARG_LINES].value)
		ret->lines = args[ARG_LINES].number;
	if (args[ARG_SOURCE].value) {
		ret->filter.one_source = true;
		ret->filter.source = args[ARG_SOURCE].word ? MS_LOGREC_STDERR : MS_LOGREC_STDOUT;
	}
	if (since->value &&
	    ms_rfc3339_parse(since->str.p, since->str.len, &ret->filter.since_usec) < 0)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "since: a time such as \"2026-01-02T03:04:05Z\" is accepted");
	return 0;
}

static struct ms_jw *begin_answer(const struct ms_call *call, const struct ms_instance *i,
				  uint32_t n_fds)
{
	struct ms_jw *jw = ms_call_begin(call, n_fds);
	struct ms_instance_view view;

	if (!jw)
		return NULL;
	ms_instance_view(i, &view);
	ms_jw_str(jw, "instance", view.instance);
	return jw;
}

static int answer_stream(struct ms_call *call, const struct ms_log_request *request,
			 struct ms_error *err)
{
	const struct ms_stream_for whom = {.dir = call->peer->dir, .uid = call->peer->uid};
	struct ms_stream *stream;
	struct ms_jw *jw;
	int r = ms_logfollow_open(call->peer->s, request, &whom, &stream, err);

	if (r < 0)
		return r;
	jw = begin_answer(call, request->instance, /* n_fds= */ 0);
	if (jw)
		ms_jw_text(jw, "stream", ms_stream_path(stream));
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

static int answer_fds(struct ms_call *call, const struct ms_log_request *request,
		      struct ms_error *err)
{
	int fds[2] = {-EBADF, -EBADF};
	int r = ms_logfollow_files(call->peer->s, request->instance, fds, err);

	if (r < 0)
		return r;
	ms_call_answer(call, begin_answer(call, request->instance, 2), fds, 2);
	for (int i = 0; i < 2; i++)
		fds[i] = ms_fd_close(fds[i]); /* where no answer could be made */
	return 0;
}

static int write_lines(struct ms_jw *jw, const struct ms_log_request *request, const int fds[2])
{
	ms_auto_free struct ms_logread *read = malloc(sizeof(*read));
	uint64_t left = request->lines, skip, cut;
	struct ms_logrec rec;
	int r = 0;

	if (!read)
		return -ENOMEM;
	skip = ms_loglines_skip(read, fds, &request->filter, request->lines);
	cut = ms_loglines_cut(read, fds, &request->filter, skip, MS_MAX_LOG_INLINE_BYTES);
	skip += cut;
	ms_logread_init(read, fds);
	ms_jw_array(jw, "lines");
	while (left && r >= 0 && r != MS_LOGREAD_NOTHING) {
		r = ms_logread_next(read, &rec);
		if (r != 0 || !ms_loglines_wanted(&request->filter, &rec))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		ms_jw_object(jw, NULL);
		ms_loglines_members(jw, &rec);
		ms_jw_end(jw);
		left--;
	}
	ms_jw_end(jw);
	ms_jw_bool(jw, "truncated", cut > 0);
	return r < 0 ? r : 0;
}

static int answer_inline(struct ms_call *call, const struct ms_log_request *request,
			 struct ms_error *err)
{
	ms_auto(jw) struct ms_jw *jw = NULL;
	int fds[2] = {-EBADF, -EBADF};
	int r = ms_logfollow_files(call->peer->s, request->instance, fds, err);

	if (r < 0)
		return r;
	jw = begin_answer(call, request->instance, /* n_fds= */ 0);
	r = jw ? write_lines(jw, request, fds) : -ENOMEM;
	for (int i = 0; i < 2; i++)
		fds[i] = ms_fd_close(fds[i]);
	if (r < 0)
		return ms_error_set(err, -r, "read the log");
	ms_call_answer(call, MS_TAKE_PTR(jw), NULL, 0);
	return 0;
}

static int run_logs(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	enum logs_as as = args[ARG_AS].value ? (enum logs_as)args[ARG_AS].word : AS_STREAM;
	struct ms_instance *i = ms_which_find(call, args, &fault->error);
	struct ms_log_request request;
	int r;

	if (!i)
		return fault->error.code;
	r = check_form(args, as, &fault->error);
	if (r == 0)
		r = read_request(args, as, &request, &fault->error);
	if (r != 0)
		return r;
	request.instance = i;
	switch (as) {
	case AS_STREAM:
		return answer_stream(call, &request, &fault->error);
	case AS_FD:
		return answer_fds(call, &request, &fault->error);
	case AS_INLINE:
		return answer_inline(call, &request, &fault->error);
	}
	return ms_error_set(&fault->error, EINVAL, "logs");
}

const struct ms_method ms_method_instance_logs = {
	.name = "instance.logs",
	.role = MS_ROLE_OBSERVER,
	.params = logs_params,
	.n_params = ARG_LOGS_COUNT,
	.run = run_logs,
};
