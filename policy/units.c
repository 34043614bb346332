/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * units.c - one table of units for reading and writing. It never rounds: a fraction and an overflow
 * are refused, and what is printed reads back as the same number.
 */
#include "policy/units.h"

#include <stdio.h>
#include <string.h>

#include "lib/num.h"

struct unit {
	enum ms_units_kind kind;
	const char *name;
	uint64_t factor;
};

/* In the order of preference for printing: of equally short texts the first is taken. */
static const struct unit units[] = {
	{MS_UNITS_SIZE, "G", 1ull << 30},     {MS_UNITS_SIZE, "M", 1ull << 20},
	{MS_UNITS_SIZE, "K", 1ull << 10},     {MS_UNITS_SIZE, "", 1},
	{MS_UNITS_SIZE, "GB", 1000000000},    {MS_UNITS_SIZE, "MB", 1000000},
	{MS_UNITS_SIZE, "kB", 1000},	      {MS_UNITS_DURATION, "s", 1000000},
	{MS_UNITS_DURATION, "h", 3600000000}, {MS_UNITS_DURATION, "m", 60000000},
	{MS_UNITS_DURATION, "ms", 1000},      {MS_UNITS_DURATION, "us", 1},
	{MS_UNITS_PERCENT, "%", 1},
};

static const struct {
	const char *syntax, *fraction, *range, *accepted;
} words[] = {
	[MS_UNITS_SIZE] = {"which is not a size; a whole number and K M G (of 1024) or kB MB GB "
			   "(of 1000) is accepted, such as \"256M\"",
			   "which has a fraction; write a whole number of a smaller unit, such as "
			   "\"1536M\" for 1.5G",
			   "which is too large", "a size such as \"256M\""},
	[MS_UNITS_DURATION] = {"which is not a duration; a whole number and us, ms, s, m or h is "
			       "accepted, such as \"30s\"",
			       "which has a fraction; write a whole number of a smaller unit, such "
			       "as \"1500ms\" for 1.5s",
			       "which is too long", "a duration such as \"30s\""},
	[MS_UNITS_PERCENT] = {"which is not a share of a core; a whole number and % is accepted, "
			      "such as \"150%\" for one and a half cores",
			      "which has a fraction; write whole per cent, such as \"150%\"",
			      "which is too large", "a share of a core such as \"150%\""},
};

static size_t digits(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

static const struct unit *find(enum ms_units_kind kind, const char *p, size_t len)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(units); i++) {
		if (units[i].kind == kind && strlen(units[i].name) == len &&
		    memcmp(units[i].name, p, len) == 0)
			return &units[i];
	}
	return NULL;
}

/* "1.5G", "1,5 G" ... : a number that is only not whole. */
static bool is_fraction(const char *p, size_t len)
{
	size_t n = digits(p, len);

	return n && n + 1 < len && (p[n] == '.' || p[n] == ',') && digits(p + n + 1, len - n - 1);
}

/**
 * ms_units_parse() - see units.h.
 *
 * Return: 0 or enum ms_units_result.
 */
int ms_units_parse(enum ms_units_kind kind, const char *p, size_t len, uint64_t *ret)
{
	size_t n = digits(p, len);
	const struct unit *unit = find(kind, p + n, len - n);
	uint64_t v;
	int r;

	if (is_fraction(p, len))
		return MS_UNITS_FRACTION;
	r = ms_parse_u64(p, n, 0, UINT64_MAX, &v);
	if (!unit || r == -EINVAL)
		return MS_UNITS_SYNTAX;
	if (r < 0 || __builtin_mul_overflow(v, unit->factor, &v))
		return MS_UNITS_RANGE;
	*ret = v;
	return 0;
}

/**
 * ms_units_why() - what a result means, to stand after what was found.
 */
const char *ms_units_why(enum ms_units_kind kind, enum ms_units_result result)
{
	switch (result) {
	case MS_UNITS_SYNTAX:
		return words[kind].syntax;
	case MS_UNITS_FRACTION:
		return words[kind].fraction;
	case MS_UNITS_RANGE:
		return words[kind].range;
	}
	return words[kind].syntax;
}

/**
 * ms_units_accepted() - what a value of this kind looks like.
 */
const char *ms_units_accepted(enum ms_units_kind kind)
{
	return words[kind].accepted;
}

/**
 * ms_units_format() - the shortest exact text.
 *
 * Return: @out.
 */
const char *ms_units_format(enum ms_units_kind kind, uint64_t value,
			    char out[static MS_UNITS_TEXT_BYTES])
{
	char digit[21];
	size_t best = MS_UNITS_TEXT_BYTES;

	for (size_t i = 0; i < MS_ARRAY_LEN(units); i++) {
		size_t len;

		if (units[i].kind != kind || value % units[i].factor)
			continue;
		if (!value && units[i].factor != 1 && kind == MS_UNITS_SIZE)
			continue; /* "0", not "0G" */
		len = ms_num_format(value / units[i].factor, digit) + strlen(units[i].name);
		if (len >= best)
			continue;
		best = len;
		(void)snprintf(out, MS_UNITS_TEXT_BYTES, "%s%s", digit, units[i].name); /* fits */
	}
	return out;
}

const char *ms_units_brief(uint64_t bytes, char out[static MS_UNITS_BRIEF_BYTES])
{
	static const char letters[] = "KMGTPE";
	uint64_t value = bytes, tenths = 0;
	int unit = -1;

	while (value >= 1024 && unit < (int)sizeof(letters) - 2) {
		tenths = value % 1024 * 10 / 1024;
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		(void)snprintf(out, MS_UNITS_BRIEF_BYTES, "%u", (unsigned)value); /* fits */
	else if (value >= 100)
		(void)snprintf(out, MS_UNITS_BRIEF_BYTES, "%u%c", (unsigned)value,
			       letters[unit]); /* fits */
	else
		(void)snprintf(out, MS_UNITS_BRIEF_BYTES, "%u.%u%c", (unsigned)value,
			       (unsigned)tenths, letters[unit]); /* fits */
	return out;
}
