/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-wire.c - little-endian, bounds at the last byte and one past it, sticky errors. Run by `make
 * check`. */
#include "lib/wire.h"

#include "tests/unit/test.h"

TEST(integers_are_little_endian)
{
	static const uint8_t want[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
				       0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
	uint8_t data[sizeof(want)];
	struct ms_wr wr = ms_wr_init(data, sizeof(data));
	struct ms_rd rd;

	ms_wr_u8(&wr, 0x01);
	ms_wr_u16(&wr, 0x0203);
	ms_wr_u32(&wr, 0x04050607);
	ms_wr_u64(&wr, 0x08090a0b0c0d0e0f);
	CHECK(!wr.full);
	CHECK_EQ(wr.len, sizeof(want));
	CHECK(memcmp(data, want, sizeof(want)) == 0);
	ms_wr_u8(&wr, 1);
	CHECK(wr.full);
	CHECK_EQ(wr.len, sizeof(want));
	rd = ms_rd_init(data, sizeof(data));
	CHECK_EQ(ms_rd_u8(&rd), 0x01);
	CHECK_EQ(ms_rd_u16(&rd), 0x0203);
	CHECK_EQ(ms_rd_u32(&rd), 0x04050607);
	CHECK_EQ(ms_rd_u64(&rd), 0x08090a0b0c0d0e0f);
	CHECK(ms_rd_done(&rd));
	CHECK_EQ(ms_rd_u8(&rd), 0);
	CHECK(rd.bad);
	CHECK(!ms_rd_done(&rd));
}

TEST(a_short_integer_is_bad_and_stays_so)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7};
	struct ms_rd rd = ms_rd_init(data, sizeof(data));

	CHECK_EQ(ms_rd_u64(&rd), 0);
	CHECK(rd.bad);
	CHECK_EQ(ms_rd_u8(&rd), 0);
	CHECK(!ms_rd_bytes(&rd, 0));
	CHECK_EQ(rd.off, 0);
}

TEST(left_over_is_not_done)
{
	struct ms_rd rd = ms_rd_init("ab", 2);

	CHECK_EQ(ms_rd_u8(&rd), 'a');
	CHECK(!ms_rd_done(&rd));
}

TEST(bytes_at_the_end_and_past_it)
{
	struct ms_rd rd = ms_rd_init("abc", 3);

	CHECK(ms_rd_bytes(&rd, 3) != NULL);
	CHECK(ms_rd_done(&rd));
	rd = ms_rd_init("abc", 3);
	CHECK(!ms_rd_bytes(&rd, 4));
	rd = ms_rd_init("abc", 3);
	CHECK_EQ(ms_rd_u8(&rd), 'a');
	CHECK(!ms_rd_bytes(&rd, SIZE_MAX));
	CHECK(rd.bad);
}

TEST(count_at_cap_and_above)
{
	uint8_t data[8];
	struct ms_wr wr = ms_wr_init(data, sizeof(data));
	struct ms_rd rd;

	ms_wr_u32(&wr, 10);
	ms_wr_u32(&wr, 11);
	rd = ms_rd_init(data, sizeof(data));
	CHECK_EQ(ms_rd_count(&rd, 10), 10);
	CHECK(!rd.bad);
	CHECK_EQ(ms_rd_count(&rd, 10), 0);
	CHECK(rd.bad);
}

static bool read_cstr(const void *data, size_t len, size_t max, struct ms_str *ret)
{
	struct ms_rd rd = ms_rd_init(data, len);

	*ret = ms_rd_cstr(&rd, max);
	return ms_rd_done(&rd);
}

TEST(cstr)
{
	uint8_t data[64];
	struct ms_wr wr = ms_wr_init(data, sizeof(data));
	struct ms_str s;

	ms_wr_cstr(&wr, "abc", 3);
	CHECK_EQ(wr.len, 8);
	CHECK(read_cstr(data, 8, 3, &s));
	CHECK_EQ(s.len, 3);
	CHECK_STR(s.p, "abc");
	CHECK(!read_cstr(data, 8, 2, &s)); /* above the cap */
	CHECK(s.len == 0 && s.p[0] == '\0');
	CHECK(!read_cstr(data, 7, 3, &s)); /* no room for the NUL */
	data[7] = 'x';
	CHECK(!read_cstr(data, 8, 3, &s));	     /* something else in its place */
	CHECK(!read_cstr("\3\0\0\0a\0c", 8, 3, &s)); /* a NUL inside */
	CHECK(read_cstr("\0\0\0\0", 5, 0, &s));
	CHECK_STR(s.p, "");
	CHECK(!read_cstr("\xff\xff\xff\xff", 5, SIZE_MAX, &s));
	CHECK(!read_cstr("\1\0\0", 3, 3, &s));
}

TEST(writing_past_the_cap_writes_nothing_more)
{
	uint8_t data[4] = {9, 9, 9, 9};
	struct ms_wr wr = ms_wr_init(data, 3);

	ms_wr_bytes(&wr, "ab", 2);
	ms_wr_bytes(&wr, "cd", 2);
	CHECK(wr.full);
	ms_wr_u8(&wr, 1); /* would fit, and must not be written */
	CHECK_EQ(wr.len, 2);
	CHECK_EQ(data[2], 9);
	wr = ms_wr_init(data, 0);
	ms_wr_bytes(&wr, NULL, 0);
	CHECK(!wr.full);
	ms_wr_bytes(&wr, data, SIZE_MAX);
	CHECK(wr.full);
}
