/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan-fixture.h - plans out of real manifests for a host that is made up: what a launch on any
 * host would be told, without being on it. Included by one file of a test program.
 */
#ifndef MS_TESTS_UNIT_PLAN_FIXTURE_H
#define MS_TESTS_UNIT_PLAN_FIXTURE_H

#include <stdarg.h>

#include "policy/build.h"
#include "tests/unit/test.h"

#define S(text) ((struct ms_str){(text), sizeof(text) - 1})

/* Everything one plan is made of; on the heap, a plan is too large for a stack. */
struct world {
	struct ms_manifest *manifest;
	struct ms_config *config;
	struct ms_policy *policy;
	struct ms_layout layout;
	struct ms_host host;
	struct ms_arena arena;
	struct ms_plan_input in;
	struct ms_plan plan;
	struct ms_error err;
};

static const uint64_t world_filter[2] = {6, 0x7fff000000000006};

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static void world_done(struct world **world)
{
	struct world *w = *world;

	if (!w)
		return;
	ms_policy_free(w->policy);
	ms_config_free(w->config);
	ms_manifest_free(w->manifest);
	ms_layout_done(&w->layout);
	ms_arena_done(&w->arena);
	ms_arena_done(&w->host.arena);
	free(w);
}
#define WORLD __attribute__((cleanup(world_done))) struct world *

static void host_add(struct ms_host_list *list, const char *name, enum ms_host_kind kind,
		     const char *target)
{
	if (list->n == MS_HOST_MAX_ENTRIES)
		abort();
	list->entries[list->n++] = (struct ms_host_entry){str(name), kind, str(target)};
}

/* @merged: /bin, /lib ... are links into /usr. */
static void host_init(struct ms_host *host, bool merged, bool v2, uint32_t abi)
{
	static const char *const folders[] = {"bin", "sbin", "lib", "lib64"};
	static const char *const links[] = {"usr/bin", "usr/sbin", "usr/lib", "usr/lib64"};
	static const char *const proc[] = {"self",   "thread-self", "mounts", "net",	 "version",
					   "uptime", "filesystems", "kcore",  "meminfo", "keys",
					   "stat",   "cpuinfo",	    "loadavg"};

	*host = (struct ms_host){
		.arena = MS_ARENA_INIT(65536),
		.landlock_abi = abi,
		.memfd_noexec = abi >= 3,
		.protect_shim = v2,
		.wait_killable = abi >= 2,
		.cgroup_v2_only = v2,
		.ca_bundle = true,
		.n_cpus = 2,
		.localtime = v2 ? S("/usr/share/zoneinfo/Europe/Paris") : S(""),
	};
	for (size_t i = 0; i < MS_ARRAY_LEN(folders); i++) {
		host_add(&host->top, folders[i], merged ? MS_HOST_LINK : MS_HOST_DIR,
			 merged ? links[i] : "");
		host_add(&host->usr, folders[i], MS_HOST_DIR, "");
	}
	host_add(&host->usr, "share", MS_HOST_DIR, "");
	host_add(&host->usr, "libexec", MS_HOST_LINK, "lib");
	host_add(&host->etc, "alternatives", MS_HOST_DIR, "");
	host_add(&host->etc, "ld.so.cache", MS_HOST_FILE, "");
	host_add(&host->etc, "ssl/certs", MS_HOST_DIR, "");
	for (size_t i = 0; i < MS_ARRAY_LEN(proc); i++)
		host_add(&host->proc, proc[i], i == 2 || i == 3 ? MS_HOST_LINK : MS_HOST_FILE, "");
	host_add(&host->proc, "sys", MS_HOST_DIR, "");
	host_add(&host->proc, "bus", MS_HOST_DIR, "");
}

static int world_fd(struct world *w, enum ms_fd_role role)
{
	if (w->in.n_fds == MS_MAX_PLAN_FDS)
		abort();
	w->in.roles[w->in.n_fds] = role;
	return (int)w->in.n_fds++;
}

static bool world_policy(struct world *w, const char *text, const char *config, enum ms_tier tier)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");

	w->config = ms_config_new();
	if (!report || !w->config)
		abort();
	if (config && ms_config_apply(w->config, config, strlen(config), report) != 0)
		printf("the configuration is refused\n");
	else if (ms_manifest_parse(text, strlen(text), report, &w->manifest) != 0)
		printf("the manifest is refused: %s\n",
		       report->n_diags ? report->diags[0].msg.p : "");
	else if (ms_policy_build(w->manifest, w->config, tier, S("acme"), &w->policy, &w->err) != 0)
		printf("the policy is refused: %s\n", w->err.msg);
	return w->policy != NULL;
}

/* A world in which a bundle is started with its log, on a host that host_init() made. */
static struct world *world_new(const char *manifest, enum ms_tier tier, bool merged, bool v2,
			       uint32_t abi)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->layout = MS_LAYOUT_INIT;
	w->arena = MS_ARENA_INIT(4u * MS_MAX_PLAN_BYTES);
	host_init(&w->host, merged, v2, abi);
	if (!world_policy(w, manifest, "{\"trustPrivate\": true}", tier)) {
		test_failures++;
		world_done(&w);
		return NULL;
	}
	w->layout.whole = !ms_layout_needed(w->manifest);
	w->in = (struct ms_plan_input){
		.policy = w->policy,
		.layout = &w->layout,
		.host = &w->host,
		.config = w->config,
		.shim_uid = 1000001,
		.module_uid = 1000002,
		.instance = S("0123456789abcdef"),
		.stdio = MS_PLAN_STDIO_LOG,
		.filter = {(const char *)world_filter, sizeof(world_filter)},
		.shim_filter = {(const char *)world_filter, 8},
		.newest_nr = 470,
		.log_bytes = 1 << 20,
	};
	memset(w->in.launch_id, 0xab, sizeof(w->in.launch_id));
	(void)world_fd(w, MS_FD_HOLD);
	(void)world_fd(w, MS_FD_CGROUP_JOIN);
	(void)world_fd(w, MS_FD_CGROUP_KILL);
	w->in.trees = (struct ms_plan_trees){-1, -1, -1, -1, -1, -1};
	w->in.trees.usr = world_fd(w, MS_FD_ATTACH);
	w->in.trees.etc = world_fd(w, MS_FD_ATTACH);
	if (!merged)
		w->in.trees.top = world_fd(w, MS_FD_ATTACH);
	w->in.trees.bundle = world_fd(w, MS_FD_ATTACH);
	if (w->policy->n_write)
		w->in.trees.state = world_fd(w, MS_FD_ATTACH);
	(void)world_fd(w, MS_FD_LOG);
	(void)world_fd(w, MS_FD_LOG);
	for (uint32_t i = 0; i < w->manifest->n_listen; i++)
		(void)world_fd(w, MS_FD_LISTEN);
	return w;
}

static void MS_UNUSED layout_add(struct world *w, enum ms_bundle_kind kind, const char *path,
				 const char *target)
{
	struct ms_layout *l = &w->layout;

	if (l->n_entries == MS_MAX_ATTACH)
		abort();
	l->entries[l->n_entries++] = (struct ms_bundle_entry){
		.path = str(path),
		.kind = kind,
		.class = ms_layout_class(w->manifest, str(path)),
		.target = str(target),
	};
}

static int world_build(struct world *w)
{
	w->err = MS_ERROR_INIT;
	return ms_plan_build(&w->in, &w->arena, &w->plan, &w->err);
}

#define ENTRY "\"entry\":{\"command\":[\"/usr/bin/node\",\"index.js\"]}"
#define HEAD  "{\"id\":\"demo\",\"version\":\"1.2.3\","

static const char MS_UNUSED manifest_plain[] = HEAD ENTRY "}";

/* Everything that a plan can hold of a manifest. */
static const char MS_UNUSED manifest_full[] = HEAD
	"\"entry\":{\"command\":[\"bin/run\",\"--port\",\"\"],\"code\":[\"bin\",\"lib/native.so\"],"
	"\"env\":{\"LANG\":\"de_DE.UTF-8\",\"EMPTY\":\"\",\"MODE\":\"a=b c\"},"
	"\"listen\":{\"socket\":[\"http\",\"admin\"]}},"
	"\"permissions\":{\"fs\":{\"read\":[\"assets\"],\"write\":[\"data/cache\",\"out\"]}},"
	"\"limits\":{\"memory\":\"64M\",\"cpu\":\"50%\",\"openFiles\":64,\"processes\":8,"
	"\"tmp\":\"8M\"}}";

static void MS_UNUSED layout_full(struct world *w)
{
	layout_add(w, MS_BUNDLE_DIR, "assets", "");
	layout_add(w, MS_BUNDLE_DIR, "bin", "");
	layout_add(w, MS_BUNDLE_SKELETON, "data", "");
	layout_add(w, MS_BUNDLE_SKELETON, "lib", "");
	layout_add(w, MS_BUNDLE_FILE, "lib/native.so", "");
}

static const char MS_UNUSED manifest_oneshot[] =
	HEAD "\"entry\":{\"command\":[\"/run/modsup/program\"],\"mode\":\"oneshot\"},"
	     "\"limits\":{\"memory\":\"16M\"}}";

#endif
