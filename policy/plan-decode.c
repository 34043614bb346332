/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-decode.c - bytes to a plan, strict, without allocation: the one piece of policy/ that the
 * shim links. Then the rules that keep a plan harmless whoever made it: every place that is written
 * to is one that the plan itself made.
 */
#include "policy/plan.h"

#include "lib/fs.h"
#include "lib/wire.h"

static unsigned rd_enum(struct ms_rd *rd, unsigned count)
{
	uint8_t v = ms_rd_u8(rd);

	if (v >= count) {
		rd->bad = true;
		return 0;
	}
	return v;
}

static void get_mounts(struct ms_rd *rd, struct ms_plan *plan)
{
	plan->n_mounts = ms_rd_count(rd, MS_MAX_MOUNT_OPS);
	for (uint32_t i = 0; i < plan->n_mounts; i++) {
		struct ms_plan_mount *m = &plan->mounts[i];

		m->op = (enum ms_mount_op)rd_enum(rd, MS_OP_COUNT);
		m->fd = ms_rd_u8(rd);
		m->attrs = ms_rd_u32(rd);
		m->mode = ms_rd_u32(rd);
		m->uid = ms_rd_u32(rd);
		m->gid = ms_rd_u32(rd);
		m->size = ms_rd_u64(rd);
		m->inodes = ms_rd_u64(rd);
		m->target = ms_rd_cstr(rd, MS_MAX_INSIDE_BYTES);
		m->source = ms_rd_cstr(rd, MS_MAX_PATH_BYTES);
		m->data = ms_rd_cstr(rd, MS_MAX_PLAN_BYTES);
	}
}

static void get_landlock(struct ms_rd *rd, struct ms_plan *plan)
{
	plan->landlock_fs = ms_rd_u64(rd);
	plan->landlock_net = ms_rd_u64(rd);
	plan->landlock_scoped = ms_rd_u64(rd);
	plan->n_landlock = ms_rd_count(rd, MS_MAX_LANDLOCK);
	for (uint32_t i = 0; i < plan->n_landlock; i++) {
		plan->landlock[i].path = ms_rd_cstr(rd, MS_MAX_INSIDE_BYTES);
		plan->landlock[i].access = ms_rd_u64(rd);
		plan->landlock[i].optional = rd_enum(rd, 2) == 1;
	}
}

static struct ms_str get_filter(struct ms_rd *rd)
{
	size_t len = ms_rd_count(rd, MS_MAX_BPF_INSNS * 8u);
	const uint8_t *p;

	while (!rd->bad && rd->off % 8)
		rd->bad = ms_rd_u8(rd) != 0 || rd->bad; /* padding; one plan has one encoding */
	p = ms_rd_bytes(rd, len);
	if (!p || len % 8) {
		rd->bad = true;
		return (struct ms_str){.p = "", .len = 0};
	}
	return (struct ms_str){.p = (const char *)p, .len = len};
}

static void get_seccomp(struct ms_rd *rd, struct ms_plan *plan)
{
	plan->filter = get_filter(rd);
	plan->shim_filter = get_filter(rd);
	plan->newest_nr = ms_rd_u32(rd);
	plan->n_kill_nrs = ms_rd_count(rd, MS_MAX_KILL_CALLS);
	for (uint32_t i = 0; i < plan->n_kill_nrs; i++)
		plan->kill_nrs[i] = ms_rd_u32(rd);
	plan->tarpit_after = ms_rd_u32(rd);
	plan->tarpit_usec = ms_rd_u32(rd);
	plan->kill_after = ms_rd_u32(rd);
}

static void get_program(struct ms_rd *rd, struct ms_plan *plan)
{
	plan->n_argv = ms_rd_count(rd, MS_MAX_ARGV);
	for (uint32_t i = 0; i < plan->n_argv; i++)
		plan->argv[i] = ms_rd_cstr(rd, MS_MAX_PLAN_ARG_BYTES);
	plan->n_env = ms_rd_count(rd, MS_MAX_ENV * 2);
	for (uint32_t i = 0; i < plan->n_env; i++)
		plan->env[i] = ms_rd_cstr(rd, MS_MAX_PLAN_ENV_BYTES);
	plan->cwd = ms_rd_cstr(rd, MS_MAX_PATH_BYTES);
	plan->umask = ms_rd_u32(rd);
	plan->log_bytes = ms_rd_u64(rd);
	plan->watchdog_usec = ms_rd_u64(rd);
}

int ms_plan_decode(const void *data, size_t len, struct ms_plan *ret)
{
	struct ms_rd rd = ms_rd_init(data, len);
	const uint8_t *p = ms_rd_bytes(&rd, 6);

	if (len > MS_MAX_PLAN_BYTES || !p || memcmp(p, "msplan", 6) != 0 ||
	    ms_rd_u16(&rd) != MS_PLAN_VERSION)
		return -EBADMSG;
	p = ms_rd_bytes(&rd, sizeof(ret->launch_id));
	if (p)
		memcpy(ret->launch_id, p, sizeof(ret->launch_id));
	p = ms_rd_bytes(&rd, sizeof(ret->policy_hash));
	if (p)
		memcpy(ret->policy_hash, p, sizeof(ret->policy_hash));
	ret->flags = ms_rd_u32(&rd);
	ret->shim_uid = ms_rd_u32(&rd);
	ret->module_uid = ms_rd_u32(&rd);
	ret->inside_uid = ms_rd_u32(&rd);
	ret->hostname = ms_rd_cstr(&rd, 64);
	get_mounts(&rd, ret);
	ret->n_fds = ms_rd_count(&rd, MS_MAX_PLAN_FDS);
	for (uint32_t i = 0; i < ret->n_fds; i++)
		ret->fds[i] = (enum ms_fd_role)rd_enum(&rd, MS_FD_COUNT);
	ret->n_rlimits = ms_rd_count(&rd, MS_MAX_RLIMITS);
	for (uint32_t i = 0; i < ret->n_rlimits; i++) {
		ret->rlimits[i].resource = ms_rd_u32(&rd);
		ret->rlimits[i].soft = ms_rd_u64(&rd);
		ret->rlimits[i].hard = ms_rd_u64(&rd);
	}
	get_landlock(&rd, ret);
	get_seccomp(&rd, ret);
	get_program(&rd, ret);
	if (!ms_rd_done(&rd) || ms_plan_verify(ret) != NULL)
		return -EBADMSG;
	return 0;
}

/*
 * Where steps have been, found by name: the steps before the one that is looked at, by the hash of
 * their targets. Comparing each step with each would cost a launch more than reading all of them.
 */
#define GROUND_SLOTS 1024u
_Static_assert(GROUND_SLOTS >= 2 * MS_MAX_MOUNT_OPS, "a search must meet a free slot soon");

struct ground {
	uint16_t slots[GROUND_SLOTS];	/* number of a step plus one; 0 = free */
	uint32_t ops[MS_MAX_MOUNT_OPS]; /* 1 << op of all steps with this target, at the first */
};

#define OP(name)    (1u << MS_OP_##name)
#define OPS_PLACES  (OP(TMPFS) | OP(DIR)) /* in which later steps may make others */
#define OPS_IN_PROC (OP(MASK) | OP(REPLACE) | OP(PROC_ONLY))
#define HASH_INIT   2166136261u

static uint32_t hash_next(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 16777619u; /* FNV-1a */
}

/* The slot of the target @p, or the free one in which it belongs. */
static uint16_t *ground_find(struct ground *g, const struct ms_plan *plan, const char *p,
			     size_t len, uint32_t hash)
{
	for (uint32_t at = hash ^ hash >> 16;; at++) {
		uint16_t *slot = &g->slots[at % GROUND_SLOTS];
		struct ms_str target;

		if (!*slot)
			return slot;
		target = plan->mounts[*slot - 1].target;
		if (target.len == len && memcmp(target.p, p, len) == 0)
			return slot;
	}
}

static uint32_t ground_ops(const struct ground *g, uint16_t slot)
{
	return slot ? g->ops[slot - 1] : 0;
}

/* May a step do @op where the steps before it did @ops? Nothing is made twice: of two steps for one
 * place the second would decide, and a reader of the plan would see the first. */
static const char *verify_again(enum ms_mount_op op, uint32_t ops)
{
	if (op == MS_OP_SEAL)
		return ops & OP(TMPFS) ? NULL : "sealing something that the plan did not mount";
	if (op == MS_OP_TMPFS)
		ops &= ~OP(DIR);
	return ops ? "two mount steps make the same place" : NULL;
}

/*
 * What lies under a step's target must have been made by this plan on its own tmpfs: no earlier
 * step may have put a foreign tree, a link or a file at an ancestor, and one has made the folder it
 * lies in. Steps on /proc need the PROC step as an ancestor instead.
 */
static const char *verify_ground(struct ground *g, const struct ms_plan *plan, uint32_t n)
{
	const struct ms_plan_mount *m = &plan->mounts[n];
	const uint32_t own = OPS_PLACES | OPS_IN_PROC | OP(SEAL) | OP(PROC);
	uint32_t hash = HASH_INIT, above = 0, parent = OPS_PLACES;
	uint16_t *slot;
	const char *why;

	for (size_t i = 0; i < m->target.len; i++) {
		if (m->target.p[i] == '/') {
			slot = ground_find(g, plan, m->target.p, i, hash);
			parent = ground_ops(g, *slot);
			above |= parent;
		}
		hash = hash_next(hash, m->target.p[i]);
	}
	if (above & ~own)
		return "a mount step lies under something that is not the plan's own";
	if (!(above & OP(PROC)) != !(OPS_IN_PROC & 1u << m->op))
		return "a mount step is on the wrong side of /proc";
	if (!(above & OP(PROC)) && !(parent & OPS_PLACES))
		return "a mount step lies in a folder that no step made";
	slot = ground_find(g, plan, m->target.p, m->target.len, hash);
	why = verify_again(m->op, ground_ops(g, *slot));
	if (!*slot)
		*slot = (uint16_t)(n + 1);
	g->ops[*slot - 1] |= 1u << m->op;
	return why;
}

/* A target of the bundle is a path of its own with "module/" before it, which may make it longer
 * than a path may be. */
static bool is_target(struct ms_str target)
{
	static const char top[] = "module/";
	const size_t len = sizeof(top) - 1;

	if (target.len > len && memcmp(target.p, top, len) == 0)
		return ms_path_is_clean(target.p + len, target.len - len);
	return ms_path_is_clean(target.p, target.len);
}

/* The names that PROC_ONLY leaves. */
static bool is_path_list(struct ms_str list)
{
	uint32_t n = 0;

	for (size_t at = 0; at < list.len; n++) {
		const char *p = list.p + at, *end = memchr(p, '\n', list.len - at);

		if (!end || n == MS_MAX_PROC_ONLY || !ms_path_is_clean(p, (size_t)(end - p)))
			return false;
		at += (size_t)(end - p) + 1;
	}
	return n > 0;
}

static const char *verify_mount(const struct ms_plan *plan, const struct ms_plan_mount *m)
{
	if (!is_target(m->target))
		return "a mount target is not a clean relative path";
	if (m->op == MS_OP_ATTACH) {
		if (m->fd >= plan->n_fds || plan->fds[m->fd] != MS_FD_ATTACH)
			return "a tree to attach is not among the descriptors";
		if (m->source.len && !ms_path_is_clean(m->source.p, m->source.len))
			return "the source of an attached tree is not a clean relative path";
	}
	if (m->op == MS_OP_SYMLINK && !m->source.len)
		return "a link without a target";
	if (m->op == MS_OP_PROC_ONLY && !is_path_list(m->data))
		return "what stays of a folder of /proc is not a list of clean paths";
	return NULL;
}

static const char *verify_mounts(const struct ms_plan *plan)
{
	struct ground ground = {0};
	uint32_t n_notify = 0;

	for (uint32_t i = 0; i < plan->n_mounts; i++) {
		const char *why = verify_mount(plan, &plan->mounts[i]);

		if (!why)
			why = verify_ground(&ground, plan, i);
		if (why)
			return why;
		n_notify += plan->mounts[i].op == MS_OP_NOTIFY;
	}
	return n_notify > 1 ? "two sockets for what the module says of itself" : NULL;
}

static uint32_t count_role(const struct ms_plan *plan, enum ms_fd_role role)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->n_fds; i++)
		n += plan->fds[i] == role;
	return n;
}

static const char *verify_fds(const struct ms_plan *plan)
{
	uint32_t tty = count_role(plan, MS_FD_TTY), in = count_role(plan, MS_FD_STDIN);
	uint32_t log = count_role(plan, MS_FD_LOG);

	if (count_role(plan, MS_FD_CGROUP_KILL) > 1 || count_role(plan, MS_FD_ADOPT) > 1 ||
	    count_role(plan, MS_FD_FLAG) > 1 || tty > 1 || in > 1 ||
	    count_role(plan, MS_FD_STDOUT) > 1 || count_role(plan, MS_FD_STDERR) > 1)
		return "a descriptor role is there twice";
	if (log != 0 && log != 2)
		return "a log needs two files";
	if (count_role(plan, MS_FD_LISTEN) > MS_MAX_LISTEN)
		return "too many listening sockets";
	if (tty && (in || log))
		return "a terminal excludes other standard streams";
	return NULL;
}

const char *ms_plan_verify(const struct ms_plan *plan)
{
	const char *why;

	if (plan->flags & ~MS_PLAN_FLAGS_ALL)
		return "unknown flags";
	if (!plan->shim_uid || !plan->module_uid || plan->shim_uid == plan->module_uid)
		return "the shim and the module need two different ids that are not root";
	if (!plan->inside_uid)
		return "the module may not be root inside";
	if (!plan->n_argv || !plan->argv[0].len)
		return "nothing to run";
	if (!plan->cwd.len || plan->cwd.p[0] != '/')
		return "the working directory is not absolute";
	if (!plan->filter.len)
		return "no system call filter";
	if (plan->landlock_fs == 0 && (plan->flags & MS_PLAN_LANDLOCK))
		return "landlock is required but handles nothing";
	why = verify_mounts(plan);
	return why ? why : verify_fds(plan);
}
