/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit-record.c - the record as bytes: fixed-width, versioned, strict.
 */
#include "supervisor/daemon/unit-record.h"

#include <string.h>

#include "lib/name.h"
#include "lib/wire.h"

#define UNIT_RECORD_VERSION 1u
#define MAX_PATH	    4096u
#define MAX_LABELS_TEXT	    32768u

static void put_str(struct ms_wr *wr, struct ms_str s)
{
	ms_wr_cstr(wr, s.p ? s.p : "", s.len);
}

/* The latest, oldest first: where the ring begins is of no interest. */
static void put_history(struct ms_wr *wr, const struct ms_restart_history *history)
{
	uint32_t n = MS_MIN(history->n, MS_RESTART_HISTORY);

	ms_wr_u32(wr, n);
	for (uint32_t i = history->n - n; i != history->n; i++)
		ms_wr_u64(wr, history->starts_usec[i % MS_RESTART_HISTORY]);
}

static void get_history(struct ms_rd *rd, struct ms_restart_history *ret)
{
	uint32_t n = ms_rd_count(rd, MS_RESTART_HISTORY);

	for (uint32_t i = 0; i < n; i++)
		ms_restart_note(ret, ms_rd_u64(rd));
}

int ms_unit_record_encode(const struct ms_unit_record *record, void **ret, size_t *ret_len)
{
	ms_auto_free uint8_t *buf = malloc(MS_MAX_UNIT_RECORD_BYTES);
	struct ms_wr wr;

	if (!buf)
		return -ENOMEM;
	wr = ms_wr_init(buf, MS_MAX_UNIT_RECORD_BYTES);
	ms_wr_bytes(&wr, "msunit", 6);
	ms_wr_u8(&wr, UNIT_RECORD_VERSION);
	ms_wr_u32(&wr, record->number);
	ms_wr_u32(&wr, record->generation);
	ms_wr_u32(&wr, record->failures);
	put_history(&wr, &record->history);
	ms_wr_u64(&wr, record->since_usec);
	ms_wr_u8(&wr, (uint8_t)record->tier);
	ms_wr_u8(&wr, record->wished);
	ms_wr_u8(&wr, record->ready);
	ms_wr_u8(&wr, record->again);
	put_str(&wr, record->module);
	put_str(&wr, record->tenant);
	put_str(&wr, record->path);
	put_str(&wr, record->bundle);
	put_str(&wr, record->labels);
	put_str(&wr, record->manifest);
	ms_wr_u32(&wr, record->n_command);
	for (uint32_t i = 0; i < record->n_command; i++)
		put_str(&wr, record->command[i]);
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

static bool get_flag(struct ms_rd *rd)
{
	uint8_t v = ms_rd_u8(rd);

	if (v > 1)
		rd->bad = true;
	return v == 1;
}

int ms_unit_record_decode(const void *data, size_t len, struct ms_unit_record *ret)
{
	struct ms_rd rd = ms_rd_init(data, len);
	const uint8_t *magic = ms_rd_bytes(&rd, 6);
	uint8_t tier;

	*ret = (struct ms_unit_record){.arena = MS_ARENA_INIT(MS_MAX_UNIT_RECORD_BYTES)};
	if (!magic || memcmp(magic, "msunit", 6) != 0 || ms_rd_u8(&rd) != UNIT_RECORD_VERSION)
		return -EBADMSG;
	ret->number = ms_rd_u32(&rd);
	ret->generation = ms_rd_u32(&rd);
	ret->failures = ms_rd_u32(&rd);
	get_history(&rd, &ret->history);
	ret->since_usec = ms_rd_u64(&rd);
	tier = ms_rd_u8(&rd);
	ret->wished = get_flag(&rd);
	ret->ready = get_flag(&rd);
	ret->again = get_flag(&rd);
	ret->module = get_str(&rd, &ret->arena, MS_MAX_ID_BYTES);
	ret->tenant = get_str(&rd, &ret->arena, MS_MAX_TENANT_BYTES);
	ret->path = get_str(&rd, &ret->arena, MAX_PATH);
	ret->bundle = get_str(&rd, &ret->arena, MAX_PATH);
	ret->labels = get_str(&rd, &ret->arena, MAX_LABELS_TEXT);
	ret->manifest = get_str(&rd, &ret->arena, MS_MAX_MANIFEST_BYTES);
	ret->n_command = ms_rd_count(&rd, MS_MAX_ARGV);
	for (uint32_t i = 0; i < ret->n_command; i++)
		ret->command[i] = get_str(&rd, &ret->arena, MS_MAX_ARG_BYTES);
	if (ret->arena.error)
		return -ENOMEM;
	if (!ms_rd_done(&rd) || tier >= MS_TIER_COUNT || !ret->number || !ret->generation ||
	    !ms_name_is_module(ret->module.p, ret->module.len) ||
	    !ms_name_is_tenant(ret->tenant.p, ret->tenant.len) ||
	    !ret->path.len == !ret->manifest.len)
		return -EBADMSG;
	ret->tier = (enum ms_tier)tier;
	return 0;
}

void ms_unit_record_done(struct ms_unit_record *record)
{
	if (record)
		ms_arena_done(&record->arena);
}
