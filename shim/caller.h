/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caller.h - what can be known about the thread that made a refused call, while it waits for its
 * answer: all of it as the thread left it, opaque and capped.
 */
#ifndef MS_SHIM_CALLER_H
#define MS_SHIM_CALLER_H

#include "shim/shim.h"

struct ms_caller {
	uint32_t pid; /* of its process, inside; 0 when it is gone */
	size_t comm_len, exe_len;
	char comm[32], exe[MS_MAX_REPORT_TEXT_BYTES];
};

/* ms_caller_read - process, name and program of thread @tid. */
void ms_caller_read(const struct ms_shim *shim, uint32_t tid, struct ms_caller *ret);

/* ms_caller_read_texts - what the call's pointers lead to, into @v->texts. */
void ms_caller_read_texts(struct ms_shim_violation *v);

#endif
