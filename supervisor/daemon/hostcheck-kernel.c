/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostcheck-kernel.c - the probes of everything but cgroups. Each does the thing, in a child where
 * it would stick, and leaves nothing behind. Called through the table of hostcheck.c.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "lib/sys.h"
#include "supervisor/daemon/hostcheck-probe.h"
#include "supervisor/daemon/layer/seccomp.h"

/* -- kernel -- */

struct release {
	uint32_t major, minor, patch;
};

static uint32_t take_number(const char **at)
{
	size_t len = strspn(*at, "0123456789");
	uint32_t number = 0;

	if (ms_parse_u32(*at, len, 0, 100000, &number) < 0)
		number = 0;
	*at += len;
	if (**at == '.')
		++*at;
	return number;
}

static uint64_t rank(struct release r)
{
	return ((uint64_t)r.major << 32) + ((uint64_t)r.minor << 16) + MS_MIN(r.patch, 65535u);
}

static bool older(struct release r, uint32_t major, uint32_t minor, uint32_t patch)
{
	return rank(r) < rank((struct release){major, minor, patch});
}

/* CVE-2022-0847: a pipe's page of a read-only file could be written from 5.8 on. */
static bool has_dirty_pipe(struct release r)
{
	if (older(r, 5, 8, 0) || !older(r, 5, 16, 11))
		return false;
	if (r.minor == 10)
		return older(r, 5, 10, 102);
	return r.minor != 15 || older(r, 5, 15, 25);
}

/** ms_probe_kernel() - a version proves nothing, but a few old ones are known to be open. */
void ms_probe_kernel(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	struct utsname name;
	struct release r;
	const char *at;

	if (uname(&name) < 0) {
		ms_probe_found(check, MS_CHECK_DEGRADED, "uname: %s", strerror(errno));
		return;
	}
	at = name.release;
	r.major = take_number(&at);
	r.minor = take_number(&at);
	r.patch = take_number(&at);
	if (has_dirty_pipe(r)) {
		ms_probe_found(check, MS_CHECK_DEGRADED,
			       "%s: by its number open to CVE-2022-0847 (Dirty Pipe): a module "
			       "could write files it may read",
			       name.release);
		ms_probe_advise(check, "install a kernel of 5.16.11, 5.15.25 or 5.10.102 or later, "
				       "unless your distribution has the fix in this one");
	} else if (older(r, 5, 14, 0)) {
		ms_probe_found(check, MS_CHECK_DEGRADED, "%s: older than what is tested (6.1)",
			       name.release);
		ms_probe_advise(check, "install a kernel of 5.14 or later; 6.1 is the oldest that "
				       "the tests run on");
	} else {
		ms_probe_found(check, MS_CHECK_OK, "%s", name.release);
	}
}

/* -- capabilities -- */

static const struct {
	unsigned bit;
	const char *name;
} needed_caps[] = {
	{CAP_SYS_ADMIN, "SYS_ADMIN"}, {CAP_NET_ADMIN, "NET_ADMIN"},	  {CAP_SETUID, "SETUID"},
	{CAP_SETGID, "SETGID"},	      {CAP_SETPCAP, "SETPCAP"},		  {CAP_CHOWN, "CHOWN"},
	{CAP_KILL, "KILL"},	      {CAP_DAC_OVERRIDE, "DAC_OVERRIDE"},
};

static int read_caps(uint64_t *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int r = (int)MS_SYS2(__NR_capget, &header, data);

	if (r < 0)
		return r;
	*ret = ((uint64_t)data[1].effective << 32) | data[0].effective;
	return 0;
}

/** ms_probe_caps() - what a launch needs. */
void ms_probe_caps(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	char missing[128] = "";
	uint64_t caps = 0;
	int r = read_caps(&caps);

	if (r < 0) {
		ms_probe_found(check, MS_CHECK_MISSING, "capget: %s", strerror(-r));
		return;
	}
	for (size_t i = 0; i < MS_ARRAY_LEN(needed_caps); i++)
		if (!(caps & (UINT64_C(1) << needed_caps[i].bit))) {
			size_t used = strlen(missing);

			(void)snprintf(missing + used, sizeof(missing) - used, " %s",
				       needed_caps[i].name); /* all of them fit */
		}
	if (missing[0]) {
		ms_probe_found(check, MS_CHECK_MISSING, "not held:%s", missing);
		ms_probe_advise(check,
				"run modsupd as root, and not inside an unprivileged container");
	} else if (!(caps & (UINT64_C(1) << CAP_SYS_RESOURCE))) {
		ms_probe_found(check, MS_CHECK_DEGRADED,
			       "all that are needed; not SYS_RESOURCE, so the shims cannot be "
			       "protected from the host's OOM killer (the modules are offered "
			       "to it instead)");
		ms_probe_advise(check, "give the container or unit CAP_SYS_RESOURCE");
	} else {
		ms_probe_found(check, MS_CHECK_OK, "all that are needed");
	}
}

/* -- namespaces -- */

static int try_unshare(const void *arg)
{
	const unsigned long *flag = arg;

	return ms_sys_unshare(*flag);
}

/** ms_probe_namespaces() - each kind but the user's. */
void ms_probe_namespaces(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} kinds[] = {
		{"pid", CLONE_NEWPID}, {"mount", CLONE_NEWNS}, {"net", CLONE_NEWNET},
		{"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},  {"cgroup", CLONE_NEWCGROUP},
	};
	char missing[128] = "";

	for (size_t i = 0; i < MS_ARRAY_LEN(kinds); i++) {
		int r = ms_probe_in_child(try_unshare, &kinds[i].flag);
		size_t used = strlen(missing);

		if (r < 0)
			(void)snprintf(missing + used, sizeof(missing) - used, " %s (%s)",
				       kinds[i].name,
				       strerrorname_np(-r)); /* a cut text is still one */
	}
	if (!missing[0]) {
		ms_probe_found(check, MS_CHECK_OK, "pid mount net ipc uts cgroup");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "not to be had:%s", missing);
	ms_probe_advise(check, "ENOSPC: raise user.max_*_namespaces; EPERM: run as root outside a "
			       "container that forbids it; EINVAL: a kernel with CONFIG_*_NS");
}

static int try_userns(const void *arg MS_UNUSED)
{
	static const char map[] = "1000 0 1\n";
	ms_auto_fd int ns = -EBADF;
	int r = ms_sys_unshare(CLONE_NEWNS);

	if (r < 0)
		return r;
	/* as the shim does: in a chroot, only after a return to the top of the mount namespace */
	ns = ms_sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
	if (ns < 0)
		return ns;
	r = ms_sys_setns(ns, CLONE_NEWNS);
	if (r == 0)
		r = ms_sys_unshare(CLONE_NEWUSER);
	if (r < 0)
		return r;
	/* the writer's own id; gid_map is not tried, the kernel judges both the same way */
	return ms_fs_write_at(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map) - 1);
}

/** ms_probe_userns() - the module's own user namespace. */
void ms_probe_userns(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	int r = ms_probe_in_child(try_userns, NULL);
	char max[32] = "?";

	MS_IGNORE(ms_probe_read("/proc/sys/user/max_user_namespaces", max,
				sizeof(max))); /* shown as "?" */
	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "user.max_user_namespaces = %s", max);
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s; user.max_user_namespaces = %s", strerror(-r),
		       max);
	if (r == -ENOSPC)
		ms_probe_advise(check, "sysctl user.max_user_namespaces=10000, and the same line "
				       "in /etc/sysctl.d/");
	else
		ms_probe_advise(check, "look at kernel.unprivileged_userns_clone, "
				       "kernel.apparmor_restrict_unprivileged_userns, and the "
				       "limits of the container modsupd is in");
}

/* -- mounts -- */

static int make_mount(const char *fs, const char *key, const char *value)
{
	ms_auto_fd int context = ms_sys_fsopen(fs, MS_FSOPEN_CLOEXEC);
	int r = context;

	if (r >= 0 && key)
		r = ms_sys_fsconfig(context, MS_FSCONFIG_SET_STRING, key, value, 0);
	if (r >= 0)
		r = ms_sys_fsconfig(context, MS_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = ms_sys_fsmount(context, MS_FSMOUNT_CLOEXEC,
				   MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV);
	return r;
}

static int try_mount(const void *arg MS_UNUSED)
{
	struct ms_mount_attr private = {.propagation = MS_MOUNT_PROP_PRIVATE};
	struct ms_mount_attr readonly = {.attr_set = MS_MOUNT_ATTR_RDONLY};
	ms_auto_fd int tmpfs = -EBADF;
	ms_auto_fd int tree = -EBADF;
	int r = ms_sys_unshare(CLONE_NEWNS);

	if (r < 0)
		return r;
	r = ms_sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private);
	if (r < 0)
		return r;
	tmpfs = make_mount("tmpfs", "size", "64k");
	if (tmpfs < 0)
		return tmpfs;
	r = ms_sys_move_mount(tmpfs, "", AT_FDCWD, "/proc", MS_MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return r;
	tree = ms_sys_open_tree(AT_FDCWD, "/", MS_OPEN_TREE_CLONE | O_CLOEXEC);
	if (tree < 0)
		return tree;
	return ms_sys_mount_setattr(tree, "", AT_EMPTY_PATH, &readonly);
}

/** ms_probe_mount() - the mount calls that work on descriptors. */
void ms_probe_mount(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	int r = ms_probe_in_child(try_mount, NULL);

	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "mounts by descriptor");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s", strerror(-r));
	ms_probe_advise(check, r == -ENOSYS ? "install a kernel of 5.12 or later"
					    : "run modsupd as root, outside a container that "
					      "forbids mounting");
}

/* In a new pid namespace; the first child in it is its init. */
static int in_new_pidns(int (*probe)(const void *arg))
{
	int r = ms_sys_unshare(CLONE_NEWPID | CLONE_NEWNS);

	return r < 0 ? r : ms_probe_in_child(probe, NULL);
}

static int mount_proc(const void *arg MS_UNUSED)
{
	ms_auto_fd int fd = make_mount("proc", "hidepid", "2");

	return fd < 0 ? fd : 0;
}

static int try_proc(const void *arg MS_UNUSED)
{
	return in_new_pidns(mount_proc);
}

/** ms_probe_proc() - a proc that shows a module its own processes only. */
void ms_probe_proc(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	int r = ms_probe_in_child(try_proc, NULL);

	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "hidepid in its own pid namespace");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s", strerror(-r));
	ms_probe_advise(check, "run modsupd outside containers that mask parts of /proc; a kernel "
			       "of 5.8 or later");
}

/** ms_probe_handles() - processes and paths by descriptor. */
void ms_probe_handles(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	ms_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ms_auto_fd int beneath = ms_fs_open_beneath(root, "proc", O_PATH | O_CLOEXEC, 0);
	ms_auto_fd int pidfd = ms_sys_pidfd_open(ms_sys_getpid(), 0);
	/* a range above every limit: it closes nothing */
	int range = ms_sys_close_range(0x7ffffff0u, 0x7ffffff1u, 0);

	if (pidfd >= 0 && beneath >= 0 && range >= 0) {
		ms_probe_found(check, MS_CHECK_OK, "pidfd, close_range, openat2");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "not to be had:%s%s%s", pidfd < 0 ? " pidfd" : "",
		       range < 0 ? " close_range" : "", beneath < 0 ? " openat2" : "");
	ms_probe_advise(check, "install a kernel of 5.9 or later, or lift the seccomp filter of "
			       "the container modsupd is in");
}

/* -- seccomp, landlock, keyring -- */

/** ms_probe_seccomp() - filters, their listener, and the flag against its interruption. */
void ms_probe_seccomp(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	struct ms_seccomp_facts facts = {0};
	int r = ms_seccomp_probe(&facts);

	if (r < 0) {
		ms_probe_found(check, MS_CHECK_MISSING, "%s", strerror(-r));
	} else if (!facts.filter || !facts.listener) {
		ms_probe_found(check, MS_CHECK_MISSING, "%s: %s",
			       facts.filter ? "no listener" : "no filter",
			       strerror(facts.filter ? facts.listener_errno : facts.filter_errno));
		ms_probe_advise(check, "a kernel of 5.0 or later with CONFIG_SECCOMP_FILTER; if "
				       "another sandbox is around modsupd, start it outside");
	} else if (!facts.wait_killable) {
		ms_probe_found(check, MS_CHECK_DEGRADED,
			       "filter and listener; a refused call can be interrupted by a signal "
			       "before it is answered");
		ms_probe_advise(check, "a kernel of 5.19 or later waits without that");
	} else {
		ms_probe_found(check, MS_CHECK_OK, "filter, listener, wait-killable");
	}
}

static int try_landlock(const void *arg MS_UNUSED)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE};
	ms_auto_fd int fd = -EBADF;
	int r = ms_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	if (r < 0)
		return r;
	fd = ms_sys_landlock_create_ruleset(&attr, sizeof(attr), 0);
	if (fd < 0)
		return fd;
	return ms_sys_landlock_restrict_self(fd, 0);
}

/** ms_probe_landlock() - the ABI, and a domain entered. */
void ms_probe_landlock(const struct ms_config *config, struct ms_check *check)
{
	int abi = ms_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int r = abi < 0 ? abi : ms_probe_in_child(try_landlock, NULL);

	if (r == 0) {
		ms_probe_found(check, abi < 2 ? MS_CHECK_DEGRADED : MS_CHECK_OK, "ABI %d", abi);
		if (abi < 2)
			ms_probe_advise(check, "a kernel of 5.19 or later restricts moving files "
					       "between folders, too");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s",
		       r == -EOPNOTSUPP ? "built in, but not switched on"
		       : r == -ENOSYS	? "not in this kernel"
					: strerror(-r));
	ms_probe_advise(check,
			"boot with lsm=landlock,... in front of the list of "
			"/sys/kernel/security/lsm%s",
			config->optional[MS_OPT_LANDLOCK]
				? ""
				: ", or put \"landlock\" into optionalLayers of modsupd.json");
}

static int try_keyring(const void *arg MS_UNUSED)
{
	long r = ms_sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0);

	return r < 0 ? (int)r : 0;
}

/** ms_probe_keyring() - a session keyring of the module's own. A kernel without keys is as good. */
void ms_probe_keyring(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	int r = ms_probe_in_child(try_keyring, NULL);

	if (r == 0 || r == -ENOSYS) {
		ms_probe_found(check, MS_CHECK_OK, "%s",
			       r == 0 ? "a new session keyring"
				      : "this kernel has no keys, so there are none to leak");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s", strerror(-r));
	ms_probe_advise(check, "EDQUOT: raise kernel.keys.root_maxkeys; EPERM: start modsupd "
			       "outside the sandbox that forbids keyctl");
}

/* -- memory files -- */

/** ms_probe_memfd() - plans travel in sealed memory. */
void ms_probe_memfd(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	ms_auto_fd int fd = ms_fs_sealed_memfd("modsup-probe", "x", 1, /* executable= */ false);
	int r = fd < 0 ? fd : ms_fs_is_sealed(fd);

	if (r == 1) {
		ms_probe_found(check, MS_CHECK_OK, "sealed");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s", r < 0 ? strerror(-r) : "seals do not hold");
	ms_probe_advise(check, "a kernel with CONFIG_MEMFD_CREATE");
}

static int write_noexec(const void *arg MS_UNUSED)
{
	return ms_fs_write_at(AT_FDCWD, "/proc/sys/vm/memfd_noexec", "2", 1);
}

static int try_noexec(const void *arg MS_UNUSED)
{
	return in_new_pidns(write_noexec);
}

/** ms_probe_memfd_noexec() - no program from memory that is no file. */
void ms_probe_memfd_noexec(const struct ms_config *config, struct ms_check *check)
{
	int r = ms_probe_in_child(try_noexec, NULL);

	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "of each pid namespace");
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "%s",
		       r == -ENOENT ? "not in this kernel" : strerror(-r));
	ms_probe_advise(check,
			"a kernel of 6.3 or later%s: without it a module can run code that it "
			"wrote into a memfd, inside its sandbox like any other code",
			config->optional[MS_OPT_MEMFD_NOEXEC]
				? ""
				: ", or \"memfd-noexec\" in optionalLayers of modsupd.json");
}

/* -- what only changes what is seen -- */

/** ms_probe_core() - a pipe handler runs as root; modules never reach it. */
void ms_probe_core(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	char pattern[96];
	int r = ms_probe_read("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));

	if (r < 0)
		ms_probe_found(check, MS_CHECK_DEGRADED, "not readable: %s", strerror(-r));
	else if (pattern[0] == '|')
		ms_probe_found(check, MS_CHECK_OK, "handler %s (not run for modules)", pattern);
	else
		ms_probe_found(check, MS_CHECK_OK, "no handler");
}

/** ms_probe_ptrace() - Yama at 3 also keeps the shim from reading arguments of refused calls. */
void ms_probe_ptrace(const struct ms_config *config MS_UNUSED, struct ms_check *check)
{
	char scope[16];
	int r = ms_probe_read("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));

	if (r < 0) {
		ms_probe_found(check, MS_CHECK_OK, "no Yama here; modules need none");
	} else if (scope[0] == '3') {
		ms_probe_found(check, MS_CHECK_DEGRADED,
			       "3: texts in the arguments of refused calls cannot be read");
		ms_probe_advise(check, "kernel.yama.ptrace_scope=2 in /etc/sysctl.d/ and a reboot");
	} else {
		ms_probe_found(check, MS_CHECK_OK, "%s", scope);
	}
}
