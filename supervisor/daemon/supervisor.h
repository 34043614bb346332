/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor.h - the one owner of all state. Made by main.c, passed explicitly; there is no mutable
 * global.
 */
#ifndef MS_DAEMON_SUPERVISOR_H
#define MS_DAEMON_SUPERVISOR_H

#include <systemd/sd-event.h>

#include "lib/base.h"
#include "policy/config.h"

struct ms_capacity;
struct ms_control;
struct ms_events;
struct ms_host_report;
struct ms_instances;
struct ms_launcher;
struct ms_rpc_memory;
struct ms_folders;
struct ms_emergency;
struct ms_streams;
struct ms_execs;
struct ms_units;
struct ms_watches;

struct ms_supervisor {
	sd_event *loop;			/* owned */
	struct ms_config *config;	/* owned */
	struct ms_events *events;	/* owned */
	struct ms_control *control;	/* owned */
	struct ms_rpc_memory *rpc;	/* owned: what requests leave behind */
	struct ms_instances *instances; /* owned */
	struct ms_units *units;		/* owned: modules that are wished to run */
	struct ms_emergency *emergency; /* owned: the flag that stops every start */
	struct ms_capacity *capacity;	/* owned: the host's own share */
	struct ms_streams *streams;	/* owned: one-use sockets for bulk data */
	struct ms_watches *watches;	/* owned: the limits of what runs */
	struct ms_execs *execs;		/* owned: commands in instances; NULL = never one */
	struct ms_folders *state;	/* owned */
	struct ms_launcher *launcher;	/* owned: what launches share: spawn helper, cgroup tree,
					   filters, host facts */
	struct ms_host_report *host;   /* owned; probed by main.c before it restricts itself, as the
					* probes' children would inherit that; NULL = probe now */
	char daemon_id[17];	       /* 16 hex digits: names cgroups and lock files */
	char *runtime_dir, *state_dir; /* owned, absolute */
	const char *config_file;       /* borrowed: that was named, or NULL */
	bool private_mode;
	bool stopping;
	uint64_t started_usec; /* CLOCK_REALTIME */
};

#endif
