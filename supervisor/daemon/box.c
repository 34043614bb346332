/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box.c - the launch, read from top to bottom: ids, cgroup, network namespace, trees, plan, spawn,
 * hand over. Each thing has one owner, struct ms_box, and is let go in one place, box_done(). What
 * goes wrong names its step.
 */
#include "supervisor/daemon/box.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "lib/log.h"
#include "lib/num.h"
#include "supervisor/daemon/ids.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/layer/net.h"
#include "supervisor/daemon/packet.h"
#include "supervisor/daemon/supervisor.h"

#define REMOVE_EVERY_USEC 20000u /* the kernel takes a moment to let go of dead processes */
#define REMOVE_TRIES	  500u
#define OPEN_TREE_FLAGS	  (MS_OPEN_TREE_CLONE | O_CLOEXEC)

struct ms_box {
	struct ms_supervisor *s; /* borrowed */
	struct ms_box_ops ops;
	void *data;
	struct ms_id shim_id, module_id;
	struct ms_cgroup *cgroup; /* owned */
	int netns, control, pidfd, plan;
	int fds[MS_MAX_PLAN_FDS]; /* what goes with the plan, owned until it is sent */
	enum ms_fd_role roles[MS_MAX_PLAN_FDS];
	uint32_t n_fds;
	sd_event_source *control_source, *pidfd_source, *memory_source, *deadline, *remover;
	uint64_t run_timeout_usec;
	uint64_t oom_kills_told;
	uint32_t remove_tries;
	bool got_exit, failed, ended, spawning;
	struct ms_box_end end;
};

/* -- letting go -- */

static void close_fds(struct ms_box *box)
{
	while (box->n_fds) {
		box->n_fds--;
		box->fds[box->n_fds] = ms_fd_close(box->fds[box->n_fds]);
	}
	box->plan = ms_fd_close(box->plan);
	box->netns = ms_fd_close(box->netns);
}

static void drop_sources(struct ms_box *box)
{
	box->control_source = sd_event_source_disable_unref(box->control_source);
	box->pidfd_source = sd_event_source_disable_unref(box->pidfd_source);
	box->memory_source = sd_event_source_disable_unref(box->memory_source);
	box->deadline = sd_event_source_disable_unref(box->deadline);
	box->remover = sd_event_source_disable_unref(box->remover);
}

static void box_done(struct ms_box *box)
{
	drop_sources(box);
	close_fds(box);
	box->control = ms_fd_close(box->control);
	box->pidfd = ms_fd_close(box->pidfd);
	box->cgroup = ms_cgroup_free(box->cgroup);
	ms_id_release(&box->shim_id);
	ms_id_release(&box->module_id);
}

struct ms_box *ms_box_free(struct ms_box *box)
{
	if (!box)
		return NULL;
	if (box->spawning)
		ms_spawn_forget(box->s->launcher->spawner, box);
	box_done(box);
	free(box);
	return NULL;
}

static void finish(struct ms_box *box)
{
	const struct ms_box_ops ops = box->ops;
	void *data = box->data;
	struct ms_box_end end = box->end;

	box_done(box);
	box->ended = true;
	ops.on_end(data, &end);
}

static int on_remove(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_box *box = data;

	(void)usec;
	if (ms_cgroup_remove(box->cgroup) < 0) {
		ms_cgroup_kill(box->cgroup);
		if (box->remove_tries++ < REMOVE_TRIES) {
			if (sd_event_source_set_time_relative(source, REMOVE_EVERY_USEC) >= 0 &&
			    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
				return 0;
		}
		ms_log(MS_LOG_ERROR, "a cgroup of an ended instance cannot be removed");
	}
	finish(box);
	return 0;
}

/* The processes are gone: read the last figures, then take the groups away, which may need a few
 * tries. */
static void wind_up(struct ms_box *box)
{
	drop_sources(box);
	if (box->cgroup) {
		MS_IGNORE(ms_cgroup_memory(
			box->cgroup, &box->end.memory)); /* zeros where there is no controller */
		box->end.fork_failures = ms_cgroup_fork_failures(box->cgroup);
		box->end.cpu_usec = ms_cgroup_cpu_usec(box->cgroup);
		if (box->end.memory.oom_kills > box->oom_kills_told && box->ops.on_memory) {
			struct ms_cgroup_memory memory = box->end.memory;

			memory.oom_kills -= box->oom_kills_told;
			box->ops.on_memory(box->data, &memory);
		}
	}
	if (sd_event_add_time_relative(box->s->loop, &box->remover, CLOCK_BOOTTIME, 0, 1000,
				       on_remove, box) < 0)
		finish(box);
}

void ms_box_kill(struct ms_box *box)
{
	if (box->ended)
		return;
	box->end.killed = true;
	/* the shim is PID 1 of the module's pid namespace: the kernel ends every process with it */
	if (box->pidfd >= 0) {
		MS_IGNORE(ms_sys_pidfd_send_signal(box->pidfd,
						   SIGKILL)); /* ended already is as good */
	} else {
		/* not born yet: it will find nobody and end */
		box->control_source = sd_event_source_disable_unref(box->control_source);
		box->control = ms_fd_close(box->control);
	}
	if (box->cgroup)
		ms_cgroup_kill(box->cgroup);
}

static void fail(struct ms_box *box, enum ms_box_cause cause, const struct ms_error *err)
{
	if (!box->failed && !box->got_exit) {
		box->failed = true;
		box->end.cause = cause;
		box->end.error = *err;
	}
	ms_box_kill(box);
}

/* -- the running box -- */

/* The number on the host of the process behind a pidfd, from "Pid:\t" in its fdinfo; 0 when it
 * ended. */
static uint32_t outside_pid(int pidfd)
{
	char path[64], buf[512];
	ms_auto_fd int fd = -EBADF;
	const char *p;
	uint32_t pid = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd); /* always fits */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strstr(buf, "Pid:\t");
	if (!p)
		return 0;
	p += 5;
	return ms_parse_u32(p, strspn(p, "0123456789"), 1, INT32_MAX, &pid) < 0 ? 0 : pid;
}

static void check_memory(struct ms_box *box)
{
	struct ms_cgroup_memory memory = {0};

	if (ms_cgroup_memory(box->cgroup, &memory) < 0 || memory.oom_kills <= box->oom_kills_told)
		return;
	if (box->ops.on_memory) {
		struct ms_cgroup_memory told = memory;

		told.oom_kills -= box->oom_kills_told;
		box->ops.on_memory(box->data, &told);
	}
	box->oom_kills_told = memory.oom_kills;
}

static int on_memory(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ms_box *box = data;
	uint64_t count;
	char text[256];

	(void)source;
	if (revents & EPOLLIN)
		MS_IGNORE(ms_sys_read(
			fd, &count, sizeof(count))); /* v1: the eventfd's count is of no interest */
	else /* v2: wakes on until this very descriptor is read from the start (kernfs) */
		MS_IGNORE(pread(fd, text, sizeof(text), 0)); /* check_memory() reads it anew */
	check_memory(box);
	return 0;
}

/* The launch is over; a one-shot of modsupd's own has a deadline for its work too. */
static void run_deadline(struct ms_box *box)
{
	if (box->run_timeout_usec &&
	    sd_event_source_set_time_relative(box->deadline, box->run_timeout_usec) >= 0)
		return;
	box->deadline = sd_event_source_disable_unref(box->deadline);
	if (box->run_timeout_usec)
		ms_box_kill(box); /* a wait without a bound is not begun */
}

static void on_message(struct ms_box *box, const struct ms_shim_msg *msg, int pidfd)
{
	switch (msg->type) {
	case MS_SHIM_PARKED:
		return;
	case MS_SHIM_STARTED:
		run_deadline(box);
		box->ops.on_started(box->data, outside_pid(pidfd));
		return;
	case MS_SHIM_VIOLATION:
		box->ops.on_violation(box->data, &msg->violation,
				      pidfd >= 0 ? outside_pid(pidfd) : 0);
		return;
	case MS_SHIM_FAILED:
		if (!box->failed) {
			box->failed = true;
			box->end.cause = MS_BOX_FAILED;
			box->end.error = msg->error;
		}
		return;
	case MS_SHIM_EXIT:
		check_memory(box); /* the cause before the effect */
		box->got_exit = true;
		box->end.exit = msg->exit;
		return;
	case MS_SHIM_PLAN:
	case MS_SHIM_RELEASE:
	case MS_SHIM_SIGNAL:
	case MS_SHIM_KILL:
		break;
	}
	{
		struct ms_error err = {.step = MS_STEP_SHIM};

		ms_error_say(&err, EPROTO, MS_REASON_INTERNAL,
			     "the shim said what only modsupd says");
		fail(box, MS_BOX_SHIM_LOST, &err);
	}
}

/* One message; false when there is none left. */
static bool read_message(struct ms_box *box)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_msg msg;
	int pidfds[1] = {-EBADF};
	size_t n_fds = 0;
	ssize_t n = ms_packet_recv(box->control, buf, sizeof(buf), pidfds, 1, &n_fds, MSG_DONTWAIT);

	if (n == -EINTR)
		return true;
	if (n <= 0)
		return false;
	if (ms_shimwire_decode(buf, (size_t)n, &msg) < 0) {
		struct ms_error err = {.step = MS_STEP_SHIM};

		ms_error_say(&err, EBADMSG, MS_REASON_INTERNAL,
			     "the shim said something that does not decode");
		fail(box, MS_BOX_SHIM_LOST, &err);
		return false;
	}
	on_message(box, &msg, n_fds ? pidfds[0] : -EBADF);
	pidfds[0] = ms_fd_close(pidfds[0]);
	return true;
}

static int on_control(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ms_box *box = data;

	(void)fd;
	/* one message a turn: no module's noise delays another's */
	if (!read_message(box) && (revents & (EPOLLHUP | EPOLLERR)))
		return sd_event_source_set_enabled(source,
						   SD_EVENT_OFF); /* its pidfd tells the rest */
	return 0;
}

/* The shim ended. Whatever it still said comes first. */
static int on_pidfd(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ms_box *box = data;

	(void)source;
	(void)fd;
	(void)revents;
	while (box->control >= 0 && read_message(box))
		; /* bounded by the socket's queue: nobody writes any more */
	if (!box->failed && box->got_exit)
		box->end.cause = MS_BOX_EXITED;
	else if (!box->failed) {
		box->end.cause = MS_BOX_SHIM_LOST;
		ms_error_say(&box->end.error, ECHILD, MS_REASON_INTERNAL,
			     "the shim ended without a word");
		box->end.error.step = MS_STEP_SHIM;
	}
	wind_up(box);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_box *box = data;
	struct ms_error err = {.step = MS_STEP_EXEC};

	(void)source;
	(void)usec;
	ms_error_say(&err, ETIMEDOUT, MS_REASON_DEADLINE,
		     "the launch, or a one-shot of the launch, took too long");
	fail(box, MS_BOX_DEADLINE, &err);
	return 0;
}

void ms_box_signal(struct ms_box *box, uint8_t signo)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	if (box->control >=
	    0) /* a shim that does not read for so long is killed by the stop deadline */
		MS_IGNORE(ms_packet_send(box->control, buf, ms_shimwire_signal(buf, signo), NULL, 0,
					 MSG_DONTWAIT));
}

void ms_box_kill_module(struct ms_box *box)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	if (box->control >= 0) /* as above */
		MS_IGNORE(ms_packet_send(box->control, buf, ms_shimwire_plain(buf, MS_SHIM_KILL),
					 NULL, 0, MSG_DONTWAIT));
}

uint32_t ms_box_module_uid(const struct ms_box *box)
{
	return box->module_id.uid;
}

const struct ms_cgroup *ms_box_cgroup(const struct ms_box *box)
{
	return box->cgroup;
}

/* -- the launch -- */

/* A descriptor that goes with the plan, taken; its place, or -errno (and it is closed). */
static int give_fd(struct ms_box *box, enum ms_fd_role role, int take_fd)
{
	if (take_fd < 0)
		return take_fd;
	if (box->n_fds == MS_MAX_PLAN_FDS) {
		(void)close(take_fd); /* no room */
		return -E2BIG;
	}
	box->roles[box->n_fds] = role;
	box->fds[box->n_fds] = take_fd;
	return (int)box->n_fds++;
}

static int give_copy(struct ms_box *box, enum ms_fd_role role, int fd)
{
	return give_fd(box, role, ms_sys_fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

static int step_ids(struct ms_box *box, const struct ms_box_spec *spec, struct ms_error *err)
{
	struct ms_ids *ids = &box->s->launcher->ids;
	int r = ms_ids_take(ids, &box->shim_id, err);

	if (r < 0)
		return r;
	r = spec->module_uid ? ms_ids_take_this(ids, spec->module_uid, &box->module_id, err)
			     : ms_ids_take(ids, &box->module_id, err);
	if (r < 0)
		return r;
	/* the shim holds them too, so that they stay taken when modsupd is gone and the shim is not
	 * yet */
	if (give_copy(box, MS_FD_HOLD, box->shim_id.lock) < 0 ||
	    give_copy(box, MS_FD_HOLD, box->module_id.lock) < 0)
		return ms_error_set(err, EMFILE, "copy the id locks");
	return 0;
}

static int step_cgroup(struct ms_box *box, const struct ms_box_spec *spec, struct ms_error *err)
{
	const struct ms_cgroup_limits limits = {
		.memory_bytes = spec->policy->limits[MS_LIMIT_MEMORY],
		.cpu_pct = (uint32_t)spec->policy->limits[MS_LIMIT_CPU],
		.processes = (uint32_t)spec->policy->limits[MS_LIMIT_PROCESSES],
	};
	int joins[MS_CGROUP_MAX_TREES], n, fd;
	uint32_t events;
	int r;

	r = ms_cgroup_make(box->s->launcher->cgroups, spec->name, &limits, &box->cgroup, err);
	if (r < 0)
		return r;
	n = ms_cgroup_open_joins(box->cgroup, /* payload= */ true, joins, MS_ARRAY_LEN(joins));
	if (n < 0)
		return ms_error_set(err, -n, "open the payload groups");
	for (int i = 0; i < n; i++) {
		if (give_fd(box, MS_FD_CGROUP_JOIN, joins[i]) < 0)
			return ms_error_set(err, E2BIG, "too many descriptors");
	}
	fd = ms_cgroup_open_kill(box->cgroup);
	if (fd >= 0 && give_fd(box, MS_FD_CGROUP_KILL, fd) < 0)
		return ms_error_set(err, E2BIG, "too many descriptors");
	fd = ms_cgroup_watch_memory(box->cgroup, &events);
	if (fd >= 0)
		fd = sd_event_add_io(box->s->loop, &box->memory_source, fd, events, on_memory, box);
	if (fd < 0 && fd != -ENOENT)
		return ms_error_set(err, -fd, "watch the memory of the group");
	return 0;
}

/* A detached clone of a tree, to be attached by the shim. -1 where there is none to give. */
static int give_tree(struct ms_box *box, int dirfd, const char *path, int *ret,
		     struct ms_error *err)
{
	int fd = ms_sys_open_tree(dirfd, path, OPEN_TREE_FLAGS | (path[0] ? 0 : AT_EMPTY_PATH));

	*ret = give_fd(box, MS_FD_ATTACH, fd);
	return *ret < 0 ? ms_error_set(err, -*ret, "take '%s' along", path[0] ? path : "a tree")
			: 0;
}

static bool has_top_folders(const struct ms_host *host)
{
	for (uint32_t i = 0; i < host->top.n; i++) {
		if (host->top.entries[i].kind != MS_HOST_LINK)
			return true;
	}
	return false;
}

static int step_trees(struct ms_box *box, const struct ms_box_spec *spec, struct ms_plan_trees *ret,
		      struct ms_error *err)
{
	int r;

	*ret = (struct ms_plan_trees){-1, -1, -1, -1, -1, -1};
	r = give_tree(box, AT_FDCWD, "/usr", &ret->usr, err);
	if (r == 0)
		r = give_tree(box, AT_FDCWD, "/etc", &ret->etc, err);
	if (r == 0 && has_top_folders(box->s->launcher->host))
		r = give_tree(box, AT_FDCWD, "/", &ret->top, err);
	if (r == 0 && spec->bundle >= 0)
		r = give_tree(box, spec->bundle, "", &ret->bundle, err);
	if (r == 0 && spec->state >= 0)
		r = give_tree(box, spec->state, "", &ret->state, err);
	if (r == 0 && spec->program >= 0)
		r = give_tree(box, spec->program, "", &ret->program, err);
	return r;
}

static int step_stdio(struct ms_box *box, const struct ms_box_spec *spec, struct ms_error *err)
{
	static const enum ms_fd_role std[3] = {MS_FD_STDIN, MS_FD_STDOUT, MS_FD_STDERR};
	int r = 0;

	switch (spec->stdio) {
	case MS_PLAN_STDIO_TTY:
		r = give_copy(box, MS_FD_TTY, spec->std[0]);
		break;
	case MS_PLAN_STDIO_GIVEN:
		for (int i = 0; i < 3 && r >= 0; i++) {
			if (spec->std[i] >= 0)
				r = give_copy(box, std[i], spec->std[i]);
		}
		break;
	case MS_PLAN_STDIO_LOG:
		for (int i = 0; i < 2 && r >= 0; i++)
			r = give_copy(box, MS_FD_LOG, spec->log[i]);
		break;
	}
	for (uint32_t i = 0; i < spec->n_listen && r >= 0; i++)
		r = give_copy(box, MS_FD_LISTEN, spec->listen[i]);
	return r < 0 ? ms_error_set(err, -r, "take the standard streams along") : 0;
}

static int step_plan(struct ms_box *box, const struct ms_box_spec *spec,
		     const struct ms_plan_trees *trees, struct ms_error *err)
{
	static struct ms_plan plan; /* large, and only used inside this function */
	const struct ms_launcher *l = box->s->launcher;
	ms_auto(arena) struct ms_arena arena = MS_ARENA_INIT(4u * MS_MAX_PLAN_BYTES);
	ms_auto_free void *bytes = NULL;
	struct ms_plan_input in = {
		.policy = spec->policy,
		.layout = spec->layout,
		.host = l->host,
		.config = box->s->config,
		.shim_uid = box->shim_id.uid,
		.module_uid = box->module_id.uid,
		.instance = {.p = spec->name, .len = strlen(spec->name)},
		.argv = spec->argv,
		.n_argv = spec->n_argv,
		.stdio = spec->stdio,
		.n_fds = box->n_fds,
		.trees = *trees,
		.filter = {.p = (const char *)l->module_filter.bytes, .len = l->module_filter.len},
		.shim_filter = {.p = (const char *)l->shim_filter.bytes, .len = l->shim_filter.len},
		.newest_nr = l->newest_nr,
		.kill_nrs = l->kill_nrs,
		.n_kill_nrs = l->n_kill_nrs,
		.log_bytes = spec->log_bytes,
	};
	size_t len;
	int r;

	memcpy(in.roles, box->roles, sizeof(in.roles));
	if (getrandom(in.launch_id, sizeof(in.launch_id), 0) != sizeof(in.launch_id))
		return ms_error_set(err, EIO, "random bytes for the launch");
	r = ms_plan_build(&in, &arena, &plan, err);
	if (r < 0)
		return r;
	r = ms_plan_encode(&plan, &bytes, &len);
	if (r < 0)
		return ms_error_set(err, -r, "encode the plan");
	box->plan = ms_fs_sealed_memfd("modsup-plan", bytes, len, /* executable= */ false);
	return box->plan < 0 ? ms_error_set(err, -box->plan, "seal the plan") : 0;
}

/* The shim was born. It has the other end of the control socket, and waits on it for what is sent
 * here. */
static void hand_over(struct ms_box *box, struct ms_error *err)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	int fds[MS_MAX_PLAN_FDS + 1];
	int r;

	err->step = MS_STEP_HANDOVER;
	fds[0] = box->plan;
	memcpy(fds + 1, box->fds, sizeof(int) * box->n_fds);
	r = ms_packet_send(box->control, buf, ms_shimwire_plain(buf, MS_SHIM_PLAN), fds,
			   box->n_fds + 1, MSG_DONTWAIT);
	if (r == 0) /* natively nothing is waited for between parking and exec: say go at once */
		r = ms_packet_send(box->control, buf, ms_shimwire_plain(buf, MS_SHIM_RELEASE), NULL,
				   0, MSG_DONTWAIT);
	if (r < 0) {
		ms_error_set(err, -r, "send the plan");
		fail(box, MS_BOX_FAILED, err);
	}
	close_fds(box);
}

static void on_spawned(void *data, const struct ms_error *err, pid_t pid, int *pidfd)
{
	struct ms_box *box = data;
	struct ms_error local = MS_ERROR_INIT;
	int r;

	(void)pid;
	box->spawning = false;
	if (err->code) {
		box->failed = true;
		box->end.cause = MS_BOX_FAILED;
		box->end.error = *err;
		wind_up(box);
		return;
	}
	box->pidfd = MS_TAKE_FD(*pidfd);
	r = sd_event_add_io(box->s->loop, &box->pidfd_source, box->pidfd, EPOLLIN, on_pidfd, box);
	if (r < 0) { /* cannot be followed: may not live */
		ms_error_set(&local, -r, "watch the shim");
		fail(box, MS_BOX_FAILED, &local);
		wind_up(box);
		return;
	}
	if (box->control < 0) { /* killed while it was being born */
		MS_IGNORE(ms_sys_pidfd_send_signal(box->pidfd, SIGKILL));
		return;
	}
	hand_over(box, &local);
}

static int step_spawn(struct ms_box *box, struct ms_error *err)
{
	struct ms_spawn_request req = {.netns = box->netns};
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ms_error_set(err, errno, "make the control sockets");
	box->control = pair[0];
	req.control = pair[1];
	r = ms_cgroup_open_joins(box->cgroup, /* payload= */ false, req.join,
				 MS_ARRAY_LEN(req.join));
	if (r < 0) {
		(void)close(pair[1]); /* nobody has it */
		return ms_error_set(err, -r, "open the shim's groups");
	}
	req.n_join = (uint32_t)r;
	r = ms_spawn(box->s->launcher->spawner, &req, on_spawned, box, err);
	for (uint32_t i = 0; i < req.n_join; i++)
		(void)close(req.join[i]); /* the spawner has copies */
	(void)close(pair[1]);		  /* the same */
	if (r < 0)
		return r;
	box->spawning = true;
	return 0;
}

/* Only what the shim may never see stays with modsupd; the rest of this function's order is the
 * launch's. */
static int launch(struct ms_box *box, const struct ms_box_spec *spec, struct ms_error *err)
{
	struct ms_plan_trees trees;
	int r;

	err->step = MS_STEP_IDS;
	r = step_ids(box, spec, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_CGROUP;
	r = step_cgroup(box, spec, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_NET;
	if (MS_LAYER_ON(NET))
		r = ms_net_make(&box->netns, err);
	else
		box->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (r < 0)
		return r;
	err->step = MS_STEP_MOUNT;
	r = step_trees(box, spec, &trees, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_HANDOVER;
	r = step_stdio(box, spec, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_PLAN;
	r = step_plan(box, spec, &trees, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_SPAWN;
	r = sd_event_add_time_relative(box->s->loop, &box->deadline, CLOCK_BOOTTIME,
				       spec->launch_timeout_usec, 0, on_deadline, box);
	if (r < 0)
		return ms_error_set(err, -r, "set the launch's deadline");
	r = step_spawn(box, err);
	if (r < 0)
		return r;
	r = sd_event_add_io(box->s->loop, &box->control_source, box->control, EPOLLIN, on_control,
			    box);
	return r < 0 ? ms_error_set(err, -r, "watch the control socket") : 0;
}

int ms_box_open(struct ms_supervisor *s, const struct ms_box_spec *spec,
		const struct ms_box_ops *ops, void *data, struct ms_box **ret, struct ms_error *err)
{
	struct ms_box *box = calloc(1, sizeof(*box));
	int r;

	if (!box)
		return ms_error_set(err, ENOMEM, "box");
	box->s = s;
	box->ops = *ops;
	box->data = data;
	box->run_timeout_usec = spec->run_timeout_usec;
	box->shim_id = box->module_id = MS_ID_INIT;
	box->netns = box->control = box->pidfd = box->plan = -EBADF;
	r = launch(box, spec, err);
	if (r < 0) {
		if (box->cgroup)
			MS_IGNORE(ms_cgroup_remove(box->cgroup)); /* nobody is in it yet */
		(void)ms_box_free(box);				  /* always NULL */
		return r;
	}
	err->step = MS_STEP_NONE;
	*ret = box;
	return 0;
}
