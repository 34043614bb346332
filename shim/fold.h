/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fold.h - which refused call is told at once and which is counted into a later report. Pure: the
 * clock is an argument, what is to be sent is a result, notify.c does the sending. What a module
 * makes up to hide among can only cost the detail of what it made up: each native call that exists
 * has a place of its own, and the totals are exact.
 */
#ifndef MS_SHIM_FOLD_H
#define MS_SHIM_FOLD_H

#include "lib/base.h"
#include "lib/shimwire.h"

/* Kinds of call told apart; while there are fewer than SELECTED also by what they attempt, and
 * numbers that are not this machine's own by a budget for each class, FOREIGN in all. What is left
 * above SELECTED + FOREIGN holds every number up to the newest, whatever came before. */
#define MS_FOLD_SELECTED   256u
#define MS_FOLD_FOREIGN	   288u /* 32 made-up numbers, 128 of x32, 128 of other ABIs */
#define MS_FOLD_KINDS	   1024u
#define MS_FOLD_EVERY_USEC 1000000u
/* First calls told at once, and how soon one more may be; the others wait like repeats. */
#define MS_FOLD_FIRSTS	    64u
#define MS_FOLD_FIRST_USEC  200000u
#define MS_FOLD_MAX_NEWEST  (MS_FOLD_KINDS - MS_FOLD_SELECTED - MS_FOLD_FOREIGN - 1)
#define MS_FOLD_NATIVE_ARCH 0xc000003eu /* AUDIT_ARCH_X86_64 */
#define MS_FOLD_X32_BIT	    0x40000000u

/* Numbers of this machine that exist; that do not; of x32; of any other ABI (int 0x80). */
enum ms_fold_class {
	MS_FOLD_KNOWN,
	MS_FOLD_MADE_UP,
	MS_FOLD_X32,
	MS_FOLD_OTHER_ABI,
	MS_FOLD_CLASS_COUNT
};

/* One refused call, as the kernel told it. */
struct ms_fold_call {
	uint32_t arch, nr, tid;
	uint64_t args[6], ip;
	int32_t error;
	enum ms_shim_action action;
};

/* A kind of refused call: its number under its architecture, and what tells its attempts apart. */
struct ms_fold_kind {
	bool used;
	uint8_t comm_len;
	char comm[16];
	uint32_t pid;	  /* of the caller's process, 0 = not known */
	uint32_t pending; /* calls not yet reported */
	uint64_t selector, boot_usec, due_usec;
	struct ms_fold_call call; /* the one that stands for those in the next report */
};

struct ms_fold {
	uint32_t newest_nr; /* calls above do not exist here */
	struct ms_fold_kind kinds[MS_FOLD_KINDS];
	uint32_t n_kinds;
	uint32_t n_of[MS_FOLD_CLASS_COUNT];
	uint32_t firsts;      /* that may be told at once now; starts at MS_FOLD_FIRSTS */
	uint64_t firsts_usec; /* up to when `firsts` was refilled */
	struct ms_fold_kind
		rest[MS_FOLD_CLASS_COUNT]; /* of a class, what came too late for a place */
	uint64_t denied, reported;
};

/* ms_fold_is_native - a number of this architecture's own table, x32 not counted in. */
bool ms_fold_is_native(uint32_t arch, uint32_t nr);

/* ms_fold_add - count @call. The kind to be told now, with everything that can be known of the
 * caller: it is the first of it, and there were not too many of those; then ms_fold_sent() or
 * ms_fold_keep(). NULL: a later report has it. */
struct ms_fold_kind *ms_fold_add(struct ms_fold *fold, const struct ms_fold_call *call,
				 uint64_t now_usec);

/* ms_fold_report - what is to be told of @kind; texts and names of the caller are notify.c's. */
void ms_fold_report(const struct ms_fold *fold, const struct ms_fold_kind *kind,
		    struct ms_shim_violation *ret);

/* ms_fold_sent - the report has left. ms_fold_keep - the first of a kind has not: the kind's next
 * report counts it. */
void ms_fold_sent(struct ms_fold *fold, struct ms_fold_kind *kind);
void ms_fold_keep(struct ms_fold_kind *kind);

/* ms_fold_next - the next kind from *@at on (0 to start) with calls to report: those whose time has
 * come at @now_usec, or @all. NULL after the last. It is due again a second later. */
struct ms_fold_kind *ms_fold_next(struct ms_fold *fold, uint64_t now_usec, bool all, uint32_t *at);
/* ms_fold_due - when the first of the waiting reports is due; UINT64_MAX = none waits. */
uint64_t ms_fold_due(const struct ms_fold *fold);

#endif
