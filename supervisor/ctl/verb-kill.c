/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-kill.c - modsupctl kill: every process of an instance at once, or a signal to its main one.
 */
#include <string.h>

#include "lib/log.h"
#include "policy/nearest.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"

#define KILL_USEC  (UINT64_C(60) * 1000000)
#define WORD_BYTES 16u

struct kill_options {
	const char *signal; /* NULL: end it */
};

/* Numbers as they are on every architecture that modsup runs on. */
static const struct {
	const char *word;
	const char *number;
} signals[] = {
	{"KILL", "9"},	{"HUP", "1"},	{"INT", "2"},	{"QUIT", "3"},
	{"USR1", "10"}, {"USR2", "12"}, {"TERM", "15"}, {"WINCH", "28"},
	{"STOP", "19"}, {"CONT", "18"}, {"ABRT", "6"},
};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* "SIGHUP", "hup" and "1" are all HUP; NULL with @err when it is none of those that may be sent. */
static const char *signal_word(const char *text, struct ms_error *err)
{
	char word[WORD_BYTES] = "", shown[80];
	struct ms_nearest nearest;
	size_t n = 0;

	for (const char *p = text; *p && n + 1 < sizeof(word); p++)
		word[n++] = upper(*p);
	if (strncmp(word, "SIG", 3) == 0)
		memmove(word, word + 3, strlen(word + 3) + 1);
	nearest = ms_nearest_init((struct ms_str){.p = word, .len = strlen(word)});
	for (size_t i = 0; i < MS_ARRAY_LEN(signals); i++) {
		if (strcmp(word, signals[i].word) == 0 || strcmp(text, signals[i].number) == 0)
			return signals[i].word;
		ms_nearest_try(&nearest, signals[i].word);
	}
	(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
			   "'%s' is no signal that can be sent; accepted: KILL, HUP, INT, QUIT, "
			   "USR1, USR2, TERM, WINCH, STOP, CONT, ABRT",
			   ms_log_quote(text, strlen(text), shown, sizeof(shown)));
	if (nearest.best)
		(void)ms_error_hint(err, "did you mean %s?", nearest.best);
	return NULL;
}

static int build(const void *data, const struct ms_each_target *target, struct ms_jw *jw,
		 struct ms_error *err)
{
	const struct kill_options *o = data;
	int r = ms_each_target_members(target, jw, err);

	if (r == 0)
		ms_request_text(jw, "signal", o->signal);
	return r;
}

static void tell(const void *data, const struct ms_each_target *target,
		 const struct ms_json *answer, struct ms_buf *out)
{
	const struct kill_options *o = data;

	if (!o->signal || strcmp(o->signal, "KILL") == 0)
		ms_ending_tell(answer, target->name, out);
	else
		ms_buf_addf(out, "%s was sent SIG%s\n", target->name, o->signal);
}

int ms_verb_kill(struct ms_ctl *ctl, int argc, char **argv)
{
	struct kill_options o = {0};
	struct ms_option options[] = {
		{"signal", 's', MS_OPTION_TEXT, "SIGNAL",
		 "to the main process alone: HUP, INT, QUIT, USR1, USR2, TERM, WINCH, STOP, CONT "
		 "or ABRT",
		 .to.text = &o.signal},
	};
	struct ms_args args = {
		.synopsis = "[-s SIGNAL] NAME[@TENANT] | INSTANCE ...",
		.about = "Ends every process of each instance at once, without asking it, and does "
			 "not start it again. With -s it only sends a signal to the main process.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = MS_MAX_ARGV,
	};
	ms_auto(each_targets) struct ms_each_targets targets = {0};
	struct ms_each each = {
		.ctl = ctl, .method = "instance.kill", .build = build, .tell = tell, .data = &o};
	struct ms_error err = MS_ERROR_INIT;
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (o.signal) {
		o.signal = signal_word(o.signal, &err);
		if (!o.signal)
			return ms_say_usage(ctl, &err);
	}
	if (!ms_request_operands(ctl, &args, /* all= */ false, &targets, &code) ||
	    !ms_request_wait(ctl, KILL_USEC, &each.timeout_ms, &code))
		return code;
	return ms_each_call(&each, &targets);
}
