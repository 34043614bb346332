/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box-launch.c - the launch, read from top to bottom: ids, cgroup, network namespace, trees, plan,
 * spawn, hand over. What goes wrong names its step and leaves nothing.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "supervisor/daemon/box-life.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/layer/net.h"
#include "supervisor/daemon/packet.h"
#include "supervisor/daemon/plan-file.h"
#include "supervisor/daemon/supervisor.h"

#define OPEN_TREE_FLAGS (MS_OPEN_TREE_CLONE | O_CLOEXEC)

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
	return ms_box_watch_memory(box, err);
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
	if (r >= 0 && spec->adopt >= 0)
		r = give_copy(box, MS_FD_ADOPT, spec->adopt);
	if (r >= 0 && spec->flag >= 0)
		r = give_copy(box, MS_FD_FLAG, spec->flag);
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
	if (getrandom(box->launch_id, sizeof(box->launch_id), 0) != sizeof(box->launch_id))
		return ms_error_set(err, EIO, "random bytes for the launch");
	memcpy(in.launch_id, box->launch_id, sizeof(in.launch_id));
	r = ms_plan_build(&in, &arena, &plan, err);
	if (r < 0)
		return r;
	r = ms_plan_encode(&plan, &bytes, &len);
	if (r < 0)
		return ms_error_set(err, -r, "encode the plan");
	ms_plan_file_hash(bytes, len, box->plan_hash);
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
	r = ms_packet_send(box->control, buf, ms_shimwire_plain(buf, box->version, MS_SHIM_PLAN),
			   fds, box->n_fds + 1, MSG_DONTWAIT);
	if (r == 0) /* natively nothing is waited for between parking and exec: say go at once */
		r = ms_packet_send(box->control, buf,
				   ms_shimwire_plain(buf, box->version, MS_SHIM_RELEASE), NULL, 0,
				   MSG_DONTWAIT);
	if (r < 0) {
		ms_error_set(err, -r, "send the plan");
		ms_box_fail(box, MS_BOX_FAILED, err);
	}
	ms_box_close_fds(box);
}

static void on_spawned(void *data, const struct ms_error *err, pid_t pid, int *pidfd)
{
	struct ms_box *box = data;
	struct ms_error local = MS_ERROR_INIT;
	int r;

	box->spawning = false;
	if (err->code) {
		box->failed = true;
		box->end.cause = MS_BOX_FAILED;
		box->end.error = *err;
		ms_box_wind_up(box);
		return;
	}
	box->pidfd = MS_TAKE_FD(*pidfd);
	r = ms_box_watch_pidfd(box, &local);
	if (r == 0 && box->ops.on_born)
		r = box->ops.on_born(box->data,
				     &(struct ms_box_birth){.shim_pid = (uint32_t)pid,
							    .shim_start = ms_box_start_time(pid),
							    .shim_uid = box->shim_id.uid,
							    .module_uid = box->module_id.uid,
							    .launch_id = box->launch_id,
							    .plan_hash = box->plan_hash},
				     &local);
	if (r < 0) { /* cannot be followed, or found again: may not live */
		ms_box_fail(box, MS_BOX_FAILED, &local);
		if (!box->pidfd_source)
			ms_box_wind_up(box);
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
	r = ms_box_set_deadline(box, spec->launch_timeout_usec, err);
	if (r < 0)
		return r;
	r = step_spawn(box, err);
	if (r < 0)
		return r;
	return ms_box_watch_control(box, err);
}

int ms_box_open(struct ms_supervisor *s, const struct ms_box_spec *spec,
		const struct ms_box_ops *ops, void *data, struct ms_box **ret, struct ms_error *err)
{
	struct ms_box *box = ms_box_new(s, ops, data);
	int r;

	if (!box)
		return ms_error_set(err, ENOMEM, "box");
	box->run_timeout_usec = spec->run_timeout_usec;
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
