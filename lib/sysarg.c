/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysarg.c - the table behind sysarg.h, by number. What it names is read from a caller's memory
 * for a report and never decides anything. Called by the shim, where a call was refused, so that a
 * walk through the rows is fast enough.
 */
#include "lib/sysarg.h"

#include <sys/syscall.h>

#define PATH(a)                                                                                    \
	{                                                                                          \
		(a), MS_TEXT_PATH, MS_SYSARG_NO_LEN                                                \
	}
#define ADDRESS(a, len)                                                                            \
	{                                                                                          \
		(a), MS_TEXT_SOCKADDR, (len)                                                       \
	}
#define BYTES(a, len)                                                                              \
	{                                                                                          \
		(a), MS_TEXT_BYTES, (len)                                                          \
	}
#define ONE(call, x)                                                                               \
	{                                                                                          \
		__NR_##call, 1,                                                                    \
		{                                                                                  \
			x                                                                          \
		}                                                                                  \
	}
#define TWO(call, x, y)                                                                            \
	{                                                                                          \
		__NR_##call, 2,                                                                    \
		{                                                                                  \
			x, y                                                                       \
		}                                                                                  \
	}

static const struct ms_sysarg rows[] = {
	/* What is refused always. */
	TWO(mount, PATH(0), PATH(1)),
	ONE(umount2, PATH(0)),
	TWO(pivot_root, PATH(0), PATH(1)),
	ONE(chroot, PATH(0)),
	ONE(open_tree, PATH(1)),
	TWO(move_mount, PATH(1), PATH(3)),
	ONE(fsopen, PATH(0)),
	ONE(fspick, PATH(1)),
	ONE(fsconfig, PATH(2)),
	ONE(mount_setattr, PATH(1)),
	ONE(swapon, PATH(0)),
	ONE(swapoff, PATH(0)),
	ONE(acct, PATH(0)),
	ONE(uselib, PATH(0)),
	ONE(quotactl, PATH(1)),
	ONE(fanotify_mark, PATH(4)),
	ONE(name_to_handle_at, PATH(1)),
	ONE(sethostname, BYTES(0, 1)),
	ONE(setdomainname, BYTES(0, 1)),
	ONE(init_module, PATH(2)),
	ONE(finit_module, PATH(1)),
	ONE(create_module, PATH(0)),
	ONE(delete_module, PATH(0)),
	ONE(kexec_file_load, BYTES(3, 2)),
	TWO(add_key, PATH(0), PATH(1)),
	TWO(request_key, PATH(0), PATH(1)),
	ONE(bpf, BYTES(1, 2)),
	ONE(clone3, BYTES(0, 1)),
	ONE(landlock_create_ruleset, BYTES(0, 1)),

	/* What is refused for some arguments. */
	ONE(execveat, PATH(1)),
	ONE(mknod, PATH(0)),
	ONE(mknodat, PATH(1)),
	ONE(chown, PATH(0)),
	ONE(lchown, PATH(0)),
	ONE(fchownat, PATH(1)),
	ONE(setsockopt, BYTES(3, 4)),

	/* What is granted by the shipped profile; another may refuse it. */
	ONE(connect, ADDRESS(1, 2)),
	ONE(bind, ADDRESS(1, 2)),
	ONE(sendto, ADDRESS(4, 5)),
	ONE(execve, PATH(0)),
	ONE(memfd_create, PATH(0)),
	ONE(open, PATH(0)),
	ONE(openat, PATH(1)),
	TWO(openat2, PATH(1), BYTES(2, 3)),
	ONE(creat, PATH(0)),
	ONE(stat, PATH(0)),
	ONE(lstat, PATH(0)),
	ONE(newfstatat, PATH(1)),
	ONE(statx, PATH(1)),
	ONE(access, PATH(0)),
	ONE(faccessat, PATH(1)),
	ONE(faccessat2, PATH(1)),
	ONE(readlink, PATH(0)),
	ONE(readlinkat, PATH(1)),
	ONE(chdir, PATH(0)),
	ONE(chmod, PATH(0)),
	ONE(fchmodat, PATH(1)),
	ONE(mkdir, PATH(0)),
	ONE(mkdirat, PATH(1)),
	ONE(rmdir, PATH(0)),
	ONE(unlink, PATH(0)),
	ONE(unlinkat, PATH(1)),
	TWO(rename, PATH(0), PATH(1)),
	TWO(renameat, PATH(1), PATH(3)),
	TWO(renameat2, PATH(1), PATH(3)),
	TWO(link, PATH(0), PATH(1)),
	TWO(linkat, PATH(1), PATH(3)),
	TWO(symlink, PATH(0), PATH(1)),
	TWO(symlinkat, PATH(0), PATH(2)),
	ONE(truncate, PATH(0)),
	ONE(statfs, PATH(0)),
	ONE(utime, PATH(0)),
	ONE(utimes, PATH(0)),
	ONE(futimesat, PATH(1)),
	ONE(utimensat, PATH(1)),
	ONE(inotify_add_watch, PATH(1)),
	ONE(mq_open, PATH(0)),
	ONE(mq_unlink, PATH(0)),
	TWO(setxattr, PATH(0), PATH(1)),
	TWO(lsetxattr, PATH(0), PATH(1)),
	ONE(fsetxattr, PATH(1)),
	TWO(getxattr, PATH(0), PATH(1)),
	TWO(lgetxattr, PATH(0), PATH(1)),
	ONE(fgetxattr, PATH(1)),
	ONE(listxattr, PATH(0)),
	ONE(llistxattr, PATH(0)),
	TWO(removexattr, PATH(0), PATH(1)),
	TWO(lremovexattr, PATH(0), PATH(1)),
	ONE(fremovexattr, PATH(1)),
};

/**
 * ms_sysarg_find() - what is worth reading of call @nr.
 * @nr: a native number, without the x32 bit
 *
 * Return: a row with at most two texts, or NULL.
 */
const struct ms_sysarg *ms_sysarg_find(uint32_t nr)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(rows); i++) {
		if (rows[i].nr == nr)
			return &rows[i];
	}
	return NULL;
}

uint64_t ms_sysarg_selector(uint32_t nr, const uint64_t args[static 6])
{
	switch (nr) {
	case __NR_socket:
	case __NR_socketpair: /* family, type without its flags, protocol */
		return (uint32_t)args[0] | (args[1] & 0xf) << 32 | (args[2] & 0xffff) << 40;
	case __NR_ioctl:
	case __NR_fcntl:
	case __NR_setrlimit:
		return (uint32_t)args[nr != __NR_setrlimit];
	case __NR_prlimit64:
		return (uint32_t)args[1];
	case __NR_prctl:
	case __NR_arch_prctl:
	case __NR_bpf:
	case __NR_clone:
	case __NR_keyctl:
	case __NR_ptrace:
	case __NR_seccomp:
	case __NR_unshare:
		return (uint32_t)args[0];
	default:
		return 0;
	}
}
