/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysarg.h - which arguments of a native x86-64 call point to something that a reader of a report
 * wants to see: a path, a socket address, bytes. At most two a call. A table by number; safe for
 * the shim.
 */
#ifndef MS_LIB_SYSARG_H
#define MS_LIB_SYSARG_H

#include "lib/base.h"
#include "lib/shimwire.h"

#define MS_SYSARG_NO_LEN 0xff

struct ms_sysarg_text {
	uint8_t arg;		/* 0-5: the pointer */
	enum ms_text_kind kind; /* PATH: to a NUL */
	uint8_t len_arg;	/* 0-5: the argument with its length, or MS_SYSARG_NO_LEN */
};

struct ms_sysarg {
	uint16_t nr;
	uint8_t n_texts;
	struct ms_sysarg_text texts[2];
};

/* ms_sysarg_find - the row of a call, NULL when nothing of it is worth reading. */
const struct ms_sysarg *ms_sysarg_find(uint32_t nr);

/* ms_sysarg_selector - what tells two calls of one number apart as attempts: the family and type of
 * a socket, the request of an ioctl, the option of a prctl ...; 0 where the number says it all. */
uint64_t ms_sysarg_selector(uint32_t nr, const uint64_t args[static 6]);

#endif
