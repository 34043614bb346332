/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ids.h - host user ids for shims and modules: out of the administrator's range, one holder at a
 * time on the whole host, whatever daemon asks. A holder has a locked file; the shim keeps the lock
 * open, so that an id is never given out while anything of its last owner may live. An id that owns
 * files of an installation is kept besides, also while nothing of it runs.
 */
#ifndef MS_DAEMON_IDS_H
#define MS_DAEMON_IDS_H

#include "lib/base.h"
#include "lib/error.h"

struct ms_ids {
	int dir; /* the lock folder */
	uint32_t first, count, next;
};

struct ms_id {
	uint32_t uid; /* and gid */
	int lock;     /* the id is held as long as any copy of this is open */
	int dir;      /* borrowed from the ms_ids, which must outlive it */
};
#define MS_ID_INIT ((struct ms_id){.lock = -EBADF, .dir = -EBADF})

MS_MUST_CHECK int ms_ids_open(uint32_t first, uint32_t count, struct ms_ids *ret,
			      struct ms_error *err);
void ms_ids_done(struct ms_ids *ids);
/* ms_ids_keep - @uid owns files: from now on nobody's ms_ids_take() gives it out, as long as the
 * file
 * @path (absolute) exists and says that number. Again for the same @path: nothing. -EBUSY with
 * reason conflict when it is kept for another, or another has it just now. */
MS_MUST_CHECK int ms_ids_keep(struct ms_ids *ids, uint32_t uid, const char *path,
			      struct ms_error *err);
/* ms_ids_take - any free id that owns nothing. -ENOSPC with reason host-full when the range is used
 * up. */
MS_MUST_CHECK int ms_ids_take(struct ms_ids *ids, struct ms_id *ret, struct ms_error *err);
/* ms_ids_take_this - that one, or -EBUSY with reason conflict. */
MS_MUST_CHECK int ms_ids_take_this(struct ms_ids *ids, uint32_t uid, struct ms_id *ret,
				   struct ms_error *err);
/* ms_id_of_adopted - that of a shim which a predecessor made: the shim alone holds the lock. */
struct ms_id ms_id_of_adopted(const struct ms_ids *ids, uint32_t uid);
/* ms_id_release - nothing of the holder lives any more: the lock file goes too, unless a shim that
 * lives on holds it. */
void ms_id_release(struct ms_id *id);

#endif
