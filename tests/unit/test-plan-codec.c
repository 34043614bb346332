/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-plan-codec.c - a plan there and back; cut, prolonged and changed at every byte: refused, or
 * a plan that encodes to exactly these bytes; and each rule of ms_plan_verify().
 */
#include "policy/plan.h"

#include <string.h>
#include <sys/resource.h>

#include "lib/sys.h"
#include "tests/unit/test.h"

#define S(text) ((struct ms_str){(text), sizeof(text) - 1})
#define STEP(o, t, ...)                                                                            \
	{                                                                                          \
		.op = MS_OP_##o, .target = S(t), .source = S(""), .data = S(""), __VA_ARGS__       \
	}

static const uint64_t filter[3] = {6, 0x7fff000000000006, 7};

/* Every field in use, on the heap: a plan is too large for a stack. */
static struct ms_plan *sample(void)
{
	static const struct ms_plan_mount mounts[] = {
		{.op = MS_OP_TMPFS,
		 .target = S("module"),
		 .source = S(""),
		 .data = S(""),
		 .attrs = MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV,
		 .mode = 0755,
		 .uid = 1,
		 .gid = 2,
		 .size = UINT64_C(1) << 33,
		 .inodes = 1000},
		STEP(DIR, "module/sub", .mode = 0700),
		STEP(FILE, "module/hello", .mode = 0444),
		STEP(SYMLINK, "module/link"),
		STEP(ATTACH, "module/data", .fd = 0, .attrs = MS_MOUNT_ATTR_RDONLY),
		STEP(DIR, "dev", .mode = 0755),
		STEP(DEVICE, "dev/null", .mode = 0666, .size = 0x103),
		STEP(SEAL, "module"),
		STEP(PROC, "proc"),
		STEP(MASK, "proc/kcore"),
		STEP(REPLACE, "proc/cmdline"),
		STEP(NOTIFY, "dev/notify", .uid = 100002),
		{.op = MS_OP_PROC_ONLY,
		 .target = S("proc/sys"),
		 .source = S(""),
		 .data = S("a\nb/c\n")},
	};
	struct ms_plan *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	*p = (struct ms_plan){
		.flags = MS_PLAN_LANDLOCK | MS_PLAN_WAIT_KILLABLE,
		.shim_uid = 100001,
		.module_uid = 100002,
		.inside_uid = 1000,
		.hostname = S("module"),
		.n_mounts = MS_ARRAY_LEN(mounts),
		.fds = {MS_FD_ATTACH, MS_FD_CGROUP_JOIN, MS_FD_CGROUP_KILL, MS_FD_LOG, MS_FD_LOG,
			MS_FD_LISTEN, MS_FD_FLAG},
		.n_fds = 7,
		.rlimits = {{RLIMIT_CORE, 1, 1}, {RLIMIT_NOFILE, 100, UINT64_MAX}},
		.n_rlimits = 2,
		.landlock_fs = 0x1fff,
		.landlock_net = 3,
		.landlock_scoped = 3,
		.landlock = {{S("/usr"), 5, true}, {S("/module"), 4, false}},
		.n_landlock = 2,
		.filter = {(const char *)filter, sizeof(filter)},
		.shim_filter = {(const char *)filter, 8},
		.newest_nr = 469,
		.kill_nrs = {101, 310},
		.n_kill_nrs = 2,
		.tarpit_after = 100,
		.tarpit_usec = 10000,
		.kill_after = 5000,
		.argv = {S("/usr/bin/node"), S("index.js"), S("")},
		.n_argv = 3,
		.env = {S("PATH=/usr/bin"), S("A=")},
		.n_env = 2,
		.cwd = S("/module"),
		.umask = 022,
		.log_bytes = 1 << 20,
		.watchdog_usec = UINT64_C(1) << 40,
	};
	memset(p->launch_id, 0xaa, sizeof(p->launch_id));
	memset(p->policy_hash, 0x55, sizeof(p->policy_hash));
	memcpy(p->mounts, mounts, sizeof(mounts));
	p->mounts[2].data = S("hello\n");
	p->mounts[3].source = S("../elsewhere");
	p->mounts[4].source = S("data/deep");
	p->mounts[10].data = S("quiet\n");
	return p;
}

static int encode(const struct ms_plan *p, uint8_t **ret, size_t *ret_len)
{
	void *bytes = NULL;
	int r = ms_plan_encode(p, &bytes, ret_len);

	*ret = bytes;
	return r;
}

/* 1 understood, and then it encodes to the same bytes; 0 refused. */
static int decode(const uint8_t *bytes, size_t len)
{
	static struct ms_plan plan;
	ms_auto_free uint8_t *again = NULL, *exact = malloc(len ? len : 1);
	size_t again_len = 0;
	int r;

	if (!exact)
		abort();
	memcpy(exact, bytes, len);
	plan = (struct ms_plan){0};
	r = ms_plan_decode(exact, len, &plan);
	if (r < 0) {
		CHECK_EQ(r, -EBADMSG);
		return 0;
	}
	CHECK(ms_plan_verify(&plan) == NULL);
	CHECK_EQ(encode(&plan, &again, &again_len), 0);
	CHECK_EQ(again_len, len);
	CHECK(again_len == len && memcmp(again, exact, len) == 0);
	return 1;
}

TEST(there_and_back)
{
	static struct ms_plan got;
	ms_auto_free struct ms_plan *p = sample();
	ms_auto_free uint8_t *bytes = NULL;
	size_t len = 0;
	const char *why = ms_plan_verify(p);

	if (why)
		printf("%s\n", why);
	REQUIRE(why == NULL);
	REQUIRE(encode(p, &bytes, &len) == 0);
	CHECK_EQ(decode(bytes, len), 1);
	REQUIRE(ms_plan_decode(bytes, len, &got) == 0);
	CHECK(memcmp(got.launch_id, p->launch_id, sizeof(p->launch_id)) == 0);
	CHECK_EQ(got.n_mounts, p->n_mounts);
	CHECK_EQ(got.mounts[0].size, p->mounts[0].size);
	CHECK_STR(got.mounts[4].source.p, "data/deep");
	CHECK_STR(got.mounts[2].data.p, "hello\n");
	CHECK_EQ(got.filter.len, sizeof(filter));
	CHECK(memcmp(got.filter.p, filter, sizeof(filter)) == 0);
	CHECK_EQ((uintptr_t)got.filter.p % 8, 0); /* the kernel's structures are read in place */
	CHECK_EQ(got.kill_nrs[1], 310);
	CHECK_STR(got.argv[1].p, "index.js");
	CHECK_EQ(got.argv[2].len, 0);
	CHECK_EQ(got.rlimits[1].hard, UINT64_MAX);
	CHECK(got.landlock[0].optional && !got.landlock[1].optional);
	CHECK_EQ(got.log_bytes, 1 << 20);
	CHECK_EQ(got.watchdog_usec, UINT64_C(1) << 40);
}

TEST(cut_and_prolonged)
{
	ms_auto_free struct ms_plan *p = sample();
	ms_auto_free uint8_t *bytes = NULL;
	size_t len = 0;

	REQUIRE(encode(p, &bytes, &len) == 0);
	for (size_t cut = 0; cut < len; cut++)
		CHECK_EQ(decode(bytes, cut), 0);
	bytes[len] = 0; /* the encoder's buffer is larger */
	CHECK_EQ(decode(bytes, len + 1), 0);
}

TEST(every_byte_changed)
{
	static const uint8_t changes[] = {1, 2, 0x7f, 0x80, 0xff};
	ms_auto_free struct ms_plan *p = sample();
	ms_auto_free uint8_t *bytes = NULL;
	unsigned understood = 0, refused = 0;
	size_t len = 0;

	REQUIRE(encode(p, &bytes, &len) == 0);
	for (size_t at = 0; at < len; at++) {
		for (size_t c = 0; c < MS_ARRAY_LEN(changes); c++) {
			bytes[at] ^= changes[c];
			if (decode(bytes, len) == 1)
				understood++;
			else
				refused++;
			bytes[at] ^= changes[c];
		}
	}
	CHECK(understood > 0 && refused > 0);
}

TEST(caps)
{
	ms_auto_free struct ms_plan *p = sample();
	ms_auto_free uint8_t *bytes = NULL;
	ms_auto_free char *big = calloc(1, MS_MAX_PLAN_BYTES);
	size_t len = 0;

	REQUIRE(big);
	memset(big, 'x', MS_MAX_PLAN_BYTES - 1);
	p->argv[1] = (struct ms_str){big, MS_MAX_PLAN_ARG_BYTES};
	REQUIRE(encode(p, &bytes, &len) == 0);
	CHECK_EQ(decode(bytes, len), 1);
	free(MS_TAKE_PTR(bytes));
	p->argv[1].len = MS_MAX_PLAN_ARG_BYTES + 1;
	REQUIRE(encode(p, &bytes, &len) == 0);
	CHECK_EQ(decode(bytes, len), 0);
	free(MS_TAKE_PTR(bytes));
	p->argv[1] = S("x");
	p->mounts[2].data = (struct ms_str){big, MS_MAX_PLAN_BYTES - 1};
	CHECK_EQ(encode(p, &bytes, &len), -E2BIG);
	CHECK(bytes == NULL);
}

/* One rule broken at a time; the plan must be refused by verify and so by decode. */
enum broken {
	FLAGS,
	SAME_IDS,
	ROOT_SHIM,
	ROOT_MODULE,
	ROOT_INSIDE,
	NO_ARGV,
	EMPTY_COMMAND,
	RELATIVE_CWD,
	EMPTY_CWD,
	NO_FILTER,
	LANDLOCK_NOTHING,
	DIRTY_TARGET,
	ABSOLUTE_TARGET,
	EMPTY_TARGET,
	UNDER_ATTACH,
	UNDER_LINK,
	UNDER_FILE,
	UNDER_DEVICE,
	MASK_OUTSIDE_PROC,
	MOUNT_INSIDE_PROC,
	ATTACH_NO_FD,
	ATTACH_WRONG_ROLE,
	ATTACH_DIRTY_SOURCE,
	LINK_TO_NOTHING,
	SEAL_FOREIGN,
	ONE_LOG,
	TWO_KILLS,
	TTY_AND_LOG,
	TTY_AND_STDIN,
	TWO_STDOUTS,
	LISTENERS,
	BROKEN_COUNT
};

static void add_step(struct ms_plan *p, enum ms_mount_op op, const char *target)
{
	p->mounts[p->n_mounts++] = (struct ms_plan_mount){
		.op = op,
		.target = {target, strlen(target)},
		.source = S("x"),
		.data = S(""),
	};
}

static void break_mounts(struct ms_plan *p, enum broken how)
{
	if (how == DIRTY_TARGET)
		p->mounts[1].target = S("module/../etc");
	if (how == ABSOLUTE_TARGET)
		p->mounts[1].target = S("/module/sub");
	if (how == EMPTY_TARGET)
		p->mounts[1].target = S("");
	if (how == UNDER_ATTACH)
		add_step(p, MS_OP_FILE, "module/data/planted");
	if (how == UNDER_LINK)
		add_step(p, MS_OP_DIR, "module/link/etc");
	if (how == UNDER_FILE)
		add_step(p, MS_OP_TMPFS, "module/hello/x");
	if (how == UNDER_DEVICE)
		add_step(p, MS_OP_FILE, "dev/null/x");
	if (how == MASK_OUTSIDE_PROC)
		add_step(p, MS_OP_MASK, "module/sub");
	if (how == MOUNT_INSIDE_PROC)
		add_step(p, MS_OP_TMPFS, "proc/self");
	if (how == ATTACH_NO_FD)
		p->mounts[4].fd = 7;
	if (how == ATTACH_WRONG_ROLE)
		p->mounts[4].fd = 1;
	if (how == ATTACH_DIRTY_SOURCE)
		p->mounts[4].source = S("../../etc");
	if (how == LINK_TO_NOTHING)
		p->mounts[3].source = S("");
	if (how == SEAL_FOREIGN)
		p->mounts[7].target = S("module/data");
}

static void break_fds(struct ms_plan *p, enum broken how)
{
	if (how == ONE_LOG)
		p->fds[4] = MS_FD_STDIN;
	if (how == TWO_KILLS)
		p->fds[5] = MS_FD_CGROUP_KILL;
	if (how == TTY_AND_LOG)
		p->fds[5] = MS_FD_TTY;
	if (how == TTY_AND_STDIN) {
		p->fds[3] = MS_FD_TTY;
		p->fds[4] = MS_FD_STDIN;
	}
	if (how == TWO_STDOUTS) {
		p->fds[3] = p->fds[4] = MS_FD_STDOUT;
	}
	for (; how == LISTENERS && p->n_fds < 7 + MS_MAX_LISTEN; p->n_fds++)
		p->fds[p->n_fds] = MS_FD_LISTEN;
}

static void break_rest(struct ms_plan *p, enum broken how)
{
	if (how == FLAGS)
		p->flags |= MS_PLAN_FLAGS_ALL + 1;
	if (how == SAME_IDS)
		p->module_uid = p->shim_uid;
	if (how == ROOT_SHIM)
		p->shim_uid = 0;
	if (how == ROOT_MODULE)
		p->module_uid = 0;
	if (how == ROOT_INSIDE)
		p->inside_uid = 0;
	if (how == NO_ARGV)
		p->n_argv = 0;
	if (how == EMPTY_COMMAND)
		p->argv[0] = S("");
	if (how == RELATIVE_CWD)
		p->cwd = S("module");
	if (how == EMPTY_CWD)
		p->cwd = S("");
	if (how == NO_FILTER)
		p->filter.len = 0;
	if (how == LANDLOCK_NOTHING)
		p->landlock_fs = 0;
}

TEST(each_rule)
{
	for (unsigned how = 0; how < BROKEN_COUNT; how++) {
		ms_auto_free struct ms_plan *p = sample();
		ms_auto_free uint8_t *bytes = NULL;
		size_t len = 0;

		break_rest(p, how);
		break_mounts(p, how);
		break_fds(p, how);
		if (ms_plan_verify(p) == NULL)
			printf("rule %u does not hold\n", how);
		CHECK(ms_plan_verify(p) != NULL);
		REQUIRE(encode(p, &bytes, &len) == 0);
		CHECK_EQ(decode(bytes, len), 0);
	}
}

/* What is allowed and looks like the above. */
TEST(each_rule_has_an_inside)
{
	ms_auto_free struct ms_plan *p = sample();

	p->n_fds = 5 + MS_MAX_LISTEN;
	for (uint32_t i = 5; i < p->n_fds; i++)
		p->fds[i] = MS_FD_LISTEN;
	add_step(p, MS_OP_FILE, "module/sub/x");
	add_step(p, MS_OP_FILE, "module/datax"); /* a longer name is not below "module/data" */
	CHECK(ms_plan_verify(p) == NULL);
	p->flags &= ~MS_PLAN_LANDLOCK;
	p->landlock_fs = 0;
	CHECK(ms_plan_verify(p) == NULL);
}
