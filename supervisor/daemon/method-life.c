/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-life.c - instance.restart and instance.kill. Decides nothing about instances: instance.c
 * does. Called through the table of rpc.c.
 */
#include <signal.h>
#include <string.h>

#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/method-instance.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"

#define DEFAULT_TIMEOUT_USEC (90u * 1000000u) /* a stop's time and a start's */

enum restart_arg { ARG_WAIT = MS_WHICH_COUNT, ARG_TIMEOUT, ARG_RESTART_COUNT };

static const char *const waits[] = {"ready", "spawned", "no", NULL}; /* enum ms_wait */

static const struct ms_param restart_params[ARG_RESTART_COUNT] = {
	[MS_WHICH_INSTANCE] = {.name = "instance", .type = MS_PARAM_INSTANCE},
	[MS_WHICH_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[MS_WHICH_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
	[ARG_WAIT] = {.name = "wait", .type = MS_PARAM_WORD, .words = waits},
	[ARG_TIMEOUT] = {.name = "timeout",
			 .type = MS_PARAM_DURATION,
			 .min = 1000,
			 .max = MS_MAX_WAIT_USEC},
};

static int run_restart(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_instance *i = ms_which_find(call, args, &fault->error);

	if (!i)
		return fault->error.code;
	return ms_instance_restart(call->peer->s, i, (enum ms_wait)args[ARG_WAIT].word,
				   args[ARG_TIMEOUT].value ? args[ARG_TIMEOUT].number
							   : DEFAULT_TIMEOUT_USEC,
				   ms_start_answer_call, call, &fault->error);
}

const struct ms_method ms_method_instance_restart = {
	.name = "instance.restart",
	.changes = true,
	.role = MS_ROLE_BACKEND,
	.params = restart_params,
	.n_params = ARG_RESTART_COUNT,
	.run = run_restart,
	.step = ms_start_step, /* not to be cancelled half-way: it would stay down */
};

enum kill_arg { ARG_SIGNAL = MS_WHICH_COUNT, ARG_KILL_COUNT };

/* Those that a program may be told something by. KILL and no word at all end every process. */
static const char *const signal_words[] = {"KILL", "HUP",   "INT",  "QUIT", "USR1", "USR2",
					   "TERM", "WINCH", "STOP", "CONT", "ABRT", NULL};
static const uint8_t signals[] = {0,	   SIGHUP,   SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,
				  SIGTERM, SIGWINCH, SIGSTOP, SIGCONT, SIGABRT};
_Static_assert(MS_ARRAY_LEN(signal_words) == MS_ARRAY_LEN(signals) + 1, "one number a word");

static const struct ms_param kill_params[ARG_KILL_COUNT] = {
	[MS_WHICH_INSTANCE] = {.name = "instance", .type = MS_PARAM_INSTANCE},
	[MS_WHICH_MODULE] = {.name = "module", .type = MS_PARAM_MODULE},
	[MS_WHICH_TENANT] = {.name = "tenant", .type = MS_PARAM_TENANT},
	[ARG_SIGNAL] = {.name = "signal", .type = MS_PARAM_WORD, .words = signal_words},
};

static int run_kill(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_instance *i = ms_which_find(call, args, &fault->error);

	if (!i)
		return fault->error.code;
	return ms_instance_kill(call->peer->s, i, signals[args[ARG_SIGNAL].word],
				ms_view_answer_call, call, &fault->error);
}

const struct ms_method ms_method_instance_kill = {
	.name = "instance.kill",
	.changes = true,
	.role = MS_ROLE_BACKEND,
	.params = kill_params,
	.n_params = ARG_KILL_COUNT,
	.run = run_kill,
};
