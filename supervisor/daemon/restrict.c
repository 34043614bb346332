/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restrict.c - what is left to modsup-spawn, which launches, and to modsupd, once the other has the
 * rest. The only file that names libcap. Must never be undone: no code regains anything.
 *
 * The order of modsupd is law:
 *	1 dumpable off	     nobody attaches while the rest is on its way
 *	2 securebits	     need CAP_SETPCAP, as does 3; root's exec regains nothing from here on
 *	3 bounding, ambient  before 4, which gives CAP_SETPCAP away
 *	4 the three sets
 *	5 no new privileges
 *	6 the filter	     last: it has no row for any of the above
 */
#include "supervisor/daemon/restrict.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "lib/sys.h"
#include "policy/layer/seccomp.h"
#include "supervisor/daemon/layer/seccomp.h"

struct kept {
	cap_value_t cap;
	const char *name, *why;
};
#define KEPT(capability, reason)                                                                   \
	{                                                                                          \
		capability, #capability, reason                                                    \
	}

static const struct kept daemon_list[] = {
	KEPT(CAP_SYS_ADMIN, "network namespaces, mount trees to hand over"),
	KEPT(CAP_NET_ADMIN, "links and packet rules in the modules' namespaces"),
	KEPT(CAP_DAC_OVERRIDE, "control groups, bundles and state folders that belong to others"),
	KEPT(CAP_CHOWN, "sockets and state folders get their module's owner"),
	KEPT(CAP_FOWNER, "modes of what was given to a module"),
	KEPT(CAP_KILL, "shims and modules run as other users"),
};

/* What a shim starts with, as root's exec fills its sets from the bounding set; it gives all of it
 * up when the module is set up. */
static const struct kept launch_list[] = {
	KEPT(CAP_SYS_ADMIN, "namespaces, mounts, the host name"),
	KEPT(CAP_SYS_CHROOT,
	     "the top of the shim's own mount namespace, where modsupd is in a chroot"),
	KEPT(CAP_SETUID, "the module's and the shim's users, and the map between"),
	KEPT(CAP_SETGID, "the same of groups"),
	KEPT(CAP_SETPCAP, "emptying the bounding set"),
	KEPT(CAP_CHOWN, "owners inside the new root"),
	KEPT(CAP_FOWNER, "modes inside the new root"),
	KEPT(CAP_DAC_OVERRIDE, "control groups and trees that belong to others"),
	KEPT(CAP_MKNOD, "/dev/null and its kind"),
	KEPT(CAP_SYS_RESOURCE, "limits above the host's own, and the shim's oom_score_adj"),
	KEPT(CAP_KILL, "ending what was started when a later step fails"),
};

struct list {
	const struct kept *rows;
	size_t n;
};
#define LIST(rows) ((struct list){rows, MS_ARRAY_LEN(rows)})

/** ms_restrict_kept() - the i-th capability that modsupd keeps; NULL at the end. */
const char *ms_restrict_kept(size_t i, const char **ret_why)
{
	if (i >= MS_ARRAY_LEN(daemon_list))
		return NULL;
	*ret_why = daemon_list[i].why;
	return daemon_list[i].name;
}

static bool is_kept(struct list list, cap_value_t cap)
{
	for (size_t i = 0; i < list.n; i++) {
		if (list.rows[i].cap == cap)
			return true;
	}
	return false;
}

/* Up to the last capability of this kernel, which may be newer than the headers. */
static int drop_bounding(struct list list, struct ms_error *err)
{
	for (cap_value_t cap = 0; cap < 64; cap++) {
		int held = cap_get_bound(cap);

		if (held < 0)
			break; /* the kernel knows no more */
		if (!held || is_kept(list, cap))
			continue;
		if (cap_drop_bound(cap) < 0) {
			ms_error_set(err, errno, "restrict: bounding set, capability %d", (int)cap);
			return ms_error_hint(err, "start modsupd as root with CAP_SETPCAP");
		}
	}
	if (cap_reset_ambient() < 0)
		return ms_error_set(err, errno, "restrict: ambient capabilities");
	return 0;
}

/* What of the list this process holds: a container's root lacks some, and `host.check` tells what
 * that costs. */
static int add_held(struct list list, cap_t now, cap_t ret_next)
{
	for (size_t i = 0; i < list.n; i++) {
		cap_flag_value_t held = CAP_CLEAR;
		const cap_value_t *cap = &list.rows[i].cap;

		if (cap_get_flag(now, *cap, CAP_PERMITTED, &held) < 0)
			return -errno;
		if (held == CAP_CLEAR)
			continue;
		if (cap_set_flag(ret_next, CAP_PERMITTED, 1, cap, CAP_SET) < 0 ||
		    cap_set_flag(ret_next, CAP_EFFECTIVE, 1, cap, CAP_SET) < 0)
			return -errno;
	}
	return 0;
}

static int set_capabilities(struct list list, struct ms_error *err)
{
	cap_t now = cap_get_proc(), next = cap_init(); /* all clear, inheritable stays so */
	int r = now && next ? add_held(list, now, next) : -ENOMEM;

	if (r == 0 && cap_set_proc(next) < 0)
		r = -errno;
	if (r < 0)
		r = ms_error_set(err, -r, "restrict: capabilities");
	if (now)
		(void)cap_free(now); /* fails for foreign pointers only */
	if (next)
		(void)cap_free(next);
	return r;
}

static int set_securebits(struct ms_error *err)
{
	unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			     SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0) {
		ms_error_set(err, errno, "restrict: securebits");
		return ms_error_hint(err, "start modsupd as root with CAP_SETPCAP");
	}
	return 0;
}

static int install_filter(struct ms_error *err)
{
	ms_auto(bpf) struct ms_bpf bpf = {0};
	struct sock_fprog program;
	int r = ms_seccomp_compile(ms_seccomp_daemon_profile(), MS_BPF_ENOSYS, &bpf, err);

	if (r < 0)
		return r;
	program = (struct sock_fprog){
		.len = (unsigned short)(bpf.len / sizeof(struct sock_filter)),
		.filter = (void *)bpf.bytes,
	};
	/* A call of ours that has no row is a fault of ours: the kernel's log names it. */
	r = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program);
	if (r < 0)
		return ms_error_set(err, -r, "restrict: system call filter");
	return 0;
}

/** ms_restrict_self() - modsupd, for good; half done on failure: end the process. */
int ms_restrict_self(struct ms_error *err)
{
	int r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return ms_error_set(err, errno, "restrict: dumpable");
	r = set_securebits(err);
	if (r == 0)
		r = drop_bounding(LIST(daemon_list), err);
	if (r == 0)
		r = set_capabilities(LIST(daemon_list), err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ms_error_set(err, errno, "restrict: no_new_privs");
	return install_filter(err);
}

/**
 * ms_restrict_spawner() - modsup-spawn, and by that each shim.
 *
 * No securebits, which would leave root's exec without capabilities, and no filter, which every
 * module would inherit. */
int ms_restrict_spawner(struct ms_error *err)
{
	int r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return ms_error_set(err, errno, "restrict: dumpable");
	r = drop_bounding(LIST(launch_list), err);
	if (r == 0)
		r = set_capabilities(LIST(launch_list), err);
	return r;
}
