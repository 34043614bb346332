/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-landlock-rules.c - the second opinion on files agrees with the first, the mounts: for each
 * ABI, what is handled and what each place is granted; and the kernel of this host takes it.
 */
#include <linux/landlock.h>
#include <sys/syscall.h>

#include "lib/sys.h"
#include "policy/plan.h"
#include "tests/unit/plan-fixture.h"

#define EXECUTE	 (1ull << 0)
#define WRITE	 (1ull << 1)
#define READ	 (1ull << 2)
#define LIST	 (1ull << 3)
#define REFER	 (1ull << 13)
#define TRUNCATE (1ull << 14)
#define IOCTL	 (1ull << 15)
/* Everything by which something comes to be, goes or moves. */
#define MAKE (0x3ffull << 4)

static const struct ms_plan_landlock *rule_of(const struct ms_plan *p, const char *path)
{
	for (uint32_t i = 0; i < p->n_landlock; i++) {
		if (strcmp(p->landlock[i].path.p, path) == 0)
			return &p->landlock[i];
	}
	return NULL;
}

static uint64_t access_of(const struct ms_plan *p, const char *path)
{
	const struct ms_plan_landlock *rule = rule_of(p, path);

	if (!rule) {
		test_failures++;
		printf("no rule for %s\n", path);
	}
	return rule ? rule->access : 0;
}

static struct world *full(uint32_t abi)
{
	struct world *w = world_new(manifest_full, MS_TIER_VERIFIED, true, true, abi);

	if (!w)
		abort();
	layout_full(w);
	if (world_build(w) < 0) {
		printf("%s\n", w->err.msg);
		abort();
	}
	return w;
}

TEST(what_each_abi_handles)
{
	static const uint64_t handled[] = {0,	   0x1fff, 0x3fff, 0x7fff,
					   0x7fff, 0xffff, 0xffff, 0xffff};

	for (uint32_t abi = 0; abi < MS_ARRAY_LEN(handled); abi++) {
		WORLD w = full(abi);

		CHECK_EQ(w->plan.landlock_fs, handled[abi]);
		CHECK_EQ(w->plan.landlock_net, 0);
		CHECK_EQ(w->plan.landlock_scoped, abi >= 6 ? 3 : 0);
		CHECK_EQ(!(w->plan.flags & MS_PLAN_LANDLOCK), abi == 0);
		CHECK_EQ(w->plan.n_landlock == 0, abi == 0);
		/* a right that is not handled may not be in a rule: the kernel refuses the rule */
		for (uint32_t i = 0; i < w->plan.n_landlock; i++) {
			CHECK_EQ(w->plan.landlock[i].access & ~handled[abi], 0);
			CHECK(w->plan.landlock[i].access);
			CHECK(w->plan.landlock[i].path.p[0] == '/');
		}
	}
}

/* A newer ABI than is known here adds nothing: its rights are not asked for. */
TEST(an_abi_of_the_future)
{
	WORLD now = full(6);
	WORLD later = full(100);

	CHECK_EQ(later->plan.landlock_fs, now->plan.landlock_fs);
	CHECK_EQ(later->plan.landlock_scoped, now->plan.landlock_scoped);
	CHECK_EQ(later->plan.n_landlock, now->plan.n_landlock);
}

TEST(nothing_is_writable_and_executable)
{
	for (uint32_t abi = 1; abi < 8; abi++) {
		WORLD w = full(abi);

		for (uint32_t i = 0; i < w->plan.n_landlock; i++) {
			uint64_t access = w->plan.landlock[i].access;

			CHECK(!(access & EXECUTE) || !(access & (WRITE | MAKE | REFER | TRUNCATE)));
			/* device nodes are made nowhere */
			CHECK(!(access & (1ull << 6 | 1ull << 11)));
		}
		/* rights add up along a path: the root's own must be next to nothing */
		CHECK_EQ(access_of(&w->plan, "/"), LIST);
		CHECK_EQ(access_of(&w->plan, "/module"), LIST);
	}
}

/* Each mount that stays writable can be written, each read-only one cannot. */
TEST(rules_and_mounts_agree)
{
	WORLD w = full(6);

	for (uint32_t i = 0; i < w->plan.n_mounts; i++) {
		const struct ms_plan_mount *m = &w->plan.mounts[i];
		const struct ms_plan_landlock *rule;
		char path[MS_MAX_INSIDE_BYTES + 2];

		(void)snprintf(path, sizeof(path), "/%s", m->target.p);
		rule = rule_of(&w->plan, path);
		if (m->op == MS_OP_ATTACH && !(m->attrs & MS_MOUNT_ATTR_RDONLY)) {
			REQUIRE(rule);
			CHECK((rule->access & (WRITE | MAKE | REFER)) ==
			      (WRITE | REFER | (MAKE & ~(1ull << 6 | 1ull << 11))));
			CHECK(!rule->optional);
		} else if (m->op == MS_OP_ATTACH && rule) {
			CHECK_EQ(rule->access & (WRITE | MAKE | TRUNCATE), 0);
			CHECK_EQ(!(rule->access & EXECUTE), !!(m->attrs & MS_MOUNT_ATTR_NOEXEC));
		}
	}
	CHECK(access_of(&w->plan, "/tmp") & WRITE);
	CHECK(access_of(&w->plan, "/dev/shm") & WRITE);
	CHECK_EQ(access_of(&w->plan, "/proc") & MAKE, 0);
	CHECK_EQ(access_of(&w->plan, "/dev") & MAKE, 0);
	CHECK(access_of(&w->plan, "/dev") & IOCTL);
	CHECK_EQ(access_of(&w->plan, "/etc"), READ | LIST);
}

TEST(code_and_data_of_a_bundle)
{
	WORLD w = full(6);

	CHECK_EQ(access_of(&w->plan, "/module/bin"), EXECUTE | READ | LIST);
	CHECK_EQ(access_of(&w->plan, "/module/lib/native.so"), EXECUTE | READ | LIST);
	CHECK_EQ(access_of(&w->plan, "/module/assets"), READ | LIST);
	CHECK(rule_of(&w->plan, "/module/data") == NULL); /* a skeleton holds nothing of its own */
	CHECK(access_of(&w->plan, "/module/data/cache") & WRITE);
	CHECK(access_of(&w->plan, "/state") & WRITE);
	CHECK(rule_of(&w->plan, "/run/modsup/program") == NULL);
}

TEST(a_whole_bundle_is_code)
{
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w && world_build(w) == 0);
	CHECK_EQ(access_of(&w->plan, "/module"), EXECUTE | READ | LIST);
	CHECK(rule_of(&w->plan, "/state") == NULL);
	w->in.trees.bundle = -1;
	w->in.trees.program = w->in.trees.usr; /* any tree: only its place counts */
	REQUIRE(world_build(w) == 0);
	CHECK(rule_of(&w->plan, "/module") == NULL);
	CHECK_EQ(access_of(&w->plan, "/run/modsup/program"), EXECUTE | READ);
}

/* This kernel takes the ruleset and every rule of it, for its own ABI. */
TEST(the_kernel_takes_it)
{
	int abi = ms_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct {
		uint64_t fs, net, scoped;
	} attr;
	ms_auto_fd int ruleset = -EBADF, root = open("/", O_PATH | O_CLOEXEC);

	if (abi <= 0)
		TEST_SKIP("this kernel has no Landlock");
	WORLD w = full((uint32_t)abi);

	attr.fs = w->plan.landlock_fs;
	attr.net = w->plan.landlock_net;
	attr.scoped = w->plan.landlock_scoped;
	ruleset = ms_sys_landlock_create_ruleset(&attr, sizeof(attr), 0);
	CHECK(ruleset >= 0);
	for (uint32_t i = 0; i < w->plan.n_landlock; i++) {
		struct landlock_path_beneath_attr rule = {
			.allowed_access = w->plan.landlock[i].access, .parent_fd = root};

		CHECK_EQ(ms_sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0),
			 0);
	}
}
