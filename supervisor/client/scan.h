/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scan.h - looking into one JSON text without building a tree, so that libmodsup needs no JSON
 * library. A text is checked once; everything else may then trust its form. Pure. Called by the
 * files of this folder only.
 */
#ifndef MS_CLIENT_SCAN_H
#define MS_CLIENT_SCAN_H

#include "lib/base.h"

/* ms_scan_check - one strict JSON value with nothing but white space around it. 0, -EBADMSG,
 * -ENOMEM. */
MS_MUST_CHECK int ms_scan_check(const char *data, size_t len);

/* The rest takes checked texts, or values found in one. */
/* ms_scan_get - the text of a member of an object; false when @value is none or lacks it. */
bool ms_scan_get(struct ms_str value, const char *key, struct ms_str *ret);
/* ms_scan_pointer - RFC 6901. 0, -ENOENT, -ENOMEM. */
MS_MUST_CHECK int ms_scan_pointer(struct ms_str value, const char *pointer, struct ms_str *ret);
/* ms_scan_string - a string, decoded, as a copy (free) that ends with a NUL; -EINVAL when @value is
 * none, -ENOMEM. */
MS_MUST_CHECK int ms_scan_string(struct ms_str value, char **ret);
bool ms_scan_is_object(struct ms_str value);
/* ms_scan_uint - an integer of at least 0; false when @value is none. */
bool ms_scan_uint(struct ms_str value, uint64_t *ret);

#endif
