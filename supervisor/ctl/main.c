/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - modsupctl: the table of verbs, and nothing else. Talks to modsupd as the caller; has no
 * privilege of its own.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "lib/log.h"
#include "policy/nearest.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

#define MAX_OVERVIEW_BYTES 16384u

static const struct ms_verb verbs[] = {
	{"run", "run a module or a command once, in a sandbox, in the foreground", ms_verb_run},
	{"start", "start the module in a folder", ms_verb_start},
	{"stop", "stop a module", ms_verb_stop},
	{"wait", NULL, ms_verb_wait},
	{"list", "what is running", ms_verb_list},
	{"stats", "what running modules use of what they may", ms_verb_stats},
	{"emergency", "end every module at once, and let none start", ms_verb_emergency},
	{"exec", "run a command inside a module that runs", ms_verb_exec},
	{"logs", "what a module writes", ms_verb_logs},
	{"events", "what modules tried, and what became of them", ms_verb_events},
	{"capacity", "how full the host is, and how many more modules fit", ms_verb_capacity},
	{"validate", "check a manifest and its folder, without a supervisor", ms_verb_validate},
	{"explain", "what a module will be able to do, without a supervisor", ms_verb_explain},
	{"doctor", "which isolation layers this host has, and what to change", ms_verb_doctor},
	{"version", "of this program and of the supervisor", ms_verb_version},
};

static int overview(const struct ms_ctl *ctl)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_OVERVIEW_BYTES);

	ms_buf_adds(&out,
		    "usage: modsupctl [--private DIR | --socket PATH] [--json] VERB ...\n\n"
		    "Runs modules that nobody can vouch for, each in a sandbox of its own.\n\n"
		    "verbs:\n");
	for (size_t i = 0; i < MS_ARRAY_LEN(verbs); i++)
		if (verbs[i].summary)
			ms_buf_addf(&out, "  %-10s%s\n", verbs[i].name, verbs[i].summary);
	ms_buf_adds(&out, "\nmodsupctl VERB --help tells more; modsupctl(1) tells all.\n");
	return ms_say_out(ctl, &out);
}

static const struct ms_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int no_such_verb(const struct ms_ctl *ctl, const char *name)
{
	struct ms_str word = {.p = name, .len = strlen(name)};
	struct ms_nearest near = ms_nearest_init(word);
	struct ms_error err = MS_ERROR_INIT;
	char shown[80];

	for (size_t i = 0; i < MS_ARRAY_LEN(verbs); i++)
		ms_nearest_try(&near, verbs[i].name);
	(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID, "no such verb: '%s'",
			   ms_log_quote(word.p, word.len, shown, sizeof(shown)));
	if (near.best)
		(void)ms_error_hint(&err, "did you mean %s?", near.best);
	return ms_say_usage(ctl, &err);
}

static int run(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {.synopsis = "VERB ...", .stop_early = true};
	const struct ms_verb *verb;
	struct ms_error err = MS_ERROR_INIT;
	int code = MS_EXIT_USAGE;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (ctl->version)
		return ms_verb_version(ctl, 1, argv);
	if (args.n_rest == 0 && ctl->help)
		return overview(ctl);
	if (args.n_rest == 0) {
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID, "a verb is missing");
		return ms_say_usage(ctl, &err);
	}
	verb = find_verb(args.rest[0]);
	if (!verb)
		return no_such_verb(ctl, args.rest[0]);
	ctl->verb = verb->name;
	return verb->run(ctl, args.n_rest, args.rest);
}

static bool wants_color(int fd)
{
	const char *no_color = secure_getenv("NO_COLOR"), *term = secure_getenv("TERM");

	if ((no_color && no_color[0]) || (term && strcmp(term, "dumb") == 0))
		return false;
	return isatty(fd);
}

/* A descriptor below 3 that is closed would be given to the next socket, and written to as stdout.
 */
static bool standard_fds_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return false;
	(void)ms_fd_close(fd); /* one above the three */
	return true;
}

int main(int argc, char **argv)
{
	struct ms_ctl ctl = {.verb = ""};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	int code;

	if (argc < 1 || !standard_fds_open() || sigaction(SIGPIPE, &ignore, NULL) < 0)
		return MS_EXIT_FAILED;
	ms_log_open("modsupctl", MS_LOG_INFO);
	ctl.color_out = wants_color(STDOUT_FILENO);
	ctl.color_err = wants_color(STDERR_FILENO);
	code = run(&ctl, argc, argv);
	free(ctl.socket);
	return code;
}
