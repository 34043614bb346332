/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.c - the listeners, answered by one process that owes nobody a wait: each refused call gets
 * its errno at once, unless there were too many in this second; then answers are delayed (the
 * flooding thread sleeps in the kernel), and after too many of those the module ends. The first
 * call of a kind is reported at once, repeats once a second; so are first calls beyond a budget.
 *
 * Everything read about the caller is as the caller left it: opaque, capped, and only believed to
 * be of this call after SECCOMP_IOCTL_NOTIF_ID_VALID.
 */
#include "shim/notify.h"

#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/sys.h"
#include "shim/caller.h"
#include "shim/fold.h"

#define N_TARPIT                                                                                   \
	1024u /* answers held back at once: bounded by the module's threads in any case            \
	       */
#define SECOND	     1000000u
#define RECV_AT_ONCE 64

struct held {
	uint64_t id, due_usec;
	int32_t error;
	uint8_t which; /* listener */
};

static struct {
	struct ms_notify_limits limits;
	struct ms_fold fold;
	struct held tarpit[N_TARPIT]; /* a ring: due times only grow */
	uint32_t tarpit_head, tarpit_len;
	uint64_t window_usec; /* start of the current second */
	uint32_t window_count;
	uint64_t tarpitted;
} state;

void ms_notify_init(struct ms_shim *shim)
{
	const struct ms_plan *plan = &shim->plan;

	state.limits = (struct ms_notify_limits){
		.newest_nr = plan->newest_nr,
		.tarpit_after = plan->tarpit_after,
		.tarpit_usec = plan->tarpit_usec,
		.kill_after = plan->kill_after,
		.n_kill_nrs = plan->n_kill_nrs,
	};
	state.fold.newest_nr = plan->newest_nr;
	state.fold.firsts = MS_FOLD_FIRSTS;
	memcpy(state.limits.kill_nrs, plan->kill_nrs, sizeof(plan->kill_nrs));
}

static bool is_native(const struct seccomp_data *data)
{
	return ms_fold_is_native(data->arch, (uint32_t)data->nr);
}

static bool is_forbidden(const struct seccomp_data *data)
{
	if (!is_native(data))
		return false;
	for (uint32_t i = 0; i < state.limits.n_kill_nrs; i++) {
		if (state.limits.kill_nrs[i] == (uint32_t)data->nr)
			return true;
	}
	return false;
}

/* What the caller gets. A number that no kernel known here has: ENOSYS, which is what libc's
 * fall-backs wait for. */
static int32_t verdict_error(const struct seccomp_data *data)
{
	return is_native(data) && (uint32_t)data->nr > state.limits.newest_nr ? ENOSYS : EPERM;
}

static void answer(const struct ms_shim *shim, uint8_t which, uint64_t id, int32_t error)
{
	struct seccomp_notif_resp resp = {.id = id, .error = -error};

	/* ENOENT: the caller died or was interrupted meanwhile; nobody waits for this answer. The
	 * same where the listener has ended, also when another has its place by now: each counts
	 * its ids from a random number of its own. */
	MS_IGNORE(ms_sys_ioctl(shim->listeners[which], SECCOMP_IOCTL_NOTIF_SEND, &resp));
}

/* Send one report; with a pidfd of the caller where it still lives. 0 or -errno (EAGAIN: modsupd is
 * behind). */
static int send_report(struct ms_shim *shim, const struct ms_shim_violation *v)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	size_t len = ms_shimwire_violation(buf, MS_SHIM_SPEAKS, v);
	ms_auto_fd int pidfd = v->pid ? ms_sys_pidfd_open((int)v->pid, 0) : -ESRCH;

	return ms_io_send(shim->control, buf, len, pidfd, MSG_DONTWAIT);
}

/* The first of a kind: everything that can be known about it, now, while the caller waits. */
static void report_first(struct ms_shim *shim, uint8_t which, struct ms_fold_kind *k, uint64_t id)
{
	struct ms_shim_violation v;
	struct ms_caller caller;

	ms_fold_report(&state.fold, k, &v);
	ms_caller_read(shim, v.tid, &caller);
	ms_caller_read_texts(&v);
	if (ms_sys_ioctl(shim->listeners[which], SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0) {
		/* the thread id may be another's by now: nothing read belongs to this call for sure
		 */
		caller = (struct ms_caller){0};
		v.n_texts = 0;
	}
	k->pid = v.pid = caller.pid;
	k->comm_len = (uint8_t)MS_MIN(caller.comm_len, sizeof(k->comm));
	memcpy(k->comm, caller.comm, k->comm_len);
	v.comm = (struct ms_str){.p = caller.comm, .len = caller.comm_len};
	v.exe = (struct ms_str){.p = caller.exe, .len = caller.exe_len};
	if (send_report(shim, &v) == 0)
		ms_fold_sent(&state.fold, k);
	else
		ms_fold_keep(k); /* modsupd is behind: a later tick tries again */
}

static void note_call(struct ms_shim *shim, uint8_t which, const struct seccomp_notif *n,
		      int32_t error, uint64_t now, enum ms_shim_action action)
{
	struct ms_fold_call call = {
		.arch = n->data.arch,
		.nr = (uint32_t)n->data.nr,
		.tid = n->pid,
		.ip = n->data.instruction_pointer,
		.error = error,
		.action = action,
	};
	struct ms_fold_kind *first;

	for (size_t i = 0; i < 6; i++)
		call.args[i] = n->data.args[i];
	first = ms_fold_add(&state.fold, &call, now);
	if (first)
		report_first(shim, which, first, n->id);
}

static enum ms_notify_end handle(struct ms_shim *shim, uint8_t which, const struct seccomp_notif *n,
				 uint64_t now)
{
	int32_t error = verdict_error(&n->data);
	bool flood;
	uint32_t at;

	if (is_forbidden(&n->data)) {
		note_call(shim, which, n, error, now, MS_SHIM_TERMINATED);
		return MS_NOTIFY_FORBIDDEN;
	}
	if (now - state.window_usec >= SECOND) {
		state.window_usec = now;
		state.window_count = 0;
	}
	if (++state.window_count <= state.limits.tarpit_after || state.tarpit_len == N_TARPIT) {
		note_call(shim, which, n, error, now, MS_SHIM_BLOCKED);
		answer(shim, which, n->id, error);
		return MS_NOTIFY_GO_ON;
	}
	flood = ++state.tarpitted > state.limits.kill_after;
	note_call(shim, which, n, error, now, flood ? MS_SHIM_TERMINATED : MS_SHIM_THROTTLED);
	at = (state.tarpit_head + state.tarpit_len++) % N_TARPIT;
	state.tarpit[at] = (struct held){.id = n->id,
					 .due_usec = now + state.limits.tarpit_usec,
					 .error = error,
					 .which = which};
	return flood ? MS_NOTIFY_FLOOD : MS_NOTIFY_GO_ON;
}

enum ms_notify_end ms_notify_receive(struct ms_shim *shim, uint8_t which, uint64_t now_usec)
{
	for (int i = 0; i < RECV_AT_ONCE; i++) {
		struct seccomp_notif n = {0}; /* the kernel refuses a buffer that is not zero */
		enum ms_notify_end end;

		int r = ms_sys_ioctl(shim->listeners[which], SECCOMP_IOCTL_NOTIF_RECV, &n);

		if (r == -ENOTTY) /* something else: it would be readable for ever */
			shim->listeners[which] = ms_fd_close(shim->listeners[which]);
		/* ENOENT: the caller died between poll and here. EINTR, EAGAIN: nothing there. */
		if (r < 0)
			return MS_NOTIFY_GO_ON;
		end = handle(shim, which, &n, now_usec);
		if (end != MS_NOTIFY_GO_ON)
			return end;
		{
			/* RECV sleeps when nothing is queued: ask first */
			struct {
				int fd;
				short events, revents;
			} poll = {.fd = shim->listeners[which], .events = 1 /* POLLIN */};
			const struct timespec zero = {0};

			if (ms_sys_ppoll(&poll, 1, &zero) != 1 || !(poll.revents & 1))
				return MS_NOTIFY_GO_ON;
		}
	}
	return MS_NOTIFY_GO_ON;
}

static void send_folded(struct ms_shim *shim, uint64_t now_usec, bool all)
{
	struct ms_fold_kind *k;
	uint32_t at = 0;

	while ((k = ms_fold_next(&state.fold, now_usec, all, &at))) {
		struct ms_shim_violation v;

		ms_fold_report(&state.fold, k, &v);
		if (send_report(shim, &v) == 0)
			ms_fold_sent(&state.fold, k);
	}
}

uint64_t ms_notify_tick(struct ms_shim *shim, uint64_t now_usec)
{
	uint64_t next = UINT64_MAX;

	while (state.tarpit_len) {
		struct held *h = &state.tarpit[state.tarpit_head];

		if (h->due_usec > now_usec) {
			next = h->due_usec;
			break;
		}
		answer(shim, h->which, h->id, h->error);
		state.tarpit_head = (state.tarpit_head + 1) % N_TARPIT;
		state.tarpit_len--;
	}
	send_folded(shim, now_usec, /* all= */ false);
	return MS_MIN(next, ms_fold_due(&state.fold));
}

void ms_notify_flush(struct ms_shim *shim)
{
	send_folded(shim, /* now_usec= */ 0, /* all= */ true);
}

void ms_notify_totals(uint64_t *ret_denied, uint64_t *ret_reported)
{
	*ret_denied = state.fold.denied;
	*ret_reported = state.fold.reported;
}
