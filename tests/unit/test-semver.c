/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-semver.c - the order of versions as SemVer states it, and npm's range grammar: what is in,
 * what is out, what is no range.
 */
#include "policy/semver.h"

#include "modsup/limits.h"
#include "tests/unit/test.h"

static bool version(const char *text, struct ms_semver *ret)
{
	return ms_semver_parse(text, strlen(text), ret) == 0;
}

static bool match(const char *range, const char *text, bool any_pre)
{
	struct ms_semver v;

	return version(text, &v) && ms_range_match(range, strlen(range), &v, any_pre);
}

static bool is_range(const char *range)
{
	return ms_range_verify(range, strlen(range));
}

/* From the lowest to the highest: each is below all that follow. */
TEST(order)
{
	static const char *const rising[] = {
		"0.0.0-0",
		"0.0.0",
		"0.0.1",
		"0.2.0",
		"0.10.0",
		"1.0.0--",
		"1.0.0-alpha",
		"1.0.0-alpha.1",
		"1.0.0-alpha.2",
		"1.0.0-alpha.11",
		"1.0.0-alpha.a",
		"1.0.0-alpha.beta",
		"1.0.0-beta",
		"1.0.0-beta.2",
		"1.0.0-beta.11",
		"1.0.0-rc.1",
		"1.0.0",
		"1.2.3-4",
		"1.2.3-5",
		"1.2.3-5-foo",
		"1.2.3-A",
		"1.2.3-a",
		"1.2.3",
		"2.0.0-99999999999999999998",
		"2.0.0-99999999999999999999",
		"2.0.0",
		"10.0.0",
		"9007199254740991.0.0",
	};
	struct ms_semver a, b;

	for (size_t i = 0; i < MS_ARRAY_LEN(rising); i++) {
		for (size_t k = 0; k < MS_ARRAY_LEN(rising); k++) {
			int r;

			REQUIRE(version(rising[i], &a) && version(rising[k], &b));
			r = ms_semver_compare(&a, &b);
			if (i < k ? r >= 0 : i > k ? r <= 0 : r != 0) {
				printf("%s against %s\n", rising[i], rising[k]);
				test_failures++;
			}
		}
	}
}

TEST(build_does_not_count)
{
	struct ms_semver a, b;

	REQUIRE(version("1.2.3+a", &a) && version("1.2.3+b.001", &b));
	CHECK_EQ(ms_semver_compare(&a, &b), 0);
	CHECK(a.build.len == 1 && b.build.len == 5 && !a.pre.len);
}

TEST(no_versions)
{
	static const char *const bad[] = {
		"",
		"1",
		"1.2",
		"1.2.3.4",
		"v1.2.3",
		" 1.2.3",
		"1.2.3 ",
		"01.2.3",
		"1.02.3",
		"1.2.03",
		"1.2.3-",
		"1.2.3-01",
		"1.2.3-a..b",
		"1.2.3-.a",
		"1.2.3+",
		"1.2.3+a+b",
		"1.2.3-a_b",
		"1.2.x",
		"1.2.-3",
		"-1.2.3",
		"1.2.3-a.",
		"1,2,3",
		"9007199254740992.0.0",
		"99999999999999999999.0.0",
		"=1.2.3",
		"1.2.3\n",
	};
	struct ms_semver v;

	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++) {
		if (version(bad[i], &v)) {
			printf("'%s' is taken for a version\n", bad[i]);
			test_failures++;
		}
	}
}

TEST(version_at_the_cap)
{
	char text[MS_MAX_VERSION_BYTES + 2] = "1.0.0-";
	struct ms_semver v;

	memset(text + 6, 'a', sizeof(text) - 7);
	CHECK_EQ(ms_semver_parse(text, MS_MAX_VERSION_BYTES, &v), 0);
	CHECK_EQ(ms_semver_parse(text, MS_MAX_VERSION_BYTES + 1, &v), -EINVAL);
}

struct row {
	const char *range, *version;
};

static const struct row inside[] = {
	{"", "1.0.0"},
	{"*", "1.2.3"},
	{"x", "0.0.0"},
	{"X.x.x", "7.1.2"},
	{"||", "1.3.4"},
	{"1.2.3", "1.2.3"},
	{"=1.2.3", "1.2.3"},
	{"v1.2.3", "1.2.3"},
	{"=v1.2.3", "1.2.3"},
	{"1.2.3+build", "1.2.3"},
	{"1.2.3", "1.2.3+build"},
	{"1.0.0 - 2.0.0", "1.2.3"},
	{"1.2.3 - 1.2.3", "1.2.3"},
	{"1.0.0 - 2", "2.9.9"},
	{"1.2 - 3.4.5", "1.2.0"},
	{"1.2.3 - 3.4", "3.4.99"},
	{"1.2.3-pre - 2.0.0", "1.2.3-pre.2"},
	{"1.2.3 - 2.0.0-rc", "2.0.0-alpha"},
	{"x - 2", "0.1.0"},
	{"1 - x", "99.0.0"},
	{">1.2.3", "1.2.4"},
	{">=1.2.3", "1.2.3"},
	{">= 1.2.3", "1.2.3"},
	{">  1.0.0", "1.0.1"},
	{"<2.0.0", "1.9.9"},
	{"<=  2.0.0", "2.0.0"},
	{"<\t2.0.0", "0.2.9"},
	{">=1.0.0 <2.0.0", "1.5.0"},
	{">=0.2.3 || <0.0.1", "0.0.0"},
	{"1.2.3||2.0.0", "2.0.0"},
	{">1", "2.0.0"},
	{">1.2", "1.3.0"},
	{">=1", "1.0.0"},
	{">=1.2", "1.2.0"},
	{"<1", "0.9.9"},
	{"<1.2", "1.1.9"},
	{"<=1", "1.9.9"},
	{"<=1.2", "1.2.9"},
	{"<=x", "5.0.0"},
	{"1", "1.9.9"},
	{"1.x", "1.0.0"},
	{"1.2.x", "1.2.9"},
	{"1.2.*", "1.2.0"},
	{"=1.2", "1.2.7"},
	{"2.x.x || 1.2.x", "1.2.3"},
	{"2.*.*", "2.1.3"},
	{"~1", "1.9.9"},
	{"~1.2", "1.2.9"},
	{"~1.2.3", "1.2.9"},
	{"~0.2.3", "0.2.5"},
	{"~> 1", "1.2.3"},
	{"~>1.2.3", "1.2.3"},
	{"~ 1.0", "1.0.2"},
	{"~x", "3.0.0"},
	{"~1.2.3-beta.2", "1.2.3-beta.4"},
	{"~1.2.3-beta.2", "1.2.3"},
	{"~1.2.3-beta.2", "1.2.9"},
	{"^1", "1.9.9"},
	{"^1.2", "1.9.9"},
	{"^1.2.3", "1.8.1"},
	{"^0.2.3", "0.2.9"},
	{"^0.0.3", "0.0.3"},
	{"^0", "0.9.9"},
	{"^0.0", "0.0.9"},
	{"^0.1", "0.1.2"},
	{"^x", "9.9.9"},
	{"^1.2 ^1", "1.4.2"},
	{"^1.2.3-alpha", "1.2.3-pre"},
	{"^1.2.0-alpha", "1.2.0-pre"},
	{"^0.0.1-alpha", "0.0.1-beta"},
	{"^0.0.1-alpha", "0.0.1"},
	{"^1.2.3+build", "1.3.0"},
	{"^ 1.2.3", "1.9.0"},
	{"^v1.2.3", "1.4.0"},
	{">=1.2.3-alpha <2.0.0", "1.2.3-beta"},
	{"<=1.2.3-rc", "1.2.3-beta"},
	{"  ^1.0.0   ||   ~2.1  ", "2.1.5"},
	{">=1.2.0 <=1.2.5 >1.2.1", "1.2.3"},
	{"> =1.2.3", "1.2.3"},
};

static const struct row outside[] = {
	{"1.2.3", "1.2.4"},
	{"1.0.0 - 2.0.0", "2.2.3"},
	{"1.0.0 - 2", "3.0.0"},
	{"1.2 - 3", "1.1.9"},
	{"1.2.3+a - 2.4.3+b", "2.4.4"},
	{">1.2.3", "1.2.3"},
	{">=1.2.3", "1.2.2"},
	{"<1.2.3", "1.2.3"},
	{">1", "1.9.9"},
	{">1.2", "1.2.8"},
	{"<1", "1.0.0"},
	{"<=1", "2.0.0"},
	{"<=1.2", "1.3.0"},
	{">*", "1.0.0"},
	{"<*", "0.0.0"},
	{"1.x", "2.0.0"},
	{"1.2.x", "1.3.0"},
	{"2", "1.9.9"},
	{"~1.2.3", "1.3.0"},
	{"~1", "2.2.3"},
	{"~0.1.1", "0.1.0"},
	{"~v0.5.4-beta", "0.5.4-alpha"},
	{"^1.2.3", "2.0.0"},
	{"^1.2.3", "1.2.2"},
	{"^0.2.3", "0.3.0"},
	{"^0.0.3", "0.0.4"},
	{"^0.0", "0.1.0"},
	{"^0", "1.0.0"},
	{"^1.2", "1.1.9"},
	{">=1 <1", "1.0.0"},
	/* a pre-release needs one of its own numbers in the range */
	{"*", "1.0.0-rc1"},
	{"^1.0.0", "1.1.0-a"},
	{"^1.2.3-alpha", "1.3.0-beta"},
	{">=1.0.0", "2.0.0-rc"},
	{"1.x", "1.0.0-a"},
	{"<2.0.0", "2.0.0-a"},
	{"~1.2.3-a", "1.2.4-b"},
	{"^1.0.0", "2.0.0-rc1"},
	{">=1.2.3-alpha <2.0.0", "1.9.0-beta"},
	{"1.2.3 - 2", "2.0.0-a"},
	{"=1.2.3", "1.2.3-beta"},
	{"^0.0.1-alpha", "0.0.2-alpha"},
	{">1.2.3-rc", "1.2.3-beta"},
	{"", "1.0.0-rc1"},
};

TEST(ranges)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(inside); i++) {
		if (!match(inside[i].range, inside[i].version, false)) {
			printf("'%s' leaves %s out\n", inside[i].range, inside[i].version);
			test_failures++;
		}
	}
	for (size_t i = 0; i < MS_ARRAY_LEN(outside); i++) {
		if (!is_range(outside[i].range) ||
		    match(outside[i].range, outside[i].version, false)) {
			printf("'%s' takes %s in\n", outside[i].range, outside[i].version);
			test_failures++;
		}
	}
}

TEST(ranges_with_every_pre_release)
{
	CHECK(match("*", "1.0.0-rc1", true));
	CHECK(match("^1.0.0", "1.1.0-a", true));
	CHECK(match("1.x", "1.0.0-a", true));
	CHECK(match("~1.2", "1.2.0-a", true));
	CHECK(match("^1", "1.0.0-a", true));
	CHECK(match(">1", "2.0.0-a", true));
	CHECK(match(">=1.2", "1.2.0-a", true));
	CHECK(match("1.0.0 - 2.0.0", "2.0.0-a", true));
	CHECK(!match("^1.0.0", "2.0.0-a", true));
	CHECK(!match("^1.0.0", "1.0.0-a", true));
	CHECK(!match("<1.2", "1.2.0-a", true));
	CHECK(!match("1 - 2", "3.0.0-a", true));
}

TEST(no_ranges)
{
	static const char *const bad[] = {
		"latest",
		"1.2.3.4",
		">>1",
		"=>1",
		"^^1",
		"^>1",
		"!1",
		"1.2.3,2",
		"|",
		"1 | 2",
		"a || 1",
		"1 - ",
		"1 -2",
		"- 1",
		"1.2.3 - 2.0.0 >1",
		">",
		"^",
		"> = 1.2.3",
		"01.2.3",
		"1.02",
		"1.2.3-01",
		"1.2.3-",
		"1.x.3",
		"*.1",
		"==1.2.3",
		"vv1.2.3",
		"blerg",
		"1.2.3<2",
		"9007199254740992",
		"^9007199254740991",
		"git+https://x",
		"http://x",
		"1.2.3-a..b",
		"1.2.3-- x - 2 -",
		"\"1\"",
		"1.2.3 - 9007199254740991",
		"1 <",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++) {
		if (is_range(bad[i])) {
			printf("'%s' is taken for a range\n", bad[i]);
			test_failures++;
		}
	}
	CHECK(!match("latest", "1.0.0", false));
	CHECK(!match("1 || latest", "1.0.0", false)); /* one bad alternative spoils the range */
}

TEST(range_at_the_cap)
{
	char text[MS_MAX_RANGE_BYTES + 2];

	memset(text, ' ', sizeof(text));
	CHECK(ms_range_verify(text, MS_MAX_RANGE_BYTES));
	CHECK(!ms_range_verify(text, MS_MAX_RANGE_BYTES + 1));
}
