/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire.h - fixed-width little-endian integers and counted bytes, read and written with sticky
 * errors. Every decoder of modsup's own binary forms (plan, shim protocol, encoded manifest) is
 * built from these: never a struct cast. No allocation; safe for the shim.
 */
#ifndef MS_LIB_WIRE_H
#define MS_LIB_WIRE_H

#include <string.h>

#include "lib/base.h"

struct ms_rd {
	const uint8_t *data; /* borrowed */
	size_t len, off;
	bool bad; /* something was short or out of range; all later reads give zero */
};

static inline struct ms_rd ms_rd_init(const void *data, size_t len)
{
	return (struct ms_rd){.data = data, .len = len};
}

static inline const uint8_t *ms_rd_bytes(struct ms_rd *rd, size_t len)
{
	const uint8_t *p;

	if (rd->bad || len > rd->len - rd->off) {
		rd->bad = true;
		return NULL;
	}
	p = rd->data + rd->off;
	rd->off += len;
	return p;
}

static inline uint64_t ms_rd_uint(struct ms_rd *rd, size_t width)
{
	const uint8_t *p = ms_rd_bytes(rd, width);
	uint64_t v = 0;

	for (size_t i = 0; p && i < width; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint8_t ms_rd_u8(struct ms_rd *rd)
{
	return (uint8_t)ms_rd_uint(rd, 1);
}
static inline uint16_t ms_rd_u16(struct ms_rd *rd)
{
	return (uint16_t)ms_rd_uint(rd, 2);
}
static inline uint32_t ms_rd_u32(struct ms_rd *rd)
{
	return (uint32_t)ms_rd_uint(rd, 4);
}
static inline uint64_t ms_rd_u64(struct ms_rd *rd)
{
	return ms_rd_uint(rd, 8);
}

/* ms_rd_count - a u32 that must be at most @max. */
static inline uint32_t ms_rd_count(struct ms_rd *rd, uint32_t max)
{
	uint32_t n = ms_rd_u32(rd);

	if (n > max) {
		rd->bad = true;
		return 0;
	}
	return n;
}

/*
 * ms_rd_cstr - a counted string of at most @max bytes that is followed by a NUL in the data and
 * holds none, so that it may be used as a C string for as long as the data lives. {"",0} when bad.
 */
static inline struct ms_str ms_rd_cstr(struct ms_rd *rd, size_t max)
{
	size_t len = ms_rd_count(rd, max > UINT32_MAX ? UINT32_MAX : (uint32_t)max);
	const uint8_t *p = ms_rd_bytes(rd, len + 1);

	if (!p || p[len] != 0 || (len && memchr(p, 0, len))) {
		rd->bad = true;
		return (struct ms_str){.p = "", .len = 0};
	}
	return (struct ms_str){.p = (const char *)p, .len = len};
}

/* ms_rd_done - nothing was bad and nothing is left over. */
static inline bool ms_rd_done(const struct ms_rd *rd)
{
	return !rd->bad && rd->off == rd->len;
}

struct ms_wr {
	uint8_t *data; /* borrowed */
	size_t cap, len;
	bool full; /* did not fit; nothing more is written */
};

static inline struct ms_wr ms_wr_init(void *data, size_t cap)
{
	return (struct ms_wr){.data = data, .cap = cap};
}

static inline void ms_wr_bytes(struct ms_wr *wr, const void *p, size_t len)
{
	if (wr->full || len > wr->cap - wr->len) {
		wr->full = true;
		return;
	}
	if (len)
		memcpy(wr->data + wr->len, p, len);
	wr->len += len;
}

static inline void ms_wr_uint(struct ms_wr *wr, uint64_t v, size_t width)
{
	uint8_t b[8];

	for (size_t i = 0; i < width; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	ms_wr_bytes(wr, b, width);
}

static inline void ms_wr_u8(struct ms_wr *wr, uint8_t v)
{
	ms_wr_uint(wr, v, 1);
}
static inline void ms_wr_u16(struct ms_wr *wr, uint16_t v)
{
	ms_wr_uint(wr, v, 2);
}
static inline void ms_wr_u32(struct ms_wr *wr, uint32_t v)
{
	ms_wr_uint(wr, v, 4);
}
static inline void ms_wr_u64(struct ms_wr *wr, uint64_t v)
{
	ms_wr_uint(wr, v, 8);
}

/* ms_wr_cstr - counted bytes and a NUL, as ms_rd_cstr() reads them. */
static inline void ms_wr_cstr(struct ms_wr *wr, const char *p, size_t len)
{
	ms_wr_u32(wr, (uint32_t)len);
	ms_wr_bytes(wr, p, len);
	ms_wr_u8(wr, 0);
}

#endif
