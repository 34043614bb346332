/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * proc.c - /proc: the module's own processes, a few names that software reads and that say nothing
 * of the host, and everything else covered. An allow-list: a file that a newer kernel adds is
 * covered until it stands here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/sys.h"
#include "policy/build.h"

enum treatment { KEEP, ONLY };

/*
 * Of /proc/sys: what runtimes and servers ask about the kernel they run on, nothing that counts
 * what the host does (file-nr, inode-nr, pty/nr ...) or names it (random/boot_id, core_pattern).
 * "net" shows the module's own network namespace, hostname and the like its own uts namespace.
 */
static const char sysctls[] = "crypto/fips_enabled\n"
			      "fs/file-max\n"
			      "fs/inotify/max_user_instances\n"
			      "fs/inotify/max_user_watches\n"
			      "fs/nr_open\n"
			      "fs/pipe-max-size\n"
			      "kernel/cap_last_cap\n"
			      "kernel/domainname\n"
			      "kernel/hostname\n"
			      "kernel/ngroups_max\n"
			      "kernel/osrelease\n"
			      "kernel/ostype\n"
			      "kernel/overflowgid\n"
			      "kernel/overflowuid\n"
			      "kernel/pid_max\n"
			      "kernel/random/uuid\n"
			      "kernel/seccomp/actions_avail\n"
			      "kernel/shmall\n"
			      "kernel/shmmax\n"
			      "kernel/version\n"
			      "net\n"
			      "vm/max_map_count\n"
			      "vm/mmap_min_addr\n"
			      "vm/overcommit_memory\n";

/* "self", "thread-self", "mounts" and "net" are links into the reader's own process. */
static const struct {
	const char *name;
	enum treatment treatment;
} allowed[] = {
	{"self", KEEP},	       {"thread-self", KEEP}, {"mounts", KEEP},	 {"net", KEEP},
	{"filesystems", KEEP}, {"uptime", KEEP},      {"version", KEEP}, {"sys", ONLY},
};

/* Replaced by figures of the module's own world. */
static const char *const replaced[] = {"meminfo", "cpuinfo", "stat", "loadavg"};

static bool is_replaced(const char *name)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(replaced); i++) {
		if (strcmp(name, replaced[i]) == 0)
			return true;
	}
	return false;
}

static void cover(struct ms_builder *b, const struct ms_host_entry *e)
{
	const char *target = ms_arena_strf(b->arena, "proc/%s", e->name.p).p;

	for (size_t i = 0; i < MS_ARRAY_LEN(allowed); i++) {
		if (strcmp(e->name.p, allowed[i].name) != 0)
			continue;
		if (allowed[i].treatment == ONLY)
			ms_builder_mount(b, MS_OP_PROC_ONLY, target)->data =
				(struct ms_str){.p = sysctls, .len = sizeof(sysctls) - 1};
		return;
	}
	if (!is_replaced(e->name.p) && e->kind != MS_HOST_LINK)
		(void)ms_builder_mount(b, MS_OP_MASK, target); /* needs nothing more */
}

static void replace(struct ms_builder *b, const char *target, struct ms_str data)
{
	ms_builder_mount(b, MS_OP_REPLACE, target)->data = data;
}

static void build_cpus(struct ms_builder *b)
{
	struct ms_str info = MS_STR_LIT(""), stat = MS_STR_LIT("cpu  0 0 0 0 0 0 0 0 0 0\n");
	uint32_t n = MS_MIN(b->in->host->n_cpus, 64u);

	for (uint32_t i = 0; i < n; i++) {
		info = ms_arena_strf(
			b->arena,
			"%sprocessor\t: %u\nvendor_id\t: virtual\nmodel name\t: virtual\n"
			"cpu MHz\t\t: 1000.000\n\n",
			info.p, i);
		stat = ms_arena_strf(b->arena, "%scpu%u 0 0 0 0 0 0 0 0 0 0\n", stat.p, i);
	}
	replace(b, "proc/cpuinfo", info);
	replace(b, "proc/stat",
		ms_arena_strf(b->arena,
			      "%sctxt 0\nbtime 0\nprocesses 0\nprocs_running 1\nprocs_blocked 0\n",
			      stat.p));
}

void ms_build_proc(struct ms_builder *b)
{
	const uint64_t kib = b->in->policy->limits[MS_LIMIT_MEMORY] / 1024;
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_PROC, "proc");

	m->mode = 0555;
	m->attrs = MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV | MS_MOUNT_ATTR_NOEXEC;
	for (uint32_t i = 0; i < b->in->host->proc.n; i++)
		cover(b, &b->in->host->proc.entries[i]);
	replace(b, "proc/meminfo",
		ms_arena_strf(b->arena,
			      "MemTotal:       %8" PRIu64 " kB\nMemFree:        %8" PRIu64 " kB\n"
			      "MemAvailable:   %8" PRIu64 " kB\nBuffers:               0 kB\n"
			      "Cached:                0 kB\nSwapTotal:             0 kB\nSwapFree: "
			      "             0 kB\n"
			      "Shmem:                 0 kB\nSReclaimable:          0 kB\n",
			      kib, kib, kib));
	replace(b, "proc/loadavg", MS_STR_LIT("0.00 0.00 0.00 1/1 1\n"));
	build_cpus(b);
}
