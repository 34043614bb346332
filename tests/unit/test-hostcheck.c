/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-hostcheck.c - the probes on this very host: each gives a verdict with its reason, nothing is
 * left behind, a layer that is there is found when looked for by hand, and the texts fit a screen.
 */
#include "supervisor/daemon/hostcheck.h"

#include <dirent.h>
#include <linux/landlock.h>
#include <sys/wait.h>

#include "lib/sys.h"
#include "tests/unit/test.h"

static struct ms_host_report report;
static struct ms_config *config;

static const struct ms_check *find(const char *layer)
{
	for (uint32_t i = 0; i < report.n_checks; i++)
		if (strcmp(report.checks[i].layer, layer) == 0)
			return &report.checks[i];
	return NULL;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir); /* nothing was written */
	return n;
}

TEST(every_probe_tells_something_and_leaves_nothing)
{
	unsigned fds = count_fds();

	config = ms_config_new();
	REQUIRE(config);
	ms_hostcheck_run(config, &report);
	CHECK_EQ(count_fds(), fds);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	CHECK(report.n_checks >= 15);
	for (uint32_t i = 0; i < report.n_checks; i++) {
		const struct ms_check *check = &report.checks[i];

		CHECK(check->found[0] != '\0' && check->probed[0] != '\0');
		/* what is amiss comes with what to do */
		CHECK(check->verdict == MS_CHECK_OK || check->advice[0] != '\0');
	}
}

TEST(fit_is_what_the_required_ones_say)
{
	bool fit = true;

	for (uint32_t i = 0; i < report.n_checks; i++)
		if (report.checks[i].required && report.checks[i].verdict == MS_CHECK_MISSING)
			fit = false;
	CHECK_EQ(report.fit, fit);
}

TEST(agrees_with_the_kernel)
{
	int abi = ms_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const struct ms_check *landlock = find("landlock"), *memfd = find("memfd");
	char want[16];

	REQUIRE(landlock && memfd);
	(void)snprintf(want, sizeof(want), "ABI %d", abi); /* fits */
	CHECK(abi > 0 ? strcmp(landlock->found, want) == 0 : landlock->verdict == MS_CHECK_MISSING);
	CHECK_EQ(memfd->verdict, MS_CHECK_OK);
}

TEST(what_the_configuration_makes_optional_is_not_required)
{
	struct ms_host_report other;

	const struct ms_check *landlock = find("landlock"), *memory = find("cgroup-memory");

	REQUIRE(landlock && memory);
	CHECK(landlock->required && memory->required);
	config->optional[MS_OPT_LANDLOCK] = true;
	config->optional[MS_OPT_CGROUP_MEMORY] = true;
	ms_hostcheck_run(config, &other);
	for (uint32_t i = 0; i < other.n_checks; i++)
		if (strcmp(other.checks[i].layer, "landlock") == 0 ||
		    strcmp(other.checks[i].layer, "cgroup-memory") == 0)
			CHECK(!other.checks[i].required);
	config->optional[MS_OPT_LANDLOCK] = config->optional[MS_OPT_CGROUP_MEMORY] = false;
}

TEST(a_cgroup_parent_that_is_not_there_is_missing)
{
	struct ms_host_report other;
	bool seen = false;

	config->cgroup_parent = (struct ms_str){.p = "/modsup-none", .len = 12};
	ms_hostcheck_run(config, &other);
	for (uint32_t i = 0; i < other.n_checks; i++)
		seen |= strcmp(other.checks[i].layer, "cgroup") == 0;
	CHECK(seen);
	config->cgroup_parent = (struct ms_str){.p = "", .len = 0};
}

TEST(texts_fit_a_screen)
{
	struct ms_buf out = MS_BUF_INIT(65536);
	size_t from = 0;

	ms_hostcheck_print(&report, &out);
	REQUIRE(out.data && !out.error);
	for (size_t i = 0; i < out.len; i++) {
		size_t blanks;

		if (out.data[i] != '\n')
			continue;
		blanks = strspn(out.data + from, " ");
		/* a path that is longer than the room stands alone on its line */
		if (i - from > 80 && memchr(out.data + from + blanks, ' ', i - from - blanks)) {
			printf("%.*s\n", (int)(i - from), out.data + from);
			CHECK(i - from <= 80);
		}
		from = i + 1;
	}
	if (secure_getenv("SHOW"))
		printf("%s", out.data);
	ms_buf_done(&out);
}

TEST(json_has_a_row_for_each)
{
	struct ms_jw *jw = ms_jw_new();
	ms_auto_free char *text = NULL;

	ms_hostcheck_json(&report, NULL, jw);
	text = ms_jw_take(jw, MS_JW_LINE, NULL);
	REQUIRE(text);
	CHECK(strstr(text, report.fit ? "{\"fit\":true," : "{\"fit\":false,") == text);
	for (uint32_t i = 0; i < report.n_checks; i++)
		CHECK(strstr(text, report.checks[i].layer) != NULL);
	(void)ms_jw_free(jw); /* NULL */
	config = ms_config_free(config);
}
