/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-logs.c - modsupctl logs: the last lines of a module's log, and with --follow those that
 * come.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/num.h"
#include "policy/units.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/log-text.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/target.h"

#define ANSWER_MS      30000
#define CLOSED_MS      1000 /* a supervisor that has ended is known to have by then */
#define READ_BYTES     65536u
#define MAX_LINE_BYTES 65536u /* of JSON; a supervisor that sends more is left */
#define MAX_DEPTH      4u

struct logs_options {
	const char *name, *lines, *since, *source;
	bool follow;
};

struct reader {
	struct ms_ctl *ctl;
	struct ms_logtext view;
	struct ms_buf in;
};

/* --since as a time, or as how long ago. */
static int add_since(struct ms_jw *jw, const char *since, struct ms_error *err)
{
	uint64_t ago = 0;
	time_t when;
	char text[32];
	struct tm tm;

	if (strchr(since, '-')) { /* the supervisor looks at it */
		ms_jw_text(jw, "since", since);
		return 0;
	}
	when = time(NULL);
	if (ms_units_parse(MS_UNITS_DURATION, since, strlen(since), &ago) != 0 ||
	    ago / 1000000u > (uint64_t)when) {
		(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "--since takes how long ago, or a time");
		return ms_error_hint(err, "write 10m, 1h, or 2026-01-02T03:04:05Z");
	}
	when -= (time_t)(ago / 1000000u);
	if (!gmtime_r(&when, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return ms_error_set(err, EOVERFLOW, "--since");
	ms_jw_text(jw, "since", text);
	return 0;
}

static int build(const struct logs_options *o, struct ms_jw *jw, struct ms_error *err)
{
	uint32_t lines = 0;
	int r;

	ms_jw_object(jw, NULL);
	r = ms_target_request(jw, o->name, err);
	if (r == 0 && o->lines) {
		if (ms_parse_u32(o->lines, strlen(o->lines), 0, MS_MAX_LOG_LINES, &lines) != 0)
			return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
					    "--lines takes a number of at most %u",
					    MS_MAX_LOG_LINES);
		ms_jw_uint(jw, "lines", lines);
	}
	if (r == 0 && o->since)
		r = add_since(jw, o->since, err);
	if (r == 0 && o->source)
		ms_jw_text(jw, "source", o->source);
	if (r == 0 && o->follow)
		ms_jw_bool(jw, "follow", true);
	if (r == 0)
		ms_jw_end(jw);
	return r;
}

/* The stream's socket stands beside the one that we use, by whatever name we see their folder. */
static int connect_stream(const struct ms_ctl *ctl, struct ms_str path, struct ms_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *slash = strrchr(ctl->socket, '/');
	size_t name = path.len;
	int n, fd;

	while (name > 0 && path.p[name - 1] != '/')
		name--;
	n = snprintf(address.sun_path, sizeof(address.sun_path), "%.*s%.*s",
		     slash ? (int)(slash - ctl->socket) + 1 : 0, ctl->socket,
		     (int)(path.len - name), path.p + name);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return ms_error_set(err, ENAMETOOLONG, "the stream's socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ms_error_set(err, errno, "make a socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		n = errno;
		(void)ms_fd_close(fd); /* -EBADF */
		return ms_error_set(err, n, "connect to '%s'", address.sun_path);
	}
	return fd;
}

static int broken(const struct reader *r)
{
	struct ms_error err = MS_ERROR_INIT;

	(void)ms_error_set(&err, EPROTO, "the supervisor sent what is no line of a log");
	return ms_say_error(r->ctl, &err);
}

static int show_line(struct reader *r, const char *line, size_t len, struct ms_buf *out)
{
	struct ms_doc_limits limits = {.max_bytes = MAX_LINE_BYTES, .max_depth = MAX_DEPTH};
	struct ms_report *report;
	struct ms_doc *doc = NULL;
	bool good;

	if (r->ctl->json) {
		ms_buf_add(out, line, len);
		ms_buf_adds(out, "\n");
		return MS_EXIT_DONE;
	}
	report = ms_report_new("log");
	good = report && ms_doc_parse(line, len, limits, MS_REASON_PARSE_ERROR, report, &doc) == 0;
	if (good)
		ms_logtext_add(&r->view, ms_doc_root(doc), (int64_t)time(NULL), out);
	(void)ms_doc_free(doc);	      /* NULL */
	(void)ms_report_free(report); /* NULL */
	return good ? MS_EXIT_DONE : broken(r);
}

/* The whole lines of what has come, written at once. */
static int show_lines(struct reader *r)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	size_t used = 0;
	const char *end;
	int code = MS_EXIT_DONE;

	while (code == MS_EXIT_DONE && used < r->in.len &&
	       (end = memchr(r->in.data + used, '\n', r->in.len - used))) {
		size_t len = (size_t)(end - r->in.data) - used;

		code = show_line(r, r->in.data + used, len, &out);
		used += len + 1;
	}
	ms_buf_drop_front(&r->in, used);
	if (code != MS_EXIT_DONE)
		return code;
	if (r->in.len >= MAX_LINE_BYTES)
		return broken(r);
	return ms_say_out(r->ctl, &out);
}

static int show_stream(struct reader *r, int fd)
{
	char bytes[READ_BYTES];
	int code = MS_EXIT_DONE;

	while (code == MS_EXIT_DONE) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return r->in.len ? broken(r) : MS_EXIT_DONE;
		ms_buf_add(&r->in, bytes, (size_t)n);
		code = show_lines(r);
	}
	return code;
}

/* A stream ends with the module, or with the supervisor: the latter is not to look like the
 * former. */
static int check_alive(struct ms_ctl *ctl, struct ms_client *client)
{
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (params) {
		ms_jw_object(params, NULL);
		ms_jw_end(params);
	}
	r = ms_client_call(client, "hello", params, CLOSED_MS, &message, &err);
	return r == MS_CLIENT_CLOSED || r < 0 ? ms_say_lost(ctl, r, &err) : MS_EXIT_DONE;
}

static int logs(struct ms_ctl *ctl, const struct logs_options *o)
{
	struct reader reader = {.ctl = ctl,
				.view = {.color = ctl->color_out},
				.in = MS_BUF_INIT(MAX_LINE_BYTES + READ_BYTES)};
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = -EBADF;
	int r = params ? build(o, params, &err) : ms_error_set(&err, ENOMEM, "logs");

	if (r < 0)
		return params ? ms_say_usage(ctl, &err) : ms_say_error(ctl, &err);
	r = ms_ctl_connect(ctl, &client);
	if (r != MS_EXIT_DONE)
		return r;
	r = ms_client_call(client, "instance.logs", MS_TAKE_PTR(params), ANSWER_MS, &message, &err);
	r = ms_say_call(ctl, r, &message, &err);
	if (r != MS_EXIT_DONE)
		return r;
	fd = connect_stream(ctl, ms_client_get_str(message.body, "stream"), &err);
	if (fd < 0)
		return ms_say_error(ctl, &err);
	r = show_stream(&reader, fd);
	ms_buf_done(&reader.in);
	return r == MS_EXIT_DONE && o->follow ? check_alive(ctl, client) : r;
}

int ms_verb_logs(struct ms_ctl *ctl, int argc, char **argv)
{
	struct logs_options o = {0};
	struct ms_option options[] = {
		{"follow", 'f', MS_OPTION_FLAG, NULL,
		 "go on with what comes, until the module ends for good", .to.flag = &o.follow},
		{"lines", 'n', MS_OPTION_TEXT, "N",
		 "the last N lines; default: 200, with --since all", .to.text = &o.lines},
		{"since", 0, MS_OPTION_TEXT, "TIME",
		 "only what came since: 10m ago, or 2026-01-02T03:04:05Z", .to.text = &o.since},
		{"source", 0, MS_OPTION_CHOICE, "stdout|stderr", "only one of the two",
		 .to.text = &o.source},
	};
	struct ms_args args = {
		.synopsis = "[options] NAME[@TENANT] | INSTANCE",
		.about = "Shows the last lines that a module wrote, with the time of each. \"out\" "
			 "is its standard output, \"err\" its standard error, \"---\" a word of "
			 "the supervisor's; \"+\" marks a line that goes on. Of a module its "
			 "latest instance is shown, and with --follow those after it.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = 1,
	};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	o.name = args.operands[0];
	return logs(ctl, &o);
}
