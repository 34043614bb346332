/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-encode.c - a plan as bytes, field by field in the order in which plan-decode.c reads them.
 * Called by modsupd.
 */
#include "policy/plan.h"

#include "lib/wire.h"

static void put_mounts(struct ms_wr *wr, const struct ms_plan *plan)
{
	ms_wr_u32(wr, plan->n_mounts);
	for (uint32_t i = 0; i < plan->n_mounts; i++) {
		const struct ms_plan_mount *m = &plan->mounts[i];

		ms_wr_u8(wr, (uint8_t)m->op);
		ms_wr_u8(wr, m->fd);
		ms_wr_u32(wr, m->attrs);
		ms_wr_u32(wr, m->mode);
		ms_wr_u32(wr, m->uid);
		ms_wr_u32(wr, m->gid);
		ms_wr_u64(wr, m->size);
		ms_wr_u64(wr, m->inodes);
		ms_wr_cstr(wr, m->target.p, m->target.len);
		ms_wr_cstr(wr, m->source.p, m->source.len);
		ms_wr_cstr(wr, m->data.p, m->data.len);
	}
}

static void put_landlock(struct ms_wr *wr, const struct ms_plan *plan)
{
	ms_wr_u64(wr, plan->landlock_fs);
	ms_wr_u64(wr, plan->landlock_net);
	ms_wr_u64(wr, plan->landlock_scoped);
	ms_wr_u32(wr, plan->n_landlock);
	for (uint32_t i = 0; i < plan->n_landlock; i++) {
		ms_wr_cstr(wr, plan->landlock[i].path.p, plan->landlock[i].path.len);
		ms_wr_u64(wr, plan->landlock[i].access);
		ms_wr_u8(wr, plan->landlock[i].optional);
	}
}

/* Bytes that may hold NUL: a length and the bytes, padded so that BPF instructions stay aligned. */
static void put_filter(struct ms_wr *wr, struct ms_str filter)
{
	static const uint8_t zeros[8];

	ms_wr_u32(wr, (uint32_t)filter.len);
	ms_wr_bytes(wr, zeros, (8 - wr->len % 8) % 8);
	ms_wr_bytes(wr, filter.p, filter.len);
}

static void put_seccomp(struct ms_wr *wr, const struct ms_plan *plan)
{
	put_filter(wr, plan->filter);
	put_filter(wr, plan->shim_filter);
	ms_wr_u32(wr, plan->newest_nr);
	ms_wr_u32(wr, plan->n_kill_nrs);
	for (uint32_t i = 0; i < plan->n_kill_nrs; i++)
		ms_wr_u32(wr, plan->kill_nrs[i]);
	ms_wr_u32(wr, plan->tarpit_after);
	ms_wr_u32(wr, plan->tarpit_usec);
	ms_wr_u32(wr, plan->kill_after);
}

static void put_program(struct ms_wr *wr, const struct ms_plan *plan)
{
	ms_wr_u32(wr, plan->n_argv);
	for (uint32_t i = 0; i < plan->n_argv; i++)
		ms_wr_cstr(wr, plan->argv[i].p, plan->argv[i].len);
	ms_wr_u32(wr, plan->n_env);
	for (uint32_t i = 0; i < plan->n_env; i++)
		ms_wr_cstr(wr, plan->env[i].p, plan->env[i].len);
	ms_wr_cstr(wr, plan->cwd.p, plan->cwd.len);
	ms_wr_u32(wr, plan->umask);
	ms_wr_u64(wr, plan->log_bytes);
	ms_wr_u64(wr, plan->watchdog_usec);
}

int ms_plan_encode(const struct ms_plan *plan, void **ret, size_t *ret_len)
{
	ms_auto_free uint8_t *buf = malloc(MS_MAX_PLAN_BYTES);
	struct ms_wr wr;

	if (!buf)
		return -ENOMEM;
	wr = ms_wr_init(buf, MS_MAX_PLAN_BYTES);
	ms_wr_bytes(&wr, "msplan", 6);
	ms_wr_u16(&wr, MS_PLAN_VERSION);
	ms_wr_bytes(&wr, plan->launch_id, sizeof(plan->launch_id));
	ms_wr_bytes(&wr, plan->policy_hash, sizeof(plan->policy_hash));
	ms_wr_u32(&wr, plan->flags);
	ms_wr_u32(&wr, plan->shim_uid);
	ms_wr_u32(&wr, plan->module_uid);
	ms_wr_u32(&wr, plan->inside_uid);
	ms_wr_cstr(&wr, plan->hostname.p, plan->hostname.len);
	put_mounts(&wr, plan);
	ms_wr_u32(&wr, plan->n_fds);
	for (uint32_t i = 0; i < plan->n_fds; i++)
		ms_wr_u8(&wr, (uint8_t)plan->fds[i]);
	ms_wr_u32(&wr, plan->n_rlimits);
	for (uint32_t i = 0; i < plan->n_rlimits; i++) {
		ms_wr_u32(&wr, plan->rlimits[i].resource);
		ms_wr_u64(&wr, plan->rlimits[i].soft);
		ms_wr_u64(&wr, plan->rlimits[i].hard);
	}
	put_landlock(&wr, plan);
	put_seccomp(&wr, plan);
	put_program(&wr, plan);
	if (wr.full)
		return -E2BIG;
	*ret_len = wr.len;
	*ret = MS_TAKE_PTR(buf);
	return 0;
}
