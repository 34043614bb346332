/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-ctl-args.c - command lines: options by table, names of instances, paths. */
#include "supervisor/ctl/option.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/target.h"
#include "tests/unit/test.h"

struct values {
	bool follow;
	const char *tier, *wait;
	uint64_t timeout;
	struct ms_option_list labels;
};

#define MAX_WORDS 80

/* The words are separated by one blank; "_" is an empty word. */
static int parse(const char *line, struct values *v, struct ms_args *args, struct ms_error *err)
{
	static char text[8192], empty[] = "";
	static char *words[MAX_WORDS];
	const struct ms_option options[] = {
		{"follow", 'f', MS_OPTION_FLAG, NULL, "x", .to.flag = &v->follow},
		{"tier", 0, MS_OPTION_TEXT, "TIER", "x", .to.text = &v->tier},
		{"wait", 'w', MS_OPTION_CHOICE, "ready|spawned|no", "x", .to.text = &v->wait},
		{"timeout", 0, MS_OPTION_USEC, "TIME", "x", .to.usec = &v->timeout},
		{"label", 0, MS_OPTION_LIST, "NAME=VALUE", "x", .to.list = &v->labels},
	};
	int n = 0, r;

	*v = (struct values){0};
	(void)snprintf(text, sizeof(text), "%s", line); /* the lines are ours */
	for (char *p = text; *p && n < MAX_WORDS;) {
		size_t len = strcspn(p, " ");
		bool last = p[len] == '\0';

		p[len] = '\0';
		words[n++] = strcmp(p, "_") == 0 ? empty : p;
		p += len + !last;
	}
	args->options = options;
	args->n_options = MS_ARRAY_LEN(options);
	r = ms_option_parse(args, n, words, err);
	args->options = NULL;
	return r;
}

TEST(all_kinds)
{
	struct values v;
	struct ms_args args = {.max_operands = 2};
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(parse("one -f --tier=a=b --wait spawned --label x=1 --label y= --timeout 90s two",
		       &v, &args, &err),
		 0);
	CHECK(v.follow);
	CHECK_STR(v.tier, "a=b");
	CHECK_STR(v.wait, "spawned");
	CHECK_EQ(v.timeout, 90000000);
	CHECK_EQ(v.labels.n, 2);
	CHECK_STR(v.labels.items[1], "y=");
	CHECK_EQ(args.n_operands, 2);
	CHECK_STR(args.operands[1], "two");
}

TEST(where_options_end)
{
	struct values v;
	struct ms_args args = {.max_operands = 3};
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(parse("- -- --tier -f", &v, &args, &err), 0);
	CHECK_EQ(args.n_operands, 3);
	CHECK_STR(args.operands[1], "--tier");
	CHECK(!v.follow && !v.tier);

	args = (struct ms_args){.max_operands = 1, .takes_command = true};
	CHECK_EQ(parse("dir -f -- cmd -f --tier", &v, &args, &err), 0);
	CHECK_EQ(args.n_operands, 1);
	CHECK(args.has_command);
	CHECK_EQ(args.n_rest, 3);
	CHECK_STR(args.rest[2], "--tier");

	args = (struct ms_args){.stop_early = true};
	CHECK_EQ(parse("-f verb --tier x", &v, &args, &err), 0);
	CHECK(v.follow && !v.tier);
	CHECK_EQ(args.n_rest, 3);
	CHECK_STR(args.rest[0], "verb");
}

TEST(usage_errors)
{
	static const struct {
		const char *line, *msg, *hint;
	} cases[] = {
		{"--teir x", "unknown option '--teir'", "did you mean --tier?"},
		{"--zzz=1", "unknown option '--zzz'", ""},
		{"-x", "unknown option '-x'", ""},
		{"-fw", "unknown option '-fw'", ""},
		{"--tier", "a value is missing after '--tier'", ""},
		{"-w", "a value is missing after '-w'", ""},
		{"--follow=yes", "no value is taken by '--follow'", ""},
		{"--wait later", "--wait takes ready|spawned|no, not 'later'", ""},
		{"--wait read", "--wait takes ready|spawned|no, not 'read'", ""},
		{"--wait _", "--wait takes ready|spawned|no, not ''", ""},
		{"a b", "one word too many: 'b'", ""},
		{"a\x1b[2J b\x1b[2J", "one word too many: 'b\\x1b[2J'", ""},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		struct values v;
		struct ms_args args = {.max_operands = 1};
		struct ms_error err = MS_ERROR_INIT;

		CHECK_EQ(parse(cases[i].line, &v, &args, &err), MS_OPTION_USAGE);
		CHECK_STR(err.msg, cases[i].msg);
		CHECK_STR(err.hint, cases[i].hint);
	}
}

TEST(bad_times)
{
	static const char *const lines[] = {"--timeout 30", "--timeout s", "--timeout 1.5s",
					    "--timeout -1s", "--timeout 99999999999999999999s"};

	for (size_t i = 0; i < MS_ARRAY_LEN(lines); i++) {
		struct values v;
		struct ms_args args = {0};
		struct ms_error err = MS_ERROR_INIT;

		CHECK_EQ(parse(lines[i], &v, &args, &err), MS_OPTION_USAGE);
		CHECK(strstr(err.msg, "--timeout takes"));
		CHECK_EQ(v.timeout, 0);
	}
}

TEST(list_at_the_cap)
{
	char line[4096] = "";
	size_t len = 0;
	struct values v;
	struct ms_args args = {0};
	struct ms_error err = MS_ERROR_INIT;

	for (unsigned i = 0; i < MS_OPTION_MAX_LIST; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s--label=a=%u",
					i ? " " : "", i);
	CHECK_EQ(parse(line, &v, &args, &err), 0);
	CHECK_EQ(v.labels.n, MS_OPTION_MAX_LIST);
	(void)snprintf(line + len, sizeof(line) - len, " --label=b=1"); /* there is room */
	CHECK_EQ(parse(line, &v, &args, &err), MS_OPTION_USAGE);
}

/* The params that a name becomes, or what is said of it. */
static void check_target(const char *word, const char *want)
{
	struct ms_jw *jw = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	char *text;

	REQUIRE(jw);
	ms_jw_object(jw, NULL);
	if (ms_target_request(jw, word, &err) < 0) {
		CHECK_STR(err.msg, want);
	} else {
		ms_jw_end(jw);
		text = ms_jw_take(jw, MS_JW_LINE, NULL);
		CHECK_STR(text, want);
		free(text);
	}
	ms_jw_free(jw);
}

TEST(targets)
{
	check_target("node-http", "{\"module\":\"node-http\"}");
	check_target("node-http@Shop.1", "{\"module\":\"node-http\",\"tenant\":\"Shop.1\"}");
	check_target("0123456789abcdef", "{\"instance\":\"0123456789abcdef\"}");
	check_target("cafecafe@default", "{\"module\":\"cafecafe\",\"tenant\":\"default\"}");
	check_target("", "'' names neither a module nor an instance");
	check_target("x@", "'x@' names neither a module nor an instance");
	check_target("x@.y", "'x@.y' names neither a module nor an instance");
	check_target("../x", "'../x' names neither a module nor an instance");
}

TEST(paths_keep_a_link_at_their_end)
{
	char folder[] = "/tmp/test-ctl-args-XXXXXX";
	char real[PATH_MAX], want[PATH_MAX + 16], path[PATH_MAX + 16];
	struct ms_error err = MS_ERROR_INIT;
	char *got;

	REQUIRE(mkdtemp(folder) && realpath(folder, real) && chdir(real) == 0);
	REQUIRE(mkdir("sub", 0700) == 0 && symlink("sub", "link") == 0);
	(void)snprintf(want, sizeof(want), "%s/link", real);
	got = ms_ctl_path("./sub/../link/", &err);
	CHECK_STR(got, want);
	free(got);
	got = ms_ctl_path("link", &err);
	CHECK_STR(got, want);
	free(got);
	(void)snprintf(path, sizeof(path), "%s/sub/..", real);
	got = ms_ctl_path(path, &err);
	CHECK_STR(got, real);
	free(got);
	got = ms_ctl_path("/", &err);
	CHECK_STR(got, "/");
	free(got);
	got = ms_ctl_path("/tmp", &err);
	CHECK_STR(got, "/tmp");
	free(got);
	CHECK(ms_ctl_path("missing", &err) == NULL);
	CHECK_EQ(err.reason, MS_REASON_NOT_FOUND);
	CHECK(unlink("link") == 0 && rmdir("sub") == 0 && chdir("/") == 0 && rmdir(real) == 0);
}
