/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve.c - the shim's life after the launch: one poll loop over modsupd, the listeners, the
 *module's end, its log and what it says of itself. Each gets a bounded amount of work a turn, so
 *that none is kept waiting by another.
 *
 *	parked --RELEASE--> exec'd (sync socket ends) --> running --main process ends--> reap all,
 *report, exit
 *
 * modsupd's socket ending: where there is an adoption socket and the module runs, the shim goes on,
 *answering and counting, and tells a successor what happened; else nobody supervises any more, and
 *the module ends.
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/sys.h"
#include "shim/logs.h"
#include "shim/notify.h"
#include "shim/shim.h"
#include "shim/status.h"
#include "shim/successor.h"

#define DRAIN_USEC 500000u  /* how long a dead module's output is waited for */
#define ABORT_USEC 1000000u /* from SIGABRT to the end of a module that hangs */

enum slot {
	SLOT_CONTROL,
	SLOT_ADOPT,
	SLOT_SYNC,
	SLOT_SIGNALS,
	SLOT_STDOUT,
	SLOT_STDERR,
	SLOT_STATUS,
	SLOT_LISTENERS, /* the first of MS_SHIM_MAX_SERVED */
	SLOT_COUNT = SLOT_LISTENERS + MS_SHIM_MAX_SERVED
};

struct life {
	bool main_ended;
	siginfo_t end;
	bool flood, forbidden;
	bool watchdog;	    /* it was told to abort */
	uint64_t kill_usec; /* ... and then ends; UINT64_MAX: it was killed */
	bool emergency;	    /* it was not let into its program */
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

/* The last thing before the program: where it may not be, nobody of the module lives on. */
static void on_release(struct ms_shim *shim, struct life *life)
{
	struct ms_error err = MS_ERROR_INIT;

	if (ms_release(shim, &err) == 0)
		return;
	life->emergency = err.reason == MS_REASON_EMERGENCY;
	report_failure(shim, &err);
	kill_all(shim);
}

static void on_signal(struct ms_shim *shim, uint8_t signo)
{
	if (signo == SIGTERM)
		ms_status_stopping();
	MS_IGNORE(ms_sys_pidfd_send_signal(shim->child_pidfd, signo)); /* ESRCH: it ended */
}

/* The listener of a command that was executed into the instance. Only a word on @taken lets it run:
 * of one too many, whose refused calls nobody would tell, the other side sees the end instead. */
static void on_new_listener(struct ms_shim *shim, int *take_fd, int taken)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(shim->listeners); i++) {
		if (shim->listeners[i] < 0) {
			shim->listeners[i] = MS_TAKE_FD(*take_fd);
			MS_IGNORE(ms_sys_write(taken, "1", 1)); /* else it does not run */
			return;
		}
	}
}

/* modsupd said something. False: nobody is there any more, or it does not speak our language. */
static bool on_control(struct ms_shim *shim, struct life *life)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_msg msg;
	ms_auto_fd int fd = -EBADF, taken = -EBADF;
	int fds[2];
	size_t n_fds = 0;
	ssize_t n = ms_io_recv(shim->control, buf, sizeof(buf), fds, 2, &n_fds, MSG_DONTWAIT);

	if (n == -EAGAIN)
		return true;
	fd = n_fds > 0 ? fds[0] : -EBADF;
	taken = n_fds > 1 ? fds[1] : -EBADF;
	if (n <= 0 || ms_successor_decode(buf, (size_t)n, &msg) < 0)
		return false;
	switch (msg.type) {
	case MS_SHIM_RELEASE:
		on_release(shim, life);
		return true;
	case MS_SHIM_SIGNAL:
		on_signal(shim, msg.signo);
		return true;
	case MS_SHIM_KILL:
		kill_all(shim);
		return true;
	case MS_SHIM_LISTENER:
		on_new_listener(shim, &fd, taken);
		return true;
	case MS_SHIM_HEARD:
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
	ms_status_started(ms_io_now_usec());
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

static void report_exit(struct ms_shim *shim, const struct life *life)
{
	char tail[MS_MAX_TAIL_BYTES];
	struct ms_shim_exit e = {
		.kind = life->end.si_code == CLD_EXITED ? MS_EXIT_CODE : MS_EXIT_SIGNAL,
		.value = (uint8_t)life->end.si_status,
		.core_wanted = life->end.si_code == CLD_DUMPED,
		.flood = life->flood,
		.forbidden = life->forbidden,
		.watchdog = life->watchdog,
		.emergency = life->emergency,
		.log_dropped_bytes = ms_logs_dropped(),
		.tail = {.p = tail, .len = ms_logs_tail(tail, sizeof(tail))},
	};

	ms_successor_tell_exit(shim, &e);
}

/* What is still in the pipes of a module that has ended; in turn, so that one cannot use up the
 * time of the other. */
static void drain_logs(struct ms_shim *shim, uint64_t until)
{
	bool more = true;

	while (more && ms_io_now_usec() < until) {
		more = false;
		for (int i = 0; i < MS_LOG_SOURCES; i++)
			more |= shim->log_pipes[i] >= 0 &&
				ms_logs_pump(shim, (enum ms_log_source)i);
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
	const int fds[SLOT_LISTENERS] = {
		[SLOT_CONTROL] = shim->control,
		[SLOT_ADOPT] = shim->adopt,
		[SLOT_SYNC] = shim->sync,
		[SLOT_SIGNALS] = shim->signals,
		[SLOT_STDOUT] = shim->log_pipes[MS_LOG_STDOUT],
		[SLOT_STDERR] = shim->log_pipes[MS_LOG_STDERR],
		[SLOT_STATUS] = shim->status_sock,
	};

	for (size_t i = 0; i < SLOT_COUNT; i++)
		polls[i] = (struct pollfd){
			.fd = i < SLOT_LISTENERS ? fds[i] : shim->listeners[i - SLOT_LISTENERS],
			.events = POLLIN,
		};
}

static void on_listener(struct ms_shim *shim, uint8_t which, short revents, struct life *life,
			uint64_t now)
{
	enum ms_notify_end end;

	if (!(revents & POLLIN)) { /* HUP: no process has the filter any more */
		shim->listeners[which] = ms_fd_close(shim->listeners[which]);
		return;
	}
	end = ms_notify_receive(shim, which, now);
	if (end == MS_NOTIFY_GO_ON)
		return;
	life->flood |= end == MS_NOTIFY_FLOOD;
	life->forbidden |= end == MS_NOTIFY_FORBIDDEN;
	kill_all(shim);
}

/* A module that hangs: SIGABRT, so that it leaves a trace, then the end of it whether it heeds that
 * or not. When to look again. */
static uint64_t watch(struct ms_shim *shim, struct life *life, uint64_t now)
{
	if (life->watchdog && now >= life->kill_usec) {
		kill_all(shim);
		life->kill_usec = UINT64_MAX;
	} else if (!life->watchdog && ms_status_is_hung(shim, now)) {
		life->watchdog = true;
		life->kill_usec = now + ABORT_USEC;
		MS_IGNORE(ms_sys_pidfd_send_signal(shim->child_pidfd, SIGABRT)); /* just ended */
	}
	return life->watchdog ? life->kill_usec : UINT64_MAX;
}

/* When something has to be done though nothing happens. */
static uint64_t tick(struct ms_shim *shim, struct life *life, uint64_t now)
{
	uint64_t due = watch(shim, life, now);

	due = MS_MIN(due, ms_notify_tick(shim, now));
	due = MS_MIN(due, ms_logs_tick(shim, now));
	return MS_MIN(due, ms_status_tick(shim, now));
}

/* The exit status of the module as its own: 128+n for a signal, since PID 1 cannot die by one of
 * its own. */
static int own_status(const struct life *life)
{
	return life->end.si_code == CLD_EXITED ? life->end.si_status : 128 + life->end.si_status;
}

/* One turn over what poll(2) found. False: nobody supervises any more, and nobody will. */
static bool turn(struct ms_shim *shim, const struct pollfd polls[static SLOT_COUNT],
		 struct life *life)
{
	const uint64_t now = ms_io_now_usec();

	/* exec closed the sync socket before the program's first call or word, though perhaps after
	 * poll(2) had looked at it: asked always, and told first */
	if (shim->sync >= 0)
		on_sync(shim);
	for (uint8_t i = 0; i < MS_SHIM_MAX_SERVED; i++) {
		if (polls[SLOT_LISTENERS + i].revents)
			on_listener(shim, i, polls[SLOT_LISTENERS + i].revents, life, now);
	}
	if (polls[SLOT_STDOUT].revents) /* what is left is seen by the next poll */
		(void)ms_logs_pump(shim, MS_LOG_STDOUT);
	if (polls[SLOT_STDERR].revents)
		(void)ms_logs_pump(shim, MS_LOG_STDERR);
	if (polls[SLOT_STATUS].revents)
		ms_status_receive(shim, now);
	if (polls[SLOT_SIGNALS].revents)
		on_children(shim, life);
	if (polls[SLOT_CONTROL].revents && !on_control(shim, life)) {
		if (shim->adopt < 0 || !shim->started)
			return false;
		shim->control = ms_fd_close(shim->control);
	}
	if (polls[SLOT_ADOPT].revents)
		ms_successor_greet(shim, /* ended= */ false);
	return true;
}

int ms_serve(struct ms_shim *shim)
{
	struct life life = {0};

	ms_notify_init(shim);
	ms_logs_init(shim);
	ms_status_init(shim);
	/* the plan's strings end here: the child has its own copy of the mapping */
	(void)munmap((void *)(uintptr_t)shim->plan_map,
		     shim->plan_len); /* ours, page-aligned: cannot fail */
	shim->plan_map = NULL;
	while (!life.main_ended) {
		struct pollfd polls[SLOT_COUNT];
		uint64_t now = ms_io_now_usec();
		uint64_t due = tick(shim, &life, now);
		struct timespec left = time_left(due, now);

		fill_polls(shim, polls);
		if (ms_sys_ppoll(polls, SLOT_COUNT, due == UINT64_MAX ? NULL : &left) < 0)
			continue; /* EINTR */
		if (!turn(shim, polls, &life))
			break; /* the module may not go on alone */
	}
	if (shim->sync >= 0)
		on_sync(shim); /* a failure before exec, told before the end that followed from it
				*/
	wind_up(shim, &life);
	return own_status(&life);
}
