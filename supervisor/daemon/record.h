/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - what is written down of an instance before its shim gets its plan, so that a successor
 * of this daemon finds and verifies it: <runtime>/instances/<id>, root's alone, gone when the
 * instance has ended.
 */
#ifndef MS_DAEMON_RECORD_H
#define MS_DAEMON_RECORD_H

#include "lib/arena.h"
#include "lib/base.h"
#include "policy/config.h"
#include "policy/manifest.h"

#define MS_MAX_RECORD_BYTES (MS_MAX_POLICY_BYTES + 65536u)

struct ms_record {
	struct ms_arena arena; /* owns the strings of a decoded one */
	struct ms_str instance, tenant, path, socket_key, labels; /* labels: JSON text, "" = none */
	enum ms_tier tier;
	uint32_t installation;
	uint64_t since_usec;
	uint32_t shim_pid, shim_uid, module_uid;
	uint64_t shim_start;
	uint8_t launch_id[16], policy_hash[32];
	uint8_t plan_hash[32]; /* zeros in one of version 1 */
	uint32_t generation;
	bool has_limits;		 /* not in one of version 1 */
	uint64_t limits[MS_LIMIT_COUNT]; /* in force: the configuration may be another by now */
	struct ms_manifest *manifest;	 /* borrowed for encoding, owned after decoding */
};

/* ms_record_encode - bytes owned by the caller. */
MS_MUST_CHECK int ms_record_encode(const struct ms_record *record, void **ret, size_t *ret_len);
/* ms_record_decode - 0, -EBADMSG, -ENOMEM; @ret is to be ended by ms_record_done() in every case.
 */
MS_MUST_CHECK int ms_record_decode(const void *data, size_t len, struct ms_record *ret);
void ms_record_done(struct ms_record *record);
static inline void ms_record_cleanup(struct ms_record *record)
{
	ms_record_done(record);
}

#endif
