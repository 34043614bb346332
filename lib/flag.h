/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flag.h - the emergency flag: one file in the state folder that says whether anything may start.
 * Its first byte is '0' (nothing is wrong) or '1'; everything else, the lack of the file included,
 * counts as '1'. The file is made once, whole, with its blocks allocated, and from then on only
 * overwritten in place: raising it needs no room on the disk. After the first byte comes text at
 * fixed places, for people: since when, by whom, why. Read by modsupd and, its first byte, by every
 * shim; written by modsupd and by modsupctl, which needs no modsupd for it.
 */
#ifndef MS_LIB_FLAG_H
#define MS_LIB_FLAG_H

#include "lib/base.h"
#include "lib/error.h"
#include "modsup/limits.h"

#define MS_FLAG_NAME	 "emergency"
#define MS_FLAG_BYTES	 4096u
#define MS_FLAG_BY_BYTES 64u

struct ms_flag {
	bool up;
	uint64_t since_usec;		      /* CLOCK_REALTIME */
	char by[MS_FLAG_BY_BYTES + 1];	      /* who, in a few words */
	char reason[MS_MAX_REASON_BYTES + 1]; /* why, "" when it is down */
};

/* ms_flag_text - is @text fit for `by` and `reason`: at most @max bytes of UTF-8 on one line,
 * without control bytes? 0, -E2BIG or -EINVAL. Pure. */
MS_MUST_CHECK int ms_flag_text(const char *text, size_t len, size_t max);
/* ms_flag_encode - the file's bytes. What is too long or unfit for the file is cut. Pure. */
void ms_flag_encode(const struct ms_flag *flag, char out[static MS_FLAG_BYTES]);
/* ms_flag_decode - 0, or -EBADMSG for what is no such file; @ret->up is then true, and the rest is
 * empty. Pure. */
MS_MUST_CHECK int ms_flag_decode(const char *data, size_t len, struct ms_flag *ret);

/* ms_flag_open - the file in @dirfd, with @create made (lowered) when it is missing. A descriptor
 * to read and write it, or -errno with @err: -ENOENT is said too. */
MS_MUST_CHECK int ms_flag_open(int dirfd, bool create, struct ms_error *err);
/* ms_flag_read - as ms_flag_decode(), or -errno. @ret is filled in any case. */
MS_MUST_CHECK int ms_flag_read(int fd, struct ms_flag *ret);
/* ms_flag_write - in place; every reader sees it from now on. */
MS_MUST_CHECK int ms_flag_write(int fd, const struct ms_flag *flag);
/* ms_flag_sync - on the disk, so that it outlives the machine's power. May take as long as the disk
 * does: whoever raised it ends the modules first. */
MS_MUST_CHECK int ms_flag_sync(int fd);
/* ms_flag_is_down - the one question before anything starts: only a readable '0' is a yes. */
bool ms_flag_is_down(int fd);

#endif
