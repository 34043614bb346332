/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-run.c - modsupctl run: a module or a command once, in the foreground. What is not a module
 * gets a manifest made here, with nothing granted; the current folder is not shown to it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/name.h"
#include "lib/num.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/foreground.h"
#include "supervisor/ctl/load.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/session.h"

#define START_USEC (60u * 1000000u)

struct run_options {
	const char *manifest, *bundle, *tier, *tenant;
	const char *memory, *cpu, *processes; /* of the manifest made here */
	bool tty, quiet;
	uint64_t timeout_usec;
	struct ms_option_list labels;

	const char *dir; /* the operand, or NULL */
	char **command;
	int n_command;
	char module[MS_MAX_ID_BYTES + 1]; /* "" when it is not known */
};

/* What one option says about another. */
static int check_together(const struct run_options *o, struct ms_error *err)
{
	bool made = !o->dir && !o->manifest;

	if (o->dir && (o->manifest || o->bundle))
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "DIR is the module with its manifest: no --manifest and no "
				    "--bundle beside it");
	if (made && o->n_command == 0)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "nothing to run: a module's DIR, --manifest FILE, or -- "
				    "COMMAND is missing");
	if (!made && (o->memory || o->cpu || o->processes))
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "--memory, --cpu and --processes are for -- COMMAND without a "
				    "manifest; a manifest has limits of its own");
	if (o->n_command > (int)MS_MAX_ARGV)
		return ms_error_say(err, E2BIG, MS_REASON_PARAMS_INVALID,
				    "a command of %d words; %u are possible", o->n_command,
				    MS_MAX_ARGV);
	if (o->tty && !isatty(STDIN_FILENO))
		return ms_error_say(err, ENOTTY, MS_REASON_PARAMS_INVALID,
				    "--tty needs a terminal on standard input");
	return 0;
}

static void add_command(const struct run_options *o, struct ms_jw *jw)
{
	if (o->n_command == 0)
		return;
	ms_jw_array(jw, "command");
	for (int i = 0; i < o->n_command; i++)
		ms_jw_text(jw, NULL, o->command[i]);
	ms_jw_end(jw);
}

static int add_limits(const struct run_options *o, struct ms_jw *jw, struct ms_error *err)
{
	uint32_t processes = 0;

	if (o->processes &&
	    ms_parse_u32(o->processes, strlen(o->processes), 1, UINT32_MAX, &processes) != 0)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "--processes takes a number from 1");
	ms_jw_object(jw, "limits");
	ms_request_text(jw, "memory", o->memory);
	ms_request_text(jw, "cpu", o->cpu);
	if (o->processes)
		ms_jw_uint(jw, "processes", processes);
	ms_jw_end(jw);
	return 0;
}

/* What draws on a terminal has to know its kind. */
static void add_terminal(const struct run_options *o, struct ms_jw *jw)
{
	const char *term = o->tty ? ms_foreground_term() : NULL;

	if (!term)
		return;
	ms_jw_object(jw, "env");
	ms_jw_text(jw, "TERM", term);
	ms_jw_end(jw);
}

/* The manifest of a bare command. Its id is this process's, so that two runs do not meet. */
static int make_manifest(struct run_options *o, struct ms_jw *jw, struct ms_error *err)
{
	ms_auto(jw) struct ms_jw *made = ms_jw_new();
	ms_auto_free char *text = NULL,
			  *program = o->bundle ? NULL : ms_foreground_program(o->command[0]);
	int r;

	(void)snprintf(o->module, sizeof(o->module), "run-%d", (int)getpid()); /* fits */
	if (!made)
		return ms_error_set(err, ENOMEM, "make a manifest");
	ms_jw_object(made, NULL);
	ms_jw_text(made, "id", o->module);
	ms_jw_text(made, "version", "0.0.0");
	ms_jw_object(made, "entry");
	if (program) {
		char *asked = o->command[0];

		o->command[0] = program;
		add_command(o, made);
		o->command[0] = asked;
	} else {
		add_command(o, made);
	}
	add_terminal(o, made);
	ms_jw_text(made, "mode", "service"); /* no time limit of its own: --timeout sets one */
	ms_jw_end(made);
	r = add_limits(o, made, err);
	if (r < 0)
		return r;
	ms_jw_end(made);
	text = ms_jw_take(made, MS_JW_LINE, NULL);
	if (!text)
		return ms_error_set(err, ENOMEM, "make a manifest");
	ms_jw_text(jw, "manifest", text);
	return o->bundle ? ms_request_path(jw, "bundle", o->bundle, err) : 0;
}

/* The id in a manifest, for the events to ask for. What is wrong with it the supervisor tells. */
static void read_id(struct run_options *o, const char *text, size_t len)
{
	static const struct ms_doc_limits limits = {.max_bytes = MS_MAX_MANIFEST_BYTES,
						    .max_depth = MS_MAX_MANIFEST_DEPTH};
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	ms_auto(doc) struct ms_doc *doc = NULL;
	struct ms_str id;

	if (!report ||
	    ms_doc_parse(text, len, limits, MS_REASON_MANIFEST_INVALID, report, &doc) != 0)
		return;
	id = ms_client_get_str(ms_doc_root(doc), "id");
	if (ms_name_is_module(id.p, id.len))
		memcpy(o->module, id.p, id.len); /* at most MS_MAX_ID_BYTES; the NUL is there */
}

/* The folder that a file is in. Owned by the caller. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int give_manifest(struct run_options *o, struct ms_jw *jw, struct ms_error *err)
{
	ms_auto_free char *folder = folder_of(o->manifest);
	ms_auto_free char *text = NULL;
	size_t len = 0;

	text = ms_load_file(AT_FDCWD, o->manifest, MS_MAX_MANIFEST_BYTES, &len, err);
	if (!text)
		return err->code;
	if (!folder)
		return ms_error_set(err, ENOMEM, "'%s'", o->manifest);
	read_id(o, text, len);
	ms_jw_str(jw, "manifest", (struct ms_str){.p = text, .len = len});
	add_command(o, jw);
	return ms_request_path(jw, "bundle", o->bundle ? o->bundle : folder, err);
}

static int give_folder(struct run_options *o, struct ms_jw *jw, struct ms_error *err)
{
	ms_auto_fd int dirfd = open(o->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ms_error unseen = MS_ERROR_INIT;
	ms_auto_free char *text = NULL;
	size_t len = 0;

	if (dirfd >= 0)
		text = ms_load_file(dirfd, "module.json", MS_MAX_MANIFEST_BYTES, &len, &unseen);
	if (text)
		read_id(o, text, len);
	add_command(o, jw);
	return ms_request_path(jw, "path", o->dir, err);
}

static void add_stdio(const struct run_options *o, struct ms_jw *jw)
{
	ms_jw_bool(jw, "attached", true);
	ms_jw_text(jw, "stdio", o->tty ? "tty" : "pipe");
	if (o->tty)
		ms_foreground_tty(jw);
}

static int build(struct run_options *o, struct ms_jw *jw, struct ms_error *err)
{
	int r;

	ms_jw_object(jw, NULL);
	if (o->dir)
		r = give_folder(o, jw, err);
	else
		r = o->manifest ? give_manifest(o, jw, err) : make_manifest(o, jw, err);
	if (r < 0)
		return r;
	ms_request_text(jw, "tier", o->tier);
	ms_request_text(jw, "tenant", o->tenant);
	ms_jw_text(jw, "wait", "spawned");
	ms_request_duration(jw, "timeout", START_USEC);
	r = ms_request_labels(jw, &o->labels, err);
	if (r < 0)
		return r;
	add_stdio(o, jw);
	ms_jw_end(jw);
	return 0;
}

static int run(struct ms_ctl *ctl, struct run_options *o)
{
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	struct ms_session_request request = {
		.module = o->module,
		.tty = o->tty,
		.quiet = o->quiet,
		.timeout_usec = o->timeout_usec,
	};
	struct ms_error err = MS_ERROR_INIT;
	int r = jw ? build(o, jw, &err) : ms_error_set(&err, ENOMEM, "run");

	if (r < 0)
		return ms_say_error(ctl, &err);
	if (!o->module[0])
		request.module = NULL;
	r = ms_ctl_connect(ctl, &client);
	if (r != MS_EXIT_DONE)
		return r;
	request.take_params = MS_TAKE_PTR(jw);
	return ms_session_run(ctl, client, &request);
}

static int read_arguments(struct ms_ctl *ctl, struct run_options *o, int argc, char **argv,
			  bool *ret_go_on)
{
	struct ms_option options[] = {
		{"manifest", 0, MS_OPTION_TEXT, "FILE",
		 "the module of this manifest; its folder is the module's",
		 .to.text = &o->manifest},
		{"bundle", 0, MS_OPTION_TEXT, "DIR", "show this folder at /module, read-only",
		 .to.text = &o->bundle},
		{"tier", 0, MS_OPTION_CHOICE, "community|verified|private",
		 "default: the configuration's", .to.text = &o->tier},
		{"tenant", 0, MS_OPTION_TEXT, "NAME", "on whose behalf; default: default",
		 .to.text = &o->tenant},
		{"tty", 't', MS_OPTION_FLAG, NULL,
		 "give the module a terminal of its own (never this one)", .to.flag = &o->tty},
		{"timeout", 0, MS_OPTION_USEC, "TIME",
		 "stop the module after this time, and end with 124", .to.usec = &o->timeout_usec},
		{"memory", 0, MS_OPTION_TEXT, "SIZE", "for -- COMMAND: memory limit, as 256M",
		 .to.text = &o->memory},
		{"cpu", 0, MS_OPTION_TEXT, "SHARE", "for -- COMMAND: share of one core, as 50%",
		 .to.text = &o->cpu},
		{"processes", 0, MS_OPTION_TEXT, "N", "for -- COMMAND: processes, threads included",
		 .to.text = &o->processes},
		{"label", 0, MS_OPTION_LIST, "NAME=VALUE",
		 "carried with the instance and its events; may be given again",
		 .to.list = &o->labels},
		{"quiet", 'q', MS_OPTION_FLAG, NULL,
		 "do not tell what it does not get, and what was refused", .to.flag = &o->quiet},
	};
	struct ms_args args = {
		.synopsis = "[options] DIR | --manifest FILE | -- COMMAND ...",
		.about = "Runs a module once, in a sandbox, with this program's standard input, "
			 "output and error, and ends with the module's exit code (128 + n when "
			 "signal n ended it). COMMAND takes the place of the manifest's; without a "
			 "manifest it runs with nothing granted, and this folder is not visible to "
			 "it. What the sandbox refused is told at the end, on stderr.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.max_operands = 1,
		.takes_command = true,
	};
	int code = MS_EXIT_DONE;

	*ret_go_on = ms_ctl_args(ctl, &args, argc, argv, &code);
	o->dir = args.n_operands ? args.operands[0] : NULL;
	o->command = args.rest;
	o->n_command = args.n_rest;
	return code;
}

int ms_verb_run(struct ms_ctl *ctl, int argc, char **argv)
{
	struct run_options o = {0};
	struct ms_error err = MS_ERROR_INIT;
	bool go_on = false;
	int code = read_arguments(ctl, &o, argc, argv, &go_on);

	if (!go_on)
		return code;
	if (check_together(&o, &err) < 0)
		return ms_say_usage(ctl, &err);
	return run(ctl, &o);
}
