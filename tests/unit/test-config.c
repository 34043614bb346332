/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-config.c - defaults, one file over another, every refusal with its words, and the dump that
 * reads back. Run by `make check`.
 */
#include "policy/config.h"

#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static int apply(struct ms_config *config, const char *text, char **ret_report)
{
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	struct ms_buf out = MS_BUF_INIT(100000);
	int r = ms_config_apply(config, text, strlen(text), report);

	ms_report_print(report, &out);
	*ret_report = ms_buf_take(&out, NULL);
	return r;
}

static void must_apply(struct ms_config *config, const char *text)
{
	ms_auto_free char *report = NULL;

	CHECK_EQ(apply(config, text, &report), 0);
	CHECK_STR(report, "");
}

TEST(defaults)
{
	ms_auto(config) struct ms_config *c = ms_config_new();

	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_MEMORY], 256 << 20);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_PROCESSES], 128);
	CHECK(!c->tiers[MS_TIER_COMMUNITY].network);
	CHECK(c->tiers[MS_TIER_COMMUNITY].fs_write);
	CHECK_EQ(c->tiers[MS_TIER_VERIFIED].limits[MS_LIMIT_MEMORY], 8ll << 30);
	CHECK_EQ(c->tiers[MS_TIER_PRIVATE].limits[MS_LIMIT_CPU], 800);
	CHECK(c->tiers[MS_TIER_PRIVATE].network);
	CHECK_EQ(c->id_first, 1900000000);
	CHECK_EQ(c->id_count, 65536);
	CHECK(!c->trust_private);
	CHECK_EQ(c->n_module_folders, 0);
	CHECK(!c->stop_with_daemon && !c->stop_with_daemon_set);
	CHECK_EQ(c->restart_delay_usec, 200000);
	CHECK_EQ(c->restart_max_delay_usec, 60000000);
	CHECK_EQ(c->restart_limit, 10);
	CHECK_EQ(c->restart_window_usec, 600000000);
	CHECK_EQ(c->reserve_memory, 0);
	CHECK_EQ(c->reserve_disk, 0);
	CHECK_EQ(c->host_processes, 32768);
	CHECK_EQ(c->host_cpu_weight, 50);
	CHECK_EQ(c->overcommit_memory, 200);
	CHECK_EQ(c->default_tier, MS_TIER_COMMUNITY);
	/* the one layer that the kernel of Debian 12 lacks */
	for (int layer = 0; layer < MS_OPT_COUNT; layer++)
		CHECK_EQ(c->optional[layer], layer == MS_OPT_MEMFD_NOEXEC);
	for (int tier = 0; tier < MS_TIER_COUNT; tier++) {
		for (int i = 0; i < MS_LIMIT_COUNT; i++) {
			CHECK(c->tiers[tier].limits[i] >= ms_limit_infos[i].dflt);
			CHECK(c->tiers[tier].limits[i] >= ms_limit_infos[i].min);
			CHECK(c->tiers[tier].limits[i] <= ms_limit_infos[i].max);
		}
	}
}

TEST(every_key)
{
	ms_auto(config) struct ms_config *c = ms_config_new();

	must_apply(c,
		   "{\"tiers\":{\"community\":{\"limits\":{\"memory\":\"512M\",\"cpu\":\"50%\","
		   "\"openFiles\":17,\"connections\":18,\"processes\":19,\"tmp\":67108864,"
		   "\"disk\":\"2GB\",\"cpuTimePerRequest\":\"3s\",\"wallTimePerRequest\":\"2m\"},"
		   "\"network\":true,\"fsWrite\":false}},"
		   "\"defaultTier\":\"private\",\"trustPrivate\":true,"
		   "\"optionalLayers\":[\"landlock\",\"cgroup-cpu\"],"
		   "\"ids\":{\"first\":1000000,\"count\":200},"
		   "\"cgroup\":{\"parent\":\"/a/b.slice\"},\"maxInstances\":100,"
		   "\"violations\":{\"tarpitAfter\":7,\"tarpitDelay\":\"20ms\",\"killAfter\":8},"
		   "\"moduleFolders\":[\"/srv/modules\",\"/opt/m\"],\"onStop\":\"stop\","
		   "\"restart\":{\"delay\":\"1s\",\"maxDelay\":\"5m\",\"startLimit\":3,"
		   "\"startWindow\":\"1h\"},"
		   "\"host\":{\"reserve\":{\"memory\":\"2G\",\"disk\":\"512M\"},\"processes\":1000,"
		   "\"cpuWeight\":10,\"overcommit\":{\"memory\":\"150%\"}},"
		   "\"x-note\":{\"any\":[1]}}");
	CHECK_EQ(c->n_module_folders, 2);
	CHECK_STR(c->module_folders[0].p, "/srv/modules");
	CHECK_STR(c->module_folders[1].p, "/opt/m");
	CHECK(c->stop_with_daemon && c->stop_with_daemon_set);
	CHECK_EQ(c->restart_delay_usec, 1000000);
	CHECK_EQ(c->restart_max_delay_usec, 300000000);
	CHECK_EQ(c->restart_limit, 3);
	CHECK_EQ(c->restart_window_usec, 3600000000);
	CHECK_EQ(c->reserve_memory, 2ll << 30);
	CHECK_EQ(c->reserve_disk, 512 << 20);
	CHECK_EQ(c->host_processes, 1000);
	CHECK_EQ(c->host_cpu_weight, 10);
	CHECK_EQ(c->overcommit_memory, 150);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_MEMORY], 512 << 20);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_CPU], 50);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_OPEN_FILES], 17);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_CONNECTIONS], 18);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_PROCESSES], 19);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_TMP], 64 << 20);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_DISK], 2000000000);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_CPU_TIME], 3000000);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_WALL_TIME], 120000000);
	CHECK(c->tiers[MS_TIER_COMMUNITY].network);
	CHECK(!c->tiers[MS_TIER_COMMUNITY].fs_write);
	CHECK_EQ(c->default_tier, MS_TIER_PRIVATE);
	CHECK(c->optional[MS_OPT_LANDLOCK] && c->optional[MS_OPT_CGROUP_CPU]);
	CHECK(!c->optional[MS_OPT_MEMFD_NOEXEC]);
	CHECK_EQ(c->id_first, 1000000);
	CHECK_EQ(c->id_count, 200);
	CHECK_STR(c->cgroup_parent.p, "/a/b.slice");
	CHECK_EQ(c->max_instances, 100);
	CHECK_EQ(c->tarpit_after, 7);
	CHECK_EQ(c->tarpit_usec, 20000);
	CHECK_EQ(c->kill_after, 8);
}

TEST(a_later_file_replaces_key_by_key)
{
	ms_auto(config) struct ms_config *c = ms_config_new();

	must_apply(c, "{\"tiers\":{\"community\":{\"limits\":{\"memory\":\"512M\"}}},"
		      "\"optionalLayers\":[\"landlock\"],\"cgroup\":{\"parent\":\"/a\"}}");
	must_apply(c, "{\"tiers\":{\"community\":{\"limits\":{\"cpu\":\"200%\"}},\"verified\":{}},"
		      "\"optionalLayers\":[\"cgroup-cpu\"]}");
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_MEMORY], 512 << 20);
	CHECK_EQ(c->tiers[MS_TIER_COMMUNITY].limits[MS_LIMIT_CPU], 200);
	CHECK(!c->optional[MS_OPT_LANDLOCK] && c->optional[MS_OPT_CGROUP_CPU]);
	CHECK_STR(c->cgroup_parent.p, "/a");
	must_apply(c, "{\"cgroup\":{\"parent\":\"\"},\"optionalLayers\":[]}");
	CHECK_STR(c->cgroup_parent.p, "");
	CHECK(!c->optional[MS_OPT_CGROUP_CPU] && !c->optional[MS_OPT_MEMFD_NOEXEC]);
	must_apply(c, "{}");
}

static const struct {
	const char *text, *report;
} bads[] = {
	{"[]", "1:1: found an array, which is not an object"},
	{"{", "1:2: found the end of the text"},
	{"{\"tires\":{}}", "1:2: /tires: found the key \"tires\", which is not known; accepted: "
			   "tiers, defaultTier, trustPrivate, optionalLayers, moduleFolders, ids, "
			   "cgroup, maxInstances, onStop, restart, host, violations, peers; did "
			   "you mean \"tiers\"?\n"},
	{"{\"tiers\":{\"comunity\":{}}}",
	 "1:11: /tiers/comunity: found the key \"comunity\", which "
	 "is not known; accepted: verified, community, private; "
	 "did you mean \"community\"?\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"open_files\":1}}}}",
	 "1:32: /tiers/private/limits/open_files: found the key \"open_files\", which is not "
	 "known; "
	 "accepted: memory, cpu, openFiles, connections, processes, tmp, disk, cpuTimePerRequest, "
	 "wallTimePerRequest; did you mean \"openFiles\"?\n"},
	{"{\"tiers\":{\"private\":{\"limits\":[]}}}",
	 "1:31: /tiers/private/limits: found an array, which is not an object\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"memory\":\"1.5G\"}}}}",
	 "1:41: /tiers/private/limits/memory: found \"1.5G\", which has a fraction; write"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"memory\":\"1M\"}}}}",
	 "1:41: /tiers/private/limits/memory: found \"1M\", which is out of range; accepted: 16M "
	 "to "
	 "1024G\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"memory\":-1}}}}",
	 "1:41: /tiers/private/limits/memory: found -1, which is out of range; accepted: 16M to "
	 "1024G\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"memory\":true}}}}",
	 "1:41: /tiers/private/limits/memory: found true, which is not a size such as \"256M\"\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"cpu\":100}}}}",
	 "1:38: /tiers/private/limits/cpu: found 100, which is not a share of a core such as "
	 "\"150%\"\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"openFiles\":\"100\"}}}}",
	 "1:44: /tiers/private/limits/openFiles: found \"100\", which is not an integer\n"},
	{"{\"tiers\":{\"private\":{\"limits\":{\"processes\":0}}}}",
	 "1:44: /tiers/private/limits/processes: found 0, which is out of range; accepted: 1 to "
	 "1048576\n"},
	{"{\"tiers\":{\"private\":{\"network\":1}}}",
	 "1:32: /tiers/private/network: found 1, which is not a boolean\n"},
	{"{\"defaultTier\":\"privat\"}", "1:16: /defaultTier: found \"privat\", which is not a "
					 "tier; accepted: community, verified, "
					 "private; did you mean \"private\"?\n"},
	{"{\"defaultTier\":null}", "1:16: /defaultTier: found null, which is not a string\n"},
	{"{\"defaultTier\":\"private\"}",
	 "1:16: /defaultTier: found the default tier private, which needs trustPrivate; add "
	 "\"trustPrivate\": true\n"},
	{"{\"trustPrivate\":\"yes\"}",
	 "1:17: /trustPrivate: found \"yes\", which is not a boolean\n"},
	{"{\"optionalLayers\":\"landlock\"}",
	 "1:19: /optionalLayers: found \"landlock\", which is not an array\n"},
	{"{\"optionalLayers\":[\"landlok\",3,\"cgroup-cpu\",\"cgroup-cpu\"]}",
	 "1:20: /optionalLayers/0: found \"landlok\", which is not a layer that may be optional; "
	 "accepted: landlock, memfd-noexec, cgroup-cpu, cgroup-memory, cgroup-pids; did you mean "
	 "\"landlock\"?\n"
	 "c.json:1:30: /optionalLayers/1: found 3, which is not a string\n"
	 "c.json:1:45: /optionalLayers/3: found \"cgroup-cpu\", which stands there already; remove "
	 "one of the two\n"},
	{"{\"optionalLayers\":[\"seccomp\"]}",
	 "1:20: /optionalLayers/0: found \"seccomp\", which is "
	 "not a layer that may be optional"},
	{"{\"ids\":{\"first\":999999}}", "1:17: /ids/first: found 999999, which is out of range; "
					 "accepted: 1000000 to 2147483647\n"},
	{"{\"ids\":{\"first\":2147483648}}", "1:17: /ids/first: found 2147483648, which is out of"},
	{"{\"ids\":{\"first\":2147483647}}",
	 "1:8: /ids: found ids 2147483647 to 2147549182; ids above 2147483647 are not accepted\n"},
	{"{\"ids\":{\"count\":1}}", "1:17: /ids/count: found 1, which is out of range"},
	{"{\"ids\":{\"count\":3998}}",
	 "1:8: /ids: found 3998 ids for 2000 instances; each instance "
	 "takes two; raise ids.count or lower maxInstances\n"},
	{"{\"ids\":{\"count\":1.5}}",
	 "1:17: /ids/count: found a number, which is not an integer\n"},
	{"{\"cgroup\":{\"parent\":\"a\"}}", "1:21: /cgroup/parent: found \"a\", which is not the "
					    "path of a cgroup"},
	{"{\"cgroup\":{\"parent\":\"/a/../b\"}}", "1:21: /cgroup/parent: found \"/a/../b\", which"},
	{"{\"cgroup\":{\"parent\":\"/\"}}", "1:21: /cgroup/parent: found \"/\", which"},
	{"{\"cgroup\":{\"parent\":[]}}", "1:21: /cgroup/parent: found an array, which is not a "
					 "string\n"},
	{"{\"maxInstances\":2001}", "1:17: /maxInstances: found 2001, which is out of range; "
				    "accepted: 1 to 2000\n"},
	{"{\"maxInstances\":0}", "1:17: /maxInstances: found 0, which is out of range"},
	{"{\"violations\":{\"tarpitDelay\":\"10\"}}",
	 "1:30: /violations/tarpitDelay: found \"10\", which is not a duration; a whole number"},
	{"{\"violations\":{\"tarpitDelay\":\"11s\"}}",
	 "1:30: /violations/tarpitDelay: found \"11s\", which is out of range; accepted: 1ms to "
	 "10s\n"},
	{"{\"violations\":{\"killAfter\":0}}",
	 "1:28: /violations/killAfter: found 0, which is out"},
	{"{\"moduleFolders\":\"/a\"}",
	 "1:18: /moduleFolders: found \"/a\", which is not an array\n"},
	{"{\"moduleFolders\":[\"a\",1,\"/b/\",\"/b/../c\",\"/\",\"/d\",\"/d\"]}",
	 "1:19: /moduleFolders/0: found \"a\", which is not the path of a folder; accepted: an "
	 "absolute path without \".\", \"..\", empty parts and a slash at its end, such as "
	 "\"/srv/modules\"\n"
	 "c.json:1:23: /moduleFolders/1: found 1, which is not a string\n"
	 "c.json:1:25: /moduleFolders/2: found \"/b/\", which is not the path of a folder; "
	 "accepted: an absolute path without \".\", \"..\", empty parts and a slash at its end, "
	 "such as \"/srv/modules\"\n"
	 "c.json:1:31: /moduleFolders/3: found \"/b/../c\", which is not the path of a folder; "
	 "accepted: an absolute path without \".\", \"..\", empty parts and a slash at its end, "
	 "such as \"/srv/modules\"\n"
	 "c.json:1:41: /moduleFolders/4: found \"/\", which is not the path of a folder; "
	 "accepted: an absolute path without \".\", \"..\", empty parts and a slash at its end, "
	 "such as \"/srv/modules\"\n"
	 "c.json:1:50: /moduleFolders/6: found \"/d\", which stands there already; remove one of "
	 "the two\n"},
	{"{\"onStop\":\"kep\"}", "1:11: /onStop: found \"kep\", which is not known here; accepted: "
				 "keep, stop; did you mean \"keep\"?\n"},
	{"{\"onStop\":true}", "1:11: /onStop: found true, which is not a string\n"},
	{"{\"restart\":{\"delay\":\"9ms\"}}",
	 "1:21: /restart/delay: found \"9ms\", which is out of range; accepted: 10ms to 1h\n"},
	{"{\"restart\":{\"delay\":\"61s\"}}",
	 "1:12: /restart: found a delay of 61s that is above maxDelay, 1m; raise restart.maxDelay "
	 "or lower restart.delay\n"},
	{"{\"restart\":{\"maxDelay\":\"25h\"}}", "1:24: /restart/maxDelay: found \"25h\", which is "
						 "out of range; accepted: 10ms to 24h\n"},
	{"{\"restart\":{\"startLimit\":65}}",
	 "1:26: /restart/startLimit: found 65, which is out of "
	 "range; accepted: 0 to 64\n"},
	{"{\"restart\":{\"startWindow\":\"1\"}}",
	 "1:27: /restart/startWindow: found \"1\", which is not a duration"},
	{"{\"restart\":{\"startlimit\":1}}",
	 "1:13: /restart/startlimit: found the key \"startlimit\", which is not known; accepted: "
	 "delay, maxDelay, startLimit, startWindow; did you mean \"startLimit\"?\n"},
	{"{\"host\":{\"reserve\":{\"memory\":\"1025G\"}}}",
	 "1:30: /host/reserve/memory: found \"1025G\", which is out of range; accepted: 0 to "
	 "1024G\n"},
	{"{\"host\":{\"reserve\":\"1G\"}}",
	 "1:20: /host/reserve: found \"1G\", which is not an object\n"},
	{"{\"host\":{\"processes\":63}}", "1:22: /host/processes: found 63, which is out of range; "
					  "accepted: 64 to 4194304\n"},
	{"{\"host\":{\"cpuWeight\":10001}}", "1:22: /host/cpuWeight: found 10001, which is out of "
					     "range; accepted: 1 to 10000\n"},
	{"{\"host\":{\"overcommit\":{\"memory\":200}}}",
	 "1:33: /host/overcommit/memory: found 200, which is not accepted; whole per cent from "
	 "\"10%\" to \"100000%\" are, as a text\n"},
	{"{\"host\":{\"overcommit\":{\"memory\":\"9%\"}}}",
	 "1:33: /host/overcommit/memory: found \"9%\", which is not accepted; whole"},
	{"{\"maxInstances\":1,\"maxInstances\":2}", "1:19: /maxInstances: found the key "
						    "\"maxInstances\" a second time"},
	{"{\"defaultTier\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\u001b\"}",
	 "1:16: /defaultTier: found \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"..., which"},
	{"{\"a\\u001b[31m\":1}", "1:2: /a\\x1b[31m: found the key \"a\\x1b[31m\", which"},
};

TEST(refusals_change_nothing)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(bads); i++) {
		ms_auto(config) struct ms_config *c = ms_config_new();
		ms_auto_free char *got = NULL, *before = ms_config_dump(c), *after = NULL;
		char want[1024];

		CHECK_EQ(apply(c, bads[i].text, &got), MS_CONFIG_INVALID);
		(void)snprintf(want, sizeof(want), "c.json:%s", bads[i].report); /* fits */
		if (!got || strncmp(got, want, strlen(want)) != 0)
			CHECK_STR(got, want);
		after = ms_config_dump(c);
		CHECK_STR(after, before);
	}
}

TEST(all_errors_of_a_file)
{
	ms_auto(config) struct ms_config *c = ms_config_new();
	ms_auto_free char *got = NULL;

	CHECK_EQ(apply(c, "{\"maxInstances\": 0,\n \"trustPrivate\": 1,\n \"foo\": 2}", &got),
		 MS_CONFIG_INVALID);
	CHECK_STR(got,
		  "c.json:1:18: /maxInstances: found 0, which is out of range; accepted: 1 to "
		  "2000\n"
		  "c.json:2:18: /trustPrivate: found 1, which is not a boolean\n"
		  "c.json:3:2: /foo: found the key \"foo\", which is not known; accepted: tiers, "
		  "defaultTier, trustPrivate, optionalLayers, moduleFolders, ids, cgroup, "
		  "maxInstances, onStop, restart, host, violations, peers\n");
	CHECK_EQ(c->max_instances, MS_MAX_INSTANCES);
}

/* What only shows with an earlier file is told at the key that this file brought. */
TEST(conflicts_with_an_earlier_file)
{
	ms_auto(config) struct ms_config *c = ms_config_new();
	ms_auto_free char *one = NULL, *two = NULL;

	must_apply(c, "{\"maxInstances\":10,\"ids\":{\"count\":20},\"trustPrivate\":true,"
		      "\"defaultTier\":\"private\"}");
	CHECK_EQ(apply(c, "{\"maxInstances\":11}", &one), MS_CONFIG_INVALID);
	CHECK_STR(one, "c.json:1:17: /maxInstances: found 20 ids for 11 instances; each instance "
		       "takes two; raise ids.count or lower maxInstances\n");
	CHECK_EQ(apply(c, "{\"trustPrivate\":false}", &two), MS_CONFIG_INVALID);
	CHECK_STR(two, "c.json:1:1: found the default tier private, which needs trustPrivate; add "
		       "\"trustPrivate\": true\n");
	CHECK(c->trust_private);
}

TEST(ids_at_their_cap)
{
	ms_auto(config) struct ms_config *c = ms_config_new();

	must_apply(c, "{\"ids\":{\"first\":2147479648,\"count\":4000}}");
	must_apply(c, "{\"ids\":{\"first\":2147418112,\"count\":65536}}");
}

/* Sixteen folders, and one more; those of an earlier file stay when a later one has none. */
TEST(module_folders_at_cap_and_above)
{
	ms_auto(config) struct ms_config *c = ms_config_new();
	ms_auto_free char *got = NULL;
	char text[600] = "{\"moduleFolders\":[";

	for (unsigned i = 0; i < MS_MAX_MODULE_FOLDERS; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"/f/%u\"",
			       i ? "," : "", i);      /* fits */
	(void)snprintf(text + strlen(text), 3, "]}"); /* fits */
	must_apply(c, text);
	CHECK_EQ(c->n_module_folders, MS_MAX_MODULE_FOLDERS);
	(void)snprintf(text + strlen(text) - 2, 10, ",\"/g\"]}"); /* fits */
	CHECK_EQ(apply(c, text, &got), MS_CONFIG_INVALID);
	CHECK(got && strstr(got, "/moduleFolders: found an array, which has 17 entries; accepted: "
				 "at most 16\n"));
	CHECK_EQ(c->n_module_folders, MS_MAX_MODULE_FOLDERS);
	memset(text, 'x', sizeof(text)); /* nothing is borrowed from the file */
	must_apply(c, "{\"maxInstances\":7}");
	CHECK_STR(c->module_folders[15].p, "/f/15");
	must_apply(c, "{\"moduleFolders\":[\"/h\"]}");
	CHECK_EQ(c->n_module_folders, 1);
	CHECK_STR(c->module_folders[0].p, "/h");
	must_apply(c, "{\"moduleFolders\":[]}");
	CHECK_EQ(c->n_module_folders, 0);
}

TEST(on_stop_says_whether_it_was_set)
{
	ms_auto(config) struct ms_config *c = ms_config_new();

	must_apply(c, "{\"onStop\":\"keep\"}");
	CHECK(!c->stop_with_daemon && c->stop_with_daemon_set);
	must_apply(c, "{}");
	CHECK(c->stop_with_daemon_set);
	must_apply(c, "{\"onStop\":\"stop\"}");
	CHECK(c->stop_with_daemon);
}

TEST(size_at_cap_and_above)
{
	char *text = malloc(MS_MAX_CONFIG_BYTES + 2);
	ms_auto(config) struct ms_config *c = ms_config_new();
	ms_auto_free char *got = NULL;

	memset(text, ' ', MS_MAX_CONFIG_BYTES + 1);
	memcpy(text, "{}", 2);
	text[MS_MAX_CONFIG_BYTES] = '\0';
	must_apply(c, text);
	text[MS_MAX_CONFIG_BYTES] = ' ';
	text[MS_MAX_CONFIG_BYTES + 1] = '\0';
	CHECK_EQ(apply(c, text, &got), MS_CONFIG_INVALID);
	free(text);
}

TEST(dump_reads_back)
{
	ms_auto(config) struct ms_config *a = ms_config_new(), *b = ms_config_new();
	ms_auto_free char *first = NULL, *second = NULL;

	must_apply(a, "{\"optionalLayers\":[\"cgroup-pids\"],\"cgroup\":{\"parent\":\"/x\"},"
		      "\"trustPrivate\":true,\"defaultTier\":\"private\",\"maxInstances\":3,"
		      "\"ids\":{\"count\":6},\"violations\":{\"killAfter\":77},"
		      "\"moduleFolders\":[\"/a b\",\"/c\"],\"onStop\":\"stop\","
		      "\"restart\":{\"delay\":\"1500ms\",\"startLimit\":2},\"host\":{\"reserve\":{"
		      "\"disk\":\"3M\"},\"cpuWeight\":1,\"overcommit\":{\"memory\":\"99%\"}}}");
	first = ms_config_dump(a);
	REQUIRE(first);
	CHECK(strstr(first, "\"x-defaultTier\": \"the tier of"));
	must_apply(b, first);
	second = ms_config_dump(b);
	CHECK_STR(second, first);
}

TEST(words)
{
	enum ms_tier tier = MS_TIER_COMMUNITY;

	CHECK_EQ(ms_tier_parse("verified", 8, &tier), 0);
	CHECK_EQ(tier, MS_TIER_VERIFIED);
	CHECK_EQ(ms_tier_parse("verifie", 7, &tier), -EINVAL);
	CHECK_EQ(ms_tier_parse("", 0, &tier), -EINVAL);
	CHECK_STR(ms_tier_word(MS_TIER_COUNT), "?");
	CHECK_STR(ms_opt_layer_word(MS_OPT_COUNT), "?");
	CHECK_STR(ms_opt_layer_word(MS_OPT_MEMFD_NOEXEC), "memfd-noexec");
	CHECK(!ms_config_free(NULL));
}

static void oom_run(void)
{
	static const char text[] = "{\"cgroup\":{\"parent\":\"/abc\"},\"maxInstances\":5,"
				   "\"moduleFolders\":[\"/a\",\"/b\"]}";
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	ms_auto(config) struct ms_config *c = ms_config_new();
	ms_auto_free char *dump = NULL;
	int r;

	if (!report || !c)
		return;
	r = ms_config_apply(c, text, sizeof(text) - 1, report);
	CHECK(r == (oom_happened ? -ENOMEM : 0));
	CHECK_EQ(c->max_instances, r ? MS_MAX_INSTANCES : 5);
	if (r)
		return;
	dump = ms_config_dump(c);
	CHECK((dump == NULL) == oom_happened);
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	oom_run();
}
