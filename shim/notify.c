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
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "lib/num.h"
#include "lib/sys.h"
#include "lib/sysarg.h"

#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define X32_BIT	    0x40000000u
#define N_KINDS	    256u  /* kinds of call told apart; more than any program tries by accident */
#define N_TARPIT    1024u /* answers held back at once: bounded by the module's threads in any case \
			   */
#define SECOND	     1000000u
#define RECV_AT_ONCE 64

/* A kind of refused call: its number under its architecture. */
struct kind {
	bool used;
	struct ms_shim_violation sample; /* texts and strings live in the buffers below */
	char comm[16];
	uint32_t pending; /* calls not yet reported */
	bool first;	  /* not reported at all yet */
	uint64_t due_usec;
};

struct held {
	uint64_t id, due_usec;
	int32_t error;
};

static struct {
	struct ms_notify_limits limits;
	struct kind kinds[N_KINDS];
	uint32_t n_pending_kinds;
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

static ssize_t read_proc(const struct ms_shim *shim, uint32_t tid, const char *name, char *buf,
			 size_t cap)
{
	char path[64];
	ms_auto_fd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "%u/%s", tid, name); /* always fits */
	fd = ms_sys_openat(shim->proc, path, O_RDONLY | O_CLOEXEC, 0);
	return fd < 0 ? fd : ms_sys_read(fd, buf, cap);
}

static size_t read_comm(const struct ms_shim *shim, uint32_t tid, char *buf, size_t cap)
{
	ssize_t n = read_proc(shim, tid, "comm", buf, cap);

	if (n <= 0)
		return 0;
	if (buf[n - 1] == '\n')
		n--;
	return strnlen(buf, (size_t)n);
}

static size_t read_exe(const struct ms_shim *shim, uint32_t tid, char *buf, size_t cap)
{
	char path[32];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%u/exe", tid); /* always fits */
	n = ms_sys_readlinkat(shim->proc, path, buf, cap);
	return n <= 0 ? 0 : strnlen(buf, (size_t)n);
}

/* The process of a thread, from "Tgid:\t123" in its status; 0 when it is gone. */
static uint32_t read_tgid(const struct ms_shim *shim, uint32_t tid)
{
	char buf[512];
	ssize_t n = read_proc(shim, tid, "status", buf, sizeof(buf) - 1);
	const char *p;
	uint32_t tgid = 0;
	size_t len = 0;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strstr(buf, "\nTgid:\t");
	if (!p)
		return 0;
	p += 7;
	while (p[len] >= '0' && p[len] <= '9')
		len++;
	return ms_parse_u32(p, len, 1, INT32_MAX, &tgid) < 0 ? 0 : tgid;
}

/* Read up to @cap bytes of the caller's memory, page by page: what lies before an unmapped page is
 * still read. */
static size_t read_memory(uint32_t tid, uint64_t address, uint8_t *buf, size_t cap)
{
	size_t done = 0;

	while (done < cap) {
		size_t part = MS_MIN(cap - done, (size_t)(4096 - (address + done) % 4096));
		struct iovec local = {.iov_base = buf + done, .iov_len = part};
		struct iovec remote = {.iov_base = (void *)(uintptr_t)(address + done),
				       .iov_len = part};
		ssize_t n = ms_sys_process_vm_readv((int)tid, &local, 1, &remote, 1);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static void read_text(uint32_t tid, const struct ms_shim_violation *v,
		      const struct ms_sysarg_text *spec, struct ms_shim_text *ret)
{
	uint64_t address = v->args[spec->arg];
	size_t want = sizeof(ret->bytes), got;

	ret->arg = spec->arg;
	ret->kind = spec->kind;
	ret->truncated = false;
	if (spec->len_arg < 6)
		want = MS_MIN(want, (size_t)v->args[spec->len_arg]);
	got = address ? read_memory(tid, address, ret->bytes, want) : 0;
	if (spec->kind == MS_TEXT_PATH) {
		size_t n = strnlen((const char *)ret->bytes, got);

		ret->truncated = n == got;
		got = n;
	} else if (spec->len_arg < 6) {
		ret->truncated = v->args[spec->len_arg] > sizeof(ret->bytes);
	}
	ret->len = (uint16_t)got;
}

static void read_texts(struct ms_shim_violation *v)
{
	const struct ms_sysarg *sysarg;

	v->n_texts = 0;
	if (v->arch != NATIVE_ARCH || (v->nr & X32_BIT))
		return;
	sysarg = ms_sysarg_find(v->nr);
	for (uint32_t i = 0; sysarg && i < sysarg->n_texts && i < MS_ARRAY_LEN(v->texts); i++)
		read_text(v->tid, v, &sysarg->texts[i], &v->texts[v->n_texts++]);
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

/* The kind's place; NULL when there are too many kinds (the call still counts in `denied`). */
static struct kind *find_kind(uint32_t arch, uint32_t nr)
{
	uint32_t at = (arch * 31u + nr) % N_KINDS;

	for (uint32_t i = 0; i < N_KINDS; i++) {
		struct kind *k = &state.kinds[(at + i) % N_KINDS];

		if (!k->used || (k->sample.arch == arch && k->sample.nr == nr))
			return k;
	}
	return NULL;
}

static void fill_sample(struct kind *k, const struct seccomp_notif *n, int32_t error, uint64_t now)
{
	struct ms_shim_violation *v = &k->sample;

	*v = (struct ms_shim_violation){
		.arch = n->data.arch,
		.nr = (uint32_t)n->data.nr,
		.ip = n->data.instruction_pointer,
		.tid = n->pid,
		.error = error,
		.boot_usec = now,
		.comm = {.p = k->comm},
		.exe = {.p = ""},
	};
	for (size_t i = 0; i < 6; i++)
		v->args[i] = n->data.args[i];
}

/* The first of a kind: everything that can be known about it, now, while the caller waits. */
static void report_first(struct ms_shim *shim, struct kind *k, uint64_t id,
			 enum ms_shim_action action)
{
	struct ms_shim_violation v = k->sample;
	char comm[32], exe[MS_MAX_REPORT_TEXT_BYTES];

	v.pid = read_tgid(shim, v.tid);
	v.comm = (struct ms_str){.p = comm, .len = read_comm(shim, v.tid, comm, sizeof(comm))};
	v.exe = (struct ms_str){.p = exe, .len = read_exe(shim, v.tid, exe, sizeof(exe))};
	read_texts(&v);
	if (ms_sys_ioctl(shim->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0) {
		/* the thread id may be another's by now: nothing read belongs to this call for sure
		 */
		v.pid = 0;
		v.comm = v.exe = (struct ms_str){.p = "", .len = 0};
		v.n_texts = 0;
	}
	v.count = 1;
	v.total = state.denied;
	v.action = action;
	memcpy(k->comm, v.comm.p, MS_MIN(v.comm.len, sizeof(k->comm)));
	k->sample.comm.len = MS_MIN(v.comm.len, sizeof(k->comm));
	k->sample.pid = v.pid;
	k->first = send_report(shim, &v) < 0;
	if (k->first)
		k->pending++; /* modsupd is behind: the next tick tries again */
}

static void note_call(struct ms_shim *shim, const struct seccomp_notif *n, int32_t error,
		      uint64_t now, enum ms_shim_action action)
{
	struct kind *k = find_kind(n->data.arch, (uint32_t)n->data.nr);

	state.denied++;
	if (!k)
		return;
	if (!k->used) {
		k->used = true;
		k->due_usec = now + SECOND;
		fill_sample(k, n, error, now);
		report_first(shim, k, n->id, action);
		return;
	}
	if (k->pending++ == 0 && !k->first) {
		uint64_t due = MS_MIN(k->due_usec > now ? k->due_usec : now, now + SECOND);
		uint32_t len = (uint32_t)k->sample.comm.len;

		fill_sample(k, n, error,
			    now); /* the first of those that will be folded stands for them */
		k->sample.comm.len = len;
		k->due_usec = due;
	}
	k->sample.action = action;
}

static enum ms_notify_end handle(struct ms_shim *shim, const struct seccomp_notif *n, uint64_t now)
{
	int32_t error = verdict_error(&n->data);
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
	note_call(shim, n, error, now, MS_SHIM_THROTTLED);
	at = (state.tarpit_head + state.tarpit_len++) % N_TARPIT;
	state.tarpit[at] = (struct held){
		.id = n->id, .due_usec = now + state.limits.tarpit_usec, .error = error};
	return ++state.tarpitted > state.limits.kill_after ? MS_NOTIFY_FLOOD : MS_NOTIFY_GO_ON;
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
	struct ms_shim_violation v = k->sample;

	v.comm.p = k->comm;
	v.count = k->pending;
	v.total = state.denied;
	if (send_report(shim, &v) == 0) {
		k->pending = 0;
		k->first = false;
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
	for (uint32_t i = 0; i < N_KINDS; i++) {
		struct kind *k = &state.kinds[i];

		if (!k->used || !k->pending)
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
	for (uint32_t i = 0; i < N_KINDS; i++) {
		if (state.kinds[i].used && state.kinds[i].pending)
			send_folded(shim, &state.kinds[i]);
	}
}

void ms_notify_totals(uint64_t *ret_denied, uint64_t *ret_reported)
{
	*ret_denied = state.denied;
	*ret_reported = state.reported;
}
