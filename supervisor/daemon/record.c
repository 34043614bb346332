/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.c - the record as bytes: fixed-width, versioned, strict. It is modsupd's own and still
 * only believed where the kernel says the same (box-adopt.c).
 */
#include "supervisor/daemon/record.h"

#include <string.h>

#include "lib/name.h"
#include "lib/wire.h"

#define RECORD_VERSION 2u
#define RECORD_OLDEST  1u /* what the version before wrote */

int ms_record_encode(const struct ms_record *record, void **ret, size_t *ret_len)
{
	ms_auto_free uint8_t *buf = malloc(MS_MAX_RECORD_BYTES),
			     *manifest = malloc(MS_MAX_POLICY_BYTES);
	struct ms_wr wr;
	size_t len;
	int r;

	if (!buf || !manifest)
		return -ENOMEM;
	r = ms_manifest_encode(record->manifest, manifest, MS_MAX_POLICY_BYTES, &len);
	if (r < 0)
		return r;
	wr = ms_wr_init(buf, MS_MAX_RECORD_BYTES);
	ms_wr_bytes(&wr, "msrec", 5);
	ms_wr_u8(&wr, RECORD_VERSION);
	ms_wr_cstr(&wr, record->instance.p, record->instance.len);
	ms_wr_cstr(&wr, record->tenant.p, record->tenant.len);
	ms_wr_cstr(&wr, record->path.p, record->path.len);
	ms_wr_cstr(&wr, record->socket_key.p, record->socket_key.len);
	ms_wr_cstr(&wr, record->labels.p, record->labels.len);
	ms_wr_u8(&wr, (uint8_t)record->tier);
	ms_wr_u32(&wr, record->installation);
	ms_wr_u64(&wr, record->since_usec);
	ms_wr_u32(&wr, record->shim_pid);
	ms_wr_u32(&wr, record->shim_uid);
	ms_wr_u32(&wr, record->module_uid);
	ms_wr_u64(&wr, record->shim_start);
	ms_wr_bytes(&wr, record->launch_id, sizeof(record->launch_id));
	ms_wr_bytes(&wr, record->policy_hash, sizeof(record->policy_hash));
	ms_wr_bytes(&wr, record->plan_hash, sizeof(record->plan_hash));
	ms_wr_u32(&wr, record->generation);
	for (size_t i = 0; i < MS_LIMIT_COUNT; i++)
		ms_wr_u64(&wr, record->limits[i]);
	ms_wr_u32(&wr, (uint32_t)len);
	ms_wr_bytes(&wr, manifest, len);
	if (wr.full)
		return -E2BIG;
	*ret_len = wr.len;
	*ret = MS_TAKE_PTR(buf);
	return 0;
}

static struct ms_str get_str(struct ms_rd *rd, struct ms_arena *arena, size_t max)
{
	struct ms_str s = ms_rd_cstr(rd, max);

	return ms_arena_str(arena, s.p, s.len);
}

static void get_bytes(struct ms_rd *rd, uint8_t *ret, size_t len)
{
	const uint8_t *p = ms_rd_bytes(rd, len);

	if (p)
		memcpy(ret, p, len);
}

static void get_numbers(struct ms_rd *rd, struct ms_record *ret)
{
	uint8_t tier = ms_rd_u8(rd);

	if (tier >= MS_TIER_COUNT)
		rd->bad = true;
	else
		ret->tier = (enum ms_tier)tier;
	ret->installation = ms_rd_u32(rd);
	ret->since_usec = ms_rd_u64(rd);
	ret->shim_pid = ms_rd_u32(rd);
	ret->shim_uid = ms_rd_u32(rd);
	ret->module_uid = ms_rd_u32(rd);
	ret->shim_start = ms_rd_u64(rd);
	get_bytes(rd, ret->launch_id, sizeof(ret->launch_id));
	get_bytes(rd, ret->policy_hash, sizeof(ret->policy_hash));
}

/* It becomes part of a path: "", an installation's number, or a letter and an instance. */
static bool is_socket_key(struct ms_str key)
{
	return strspn(key.p, "0123456789abcdefr") == key.len;
}

int ms_record_decode(const void *data, size_t len, struct ms_record *ret)
{
	struct ms_rd rd = ms_rd_init(data, len);
	const uint8_t *magic = ms_rd_bytes(&rd, 5), *manifest;
	size_t manifest_len;
	uint8_t version;

	*ret = (struct ms_record){.arena = MS_ARENA_INIT(MS_MAX_RECORD_BYTES)};
	version = magic && memcmp(magic, "msrec", 5) == 0 ? ms_rd_u8(&rd) : 0;
	if (version < RECORD_OLDEST || version > RECORD_VERSION)
		return -EBADMSG;
	ret->instance = get_str(&rd, &ret->arena, 16);
	ret->tenant = get_str(&rd, &ret->arena, MS_MAX_TENANT_BYTES);
	ret->path = get_str(&rd, &ret->arena, 4096);
	ret->socket_key = get_str(&rd, &ret->arena, 20);
	ret->labels = get_str(&rd, &ret->arena, 32768);
	get_numbers(&rd, ret);
	ret->generation = 1;
	if (version >= 2) {
		get_bytes(&rd, ret->plan_hash, sizeof(ret->plan_hash));
		ret->generation = ms_rd_u32(&rd);
		for (size_t i = 0; i < MS_LIMIT_COUNT; i++)
			ret->limits[i] = ms_rd_u64(&rd);
		ret->has_limits = true;
	}
	manifest_len = ms_rd_count(&rd, MS_MAX_POLICY_BYTES);
	manifest = ms_rd_bytes(&rd, manifest_len);
	if (ret->arena.error)
		return -ENOMEM;
	if (!ms_rd_done(&rd) || !ms_name_is_instance(ret->instance.p, ret->instance.len) ||
	    !ms_name_is_tenant(ret->tenant.p, ret->tenant.len) || !is_socket_key(ret->socket_key))
		return -EBADMSG;
	return ms_manifest_decode(manifest, manifest_len, &ret->manifest);
}

void ms_record_done(struct ms_record *record)
{
	if (!record)
		return;
	record->manifest = ms_manifest_free(record->manifest);
	ms_arena_done(&record->arena);
}
