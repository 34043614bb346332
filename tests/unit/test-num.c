/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-num.c - what is a number and what is not, at both ends of the range. Run by `make check`. */
#include "lib/num.h"

#include "tests/unit/test.h"

static const struct {
	const char *text;
	uint64_t min, max;
	int result;
	uint64_t value;
} cases[] = {
	{"0", 0, 0, 0, 0},
	{"7", 0, 10, 0, 7},
	{"10", 0, 10, 0, 10},
	{"11", 0, 10, -ERANGE, 0},
	{"5", 5, 10, 0, 5},
	{"4", 5, 10, -ERANGE, 0},
	{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
	{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
	{"99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0},
	{"", 0, 10, -EINVAL, 0},
	{"00", 0, 10, -EINVAL, 0},
	{"07", 0, 10, -EINVAL, 0},
	{"+7", 0, 10, -EINVAL, 0},
	{"-7", 0, 10, -EINVAL, 0},
	{" 7", 0, 10, -EINVAL, 0},
	{"7 ", 0, 10, -EINVAL, 0},
	{"7a", 0, 10, -EINVAL, 0},
	{"0x7", 0, 10, -EINVAL, 0},
	{"1e1", 0, 10, -EINVAL, 0},
	{"7.0", 0, 10, -EINVAL, 0},
	{"99999999999999999999999x", 0, 10, -EINVAL, 0},
};

TEST(parse_u64)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		uint64_t v = 77;
		int r = ms_parse_u64(cases[i].text, strlen(cases[i].text), cases[i].min,
				     cases[i].max, &v);

		CHECK_EQ(r, cases[i].result);
		CHECK(v == (r ? 77 : cases[i].value));
	}
}

TEST(parse_takes_len_not_nul)
{
	uint64_t v = 0;

	CHECK_EQ(ms_parse_u64("123456", 3, 0, 1000, &v), 0);
	CHECK_EQ(v, 123);
	CHECK_EQ(ms_parse_u64("1\0002", 3, 0, 1000, &v), -EINVAL);
}

TEST(parse_u32)
{
	uint32_t v = 77;

	CHECK_EQ(ms_parse_u32("4294967296", 10, 0, UINT32_MAX, &v), -ERANGE);
	CHECK_EQ(ms_parse_u32("x", 1, 0, UINT32_MAX, &v), -EINVAL);
	CHECK_EQ(v, 77);
	CHECK_EQ(ms_parse_u32("4294967295", 10, 0, UINT32_MAX, &v), 0);
	CHECK_EQ(v, UINT32_MAX);
}

TEST(format)
{
	static const struct {
		uint64_t value;
		const char *text;
	} texts[] = {
		{0, "0"},
		{9, "9"},
		{10, "10"},
		{1234567890, "1234567890"},
		{UINT64_MAX, "18446744073709551615"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(texts); i++) {
		char out[21];

		CHECK_EQ(ms_num_format(texts[i].value, out), strlen(texts[i].text));
		CHECK_STR(out, texts[i].text);
	}
}
