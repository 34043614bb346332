/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * join.c - modsup-shim as a helper: the parent of one command that joins a running instance. Born
 *in the host's pid namespace with no namespace of its own, it enters those of the instance's main
 * process, and from there on is what a shim is: the same launch.c, the same enter.c, the same drop
 *to the shim's id and to its filter.
 *
 *	EXEC --join--> fork --PARKED + listener--> RELEASE --> STARTED + pidfd --> EXIT
 *
 * The listener is for the instance's shim: this process answers no call. What it waits for ends
 *with modsupd's end of the control socket, and it with that. It must never look up a path once it
 *is in the module's mount namespace, nor signal by a number that is not its own child's.
 */
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/sys.h"
#include "shim/layer/layer.h"
#include "shim/shim.h"

enum slot { SLOT_CONTROL, SLOT_SYNC, SLOT_SIGNALS, SLOT_COUNT };

/*
 * As the shim's id, which owns the module's user namespace: that lets it into this module's
 * processes and, were the number meanwhile another process's, into nobody else's. As root it would
 * be let in anywhere. No capability to trace is needed, and modsup-spawn has none to give.
 */
static int enter_namespaces(struct ms_shim *shim, struct ms_error *err)
{
	const int kinds = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	int r;

	err->step = MS_STEP_IDENTITY;
	r = ms_layer_identity_lend(shim->plan.shim_uid, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_HANDOVER;
	r = ms_sys_setns(shim->join, kinds);
	if (r == -ESRCH || r == -EPERM)
		return ms_error_say(err, -r, MS_REASON_NOT_RUNNING,
				    "the module's main process cannot be joined (%s): it has ended",
				    r == -ESRCH ? "no such process" : "it is another's");
	if (r < 0)
		return ms_error_set(err, -r, "join the module's namespaces");
	err->step = MS_STEP_IDENTITY;
	r = ms_layer_identity_return(err);
	/* the change of ids cleared it to the system's default */
	if (r == 0 && ms_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return ms_error_set(err, EPERM, "not dumpable");
	return r;
}

/* The command and, as far as they did not leave it, the group of processes that it leads. */
static void kill_command(const struct ms_shim *shim)
{
	MS_IGNORE(ms_sys_pidfd_send_signal(shim->child_pidfd, SIGKILL)); /* ESRCH: it ended */
	MS_IGNORE(ms_sys_kill(-shim->child, SIGKILL)); /* ESRCH: not a leader yet, or all ended */
}

static void say(struct ms_shim *shim, const uint8_t *buf, size_t len, int fd)
{
	MS_IGNORE(ms_io_send(shim->control, buf, len, fd, 0)); /* its end is seen by on_control() */
}

/* False: nobody waits for the command any more, or somebody who does not speak our language. */
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
		if (ms_release(shim, &err) < 0)
			say(shim, buf, ms_shimwire_failed(buf, MS_SHIM_SPEAKS, &err), -EBADF);
		return true;
	case MS_SHIM_SIGNAL:
		MS_IGNORE(ms_sys_pidfd_send_signal(shim->child_pidfd, msg.signo)); /* as above */
		return true;
	case MS_SHIM_KILL:
		kill_command(shim);
		return true;
	case MS_SHIM_PLAN:
	case MS_SHIM_HEARD:
	case MS_SHIM_LISTENER:
	case MS_SHIM_EXEC:
	case MS_SHIM_FAILED:
	case MS_SHIM_PARKED:
	case MS_SHIM_STARTED:
	case MS_SHIM_VIOLATION:
	case MS_SHIM_EXIT:
	case MS_SHIM_HELLO:
	case MS_SHIM_NOTIFY:
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
	if (n <= 0) {
		shim->started = true;
		say(shim, buf, ms_shimwire_started(buf, MS_SHIM_SPEAKS, (uint32_t)shim->child),
		    shim->child_pidfd);
		return;
	}
	if (buf[0] == MS_SYNC_FAILED && ms_shimwire_decode(buf + 1, (size_t)n - 1, &msg) == 0 &&
	    msg.type == MS_SHIM_FAILED)
		say(shim, buf, ms_shimwire_failed(buf, MS_SHIM_SPEAKS, &msg.error), -EBADF);
}

/* Its end; false when it has not come. @flags: WNOHANG or none. */
static bool reap(const struct ms_shim *shim, int flags, siginfo_t *ret)
{
	int r;

	*ret = (siginfo_t){0};
	do
		r = ms_sys_waitid(P_PID, shim->child, ret, WEXITED | flags);
	while (r == -EINTR);
	return r == 0 && ret->si_pid == shim->child;
}

static int report_exit(struct ms_shim *shim, const siginfo_t *end)
{
	const bool exited = end->si_code == CLD_EXITED;
	const struct ms_shim_exit e = {
		.kind = exited ? MS_EXIT_CODE : MS_EXIT_SIGNAL,
		.value = (uint8_t)end->si_status,
		.core_wanted = end->si_code == CLD_DUMPED,
		.tail = {.p = ""},
	};
	uint8_t buf[MS_SHIM_MAX_BYTES];

	say(shim, buf, ms_shimwire_exit(buf, MS_SHIM_SPEAKS, &e), -EBADF);
	return exited ? end->si_status : 128 + end->si_status;
}

static int serve(struct ms_shim *shim)
{
	siginfo_t end;

	for (;;) {
		const int fds[SLOT_COUNT] = {shim->control, shim->sync, shim->signals};
		struct pollfd polls[SLOT_COUNT];
		struct signalfd_siginfo ignored;

		for (int i = 0; i < SLOT_COUNT; i++)
			polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
		if (ms_sys_ppoll(polls, SLOT_COUNT, NULL) < 0)
			continue; /* EINTR */
		if (polls[SLOT_SYNC].revents)
			on_sync(shim);
		if (polls[SLOT_SIGNALS].revents) {
			MS_IGNORE(ms_sys_read(shim->signals, &ignored,
					      sizeof(ignored))); /* waitid tells who ended */
			if (reap(shim, WNOHANG, &end))
				break;
		}
		if (polls[SLOT_CONTROL].revents && !on_control(shim)) {
			kill_command(shim);
			if (!reap(shim, 0, &end))
				return 125; /* it was never ours: cannot be */
			break;
		}
	}
	if (shim->sync >= 0)
		on_sync(shim); /* what was said before the end is told before it */
	return report_exit(shim, &end);
}

/* Before the loop: the child, if it is there, is collected by nobody else. */
static MS_NORETURN void die(struct ms_shim *shim, const struct ms_error *err)
{
	siginfo_t end;

	if (shim->child > 0) {
		kill_command(shim);
		(void)reap(shim, 0, &end); /* it was killed: it comes */
	}
	ms_shim_die(shim, err);
}

int ms_join_main(struct ms_shim *shim)
{
	struct ms_error err = MS_ERROR_INIT;
	uint8_t buf[8];

	err.step = MS_STEP_HANDOVER;
	if (ms_handover_join(shim, &err) < 0 || ms_launch_signals(shim, &err) < 0 ||
	    enter_namespaces(shim, &err) < 0)
		die(shim, &err);
	err.step = MS_STEP_NONE;
	if (ms_launch_child(shim, &err) < 0)
		die(shim, &err);
	err.step = MS_STEP_SHIM;
	/* from here on it hears the socket's end, and collects its command before it ends itself */
	if (ms_sys_prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
		(void)ms_error_set(&err, EPERM, "go on without modsup-spawn");
	if (err.code || ms_layer_seccomp_shim(&shim->plan, &err) < 0)
		die(shim, &err);
	shim->join = ms_fd_close(shim->join);
	say(shim, buf, ms_shimwire_plain(buf, MS_SHIM_SPEAKS, MS_SHIM_PARKED), shim->listeners[0]);
	/* the instance's shim gets the only one: held here too, it would outlive that shim */
	shim->listeners[0] = ms_fd_close(shim->listeners[0]);
	return serve(shim);
}
