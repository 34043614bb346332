/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.c - one listener, answered by one process that owes nobody a wait: each refused call gets
 * its errno at once, unless there were too many in this second; then answers are delayed (the
 * flooding thread sleeps in the kernel), and after too many of those the module ends. The first
 * call of a kind is reported at once, repeats once a second.
 *
 * Everything read about the caller is as the caller left it: opaque, capped, and only believed to
 * be of this call after SECCOMP_IOCTL_NOTIF_ID_VALID.
 */
#include "shim/notify.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/sys.h"
#include "lib/sysarg.h"
#include "shim/caller.h"

#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define X32_BIT	    0x40000000u
/* Kinds of call told apart; while there are fewer than N_SELECTED also by what they attempt, and
 * numbers that do not exist here only while there are fewer than N_FOREIGN. */
#define N_KINDS	   640u
#define N_SELECTED 256u
#define N_FOREIGN  384u
#define N_TARPIT                                                                                   \
	1024u /* answers held back at once: bounded by the module's threads in any case            \
	       */
#define SECOND	     1000000u
#define RECV_AT_ONCE 64

/* A kind of refused call: its number under its architecture, and what tells its attempts apart. */
struct kind {
	bool used, unsent; /* unsent: modsupd was behind when the first of it came */
	uint8_t comm_len;
	char comm[16];
	uint32_t arch, nr, tid, pid;
	uint32_t pending; /* calls not yet reported */
	int32_t error;
	enum ms_shim_action action;
	uint64_t selector, args[6], ip, boot_usec, due_usec;
};

struct held {
	uint64_t id, due_usec;
	int32_t error;
};

static struct {
	struct ms_notify_limits limits;
	struct kind kinds[N_KINDS];
	uint32_t n_kinds;
	struct held tarpit[N_TARPIT]; /* a ring: due times only grow */
	uint32_t tarpit_head, tarpit_len;
	uint64_t window_usec; /* start of the current second */
	uint32_t window_count;
	uint64_t tarpitted;
	uint64_t denied, reported;
	uint64_t next_tick;
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
	memcpy(state.limits.kill_nrs, plan->kill_nrs, sizeof(plan->kill_nrs));
}

static bool is_native(const struct seccomp_data *data)
{
	return data->arch == NATIVE_ARCH && !((uint32_t)data->nr & X32_BIT);
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

static void answer(const struct ms_shim *shim, uint64_t id, int32_t error)
{
	struct seccomp_notif_resp resp = {.id = id, .error = -error};

	/* ENOENT: the caller died or was interrupted meanwhile; nobody waits for this answer */
	MS_IGNORE(ms_sys_ioctl(shim->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp));
}

/* Send one report; with a pidfd of the caller where it still lives. 0 or -errno (EAGAIN: modsupd is
 * behind). */
static int send_report(struct ms_shim *shim, const struct ms_shim_violation *v)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	size_t len = ms_shimwire_violation(buf, v);
	ms_auto_fd int pidfd = v->pid ? ms_sys_pidfd_open((int)v->pid, 0) : -ESRCH;
	int r = ms_io_send(shim->control, buf, len, pidfd, MSG_DONTWAIT);

	if (r == 0)
		state.reported += v->count;
	return r;
}

static uint64_t selector_of(const struct seccomp_data *data)
{
	return is_native(data)
		       ? ms_sysarg_selector((uint32_t)data->nr, (const uint64_t *)data->args)
		       : 0;
}

/*
 * The kind's place. Who makes up kinds to fill the table only loses detail of those: beyond
 * N_SELECTED the number alone decides, beyond N_FOREIGN all foreign numbers are one, and the calls
 * of this architecture, which are fewer than what is left, always have a place of their own.
 */
static struct kind *find_kind(const struct seccomp_data *data)
{
	bool known = is_native(data) && (uint32_t)data->nr <= state.limits.newest_nr;
	uint32_t arch = data->arch, nr = (uint32_t)data->nr;
	uint64_t selector = state.n_kinds < N_SELECTED ? selector_of(data) : 0;
	struct kind *same = NULL;

	for (uint32_t i = 0; i < state.n_kinds; i++) {
		struct kind *k = &state.kinds[i];

		if (k->arch == arch && k->nr == nr) {
			if (k->selector == selector_of(data))
				return k;
			same = k;
		} else if (!same && !known && state.n_kinds >= N_FOREIGN &&
			   k->arch != NATIVE_ARCH) {
			same = k;
		}
	}
	if (same && (state.n_kinds >= N_SELECTED || !known))
		return same;
	if (state.n_kinds == N_KINDS || (!known && state.n_kinds >= N_FOREIGN))
		return NULL;
	same = &state.kinds[state.n_kinds++];
	*same = (struct kind){.arch = arch, .nr = nr, .selector = selector};
	return same;
}

static void take_call(struct kind *k, const struct seccomp_notif *n, int32_t error, uint64_t now)
{
	if (k->tid != n->pid)
		k->pid = 0;
	k->tid = n->pid;
	k->error = error;
	k->ip = n->data.instruction_pointer;
	k->boot_usec = now;
	for (size_t i = 0; i < 6; i++)
		k->args[i] = n->data.args[i];
}

static struct ms_shim_violation as_violation(const struct kind *k)
{
	struct ms_shim_violation v = {
		.arch = k->arch,
		.nr = k->nr,
		.ip = k->ip,
		.tid = k->tid,
		.pid = k->pid,
		.error = k->error,
		.action = k->action,
		.boot_usec = k->boot_usec,
		.total = state.denied,
		.count = 1,
		.comm = {.p = k->comm, .len = k->comm_len},
		.exe = {.p = ""},
	};

	memcpy(v.args, k->args, sizeof(v.args));
	return v;
}

/* The first of a kind: everything that can be known about it, now, while the caller waits. */
static void report_first(struct ms_shim *shim, struct kind *k, uint64_t id)
{
	struct ms_shim_violation v = as_violation(k);
	struct ms_caller caller;

	ms_caller_read(shim, k->tid, &caller);
	ms_caller_read_texts(&v);
	if (ms_sys_ioctl(shim->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0) {
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
	k->unsent = send_report(shim, &v) < 0;
	if (k->unsent)
		k->pending++; /* modsupd is behind: the next tick tries again */
}

static void note_call(struct ms_shim *shim, const struct seccomp_notif *n, int32_t error,
		      uint64_t now, enum ms_shim_action action)
{
	struct kind *k = find_kind(&n->data);

	state.denied++;
	if (!k)
		return;
	k->action = action;
	if (!k->used) {
		k->used = true;
		k->due_usec = now + SECOND;
		take_call(k, n, error, now);
		report_first(shim, k, n->id);
		return;
	}
	if (k->pending++ == 0) {
		take_call(k, n, error,
			  now); /* the first of those that will be folded stands for all */
		if (k->due_usec < now)
			k->due_usec = now;
	}
}

static enum ms_notify_end handle(struct ms_shim *shim, const struct seccomp_notif *n, uint64_t now)
{
	int32_t error = verdict_error(&n->data);
	bool flood;
	uint32_t at;

	if (is_forbidden(&n->data)) {
		note_call(shim, n, error, now, MS_SHIM_TERMINATED);
		return MS_NOTIFY_FORBIDDEN;
	}
	if (now - state.window_usec >= SECOND) {
		state.window_usec = now;
		state.window_count = 0;
	}
	if (++state.window_count <= state.limits.tarpit_after || state.tarpit_len == N_TARPIT) {
		note_call(shim, n, error, now, MS_SHIM_BLOCKED);
		answer(shim, n->id, error);
		return MS_NOTIFY_GO_ON;
	}
	flood = ++state.tarpitted > state.limits.kill_after;
	note_call(shim, n, error, now, flood ? MS_SHIM_TERMINATED : MS_SHIM_THROTTLED);
	at = (state.tarpit_head + state.tarpit_len++) % N_TARPIT;
	state.tarpit[at] = (struct held){
		.id = n->id, .due_usec = now + state.limits.tarpit_usec, .error = error};
	return flood ? MS_NOTIFY_FLOOD : MS_NOTIFY_GO_ON;
}

enum ms_notify_end ms_notify_receive(struct ms_shim *shim, uint64_t now_usec)
{
	for (int i = 0; i < RECV_AT_ONCE; i++) {
		struct seccomp_notif n = {0}; /* the kernel refuses a buffer that is not zero */
		enum ms_notify_end end;

		/* ENOENT: the caller died between poll and here. EINTR, EAGAIN: nothing there. */
		if (ms_sys_ioctl(shim->listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
			return MS_NOTIFY_GO_ON;
		end = handle(shim, &n, now_usec);
		if (end != MS_NOTIFY_GO_ON)
			return end;
		{
			/* RECV sleeps when nothing is queued: ask first */
			struct {
				int fd;
				short events, revents;
			} poll = {.fd = shim->listener, .events = 1 /* POLLIN */};
			const struct timespec zero = {0};

			if (ms_sys_ppoll(&poll, 1, &zero) != 1 || !(poll.revents & 1))
				return MS_NOTIFY_GO_ON;
		}
	}
	return MS_NOTIFY_GO_ON;
}

static void send_folded(struct ms_shim *shim, struct kind *k)
{
	struct ms_shim_violation v = as_violation(k);

	v.count = k->pending;
	if (send_report(shim, &v) == 0) {
		k->pending = 0;
		k->unsent = false;
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
		answer(shim, h->id, h->error);
		state.tarpit_head = (state.tarpit_head + 1) % N_TARPIT;
		state.tarpit_len--;
	}
	for (uint32_t i = 0; i < state.n_kinds; i++) {
		struct kind *k = &state.kinds[i];

		if (!k->pending)
			continue;
		if (k->due_usec <= now_usec) {
			send_folded(shim, k);
			k->due_usec = now_usec + SECOND;
		}
		if (k->pending)
			next = MS_MIN(next, k->due_usec);
	}
	return next;
}

void ms_notify_flush(struct ms_shim *shim)
{
	for (uint32_t i = 0; i < state.n_kinds; i++) {
		if (state.kinds[i].pending)
			send_folded(shim, &state.kinds[i]);
	}
}

void ms_notify_totals(uint64_t *ret_denied, uint64_t *ret_reported)
{
	*ret_denied = state.denied;
	*ret_reported = state.reported;
}
