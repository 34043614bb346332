/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fold.c - the table of kinds behind fold.h: no system call, no clock, no allocation. Called by
 * notify.c for each refused call, so that a walk through the table is all it may cost.
 */
#include "shim/fold.h"

#include <string.h>

#include "lib/sysarg.h"

/**
 * ms_fold_is_native() - see fold.h
 */
bool ms_fold_is_native(uint32_t arch, uint32_t nr)
{
	return arch == MS_FOLD_NATIVE_ARCH && !(nr & MS_FOLD_X32_BIT);
}

static struct ms_fold_kind *make_kind(struct ms_fold *fold, const struct ms_fold_call *call,
				      uint64_t selector)
{
	struct ms_fold_kind *k = &fold->kinds[fold->n_kinds++];

	*k = (struct ms_fold_kind){.selector = selector};
	k->call.arch = call->arch;
	k->call.nr = call->nr;
	return k;
}

/* What a number that is not one of this machine's own can be. */
static enum ms_fold_class class_of(const struct ms_fold *fold, const struct ms_fold_call *call)
{
	if (call->arch != MS_FOLD_NATIVE_ARCH)
		return MS_FOLD_OTHER_ABI;
	if (call->nr & MS_FOLD_X32_BIT)
		return MS_FOLD_X32;
	return call->nr > fold->newest_nr ? MS_FOLD_MADE_UP : MS_FOLD_KNOWN;
}

/*
 * The kind's place. Who makes up kinds to fill the table only loses detail of those: beyond
 * SELECTED the number alone decides; each class of numbers that are not this machine's own has a
 * budget, and one place for the rest, which no other class can speak for; and each native number
 * that exists still finds a place.
 */
static struct ms_fold_kind *find_kind(struct ms_fold *fold, const struct ms_fold_call *call)
{
	static const uint32_t budgets[MS_FOLD_CLASS_COUNT] = {
		[MS_FOLD_KNOWN] = MS_FOLD_KINDS,
		[MS_FOLD_MADE_UP] = 32,
		[MS_FOLD_X32] = 128,
		[MS_FOLD_OTHER_ABI] = 128,
	};
	enum ms_fold_class class = class_of(fold, call);
	bool native = ms_fold_is_native(call->arch, call->nr);
	uint64_t selector = native ? ms_sysarg_selector(call->nr, call->args) : 0;
	struct ms_fold_kind *same = NULL;

	for (uint32_t i = 0; i < fold->n_kinds; i++) {
		struct ms_fold_kind *k = &fold->kinds[i];

		if (k->call.nr != call->nr || k->call.arch != call->arch)
			continue;
		if (k->selector == selector)
			return k;
		same = k;
	}
	if (same && fold->n_kinds >= MS_FOLD_SELECTED)
		return same;
	if (fold->n_of[class] == budgets[class] || fold->n_kinds == MS_FOLD_KINDS)
		return &fold->rest[class]; /* KNOWN only for a newest number above MAX_NEWEST */
	fold->n_of[class]++;
	return make_kind(fold, call, fold->n_kinds < MS_FOLD_SELECTED ? selector : 0);
}

static void take_call(struct ms_fold_kind *k, const struct ms_fold_call *call, uint64_t now_usec)
{
	if (k->call.tid != call->tid)
		k->pid = 0;
	k->call = *call;
	k->boot_usec = now_usec;
}

/* A module that does something new all the time is told of by the second too. */
static bool take_first(struct ms_fold *fold, uint64_t now_usec)
{
	while (fold->firsts < MS_FOLD_FIRSTS &&
	       now_usec - fold->firsts_usec >= MS_FOLD_FIRST_USEC) {
		fold->firsts++;
		fold->firsts_usec += MS_FOLD_FIRST_USEC;
	}
	if (fold->firsts >= MS_FOLD_FIRSTS)
		fold->firsts_usec = now_usec;
	if (!fold->firsts)
		return false;
	fold->firsts--;
	return true;
}

/**
 * ms_fold_add() - see fold.h
 */
struct ms_fold_kind *ms_fold_add(struct ms_fold *fold, const struct ms_fold_call *call,
				 uint64_t now_usec)
{
	struct ms_fold_kind *k = find_kind(fold, call);

	fold->denied++;
	if (!k->used) {
		k->used = true;
		k->due_usec = now_usec + MS_FOLD_EVERY_USEC;
		take_call(k, call, now_usec);
		if (take_first(fold, now_usec))
			return k;
		k->pending = 1;
		return NULL;
	}
	if (k->pending++ == 0) {
		/* the first of those that will be folded stands for all */
		take_call(k, call, now_usec);
		if (k->due_usec < now_usec)
			k->due_usec = now_usec;
	}
	k->call.action = call->action;
	return NULL;
}

/**
 * ms_fold_report() - see fold.h
 */
void ms_fold_report(const struct ms_fold *fold, const struct ms_fold_kind *kind,
		    struct ms_shim_violation *ret)
{
	*ret = (struct ms_shim_violation){
		.arch = kind->call.arch,
		.nr = kind->call.nr,
		.ip = kind->call.ip,
		.tid = kind->call.tid,
		.pid = kind->pid,
		.error = kind->call.error,
		.action = kind->call.action,
		.boot_usec = kind->boot_usec,
		.total = fold->denied,
		.count = kind->pending ? kind->pending : 1,
		.comm = {.p = kind->comm, .len = kind->comm_len},
		.exe = {.p = ""},
	};
	memcpy(ret->args, kind->call.args, sizeof(ret->args));
}

/**
 * ms_fold_sent() - see fold.h
 */
void ms_fold_sent(struct ms_fold *fold, struct ms_fold_kind *kind)
{
	fold->reported += kind->pending ? kind->pending : 1;
	kind->pending = 0;
}

/**
 * ms_fold_keep() - see fold.h
 */
void ms_fold_keep(struct ms_fold_kind *kind)
{
	kind->pending++;
}

static struct ms_fold_kind *kind_at(struct ms_fold *fold, uint32_t at)
{
	if (at < fold->n_kinds)
		return &fold->kinds[at];
	at -= fold->n_kinds;
	return at < MS_FOLD_CLASS_COUNT ? &fold->rest[at] : NULL;
}

/**
 * ms_fold_next() - see fold.h
 */
struct ms_fold_kind *ms_fold_next(struct ms_fold *fold, uint64_t now_usec, bool all, uint32_t *at)
{
	struct ms_fold_kind *k;

	while ((k = kind_at(fold, (*at)++))) {
		if (!k->pending || (!all && k->due_usec > now_usec))
			continue;
		k->due_usec = now_usec + MS_FOLD_EVERY_USEC;
		return k;
	}
	return NULL;
}

/**
 * ms_fold_due() - see fold.h
 */
uint64_t ms_fold_due(const struct ms_fold *fold)
{
	uint64_t due = UINT64_MAX;

	for (uint32_t i = 0; i < MS_FOLD_CLASS_COUNT; i++) {
		if (fold->rest[i].pending)
			due = MS_MIN(due, fold->rest[i].due_usec);
	}
	for (uint32_t i = 0; i < fold->n_kinds; i++) {
		if (fold->kinds[i].pending)
			due = MS_MIN(due, fold->kinds[i].due_usec);
	}
	return due;
}
