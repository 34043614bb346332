/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-doctor.c - modsupctl doctor: which isolation layers this host has, how that was tried, what
 * to change. The probing is modsupd's: of the running one when it can be reached, else a
 * `modsupd --check` of our own.
 */
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "modsup/limits.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define ANSWER_MS	 60000 /* probing takes a second or two on an idle host */
#define MAX_REPORT_BYTES (256u * 1024u)
#define NAME		 "modsupd"
#define WORD_COLUMNS	 10u
#define LAYER_COLUMNS	 20u

struct doctor_options {
	bool local;
	const char *modsupd;
	const char *config;
	const char *private_dir; /* whose configuration counts, unless @config is given */
};

/* The modsupd beside this program (a build folder), else the installed one. */
static const char *find_modsupd(char *beside, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", beside, len - 1);
	char *slash;

	if (n <= 0 || (size_t)n >= len - 1)
		return MS_SBINDIR "/" NAME;
	beside[n] = '\0';
	slash = strrchr(beside, '/');
	if (!slash || (size_t)(slash + 1 - beside) + sizeof(NAME) > len)
		return MS_SBINDIR "/" NAME;
	memcpy(slash + 1, NAME, sizeof(NAME));
	return access(beside, X_OK) == 0 ? beside : MS_SBINDIR "/" NAME;
}

/* @program --check --json with its stdout in @write_fd. */
static int spawn_check(const char *program, const struct doctor_options *o, int write_fd,
		       pid_t *ret_pid)
{
	const char *argv[] = {NAME, "--check", "--json", NULL, NULL, NULL};
	posix_spawn_file_actions_t actions;
	int r;

	if (o->config || o->private_dir) {
		argv[3] = o->config ? "--config" : "--private";
		argv[4] = o->config ? o->config : o->private_dir;
	}
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, write_fd, STDOUT_FILENO);
	if (r == 0) /* posix_spawn does not write to what argv points to */
		r = posix_spawn(ret_pid, program, &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* All of the child's output, and its end. The exit status says "unfit", which the text says too. */
static int read_check(pid_t pid, int fd, struct ms_buf *text, struct ms_error *err)
{
	char chunk[4096];
	int status = 0;
	ssize_t n;

	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			ms_buf_add(text, chunk, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (text->error)
		return ms_error_set(err, -text->error, "read the report of modsupd --check");
	if (text->len == 0)
		return ms_error_say(err, EPROTO, MS_REASON_INTERNAL,
				    "modsupd --check ended with status %d and no report",
				    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 0;
}

static int check_locally(const struct doctor_options *o, struct ms_doc **ret, struct ms_error *err)
{
	static const struct ms_doc_limits limits = {.max_bytes = MAX_REPORT_BYTES,
						    .max_depth = MS_MAX_REQUEST_DEPTH};
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MAX_REPORT_BYTES);
	ms_auto(report) struct ms_report *report = ms_report_new("modsupd --check");
	int fds[2] = {-EBADF, -EBADF};
	char beside[MS_MAX_PATH_BYTES];
	const char *program = o->modsupd ? o->modsupd : find_modsupd(beside, sizeof(beside));
	pid_t pid = 0;
	int r;

	if (!report || pipe2(fds, O_CLOEXEC) < 0)
		return ms_error_set(err, report ? errno : ENOMEM, "make a pipe");
	r = spawn_check(program, o, fds[1], &pid);
	fds[1] = ms_fd_close(fds[1]);
	if (r < 0) {
		fds[0] = ms_fd_close(fds[0]);
		(void)ms_error_set(err, -r, "run '%s'", program);
		return ms_error_hint(err, "name the program with --modsupd PATH");
	}
	r = read_check(pid, fds[0], &text, err);
	fds[0] = ms_fd_close(fds[0]);
	if (r < 0)
		return r;
	if (ms_doc_parse(text.data, text.len, limits, MS_REASON_PARSE_ERROR, report, ret) != 0)
		return ms_error_say(err, EPROTO, MS_REASON_PARSE_ERROR,
				    "the report of '%s --check' cannot be read", program);
	return 0;
}

/* A line of its own for what is longer than a word: "label: text", wrapped. */
static void add_detail(struct ms_buf *out, const char *label, struct ms_str text)
{
	ms_auto(buf) struct ms_buf safe = MS_BUF_INIT(MAX_REPORT_BYTES);

	if (text.len == 0)
		return;
	ms_buf_adds(&safe, label);
	ms_buf_escape(&safe, text.p, text.len);
	if (!safe.error)
		ms_text_wrap(out, safe.data, 0, WORD_COLUMNS, MS_SAY_WIDTH);
}

static void add_check(struct ms_buf *out, const struct ms_json *check, bool color)
{
	ms_auto(buf) struct ms_buf found = MS_BUF_INIT(MAX_REPORT_BYTES);
	struct ms_str verdict = ms_client_get_str(check, "verdict");
	struct ms_str layer = ms_client_get_str(check, "layer");
	struct ms_str text = ms_client_get_str(check, "found");
	const struct ms_json *required = ms_client_get(check, "required", MS_JSON_BOOL);
	bool ok = ms_say_is(verdict, "ok"), missing = ms_say_is(verdict, "missing");
	bool bad = missing && required && ms_json_bool(required);
	size_t at =
		WORD_COLUMNS + (layer.len < LAYER_COLUMNS ? (size_t)LAYER_COLUMNS : layer.len + 1);

	ms_say_paint(out, color,
		     ok	   ? MS_PAINT_GOOD
		     : bad ? MS_PAINT_BAD
			   : MS_PAINT_WARN,
		     ok	       ? "ok        "
		     : bad     ? "MISSING   "
		     : missing ? "absent    "
			       : "degraded  ");
	ms_buf_escape(out, layer.p, layer.len);
	ms_buf_escape(&found, text.p, text.len); /* a layer's name is a plain word */
	if (found.len > 0 && !found.error) {
		ms_buf_addf(out, "%*s", (int)(at - WORD_COLUMNS - layer.len), "");
		ms_text_wrap(out, found.data, at, at, MS_SAY_WIDTH);
	} else {
		ms_buf_adds(out, "\n");
	}
	add_detail(out, "tried: ", ms_client_get_str(check, "probed"));
	add_detail(out, "advice: ", ms_client_get_str(check, "advice"));
}

static bool is_fit(const struct ms_json *report)
{
	const struct ms_json *fit = ms_client_get(report, "fit", MS_JSON_BOOL);

	return fit && ms_json_bool(fit);
}

static int tell(struct ms_ctl *ctl, const struct ms_json *report, bool by_supervisor)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);
	const struct ms_json *checks = ms_client_get(report, "checks", MS_JSON_ARRAY);
	int code;

	if (ctl->json) {
		code = ms_say_json(ctl, report);
		return code == MS_EXIT_DONE && !is_fit(report) ? MS_EXIT_FAILED : code;
	}
	ms_buf_addf(&out, "checked by %s\n\n",
		    by_supervisor ? "the running supervisor" : "modsupd --check, run as you");
	for (size_t i = 0; checks && i < ms_json_count(checks); i++)
		add_check(&out, ms_json_at(checks, i), ctl->color_out);
	ms_buf_adds(&out, is_fit(report) ? "\nthis host can run modules\n"
					 : "\nthis host CANNOT run modules: see what is MISSING\n");
	if (!is_fit(report) && !by_supervisor && geteuid() != 0)
		ms_buf_adds(&out, "(as an ordinary user: most of that is missing for want of root; "
				  "ask again as root)\n");
	code = ms_say_out(ctl, &out);
	return code == MS_EXIT_DONE && !is_fit(report) ? MS_EXIT_FAILED : code;
}

static int doctor(struct ms_ctl *ctl, const struct doctor_options *o)
{
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(doc) struct ms_doc *doc = NULL;
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (!o->local && !o->modsupd && !o->config && ms_ctl_try(ctl, &client, &err) == 0) {
		r = ms_client_call(client, "host.check", NULL, ANSWER_MS, &message, &err);
		r = ms_say_call(ctl, r, &message, &err);
		return r == MS_EXIT_DONE ? tell(ctl, message.body, /* by_supervisor= */ true) : r;
	}
	err = MS_ERROR_INIT;
	r = check_locally(o, &doc, &err);
	if (r < 0)
		return ms_say_error(ctl, &err);
	return tell(ctl, ms_doc_root(doc), /* by_supervisor= */ false);
}

int ms_verb_doctor(struct ms_ctl *ctl, int argc, char **argv)
{
	struct doctor_options o = {0};
	struct ms_option options[] = {
		{"local", 0, MS_OPTION_FLAG, NULL,
		 "run modsupd --check even when a supervisor can be asked", .to.flag = &o.local},
		{"modsupd", 0, MS_OPTION_TEXT, "PATH",
		 "run this modsupd; default: the one beside modsupctl, else the installed one",
		 .to.text = &o.modsupd},
		{"config", 0, MS_OPTION_TEXT, "FILE", "check against this configuration",
		 .to.text = &o.config},
	};
	struct ms_args args = {
		.synopsis = "[options]",
		.about = "Tries each isolation layer on this host and says what was found, how it "
			 "was tried, and what to change. Asks the supervisor when there is one, "
			 "else runs modsupd --check (as root, to be of use). Exit code 1 when a "
			 "required layer is missing.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
	};
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	o.private_dir = ctl->private_dir;
	return doctor(ctl, &o);
}
