/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-units.c - reading and writing sizes, durations and per cent. Run by `make check`. */
#include "policy/units.h"

#include "tests/unit/test.h"

struct unit_case {
	enum ms_units_kind kind;
	const char *text;
	int result;
	uint64_t value;
	const char *printed; /* NULL: as read */
};

#define SIZE MS_UNITS_SIZE
#define TIME MS_UNITS_DURATION
#define CPU  MS_UNITS_PERCENT

static const struct unit_case cases[] = {
	{SIZE, "0", 0, 0, NULL},
	{SIZE, "0G", 0, 0, "0"},
	{SIZE, "1", 0, 1, NULL},
	{SIZE, "1023", 0, 1023, NULL},
	{SIZE, "1024", 0, 1024, "1K"},
	{SIZE, "256M", 0, 268435456, NULL},
	{SIZE, "1024M", 0, 1ull << 30, "1G"},
	{SIZE, "1536M", 0, 1610612736, NULL},
	{SIZE, "8G", 0, 8ull << 30, NULL},
	{SIZE, "1kB", 0, 1000, NULL},
	{SIZE, "5MB", 0, 5000000, NULL},
	{SIZE, "5000kB", 0, 5000000, "5MB"},
	{SIZE, "2GB", 0, 2000000000, NULL},
	{SIZE, "1000K", 0, 1024000, NULL},
	{SIZE, "18446744073709551615", 0, UINT64_MAX, NULL},
	{SIZE, "18446744073709551616", MS_UNITS_RANGE, 0, NULL},
	{SIZE, "17179869183G", 0, 17179869183ull << 30, NULL},
	{SIZE, "17179869184G", MS_UNITS_RANGE, 0, NULL},
	{SIZE, "18446744073709551615K", MS_UNITS_RANGE, 0, NULL},
	{SIZE, "1.5G", MS_UNITS_FRACTION, 0, NULL},
	{SIZE, "1,5G", MS_UNITS_FRACTION, 0, NULL},
	{SIZE, "1.", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, ".5G", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "1.G", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "G", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "256m", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "256KB", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "256MiB", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "256 M", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, " 256M", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "256M ", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "-1M", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "+1M", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "010M", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "0x10", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "1s", MS_UNITS_SYNTAX, 0, NULL},
	{SIZE, "10%", MS_UNITS_SYNTAX, 0, NULL},
	{TIME, "0s", 0, 0, NULL},
	{TIME, "30s", 0, 30000000, NULL},
	{TIME, "60s", 0, 60000000, "1m"},
	{TIME, "90s", 0, 90000000, NULL},
	{TIME, "90m", 0, 5400000000, NULL},
	{TIME, "2h", 0, 7200000000, NULL},
	{TIME, "10ms", 0, 10000, NULL},
	{TIME, "1500ms", 0, 1500000, NULL},
	{TIME, "7us", 0, 7, NULL},
	{TIME, "30", MS_UNITS_SYNTAX, 0, NULL},
	{TIME, "1.5s", MS_UNITS_FRACTION, 0, NULL},
	{TIME, "1d", MS_UNITS_SYNTAX, 0, NULL},
	{TIME, "5124095577h", MS_UNITS_RANGE, 0, NULL},
	{CPU, "150%", 0, 150, NULL},
	{CPU, "0%", 0, 0, NULL},
	{CPU, "150", MS_UNITS_SYNTAX, 0, NULL},
	{CPU, "12.5%", MS_UNITS_FRACTION, 0, NULL},
	{CPU, "%", MS_UNITS_SYNTAX, 0, NULL},
};

TEST(parse_and_format)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const struct unit_case *c = &cases[i];
		char out[MS_UNITS_TEXT_BYTES];
		uint64_t v = 77;

		CHECK_EQ(ms_units_parse(c->kind, c->text, strlen(c->text), &v), c->result);
		CHECK(v == (c->result ? 77 : c->value));
		if (c->result)
			CHECK(strncmp(ms_units_why(c->kind, (enum ms_units_result)c->result),
				      "which ", 6) == 0);
		else
			CHECK_STR(ms_units_format(c->kind, v, out),
				  c->printed ? c->printed : c->text);
	}
}

TEST(printed_reads_back)
{
	uint64_t v = 1;

	for (unsigned i = 0; i < 5000; i++) {
		v = v * 6364136223846793005u + 1442695040888963407u;
		for (enum ms_units_kind kind = SIZE; kind <= CPU; kind++) {
			uint64_t value = v >> (i % 64), back = 0;
			char out[MS_UNITS_TEXT_BYTES];

			ms_units_format(kind, value, out);
			CHECK_EQ(ms_units_parse(kind, out, strlen(out), &back), 0);
			CHECK(back == value);
		}
	}
}

TEST(accepted_is_accepted)
{
	CHECK(strstr(ms_units_accepted(SIZE), "\"256M\""));
	CHECK(strstr(ms_units_accepted(TIME), "\"30s\""));
	CHECK(strstr(ms_units_accepted(CPU), "\"150%\""));
}

TEST(sizes_for_reading)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{0, "0"},
		{1023, "1023"},
		{1024, "1.0K"},
		{1536, "1.5K"},
		{UINT64_C(100) << 20, "100M"},
		{(UINT64_C(1) << 30) - 1, "1023M"},
		{UINT64_C(21) << 29, "10.5G"},
		{UINT64_MAX, "15.9E"},
	};
	char out[MS_UNITS_BRIEF_BYTES];

	for (size_t i = 0; i < MS_ARRAY_LEN(sizes); i++)
		CHECK_STR(ms_units_brief(sizes[i].bytes, out), sizes[i].text);
}
