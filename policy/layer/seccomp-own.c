/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp-own.c - the profiles of modsup's own long-running programs, installed when they have set
 * up what needed more: the shim after its module is forked, modsupd after modsup-spawn is. A call
 * without a row is a fault of ours or somebody else's code: the shim dies of it (and its module
 * with it), modsupd gets ENOSYS and goes on. Must never hold what starts a program.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "policy/layer/seccomp-rows.h"
#include "policy/layer/seccomp.h"

static const struct ms_call_rule shim_rules[] = {
	/* A successor of modsupd on the adoption socket, and who it is. */
	ALLOW(accept4), ALLOW(getsockopt), ALLOW(brk), ALLOW(clock_gettime), ALLOW(close),
	ALLOW(exit), ALLOW(exit_group), ALLOW(fcntl), ALLOW(fstat), ALLOW(ftruncate), ALLOW(futex),
	ALLOW(getpid), ALLOW(gettid), ALLOW(kill), ALLOW(lseek), ALLOW(munmap), ALLOW(newfstatat),
	ALLOW(pidfd_open), ALLOW(pidfd_send_signal), ALLOW(poll), ALLOW(ppoll), ALLOW(pread64),
	ALLOW(pwrite64), ALLOW(read), ALLOW(readlinkat), ALLOW(recvmsg), ALLOW(restart_syscall),
	ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sendmsg), ALLOW(sendto), ALLOW(setitimer),
	ALLOW(shutdown), ALLOW(splice), ALLOW(tgkill), ALLOW(wait4), ALLOW(waitid), ALLOW(write),
	ALLOW(writev),
	/* The caller's memory, for the text of a report; the module's user namespace bounds it. */
	ALLOW(process_vm_readv),
	/* Reading below a folder it holds (/proc): no write, no creation. */
	ALLOW_IF1(openat, BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)),
	/* No memory that may be run. */
	ALLOW_IF1(mmap, BITS(2, PROT_EXEC, 0)), ALLOW_IF1(mprotect, BITS(2, PROT_EXEC, 0)),
	ALLOW_IF1(ioctl, INT(1, SECCOMP_IOCTL_NOTIF_RECV)),
	ALLOW_IF1(ioctl, INT(1, SECCOMP_IOCTL_NOTIF_SEND)),
	ALLOW_IF1(ioctl, INT(1, SECCOMP_IOCTL_NOTIF_ID_VALID))};

#define OWN_SOCKET(family, type)                                                                   \
	ALLOW_IF2(socket, INT(0, family),                                                          \
		  BITS(1, ALL_INT & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC), type))
#define OWN_PRCTL(option) ALLOW_IF1(prctl, INT(0, option))

static const struct ms_call_rule daemon_rules[] = {
	/* Files. */
	ALLOW(access), ALLOW(chdir), ALLOW(chmod), ALLOW(chown), ALLOW(close), ALLOW(close_range),
	ALLOW(copy_file_range), ALLOW(dup), ALLOW(dup2), ALLOW(dup3), ALLOW(faccessat),
	ALLOW(faccessat2), ALLOW(fadvise64), ALLOW(fallocate), ALLOW(fchdir), ALLOW(fchmod),
	ALLOW(fchmodat), ALLOW(fchmodat2), ALLOW(fchown), ALLOW(fchownat), ALLOW(fcntl),
	ALLOW(fdatasync), ALLOW(fgetxattr), ALLOW(flock), ALLOW(fstat), ALLOW(fstatfs),
	ALLOW(fsync), ALLOW(ftruncate), ALLOW(getcwd), ALLOW(getdents64), ALLOW(getxattr),
	ALLOW(lchown), ALLOW(lgetxattr), ALLOW(link), ALLOW(linkat), ALLOW(lseek), ALLOW(lstat),
	ALLOW(mkdir), ALLOW(mkdirat), ALLOW(newfstatat), ALLOW(open), ALLOW(openat), ALLOW(openat2),
	ALLOW(pread64), ALLOW(preadv), ALLOW(pwrite64), ALLOW(pwritev), ALLOW(read),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(readv), ALLOW(rename), ALLOW(renameat),
	ALLOW(renameat2), ALLOW(rmdir), ALLOW(sendfile), ALLOW(splice), ALLOW(stat), ALLOW(statfs),
	ALLOW(statx), ALLOW(symlink), ALLOW(symlinkat), ALLOW(umask), ALLOW(unlink),
	ALLOW(unlinkat), ALLOW(utimensat), ALLOW(write), ALLOW(writev),
	ALLOW_IF1(mknodat, BITS(2, S_IFMT, S_IFREG)), ALLOW_IF1(mknodat, BITS(2, S_IFMT, S_IFIFO)),

	/* The loop. */
	ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_pwait), ALLOW(epoll_pwait2),
	ALLOW(epoll_wait), ALLOW(eventfd2), ALLOW(inotify_add_watch), ALLOW(inotify_init1),
	ALLOW(inotify_rm_watch), ALLOW(pipe), ALLOW(pipe2), ALLOW(poll), ALLOW(ppoll),
	ALLOW(pselect6), ALLOW(select), ALLOW(restart_syscall), ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(rt_sigtimedwait), ALLOW(sigaltstack),
	ALLOW(signalfd4), ALLOW(timerfd_create), ALLOW(timerfd_gettime), ALLOW(timerfd_settime),

	/* Memory; never both writable and runnable. */
	ALLOW(brk), ALLOW(madvise), ALLOW(membarrier), ALLOW(memfd_create), ALLOW(mremap),
	ALLOW(munmap), ALLOW(mincore), ALLOW_IF1(mmap, BITS(2, PROT_WRITE | PROT_EXEC, 0)),
	ALLOW_IF1(mmap, BITS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE)),
	ALLOW_IF1(mmap, BITS(2, PROT_WRITE | PROT_EXEC, PROT_EXEC)),
	ALLOW_IF1(mprotect, BITS(2, PROT_EXEC, 0)),

	/* Processes: workers by fork (nothing here can exec), modules by pidfd. */
	ALLOW(exit), ALLOW(exit_group), ALLOW(fork), ALLOW(futex), ALLOW(kill), ALLOW(pidfd_open),
	ALLOW(pidfd_send_signal), ALLOW(rseq), ALLOW(sched_getaffinity), ALLOW(sched_yield),
	ALLOW(set_robust_list), ALLOW(set_tid_address), ALLOW(setsid), ALLOW(tgkill), ALLOW(vfork),
	ALLOW(wait4), ALLOW(waitid), ALLOW(getpriority), ALLOW(setpriority),
	ALLOW_IF1(clone, BITS(0, CLONE_NEWUSER | CLONE_PARENT, 0)),
	/* not clone3, whose flags are behind a pointer: glibc falls back to clone */

	/* Who am I, what is the host. */
	ALLOW(capget), ALLOW(clock_getres), ALLOW(clock_gettime), ALLOW(clock_nanosleep),
	ALLOW(getcpu), ALLOW(getegid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getgroups),
	ALLOW(getpgid), ALLOW(getpgrp), ALLOW(getpid), ALLOW(getppid), ALLOW(getrandom),
	ALLOW(getresgid), ALLOW(getresuid), ALLOW(getrlimit), ALLOW(getrusage), ALLOW(getsid),
	ALLOW(gettid), ALLOW(gettimeofday), ALLOW(getuid), ALLOW(nanosleep), ALLOW(prlimit64),
	ALLOW(sysinfo), ALLOW(time), ALLOW(times), ALLOW(uname), OWN_PRCTL(PR_SET_NAME),
	OWN_PRCTL(PR_GET_NAME), OWN_PRCTL(PR_SET_PDEATHSIG), OWN_PRCTL(PR_SET_DUMPABLE),
	OWN_PRCTL(PR_GET_DUMPABLE), OWN_PRCTL(PR_CAPBSET_READ), OWN_PRCTL(PR_GET_NO_NEW_PRIVS),
	OWN_PRCTL(PR_GET_SECCOMP), OWN_PRCTL(PR_SET_VMA),
	ALLOW_IF2(prctl, INT(0, PR_CAP_AMBIENT), INT(1, PR_CAP_AMBIENT_IS_SET)),
	ALLOW_IF1(seccomp, INT(0, SECCOMP_GET_ACTION_AVAIL)),
	ALLOW_IF1(seccomp, INT(0, SECCOMP_GET_NOTIF_SIZES)),

	/* Sockets: local ones, and netlink for links, routes and packet rules. */
	ALLOW(accept4), ALLOW(bind), ALLOW(connect), ALLOW(getpeername), ALLOW(getsockname),
	ALLOW(getsockopt), ALLOW(listen), ALLOW(recvfrom), ALLOW(recvmmsg), ALLOW(recvmsg),
	ALLOW(sendmmsg), ALLOW(sendmsg), ALLOW(sendto), ALLOW(setsockopt), ALLOW(shutdown),
	ALLOW_IF1(socketpair, INT(0, AF_UNIX)), OWN_SOCKET(AF_UNIX, SOCK_STREAM),
	OWN_SOCKET(AF_UNIX, SOCK_DGRAM), OWN_SOCKET(AF_UNIX, SOCK_SEQPACKET),
	ALLOW_IF2(socket, INT(0, AF_NETLINK), INT(2, NETLINK_ROUTE)),
	ALLOW_IF2(socket, INT(0, AF_NETLINK), INT(2, NETLINK_NETFILTER)),
	OWN_SOCKET(AF_INET, SOCK_STREAM), OWN_SOCKET(AF_INET, SOCK_DGRAM),
	OWN_SOCKET(AF_INET6, SOCK_STREAM), OWN_SOCKET(AF_INET6, SOCK_DGRAM), ALLOW(ioctl),

	/* The privileged half of the layers: a network namespace each, trees to hand over. */
	ALLOW(fsconfig), ALLOW(fsmount), ALLOW(fsopen), ALLOW(mount_setattr), ALLOW(move_mount),
	ALLOW(open_tree), ALLOW(mount), ALLOW(umount2), ALLOW_IF1(setns, INT(1, CLONE_NEWNET)),
	ALLOW_IF1(unshare, INT(0, CLONE_NEWNET)), ALLOW_IF1(unshare, INT(0, CLONE_NEWNS)),
	ALLOW_IF1(setns, INT(1, CLONE_NEWNS)),
	/* Probes of `host.check`. */
	ALLOW_IF1(landlock_create_ruleset, INT(2, 1))};

const struct ms_call_profile *ms_seccomp_shim_profile(void)
{
	static const struct ms_call_profile profile = {
		.name = "shim",
		.rules = shim_rules,
		.n_rules = MS_ARRAY_LEN(shim_rules),
	};

	return &profile;
}

const struct ms_call_profile *ms_seccomp_daemon_profile(void)
{
	static const struct ms_call_profile profile = {
		.name = "daemon",
		.rules = daemon_rules,
		.n_rules = MS_ARRAY_LEN(daemon_rules),
	};

	return &profile;
}
