/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rfc3339.c - see rfc3339.h. Its own calendar, since libc's takes what is not there (February 30)
 * for another day. Called where a time comes in from outside.
 */
#include "lib/rfc3339.h"

struct reader {
	const char *p;
	size_t left;
	bool bad;
};

static void take_char(struct reader *r, const char *accepted, char *ret)
{
	if (r->left > 0)
		for (const char *a = accepted; *a; a++)
			if (*r->p == *a) {
				*ret = *a;
				r->p++;
				r->left--;
				return;
			}
	r->bad = true;
}

/* Exactly @n digits, at most @max. */
static uint32_t take_number(struct reader *r, unsigned n, uint32_t min, uint32_t max)
{
	uint32_t value = 0;
	char digit = '0';

	for (unsigned i = 0; i < n; i++) {
		take_char(r, "0123456789", &digit);
		value = value * 10 + (uint32_t)(digit - '0');
	}
	if (value < min || value > max)
		r->bad = true;
	return value;
}

static bool is_leap(uint32_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t month_days(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
	int64_t days = (int64_t)day - 1;

	for (uint32_t y = 1970; y < year; y++)
		days += is_leap(y) ? 366 : 365;
	for (uint32_t m = 1; m < month; m++)
		days += month_days(year, m);
	return days;
}

static uint32_t take_fraction(struct reader *r)
{
	uint32_t usec = 0, scale = 100000;
	char c = 0;

	if (!r->left || *r->p != '.')
		return 0;
	take_char(r, ".", &c);
	take_char(r, "0123456789", &c);
	while (!r->bad) {
		usec += scale * (uint32_t)(c - '0');
		scale /= 10;
		if (!r->left || *r->p < '0' || *r->p > '9')
			break;
		take_char(r, "0123456789", &c);
	}
	return usec;
}

/* Seconds to be taken off. */
static int64_t take_offset(struct reader *r)
{
	char sign = 0, colon = 0;
	int64_t hours, minutes;

	take_char(r, "Zz+-", &sign);
	if (sign != '+' && sign != '-')
		return 0;
	hours = take_number(r, 2, 0, 23);
	take_char(r, ":", &colon);
	minutes = take_number(r, 2, 0, 59);
	return (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
}

/**
 * ms_rfc3339_parse() - a time out of text.
 * @text: @len bytes, all of which must be it
 * @ret_usec: since 1970, on success
 * Return: 0 or -EINVAL.
 */
int ms_rfc3339_parse(const char *text, size_t len, uint64_t *ret_usec)
{
	struct reader r = {.p = text, .left = len};
	uint32_t year, month, day, fraction;
	int64_t seconds;
	char c = 0;

	year = take_number(&r, 4, 1970, 9999);
	take_char(&r, "-", &c);
	month = take_number(&r, 2, 1, 12);
	take_char(&r, "-", &c);
	day = take_number(&r, 2, 1, 31);
	take_char(&r, "Tt ", &c);
	if (r.bad || day > month_days(year, month))
		return -EINVAL;
	seconds = days_since_1970(year, month, day) * 86400;
	seconds += (int64_t)take_number(&r, 2, 0, 23) * 3600;
	take_char(&r, ":", &c);
	seconds += (int64_t)take_number(&r, 2, 0, 59) * 60;
	take_char(&r, ":", &c);
	seconds += take_number(&r, 2, 0, 60); /* a leap second is the next one's first */
	fraction = take_fraction(&r);
	seconds -= take_offset(&r);
	if (r.bad || r.left || seconds < 0)
		return -EINVAL;
	*ret_usec = (uint64_t)seconds * 1000000u + fraction;
	return 0;
}
