/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box-adopt.c - finding again what a dead daemon left running. A pid may have been given to
 * somebody else since: the shim is believed to be itself only when the socket's listener, the
 * process behind it, its start time and its cgroup all are what was recorded, read in this order
 * around the pidfd; the launch id and the policy come last, from its own mouth.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/num.h"
#include "lib/sys.h"
#include "supervisor/daemon/box-life.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/supervisor.h"

#define HELLO_USEC 5000000u

static ssize_t read_proc(pid_t pid, const char *name, char *buf, size_t cap)
{
	char path[64];
	ms_auto_fd int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name); /* always fits */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, cap - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

uint64_t ms_box_start_time(pid_t pid)
{
	char buf[1024];
	uint64_t ticks = 0;
	const char *p;

	if (read_proc(pid, "stat", buf, sizeof(buf)) <= 0)
		return 0;
	p = strrchr(buf, ')'); /* the name may hold anything, the rest holds none of these */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return 0;
	p++;
	return ms_parse_u64(p, strspn(p, "0123456789"), 1, UINT64_MAX, &ticks) < 0 ? 0 : ticks;
}

/* Each line of /proc/PID/cgroup that is about a tree of ours ends in the shim's group. */
static bool is_in_group(pid_t pid, const char *name)
{
	char buf[8192], want[64];

	(void)snprintf(want, sizeof(want), "/modules/%s/shim\n", name); /* always fits */
	return read_proc(pid, "cgroup", buf, sizeof(buf)) > 0 && strstr(buf, want) != NULL;
}

static int connect_shim(const char *path, struct ucred *ret_peer)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	ms_auto_fd int fd = -EBADF;
	socklen_t len = sizeof(*ret_peer);

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &len) < 0)
		return -errno;
	return MS_TAKE_FD(fd);
}

static int verify(struct ms_box *box, const struct ms_box_record *record, struct ms_error *err)
{
	const struct ms_box_birth *birth = &record->birth;
	struct ucred peer = {.uid = UINT32_MAX};

	box->control = connect_shim(record->socket, &peer);
	if (box->control < 0)
		return ms_error_set(err, -box->control, "nobody waits on its adoption socket");
	if (peer.uid != birth->shim_uid || peer.pid <= 1 || (uint32_t)peer.pid != birth->shim_pid)
		return ms_error_say(err, EPERM, MS_REASON_INTEGRITY,
				    "its adoption socket is somebody else's");
	box->pidfd = ms_sys_pidfd_open(peer.pid, 0);
	if (box->pidfd < 0)
		return ms_error_set(err, -box->pidfd, "its shim is gone");
	/* after the pidfd: what is read now is of the process that the pidfd holds on to */
	if (ms_box_start_time(peer.pid) != birth->shim_start ||
	    !is_in_group(peer.pid, record->name))
		return ms_error_say(err, EPERM, MS_REASON_INTEGRITY,
				    "its shim is not the process that was recorded");
	return 0;
}

void ms_box_end_recorded(const struct ms_box_record *record)
{
	const struct ms_box_birth *birth = &record->birth;
	ms_auto_fd int pidfd = -EBADF;

	if (birth->shim_pid <= 1 || birth->shim_pid > INT32_MAX || !birth->shim_start)
		return;
	pidfd = ms_sys_pidfd_open((int)birth->shim_pid, 0);
	if (pidfd >= 0 && ms_box_start_time((pid_t)birth->shim_pid) == birth->shim_start &&
	    is_in_group((pid_t)birth->shim_pid, record->name))
		MS_IGNORE(ms_sys_pidfd_send_signal(pidfd, SIGKILL)); /* ended just now is as good */
}

int ms_box_adopt(struct ms_supervisor *s, const struct ms_box_record *record,
		 const struct ms_box_ops *ops, void *data, struct ms_box **ret,
		 struct ms_error *err)
{
	struct ms_box *box = ms_box_new(s, ops, data);
	int r;

	if (!box)
		return ms_error_set(err, ENOMEM, "box");
	err->step = MS_STEP_SHIM;
	box->adopting = true;
	box->shim_id = ms_id_of_adopted(&s->launcher->ids, record->birth.shim_uid);
	box->module_id = ms_id_of_adopted(&s->launcher->ids, record->birth.module_uid);
	memcpy(box->launch_id, record->birth.launch_id, sizeof(box->launch_id));
	memcpy(box->policy_hash, record->policy_hash, sizeof(box->policy_hash));
	memcpy(box->plan_hash, record->birth.plan_hash, sizeof(box->plan_hash));
	r = ms_cgroup_adopt(s->launcher->cgroups, record->name, &box->cgroup, err);
	if (r == 0)
		r = verify(box, record, err);
	if (r == 0)
		r = ms_box_watch_pidfd(box, err);
	if (r == 0)
		r = ms_box_watch_memory(box, err);
	if (r == 0)
		r = ms_box_set_deadline(box, HELLO_USEC, err);
	if (r == 0)
		r = ms_box_watch_control(box, err);
	if (r < 0) {
		(void)ms_box_free(
			box); /* always NULL; its groups are swept, with what may be in them */
		return r;
	}
	err->step = MS_STEP_NONE;
	*ret = box;
	return 0;
}
