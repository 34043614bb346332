/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve.c - the shim's life after the launch: one poll loop over modsupd, the listener, the
 *module's end and its log.
 *
 *	parked --RELEASE--> exec'd (sync socket ends) --> running --main process ends--> reap all,
 *report, exit
 *
 * modsupd's socket ending: where there is an adoption socket and the module runs, the shim goes on,
 *answering and counting, and tells a successor what happened; else nobody supervises any more, and
 *the module ends.
 */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/sys.h"
#include "shim/logs.h"
#include "shim/notify.h"
#include "shim/shim.h"

#define DRAIN_USEC 500000u /* how long a dead module's output is waited for */

enum slot {
	SLOT_CONTROL,
	SLOT_ADOPT,
	SLOT_SYNC,
	SLOT_LISTENER,
	SLOT_SIGNALS,
	SLOT_STDOUT,
	SLOT_STDERR,
	SLOT_COUNT
};

struct life {
	bool main_ended;
	siginfo_t end;
	bool flood, forbidden;
};

/* Every process of this pid namespace but the shim itself. */
static void kill_all(const struct ms_shim *shim)
{
	if (shim->cgroup_kill >= 0)
		MS_IGNORE(ms_sys_write(shim->cgroup_kill, "1",
				       1));  /* the next line does it where this cannot */
	MS_IGNORE(ms_sys_kill(-1, SIGKILL)); /* ESRCH: nobody is left */
}

static void report_failure(struct ms_shim *shim, const struct ms_error *err)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	MS_IGNORE(ms_io_send(shim->control, buf, ms_shimwire_failed(buf, MS_SHIM_SPEAKS, err),
			     -EBADF, 0)); /* the end says it too */
}

/* modsupd said something. False: nobody is there any more, or it does not speak our language. */
static bool on_control(struct ms_shim *shim)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_error err = MS_ERROR_INIT;
	struct ms_shim_msg msg;
	ssize_t n = ms_io_recv(shim->control, buf, sizeof(buf), NULL, 0, NULL, MSG_DONTWAIT);

	if (n == -EAGAIN)
		return true;
	if (n <= 0 || ms_shimwire_decode(buf, (size_t)n, &msg) < 0)
		return false;
	switch (msg.type) {
	case MS_SHIM_RELEASE:
		if (ms_launch_release(shim, &err) < 0)
			report_failure(shim, &err);
		return true;
	case MS_SHIM_SIGNAL:
		MS_IGNORE(ms_sys_pidfd_send_signal(shim->child_pidfd,
						   msg.signo)); /* ESRCH: it ended */
		return true;
	case MS_SHIM_KILL:
		kill_all(shim);
		return true;
	case MS_SHIM_HEARD:
	case MS_SHIM_LISTENER:
	case MS_SHIM_EXEC:
	case MS_SHIM_NOTIFY:
	case MS_SHIM_PLAN:
	case MS_SHIM_FAILED:
	case MS_SHIM_PARKED:
	case MS_SHIM_STARTED:
	case MS_SHIM_VIOLATION:
	case MS_SHIM_EXIT:
	case MS_SHIM_HELLO:
		break;
	}
	return false;
}

/* The child's socket: its end is exec; a message is a failure of its last steps. */
static void on_sync(struct ms_shim *shim)
{
	uint8_t buf[MS_SHIM_MAX_BYTES + 1];
	struct ms_shim_msg msg;
	ssize_t n = ms_io_recv(shim->sync, buf, sizeof(buf), NULL, 0, NULL, MSG_DONTWAIT);

	if (n == -EAGAIN)
		return;
	shim->sync = ms_fd_close(shim->sync);
	if (n > 0) {
		if (buf[0] == MS_SYNC_FAILED &&
		    ms_shimwire_decode(buf + 1, (size_t)n - 1, &msg) == 0 &&
		    msg.type == MS_SHIM_FAILED)
			report_failure(shim, &msg.error);
		return;
	}
	shim->started = true;
	n = (ssize_t)ms_shimwire_started(buf, MS_SHIM_SPEAKS, (uint32_t)shim->child);
	MS_IGNORE(ms_io_send(shim->control, buf, (size_t)n, shim->child_pidfd,
			     0)); /* its end is seen elsewhere */
}

/* Reap whoever ended; as PID 1 also the orphans. */
static void on_children(struct ms_shim *shim, struct life *life)
{
	struct signalfd_siginfo ignored;

	while (ms_sys_read(shim->signals, &ignored, sizeof(ignored)) > 0)
		; /* one signal may stand for many ends: waitid below counts */
	for (;;) {
		siginfo_t info = {0};

		if (ms_sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) < 0 ||
		    info.si_pid == 0)
			return;
		if (info.si_pid == shim->child) {
			life->main_ended = true;
			life->end = info;
		}
	}
}

/* Somebody on the adoption socket: root, or nobody. The latest is the successor. */
static void on_adopt(struct ms_shim *shim, bool ended)
{
	ms_auto_fd int peer = ms_sys_accept4(shim->adopt, SOCK_CLOEXEC);
	struct ms_shim_hello hello = {.pid_inside = (uint32_t)shim->child, .ended = ended};
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ucred who = {.uid = UINT32_MAX};
	socklen_t len = sizeof(who);
	uint64_t reported;

	if (peer < 0 || ms_sys_getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
	    who.uid != 0)
		return;
	memcpy(hello.launch_id, shim->plan.launch_id, sizeof(hello.launch_id));
	memcpy(hello.policy_hash, shim->plan.policy_hash, sizeof(hello.policy_hash));
	ms_notify_totals(&hello.denied, &reported);
	if (ms_io_send(peer, buf, ms_shimwire_hello(buf, MS_SHIM_SPEAKS, &hello),
		       ended ? -EBADF : shim->child_pidfd, MSG_DONTWAIT) < 0)
		return;
	shim->control = ms_fd_close(shim->control);
	shim->control = MS_TAKE_FD(peer);
}

/* What has to be said is said to somebody: wait for a successor where modsupd is gone. */
static void await_supervisor(struct ms_shim *shim)
{
	while (shim->control < 0 && shim->adopt >= 0) {
		struct pollfd poll = {.fd = shim->adopt, .events = POLLIN};

		if (ms_sys_ppoll(&poll, 1, NULL) == 1)
			on_adopt(shim, /* ended= */ true);
	}
}

/* What was sent may still lie unread when modsupd dies: only its answer says that it was read. */
static bool is_heard(const struct ms_shim *shim)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_msg msg;
	ssize_t n;

	if (shim->adopt < 0)
		return true; /* and if not: there will be no successor to tell */
	do {
		n = ms_io_recv(shim->control, buf, sizeof(buf), NULL, 0, NULL, 0);
		if (n <= 0 || ms_shimwire_decode(buf, (size_t)n, &msg) < 0)
			return false;
	} while (msg.type != MS_SHIM_HEARD); /* a signal or a kill that came too late */
	return true;
}

static void report_exit(struct ms_shim *shim, const struct life *life)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_exit e = {
		.kind = life->end.si_code == CLD_EXITED ? MS_EXIT_CODE : MS_EXIT_SIGNAL,
		.value = (uint8_t)life->end.si_status,
		.core_wanted = life->end.si_code == CLD_DUMPED,
		.flood = life->flood,
		.forbidden = life->forbidden,
		.log_dropped_bytes = ms_logs_dropped(),
	};

	for (;;) {
		await_supervisor(shim);
		ms_notify_flush(shim);
		ms_notify_totals(&e.denied, &e.reported);
		if (ms_io_send(shim->control, buf, ms_shimwire_exit(buf, MS_SHIM_SPEAKS, &e),
			       -EBADF, 0) == 0 &&
		    is_heard(shim))
			return;
		shim->control = ms_fd_close(shim->control); /* modsupd went away just now */
		if (shim->adopt < 0)
			return;
	}
}

/* What is still in the pipes of a module that has ended; in turn, so that one cannot use up the
 * time of the other. */
static void drain_logs(struct ms_shim *shim, uint64_t until)
{
	bool more = true;

	while (more && ms_io_now_usec() < until) {
		more = false;
		for (int i = 0; i < MS_LOG_SOURCES; i++)
			more |= shim->log_pipes[i] >= 0 && ms_logs_pump(shim, i);
	}
}

/* After the main process: the others end, their ends are collected, their output is read. */
static void wind_up(struct ms_shim *shim, struct life *life)
{
	const uint64_t until = ms_io_now_usec() + DRAIN_USEC;

	kill_all(shim);
	for (;;) {
		siginfo_t info = {0};
		int r = ms_sys_waitid(P_ALL, 0, &info, WEXITED | __WALL);

		if (r == -EINTR)
			continue;
		if (r < 0)
			break; /* ECHILD: nobody is left */
		if (info.si_pid == shim->child && !life->main_ended)
			life->end = info;
	}
	drain_logs(shim, until);
	ms_logs_finish(shim);
	report_exit(shim, life);
}

static struct timespec time_left(uint64_t due, uint64_t now)
{
	uint64_t left = due > now ? due - now : 0;

	return (struct timespec){.tv_sec = (time_t)(left / 1000000u),
				 .tv_nsec = (long)(left % 1000000u * 1000u)};
}

static void fill_polls(const struct ms_shim *shim, struct pollfd polls[static SLOT_COUNT])
{
	const int fds[SLOT_COUNT] = {shim->control,
				     shim->adopt,
				     shim->sync,
				     shim->listener,
				     shim->signals,
				     shim->log_pipes[MS_LOG_STDOUT],
				     shim->log_pipes[MS_LOG_STDERR]};

	for (int i = 0; i < SLOT_COUNT; i++)
		polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
}

static void on_listener(struct ms_shim *shim, short revents, struct life *life, uint64_t now)
{
	enum ms_notify_end end;

	if (!(revents & POLLIN)) { /* HUP: no process has the filter any more */
		shim->listener = ms_fd_close(shim->listener);
		return;
	}
	end = ms_notify_receive(shim, now);
	if (end == MS_NOTIFY_GO_ON)
		return;
	life->flood |= end == MS_NOTIFY_FLOOD;
	life->forbidden |= end == MS_NOTIFY_FORBIDDEN;
	kill_all(shim);
}

/* The exit status of the module as its own: 128+n for a signal, since PID 1 cannot die by one of
 * its own. */
static int own_status(const struct life *life)
{
	return life->end.si_code == CLD_EXITED ? life->end.si_status : 128 + life->end.si_status;
}

int ms_serve(struct ms_shim *shim)
{
	struct life life = {0};

	ms_notify_init(shim);
	ms_logs_init(shim);
	/* the plan's strings end here: the child has its own copy of the mapping */
	(void)munmap((void *)(uintptr_t)shim->plan_map,
		     shim->plan_len); /* ours, page-aligned: cannot fail */
	shim->plan_map = NULL;
	while (!life.main_ended) {
		struct pollfd polls[SLOT_COUNT];
		uint64_t now = ms_io_now_usec();
		uint64_t due = MS_MIN(ms_notify_tick(shim, now), ms_logs_tick(shim, now));
		struct timespec left = time_left(due, now);

		fill_polls(shim, polls);
		if (ms_sys_ppoll(polls, SLOT_COUNT, due == UINT64_MAX ? NULL : &left) < 0)
			continue; /* EINTR */
		now = ms_io_now_usec();
		/* exec closed the sync socket before the program's first call: told in this order
		 */
		if (polls[SLOT_SYNC].revents)
			on_sync(shim);
		if (polls[SLOT_LISTENER].revents)
			on_listener(shim, polls[SLOT_LISTENER].revents, &life, now);
		if (polls[SLOT_STDOUT].revents) /* what is left is seen by the next poll */
			(void)ms_logs_pump(shim, MS_LOG_STDOUT);
		if (polls[SLOT_STDERR].revents)
			(void)ms_logs_pump(shim, MS_LOG_STDERR);
		if (polls[SLOT_SIGNALS].revents)
			on_children(shim, &life);
		if (polls[SLOT_CONTROL].revents && !on_control(shim)) {
			if (shim->adopt < 0 || !shim->started)
				break; /* nobody supervises: the module may not go on alone */
			shim->control = ms_fd_close(shim->control);
		}
		if (polls[SLOT_ADOPT].revents)
			on_adopt(shim, /* ended= */ false);
	}
	if (shim->sync >= 0)
		on_sync(shim); /* a failure before exec, told before the end that followed from it
				*/
	wind_up(shim, &life);
	return own_status(&life);
}
