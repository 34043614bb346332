/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call-rows.c - one row for each call that a module can be refused: how bad, why, what instead.
 * Must never contradict policy/layer/seccomp.c, which decides; the test compares the two. Read by
 * call-text.c.
 */
#include "supervisor/daemon/call-rows.h"

#include <string.h>

#define NOTICE	 MS_SEVERITY_NOTICE
#define WARNING	 MS_SEVERITY_WARNING
#define CRITICAL MS_SEVERITY_CRITICAL

/* Never; refused for what the arguments are; not part of what modules may use. */
#define NEVER(call, args, severity, class, cap, remedy)                                            \
	{                                                                                          \
#		call, args,                                                                       \
		{                                                                                  \
			severity, class, "seccomp: " #call " is never allowed", remedy, cap        \
		}                                                                                  \
	}
#define UNLESS(call, args, severity, class, what, remedy)                                          \
	{                                                                                          \
#		call, args,                                                                       \
		{                                                                                  \
			severity, class, "seccomp: " #call ": " what, remedy, NULL                 \
		}                                                                                  \
	}
#define NO_ROW(call, args, severity, class, cap, remedy)                                           \
	{                                                                                          \
#		call, args,                                                                       \
		{                                                                                  \
			severity, class, "seccomp: no row for " #call, remedy, cap                 \
		}                                                                                  \
	}

#define MOUNTS                                                                                     \
	"What a module sees is fixed when it starts and cannot be changed from inside. Name the "  \
	"folders it works with in permissions.fs.read and permissions.fs.write."
#define NAMESPACES                                                                                 \
	"A module cannot make or enter namespaces; it runs in its own already. Turn off the "      \
	"program's own sandbox, which this one stands in for."
#define DEBUGGING                                                                                  \
	"Reading or steering other processes is never granted. Debug the program outside modsup."
#define HOST_ADMIN  "This administers the host and can never be granted to a module."
#define KERNEL_CODE "Loading code into the kernel can never be granted to a module."
#define KEYS                                                                                       \
	"The kernel's keyrings are not available. Keep secrets in memory, or in files below a "    \
	"path of permissions.fs.write."
#define IDENTITY                                                                                   \
	"A module has one user and one group and no capability. Leave out the code that changes "  \
	"them: it is meant for programs started as root."
#define OWNERS                                                                                     \
	"Files belong to the module's one user; another owner cannot be set. Leave the owner as "  \
	"it is."
#define CLOCKS	"The clock belongs to the host; it can be read and not set."
#define HANDLES "Opening files by handle goes around every path rule. Open them by path."
#define OWN_FILTER                                                                                 \
	"A filter inside would hide the module's acts from the supervisor's. Turn off the "        \
	"program's own sandbox, which this one stands in for."
#define URING "io_uring passes by every check of system calls. Use epoll, or threads."
#define OBSOLETE                                                                                   \
	"This call is obsolete or for special hardware and is not among what modules may use. "    \
	"Update the library that makes it."
#define UNCOMMON                                                                                   \
	"This call is not among what modules may use, and ordinary programs go on without it. If " \
	"a library needs it, tell the maintainers of modsup which and why."
#define PLACEMENT "Memory is placed by the host. Leave out the NUMA tuning."
#define DEVICES	  "Devices cannot be made. /dev has null, zero, full, random and urandom."
#define NO_DRIVER                                                                                  \
	"Only terminal, socket and file questions are passed on; drivers and terminal injection "  \
	"are never reachable from a module."
#define NETWORK                                                                                    \
	"Sockets are unix, TCP or UDP over IPv4 and IPv6. Ask for names in "                       \
	"permissions.network.allowlist; raw packets, netlink and other families are never "        \
	"granted."
#define KERNEL_AIO  "Kernel AIO has one pool for the whole host and is not given out. Use threads."
#define QUEUES	    "POSIX message queues have no room here. Use sockets, pipes or shared memory."
#define OUT_OF_BAND "Send without MSG_OOB: urgent data is not passed on."
#define SCHEDULING                                                                                 \
	"Real-time and raised priorities are never granted. Ask for a larger share in limits.cpu."

static const struct ms_call_row rows[] = {
	/* Critical: the module ends. */
	NEVER(ptrace, "Rdpp", WARNING, "policy", "CAP_SYS_PTRACE", DEBUGGING),
	NEVER(process_vm_readv, "dplplx", WARNING, "policy", "CAP_SYS_PTRACE", DEBUGGING),
	NEVER(process_vm_writev, "dplplx", WARNING, "policy", "CAP_SYS_PTRACE", DEBUGGING),
	NEVER(pidfd_getfd, "ddx", WARNING, "policy", "CAP_SYS_PTRACE", DEBUGGING),
	NEVER(bpf, "Bpl", WARNING, "policy", "CAP_BPF", KERNEL_CODE),
	NEVER(perf_event_open, "pdddx", WARNING, "policy", "CAP_PERFMON", DEBUGGING),
	NEVER(userfaultfd, "x", WARNING, "memory", "CAP_SYS_PTRACE",
	      "Page faults are not handed to modules: it is a tool of kernel exploits."),
	NEVER(keyctl, "Kxxxx", WARNING, "policy", NULL, KEYS),
	NEVER(add_key, "pppld", WARNING, "policy", NULL, KEYS),
	NEVER(request_key, "pppd", WARNING, "policy", NULL, KEYS),
	NEVER(open_by_handle_at, "dpx", WARNING, "fs", "CAP_DAC_READ_SEARCH", HANDLES),
	NEVER(name_to_handle_at, "dpppx", WARNING, "fs", NULL, HANDLES),
	NEVER(kexec_load, "xlpx", CRITICAL, "policy", "CAP_SYS_BOOT", KERNEL_CODE),
	NEVER(kexec_file_load, "ddlpx", CRITICAL, "policy", "CAP_SYS_BOOT", KERNEL_CODE),
	NEVER(init_module, "plp", CRITICAL, "policy", "CAP_SYS_MODULE", KERNEL_CODE),
	NEVER(finit_module, "dpx", CRITICAL, "policy", "CAP_SYS_MODULE", KERNEL_CODE),
	NEVER(delete_module, "px", CRITICAL, "policy", "CAP_SYS_MODULE", KERNEL_CODE),
	NEVER(reboot, "xxxp", CRITICAL, "policy", "CAP_SYS_BOOT", HOST_ADMIN),
	NEVER(swapon, "px", CRITICAL, "memory", "CAP_SYS_ADMIN", HOST_ADMIN),
	NEVER(swapoff, "p", CRITICAL, "memory", "CAP_SYS_ADMIN", HOST_ADMIN),

	/* Mounts and roots. */
	NEVER(mount, "pppMp", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(umount2, "pU", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(pivot_root, "pp", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(chroot, "p", WARNING, "fs", "CAP_SYS_CHROOT", MOUNTS),
	NEVER(open_tree, "dpx", WARNING, "fs", NULL, MOUNTS),
	NEVER(open_tree_attr, "dpxpl", WARNING, "fs", NULL, MOUNTS),
	NEVER(move_mount, "dpdpx", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(fsopen, "px", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(fsconfig, "ddppd", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(fsmount, "dxx", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(fspick, "dpx", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NEVER(mount_setattr, "dpxpl", WARNING, "fs", "CAP_SYS_ADMIN", MOUNTS),
	NO_ROW(statmount, "pplx", NOTICE, "fs", NULL, UNCOMMON),
	NO_ROW(listmount, "pplx", NOTICE, "fs", NULL, UNCOMMON),
	NEVER(quotactl, "xpip", WARNING, "fs", "CAP_SYS_ADMIN", HOST_ADMIN),
	NEVER(quotactl_fd, "dxip", WARNING, "fs", "CAP_SYS_ADMIN", HOST_ADMIN),
	NEVER(fanotify_init, "xx", WARNING, "fs", "CAP_SYS_ADMIN",
	      "Watching whole file systems is never granted. Use inotify on the module's folders."),
	NEVER(fanotify_mark, "dxxdp", WARNING, "fs", "CAP_SYS_ADMIN",
	      "Watching whole file systems is never granted. Use inotify on the module's folders."),
	NO_ROW(syncfs, "d", NOTICE, "fs", NULL,
	       "It would flush a disk that others use. Use fsync or fdatasync on the file."),
	NO_ROW(file_getattr, "dpplx", NOTICE, "fs", NULL, UNCOMMON),
	NO_ROW(file_setattr, "dpplx", WARNING, "fs", "CAP_LINUX_IMMUTABLE", UNCOMMON),
	NO_ROW(cachestat, "dppx", NOTICE, "fs", NULL, UNCOMMON),
	UNLESS(mknod, "pox", WARNING, "fs", "files, pipes and sockets only", DEVICES),
	UNLESS(mknodat, "dpox", WARNING, "fs", "files, pipes and sockets only", DEVICES),
	UNLESS(chown, "pii", WARNING, "fs", "to the module's own user and group only", OWNERS),
	UNLESS(lchown, "pii", WARNING, "fs", "to the module's own user and group only", OWNERS),
	UNLESS(fchown, "dii", WARNING, "fs", "to the module's own user and group only", OWNERS),
	UNLESS(fchownat, "dpiix", WARNING, "fs", "to the module's own user and group only", OWNERS),
	NO_ROW(lookup_dcookie, "xpl", NOTICE, "fs", "CAP_SYS_ADMIN", OBSOLETE),
	NO_ROW(ustat, "xp", NOTICE, "fs", NULL, OBSOLETE),
	NO_ROW(sysfs, "dxx", NOTICE, "fs", NULL, OBSOLETE),
	NO_ROW(tee, "ddlx", NOTICE, "fs", NULL, "Use splice or sendfile, or read and write."),
	NO_ROW(vmsplice, "dplx", NOTICE, "fs", NULL, "Use splice or sendfile, or read and write."),
	UNLESS(pipe2, "px", WARNING, "fs", "not with the kernel's notification queue", UNCOMMON),

	/* Namespaces, filters of its own. */
	NEVER(unshare, "F", WARNING, "policy", NULL, NAMESPACES),
	NEVER(setns, "dF", WARNING, "policy", "CAP_SYS_ADMIN", NAMESPACES),
	UNLESS(clone, "Gpppx", WARNING, "policy", "no namespace flag and no CLONE_PARENT",
	       NAMESPACES),
	NEVER(seccomp, "Sxp", WARNING, "policy", NULL, OWN_FILTER),
	UNLESS(landlock_create_ruleset, "plx", WARNING, "policy", "no ruleset of the module's own",
	       OWN_FILTER),
	NEVER(landlock_add_rule, "ddpx", WARNING, "policy", NULL, OWN_FILTER),
	NEVER(landlock_restrict_self, "dx", WARNING, "policy", NULL, OWN_FILTER),
	NO_ROW(lsm_get_self_attr, "xppx", NOTICE, "policy", NULL, UNCOMMON),
	NO_ROW(lsm_set_self_attr, "xplx", WARNING, "policy", "CAP_MAC_ADMIN", OWN_FILTER),
	NO_ROW(lsm_list_modules, "ppx", NOTICE, "policy", NULL, UNCOMMON),
	NEVER(io_uring_enter, "dllxpl", WARNING, "policy", NULL, URING),
	NEVER(io_uring_register, "dxpl", WARNING, "policy", NULL, URING),

	/* Who the module is. */
	UNLESS(setuid, "i", WARNING, "policy", "to its own user only", IDENTITY),
	UNLESS(setgid, "i", WARNING, "policy", "to its own group only", IDENTITY),
	UNLESS(setreuid, "ii", WARNING, "policy", "to its own user only", IDENTITY),
	UNLESS(setregid, "ii", WARNING, "policy", "to its own group only", IDENTITY),
	UNLESS(setresuid, "iii", WARNING, "policy", "to its own user only", IDENTITY),
	UNLESS(setresgid, "iii", WARNING, "policy", "to its own group only", IDENTITY),
	UNLESS(setfsuid, "i", WARNING, "policy", "to its own user only", IDENTITY),
	UNLESS(setfsgid, "i", WARNING, "policy", "to its own group only", IDENTITY),
	NEVER(setgroups, "lp", WARNING, "policy", "CAP_SETGID", IDENTITY),
	NEVER(capset, "pp", WARNING, "policy", NULL, IDENTITY),
	UNLESS(prctl, "Cxxxx", WARNING, "policy", "an option that modules may not use",
	       "Names, death signals and what only tightens are allowed. Capabilities, filters of "
	       "its own and the memory map's bounds are never granted."),
	UNLESS(arch_prctl, "xx", WARNING, "policy", "a code that modules may not use", UNCOMMON),
	UNLESS(personality, "x", WARNING, "policy", "the native one only",
	       "Other personalities weaken the program's own memory protection."),
	UNLESS(setrlimit, "Qp", WARNING, "policy", "a limit that this build does not know",
	       "Ask for limits in the manifest's limits."),
	UNLESS(prlimit64, "dQpp", WARNING, "policy", "a limit that this build does not know",
	       "Ask for limits in the manifest's limits."),

	/* Network and devices. */
	UNLESS(socket, "ATP", WARNING, "network", "unix, inet and inet6 with tcp and udp only",
	       NETWORK),
	UNLESS(socketpair, "ATdp", WARNING, "network", "unix only",
	       "A pair of sockets is unix: stream, dgram or seqpacket."),
	UNLESS(setsockopt, "dLOpl", WARNING, "network", "an option that modules may not use",
	       "Buffers, timeouts, keep-alive and multicast are allowed; packet filters, marks, "
	       "encapsulation and transparent modes are never granted."),
	UNLESS(ioctl, "dIx", WARNING, "policy", "a request that modules may not use", NO_DRIVER),

	/* The host. */
	NEVER(sethostname, "pl", WARNING, "policy", "CAP_SYS_ADMIN", HOST_ADMIN),
	NEVER(setdomainname, "pl", WARNING, "policy", "CAP_SYS_ADMIN", HOST_ADMIN),
	NEVER(settimeofday, "pp", WARNING, "policy", "CAP_SYS_TIME", CLOCKS),
	NEVER(clock_settime, "dp", WARNING, "policy", "CAP_SYS_TIME", CLOCKS),
	NEVER(syslog, "dpl", WARNING, "policy", "CAP_SYSLOG",
	      "The kernel's log is the host's. Write to stdout or stderr, which is kept."),
	NEVER(acct, "p", WARNING, "policy", "CAP_SYS_PACCT", HOST_ADMIN),
	NEVER(vhangup, "", WARNING, "policy", "CAP_SYS_TTY_CONFIG", HOST_ADMIN),
	NEVER(iopl, "d", WARNING, "policy", "CAP_SYS_RAWIO", HOST_ADMIN),
	NEVER(ioperm, "lld", WARNING, "policy", "CAP_SYS_RAWIO", HOST_ADMIN),
	NEVER(nfsservctl, "dpp", WARNING, "policy", "CAP_SYS_ADMIN", OBSOLETE),
	NEVER(uselib, "p", WARNING, "policy", NULL, OBSOLETE),
	NEVER(modify_ldt, "dpl", WARNING, "memory", NULL, OBSOLETE),
	NEVER(create_module, "pl", WARNING, "policy", "CAP_SYS_MODULE", KERNEL_CODE),
	NEVER(kcmp, "dddxx", WARNING, "policy", "CAP_SYS_PTRACE", DEBUGGING),
	NEVER(process_madvise, "dplxx", WARNING, "memory", "CAP_SYS_PTRACE", DEBUGGING),
	NEVER(process_mrelease, "dx", WARNING, "memory", NULL, DEBUGGING),
	NO_ROW(get_robust_list, "dpp", NOTICE, "policy", NULL, DEBUGGING),

	NO_ROW(io_submit, "xdp", NOTICE, "policy", NULL, KERNEL_AIO),
	NO_ROW(io_destroy, "x", NOTICE, "policy", NULL, KERNEL_AIO),
	NO_ROW(io_cancel, "xpp", NOTICE, "policy", NULL, KERNEL_AIO),
	NO_ROW(io_getevents, "xddpp", NOTICE, "policy", NULL, KERNEL_AIO),
	NO_ROW(io_pgetevents, "xddppp", NOTICE, "policy", NULL, KERNEL_AIO),
	NO_ROW(mq_open, "pox", NOTICE, "policy", NULL, QUEUES),
	NO_ROW(mq_unlink, "p", NOTICE, "policy", NULL, QUEUES),
	NO_ROW(mq_timedsend, "dplxp", NOTICE, "policy", NULL, QUEUES),
	NO_ROW(mq_timedreceive, "dplpp", NOTICE, "policy", NULL, QUEUES),
	NO_ROW(mq_notify, "dp", NOTICE, "policy", NULL, QUEUES),
	NO_ROW(mq_getsetattr, "dpp", NOTICE, "policy", NULL, QUEUES),
	UNLESS(fcntl, "dxx", WARNING, "fs", "no watching of shared files",
	       "What happens to files that are shared with the host cannot be watched this way. "
	       "Look at files of its own."),
	UNLESS(madvise, "xlx", NOTICE, "memory", "an advice that modules may not give", UNCOMMON),
	UNLESS(mmap, "xlxxdx", NOTICE, "memory", "no huge pages", UNCOMMON),
	UNLESS(memfd_create, "px", NOTICE, "memory", "no huge pages", UNCOMMON),
	UNLESS(shmget, "xlx", NOTICE, "memory", "no huge pages", UNCOMMON),
	UNLESS(sendto, "dplxpl", WARNING, "network", "no out-of-band data", OUT_OF_BAND),
	UNLESS(sendmsg, "dpx", WARNING, "network", "no out-of-band data", OUT_OF_BAND),
	UNLESS(sendmmsg, "dpdx", WARNING, "network", "no out-of-band data", OUT_OF_BAND),

	/* Processor and memory placement. */
	UNLESS(setpriority, "ddd", WARNING, "cpu", "not below 0", SCHEDULING),
	UNLESS(sched_setscheduler, "dWp", WARNING, "cpu", "other, batch and idle only", SCHEDULING),
	NO_ROW(sched_setattr, "dpx", WARNING, "cpu", "CAP_SYS_NICE", SCHEDULING),
	UNLESS(ioprio_set, "ddx", WARNING, "cpu", "not real-time", SCHEDULING),
	NO_ROW(migrate_pages, "dlpp", NOTICE, "memory", "CAP_SYS_NICE", PLACEMENT),
	NO_ROW(move_pages, "dlpppx", NOTICE, "memory", "CAP_SYS_NICE", PLACEMENT),
	NO_ROW(set_mempolicy_home_node, "xldx", NOTICE, "memory", NULL, PLACEMENT),
	NO_ROW(remap_file_pages, "xldlx", NOTICE, "memory", NULL, OBSOLETE),
	UNLESS(execveat, "dpppx", WARNING, "policy", "not of a file without a name",
	       "A program must be a file of the bundle. Run it by its path."),

	/* Left over from older kernels. */
	NO_ROW(_sysctl, "p", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(get_kernel_syms, "p", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(query_module, "pdplp", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(getpmsg, "xxxxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(putpmsg, "xxxxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(afs_syscall, "xxxxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(tuxcall, "xxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(security, "xxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(set_thread_area, "p", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(get_thread_area, "p", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(epoll_ctl_old, "xxxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(epoll_wait_old, "xxxx", NOTICE, "policy", NULL, OBSOLETE),
	NO_ROW(vserver, "xxxxx", NOTICE, "policy", NULL, OBSOLETE)};

const struct ms_call_row *ms_call_row_find(const char *name)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}
