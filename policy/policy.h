/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h - what a module may do: manifest cut to its tier's ceiling, with every narrowing and its
 * reason. Immutable, independent of the host, identified by the SHA-256 of its canonical JSON.
 * Pure.
 */
#ifndef MS_POLICY_POLICY_H
#define MS_POLICY_POLICY_H

#include "lib/arena.h"
#include "lib/base.h"
#include "lib/buf.h"
#include "policy/config.h"
#include "policy/manifest.h"

struct ms_narrowing {
	struct ms_str key;     /* "limits.memory" */
	struct ms_str asked;   /* "1G" */
	struct ms_str granted; /* "256M", "none" */
	struct ms_str why;     /* "tier community" */
};

struct ms_policy {
	struct ms_arena
		arena; /* owns what the policy added; the rest borrows from the manifest it keeps */
	const struct ms_manifest *manifest; /* borrowed: must outlive the policy */
	enum ms_tier tier;
	struct ms_str tenant;
	uint64_t limits[MS_LIMIT_COUNT]; /* in force; 0 = not applicable to this mode */
	uint32_t n_write;		 /* of manifest->write: all or (tier forbids) none */
	struct ms_narrowing narrowings[MS_MAX_NARROWINGS];
	uint32_t n_narrowings;
	char *canonical; /* owned: canonical JSON: keys sorted by bytes, no white space, integers
			    only */
	size_t canonical_len;
	uint8_t hash[32]; /* SHA-256 of canonical */
};

/* ms_policy_build - 0 and a policy owned by the caller; -ENOMEM; or -errno with @err filled (a
 * module that may not exist in this tier: tier-forbids). @tenant is copied. */
MS_MUST_CHECK int ms_policy_build(const struct ms_manifest *manifest,
				  const struct ms_config *config, enum ms_tier tier,
				  struct ms_str tenant, struct ms_policy **ret,
				  struct ms_error *err);
struct ms_policy *ms_policy_free(struct ms_policy *policy);
static inline void ms_policy_cleanup(struct ms_policy **policy)
{
	*policy = ms_policy_free(*policy);
}

/* ms_policy_explain - in plain words, for people: what this module will be able to do, and each
 * narrowing. */
void ms_policy_explain(const struct ms_policy *policy, struct ms_buf *out);

/* Sizes, durations and per cent as people write them: "256M", "1.5G" is never printed, 100 ->
 * "100%". @out >= 32. */
void ms_limit_format(enum ms_limit_id id, uint64_t value, char *out, size_t out_len);

#endif
