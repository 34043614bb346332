/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfile.h - records into the log's two files, which are filled in turn, so that the log is
 * bounded and the newer half of it always whole. Private to logs.c.
 */
#ifndef MS_SHIM_LOGFILE_H
#define MS_SHIM_LOGFILE_H

#include "lib/logrec.h"
#include "shim/shim.h"

#define MS_LOGFILE_BATCH_BYTES 2048u
#define MS_LOGFILE_NOTE_BYTES  80u

/* Records that are written together, after room for a note on what could not be written before
 * them. On the stack of whoever fills it. */
struct ms_logbatch {
	struct ms_shim *shim; /* borrowed */
	uint64_t usec;	      /* CLOCK_REALTIME of all of them */
	size_t len;
	uint32_t told; /* bytes of the module that they stand for */
	uint8_t bytes[MS_LOGFILE_NOTE_BYTES + MS_LOGFILE_BATCH_BYTES];
};

void ms_logfile_init(uint64_t cap);
void ms_logbatch_init(struct ms_logbatch *batch, struct ms_shim *shim);
/* ms_logbatch_add - one record that stands for @told bytes of the module; how many bytes it takes
 * in the file. */
size_t ms_logbatch_add(struct ms_logbatch *batch, const struct ms_logrec *rec, size_t told);
void ms_logbatch_flush(struct ms_logbatch *batch);
/* ms_logfile_lost - bytes of the module that could not be written. */
uint64_t ms_logfile_lost(void);

#endif
