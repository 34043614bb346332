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
		m->target = ms_rd_cstr(rd, MS_MAX_PATH_BYTES);
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
		plan->landlock[i].path = ms_rd_cstr(rd, MS_MAX_PATH_BYTES);
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
		plan->argv[i] = ms_rd_cstr(rd, MS_MAX_ARG_BYTES);
	plan->n_env = ms_rd_count(rd, MS_MAX_ENV * 2);
	for (uint32_t i = 0; i < plan->n_env; i++)
		plan->env[i] = ms_rd_cstr(rd, MS_MAX_ARG_BYTES);
	plan->cwd = ms_rd_cstr(rd, MS_MAX_PATH_BYTES);
	plan->umask = ms_rd_u32(rd);
	plan->log_bytes = ms_rd_u64(rd);
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

static bool is_under(struct ms_str path, struct ms_str top)
{
	return path.len > top.len && memcmp(path.p, top.p, top.len) == 0 && path.p[top.len] == '/';
}

static bool is_same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* The steps that make a place in which later steps may make others. */
static bool makes_ground(enum ms_mount_op op)
{
	return op == MS_OP_TMPFS || op == MS_OP_DIR;
}

static bool is_proc_step(enum ms_mount_op op)
{
	return op == MS_OP_MASK || op == MS_OP_REPLACE || op == MS_OP_PROC_RO;
}

/*
 * What lies under @m's target must have been made by this plan on its own tmpfs: no earlier step
 * may have put a foreign tree, a link or a file at an ancestor. Steps on /proc need the PROC step
 * as an ancestor instead.
 */
static const char *verify_ground(const struct ms_plan *plan, uint32_t n)
{
	const struct ms_plan_mount *m = &plan->mounts[n];
	bool in_proc = false;

	for (uint32_t i = 0; i < n; i++) {
		const struct ms_plan_mount *e = &plan->mounts[i];

		if (is_under(m->target, e->target)) {
			if (e->op == MS_OP_PROC)
				in_proc = true;
			else if (e->op != MS_OP_SEAL && !makes_ground(e->op) &&
				 !is_proc_step(e->op))
				return "a mount step lies under something that is not the plan's "
				       "own";
		}
	}
	if (in_proc != is_proc_step(m->op))
		return "a mount step is on the wrong side of /proc";
	return NULL;
}

static const char *verify_mount(const struct ms_plan *plan, uint32_t n)
{
	const struct ms_plan_mount *m = &plan->mounts[n];

	if (!ms_path_is_clean(m->target.p, m->target.len))
		return "a mount target is not a clean relative path";
	if (m->op == MS_OP_ATTACH) {
		if (m->fd >= plan->n_fds || plan->fds[m->fd] != MS_FD_ATTACH)
			return "a tree to attach is not among the descriptors";
		if (m->source.len && !ms_path_is_clean(m->source.p, m->source.len))
			return "the source of an attached tree is not a clean relative path";
	}
	if (m->op == MS_OP_SYMLINK && !m->source.len)
		return "a link without a target";
	if (m->op == MS_OP_SEAL) {
		bool found = false;

		for (uint32_t i = 0; i < n; i++)
			found |= plan->mounts[i].op == MS_OP_TMPFS &&
				 is_same(plan->mounts[i].target, m->target);
		if (!found)
			return "sealing something that the plan did not mount";
	}
	return verify_ground(plan, n);
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

	if (count_role(plan, MS_FD_CGROUP_KILL) > 1 || tty > 1 || in > 1 ||
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
	for (uint32_t i = 0; i < plan->n_mounts; i++) {
		why = verify_mount(plan, i);
		if (why)
			return why;
	}
	return verify_fds(plan);
}
