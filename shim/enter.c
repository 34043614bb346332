/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * enter.c - the module's child, from fork to exec. The order is law: each step says why it stands
 * here and what would break if it moved. A failure is sent to the shim with its step, and the child
 * ends.
 *
 * A command that joins a running instance walks the same steps in the same order. Three things are
 * entered instead of made (its procfs is that of the pid namespace it was born into; the cgroup and
 * the user namespace are the module's), and here the module is there to watch: as it has the id
 * that the child takes on in 8, the child is not dumpable from the start (1) and again after each
 * change of id, and holds nothing of the host's from 8 on (close_spent).
 */
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "lib/layers.h"
#include "lib/num.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"
#include "shim/shim.h"

static char *child_argv[MS_MAX_ARGV + 1];
static char *child_env[MS_MAX_ENV * 2 + 1];
/* What is said with one's own number, which nobody knew before. */
static char own_pids[][32] = {"LISTEN_PID=", "WATCHDOG_PID="};

static MS_NORETURN void fail(int sync, const struct ms_error *err)
{
	uint8_t buf[MS_SHIM_MAX_BYTES + 1];
	size_t len;

	buf[0] = MS_SYNC_FAILED;
	len = ms_shimwire_failed(buf + 1, MS_SHIM_SPEAKS, err);
	MS_IGNORE(ms_io_send(sync, buf, len + 1, -EBADF, 0)); /* the shim sees the end either way */
	ms_sys_exit_group(127);
}

static int done(int r, const char *what, struct ms_error *err)
{
	return r < 0 ? ms_error_set(err, -r, "%s", what) : 0;
}

/* Say @tag to the shim, with a descriptor or without. */
static int tell(int sync, char tag, int fd, struct ms_error *err)
{
	int r = ms_io_send(sync, &tag, 1, fd, 0);

	return r < 0 ? ms_error_set(err, -r, "tell the shim '%c'", tag) : 0;
}

static int await(int sync, char tag, struct ms_error *err)
{
	char got = 0;
	ssize_t n;

	do
		n = ms_sys_read(sync, &got,
				1); /* read, not recvmsg: the filter may already be on */
	while (n == -EINTR);
	if (n != 1 || got != tag)
		return ms_error_set(err, n < 0 ? (int)-n : ECONNRESET, "wait for the shim's '%c'",
				    tag);
	return 0;
}

/* Every signal as a program expects it: ignored ones would stay ignored across exec. */
static int default_signals(struct ms_error *err)
{
	const uint64_t action[4] = {
		0}; /* the kernel's struct sigaction: SIG_DFL, no flags, no mask */

	for (int sig = 1; sig <= 64; sig++) {
		int r = (int)MS_SYS4(__NR_rt_sigaction, sig, action, NULL, sizeof(uint64_t));

		if (r < 0 && sig != SIGKILL && sig != SIGSTOP)
			return ms_error_set(err, -r, "reset signal %d", sig);
	}
	return 0;
}

static int step_session(struct ms_error *err)
{
	const uint64_t none = 0;
	int r = default_signals(err);

	if (r < 0)
		return r;
	r = ms_sys_setsid();

	if (r < 0)
		return ms_error_set(err, -r, "setsid");
	r = ms_sys_rt_sigprocmask(SIG_SETMASK, &none, NULL);
	if (r < 0)
		return ms_error_set(err, -r, "unblock signals");
	r = (int)MS_SYS1(__NR_personality, PER_LINUX);
	return r < 0 ? ms_error_set(err, -r, "personality") : 0;
}

/* A namespace is joined through its process, which is open to the shim's id only (join.c). */
static int step_cgroup_namespace(const struct ms_shim *shim, struct ms_error *err)
{
	int r = shim->joins ? ms_layer_identity_lend(shim->plan.shim_uid, err) : 0;

	if (r == 0)
		r = ms_layer_cgroup_namespace(shim->join, err);
	if (r < 0 || !shim->joins)
		return r;
	return ms_layer_identity_return(err);
}

static int step_identity(const struct ms_plan *plan, struct ms_error *err)
{
	uint32_t id = MS_LAYER_ON(USERNS) ? plan->inside_uid : plan->module_uid;

	return ms_layer_identity_set(id, /* keep_caps= */ false, err);
}

/* The directory is the plan's, and it is inside: getcwd(2) says "(unreachable)" where it is not. */
static int step_cwd(const struct ms_plan *plan, struct ms_error *err)
{
	char path[MS_MAX_PATH_BYTES + 2];
	ssize_t n;
	int r;

	if (!MS_LAYER_ON(MOUNT))
		return 0;
	r = ms_sys_chdir(plan->cwd.p);
	if (r < 0)
		return ms_error_set(err, -r, "enter '%s'", plan->cwd.p);
	n = ms_sys_getcwd(path, sizeof(path));
	if (n < 0)
		return ms_error_set(err, (int)-n, "getcwd");
	if (path[0] != '/')
		return ms_error_set(err, EPERM, "the working directory is outside the root");
	return 0;
}

/* @text has room for the number. */
static char *complete(char *text)
{
	(void)ms_num_format((uint64_t)ms_sys_getpid(), text + strlen(text)); /* its length */
	return text;
}

static void build_program(const struct ms_plan *plan)
{
	for (uint32_t i = 0; i < plan->n_argv; i++)
		child_argv[i] = (char *)(uintptr_t)plan->argv[i].p; /* execve(2) does not write */
	for (uint32_t i = 0; i < plan->n_env; i++) {
		child_env[i] = (char *)(uintptr_t)plan->env[i].p;
		for (size_t j = 0; j < MS_ARRAY_LEN(own_pids); j++) {
			if (strcmp(plan->env[i].p, own_pids[j]) == 0)
				child_env[i] = complete(own_pids[j]);
		}
	}
	if (!MS_LAYER_ON(ENV)) {
		size_t n = plan->n_env;

		for (char **e = environ; *e && n < MS_ARRAY_LEN(child_env) - 1; e++)
			child_env[n++] = *e;
	}
}

static int step_exec(const struct ms_plan *plan, struct ms_error *err)
{
	int r = ms_sys_execve(child_argv[0], child_argv, child_env);

	switch (-r) {
	case ENOENT:
		return ms_error_say(
			err, ENOENT, MS_REASON_COMMAND_NOT_FOUND,
			"exec '%.100s': not found inside the sandbox (or its interpreter is not)",
			plan->argv[0].p);
	case EACCES:
	case EPERM:
		return ms_error_say(err, EACCES, MS_REASON_COMMAND_NOT_EXECUTABLE,
				    "exec '%.100s': not executable there", plan->argv[0].p);
	case ENOEXEC:
	case ELIBBAD:
		return ms_error_say(err, ENOEXEC, MS_REASON_COMMAND_WRONG_FORMAT,
				    "exec '%.100s': not a program of this machine's architecture",
				    plan->argv[0].p);
	default:
		return ms_error_set(err, -r, "exec '%.100s'", plan->argv[0].p);
	}
}

static int not_dumpable(struct ms_error *err)
{
	return done(ms_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "not dumpable", err);
}

/* PID 1 takes everybody with it; a helper has to ask for it, and no change of id may follow. */
static int die_with_helper(const struct ms_shim *shim, struct ms_error *err)
{
	return !shim->joins ? 0
			    : done(ms_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0),
				   "ask for a signal", err);
}

/* What was used up: open descriptors are the one thing that a process of the same id could want. */
static void close_spent(struct ms_shim *shim)
{
	if (!shim->joins)
		return;
	for (uint32_t i = 0; i < shim->plan.n_fds; i++) {
		if (shim->plan.fds[i] == MS_FD_CGROUP_JOIN || shim->plan.fds[i] == MS_FD_FLAG)
			shim->fds[i] = ms_fd_close(shim->fds[i]);
	}
	shim->join = ms_fd_close(shim->join);
}

#define STEP(name, call)                                                                           \
	do {                                                                                       \
		err.step = MS_STEP_##name;                                                         \
		if ((call) < 0)                                                                    \
			fail(sync, &err);                                                          \
	} while (0)

void ms_enter_child(struct ms_shim *shim, int sync)
{
	const struct ms_plan *plan = &shim->plan;
	struct ms_error err = MS_ERROR_INIT;
	int listener;

	/* 1 Not traceable, core-dumpable or readable by anyone from here to exec, whatever the ids
	 * are. */
	STEP(SESSION, not_dumpable(&err));
	if (shim->joins) {
		shim->proc = ms_root_proc();
		STEP(PROC, done(shim->proc, "mount a procfs", &err));
	}
	/* 2 A session of its own, no inherited signal mask or personality: before the terminal is
	 * taken in 9. */
	STEP(SESSION, step_session(&err));
	/* 3 Into the payload group of every hierarchy while still privileged; before the cgroup
	 * namespace, whose root is wherever its maker is. */
	STEP(CGROUP_JOIN, ms_layer_cgroup_join(shim, &err));
	/* 4 First in the line for the OOM killer (or back to 0 from the shim's own protection): a
	 * process that changed its id can no longer write this. */
	STEP(CGROUP_JOIN,
	     ms_layer_oom_set(shim, plan->flags & MS_PLAN_OOM_SHIM ? "0" : "1000", &err));
	/* 5 The cgroup namespace: after 3, before the user namespace, so that it belongs to the
	 * host's. */
	STEP(CGROUP_JOIN, step_cgroup_namespace(shim, &err));
	/* 6 No supplementary group: in the user namespace it would be too late. */
	STEP(IDENTITY, done(ms_sys_setgroups(0, NULL), "setgroups", &err));
	/* 7 The user namespace last of all, owned by the shim's id; the shim maps one id. */
	STEP(USERNS, ms_layer_userns_enter(plan, shim->join, &err));
	STEP(SESSION, not_dumpable(&err));
	close_spent(shim);
	STEP(IDMAP, tell(sync, MS_SYNC_USERNS, -EBADF, &err));
	STEP(IDMAP, await(sync, MS_SYNC_MAPPED, &err));
	/* 8 Become that id. No namespace of any kind may be made below this one: needs the
	 * capabilities that the new namespace gave, so before they go in 11. */
	STEP(IDENTITY, step_identity(plan, &err));
	STEP(SESSION, not_dumpable(&err));
	STEP(SESSION, die_with_helper(shim, &err));
	STEP(USERNS, ms_layer_userns_limit(shim, &err));
	/* 9 Descriptors: the sockets are listened on as the module (SO_PEERCRED). Before the limit
	 * on their number, which is smaller than the numbers used here; after the last use of the
	 * shim's procfs. */
	STEP(FDS, ms_layer_fds_arrange(shim, &sync, &err));
	/* 10 Limits: hard limits may only be lowered from here on. */
	STEP(RLIMIT, ms_layer_rlimit_apply(plan, &err));
	/* 11 A session keyring of the new id; then all five capability sets, and the bits that
	 * would bring some back. */
	STEP(KEYRING, ms_layer_keyring_apply(&err));
	STEP(CAPS, ms_layer_caps_drop(&err));
	/* 12 What Landlock and seccomp ask for, and what makes setuid programs harmless. */
	STEP(CAPS, done(ms_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs", &err));
	/* 13 The working directory, before Landlock could refuse to look at it, and checked to be
	 * inside. */
	STEP(CWD, step_cwd(plan, &err));
	(void)ms_sys_umask(plan->umask); /* returns the old one */
	/* 14 Landlock after every open that this code itself makes. */
	STEP(LANDLOCK, ms_layer_landlock_apply(plan, &err));
	/* 15 seccomp last: nothing after it but send, read and execve, which every profile allows.
	 */
	build_program(plan);
	STEP(SECCOMP, ms_layer_seccomp_apply(plan, &listener, &err));
	STEP(SECCOMP, tell(sync, MS_SYNC_LISTENER, listener, &err));
	/* the shim holds the listener now: a copy here would keep it alive after the shim's death
	 */
	if (listener >= 0)
		(void)ms_sys_close(listener); /* closes in every case */
	/* 16 Parked until modsupd says so. */
	STEP(RELEASE, await(sync, MS_SYNC_RELEASE, &err));
	STEP(EXEC, step_exec(plan, &err));
	fail(sync, &err);
}
