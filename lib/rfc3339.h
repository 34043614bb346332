/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rfc3339.h - a point in time as people and programs write it: "2026-01-02T03:04:05.678901Z", or
 * with an offset such as "+02:00". Strict, pure.
 */
#ifndef MS_LIB_RFC3339_H
#define MS_LIB_RFC3339_H

#include "lib/base.h"

/* ms_rfc3339_parse - microseconds since 1970 (UTC); what is finer is cut. 0 or -EINVAL: also for
 * times before 1970 and days that do not exist. */
MS_MUST_CHECK int ms_rfc3339_parse(const char *text, size_t len, uint64_t *ret_usec);

#endif
