/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit-record.h - what is written down of a unit, so that a successor of this daemon goes on with
 * it: <runtime>/units/<number>, root's alone, gone when it is no longer wished to run. Of this boot
 * only.
 */
#ifndef MS_DAEMON_UNIT_RECORD_H
#define MS_DAEMON_UNIT_RECORD_H

#include "lib/arena.h"
#include "lib/base.h"
#include "modsup/limits.h"
#include "policy/config.h"
#include "supervisor/daemon/restart.h"

#define MS_MAX_UNIT_RECORD_BYTES (MS_MAX_MANIFEST_BYTES + MS_MAX_ARGV * MS_MAX_ARG_BYTES + 65536u)

struct ms_unit_record {
	struct ms_arena arena; /* owns the strings of a decoded one */
	uint32_t number, generation, failures;
	struct ms_restart_history history; /* CLOCK_BOOTTIME: of this boot, as the record is */
	uint64_t since_usec;		   /* of the state that its run is in, CLOCK_REALTIME */
	enum ms_tier tier;
	bool wished, ready; /* ready: its run was, once */
	bool again;	    /* its run was asked to end, for another one to follow */
	struct ms_str module, tenant, path, manifest, bundle, labels; /* labels: JSON, "" = none */
	struct ms_str command[MS_MAX_ARGV];
	uint32_t n_command;
};

/* ms_unit_record_encode - bytes owned by the caller. */
MS_MUST_CHECK int ms_unit_record_encode(const struct ms_unit_record *record, void **ret,
					size_t *ret_len);
/* ms_unit_record_decode - 0, -EBADMSG, -ENOMEM; end @ret by ms_unit_record_done() in every case. */
MS_MUST_CHECK int ms_unit_record_decode(const void *data, size_t len, struct ms_unit_record *ret);
void ms_unit_record_done(struct ms_unit_record *record);
static inline void ms_unit_record_cleanup(struct ms_unit_record *record)
{
	ms_unit_record_done(record);
}

#endif
