/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - modsupd: options, configuration, then everything made once and in order, then the loop
 *with nothing in it.
 *
 *	options -> configuration -> folders and lock -> launcher (forks modsup-spawn) -> loop,
 *events, instances
 *	-> restrict -> control socket -> ready -> run -> stop all -> undo in reverse
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "lib/log.h"
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/config-files.h"
#include "supervisor/daemon/control.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/exec.h"
#include "supervisor/daemon/hostcheck.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/reload.h"
#include "supervisor/daemon/restrict.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/stream.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/watch.h"

#define RUNTIME_DIR "/run/modsup"
#define STATE_DIR   "/var/lib/modsup"

static const char *arg_private, *arg_config, *arg_libexec = MS_PKGLIBEXECDIR;
static bool arg_check, arg_json, arg_dump_config;

static const char usage[] =
	"usage: modsupd [--private DIR] [--config FILE] [--libexec DIR]\n"
	"       modsupd --check [--json] [--private DIR | --config FILE]\n"
	"       modsupd --dump-config [--private DIR | --config FILE]\n"
	"       modsupd --version | --help\n"
	"\n"
	"  --private DIR   configuration, state and control socket wholly inside DIR\n"
	"  --config FILE   instead of " MS_SYSCONFDIR "/modsup/modsupd.json\n"
	"  --libexec DIR   where modsup-shim and modsup-inspect are\n"
	"  --check         try every isolation layer on this host and say what is missing\n"
	"  --dump-config   print the configuration in force\n"
	"\n"
	"Runs in the foreground; see modsupd(8).\n";

enum option_id {
	OPT_PRIVATE = 256,
	OPT_CONFIG,
	OPT_LIBEXEC,
	OPT_CHECK,
	OPT_JSON,
	OPT_DUMP,
	OPT_VERSION,
	OPT_HELP
};

/* Above 0: go on; 0: done, exit 0; below: exit 2. */
static int parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{"private", required_argument, NULL, OPT_PRIVATE},
		{"config", required_argument, NULL, OPT_CONFIG},
		{"libexec", required_argument, NULL, OPT_LIBEXEC},
		{"check", no_argument, NULL, OPT_CHECK},
		{"json", no_argument, NULL, OPT_JSON},
		{"dump-config", no_argument, NULL, OPT_DUMP},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) !=
	       -1) { /* NOLINT(concurrency-mt-unsafe) */
		switch (c) {
		case OPT_PRIVATE:
			arg_private = optarg;
			break;
		case OPT_CONFIG:
			arg_config = optarg;
			break;
		case OPT_LIBEXEC:
			arg_libexec = optarg;
			break;
		case OPT_CHECK:
			arg_check = true;
			break;
		case OPT_JSON:
			arg_json = true;
			break;
		case OPT_DUMP:
			arg_dump_config = true;
			break;
		case OPT_VERSION:
			printf("modsupd " PACKAGE_VERSION "%s\n",
			       MS_ALL_LAYERS_ON ? "" : " (TEST BUILD: a layer is off)");
			return 0;
		case OPT_HELP:
			(void)fputs(usage, stdout); /* a closed stdout is the caller's wish */
			return 0;
		default:
			(void)fputs(usage, stderr); /* the same */
			return -EINVAL;
		}
	}
	if (optind < argc || (arg_json && !arg_check)) {
		(void)fprintf(stderr, "modsupd: %s%s%s\n%s", /* the same */
			      optind < argc ? "one word too many: '" : "--json goes with --check",
			      optind < argc ? argv[optind] : "", optind < argc ? "'" : "", usage);
		return -EINVAL;
	}
	return 1;
}

static void complain(const struct ms_error *err)
{
	const char *step = ms_step_word(err->step);

	ms_log(MS_LOG_ERROR, "%s%s%s%s [%s]", step[0] ? "step " : "", step, step[0] ? ": " : "",
	       err->msg, ms_reason_word(err->reason));
	if (err->hint[0])
		ms_log(MS_LOG_ERROR, "  %s", err->hint);
}

static int check_host(const struct ms_config *config)
{
	static struct ms_host_report report; /* large */
	ms_auto(jw) struct ms_jw *jw = NULL;
	ms_auto_free char *text = NULL;

	ms_hostcheck_run(config, &report);
	if (arg_json) {
		jw = ms_jw_new();
		if (jw)
			ms_hostcheck_json(&report, NULL, jw);
		text = jw ? ms_jw_take(jw, MS_JW_LINE, NULL) : NULL;
	} else {
		ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(64u << 10);

		ms_hostcheck_print(&report, &buf);
		text = ms_buf_take(&buf, NULL);
	}
	if (!text)
		return 1;
	printf("%s%s", text, arg_json ? "\n" : "");
	return report.fit ? 0 : 1;
}

/* The private folder, made when it is missing: absolute, without links in its name. */
static int make_private(char *ret, size_t cap, struct ms_error *err)
{
	ms_auto_free char *real = NULL;

	if (mkdir(arg_private, 0700) < 0 && errno != EEXIST)
		return ms_error_set(err, errno, "make '%.120s'", arg_private);
	real = realpath(arg_private, NULL);
	if (!real)
		return ms_error_set(err, errno, "find '%.120s'", arg_private);
	if (snprintf(ret, cap, "%s", real) >= (int)cap)
		return ms_error_set(err, ENAMETOOLONG, "'%.120s'", real);
	return 0;
}

static int open_folders(struct ms_supervisor *s, struct ms_error *err)
{
	char dir[PATH_MAX];
	int r;

	s->private_mode = arg_private != NULL;
	s->config_file = arg_config;
	if (arg_private) {
		r = make_private(dir, sizeof(dir), err);
		if (r < 0)
			return r;
	}
	s->runtime_dir = strdup(arg_private ? dir : RUNTIME_DIR);
	s->state_dir = s->runtime_dir ? (arg_private ? NULL : strdup(STATE_DIR)) : NULL;
	if (arg_private && s->runtime_dir && asprintf(&s->state_dir, "%s/state", dir) < 0)
		s->state_dir = NULL;
	if (!s->runtime_dir || !s->state_dir)
		return ms_error_set(err, ENOMEM, "folders");
	r = ms_state_open(s->runtime_dir, s->state_dir, &s->state, err);
	if (r == 0)
		(void)snprintf(s->daemon_id, sizeof(s->daemon_id), "%s",
			       ms_state_daemon_id(s->state)); /* fits */
	return r;
}

/* SIGTERM: end, and leave the modules to the next modsupd where the configuration says so. Else,
 * and always with SIGINT: stop every module first; a second signal does not wait for them. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct ms_supervisor *s = data;

	(void)source;
	MS_IGNORE(sd_notify(0, "STOPPING=1")); /* nobody may be listening */
	if (info->ssi_signo == SIGTERM && !s->stopping && !s->config->stop_with_daemon) {
		ms_log(MS_LOG_INFO, "stopping; %u module%s on", ms_instances_live(s->instances),
		       ms_instances_live(s->instances) == 1 ? " runs" : "s run");
		ms_instances_leave_all(s);
		return 0;
	}
	ms_log(MS_LOG_INFO, "%s: %u module%s to stop", s->stopping ? "again, killing" : "stopping",
	       ms_instances_live(s->instances), ms_instances_live(s->instances) == 1 ? "" : "s");
	ms_instances_stop_all(s);
	return 0;
}

static int open_loop(struct ms_supervisor *s, struct ms_error *err)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);	/* cannot fail */
	(void)sigaddset(&set, SIGTERM); /* the same */
	(void)sigaddset(&set, SIGINT);	/* the same */
	(void)signal(SIGPIPE, SIG_IGN); /* the same */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return ms_error_set(err, errno, "block signals");
	r = sd_event_default(&s->loop);
	if (r >= 0)
		r = sd_event_add_signal(s->loop, NULL, SIGTERM, on_signal, s);
	if (r >= 0)
		r = sd_event_add_signal(s->loop, NULL, SIGINT, on_signal, s);
	if (r >= 0)
		r = sd_event_set_watchdog(s->loop, true);
	if (r < 0)
		return ms_error_set(err, -r, "set up the event loop");
	return ms_spawner_attach(s->launcher->spawner, s->loop, err);
}

/* Once, before anything is given up: a later probe's children would have this process's limits. */
static int probe_host(struct ms_supervisor *s, struct ms_error *err)
{
	s->host = calloc(1, sizeof(*s->host));
	if (!s->host)
		return ms_error_set(err, ENOMEM, "the check of the host");
	ms_hostcheck_run(s->config, s->host);
	if (!s->host->fit)
		ms_log(MS_LOG_WARNING, "this host lacks a required layer (modsupd --check tells "
				       "which): no module will start");
	return 0;
}

/* Descriptors: each instance keeps about a dozen open here. The soft limit that a shell or systemd
 * gives is for programs that use select(2). */
static void raise_nofile(const struct ms_config *config)
{
	const rlim_t wanted = 256 + (rlim_t)config->max_instances * 16;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	/* a private one is for a few modules */
	if ((setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max < wanted) && !arg_private)
		ms_log(MS_LOG_INFO,
		       "the limit on open files (%llu) is too low for %u instances (%llu)",
		       (unsigned long long)limit.rlim_max, config->max_instances,
		       (unsigned long long)wanted);
}

static int set_up(struct ms_supervisor *s, struct ms_error *err)
{
	struct timespec now;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	s->started_usec = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
	s->started_boot_usec = ms_rpc_memory_clock();
	raise_nofile(s->config);
	r = open_folders(s, err);
	if (r == 0)
		r = probe_host(s, err);
	if (r == 0)
		r = ms_launcher_new(s->config, s->daemon_id, arg_libexec, &s->launcher, err);
	if (r == 0)
		r = open_loop(s, err);
	if (r < 0)
		return r;
	ms_state_keep_uids(s->state, &s->launcher->ids);
	s->events = ms_events_new();
	if (!s->events)
		return ms_error_set(err, ENOMEM, "events");
	r = ms_watches_new(s, &s->watches, err);
	if (r == 0)
		r = ms_instances_new(s, &s->instances, err);
	if (r < 0)
		return r;
	r = ms_emergency_new(s, &s->emergency, err);
	if (r < 0)
		return r;
	r = ms_capacity_new(s, &s->capacity, err);
	if (r < 0)
		return r;
	ms_instances_adopt(s);
	r = ms_streams_new(s, &s->streams, err);
	if (r < 0)
		return r;
	ms_emergency_begin(s->emergency);
	s->rpc = ms_rpc_memory_new(ms_rpc_memory_clock);
	r = s->rpc ? ms_control_open(s, &s->control, err) : ms_error_set(err, ENOMEM, "requests");
	if (r == 0)
		r = ms_reload_on_signal(s, err);
	/* last: from here on only what the loop needs */
	return r < 0 ? r : ms_restrict_self(err);
}

static void tear_down(struct ms_supervisor *s)
{
	s->control = ms_control_close(s->control);
	s->rpc = ms_rpc_memory_free(s->rpc); /* before those that would still answer */
	s->streams = ms_streams_free(s->streams);
	s->execs = ms_execs_free(s->execs);
	s->instances = ms_instances_free(s->instances);
	s->watches = ms_watches_free(s->watches);
	s->capacity = ms_capacity_free(s->capacity);
	s->emergency = ms_emergency_free(s->emergency);
	s->events = ms_events_free(s->events);
	s->launcher = ms_launcher_free(s->launcher);
	s->loop = sd_event_unref(s->loop);
	s->state = ms_state_close(s->state);
	s->config = ms_config_free(s->config);
	free(s->host);
	free(s->runtime_dir);
	free(s->state_dir);
}

static int serve(struct ms_supervisor *s)
{
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (geteuid() != 0) {
		ms_log(MS_LOG_ERROR,
		       "needs root: it makes namespaces, cgroups and mounts for modules");
		return 1;
	}
	r = set_up(s, &err);
	if (r < 0) {
		complain(&err);
		return 1;
	}
	if (!MS_ALL_LAYERS_ON)
		ms_log(MS_LOG_WARNING, "TEST BUILD: an isolation layer is off; never run a module "
				       "you do not trust");
	ms_log(MS_LOG_INFO, "ready, serving '%s/control.sock' (cgroups: %s)", s->runtime_dir,
	       ms_cgroups_mode(s->launcher->cgroups));
	MS_IGNORE(sd_notify(0, "READY=1")); /* nobody may be listening */
	r = sd_event_loop(s->loop);
	if (r != 0)
		ms_log(MS_LOG_ERROR, "the loop ended: %s",
		       r < 0 ? strerrordesc_np(-r) : "modsup-spawn is gone");
	return r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct ms_supervisor s = {0};
	struct ms_error err = MS_ERROR_INIT;
	int r = parse_args(argc, argv);

	if (r <= 0)
		return r < 0 ? 2 : 0;
	ms_log_open("modsupd", MS_LOG_INFO);
	(void)umask(022); /* returns the old one */
	r = ms_config_files_load(arg_config, arg_private, &s.config, &err);
	if (r == 0 && !s.config->stop_with_daemon_set)
		s.config->stop_with_daemon = arg_private != NULL;
	if (r != 0) {
		if (err.code)
			complain(&err);
		r = 1;
	} else if (arg_dump_config) {
		ms_auto_free char *text = ms_config_dump(s.config);

		r = text && puts(text) >= 0 ? 0 : 1;
	} else if (arg_check) {
		r = check_host(s.config);
	} else {
		r = serve(&s);
	}
	tear_down(&s);
	return r;
}
