/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-exec.c - modsupctl exec: a command inside an instance that runs, confined as the module is,
 * in the foreground.
 */
#include <string.h>
#include <unistd.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/foreground.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/session.h"
#include "supervisor/ctl/target.h"

struct exec_options {
	bool tty, quiet;
	uint64_t timeout_usec;
	struct ms_option_list env;
	const char *target;
	char **command;
	int n_command;
};

static int check_together(const struct exec_options *o, struct ms_error *err)
{
	if (o->n_command == 0) {
		(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "nothing to run: -- COMMAND is missing");
		return ms_error_hint(err, "for example: modsupctl exec %s -- sh", o->target);
	}
	if (o->n_command > (int)MS_MAX_ARGV)
		return ms_error_say(err, E2BIG, MS_REASON_PARAMS_INVALID,
				    "a command of %d words; %u are possible", o->n_command,
				    MS_MAX_ARGV);
	if (o->tty && !isatty(STDIN_FILENO))
		return ms_error_say(err, ENOTTY, MS_REASON_PARAMS_INVALID,
				    "--tty needs a terminal on standard input");
	return 0;
}

static int add_command(const struct exec_options *o, struct ms_jw *jw, struct ms_error *err)
{
	ms_auto_free char *program = ms_foreground_program(o->command[0]);

	/* below the module's folder there is no PATH to look a bare name up in */
	if (!program && !strchr(o->command[0], '/')) {
		(void)ms_error_say(err, ENOENT, MS_REASON_COMMAND_NOT_FOUND,
				   "no program '%.100s' in /usr/bin, /usr/sbin, /bin or /sbin",
				   o->command[0]);
		return ms_error_hint(err, "give its path inside the instance, as /module/...");
	}
	ms_jw_array(jw, "command");
	for (int i = 0; i < o->n_command; i++)
		ms_jw_text(jw, NULL, i == 0 && program ? program : o->command[i]);
	ms_jw_end(jw);
	return 0;
}

static bool is_term(const char *assignment)
{
	return strncmp(assignment, "TERM=", strlen("TERM=")) == 0;
}

static int add_env(const struct exec_options *o, struct ms_jw *jw, struct ms_error *err)
{
	const char *term = o->tty ? ms_foreground_term() : NULL;

	if (!term && o->env.n == 0)
		return 0;
	ms_jw_object(jw, "env");
	for (uint32_t i = 0; i < o->env.n; i++) {
		const char *item = o->env.items[i], *equals = strchr(item, '=');
		char name[MS_MAX_ENV_NAME_BYTES + 1] = "";

		if (!equals || equals == item || (size_t)(equals - item) >= sizeof(name))
			return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
					    "--env takes NAME=VALUE");
		if (is_term(item))
			term = NULL;
		memcpy(name, item, (size_t)(equals - item)); /* the NUL is there */
		ms_jw_text(jw, name, equals + 1);
	}
	if (term)
		ms_jw_text(jw, "TERM", term);
	ms_jw_end(jw);
	return 0;
}

static int build(const struct exec_options *o, struct ms_jw *jw, struct ms_error *err)
{
	int r;

	ms_jw_object(jw, NULL);
	r = ms_target_request(jw, o->target, err);
	if (r == 0)
		r = add_command(o, jw, err);
	if (r == 0)
		r = add_env(o, jw, err);
	if (r < 0)
		return r;
	ms_jw_text(jw, "stdio", o->tty ? "tty" : "pipe");
	if (o->tty)
		ms_foreground_tty(jw);
	ms_jw_end(jw);
	return 0;
}

static int run(struct ms_ctl *ctl, const struct exec_options *o)
{
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	struct ms_session_request request = {
		.exec = true,
		.tty = o->tty,
		.quiet = o->quiet,
		.timeout_usec = o->timeout_usec,
	};
	struct ms_error err = MS_ERROR_INIT;
	int r = jw ? build(o, jw, &err) : ms_error_set(&err, ENOMEM, "exec");

	if (r < 0)
		return ms_say_error(ctl, &err);
	r = ms_ctl_connect(ctl, &client);
	if (r != MS_EXIT_DONE)
		return r;
	request.take_params = MS_TAKE_PTR(jw);
	return ms_session_run(ctl, client, &request);
}

static int read_arguments(struct ms_ctl *ctl, struct exec_options *o, int argc, char **argv,
			  bool *ret_go_on)
{
	struct ms_option options[] = {
		{"tty", 't', MS_OPTION_FLAG, NULL,
		 "give the command a terminal of its own (never this one)", .to.flag = &o->tty},
		{"env", 'e', MS_OPTION_LIST, "NAME=VALUE",
		 "a variable beside those of the module; may be given again", .to.list = &o->env},
		{"timeout", 0, MS_OPTION_USEC, "TIME",
		 "kill the command after this time, and end with 124", .to.usec = &o->timeout_usec},
		{"quiet", 'q', MS_OPTION_FLAG, NULL, "do not tell why it was ended",
		 .to.flag = &o->quiet},
	};
	struct ms_args args = {
		.synopsis = "[options] NAME[@TENANT] | INSTANCE -- COMMAND ...",
		.about = "Runs a command inside a module that runs, confined exactly as the module "
			 "is, with this program's standard input, output and error, and ends with "
			 "the command's exit code (128 + n when signal n ended it). It ends when "
			 "this program or the module does. Who ran what is told as an event.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = 1,
		.takes_command = true,
	};
	int code = MS_EXIT_DONE;

	*ret_go_on = ms_ctl_args(ctl, &args, argc, argv, &code);
	o->target = args.n_operands ? args.operands[0] : NULL;
	o->command = args.rest;
	o->n_command = args.n_rest;
	return code;
}

int ms_verb_exec(struct ms_ctl *ctl, int argc, char **argv)
{
	struct exec_options o = {0};
	struct ms_error err = MS_ERROR_INIT;
	bool go_on = false;
	int code = read_arguments(ctl, &o, argc, argv, &go_on);

	if (!go_on)
		return code;
	if (check_together(&o, &err) < 0)
		return ms_say_usage(ctl, &err);
	return run(ctl, &o);
}
