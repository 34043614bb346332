/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * landlock.c - the same file permissions as the mounts give, said a second time to another part of
 * the kernel, as far as the host's ABI goes (landlock(7)). ABI: 1 5.13, 2 refer 5.19, 3
 * truncate 6.2, 4 TCP 6.7, 5 device ioctl 6.10, 6 scopes 6.12.
 */
#include "policy/build.h"

#define FS_EXECUTE     (1ull << 0)
#define FS_WRITE_FILE  (1ull << 1)
#define FS_READ_FILE   (1ull << 2)
#define FS_READ_DIR    (1ull << 3)
#define FS_REMOVE_DIR  (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_CHAR   (1ull << 6)
#define FS_MAKE_DIR    (1ull << 7)
#define FS_MAKE_REG    (1ull << 8)
#define FS_MAKE_SOCK   (1ull << 9)
#define FS_MAKE_FIFO   (1ull << 10)
#define FS_MAKE_BLOCK  (1ull << 11)
#define FS_MAKE_SYM    (1ull << 12)
#define FS_REFER       (1ull << 13)
#define FS_TRUNCATE    (1ull << 14)
#define FS_IOCTL_DEV   (1ull << 15)

#define SCOPE_ABSTRACT_UNIX (1ull << 0)
#define SCOPE_SIGNAL	    (1ull << 1)

#define READ (FS_READ_FILE | FS_READ_DIR)
#define WRITE                                                                                      \
	(READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |       \
	 FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)

static uint64_t handled_fs(uint32_t abi)
{
	uint64_t all = FS_IOCTL_DEV * 2 - 1;

	if (abi < 5)
		all &= ~FS_IOCTL_DEV;
	if (abi < 3)
		all &= ~FS_TRUNCATE;
	if (abi < 2)
		all &= ~FS_REFER;
	return all;
}

static void add(struct ms_builder *b, struct ms_str path, uint64_t access, bool optional)
{
	struct ms_plan *plan = b->plan;

	if (plan->n_landlock == MS_MAX_LANDLOCK) {
		b->overflow = "landlock rules";
		return;
	}
	plan->landlock[plan->n_landlock++] = (struct ms_plan_landlock){
		.path = path, .access = access & plan->landlock_fs, .optional = optional};
}

static void add_module(struct ms_builder *b)
{
	const struct ms_policy *policy = b->in->policy;
	const struct ms_manifest *m = policy->manifest;
	const struct ms_layout *layout = b->in->layout;

	if (b->in->trees.bundle < 0 && b->in->trees.state < 0)
		return;
	if (b->in->trees.bundle >= 0 && (!layout || layout->whole)) {
		add(b, MS_STR_LIT("/module"), READ | FS_EXECUTE, false);
		return;
	}
	add(b, MS_STR_LIT("/module"), FS_READ_DIR, false);
	for (uint32_t i = 0; layout && i < layout->n_entries; i++) {
		const struct ms_bundle_entry *e = &layout->entries[i];
		struct ms_str path;

		if (e->kind != MS_BUNDLE_DIR && e->kind != MS_BUNDLE_FILE)
			continue;
		path = ms_arena_strf(b->arena, "/module/%.*s", (int)e->path.len, e->path.p);
		add(b, path, e->class == MS_CLASS_CODE ? READ | FS_EXECUTE : READ, false);
	}
	for (uint32_t i = 0; i < policy->n_write; i++)
		add(b, ms_arena_strf(b->arena, "/module/%.*s", (int)m->write[i].len, m->write[i].p),
		    WRITE, false);
}

void ms_build_landlock(struct ms_builder *b)
{
	static const char *const programs[] = {"/usr",	 "/bin",   "/sbin",  "/lib",
					       "/lib32", "/lib64", "/libx32"};
	const uint32_t abi = b->in->host->landlock_abi;
	struct ms_plan *plan = b->plan;

	if (!abi)
		return;
	plan->landlock_fs = handled_fs(abi);
	plan->landlock_scoped = abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0;
	add(b, MS_STR_LIT("/"), FS_READ_DIR, false);
	for (size_t i = 0; i < MS_ARRAY_LEN(programs); i++)
		add(b, ms_builder_text(b, programs[i]), READ | FS_EXECUTE, /* optional= */ true);
	add(b, MS_STR_LIT("/etc"), READ, true);
	add(b, MS_STR_LIT("/sys"), READ, true);
	add(b, MS_STR_LIT("/run"), READ, true);
	if (b->in->trees.program >= 0)
		add(b, MS_STR_LIT("/run/modsup/program"), FS_READ_FILE | FS_EXECUTE, false);
	add(b, MS_STR_LIT("/proc"), READ | FS_WRITE_FILE | FS_TRUNCATE, true);
	add(b, MS_STR_LIT("/dev"), READ | FS_WRITE_FILE | FS_IOCTL_DEV | FS_TRUNCATE, true);
	add(b, MS_STR_LIT("/tmp"), WRITE, true);
	add(b, MS_STR_LIT("/dev/shm"), WRITE, true);
	if (b->in->trees.state >= 0)
		add(b, MS_STR_LIT("/state"), WRITE, false);
	add_module(b);
}
