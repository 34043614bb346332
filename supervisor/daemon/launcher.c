/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launcher.c - making what launches share, and refusing a host that lacks a required layer.
 */
#include "supervisor/daemon/launcher.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "policy/layer/seccomp.h"
#include "supervisor/daemon/hostfacts.h"

#define MAX_PROGRAM_BYTES (16u << 20)

/* modsup-inspect's own sandbox, as a module's: no name, no write path, little of everything. */
static const char inspect_json[] =
	"{\"id\":\"modsup-inspect\",\"version\":\"1.0.0\","
	"\"entry\":{\"command\":[\"/run/modsup/program\"],\"mode\":\"oneshot\"},"
	"\"limits\":{\"memory\":\"128M\",\"cpu\":\"100%\",\"openFiles\":128,\"processes\":4,"
	"\"tmp\":\"1M\","
	"\"wallTimePerRequest\":\"30s\"}}";

/* Met by whoever starts modsupd from a build folder, or moved what was installed. */
static int not_there(const char *path, struct ms_error *err)
{
	int r = ms_error_set(err, errno, "open '%.150s'", path);

	return r == -ENOENT ? ms_error_hint(err, "modsupd's helpers are looked for where it was "
						 "configured to install them; where they "
						 "are elsewhere, as in a build folder: "
						 "--libexec DIR")
			    : r;
}

/*
 * The shim runs from a sealed copy in memory: what /proc/1/exe leads to is nobody's file
 * (CVE-2019-5736), and an upgrade of the package cannot change it under a running daemon. Where a
 * copy may not be executed (vm.memfd_noexec = 2 on the host), the file itself.
 */
static int open_shim(const char *libexec, int *ret, struct ms_error *err)
{
	ms_auto_fd int file = -EBADF;
	ms_auto_free char *bytes = NULL;
	char path[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/modsup-shim", libexec); /* a cut path is not found */
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		return not_there(path, err);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
		return ms_error_say(err, EPERM, MS_REASON_HOST_LACKS,
				    "'%.120s' is not a file that only root can write", path);
	bytes = malloc(MAX_PROGRAM_BYTES);
	if (!bytes)
		return ms_error_set(err, ENOMEM, "read '%.150s'", path);
	n = ms_fs_read_all(file, bytes, MAX_PROGRAM_BYTES);
	if (n < 0)
		return ms_error_set(err, (int)-n, "read '%.150s'", path);
	fd = ms_fs_sealed_memfd("modsup-shim", bytes, (size_t)n, /* executable= */ true);
	*ret = fd >= 0 ? fd : MS_TAKE_FD(file);
	return 0;
}

static int open_inspect(struct ms_launcher *l, const char *libexec, struct ms_error *err)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/modsup-inspect",
		       libexec); /* a cut path is not found */
	l->libexec_fd = open(libexec, O_PATH | O_DIRECTORY | O_CLOEXEC);
	l->inspect_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return l->libexec_fd < 0 || l->inspect_fd < 0 ? not_there(path, err) : 0;
}

int ms_launcher_inspector(struct ms_launcher *l)
{
	ms_auto_fd int now = -EBADF;
	struct stat st;

	if (fstat(l->inspect_fd, &st) < 0 || st.st_nlink > 0)
		return l->inspect_fd;
	now = openat(l->libexec_fd, "modsup-inspect", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (now >= 0 && fstat(now, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
	    !(st.st_mode & 022))
		(void)dup3(now, l->inspect_fd, O_CLOEXEC); /* else the mount says what is wrong */
	return l->inspect_fd;
}

static int build_inspect_policy(struct ms_launcher *l, struct ms_error *err)
{
	ms_auto(config) struct ms_config *config = ms_config_new();
	ms_auto(report) struct ms_report *report = ms_report_new("modsup-inspect");
	int r;

	if (!config || !report)
		return ms_error_set(err, ENOMEM, "the inspector's policy");
	r = ms_manifest_parse(inspect_json, sizeof(inspect_json) - 1, report, &l->inspect_manifest);
	if (r != 0)
		return ms_error_say(err, EINVAL, MS_REASON_INTERNAL,
				    "the inspector's manifest: %.120s",
				    report->n_diags ? report->diags[0].msg.p : "no memory");
	return ms_policy_build(l->inspect_manifest, config, MS_TIER_COMMUNITY,
			       (struct ms_str){.p = "default", .len = 7}, &l->inspect_policy, err);
}

static int compile_filters(struct ms_launcher *l, struct ms_error *err)
{
	const struct ms_call_profile *profile = ms_seccomp_module_profile();
	int r;

	err->step = MS_STEP_SECCOMP;
	r = ms_seccomp_compile(profile, MS_BPF_NOTIFY, &l->module_filter, err);
	if (r == 0)
		r = ms_seccomp_compile(ms_seccomp_shim_profile(), MS_BPF_KILL, &l->shim_filter,
				       err);
	if (r < 0)
		return r;
	r = ms_seccomp_kill_numbers(profile, l->kill_nrs, MS_ARRAY_LEN(l->kill_nrs),
				    &l->n_kill_nrs);
	if (r < 0)
		return ms_error_set(err, -r, "calls that end a module");
	l->newest_nr = ms_seccomp_newest_nr();
	err->step = MS_STEP_NONE;
	return 0;
}

/* A layer that is not there: fine when the administrator said so for this host, and then never
 * silent. */
static int lack(struct ms_launcher *l, const struct ms_config *config, enum ms_opt_layer layer,
		const char *what, struct ms_error *err)
{
	const char *word = ms_opt_layer_word(layer);

	if (!config->optional[layer]) {
		ms_error_say(err, ENOSYS, MS_REASON_HOST_LACKS, "this host has no %s", what);
		return ms_error_hint(
			err, "see `modsupctl doctor`, or accept it: \"optionalLayers\": [\"%s\"]",
			word);
	}
	ms_log(MS_LOG_WARNING, "modules run without %s: this host lacks it and it is optional here",
	       what);
	if (l->n_skipped < MS_MAX_SKIPPED)
		l->skipped[l->n_skipped++] = word;
	return 0;
}

static int check_layers(struct ms_launcher *l, const struct ms_config *config, struct ms_error *err)
{
	static const struct {
		enum ms_controller controller;
		enum ms_opt_layer layer;
		const char *what;
	} controllers[] = {
		{MS_CGROUP_CPU, MS_OPT_CGROUP_CPU, "cgroup cpu controller"},
		{MS_CGROUP_MEMORY, MS_OPT_CGROUP_MEMORY, "cgroup memory controller"},
		{MS_CGROUP_PIDS, MS_OPT_CGROUP_PIDS, "cgroup pids controller"},
	};
	int r = 0;

	if (!l->host->landlock_abi)
		r = lack(l, config, MS_OPT_LANDLOCK, "Landlock", err);
	if (r == 0 && !l->host->memfd_noexec)
		r = lack(l, config, MS_OPT_MEMFD_NOEXEC, "vm.memfd_noexec", err);
	for (size_t i = 0; i < MS_ARRAY_LEN(controllers) && r == 0; i++) {
		if (!ms_cgroups_has(l->cgroups, controllers[i].controller))
			r = lack(l, config, controllers[i].layer, controllers[i].what, err);
	}
	return r;
}

int ms_launcher_new(const struct ms_config *config, const char *daemon_id, const char *libexec,
		    struct ms_launcher **ret, struct ms_error *err)
{
	struct ms_launcher *l = calloc(1, sizeof(*l));
	ms_auto_fd int shim = -EBADF;
	int r;

	if (!l)
		return ms_error_set(err, ENOMEM, "launcher");
	l->libexec_fd = l->inspect_fd = l->ids.dir = -EBADF;
	r = open_shim(libexec, &shim, err);
	if (r == 0)
		r = open_inspect(l, libexec, err);
	if (r == 0)
		r = ms_spawner_fork(shim, &l->spawner, err);
	if (r == 0)
		r = ms_hostfacts_read(&l->host, err);
	if (r == 0)
		r = ms_cgroups_open(daemon_id,
				    config->cgroup_parent.p ? config->cgroup_parent.p : "",
				    &l->cgroups, err);
	if (r == 0) {
		l->host->cgroup_v2_only = ms_cgroups_v2_only(l->cgroups);
		r = check_layers(l, config, err);
	}
	if (r == 0)
		r = ms_ids_open(config->id_first, config->id_count, &l->ids, err);
	if (r == 0)
		r = compile_filters(l, err);
	if (r == 0)
		r = build_inspect_policy(l, err);
	if (r < 0) {
		(void)ms_launcher_free(l); /* always NULL */
		return r;
	}
	*ret = l;
	return 0;
}

struct ms_launcher *ms_launcher_free(struct ms_launcher *l)
{
	if (!l)
		return NULL;
	l->spawner = ms_spawner_free(l->spawner);
	l->cgroups = ms_cgroups_close(l->cgroups);
	ms_ids_done(&l->ids);
	l->host = ms_hostfacts_free(l->host);
	ms_bpf_done(&l->module_filter);
	ms_bpf_done(&l->shim_filter);
	l->inspect_fd = ms_fd_close(l->inspect_fd);
	l->libexec_fd = ms_fd_close(l->libexec_fd);
	l->inspect_policy = ms_policy_free(l->inspect_policy);
	l->inspect_manifest = ms_manifest_free(l->inspect_manifest);
	free(l);
	return NULL;
}
