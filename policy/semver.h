/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * semver.h - versions by SemVer 2.0.0 and ranges by npm's grammar (^ ~ - x || >=), strict, without
 * npm's loose mode. Nothing is allocated: a range is read each time it is asked. Pure.
 */
#ifndef MS_POLICY_SEMVER_H
#define MS_POLICY_SEMVER_H

#include "lib/base.h"

/* Numbers end where npm's do, at 2^53 - 1, so that the same text means the same to both. */
#define MS_SEMVER_MAX_NUMBER ((UINT64_C(1) << 53) - 1)

struct ms_semver {
	uint64_t major, minor, patch;
	struct ms_str pre;   /* "alpha.1", "" for a release; borrowed from the text */
	struct ms_str build; /* never compared; borrowed */
};

/* ms_semver_parse - the whole text is one version; 0 or -EINVAL. */
MS_MUST_CHECK int ms_semver_parse(const char *p, size_t len, struct ms_semver *ret);

/* ms_semver_compare - below, equal to or above zero, by precedence (SemVer 11). */
int ms_semver_compare(const struct ms_semver *a, const struct ms_semver *b);

/* ms_range_verify - true when the text is a range. */
bool ms_range_verify(const char *p, size_t len);

/* ms_range_match - true when @version lies in the range. A pre-release lies only in a range that
 * names a pre-release of the same major.minor.patch, unless @any_pre. False for text that is no
 * range. */
bool ms_range_match(const char *p, size_t len, const struct ms_semver *version, bool any_pre);

#endif
