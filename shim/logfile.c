/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfile.c - see logfile.h. A write that fails (disk full) never leaves half a record, is counted,
 * and is told in the log by the first write that succeeds again; it never waits.
 */
#include "shim/logfile.h"

#include <string.h>

#include "lib/fs.h"
#include "lib/num.h"

#define NOTE_END " bytes could not be written"

static struct {
	uint64_t cap, used; /* of each file; of the one that is being filled */
	uint64_t generation;
	uint64_t lost, untold;
	int at; /* which file is being filled */
} state;

/** ms_logfile_init() - begin with empty files of at most @cap bytes each. */
void ms_logfile_init(uint64_t cap)
{
	state.cap = cap;
	state.used = state.generation = state.lost = state.untold = 0;
	state.at = 0;
}

/** ms_logbatch_init() - an empty batch whose records are of now. */
void ms_logbatch_init(struct ms_logbatch *batch, struct ms_shim *shim)
{
	struct timespec ts = {0};

	(void)ms_sys_clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
	batch->shim = shim;
	batch->usec = (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
	batch->len = 0;
	batch->told = 0;
}

static int write_at_end(struct ms_shim *shim, const void *data, size_t len)
{
	int fd = shim->log_files[state.at], r;

	r = ms_fs_write_all(fd, data, len);
	if (r == 0) {
		state.used += len;
		return 0;
	}
	/* What of it was written would be read as the beginning of the next record. */
	if (ms_sys_ftruncate(fd, (int64_t)state.used) < 0 ||
	    ms_sys_lseek(fd, (int64_t)state.used, SEEK_SET) < 0)
		state.used = state.cap; /* leave this file */
	return r;
}

/* What is in the file to be filled is older than all that is in the other one. */
static int begin(struct ms_shim *shim, uint64_t usec)
{
	struct ms_logrec rec = {
		.source = MS_LOGREC_HEADER, .usec = usec, .generation = state.generation + 1};
	uint8_t header[MS_LOGREC_HEADER_BYTES];
	int fd = shim->log_files[state.at], r;

	r = ms_sys_ftruncate(fd, 0);
	if (r < 0)
		return r;
	if (ms_sys_lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	r = write_at_end(shim, header, ms_logrec_encode(header, &rec));
	if (r == 0)
		state.generation++;
	return r;
}

static int put(struct ms_shim *shim, const void *data, size_t len, uint64_t usec)
{
	int r = 0;

	if (state.used + len > state.cap) {
		state.at = !state.at;
		state.used = 0;
	}
	if (state.used == 0)
		r = begin(shim, usec);
	return r == 0 ? write_at_end(shim, data, len) : r;
}

/* Right before the records; how many bytes. */
static size_t add_note(struct ms_logbatch *batch)
{
	char text[21 + sizeof(NOTE_END)];
	uint8_t note[MS_LOGREC_HEAD_BYTES + sizeof(text)];
	struct ms_logrec rec = {.source = MS_LOGREC_NOTE, .usec = batch->usec};
	size_t len = ms_num_format(state.untold, text);

	memcpy(text + len, NOTE_END, sizeof(NOTE_END) - 1);
	rec.text = (struct ms_str){.p = text, .len = len + sizeof(NOTE_END) - 1};
	len = ms_logrec_encode(note, &rec);
	_Static_assert(sizeof(note) <= MS_LOGFILE_NOTE_BYTES, "room for a note");
	memcpy(batch->bytes + MS_LOGFILE_NOTE_BYTES - len, note, len);
	return len;
}

/** ms_logbatch_flush() - write what is in @batch, or count it as lost. */
void ms_logbatch_flush(struct ms_logbatch *batch)
{
	size_t note;

	if (!batch->len)
		return;
	/* In one write: on a nearly full disk the note alone would still fit, again and again. */
	note = state.untold ? add_note(batch) : 0;
	if (put(batch->shim, batch->bytes + MS_LOGFILE_NOTE_BYTES - note, note + batch->len,
		batch->usec) < 0) {
		state.lost += batch->told;
		state.untold += batch->told;
	} else {
		state.untold = 0;
	}
	batch->len = 0;
	batch->told = 0;
}

/**
 * ms_logbatch_add() - append a record, writing those before it when there is no room.
 * @batch: its time becomes the record's
 * @rec: source, partial and text
 * @told: bytes of the module that are lost if this cannot be written
 * Return: bytes in the file.
 */
size_t ms_logbatch_add(struct ms_logbatch *batch, const struct ms_logrec *rec, size_t told)
{
	struct ms_logrec timed = *rec;
	size_t len;

	if (MS_LOGFILE_BATCH_BYTES - batch->len < MS_LOGREC_HEAD_BYTES + rec->text.len)
		ms_logbatch_flush(batch);
	timed.usec = batch->usec;
	len = ms_logrec_encode(batch->bytes + MS_LOGFILE_NOTE_BYTES + batch->len, &timed);
	batch->len += len;
	batch->told += (uint32_t)told;
	return len;
}

/** ms_logfile_lost() - Return: bytes of the module that could not be written. */
uint64_t ms_logfile_lost(void)
{
	return state.lost;
}
