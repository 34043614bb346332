/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * units.h - sizes, durations and per cent as people write them, exact in both directions: nothing
 * is rounded. For the manifest, the configuration and command lines. Pure.
 *
 *   size       "256M"   K M G of 1024, kB MB GB of 1000, no unit: bytes
 *   duration   "30s"    us ms s m h; a unit is required; the value is microseconds
 *   per cent   "150%"   of one core
 */
#ifndef MS_POLICY_UNITS_H
#define MS_POLICY_UNITS_H

#include "lib/base.h"

enum ms_units_kind { MS_UNITS_SIZE, MS_UNITS_DURATION, MS_UNITS_PERCENT };
enum ms_units_result { MS_UNITS_SYNTAX = 1, MS_UNITS_FRACTION, MS_UNITS_RANGE };

/* ms_units_parse - 0, or why not; *ret is written on success only. */
MS_MUST_CHECK int ms_units_parse(enum ms_units_kind kind, const char *p, size_t len, uint64_t *ret);
/* ms_units_why - the second half of "found \"1.5G\", ...": what is wrong and what to write. */
const char *ms_units_why(enum ms_units_kind kind, enum ms_units_result result);
/* ms_units_accepted - "a size such as \"256M\"": what to write, for a value of the wrong type. */
const char *ms_units_accepted(enum ms_units_kind kind);

#define MS_UNITS_TEXT_BYTES 32u

/* ms_units_format - the shortest text that ms_units_parse() reads as @value; returns @out. */
const char *ms_units_format(enum ms_units_kind kind, uint64_t value,
			    char out[static MS_UNITS_TEXT_BYTES]);

#define MS_UNITS_BRIEF_BYTES 16u
/* ms_units_brief - a size for reading, rounded down: "1.5G" "320M" "12"; returns @out. */
const char *ms_units_brief(uint64_t bytes, char out[static MS_UNITS_BRIEF_BYTES]);

#endif
