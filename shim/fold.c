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

/*
 * The kind's place. Who makes up kinds to fill the table only loses detail of those: beyond
 * SELECTED the number alone decides, beyond FOREIGN all new foreign numbers are one, and each
 * native number that exists still finds a place.
 */
static struct ms_fold_kind *find_kind(struct ms_fold *fold, const struct ms_fold_call *call)
{
	bool native = ms_fold_is_native(call->arch, call->nr);
	bool known = native && call->nr <= fold->newest_nr;
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
	if (!known && fold->n_kinds >= MS_FOLD_FOREIGN)
		return &fold->rest;
	if (fold->n_kinds == MS_FOLD_KINDS)
		return &fold->rest; /* a newest number above MS_FOLD_MAX_NEWEST */
	return make_kind(fold, call, fold->n_kinds < MS_FOLD_SELECTED ? selector : 0);
}

static void take_call(struct ms_fold_kind *k, const struct ms_fold_call *call, uint64_t now_usec)
{
	if (k->call.tid != call->tid)
		k->pid = 0;
	k->call = *call;
	k->boot_usec = now_usec;
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
		return k;
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
	return at < fold->n_kinds ? &fold->kinds[at] : at == fold->n_kinds ? &fold->rest : NULL;
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
	uint64_t due = fold->rest.pending ? fold->rest.due_usec : UINT64_MAX;

	for (uint32_t i = 0; i < fold->n_kinds; i++) {
		if (fold->kinds[i].pending)
			due = MS_MIN(due, fold->kinds[i].due_usec);
	}
	return due;
}
