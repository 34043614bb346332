/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-utf8.c - the edges of RFC 3629, and every code point and every pair of first bytes against a
 * second opinion written from the RFC's table. Run by `make check`.
 */
#include "lib/utf8.h"

#include "tests/unit/test.h"

static const struct {
	const char *bytes;
	size_t len, taken;
	uint32_t cp;
} cases[] = {
	{"", 0, 0, 0},
	{"\0", 1, 1, 0},
	{"a", 1, 1, 'a'},
	{"\x7f", 1, 1, 0x7f},
	{"\x80", 1, 0, 0},
	{"\xbf", 1, 0, 0},
	{"\xc0\x80", 2, 0, 0},
	{"\xc1\xbf", 2, 0, 0},
	{"\xc2\x80", 2, 2, 0x80},
	{"\xdf\xbf", 2, 2, 0x7ff},
	{"\xc2", 1, 0, 0},
	{"\xc2\x41", 2, 0, 0},
	{"\xc2\xc2", 2, 0, 0},
	{"\xe0\x9f\xbf", 3, 0, 0},
	{"\xe0\xa0\x80", 3, 3, 0x800},
	{"\xed\x9f\xbf", 3, 3, 0xd7ff},
	{"\xed\xa0\x80", 3, 0, 0},
	{"\xed\xbf\xbf", 3, 0, 0},
	{"\xee\x80\x80", 3, 3, 0xe000},
	{"\xef\xbf\xbf", 3, 3, 0xffff},
	{"\xe2\x82", 2, 0, 0},
	{"\xf0\x8f\xbf\xbf", 4, 0, 0},
	{"\xf0\x90\x80\x80", 4, 4, 0x10000},
	{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
	{"\xf4\x90\x80\x80", 4, 0, 0},
	{"\xf5\x80\x80\x80", 4, 0, 0},
	{"\xf0\x9f\x98", 3, 0, 0},
	{"\xff", 1, 0, 0},
	{"\xc3\xa9zzz", 5, 2, 0xe9},
};

TEST(edges)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		uint32_t cp = 77;

		CHECK_EQ(ms_utf8_decode(cases[i].bytes, cases[i].len, &cp), cases[i].taken);
		CHECK_EQ(cp, cases[i].taken ? cases[i].cp : 77);
	}
}

/* The table of RFC 3629 section 4: what may follow a first byte. */
static bool second_may_follow(unsigned first, unsigned second)
{
	if (first == 0xe0)
		return second >= 0xa0 && second <= 0xbf;
	if (first == 0xed)
		return second >= 0x80 && second <= 0x9f;
	if (first == 0xf0)
		return second >= 0x90 && second <= 0xbf;
	if (first == 0xf4)
		return second >= 0x80 && second <= 0x8f;
	return first >= 0xc2 && first <= 0xf4 && second >= 0x80 && second <= 0xbf;
}

TEST(every_first_pair)
{
	for (unsigned a = 0x80; a < 0x100; a++) {
		for (unsigned b = 0; b < 0x100; b++) {
			char bytes[4] = {(char)a, (char)b, '\x80', '\x80'};
			size_t want = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
			uint32_t cp;

			CHECK_EQ(ms_utf8_decode(bytes, 4, &cp), second_may_follow(a, b) ? want : 0);
		}
	}
}

TEST(valid)
{
	size_t offset = 99;

	CHECK(ms_utf8_valid("", 0, &offset));
	CHECK(ms_utf8_valid("a\xc3\xa9\0z", 5, &offset));
	CHECK_EQ(offset, 99);
	CHECK(!ms_utf8_valid("a\xc3\xa9\xff", 4, &offset));
	CHECK_EQ(offset, 3);
	CHECK(!ms_utf8_valid("a\xc3", 2, NULL));
}
