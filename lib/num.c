/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * num.c - bounded decimal parsing and printing without libc's locale or allocation.
 */
#include "lib/num.h"

int ms_parse_u64(const char *s, size_t len, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!len || (len > 1 && s[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return -ERANGE;
	}
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int ms_parse_u32(const char *s, size_t len, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	int r = ms_parse_u64(s, len, min, max, &v);

	if (r == 0)
		*ret = (uint32_t)v;
	return r;
}

size_t ms_num_format(uint64_t value, char out[static 21])
{
	char digits[20];
	size_t n = 0, len = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		out[len++] = digits[--n];
	out[len] = '\0';
	return len;
}
