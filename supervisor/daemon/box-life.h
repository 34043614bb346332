/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box-life.h - one sandbox as box.c (its life and end), box-launch.c (a new one) and box-adopt.c
 * (one that a dead modsupd left) share it. Nobody else includes this.
 */
#ifndef MS_DAEMON_BOX_LIFE_H
#define MS_DAEMON_BOX_LIFE_H

#include <systemd/sd-event.h>

#include "supervisor/daemon/box.h"
#include "supervisor/daemon/ids.h"

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
	sd_event_source *memory_again; /* v1 wakes before the kernel has counted the kill */
	uint32_t memory_tries;
	sd_event_source *heard; /* says HEARD once everything else that is due was done */
	uint8_t launch_id[16];
	uint8_t policy_hash[32], plan_hash[32]; /* what a shim to adopt must have */
	bool adopting;				/* HELLO has not come yet */
	char tail[MS_MAX_TAIL_BYTES + 1];	/* what end.exit.tail borrows */
	uint8_t version; /* of its shim's last message: what it is answered in */
	uint64_t run_timeout_usec;
	uint64_t oom_kills_told;
	uint32_t remove_tries;
	bool started, got_exit, failed, ended, spawning, has_figures;
	struct ms_box_end end;
};

/* ms_box_start_time - field 22 of /proc/PID/stat, clock ticks since boot; 0 when the process is
 * gone. */
uint64_t ms_box_start_time(pid_t pid);

/* box.c */
struct ms_box *ms_box_new(struct ms_supervisor *s, const struct ms_box_ops *ops, void *data);
void ms_box_close_fds(struct ms_box *box); /* what went with the plan */
void ms_box_fail(struct ms_box *box, enum ms_box_cause cause, const struct ms_error *err);
void ms_box_wind_up(struct ms_box *box); /* no process is left: figures, groups, on_end */
MS_MUST_CHECK int ms_box_watch_control(struct ms_box *box, struct ms_error *err);
MS_MUST_CHECK int ms_box_watch_pidfd(struct ms_box *box, struct ms_error *err);
MS_MUST_CHECK int ms_box_watch_memory(struct ms_box *box, struct ms_error *err);
MS_MUST_CHECK int ms_box_set_deadline(struct ms_box *box, uint64_t usec, struct ms_error *err);

#endif
