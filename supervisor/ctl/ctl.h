/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl.h - what every verb of modsupctl shares: the global options, the exit codes, the table of
 * verbs. Each verb is one file verb-<name>.c with one function.
 */
#ifndef MS_CTL_CTL_H
#define MS_CTL_CTL_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"

struct ms_args;
struct ms_client;

/* Exit codes; `run` passes the module's own through. */
enum ms_exit_code {
	MS_EXIT_DONE = 0,
	MS_EXIT_FAILED = 1, /* refused or failed */
	MS_EXIT_USAGE = 2,
	MS_EXIT_NOT_FOUND = 3,
	MS_EXIT_UNREACHABLE = 4, /* no supervisor */
	MS_EXIT_DENIED = 5,	 /* by policy */
	MS_EXIT_DEADLINE = 124,
	MS_EXIT_SIGNAL = 128, /* + the signal's number */
};

#define MS_CTL_SELF_BYTES 160u

struct ms_ctl {
	const char *verb; /* for messages, "" before it is known */
	const char *private_dir, *socket_option;
	char *socket; /* owned; the path in force */
	bool json, no_color, help, version;
	bool color_out, color_err; /* decided once: a terminal, and not NO_COLOR */
};

struct ms_verb {
	const char *name;
	const char *summary; /* one line of the overview; NULL: not shown there */
	int (*run)(struct ms_ctl *ctl, int argc, char **argv); /* argv[0] is the verb */
};

/* ms_ctl_args - read the verb's arguments, with the global options allowed among them. False: all
 * is said (help or a usage error), end with *ret_exit. */
MS_MUST_CHECK bool ms_ctl_args(struct ms_ctl *ctl, struct ms_args *args, int argc, char **argv,
			       int *ret_exit);
/* ms_ctl_connect - to the supervisor that the options name. MS_EXIT_DONE, or the exit code after
 * the error was told. */
MS_MUST_CHECK int ms_ctl_connect(struct ms_ctl *ctl, struct ms_client **ret);
/* The same without a word on failure. */
MS_MUST_CHECK int ms_ctl_try(struct ms_ctl *ctl, struct ms_client **ret, struct ms_error *err);
/* ms_ctl_path - absolute, its folders resolved and its last component not: a link there is for the
 * supervisor to refuse. Owned by the caller; NULL with @err. */
MS_MUST_CHECK char *ms_ctl_path(const char *path, struct ms_error *err);
/* ms_ctl_self - "modsupctl", and the options that lead to this supervisor, so that a line can be
 * typed as it is. */
void ms_ctl_self(const struct ms_ctl *ctl, char *out, size_t len);

int ms_verb_run(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_start(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_stop(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_wait(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_restart(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_kill(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_status(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_show(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_list(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_stats(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_capacity(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_emergency(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_exec(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_logs(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_events(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_validate(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_explain(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_doctor(struct ms_ctl *ctl, int argc, char **argv);
int ms_verb_version(struct ms_ctl *ctl, int argc, char **argv);

#endif
