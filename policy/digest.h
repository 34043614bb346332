/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * digest.h - SHA-256 of bytes, and of a JSON value by what it says rather than how it was written.
 * Pure.
 */
#ifndef MS_POLICY_DIGEST_H
#define MS_POLICY_DIGEST_H

#include "lib/base.h"
#include "policy/json.h"

#define MS_DIGEST_BYTES 32u

struct ms_digest {
	uint8_t bytes[MS_DIGEST_BYTES];
};

void ms_digest_bytes(const void *data, size_t len, struct ms_digest *ret);
/* ms_digest_json - @what, then the value without white space and with the members of each object in
 * the order of their bytes; the member @but of an outermost object is left out. 0 or -ENOMEM. */
MS_MUST_CHECK int ms_digest_json(const char *what, const struct ms_json *value, const char *but,
				 struct ms_digest *ret);
bool ms_digest_same(const struct ms_digest *a, const struct ms_digest *b);

#endif
