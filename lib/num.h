/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * num.h - decimal numbers out of bytes: the whole input, base 10, no sign, no leading zero, within
 * a stated range. Pure; safe for the shim.
 */
#ifndef MS_LIB_NUM_H
#define MS_LIB_NUM_H

#include "lib/base.h"

/* Return 0, or -EINVAL (not such a number), or -ERANGE (outside min..max); *ret is written on
 * success only. */
MS_MUST_CHECK int ms_parse_u64(const char *s, size_t len, uint64_t min, uint64_t max,
			       uint64_t *ret);
MS_MUST_CHECK int ms_parse_u32(const char *s, size_t len, uint32_t min, uint32_t max,
			       uint32_t *ret);

/* ms_num_format - @value in decimal into @out (at least 21 bytes), NUL-terminated; returns its
 * length. */
size_t ms_num_format(uint64_t value, char out[static 21]);

#endif
