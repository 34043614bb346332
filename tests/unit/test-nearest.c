/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nearest.c - misspellings that must be recognised and words that must not. Run by `make
 * check`. */
#include "policy/nearest.h"

#include "tests/unit/test.h"

static const char *const known[] = {"memory",	 "cpu",		 "openFiles", "connections",
				    "processes", "tmp",		 "disk",      "x",
				    "id",	 "startTimeout", "network",   "stopTimeout"};

static const struct {
	const char *word, *want;
} cases[] = {
	{"memroy", "memory"},
	{"Memory", "memory"},
	{"memry", "memory"},
	{"mem", NULL},
	{"open_files", "openFiles"},
	{"open-files", "openFiles"},
	{"openfiles", "openFiles"},
	{"OPENFILES", NULL},
	{"connection", "connections"},
	{"conections", "connections"},
	{"process", "processes"},
	{"cups", NULL},
	{"cp", "cpu"},
	{"upc", NULL},
	{"cup", "cpu"},
	{"temp", "tmp"},
	{"startTimeot", "startTimeout"},
	{"stopTimout", "stopTimeout"},
	{"y", NULL},
	{"", NULL},
	{"zebra", NULL},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

TEST(words)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		char hint[MS_NEAREST_HINT_BYTES], want[MS_NEAREST_HINT_BYTES];
		struct ms_nearest n = ms_nearest_init(
			(struct ms_str){.p = cases[i].word, .len = strlen(cases[i].word)});
		const char *got;

		for (size_t k = 0; k < MS_ARRAY_LEN(known); k++)
			ms_nearest_try(&n, known[k]);
		got = ms_nearest_hint(&n, hint);
		if (!cases[i].want && got)
			printf("%s: %s\n", cases[i].word, got);
		CHECK((got != NULL) == (cases[i].want != NULL));
		if (!cases[i].want)
			continue;
		(void)snprintf(want, sizeof(want), "did you mean \"%s\"?",
			       cases[i].want); /* fits */
		CHECK_STR(got, want);
	}
}

TEST(long_candidate_is_left_out)
{
	struct ms_nearest n = ms_nearest_init((struct ms_str){.p = "memory", .len = 6});

	ms_nearest_try(&n, "memorymemorymemorymemorymemorymemorymemorymemorymemorymemory");
	CHECK(!n.best);
}
