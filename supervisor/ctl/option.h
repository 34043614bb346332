/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.h - command lines by table: one row an option, its kind and where its value goes. Long
 * options as --name VALUE or --name=VALUE, never shortened; one-letter ones alone; "--" ends them.
 * Pure but for the values it stores: nothing is printed here.
 */
#ifndef MS_CTL_OPTION_H
#define MS_CTL_OPTION_H

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"
#include "modsup/limits.h"

enum ms_option_kind {
	MS_OPTION_FLAG,
	MS_OPTION_TEXT,
	MS_OPTION_CHOICE, /* TEXT that is one of the words in .value, "a|b|c" */
	MS_OPTION_USEC,	  /* a duration: 500ms 30s 5m 1h */
	MS_OPTION_LIST,	  /* TEXT that may be given again */
};

#define MS_OPTION_MAX_LIST 64

struct ms_option_list {
	const char *items[MS_OPTION_MAX_LIST]; /* borrowed from argv */
	uint32_t n;
};

struct ms_option {
	const char *name; /* without the dashes */
	char letter;	  /* or 0 */
	enum ms_option_kind kind;
	const char *value; /* what the value is called in the help; the words of a CHOICE */
	const char *help;  /* NULL: not shown */
	union {
		bool *flag;
		const char **text; /* TEXT and CHOICE */
		uint64_t *usec;
		struct ms_option_list *list;
	} to;
};

struct ms_args {
	const char *synopsis;			   /* after the program and the verb */
	const char *about;			   /* a sentence or two, for --help */
	const struct ms_option *options, *globals; /* globals may be NULL */
	size_t n_options, n_globals;
	uint32_t min_operands, max_operands;
	bool takes_command; /* what follows "--" is a command, else more operands */
	bool stop_early;    /* the first operand ends the options, and is left in @rest */

	/* Read */
	const char *operands[MS_MAX_ARGV];
	uint32_t n_operands;
	bool has_command;
	char **rest; /* the command, or (stop_early) the first operand and all after it */
	int n_rest;
};

enum ms_option_result { MS_OPTION_USAGE = 1 };

/* ms_option_parse - @argc words of @argv (no program name among them). 0, or MS_OPTION_USAGE with
 * @err. What was stored before an error stays stored. */
MS_MUST_CHECK int ms_option_parse(struct ms_args *args, int argc, char **argv,
				  struct ms_error *err);

/* ms_option_help - usage, description and options, for people. @verb "" for the program itself. */
void ms_option_help(const struct ms_args *args, const char *verb, struct ms_buf *out);

#endif
