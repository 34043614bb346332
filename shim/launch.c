/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch.c - the shim's half of a launch: what needs the host's privileges around the child, then
 * the drop to the shim's own id, capabilities gone, its own filter on. After ms_launch_child()
 * nothing here is privileged.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"
#include "shim/shim.h"

/* Daemons that may come and die while the shim does not get to run; the last of them is answered.
 */
#define SUCCESSORS 64

/* SIGCHLD is read from a descriptor; everything else stays blocked: PID 1 takes no signal from
 * inside anyway. */
int ms_launch_signals(struct ms_shim *shim, struct ms_error *err)
{
	const uint64_t all = ~0ull, child = 1ull << (SIGCHLD - 1);
	int r = ms_sys_rt_sigprocmask(SIG_SETMASK, &all, NULL);

	if (r < 0)
		return ms_error_set(err, -r, "block signals");
	shim->signals = ms_sys_signalfd4(-1, &child, O_CLOEXEC | O_NONBLOCK);
	return shim->signals < 0 ? ms_error_set(err, -shim->signals, "signalfd") : 0;
}

int ms_launch_prepare(struct ms_shim *shim, struct ms_error *err)
{
	const struct ms_plan *plan = &shim->plan;
	int r;

	err->step = MS_STEP_SHIM;
	r = ms_launch_signals(shim, err);
	if (r < 0)
		return r;
	r = ms_sys_sethostname(plan->hostname.p, plan->hostname.len);
	if (r < 0)
		return ms_error_set(err, -r, "set the host name");
	r = ms_sys_setdomainname("", 0);
	if (r < 0)
		return ms_error_set(err, -r, "clear the domain name");
	err->step = MS_STEP_NONE;
	r = ms_root_build(shim, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_SHIM;
	r = ms_layer_memfd_noexec(shim, err);
	if (r < 0)
		return r;
	if (plan->flags & MS_PLAN_OOM_SHIM) {
		r = ms_layer_oom_set(shim, "-1000", err);
		if (r < 0)
			return r;
	}
	err->step = MS_STEP_NONE;
	return 0;
}

/* A pipe that carries an output of the module's to the log; its inode is the module's so that
 * /dev/stdout opens. */
static int make_log_pipe(struct ms_shim *shim, int *ret_read, int *ret_write, struct ms_error *err)
{
	int fds[2], r;

	r = ms_sys_pipe2(fds, O_CLOEXEC);
	if (r < 0)
		return ms_error_set(err, -r, "make the log's pipe");
	*ret_read = fds[0];
	*ret_write = fds[1];
	r = ms_sys_fchown(fds[1], shim->plan.module_uid, shim->plan.module_uid);
	if (r == 0) /* the shim's end only: the open file descriptions of a pipe's ends are two */
		r = ms_sys_fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return r < 0 ? ms_error_set(err, -r, "set up the log's pipe") : 0;
}

static int make_log_pipes(struct ms_shim *shim, int write[static 2], struct ms_error *err)
{
	int r = 0;

	for (int i = 0; i < 2 && r == 0 && ms_shim_fd(shim, MS_FD_LOG) >= 0; i++)
		r = make_log_pipe(shim, &shim->log_pipes[i], &write[i], err);
	return r;
}

/* The ends that the child writes to: the shim keeps none, to see when nobody writes any more. */
static void give_log_pipes(struct ms_shim *shim, int write[static 2])
{
	for (int i = 0; i < 2; i++) {
		if (shim->child == 0 && write[i] >= 0)
			shim->log_pipes[i] = write[i];
		else
			(void)ms_fd_close(write[i]); /* -EBADF */
	}
}

/* What the child said on `sync`: @want, or its failure. *fd gets a descriptor that came with it. */
static int expect(struct ms_shim *shim, char want, int *fd, struct ms_error *err)
{
	uint8_t buf[MS_SHIM_MAX_BYTES + 1];
	struct ms_shim_msg msg;
	size_t n_fds = 0;
	ssize_t n = ms_io_recv(shim->sync, buf, sizeof(buf), fd, fd ? 1 : 0, &n_fds, 0);

	if (n < 0)
		return ms_error_set(err, (int)-n, "hear from the module's child");
	if (n == 0)
		return ms_error_set(err, ECONNRESET, "the module's child ended without a word");
	if (buf[0] == MS_SYNC_FAILED && ms_shimwire_decode(buf + 1, (size_t)n - 1, &msg) == 0 &&
	    msg.type == MS_SHIM_FAILED) {
		*err = msg.error;
		return err->code;
	}
	if (n != 1 || buf[0] != (uint8_t)want)
		return ms_error_set(err, EPROTO, "the module's child said something else than '%c'",
				    want);
	return 0;
}

static int drop_to_shim(struct ms_shim *shim, struct ms_error *err)
{
	int r;

	err->step = MS_STEP_SHIM;
	r = ms_sys_setgroups(0, NULL);
	if (r < 0)
		return ms_error_set(err, -r, "setgroups of the shim");
	/* the bounding set first: dropping needs CAP_SETPCAP, which goes with the id. Not through
	 * ms_layer_caps_drop(), whose last step would make the change of id impossible. */
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (ms_sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	}
	r = ms_layer_identity_set(shim->plan.shim_uid, /* keep_caps= */ false, err);
	if (r < 0)
		return r;
	/* changing ids cleared it to the system's default, which an administrator may have set to 1
	 * or 2 */
	r = ms_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (r == 0)
		r = ms_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* a helper's parent is modsup-spawn, which ends with modsupd: the command does not outlive
	 * whoever asked for it; here, as a change of id clears it */
	if (r == 0 && shim->joins)
		r = ms_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (r < 0)
		return ms_error_set(err, -r, "lock the shim");
	/* as the shim's id: SO_PEERCRED of who connects there names whoever called listen(2) */
	shim->adopt = ms_shim_fd(shim, MS_FD_ADOPT);
	if (shim->adopt >= 0) {
		r = ms_sys_listen(shim->adopt, SUCCESSORS);
		if (r < 0)
			return ms_error_set(err, -r, "listen for a successor");
	}
	err->step = MS_STEP_NONE;
	return 0;
}

/* The descriptors that only the child needed, and the plan's steps: closed in the shim. */
static void close_childs(struct ms_shim *shim)
{
	for (uint32_t i = 0; i < shim->plan.n_fds; i++) {
		switch (shim->plan.fds[i]) {
		case MS_FD_CGROUP_KILL:
			shim->cgroup_kill = shim->fds[i];
			continue;
		case MS_FD_LOG:
			shim->log_files[shim->log_files[0] >= 0] = shim->fds[i];
			continue;
		case MS_FD_LISTEN: /* so that clients can queue and wait when the module is gone */
			shim->listen[shim->n_listen++] = shim->fds[i];
			continue;
		case MS_FD_FLAG:
			shim->flag = shim->fds[i];
			continue;
		case MS_FD_HOLD:
		case MS_FD_ADOPT:
			continue;
		case MS_FD_ATTACH:
		case MS_FD_CGROUP_JOIN:
		case MS_FD_STDIN:
		case MS_FD_STDOUT:
		case MS_FD_STDERR:
		case MS_FD_TTY:
		case MS_FD_COUNT:
			shim->fds[i] = ms_fd_close(shim->fds[i]);
		}
	}
}

static int fork_child(struct ms_shim *shim, struct ms_error *err)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&shim->child_pidfd,
		.exit_signal = SIGCHLD,
	};
	int pair[2], log_write[2] = {-EBADF, -EBADF}, r;

	err->step = MS_STEP_FORK;
	r = ms_sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	if (r < 0)
		return ms_error_set(err, -r, "make the sync sockets");
	shim->sync = pair[0];
	r = make_log_pipes(shim, log_write, err);
	if (r < 0)
		return r; /* which ends the shim */
	shim->child = ms_sys_clone3(&args, sizeof(args));
	if (shim->child < 0)
		return ms_error_set(err, -shim->child, "fork the module's child");
	give_log_pipes(shim, log_write);
	if (shim->child == 0) {
		(void)ms_sys_close(pair[0]); /* so that the shim's end of it ends with the shim */
		if (shim->joins) { /* nothing that speaks to modsupd goes where a module is */
			(void)ms_sys_close(shim->control);
			(void)ms_sys_close(shim->signals);
		}
		ms_enter_child(shim, pair[1]);
	}
	(void)ms_sys_close(pair[1]); /* so that the child's death is an end of file */
	err->step = MS_STEP_NONE;
	return 0;
}

int ms_launch_child(struct ms_shim *shim, struct ms_error *err)
{
	const char mapped = MS_SYNC_MAPPED;
	int r;

	r = fork_child(shim, err);
	if (r < 0)
		return r;
	r = expect(shim, MS_SYNC_USERNS, NULL, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_IDMAP;
	if (!shim->joins) /* else it has its map */
		r = ms_layer_userns_map(shim, shim->child, err);
	if (r < 0)
		return r;
	r = drop_to_shim(shim, err);
	if (r < 0)
		return r;
	r = ms_io_send(shim->sync, &mapped, 1, -EBADF, 0);
	if (r < 0)
		return ms_error_set(err, -r, "let the module's child go on");
	r = expect(shim, MS_SYNC_LISTENER, &shim->listeners[0], err);
	if (r < 0)
		return r;
	if (MS_LAYER_ON(SECCOMP) && shim->listeners[0] < 0)
		return ms_error_set(err, EPROTO, "the module's child sent no listener");
	close_childs(shim);
	return 0;
}
