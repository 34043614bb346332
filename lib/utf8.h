/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
 */
#ifndef MS_LIB_UTF8_H
#define MS_LIB_UTF8_H

#include "lib/base.h"

/* ms_utf8_decode - bytes taken by the first character of @data (1-4), 0 when it is not valid UTF-8
 * or @len is 0. */
size_t ms_utf8_decode(const char *data, size_t len, uint32_t *ret_cp);

/* ms_utf8_valid - true when all of it is; else *ret_offset (may be NULL) is that of the first bad
 * byte. */
bool ms_utf8_valid(const char *data, size_t len, size_t *ret_offset);

#endif
