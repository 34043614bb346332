/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.c - the table's interpreter. A word that is no option but near one is named in the error.
 */
#include "supervisor/ctl/option.h"

#include <string.h>

#include "lib/log.h"
#include "policy/nearest.h"
#include "policy/units.h"
#include "supervisor/ctl/text.h"

static const struct ms_option *find(const struct ms_option *options, size_t n, const char *name,
				    size_t len, char letter)
{
	for (size_t i = 0; i < n; i++) {
		if (letter ? options[i].letter == letter
			   : strlen(options[i].name) == len &&
				     memcmp(options[i].name, name, len) == 0)
			return &options[i];
	}
	return NULL;
}

/* Options of which the help says nothing are not offered either. */
static void try_options(struct ms_nearest *nearest, const struct ms_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (options[i].help)
			ms_nearest_try(nearest, options[i].name);
}

static int usage(struct ms_error *err, const char *what, const char *word, size_t len)
{
	char shown[80];

	(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID, "%s '%s'", what,
			   ms_log_quote(word, len, shown, sizeof(shown)));
	return MS_OPTION_USAGE;
}

static int unknown(const struct ms_args *args, const char *word, size_t len, struct ms_error *err)
{
	struct ms_nearest nearest;

	(void)usage(err, "unknown option", word, len);
	if (len <= 2 || word[1] != '-')
		return MS_OPTION_USAGE;
	nearest = ms_nearest_init((struct ms_str){.p = word + 2, .len = len - 2});
	try_options(&nearest, args->options, args->n_options);
	try_options(&nearest, args->globals, args->n_globals);
	if (nearest.best)
		(void)ms_error_hint(err, "did you mean --%s?", nearest.best);
	return MS_OPTION_USAGE;
}

static bool is_choice(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (const char *p = words;; p++) {
		size_t n = strcspn(p, "|");

		if (n == len && memcmp(p, text, n) == 0)
			return true;
		p += n;
		if (*p == '\0')
			return false;
	}
}

static int bad_value(const struct ms_option *o, const char *accepted, const char *value,
		     struct ms_error *err)
{
	char shown[80];

	(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID, "--%s takes %s, not '%s'",
			   o->name, accepted,
			   ms_log_quote(value, strlen(value), shown, sizeof(shown)));
	return MS_OPTION_USAGE;
}

static int store(const struct ms_option *o, const char *value, struct ms_error *err)
{
	switch (o->kind) {
	case MS_OPTION_FLAG:
		*o->to.flag = true;
		return 0;
	case MS_OPTION_CHOICE:
		if (!is_choice(o->value, value))
			return bad_value(o, o->value, value, err);
		*o->to.text = value;
		return 0;
	case MS_OPTION_TEXT:
		*o->to.text = value;
		return 0;
	case MS_OPTION_USEC:
		if (ms_units_parse(MS_UNITS_DURATION, value, strlen(value), o->to.usec) != 0)
			return bad_value(o, ms_units_accepted(MS_UNITS_DURATION), value, err);
		return 0;
	case MS_OPTION_LIST:
		if (o->to.list->n == MS_OPTION_MAX_LIST)
			return bad_value(o, "no more than " MS_STR(MS_OPTION_MAX_LIST) " values",
					 value, err);
		o->to.list->items[o->to.list->n++] = value;
		return 0;
	}
	ms_assert(false); /* the tables are ours */
	return MS_OPTION_USAGE;
}

/* One word that begins with '-'; *i moves on when the value is the next word. */
static int option(const struct ms_args *args, int argc, char **argv, int *i, struct ms_error *err)
{
	const char *word = argv[*i], *value = NULL;
	bool is_long = word[1] == '-';
	size_t len = is_long ? strcspn(word, "=") : strlen(word);
	const struct ms_option *o = NULL;

	if (is_long || len == 2) {
		const char *name = word + (is_long ? 2 : 1);
		size_t name_len = len - (is_long ? 2 : 1);
		char letter = is_long ? '\0' : word[1];

		o = find(args->options, args->n_options, name, name_len, letter);
		if (!o)
			o = find(args->globals, args->n_globals, name, name_len, letter);
	}
	if (!o)
		return unknown(args, word, len, err);
	if (is_long && word[len] == '=')
		value = word + len + 1;
	if (o->kind == MS_OPTION_FLAG)
		return value ? usage(err, "no value is taken by", word, len)
			     : store(o, /* value= */ "", err);
	if (!value) {
		if (*i + 1 >= argc)
			return usage(err, "a value is missing after", word, len);
		value = argv[++*i];
	}
	return store(o, value, err);
}

static int operand(struct ms_args *args, const char *word, struct ms_error *err)
{
	if (args->n_operands >= args->max_operands || args->n_operands >= MS_MAX_ARGV)
		return usage(err, "one word too many:", word, strlen(word));
	args->operands[args->n_operands++] = word;
	return 0;
}

int ms_option_parse(struct ms_args *args, int argc, char **argv, struct ms_error *err)
{
	bool options_end = false;
	int r = 0;

	for (int i = 0; r == 0 && i < argc; i++) {
		const char *word = argv[i];

		if (!options_end && strcmp(word, "--") == 0) {
			options_end = true;
			if (args->takes_command) {
				args->has_command = true;
				args->rest = argv + i + 1;
				args->n_rest = argc - i - 1;
				break;
			}
		} else if (!options_end && word[0] == '-' && word[1] != '\0') {
			r = option(args, argc, argv, &i, err);
		} else if (args->stop_early) {
			args->rest = argv + i;
			args->n_rest = argc - i;
			break;
		} else {
			r = operand(args, word, err);
		}
	}
	return r;
}

static void help_of(const struct ms_option *options, size_t n, struct ms_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct ms_option *o = &options[i];
		size_t start = out->len, width;

		if (!o->help)
			continue;
		if (o->letter)
			ms_buf_addf(out, "  -%c, --%s", o->letter, o->name);
		else
			ms_buf_addf(out, "      --%s", o->name);
		if (o->kind != MS_OPTION_FLAG)
			ms_buf_addf(out, " %s", o->value);
		width = out->len - start;
		if (width > 26)
			ms_buf_adds(out, "\n");
		ms_text_wrap(out, o->help, width > 26 ? 0 : width, 28, 79);
	}
}

void ms_option_help(const struct ms_args *args, const char *verb, struct ms_buf *out)
{
	ms_buf_addf(out, "usage: modsupctl %s%s%s\n\n", verb,
		    verb[0] && args->synopsis[0] ? " " : "", args->synopsis);
	ms_text_wrap(out, args->about, 0, 0, 79);
	if (args->n_options > 0) {
		ms_buf_adds(out, "\noptions:\n");
		help_of(args->options, args->n_options, out);
	}
	if (args->n_globals > 0) {
		ms_buf_adds(out, "\noptions of every verb:\n");
		help_of(args->globals, args->n_globals, out);
	}
}
