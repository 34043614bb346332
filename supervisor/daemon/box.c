/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box.c - the life of a sandbox once it is there, and its end. Each thing has one owner, struct
 * ms_box, and is let go in one place, box_done().
 */
#include "supervisor/daemon/box-life.h"

#include <string.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "lib/log.h"
#include "supervisor/daemon/ids.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/layer/net.h"
#include "supervisor/daemon/packet.h"
#include "supervisor/daemon/pidfd.h"
#include "supervisor/daemon/plan-file.h"
#include "supervisor/daemon/supervisor.h"

/* The kernel takes a moment to let go of dead processes: tried soon, then ever more seldom. */
#define REMOVE_FIRST_USEC 250u
#define REMOVE_LAST_USEC  20000u
#define REMOVE_TRIES	  500u
#define MEMORY_AGAIN_USEC 10000u /* after v1's word of an OOM: looked for so often */
#define MEMORY_TRIES	  10u
#define LAST_USEC	  2000000u	       /* from HEARD to the end of the shim */
#define MAX_FDS		  (MS_MAX_LISTEN + 2u) /* with one message: HELLO has the most */

/* -- letting go -- */

void ms_box_close_fds(struct ms_box *box)
{
	while (box->n_fds) {
		box->n_fds--;
		box->fds[box->n_fds] = ms_fd_close(box->fds[box->n_fds]);
	}
	box->netns = ms_fd_close(box->netns);
}

static void drop_sources(struct ms_box *box)
{
	box->control_source = sd_event_source_disable_unref(box->control_source);
	box->pidfd_source = sd_event_source_disable_unref(box->pidfd_source);
	box->memory_source = sd_event_source_disable_unref(box->memory_source);
	box->memory_again = sd_event_source_disable_unref(box->memory_again);
	box->deadline = sd_event_source_disable_unref(box->deadline);
	box->heard = sd_event_source_disable_unref(box->heard);
	box->remover = sd_event_source_disable_unref(box->remover);
}

static void box_done(struct ms_box *box)
{
	drop_sources(box);
	ms_box_close_fds(box);
	box->plan = ms_fd_close(box->plan);
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
	struct ms_box_end end = box->end; /* its tail stays the box's, until that is freed */

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
			uint64_t wait = REMOVE_FIRST_USEC << MS_MIN(box->remove_tries, 10u);

			if (sd_event_source_set_time_relative(
				    source, MS_MIN(wait, (uint64_t)REMOVE_LAST_USEC)) >= 0 &&
			    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
				return 0;
		}
		ms_log(MS_LOG_ERROR, "a cgroup of an ended instance cannot be removed");
	}
	finish(box);
	return 0;
}

/* The last figures of processes that are gone; the cause before the effect. */
static void read_figures(struct ms_box *box)
{
	if (!box->cgroup || box->has_figures)
		return;
	box->has_figures = true;
	MS_IGNORE(ms_cgroup_memory(box->cgroup,
				   &box->end.memory)); /* zeros where there is no controller */
	box->end.fork_failures = ms_cgroup_fork_failures(box->cgroup);
	box->end.cpu_usec = ms_cgroup_cpu_usec(box->cgroup);
	if (box->end.memory.oom_kills > box->oom_kills_told && box->ops.on_memory) {
		struct ms_cgroup_memory memory = box->end.memory;

		memory.oom_kills -= box->oom_kills_told;
		box->oom_kills_told = box->end.memory.oom_kills;
		box->ops.on_memory(box->data, &memory);
	}
}

/* The processes are gone: take the groups away, which may need a few tries. */
void ms_box_wind_up(struct ms_box *box)
{
	drop_sources(box);
	read_figures(box);
	if (sd_event_add_time_relative(box->s->loop, &box->remover, CLOCK_BOOTTIME, 0, 100,
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

void ms_box_fail(struct ms_box *box, enum ms_box_cause cause, const struct ms_error *err)
{
	if (!box->failed && !box->got_exit) {
		box->failed = true;
		box->end.cause = cause;
		box->end.error = *err;
	}
	ms_box_kill(box);
}

/* -- the running box -- */

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

/* False: nothing of this module has been killed since it was looked last. */
static bool look_at_memory(struct ms_box *box)
{
	const uint64_t told = box->oom_kills_told;

	check_memory(box);
	if (box->oom_kills_told == told)
		return false;
	/* v2 has memory.oom.group; on v1 the rest of a module that lost a process would limp on */
	ms_box_kill_module(box);
	return true;
}

static int on_memory_again(sd_event_source *source, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_box *box = data;

	if (look_at_memory(box) || ++box->memory_tries >= MEMORY_TRIES ||
	    sd_event_source_set_time_relative(source, MEMORY_AGAIN_USEC) < 0)
		return 0;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* v1 says that memory is short before it chooses whom to kill, and says nothing after that. */
static void look_again(struct ms_box *box)
{
	box->memory_tries = 0;
	box->memory_again = sd_event_source_disable_unref(box->memory_again);
	if (sd_event_add_time_relative(box->s->loop, &box->memory_again, CLOCK_BOOTTIME,
				       MEMORY_AGAIN_USEC, 0, on_memory_again, box) < 0)
		ms_log(MS_LOG_WARNING, "out of memory: the end of one of its processes may be told "
				       "with the instance's only");
}

static int on_memory(sd_event_source *source MS_UNUSED, int fd, uint32_t revents, void *data)
{
	struct ms_box *box = data;
	uint64_t count;
	char text[256];

	if (revents & EPOLLIN)
		MS_IGNORE(ms_sys_read(
			fd, &count, sizeof(count))); /* v1: the eventfd's count is of no interest */
	else /* v2: wakes on until this very descriptor is read from the start (kernfs) */
		MS_IGNORE(pread(fd, text, sizeof(text), 0)); /* check_memory() reads it anew */
	if (!look_at_memory(box) && revents & EPOLLIN)
		look_again(box);
	return 0;
}

/* The shim of a dead daemon: the one that was recorded, with the plan that was recorded, or none.
 * The plan is what commands are executed by: a shim that was taken over by its module may not bring
 * its own. */
static bool is_recorded(const struct ms_box *box, const struct ms_shim_hello *hello, int plan)
{
	if (!box->adopting ||
	    memcmp(hello->launch_id, box->launch_id, sizeof(box->launch_id)) != 0 ||
	    memcmp(hello->policy_hash, box->policy_hash, sizeof(box->policy_hash)) != 0)
		return false;
	return plan < 0 || ms_plan_file_is(plan, box->plan_hash);
}

static void on_hello(struct ms_box *box, const struct ms_shim_hello *hello, int *fds, size_t n_fds)
{
	const size_t n_pidfd = hello->ended ? 0 : 1;
	const size_t n_plan = hello->has_plan ? 1 : 0;
	struct ms_error err = {.step = MS_STEP_SHIM};
	struct ms_box_started started = {
		.adopted = true,
		.ready = hello->ready,
		.denied = hello->denied,
		.outdated = ms_box_is_outdated(box),
		.listen = fds + n_pidfd,
		.n_listen = hello->n_listen,
	};

	if (n_fds != n_pidfd + hello->n_listen + n_plan ||
	    !is_recorded(box, hello, n_plan ? fds[n_fds - 1] : -EBADF)) {
		ms_error_say(&err, EPERM, MS_REASON_INTEGRITY,
			     "a shim to adopt is not the one that was recorded");
		ms_box_fail(box, MS_BOX_SHIM_LOST, &err);
		return;
	}
	box->adopting = false;
	box->started = true;
	box->deadline = sd_event_source_disable_unref(box->deadline);
	if (n_plan)
		box->plan = MS_TAKE_FD(fds[n_fds - 1]);
	started.pid = n_pidfd ? ms_pidfd_number(fds[0]) : 0;
	box->ops.on_started(box->data, &started);
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

/* A shim that could be adopted waits for it. Where it cannot be said the shim is ended, or has
 * ended by itself: it has nothing more to do, and its module's processes are gone. One that lives
 * on has lied about that. */
static int on_heard(sd_event_source *source MS_UNUSED, void *data)
{
	struct ms_box *box = data;
	struct ms_error err = MS_ERROR_INIT;
	uint8_t buf[MS_SHIM_MAX_BYTES];

	box->deadline = sd_event_source_disable_unref(box->deadline);
	if (box->ops.on_noted)
		box->ops.on_noted(box->data);
	if (ms_packet_send(box->control, buf, ms_shimwire_plain(buf, box->version, MS_SHIM_HEARD),
			   NULL, 0, MSG_DONTWAIT) < 0 ||
	    ms_box_set_deadline(box, LAST_USEC, &err) < 0)
		ms_box_kill(box);
	return 0;
}

static void on_exit_message(struct ms_box *box, const struct ms_shim_exit *e)
{
	size_t len = MS_MIN(e->tail.len, (size_t)MS_MAX_TAIL_BYTES);

	if (box->got_exit)
		return; /* said again to a successor only: this one has noted it */
	box->got_exit = true;
	if (!box->failed)
		box->end.cause = MS_BOX_EXITED;
	box->end.exit = *e;
	if (len)
		memcpy(box->tail, e->tail.p, len);
	box->end.exit.tail = (struct ms_str){.p = box->tail, .len = len};
	read_figures(box);
	if (!box->failed && box->ops.on_exit)
		box->ops.on_exit(box->data, &box->end);
	/* after the subscribers' sockets have what was told: those sources come first */
	if (sd_event_add_defer(box->s->loop, &box->heard, on_heard, box) < 0 ||
	    sd_event_source_set_priority(box->heard, SD_EVENT_PRIORITY_IDLE) < 0)
		ms_box_kill(box);
}

static void on_message(struct ms_box *box, const struct ms_shim_msg *msg, int *fds, size_t n_fds)
{
	const int pidfd = n_fds ? fds[0] : -EBADF;

	if (box->adopting && msg->type != MS_SHIM_HELLO) {
		struct ms_error err = {.step = MS_STEP_SHIM};

		ms_error_say(&err, EPROTO, MS_REASON_INTERNAL,
			     "a shim to adopt did not say who it is");
		ms_box_fail(box, MS_BOX_SHIM_LOST, &err);
		return;
	}
	switch (msg->type) {
	case MS_SHIM_HELLO:
		on_hello(box, &msg->hello, fds, n_fds);
		return;
	case MS_SHIM_PARKED:
		return;
	case MS_SHIM_STARTED:
		if (box->started || box->got_exit)
			break; /* what begins with it has begun, and is not begun twice */
		box->started = true;
		run_deadline(box);
		box->ops.on_started(box->data,
				    &(struct ms_box_started){.pid = ms_pidfd_number(pidfd)});
		return;
	case MS_SHIM_NOTIFY:
		if (box->ops.on_notify)
			box->ops.on_notify(box->data, &msg->notify);
		return;
	case MS_SHIM_VIOLATION:
		box->ops.on_violation(box->data, &msg->violation,
				      pidfd >= 0 ? ms_pidfd_number(pidfd) : 0);
		return;
	case MS_SHIM_FAILED:
		if (!box->failed) {
			box->failed = true;
			box->end.cause = MS_BOX_FAILED;
			box->end.error = msg->error;
		}
		return;
	case MS_SHIM_EXIT:
		on_exit_message(box, &msg->exit);
		return;
	case MS_SHIM_PLAN:
	case MS_SHIM_RELEASE:
	case MS_SHIM_SIGNAL:
	case MS_SHIM_KILL:
	case MS_SHIM_HEARD:
	case MS_SHIM_LISTENER:
	case MS_SHIM_EXEC:
		break;
	}
	{
		struct ms_error err = {.step = MS_STEP_SHIM};

		ms_error_say(&err, EPROTO, MS_REASON_INTERNAL,
			     "the shim said what it has no business to say");
		ms_box_fail(box, MS_BOX_SHIM_LOST, &err);
	}
}

static void close_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fds[i] = ms_fd_close(fds[i]);
}

/* One message; false when there is none left. */
static bool read_message(struct ms_box *box)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_msg msg;
	int fds[MAX_FDS]; /* filled up to n_fds */
	size_t n_fds = 0;
	ssize_t n =
		ms_packet_recv(box->control, buf, sizeof(buf), fds, MAX_FDS, &n_fds, MSG_DONTWAIT);

	if (n == -EINTR)
		return true;
	if (n <= 0)
		return false;
	if (ms_shimwire_decode(buf, (size_t)n, &msg) < 0) {
		struct ms_error err = {.step = MS_STEP_SHIM};

		ms_error_say(&err, EBADMSG, MS_REASON_INTERNAL,
			     "the shim said something that does not decode");
		ms_box_fail(box, MS_BOX_SHIM_LOST, &err);
		close_fds(fds, n_fds);
		return false;
	}
	box->version = msg.version;
	on_message(box, &msg, fds, n_fds);
	close_fds(fds, n_fds);
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
	ms_box_wind_up(box);
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
	ms_box_fail(box, MS_BOX_DEADLINE, &err);
	return 0;
}

void ms_box_signal(struct ms_box *box, uint8_t signo)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	if (box->control >=
	    0) /* a shim that does not read for so long is killed by the stop deadline */
		MS_IGNORE(ms_packet_send(box->control, buf,
					 ms_shimwire_signal(buf, box->version, signo), NULL, 0,
					 MSG_DONTWAIT));
}

void ms_box_kill_module(struct ms_box *box)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	if (box->control >= 0) /* as above */
		MS_IGNORE(ms_packet_send(box->control, buf,
					 ms_shimwire_plain(buf, box->version, MS_SHIM_KILL), NULL,
					 0, MSG_DONTWAIT));
}

int ms_box_listen_to(struct ms_box *box, int listener, int taken)
{
	const int fds[] = {listener, taken};
	uint8_t buf[MS_SHIM_MAX_BYTES];

	if (box->control < 0 || box->got_exit)
		return -ESRCH;
	return ms_packet_send(box->control, buf,
			      ms_shimwire_plain(buf, box->version, MS_SHIM_LISTENER), fds, 2,
			      MSG_DONTWAIT);
}

uint32_t ms_box_module_uid(const struct ms_box *box)
{
	return box->module_id.uid;
}

uint32_t ms_box_shim_uid(const struct ms_box *box)
{
	return box->shim_id.uid;
}

int ms_box_plan(const struct ms_box *box)
{
	return box->plan;
}

int ms_box_pidfd(const struct ms_box *box)
{
	return box->pidfd;
}

bool ms_box_is_outdated(const struct ms_box *box)
{
	return box->version < MS_SHIM_VERSION;
}

struct ms_cgroup *ms_box_cgroup(const struct ms_box *box)
{
	return box->cgroup;
}

/* -- watching -- */

int ms_box_watch_control(struct ms_box *box, struct ms_error *err)
{
	int r = sd_event_add_io(box->s->loop, &box->control_source, box->control, EPOLLIN,
				on_control, box);

	return r < 0 ? ms_error_set(err, -r, "watch the control socket") : 0;
}

int ms_box_watch_pidfd(struct ms_box *box, struct ms_error *err)
{
	int r = sd_event_add_io(box->s->loop, &box->pidfd_source, box->pidfd, EPOLLIN, on_pidfd,
				box);

	return r < 0 ? ms_error_set(err, -r, "watch the shim") : 0;
}

int ms_box_watch_memory(struct ms_box *box, struct ms_error *err)
{
	uint32_t events;
	int r = ms_cgroup_watch_memory(box->cgroup, &events);

	if (r >= 0)
		r = sd_event_add_io(box->s->loop, &box->memory_source, r, events, on_memory, box);
	return r < 0 && r != -ENOENT ? ms_error_set(err, -r, "watch the memory of the group") : 0;
}

int ms_box_set_deadline(struct ms_box *box, uint64_t usec, struct ms_error *err)
{
	int r = sd_event_add_time_relative(box->s->loop, &box->deadline, CLOCK_BOOTTIME, usec, 0,
					   on_deadline, box);

	return r < 0 ? ms_error_set(err, -r, "set the launch's deadline") : 0;
}

struct ms_box *ms_box_new(struct ms_supervisor *s, const struct ms_box_ops *ops, void *data)
{
	struct ms_box *box = calloc(1, sizeof(*box));

	if (!box)
		return NULL;
	box->s = s;
	box->version = MS_SHIM_VERSION;
	box->ops = *ops;
	box->data = data;
	box->shim_id = box->module_id = MS_ID_INIT;
	box->netns = box->control = box->pidfd = box->plan = -EBADF;
	return box;
}
