/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount.c - the file system that a module finds: the base runtime, its bundle, its own writable
 * places, a minimal /dev, /run, static cgroup files. /etc and /proc have files of their own. The
 * order matters only in that a place is made before what stands in it; ms_plan_verify() checks
 * that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/sys.h"
#include "policy/build.h"

#define RO	(MS_MOUNT_ATTR_RDONLY | MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV)
#define RO_DATA (RO | MS_MOUNT_ATTR_NOEXEC)
#define RW_DATA (MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV | MS_MOUNT_ATTR_NOEXEC)

static void attach(struct ms_builder *b, int tree, struct ms_str source, const char *target,
		   uint32_t attrs)
{
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_ATTACH, target);

	m->fd = (uint8_t)tree;
	m->source = source;
	m->attrs = attrs;
}

static void dir(struct ms_builder *b, const char *target, uint32_t mode)
{
	ms_builder_mount(b, MS_OP_DIR, target)->mode = mode;
}

static void link_to(struct ms_builder *b, const char *target, struct ms_str to)
{
	ms_builder_mount(b, MS_OP_SYMLINK, target)->source = to;
}

static void file(struct ms_builder *b, const char *target, struct ms_str data)
{
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_FILE, target);

	m->mode = 0444;
	m->data = data;
}

/* A tmpfs of the supervisor's own, to be filled and then sealed. */
static void skeleton(struct ms_builder *b, const char *target, uint64_t size, uint32_t attrs)
{
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_TMPFS, target);

	m->size = size;
	m->inodes = 1024;
	m->mode = 0755;
	m->attrs = attrs;
}

static void seal(struct ms_builder *b, const char *target)
{
	(void)ms_builder_mount(b, MS_OP_SEAL, target); /* needs nothing more */
}

/* A tmpfs that the module fills; pages are charged to its cgroup, inodes are not enough to hurt. */
static void scratch(struct ms_builder *b, const char *target, uint64_t size)
{
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_TMPFS, target);

	m->size = size;
	m->inodes = size / 4096 / 4 + 256;
	if (m->inodes > 65536)
		m->inodes = 65536;
	m->mode = 01777;
	m->uid = m->gid = b->in->module_uid;
	m->attrs = RW_DATA;
}

static void build_runtime(struct ms_builder *b)
{
	const struct ms_host *host = b->in->host;
	char target[MS_MAX_PATH_BYTES];

	skeleton(b, "usr", 65536, MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV);
	for (uint32_t i = 0; i < host->usr.n; i++) {
		const struct ms_host_entry *e = &host->usr.entries[i];

		(void)snprintf(target, sizeof(target), "usr/%s",
			       e->name.p); /* a cut name fails the verification */
		if (e->kind == MS_HOST_LINK)
			link_to(b, target, e->target);
		else
			attach(b, b->in->trees.usr, e->name, target, RO);
	}
	seal(b, "usr");
	for (uint32_t i = 0; i < host->top.n; i++) {
		const struct ms_host_entry *e = &host->top.entries[i];

		if (e->kind == MS_HOST_LINK)
			link_to(b, e->name.p, e->target);
		else
			attach(b, b->in->trees.top, e->name, e->name.p, RO);
	}
}

static void build_dev(struct ms_builder *b)
{
	static const struct {
		const char *target;
		unsigned major, minor;
	} devices[] = {
		{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
		{"dev/random", 1, 8}, {"dev/urandom", 1, 9},
	};

	skeleton(b, "dev", 65536, MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NOEXEC);
	for (size_t i = 0; i < MS_ARRAY_LEN(devices); i++) {
		struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_DEVICE, devices[i].target);

		m->mode = 0666;
		m->size = makedev(devices[i].major, devices[i].minor);
	}
	link_to(b, "dev/fd", MS_STR_LIT("/proc/self/fd"));
	link_to(b, "dev/stdin", MS_STR_LIT("/proc/self/fd/0"));
	link_to(b, "dev/stdout", MS_STR_LIT("/proc/self/fd/1"));
	link_to(b, "dev/stderr", MS_STR_LIT("/proc/self/fd/2"));
	dir(b, "dev/shm", 0755);
	seal(b, "dev");
	scratch(b, "dev/shm", b->in->policy->limits[MS_LIMIT_TMP]);
}

/* The limits where Node, Java, Go and .NET look for them, in the form that /proc/self/cgroup
 * announces. */
static void build_cgroup_files(struct ms_builder *b)
{
	const uint64_t *limits = b->in->policy->limits;
	const uint64_t quota = limits[MS_LIMIT_CPU] * 1000; /* usec of each 100 ms */
	const uint64_t memory = limits[MS_LIMIT_MEMORY], processes = limits[MS_LIMIT_PROCESSES];
	struct ms_arena *a = b->arena;

	skeleton(b, "sys", 65536, RW_DATA);
	dir(b, "sys/fs", 0755);
	dir(b, "sys/fs/cgroup", 0755);
	if (b->in->host->cgroup_v2_only) {
		file(b, "sys/fs/cgroup/cgroup.controllers", MS_STR_LIT("cpu memory pids\n"));
		file(b, "sys/fs/cgroup/memory.max", ms_arena_strf(a, "%" PRIu64 "\n", memory));
		file(b, "sys/fs/cgroup/memory.high", MS_STR_LIT("max\n"));
		file(b, "sys/fs/cgroup/memory.swap.max", MS_STR_LIT("0\n"));
		file(b, "sys/fs/cgroup/cpu.max", ms_arena_strf(a, "%" PRIu64 " 100000\n", quota));
		file(b, "sys/fs/cgroup/pids.max", ms_arena_strf(a, "%" PRIu64 "\n", processes));
	} else {
		static const char *const dirs[] = {"memory", "cpu", "cpuacct", "pids"};

		for (size_t i = 0; i < MS_ARRAY_LEN(dirs); i++)
			dir(b, ms_arena_strf(a, "sys/fs/cgroup/%s", dirs[i]).p, 0755);
		file(b, "sys/fs/cgroup/memory/memory.limit_in_bytes",
		     ms_arena_strf(a, "%" PRIu64 "\n", memory));
		file(b, "sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
		     MS_STR_LIT("9223372036854771712\n"));
		file(b, "sys/fs/cgroup/cpu/cpu.cfs_quota_us",
		     ms_arena_strf(a, "%" PRIu64 "\n", quota));
		file(b, "sys/fs/cgroup/cpu/cpu.cfs_period_us", MS_STR_LIT("100000\n"));
		file(b, "sys/fs/cgroup/cpu/cpu.shares", MS_STR_LIT("1024\n"));
		file(b, "sys/fs/cgroup/pids/pids.max",
		     ms_arena_strf(a, "%" PRIu64 "\n", processes));
	}
	seal(b, "sys");
}

static void build_run(struct ms_builder *b)
{
	const struct ms_policy *policy = b->in->policy;

	skeleton(b, "run", 1u << 20, MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV);
	dir(b, "run/modsup", 0755);
	dir(b, "run/credentials", 0755);
	file(b, "run/modsup/self.json",
	     (struct ms_str){.p = policy->canonical, .len = policy->canonical_len});
	if (ms_builder_notifies(b)) {
		struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_NOTIFY, MS_NOTIFY_TARGET);

		m->uid = m->gid = b->in->module_uid;
	}
	if (b->in->trees.program >= 0)
		attach(b, b->in->trees.program, MS_STR_LIT(""), "run/modsup/program", RO);
	seal(b, "run");
}

static const char *in_module(struct ms_builder *b, struct ms_str path)
{
	return ms_arena_strf(b->arena, "module/%.*s", (int)path.len, path.p).p;
}

/* The bundle: whole, or a skeleton with its entries and the tenant's writable folders in it. */
static void build_module(struct ms_builder *b)
{
	const struct ms_policy *policy = b->in->policy;
	const struct ms_manifest *m = policy->manifest;
	const struct ms_layout *layout = b->in->layout;

	if (b->in->trees.bundle < 0 && b->in->trees.state < 0)
		return;
	if (b->in->trees.bundle >= 0 && (!layout || layout->whole)) {
		attach(b, b->in->trees.bundle, MS_STR_LIT(""), "module", RO);
		return;
	}
	skeleton(b, "module", 1u << 20, MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV);
	for (uint32_t i = 0; layout && i < layout->n_entries; i++) {
		const struct ms_bundle_entry *e = &layout->entries[i];
		const char *target = in_module(b, e->path);

		switch (e->kind) {
		case MS_BUNDLE_SKELETON:
			dir(b, target, 0755);
			break;
		case MS_BUNDLE_SYMLINK:
			link_to(b, target, e->target);
			break;
		case MS_BUNDLE_DIR:
		case MS_BUNDLE_FILE:
			attach(b, b->in->trees.bundle, e->path, target,
			       e->class == MS_CLASS_CODE ? RO : RO_DATA);
			break;
		case MS_BUNDLE_KIND_COUNT:
			b->overflow = "kinds of bundle entry";
		}
	}
	for (uint32_t i = 0; i < policy->n_write && b->in->trees.state >= 0; i++)
		attach(b, b->in->trees.state, m->write[i], in_module(b, m->write[i]), RW_DATA);
	seal(b, "module");
}

void ms_build_mounts(struct ms_builder *b)
{
	build_runtime(b);
	ms_build_etc(b);
	build_dev(b);
	scratch(b, "tmp", b->in->policy->limits[MS_LIMIT_TMP]);
	dir(b, "var", 0755);
	link_to(b, "var/tmp", MS_STR_LIT("/tmp"));
	link_to(b, "var/run", MS_STR_LIT("/run"));
	ms_build_proc(b);
	build_cgroup_files(b);
	build_run(b);
	if (b->in->trees.state >= 0)
		attach(b, b->in->trees.state, MS_STR_LIT(""), "state", RW_DATA);
	build_module(b);
}
