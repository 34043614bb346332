/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sys.h - the seam: every system call of a launch, made raw and returning -errno. All of them go
 * through the one function ms_sys_call(), which a test replaces at link time to fail the n-th call.
 * No libc state is touched (no errno, no cancellation, no cached ids), so these are right between
 * clone and exec and in the shim.
 *
 * glibc has no wrapper, or one with side effects (setuid signals all threads, capset does not
 * exist), for most of what is here; the kernel versions are those of man-pages 6.
 */
#ifndef MS_LIB_SYS_H
#define MS_LIB_SYS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/base.h"

/* ms_sys_call - one system call, -4095..-1 is -errno. x86-64 calling convention. */
long ms_sys_call(long nr, long a, long b, long c, long d, long e, long f);

#define MS_SYS0(nr)		ms_sys_call(nr, 0, 0, 0, 0, 0, 0)
#define MS_SYS1(nr, a)		ms_sys_call(nr, (long)(a), 0, 0, 0, 0, 0)
#define MS_SYS2(nr, a, b)	ms_sys_call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define MS_SYS3(nr, a, b, c)	ms_sys_call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define MS_SYS4(nr, a, b, c, d) ms_sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define MS_SYS5(nr, a, b, c, d, e)                                                                 \
	ms_sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define MS_SYS6(nr, a, b, c, d, e, f)                                                              \
	ms_sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Numbers that are the same on every architecture since 5.1, for headers that are older than the
 * kernel. */
#ifndef __NR_cachestat
#	define __NR_cachestat 451
#endif

/* linux/mount.h and sys/mount.h cannot be included together on glibc 2.36, so the few constants are
 * here. */
#define MS_OPEN_TREE_CLONE	   1u
#define MS_MOVE_MOUNT_F_EMPTY_PATH 0x00000004u
#define MS_MOVE_MOUNT_T_EMPTY_PATH 0x00000040u
#define MS_FSOPEN_CLOEXEC	   1u
#define MS_FSMOUNT_CLOEXEC	   1u
#define MS_FSCONFIG_SET_FLAG	   0u
#define MS_FSCONFIG_SET_STRING	   1u
#define MS_FSCONFIG_CMD_CREATE	   6u
#define MS_MOUNT_ATTR_RDONLY	   0x00000001u
#define MS_MOUNT_ATTR_NOSUID	   0x00000002u
#define MS_MOUNT_ATTR_NODEV	   0x00000004u
#define MS_MOUNT_ATTR_NOEXEC	   0x00000008u
#define MS_MOUNT_ATTR_NOSYMFOLLOW  0x00200000u
#define MS_MOUNT_PROP_PRIVATE	   (1u << 18) /* MS_PRIVATE of mount(2) */

struct ms_mount_attr { /* struct mount_attr of mount_setattr(2), 5.12 */
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static inline int ms_sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)MS_SYS3(__NR_open_tree, dirfd, path, flags);
}
static inline int ms_sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				    unsigned flags)
{
	return (int)MS_SYS5(__NR_move_mount, from, from_path, to, to_path, flags);
}
static inline int ms_sys_fsopen(const char *fs, unsigned flags)
{
	return (int)MS_SYS2(__NR_fsopen, fs, flags);
}
static inline int ms_sys_fsconfig(int fd, unsigned cmd, const char *key, const char *value, int aux)
{
	return (int)MS_SYS5(__NR_fsconfig, fd, cmd, key, value, aux);
}
static inline int ms_sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	return (int)MS_SYS3(__NR_fsmount, fd, flags, attrs);
}
static inline int ms_sys_mount_setattr(int dirfd, const char *path, unsigned flags,
				       const struct ms_mount_attr *attr)
{
	return (int)MS_SYS5(__NR_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}
static inline int ms_sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)MS_SYS2(__NR_pivot_root, new_root, put_old);
}
static inline int ms_sys_umount2(const char *path, int flags)
{
	return (int)MS_SYS2(__NR_umount2, path, flags);
}
static inline int ms_sys_sethostname(const char *name, size_t len)
{
	return (int)MS_SYS2(__NR_sethostname, name, len);
}
static inline int ms_sys_setdomainname(const char *name, size_t len)
{
	return (int)MS_SYS2(__NR_setdomainname, name, len);
}

static inline int ms_sys_openat(int dirfd, const char *path, int flags, unsigned mode)
{
	return (int)MS_SYS4(__NR_openat, dirfd, path, flags, mode);
}
static inline int ms_sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
	return (int)MS_SYS4(__NR_openat2, dirfd, path, how, sizeof(*how));
}
static inline int ms_sys_mkdirat(int dirfd, const char *path, unsigned mode)
{
	return (int)MS_SYS3(__NR_mkdirat, dirfd, path, mode);
}
static inline int ms_sys_mknodat(int dirfd, const char *path, unsigned mode, unsigned dev)
{
	return (int)MS_SYS4(__NR_mknodat, dirfd, path, mode, dev);
}
static inline int ms_sys_symlinkat(const char *target, int dirfd, const char *path)
{
	return (int)MS_SYS3(__NR_symlinkat, target, dirfd, path);
}
static inline ssize_t ms_sys_readlinkat(int dirfd, const char *path, char *buf, size_t len)
{
	return MS_SYS4(__NR_readlinkat, dirfd, path, buf, len);
}
static inline int ms_sys_fchmod(int fd, unsigned mode)
{
	return (int)MS_SYS2(__NR_fchmod, fd, mode);
}
static inline int ms_sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
	return (int)MS_SYS3(__NR_fchown, fd, uid, gid);
}
static inline int ms_sys_fstat(int fd, struct stat *st)
{
	return (int)MS_SYS2(__NR_fstat, fd, st);
}
static inline ssize_t ms_sys_read(int fd, void *buf, size_t len)
{
	return MS_SYS3(__NR_read, fd, buf, len);
}
static inline ssize_t ms_sys_pread64(int fd, void *buf, size_t len, int64_t off)
{
	return MS_SYS4(__NR_pread64, fd, buf, len, off);
}
static inline ssize_t ms_sys_write(int fd, const void *buf, size_t len)
{
	return MS_SYS3(__NR_write, fd, buf, len);
}
static inline int64_t ms_sys_lseek(int fd, int64_t off, int whence)
{
	return MS_SYS3(__NR_lseek, fd, off, whence);
}
static inline int ms_sys_ftruncate(int fd, int64_t len)
{
	return (int)MS_SYS2(__NR_ftruncate, fd, len);
}
static inline int ms_sys_close(int fd)
{
	return (int)MS_SYS1(__NR_close, fd);
}
static inline int ms_sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)MS_SYS3(__NR_close_range, first, last, flags);
}
static inline int ms_sys_dup3(int from, int to, int flags)
{
	return (int)MS_SYS3(__NR_dup3, from, to, flags);
}
static inline int ms_sys_fcntl(int fd, int cmd, long arg)
{
	return (int)MS_SYS3(__NR_fcntl, fd, cmd, arg);
}
static inline int ms_sys_ioctl(int fd, unsigned long request, void *arg)
{
	return (int)MS_SYS3(__NR_ioctl, fd, request, arg);
}
static inline int ms_sys_fchdir(int fd)
{
	return (int)MS_SYS1(__NR_fchdir, fd);
}
static inline int ms_sys_chdir(const char *path)
{
	return (int)MS_SYS1(__NR_chdir, path);
}
static inline ssize_t ms_sys_getcwd(char *buf, size_t len)
{
	return MS_SYS2(__NR_getcwd, buf, len);
}
static inline unsigned ms_sys_umask(unsigned mask)
{
	return (unsigned)MS_SYS1(__NR_umask, mask);
}
static inline int ms_sys_memfd_create(const char *name, unsigned flags)
{
	return (int)MS_SYS2(__NR_memfd_create, name, flags);
}

static inline int ms_sys_clone3(struct clone_args *args, size_t len)
{
	return (int)MS_SYS2(__NR_clone3, args, len);
}
static inline int ms_sys_unshare(unsigned long flags)
{
	return (int)MS_SYS1(__NR_unshare, flags);
}
static inline int ms_sys_setns(int fd, int type)
{
	return (int)MS_SYS2(__NR_setns, fd, type);
}
static inline int ms_sys_execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)MS_SYS3(__NR_execve, path, argv, envp);
}
static inline int ms_sys_execveat(int dirfd, const char *path, char *const argv[],
				  char *const envp[], int flags)
{
	return (int)MS_SYS5(__NR_execveat, dirfd, path, argv, envp, flags);
}
static inline MS_NORETURN void ms_sys_exit_group(int status)
{
	for (;;)
		(void)MS_SYS1(__NR_exit_group, status); /* cannot fail */
}
static inline int ms_sys_getpid(void)
{
	return (int)MS_SYS0(__NR_getpid);
}
static inline int ms_sys_setsid(void)
{
	return (int)MS_SYS0(__NR_setsid);
}
static inline int ms_sys_prctl(int op, unsigned long a, unsigned long b, unsigned long c,
			       unsigned long d)
{
	return (int)MS_SYS5(__NR_prctl, op, a, b, c, d);
}
static inline int ms_sys_setgroups(size_t n, const uint32_t *list)
{
	return (int)MS_SYS2(__NR_setgroups, n, list);
}
static inline int ms_sys_setresuid(uint32_t r, uint32_t e, uint32_t s)
{
	return (int)MS_SYS3(__NR_setresuid, r, e, s);
}
static inline int ms_sys_setresgid(uint32_t r, uint32_t e, uint32_t s)
{
	return (int)MS_SYS3(__NR_setresgid, r, e, s);
}
static inline int ms_sys_capset(const void *header, const void *data)
{
	return (int)MS_SYS2(__NR_capset, header, data);
}
static inline int ms_sys_prlimit64(int pid, unsigned resource, const void *set, void *ret_old)
{
	return (int)MS_SYS4(__NR_prlimit64, pid, resource, set, ret_old);
}
static inline long ms_sys_keyctl(int op, unsigned long a, unsigned long b)
{
	return MS_SYS3(__NR_keyctl, op, a, b);
}
static inline int ms_sys_kill(int pid, int sig)
{
	return (int)MS_SYS2(__NR_kill, pid, sig);
}
static inline int ms_sys_pidfd_open(int pid, unsigned flags)
{
	return (int)MS_SYS2(__NR_pidfd_open, pid, flags);
}
static inline int ms_sys_pidfd_send_signal(int fd, int sig)
{
	return (int)MS_SYS4(__NR_pidfd_send_signal, fd, sig, 0, 0);
}
static inline int ms_sys_waitid(int idtype, int id, siginfo_t *ret_info, int options)
{
	return (int)MS_SYS5(__NR_waitid, idtype, id, ret_info, options, 0);
}
static inline int ms_sys_seccomp(unsigned op, unsigned flags, const void *args)
{
	return (int)MS_SYS3(__NR_seccomp, op, flags, args);
}
static inline int ms_sys_landlock_create_ruleset(const void *attr, size_t len, unsigned flags)
{
	return (int)MS_SYS3(__NR_landlock_create_ruleset, attr, len, flags);
}
static inline int ms_sys_landlock_add_rule(int fd, int type, const void *attr, unsigned flags)
{
	return (int)MS_SYS4(__NR_landlock_add_rule, fd, type, attr, flags);
}
static inline int ms_sys_landlock_restrict_self(int fd, unsigned flags)
{
	return (int)MS_SYS2(__NR_landlock_restrict_self, fd, flags);
}
static inline ssize_t ms_sys_process_vm_readv(int pid, const void *local, unsigned long n_local,
					      const void *remote, unsigned long n_remote)
{
	return MS_SYS6(__NR_process_vm_readv, pid, local, n_local, remote, n_remote, 0);
}
static inline int ms_sys_socketpair(int domain, int type, int protocol, int fds[static 2])
{
	return (int)MS_SYS4(__NR_socketpair, domain, type, protocol, fds);
}
static inline int ms_sys_listen(int fd, int backlog)
{
	return (int)MS_SYS2(__NR_listen, fd, backlog);
}
static inline int ms_sys_accept4(int fd, int flags)
{
	return (int)MS_SYS4(__NR_accept4, fd, NULL, NULL, flags);
}
static inline int ms_sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)MS_SYS5(__NR_getsockopt, fd, level, name, value, len);
}
static inline ssize_t ms_sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return MS_SYS3(__NR_sendmsg, fd, msg, flags);
}
static inline ssize_t ms_sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return MS_SYS3(__NR_recvmsg, fd, msg, flags);
}
static inline int ms_sys_pipe2(int fds[static 2], int flags)
{
	return (int)MS_SYS2(__NR_pipe2, fds, flags);
}
static inline int ms_sys_ppoll(void *fds, unsigned n, const struct timespec *timeout)
{
	return (int)MS_SYS5(__NR_ppoll, fds, n, timeout, 0, 0);
}
static inline int ms_sys_rt_sigprocmask(int how, const uint64_t *set, uint64_t *ret_old)
{
	return (int)MS_SYS4(__NR_rt_sigprocmask, how, set, ret_old, sizeof(uint64_t));
}
static inline int ms_sys_signalfd4(int fd, const uint64_t *mask, int flags)
{
	return (int)MS_SYS4(__NR_signalfd4, fd, mask, sizeof(*mask), flags);
}
static inline int ms_sys_clock_gettime(int clock, struct timespec *ret)
{
	return (int)MS_SYS2(__NR_clock_gettime, clock, ret);
}

#endif
