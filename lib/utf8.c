/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * utf8.c - the decoder behind utf8.h, by RFC 3629's table of well-formed sequences.
 */
#include "lib/utf8.h"

size_t ms_utf8_decode(const char *data, size_t len, uint32_t *ret_cp)
{
	const unsigned char *s = (const unsigned char *)data;
	size_t n;
	uint32_t cp, low;

	if (!len)
		return 0;
	if (s[0] < 0x80) {
		*ret_cp = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2, low = 0x80, cp = s[0] & 0x1fu;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3, low = 0x800, cp = s[0] & 0x0fu;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4, low = 0x10000, cp = s[0] & 0x07u;
	else
		return 0;
	if (len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3fu);
	}
	if (cp < low || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return n;
}

bool ms_utf8_valid(const char *data, size_t len, size_t *ret_offset)
{
	size_t i = 0;

	while (i < len) {
		uint32_t cp;
		size_t n = ms_utf8_decode(data + i, len - i, &cp);

		if (!n) {
			if (ret_offset)
				*ret_offset = i;
			return false;
		}
		i += n;
	}
	return true;
}
