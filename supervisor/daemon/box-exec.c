/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box-exec.c - the helper of a command that joins a box: spawned, handed the plan, released when
 * the box's shim has its listener, followed to its end. A helper that is lost takes its command
 * with it, and a command that outlived its helper is killed by its own pidfd. The box itself may be
 * gone meanwhile: nothing of it is kept.
 */
#include "supervisor/daemon/box-exec.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-event.h>

#include "lib/fs.h"
#include "supervisor/daemon/box.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/packet.h"
#include "supervisor/daemon/pidfd.h"
#include "supervisor/daemon/supervisor.h"

#define KILL_GRACE_USEC 2000000u /* from "kill the command" to "kill the helper too" */
#define N_BEFORE	2u	 /* descriptors before the plan's: the plan, the main process */
#define MAX_FDS		(MS_CGROUP_MAX_TREES + 4u) /* groups, streams, the flag */

struct ms_box_exec {
	struct ms_supervisor *s; /* borrowed */
	struct ms_box_exec_ops ops;
	void *data;
	int control, pidfd;	     /* the helper's */
	int child;		     /* pidfd of the command, once it runs */
	int fds[N_BEFORE + MAX_FDS]; /* what is handed over, owned until then */
	enum ms_fd_role roles[MAX_FDS];
	uint32_t n_fds;
	int taken; /* read end: the shim's word that it has the listener */
	sd_event_source *control_source, *pidfd_source, *taken_source, *deadline;
	bool spawning, killed, failed, started;
	struct ms_box_exec_end end;
};

/* -- letting go -- */

static void close_fds(struct ms_box_exec *x)
{
	while (x->n_fds) {
		x->n_fds--;
		x->fds[x->n_fds] = ms_fd_close(x->fds[x->n_fds]);
	}
}

static void let_go(struct ms_box_exec *x)
{
	x->control_source = sd_event_source_disable_unref(x->control_source);
	x->pidfd_source = sd_event_source_disable_unref(x->pidfd_source);
	x->taken_source = sd_event_source_disable_unref(x->taken_source);
	x->deadline = sd_event_source_disable_unref(x->deadline);
	close_fds(x);
	x->taken = ms_fd_close(x->taken);
	x->control = ms_fd_close(x->control);
	x->pidfd = ms_fd_close(x->pidfd);
	x->child = ms_fd_close(x->child);
}

struct ms_box_exec *ms_box_exec_free(struct ms_box_exec *x)
{
	if (!x)
		return NULL;
	if (x->spawning)
		ms_spawn_forget(x->s->launcher->spawner, x);
	if (x->child >= 0)
		MS_IGNORE(ms_sys_pidfd_send_signal(x->child, SIGKILL)); /* ESRCH: it ended */
	let_go(x); /* the helper sees its socket end, and ends */
	free(x);
	return NULL;
}

/* The helper is gone, and with it what it could say. */
static void finish(struct ms_box_exec *x)
{
	const struct ms_box_exec_ops ops = x->ops;
	struct ms_box_exec_end end;
	void *data = x->data;

	if (!x->end.exited && !x->failed) {
		ms_error_say(&x->end.error, ECHILD, MS_REASON_INTERNAL,
			     "the command's helper ended without a word");
		x->end.error.step = MS_STEP_SHIM;
	}
	if (!x->end.exited && x->child >= 0)
		MS_IGNORE(ms_sys_pidfd_send_signal(x->child, SIGKILL)); /* ESRCH: it ended */
	end = x->end;
	let_go(x);
	ops.on_end(data, &end);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data);

static int set_deadline(struct ms_box_exec *x, uint64_t usec)
{
	x->deadline = sd_event_source_disable_unref(x->deadline);
	return sd_event_add_time_relative(x->s->loop, &x->deadline, CLOCK_BOOTTIME, usec, 0,
					  on_deadline, x);
}

static void kill_helper(struct ms_box_exec *x)
{
	MS_IGNORE(ms_sys_pidfd_send_signal(x->pidfd, SIGKILL)); /* ESRCH: it ended */
}

/* It is to end. Asked first, by the end of its socket: it then collects its command, which nobody
 * else can. One that does not even hear that is killed. */
static void fail(struct ms_box_exec *x, const struct ms_error *err)
{
	if (!x->failed && !x->end.exited) {
		x->failed = true;
		x->end.error = *err;
	}
	x->control_source = sd_event_source_disable_unref(x->control_source);
	x->control = ms_fd_close(x->control);
	if (x->pidfd >= 0 && set_deadline(x, KILL_GRACE_USEC) < 0)
		kill_helper(x);
}

static int on_deadline(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_box_exec *x = data;
	struct ms_error err = {.step = MS_STEP_EXEC};

	if (x->pidfd >= 0 && x->control < 0) { /* asked already */
		kill_helper(x);
		return 0;
	}
	ms_error_say(&err, ETIMEDOUT, MS_REASON_DEADLINE, "%s",
		     x->killed ? "the command did not end when it was killed"
			       : "the command was not set up in time");
	fail(x, &err);
	return 0;
}

static int say(struct ms_box_exec *x, enum ms_shim_type type)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	return ms_packet_send(x->control, buf, ms_shimwire_plain(buf, MS_SHIM_VERSION, type), NULL,
			      0, MSG_DONTWAIT);
}

void ms_box_exec_kill(struct ms_box_exec *x)
{
	struct ms_error err = {.step = MS_STEP_EXEC};

	if (x->killed)
		return;
	x->killed = true;
	if (x->spawning || x->child < 0) { /* nothing runs yet: the helper alone is to end */
		ms_error_say(&err, ECANCELED, MS_REASON_CANCELLED,
			     "the command was given up before it ran");
		fail(x, &err);
		return;
	}
	if (say(x, MS_SHIM_KILL) < 0 || set_deadline(x, KILL_GRACE_USEC) < 0)
		fail(x, &err);
}

/* -- the running command -- */

/* The shim has it, or has no place for it (and closed the pipe). */
static int on_taken(sd_event_source *source, int fd, uint32_t revents MS_UNUSED, void *data)
{
	struct ms_box_exec *x = data;
	struct ms_error err = {.step = MS_STEP_SECCOMP};
	char byte;
	ssize_t n = ms_sys_read(fd, &byte, 1);
	int r = sd_event_source_set_enabled(source, SD_EVENT_OFF);

	if (n != 1) {
		ms_error_say(&err, EBUSY, MS_REASON_BUSY,
			     "processes that earlier commands left behind in this instance hold "
			     "every place for another");
		MS_IGNORE(
			ms_error_hint(&err, "end them, or restart the module")); /* told by fail */
		fail(x, &err);
		return r;
	}
	n = say(x, MS_SHIM_RELEASE);
	if (n < 0) {
		ms_error_set(&err, (int)-n, "release the command");
		fail(x, &err);
	}
	return r;
}

/* The listener first, then the word: the other way round there would be a moment in which a refused
 * call of the command is answered by nobody. */
static int hand_listener(struct ms_box_exec *x, int listener, struct ms_error *err)
{
	ms_auto_fd int write_end = -EBADF;
	int pipe[2], r;

	if (x->taken >= 0)
		return ms_error_say(err, EPROTO, MS_REASON_INTERNAL,
				    "the command's helper said twice that it is ready");
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return ms_error_set(err, errno, "make a pipe");
	x->taken = pipe[0];
	write_end = pipe[1];
	r = sd_event_add_io(x->s->loop, &x->taken_source, x->taken, EPOLLIN, on_taken, x);
	if (r < 0)
		return ms_error_set(err, -r, "watch a pipe");
	return x->ops.on_parked(x->data, listener, write_end, err);
}

static void on_parked(struct ms_box_exec *x, int listener)
{
	struct ms_error err = {.step = MS_STEP_SECCOMP};

	if (hand_listener(x, listener, &err) < 0)
		fail(x, &err);
}

static void wrong_word(struct ms_box_exec *x, const char *what)
{
	struct ms_error err = {.step = MS_STEP_SHIM};

	ms_error_say(&err, EPROTO, MS_REASON_INTERNAL, "the command's helper said %s", what);
	fail(x, &err);
}

static void on_message(struct ms_box_exec *x, const struct ms_shim_msg *msg, int *fd)
{
	switch (msg->type) {
	case MS_SHIM_PARKED:
		on_parked(x, *fd);
		return;
	case MS_SHIM_STARTED:
		if (x->started)
			break;
		x->started = true;
		x->deadline = sd_event_source_disable_unref(x->deadline);
		x->child = MS_TAKE_FD(*fd);
		x->ops.on_started(x->data, ms_pidfd_number(x->child));
		return;
	case MS_SHIM_FAILED:
		if (!x->failed) {
			x->failed = true;
			x->end.error = msg->error;
		}
		return;
	case MS_SHIM_EXIT:
		x->end.exited = !x->failed;
		x->end.exit = msg->exit;
		x->end.exit.tail = (struct ms_str){.p = ""}; /* it borrows from the message */
		return;
	case MS_SHIM_PLAN:
	case MS_SHIM_RELEASE:
	case MS_SHIM_SIGNAL:
	case MS_SHIM_KILL:
	case MS_SHIM_HEARD:
	case MS_SHIM_LISTENER:
	case MS_SHIM_EXEC:
	case MS_SHIM_VIOLATION:
	case MS_SHIM_HELLO:
	case MS_SHIM_NOTIFY:
		break;
	}
	wrong_word(x, "what it has no business to say");
}

/* One message; false when there is none left. */
static bool read_message(struct ms_box_exec *x)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_msg msg;
	int fds[1] = {-EBADF};
	size_t n_fds = 0;
	ssize_t n = ms_packet_recv(x->control, buf, sizeof(buf), fds, 1, &n_fds, MSG_DONTWAIT);

	if (n == -EINTR)
		return true;
	if (n <= 0)
		return false;
	if (ms_shimwire_decode(buf, (size_t)n, &msg) < 0)
		wrong_word(x, "something that does not decode");
	else
		on_message(x, &msg, fds);
	fds[0] = ms_fd_close(fds[0]);
	return true;
}

static int on_control(sd_event_source *source, int fd MS_UNUSED, uint32_t revents, void *data)
{
	/* one message a turn: no command's noise delays another's */
	if (!read_message(data) && (revents & (EPOLLHUP | EPOLLERR)))
		return sd_event_source_set_enabled(source,
						   SD_EVENT_OFF); /* its pidfd tells the rest */
	return 0;
}

static int on_pidfd(sd_event_source *source MS_UNUSED, int fd MS_UNUSED, uint32_t revents MS_UNUSED,
		    void *data)
{
	struct ms_box_exec *x = data;

	while (x->control >= 0 && read_message(x))
		; /* bounded by the socket's queue: nobody writes any more */
	finish(x);
	return 0;
}

/* -- the way in -- */

static int give(struct ms_box_exec *x, enum ms_fd_role role, int take_fd)
{
	if (take_fd < 0)
		return take_fd;
	ms_assert(x->n_fds - N_BEFORE < MAX_FDS);
	x->roles[x->n_fds - N_BEFORE] = role;
	x->fds[x->n_fds++] = take_fd;
	return 0;
}

static int give_copy(struct ms_box_exec *x, enum ms_fd_role role, int fd)
{
	return give(x, role, ms_sys_fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

static int give_fds(struct ms_box_exec *x, const struct ms_box *box,
		    const struct ms_box_exec_spec *spec, struct ms_error *err)
{
	static const enum ms_fd_role std[3] = {MS_FD_STDIN, MS_FD_STDOUT, MS_FD_STDERR};
	int joins[MS_CGROUP_MAX_TREES], r = 0;
	int n = ms_cgroup_open_joins(ms_box_cgroup(box), /* payload= */ true, joins,
				     MS_ARRAY_LEN(joins));

	if (n < 0)
		return ms_error_set(err, -n, "open the payload groups");
	for (int i = 0; i < n; i++)
		MS_IGNORE(give(x, MS_FD_CGROUP_JOIN, joins[i])); /* each is open */
	if (spec->tty)
		r = give_copy(x, MS_FD_TTY, spec->std[0]);
	for (int i = 0; i < 3 && r == 0 && !spec->tty; i++) {
		/* so that /dev/stdout and its kind open */
		r = ms_sys_fchown(spec->std[i], ms_box_module_uid(box), ms_box_module_uid(box));
		if (r == 0)
			r = give_copy(x, std[i], spec->std[i]);
	}
	if (r == 0 && spec->flag >= 0)
		r = give_copy(x, MS_FD_FLAG, spec->flag);
	return r < 0 ? ms_error_set(err, -r, "take the standard streams along") : 0;
}

static int make_plan(const struct ms_box_exec *x, const struct ms_box *box,
		     const struct ms_box_exec_spec *spec, int *ret, struct ms_error *err)
{
	const int plan = ms_box_plan(box);
	ms_auto_free void *bytes = NULL;
	struct stat st;
	size_t len;
	void *map;
	int r;

	if (plan < 0 || ms_box_is_outdated(box)) {
		ms_error_say(err, ENODATA, MS_REASON_SHIM_OUTDATED,
			     "the instance was taken over from another version of modsupd, which "
			     "left no plan for commands");
		return ms_error_hint(err, "restart the module: what starts now can be joined");
	}
	if (fstat(plan, &st) < 0 || st.st_size <= 0 || st.st_size > (off_t)MS_MAX_PLAN_BYTES)
		return ms_error_set(err, EBADMSG, "the instance's plan");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, plan, 0);
	if (map == MAP_FAILED)
		return ms_error_set(err, errno, "map the instance's plan");
	r = ms_box_exec_plan(map, (size_t)st.st_size, spec, x->roles, x->n_fds - N_BEFORE, &bytes,
			     &len, err);
	(void)munmap(map, (size_t)st.st_size); /* ours: cannot fail */
	if (r < 0)
		return r;
	*ret = ms_fs_sealed_memfd("modsup-exec", bytes, len, /* executable= */ false);
	return *ret < 0 ? ms_error_set(err, -*ret, "seal the command's plan") : 0;
}

static int open_main(uint32_t pid, int *ret, struct ms_error *err)
{
	/* a number of which another process may have come into possession: the helper goes in as
	 * the shim's id, which the kernel lets into this module's processes only */
	*ret = pid ? ms_sys_pidfd_open((pid_t)pid, 0) : -ESRCH;
	return *ret < 0 ? ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING,
				       "the module's main process has ended")
			: 0;
}

static void hand_over(struct ms_box_exec *x)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_error err = {.step = MS_STEP_HANDOVER};
	int r = ms_packet_send(x->control, buf,
			       ms_shimwire_plain(buf, MS_SHIM_VERSION, MS_SHIM_EXEC), x->fds,
			       x->n_fds, MSG_DONTWAIT);

	close_fds(x);
	if (r < 0) {
		ms_error_set(&err, -r, "send the command's plan");
		fail(x, &err);
	}
}

static void on_spawned(void *data, const struct ms_error *err, pid_t pid MS_UNUSED, int *pidfd)
{
	struct ms_box_exec *x = data;
	struct ms_error local = {.step = MS_STEP_SPAWN};
	int r;

	x->spawning = false;
	if (err->code) {
		x->failed = true;
		x->end.error = *err;
		finish(x);
		return;
	}
	x->pidfd = MS_TAKE_FD(*pidfd);
	r = sd_event_add_io(x->s->loop, &x->pidfd_source, x->pidfd, EPOLLIN, on_pidfd, x);
	if (r < 0) { /* it cannot be followed: may not live */
		ms_error_set(&local, -r, "watch the command's helper");
		fail(x, &local);
		finish(x);
		return;
	}
	if (x->failed || x->control < 0) { /* given up while it was being born */
		kill_helper(x);		   /* it has no command yet */
		return;
	}
	hand_over(x);
}

static int spawn(struct ms_box_exec *x, const struct ms_box *box, struct ms_error *err)
{
	struct ms_spawn_request req = {.what = MS_SPAWN_HELPER, .netns = -EBADF};
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ms_error_set(err, errno, "make the control sockets");
	x->control = pair[0];
	req.control = pair[1];
	r = ms_cgroup_open_joins(ms_box_cgroup(box), /* payload= */ false, req.join,
				 MS_ARRAY_LEN(req.join));
	if (r < 0) {
		(void)close(pair[1]); /* nobody has it */
		return ms_error_set(err, -r, "open the shim's groups");
	}
	req.n_join = (uint32_t)r;
	r = ms_spawn(x->s->launcher->spawner, &req, on_spawned, x, err);
	for (uint32_t i = 0; i < req.n_join; i++)
		(void)close(req.join[i]); /* the spawner has copies */
	(void)close(pair[1]);		  /* the same */
	if (r == 0)
		x->spawning = true;
	return r;
}

static int begin(struct ms_box_exec *x, const struct ms_box *box,
		 const struct ms_box_exec_spec *spec, struct ms_error *err)
{
	int r;

	x->n_fds = N_BEFORE; /* each -EBADF until it is there */
	err->step = MS_STEP_HANDOVER;
	r = open_main(spec->main_pid, &x->fds[1], err);
	if (r == 0)
		r = give_fds(x, box, spec, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_PLAN;
	r = make_plan(x, box, spec, &x->fds[0], err);
	if (r < 0)
		return r;
	err->step = MS_STEP_SPAWN;
	r = set_deadline(x, spec->timeout_usec);
	if (r < 0)
		return ms_error_set(err, -r, "set the command's deadline");
	r = spawn(x, box, err);
	if (r < 0)
		return r;
	r = sd_event_add_io(x->s->loop, &x->control_source, x->control, EPOLLIN, on_control, x);
	return r < 0 ? ms_error_set(err, -r, "watch the helper's socket") : 0;
}

int ms_box_exec_open(struct ms_supervisor *s, struct ms_box *box,
		     const struct ms_box_exec_spec *spec, const struct ms_box_exec_ops *ops,
		     void *data, struct ms_box_exec **ret, struct ms_error *err)
{
	struct ms_box_exec *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return ms_error_set(err, ENOMEM, "exec");
	*x = (struct ms_box_exec){.s = s,
				  .ops = *ops,
				  .data = data,
				  .control = -EBADF,
				  .pidfd = -EBADF,
				  .child = -EBADF,
				  .taken = -EBADF,
				  .fds = {-EBADF, -EBADF}};
	r = begin(x, box, spec, err);
	if (r < 0) {
		(void)ms_box_exec_free(x); /* always NULL */
		return r;
	}
	err->step = MS_STEP_NONE;
	*ret = x;
	return 0;
}
