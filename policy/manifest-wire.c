/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-wire.c - a manifest as fixed binary, in which modsup-inspect hands it to modsupd. Decode
 * runs in the privileged process: one pass, no recursion, every count bounded before it is used,
 * and ms_manifest_verify() last.
 */
#include <string.h>

#include "lib/wire.h"
#include "policy/manifest.h"

/* Records of running instances are in this form too: what the version before wrote is read. */
#define VERSION	       2u
#define VERSION_BEFORE 1u /* without what wr_life() adds */

/* Flags, one byte. */
#define HAS_ENTRY 1u
#define HAS_CODE  2u
#define HAS_READ  4u
#define HAS_ALL	  7u

static void wr_str(struct ms_wr *wr, struct ms_str s)
{
	ms_wr_cstr(wr, s.p, s.len);
}

static void wr_list(struct ms_wr *wr, const struct ms_str *list, uint32_t n)
{
	ms_wr_u32(wr, n);
	for (uint32_t i = 0; i < n; i++)
		wr_str(wr, list[i]);
}

static void wr_allow(struct ms_wr *wr, const struct ms_allow *a)
{
	wr_str(wr, a->domain);
	wr_str(wr, a->cidr);
	wr_str(wr, a->reason);
	ms_wr_u32(wr, a->protocols);
	ms_wr_u32(wr, a->n_ports);
	for (uint32_t i = 0; i < a->n_ports; i++)
		ms_wr_u16(wr, a->ports[i]);
}

static void wr_life(struct ms_wr *wr, const struct ms_manifest *m)
{
	wr_str(wr, m->ready_http);
	ms_wr_u8(wr, (uint8_t)m->restart);
	ms_wr_u64(wr, m->watchdog_usec);
	wr_str(wr, m->health_http);
	ms_wr_u64(wr, m->health_interval_usec);
	ms_wr_u32(wr, m->health_failures);
	ms_wr_u8(wr, m->health_restart);
}

static void wr_entry(struct ms_wr *wr, const struct ms_manifest *m)
{
	ms_wr_u8(wr, (uint8_t)m->mode);
	ms_wr_u8(wr, (uint8_t)m->readiness);
	ms_wr_u8(wr, (uint8_t)m->start);
	ms_wr_u64(wr, m->start_timeout_usec);
	ms_wr_u64(wr, m->stop_timeout_usec);
	wr_list(wr, m->argv, m->n_argv);
	ms_wr_u32(wr, m->n_env);
	for (uint32_t i = 0; i < m->n_env; i++) {
		wr_str(wr, m->env[i].name);
		wr_str(wr, m->env[i].value);
	}
	wr_list(wr, m->listen, m->n_listen);
	wr_life(wr, m);
}

static uint8_t flags_of(const struct ms_manifest *m)
{
	return (uint8_t)((m->has_entry ? HAS_ENTRY : 0) | (m->has_code ? HAS_CODE : 0) |
			 (m->has_read ? HAS_READ : 0));
}

/**
 * ms_manifest_encode() - all of it into @buf
 * @cap: MS_MAX_POLICY_BYTES is enough for whatever was parsed
 * Return: 0, or -E2BIG.
 */
int ms_manifest_encode(const struct ms_manifest *manifest, void *buf, size_t cap, size_t *ret_len)
{
	const struct ms_manifest *m = manifest;
	struct ms_wr wr = ms_wr_init(buf, cap);

	ms_wr_u8(&wr, VERSION);
	ms_wr_u8(&wr, flags_of(m));
	wr_list(&wr,
		(const struct ms_str[]){m->id, m->name, m->version, m->description, m->author,
					m->license, m->engine_platform, m->base},
		8);
	wr_entry(&wr, m);
	wr_list(&wr, m->code, m->n_code);
	wr_list(&wr, m->read, m->n_read);
	wr_list(&wr, m->write, m->n_write);
	ms_wr_u32(&wr, m->n_allow);
	for (uint32_t i = 0; i < m->n_allow; i++)
		wr_allow(&wr, &m->allow[i]);
	wr_list(&wr, m->services, m->n_services);
	ms_wr_u32(&wr, m->n_core);
	for (size_t i = 0; i < MS_LIMIT_COUNT; i++) {
		ms_wr_u8(&wr, m->limits[i].set);
		ms_wr_u64(&wr, m->limits[i].value);
	}
	if (wr.full)
		return -E2BIG;
	*ret_len = wr.len;
	return 0;
}

static struct ms_str rd_str(struct ms_rd *rd, struct ms_arena *arena, size_t max)
{
	struct ms_str s = ms_rd_cstr(rd, max);

	return ms_arena_str(arena, s.p, s.len);
}

static uint32_t rd_list(struct ms_rd *rd, struct ms_arena *arena, struct ms_str *list, uint32_t max,
			size_t max_len)
{
	uint32_t n = ms_rd_count(rd, max);

	for (uint32_t i = 0; i < n; i++)
		list[i] = rd_str(rd, arena, max_len);
	return n;
}

/* One byte that is an enum or a flag below @end. */
static uint8_t rd_below(struct ms_rd *rd, uint8_t end)
{
	uint8_t v = ms_rd_u8(rd);

	if (v >= end) {
		rd->bad = true;
		return 0;
	}
	return v;
}

static void rd_about(struct ms_rd *rd, struct ms_manifest *m)
{
	struct ms_str about[8] = {0};

	if (rd_list(rd, &m->arena, about, 8, MS_MAX_TEXT_BYTES) != 8) {
		rd->bad = true;
		return;
	}
	m->id = about[0];
	m->name = about[1];
	m->version = about[2];
	m->description = about[3];
	m->author = about[4];
	m->license = about[5];
	m->engine_platform = about[6];
	m->base = about[7];
}

static void rd_life(struct ms_rd *rd, struct ms_manifest *m)
{
	m->ready_http = rd_str(rd, &m->arena, MS_MAX_PATH_BYTES);
	m->restart = (enum ms_restart)rd_below(rd, MS_RESTART_COUNT);
	m->watchdog_usec = ms_rd_u64(rd);
	m->health_http = rd_str(rd, &m->arena, MS_MAX_PATH_BYTES);
	m->health_interval_usec = ms_rd_u64(rd);
	m->health_failures = ms_rd_u32(rd);
	m->health_restart = rd_below(rd, 2);
}

static void rd_entry(struct ms_rd *rd, struct ms_manifest *m, uint8_t version)
{
	m->mode = (enum ms_mode)rd_below(rd, MS_MODE_COUNT);
	m->readiness = (enum ms_readiness)rd_below(rd, MS_READY_COUNT);
	m->start = (enum ms_start)rd_below(rd, MS_START_COUNT);
	m->start_timeout_usec = ms_rd_u64(rd);
	m->stop_timeout_usec = ms_rd_u64(rd);
	m->n_argv = rd_list(rd, &m->arena, m->argv, MS_MAX_ARGV, MS_MAX_ARG_BYTES);
	m->n_env = ms_rd_count(rd, MS_MAX_ENV);
	for (uint32_t i = 0; i < m->n_env; i++) {
		m->env[i].name = rd_str(rd, &m->arena, MS_MAX_ENV_NAME_BYTES);
		m->env[i].value = rd_str(rd, &m->arena, MS_MAX_ARG_BYTES);
	}
	m->n_listen = rd_list(rd, &m->arena, m->listen, MS_MAX_LISTEN, MS_MAX_TEXT_BYTES);
	if (version != VERSION_BEFORE)
		rd_life(rd, m);
	else if (m->has_entry && m->mode == MS_MODE_ONESHOT)
		m->restart = MS_RESTART_NEVER;
}

static void rd_allow(struct ms_rd *rd, struct ms_arena *arena, struct ms_allow *a)
{
	a->domain = rd_str(rd, arena, MS_MAX_TEXT_BYTES);
	a->cidr = rd_str(rd, arena, MS_MAX_TEXT_BYTES);
	a->reason = rd_str(rd, arena, MS_MAX_TEXT_BYTES);
	a->protocols = ms_rd_u32(rd);
	a->n_ports = ms_rd_count(rd, MS_ARRAY_LEN(a->ports));
	for (uint32_t i = 0; i < a->n_ports; i++)
		a->ports[i] = ms_rd_u16(rd);
}

static void rd_permissions(struct ms_rd *rd, struct ms_manifest *m)
{
	m->n_code = rd_list(rd, &m->arena, m->code, MS_MAX_FS_PATHS, MS_MAX_PATH_BYTES);
	m->n_read = rd_list(rd, &m->arena, m->read, MS_MAX_FS_PATHS, MS_MAX_PATH_BYTES);
	m->n_write = rd_list(rd, &m->arena, m->write, MS_MAX_FS_PATHS, MS_MAX_PATH_BYTES);
	m->n_allow = ms_rd_count(rd, MS_MAX_ALLOWLIST);
	for (uint32_t i = 0; i < m->n_allow; i++)
		rd_allow(rd, &m->arena, &m->allow[i]);
	m->n_services = rd_list(rd, &m->arena, m->services, MS_MAX_FS_PATHS, MS_MAX_TEXT_BYTES);
	m->n_core = ms_rd_count(rd, MS_MAX_CORE);
}

/**
 * ms_manifest_decode() - the bytes of ms_manifest_encode(), of this version or the one before, and
 * nothing else
 * Return: 0 and a manifest owned by the caller; -EBADMSG; -ENOMEM.
 */
int ms_manifest_decode(const void *data, size_t len, struct ms_manifest **ret)
{
	ms_auto(manifest) struct ms_manifest *m = NULL;
	struct ms_rd rd = ms_rd_init(data, len);
	uint8_t version, flags;

	if (len > MS_MAX_POLICY_BYTES)
		return -EBADMSG;
	m = ms_manifest_new();
	if (!m)
		return -ENOMEM;
	version = ms_rd_u8(&rd);
	if (version != VERSION && version != VERSION_BEFORE)
		return -EBADMSG;
	flags = rd_below(&rd, HAS_ALL + 1);
	m->has_entry = flags & HAS_ENTRY;
	m->has_code = flags & HAS_CODE;
	m->has_read = flags & HAS_READ;
	rd_about(&rd, m);
	rd_entry(&rd, m, version);
	rd_permissions(&rd, m);
	for (size_t i = 0; i < MS_LIMIT_COUNT; i++) {
		m->limits[i].set = rd_below(&rd, 2);
		m->limits[i].value = ms_rd_u64(&rd);
	}
	if (m->arena.error == -ENOMEM)
		return -ENOMEM;
	if (m->arena.error || !ms_rd_done(&rd) || !ms_manifest_verify(m))
		return -EBADMSG;
	*ret = MS_TAKE_PTR(m);
	return 0;
}
