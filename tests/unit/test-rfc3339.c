/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-rfc3339.c - times that are, times that are not. */
#include "lib/rfc3339.h"

#include "tests/unit/test.h"

static long long parse(const char *text)
{
	uint64_t usec = 4711;
	int r = ms_rfc3339_parse(text, strlen(text), &usec);

	CHECK(r == 0 || (r == -EINVAL && usec == 4711));
	return r < 0 ? r : (long long)usec;
}

TEST(times)
{
	CHECK_EQ(parse("1970-01-01T00:00:00Z"), 0);
	CHECK_EQ(parse("2026-01-02T03:04:05.678901Z"), 1767323045678901);
	CHECK_EQ(parse("2026-01-02t03:04:05.5z"), 1767323045500000);
	CHECK_EQ(parse("2026-01-02 05:04:05+02:00"), 1767323045000000);
	CHECK_EQ(parse("2026-01-01T21:34:05-05:30"), 1767323045000000);
	CHECK_EQ(parse("2026-01-02T03:04:05.6789019999Z"), 1767323045678901);
	CHECK_EQ(parse("2024-02-29T00:00:00Z"), 1709164800000000);
	CHECK_EQ(parse("2000-03-01T00:00:00Z"), 951868800000000);
	CHECK_EQ(parse("2016-12-31T23:59:60Z"), 1483228800000000);
	CHECK_EQ(parse("9999-12-31T23:59:59.999999Z"), 253402300799999999);
}

TEST(no_times)
{
	static const char *const bad[] = {
		"",
		"now",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04Z",
		"2026-1-02T03:04:05Z",
		"2026-01-02T03:04:05Zx",
		" 2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05,5Z",
		"2026-02-29T00:00:00Z",
		"2026-02-30T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-01-02T24:00:00Z",
		"2026-01-02T23:60:00Z",
		"2026-01-02T23:59:61Z",
		"2026-01-02T23:59:59+24:00",
		"2026-01-02T23:59:59+0200",
		"2026-01-02T23:59:59+02",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"10000-01-01T00:00:00Z",
		"+026-01-02T03:04:05Z",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++)
		if (parse(bad[i]) != -EINVAL) {
			CHECK_STR(bad[i], "refused");
		}
}

/* Cut at every length it is none; nothing beyond the end is read. */
TEST(every_length)
{
	const char text[] = "2026-01-02T03:04:05.678901+01:00";
	uint64_t usec;

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		CHECK_EQ(ms_rfc3339_parse(text, len, &usec), -EINVAL);
	CHECK_EQ(ms_rfc3339_parse(text, sizeof(text) - 1, &usec), 0);
}
