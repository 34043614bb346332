/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp.c - the module's profile: what the ordinary runtimes (Node, Python, Java, Go, Rust, Perl,
 * Ruby, glibc and musl) and servers ask of the kernel, and nothing wider. A call without a row is
 * refused and reported. Must never hold a row because something might want it one day: a row is
 * here for a program that fails without it. Read by the compiler of filters and by `doctor`.
 *
 * Arguments that the kernel takes as int are compared in 32 bits: what stands above is ignored by
 * the kernel and must be ignored here too (CVE-2019-10063). What is behind a pointer is never
 * judged: the caller can change it after the test.
 */
#include "policy/layer/seccomp.h"

#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "policy/layer/seccomp-rows.h"

/* The one identity inside; every other id needs a capability to become or to give. */
#define ME     1000u
#define NOBODY 65534u /* how the owner of what is not the module's shows inside */
#define KEEP   0xffffffffu

#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

/* socket(2): the type without the two flags that may be or-ed to it. */
#define TYPE_MASK (ALL_INT & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
#define SOCKET(family, type, protocol)                                                             \
	ALLOW_IF3(socket, INT(0, family), BITS(1, TYPE_MASK, type), INT(2, protocol))
#define INET_SOCKETS(family)                                                                       \
	SOCKET(family, SOCK_STREAM, 0), SOCKET(family, SOCK_STREAM, IPPROTO_TCP),                  \
		SOCKET(family, SOCK_DGRAM, 0), SOCKET(family, SOCK_DGRAM, IPPROTO_UDP)
#define PAIR(type) ALLOW_IF2(socketpair, INT(0, AF_UNIX), BITS(1, TYPE_MASK, type))
/* Multipath TCP leaves by paths that no rule of ours sees; Go asks for it and falls back. */
#define NO_MPTCP(family)                                                                           \
	QUIET_IF2(socket, EPROTONOSUPPORT, INT(0, family), INT(2, MPTCP),                          \
		  "Go probes for MPTCP at start")
#define MPTCP 262

#define SET(level, option) ALLOW_IF2(setsockopt, INT(1, level), INT(2, option))

/* setre*id, setres*id to what the caller is anyway. */
#define SAME_ID(call) ALLOW_IF1(call, INT(0, ME)), ALLOW_IF1(call, INT(0, KEEP))
#define SAME_IDS2(call, a)                                                                         \
	ALLOW_IF2(call, INT(0, a), INT(1, ME)), ALLOW_IF2(call, INT(0, a), INT(1, KEEP))
#define SAME_IDS3(call, a, b)                                                                      \
	ALLOW_IF3(call, INT(0, a), INT(1, b), INT(2, ME)),                                         \
		ALLOW_IF3(call, INT(0, a), INT(1, b), INT(2, KEEP))

/* chown and its kin; @u is the argument that holds the user, the group follows. Copying tools try
 * to keep the owner of a bundle's file and go on when they may not. */
#define OWN(call, u, user, group) ALLOW_IF2(call, INT(u, user), INT((u) + 1, group))
#define OWN_NOBODY(call, u, user, group)                                                           \
	QUIET_IF2(call, EPERM, INT(u, user), INT((u) + 1, group),                                  \
		  "cp -p keeps the owner where it can")
#define CHOWN(call, u)                                                                             \
	OWN(call, u, ME, ME), OWN(call, u, ME, KEEP), OWN(call, u, KEEP, ME),                      \
		OWN(call, u, KEEP, KEEP), OWN_NOBODY(call, u, NOBODY, NOBODY),                     \
		OWN_NOBODY(call, u, NOBODY, ME), OWN_NOBODY(call, u, NOBODY, KEEP),                \
		OWN_NOBODY(call, u, ME, NOBODY), OWN_NOBODY(call, u, KEEP, NOBODY)

#define MKNOD(call, m, type) ALLOW_IF1(call, BITS(m, S_IFMT, type))
#define MKNODS(call, m)                                                                            \
	MKNOD(call, m, 0), MKNOD(call, m, S_IFREG), MKNOD(call, m, S_IFIFO),                       \
		MKNOD(call, m, S_IFSOCK)

#define LIMIT(resource)                                                                            \
	ALLOW_IF1(setrlimit, INT(0, resource)), ALLOW_IF1(prlimit64, INT(1, resource))

#define PRCTL(option)	 ALLOW_IF1(prctl, INT(0, option))
#define IOCTL(request)	 ALLOW_IF1(ioctl, INT(1, request))
#define FCNTL(command)	 ALLOW_IF1(fcntl, INT(1, command))
#define ADVICE(advice)	 ALLOW_IF1(madvise, INT(2, advice))
#define SHM_HUGETLB_	 04000 /* <sys/shm.h> and <linux/shm.h> exclude each other */
#define ARCH_PRCTL(code) ALLOW_IF1(arch_prctl, INT(0, code))

/* Constants that are younger than the headers of Debian 12. */
#define ARCH_CET_STATUS_OLD  0x3001 /* glibc 2.36 asks; no released kernel knows it */
#define ARCH_SHSTK_ENABLE_   0x5001
#define ARCH_SHSTK_DISABLE_  0x5002
#define ARCH_SHSTK_LOCK_     0x5003
#define ARCH_SHSTK_STATUS_   0x5005
#define PR_SET_MDWE_	     65
#define PR_GET_MDWE_	     66
#define PR_GET_MEMORY_MERGE_ 68
#define PR_GET_AUXV_	     0x41555856
#define IP_LOCAL_PORT_RANGE_ 51
#define UDP_CORK_	     1
#define UDP_SEGMENT_	     103
#define UDP_GRO_	     104
#define SO_TIMESTAMP_NEW_    63
#define SO_TIMESTAMPNS_NEW_  64
#define SO_RCVTIMEO_NEW_     66
#define SO_SNDTIMEO_NEW_     67
#define IPV6_MULTICAST_ALL_  29
/* Constants whose headers fight with those above. */
#define SCHED_RESET_ON_FORK_ 0x40000000u
#define TCGETS2_	     0x802c542au
#define TCSETS2_	     0x402c542bu
#define TCSETSW2_	     0x402c542cu
#define TCSETSF2_	     0x402c542du
#define RNDGETENTCNT_	     0x80045200u
#define F2FS_GET_FEATURES_   0x8004f50cu

#define NO_CORE "a soft limit of 0 instead of 1 would start the host's core handler as root"

static const struct ms_call_rule module_rules[] = {
	/* Files and folders: the mount view and Landlock say which. */
	ALLOW(access), ALLOW(chdir), ALLOW(chmod), ALLOW(close), ALLOW(close_range),
	ALLOW(copy_file_range), ALLOW(creat), ALLOW(dup), ALLOW(dup2), ALLOW(dup3),
	ALLOW(faccessat), ALLOW(faccessat2), ALLOW(fadvise64), ALLOW(fallocate), ALLOW(fchdir),
	ALLOW(fchmod), ALLOW(fchmodat), ALLOW(fchmodat2), ALLOW(fdatasync), ALLOW(fgetxattr),
	ALLOW(flistxattr), ALLOW(flock), ALLOW(fremovexattr), ALLOW(fsetxattr), ALLOW(fstat),
	ALLOW(fstatfs), ALLOW(fsync), ALLOW(ftruncate), ALLOW(futimesat), ALLOW(getcwd),
	ALLOW(getdents), ALLOW(getdents64), ALLOW(getxattr), ALLOW(getxattrat), ALLOW(lgetxattr),
	ALLOW(link), ALLOW(linkat), ALLOW(listxattr), ALLOW(listxattrat), ALLOW(llistxattr),
	ALLOW(lremovexattr), ALLOW(lseek), ALLOW(lsetxattr), ALLOW(lstat), ALLOW(mkdir),
	ALLOW(mkdirat), ALLOW(newfstatat), ALLOW(open), ALLOW(openat), ALLOW(openat2),
	ALLOW(pread64), ALLOW(preadv), ALLOW(preadv2), ALLOW(pwrite64), ALLOW(pwritev),
	ALLOW(pwritev2), ALLOW(read), ALLOW(readahead), ALLOW(readlink), ALLOW(readlinkat),
	ALLOW(readv), ALLOW(removexattr), ALLOW(removexattrat), ALLOW(rename), ALLOW(renameat),
	ALLOW(renameat2), ALLOW(rmdir), ALLOW(sendfile), ALLOW(setxattr), ALLOW(setxattrat),
	ALLOW(splice), ALLOW(stat), ALLOW(statfs), ALLOW(statx), ALLOW(symlink), ALLOW(symlinkat),
	ALLOW(sync_file_range), ALLOW(truncate), ALLOW(umask), ALLOW(unlink), ALLOW(unlinkat),
	ALLOW(utime), ALLOW(utimensat), ALLOW(utimes), ALLOW(write), ALLOW(writev), CHOWN(chown, 1),
	CHOWN(fchown, 1), CHOWN(lchown, 1), CHOWN(fchownat, 2), MKNODS(mknod, 1),
	MKNODS(mknodat, 2),
	QUIET(sync, EPERM, "would flush every disk of the host; the caller cannot tell"),

	/* Waiting and signals; a pid namespace of its own bounds the last. */
	ALLOW(alarm), ALLOW(epoll_create), ALLOW(epoll_create1), ALLOW(epoll_ctl),
	ALLOW(epoll_pwait), ALLOW(epoll_pwait2), ALLOW(epoll_wait), ALLOW(eventfd), ALLOW(eventfd2),
	ALLOW(getitimer), ALLOW(inotify_add_watch), ALLOW(inotify_init), ALLOW(inotify_init1),
	ALLOW(inotify_rm_watch), ALLOW(kill), ALLOW(pause), ALLOW(pidfd_open),
	ALLOW(pidfd_send_signal), ALLOW(pipe), ALLOW(poll), ALLOW(ppoll), ALLOW(pselect6),
	ALLOW(restart_syscall), ALLOW(rt_sigaction), ALLOW(rt_sigpending), ALLOW(rt_sigprocmask),
	ALLOW(rt_sigqueueinfo), ALLOW(rt_sigreturn), ALLOW(rt_sigsuspend), ALLOW(rt_sigtimedwait),
	ALLOW(rt_tgsigqueueinfo), ALLOW(select), ALLOW(setitimer), ALLOW(sigaltstack),
	ALLOW(signalfd), ALLOW(signalfd4), ALLOW(tgkill), ALLOW(timer_create), ALLOW(timer_delete),
	ALLOW(timer_getoverrun), ALLOW(timer_gettime), ALLOW(timer_settime), ALLOW(timerfd_create),
	ALLOW(timerfd_gettime), ALLOW(timerfd_settime), ALLOW(tkill), ALLOW(wait4), ALLOW(waitid),
	/* O_NOTIFICATION_PIPE, which is O_EXCL here, opens the watch queue (CVE-2022-0995). */
	ALLOW_IF1(pipe2, BITS(1, O_EXCL, 0)),
	QUIET(io_setup, ENOSYS,
	      "one pool for the whole host (fs.aio-max-nr), which a module could use up; nginx "
	      "tries "
	      "it at each start and goes on without"),
	QUIET(io_uring_setup, ENOSYS,
	      "libuv and others try it and go on without; its work passes no filter and no tracer"),

	/* Memory: its own, accounted to its cgroup. */
	ALLOW(brk), ALLOW(get_mempolicy), ALLOW(map_shadow_stack), ALLOW(mbind), ALLOW(membarrier),
	ALLOW(mincore), ALLOW(mlock), ALLOW(mlock2), ALLOW(mlockall), ALLOW(mprotect),
	ALLOW(mremap), ALLOW(mseal), ALLOW(msync), ALLOW(munlock), ALLOW(munlockall), ALLOW(munmap),
	ALLOW(pkey_alloc), ALLOW(pkey_free), ALLOW(pkey_mprotect), ALLOW(set_mempolicy),
	/* Huge pages come from one pool of the host's, outside the memory limit; who asks goes on
	 * with small ones. */
	ALLOW_IF1(mmap, BITS(3, MAP_HUGETLB, 0)),
	QUIET_IF1(mmap, ENOMEM, BITS(3, MAP_HUGETLB, MAP_HUGETLB), "the host's pool of huge pages"),
	ALLOW_IF1(memfd_create, BITS(1, MFD_HUGETLB, 0)),
	QUIET_IF1(memfd_create, ENOSYS, BITS(1, MFD_HUGETLB, MFD_HUGETLB),
		  "the host's pool of huge pages"),
	ALLOW_IF1(shmget, BITS(2, SHM_HUGETLB_, 0)),
	QUIET_IF1(shmget, ENOMEM, BITS(2, SHM_HUGETLB_, SHM_HUGETLB_),
		  "the host's pool of huge pages"),
	/* Merging of equal pages tells by its timing what others have in theirs. */
	ADVICE(MADV_NORMAL), ADVICE(MADV_RANDOM), ADVICE(MADV_SEQUENTIAL), ADVICE(MADV_WILLNEED),
	ADVICE(MADV_DONTNEED), ADVICE(MADV_FREE), ADVICE(MADV_REMOVE), ADVICE(MADV_DONTFORK),
	ADVICE(MADV_DOFORK), ADVICE(MADV_UNMERGEABLE), ADVICE(MADV_HUGEPAGE),
	ADVICE(MADV_NOHUGEPAGE), ADVICE(MADV_DONTDUMP), ADVICE(MADV_DODUMP),
	ADVICE(MADV_WIPEONFORK), ADVICE(MADV_KEEPONFORK), ADVICE(MADV_COLD), ADVICE(MADV_PAGEOUT),
	ADVICE(MADV_POPULATE_READ), ADVICE(MADV_POPULATE_WRITE), ADVICE(24 /* DONTNEED_LOCKED */),
	ADVICE(25 /* COLLAPSE */), ADVICE(102 /* GUARD_INSTALL */), ADVICE(103 /* GUARD_REMOVE */),
	QUIET_IF1(madvise, EINVAL, INT(2, MADV_MERGEABLE), "as on a kernel without KSM"),
	QUIET_IF1(madvise, EINVAL, INT(2, UINT32_MAX),
		  "the question of some allocators whether the call checks its argument"),
	QUIET(memfd_secret, ENOSYS, "off on most kernels; would be unreadable to the supervisor"),
	/* Message queues, semaphores and shared memory of its own ipc namespace. Not mq_*: they
	 * need a limit (RLIMIT_MSGQUEUE) that is 0 here. */
	ALLOW(msgctl), ALLOW(msgget), ALLOW(msgrcv), ALLOW(msgsnd), ALLOW(semctl), ALLOW(semget),
	ALLOW(semop), ALLOW(semtimedop), ALLOW(shmat), ALLOW(shmctl), ALLOW(shmdt),

	/* Processes and threads. */
	ALLOW(execve), ALLOW(exit), ALLOW(exit_group), ALLOW(fork), ALLOW(futex), ALLOW(futex_wait),
	ALLOW(futex_waitv), ALLOW(futex_wake), ALLOW(futex_requeue), ALLOW(getcpu),
	ALLOW(getrandom), ALLOW(rseq), ALLOW(sched_get_priority_max), ALLOW(sched_get_priority_min),
	ALLOW(sched_getaffinity), ALLOW(sched_getattr), ALLOW(sched_getparam),
	ALLOW(sched_getscheduler), ALLOW(sched_rr_get_interval), ALLOW(sched_setaffinity),
	ALLOW(sched_setparam), ALLOW(sched_yield), ALLOW(set_robust_list), ALLOW(set_tid_address),
	ALLOW(setpgid), ALLOW(setsid), ALLOW(vfork),
	/* CLONE_PARENT would put a child under the shim; no library uses it. */
	ALLOW_IF1(clone, BITS(0, NEW_NAMESPACES | CLONE_PARENT, 0)),
	QUIET(clone3, ENOSYS, "its flags are behind a pointer; every libc falls back to clone"),
	/* AT_EMPTY_PATH runs a file that has no name: a program from memory. */
	ALLOW_IF1(execveat, BITS(4, AT_EMPTY_PATH, 0)),
	/* Real-time scheduling, real-time I/O and negative niceness need CAP_SYS_NICE. */
	ALLOW_IF1(sched_setscheduler, BITS(1, ALL_INT & ~(uint64_t)SCHED_RESET_ON_FORK_, 0)),
	ALLOW_IF1(sched_setscheduler, BITS(1, ALL_INT & ~(uint64_t)SCHED_RESET_ON_FORK_, 3)),
	ALLOW_IF1(sched_setscheduler, BITS(1, ALL_INT & ~(uint64_t)SCHED_RESET_ON_FORK_, 5)),
	ALLOW_IF1(setpriority, BITS(2, 0x80000000, 0)),
	ALLOW_IF1(ioprio_set, BITS(2, 0xffffe000, 0)),
	ALLOW_IF1(ioprio_set, BITS(2, 0xffffe000, 2u << 13)),
	ALLOW_IF1(ioprio_set, BITS(2, 0xffffe000, 3u << 13)), ALLOW(getpriority), ALLOW(ioprio_get),

	/* Who and where am I; clocks, read only. */
	ALLOW(capget), ALLOW(clock_getres), ALLOW(clock_gettime), ALLOW(clock_nanosleep),
	ALLOW(getegid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getgroups), ALLOW(getpgid),
	ALLOW(getpgrp), ALLOW(getpid), ALLOW(getppid), ALLOW(getresgid), ALLOW(getresuid),
	ALLOW(getrlimit), ALLOW(getrusage), ALLOW(getsid), ALLOW(gettid), ALLOW(gettimeofday),
	ALLOW(getuid), ALLOW(nanosleep), ALLOW(sysinfo), ALLOW(time), ALLOW(times), ALLOW(uname),
	QUIET(adjtimex, EPERM, "mostly read; whether it sets the clock is behind a pointer"),
	QUIET(clock_adjtime, EPERM, "mostly read; whether it sets the clock is behind a pointer"),
	ALLOW_IF1(personality, INT(0, KEEP)), ALLOW_IF1(personality, INT(0, 0)),

	/* Becoming what one is. */
	SAME_ID(setuid), SAME_ID(setgid), SAME_ID(setfsuid), SAME_ID(setfsgid),
	SAME_IDS2(setreuid, ME), SAME_IDS2(setreuid, KEEP), SAME_IDS2(setregid, ME),
	SAME_IDS2(setregid, KEEP), SAME_IDS3(setresuid, ME, ME), SAME_IDS3(setresuid, ME, KEEP),
	SAME_IDS3(setresuid, KEEP, ME), SAME_IDS3(setresuid, KEEP, KEEP),
	SAME_IDS3(setresgid, ME, ME), SAME_IDS3(setresgid, ME, KEEP),
	SAME_IDS3(setresgid, KEEP, ME), SAME_IDS3(setresgid, KEEP, KEEP),

	/* Limits: all may be lowered but the one that keeps the host's core handler away. */
	LIMIT(RLIMIT_CPU), LIMIT(RLIMIT_FSIZE), LIMIT(RLIMIT_DATA), LIMIT(RLIMIT_STACK),
	LIMIT(RLIMIT_RSS), LIMIT(RLIMIT_NPROC), LIMIT(RLIMIT_NOFILE), LIMIT(RLIMIT_MEMLOCK),
	LIMIT(RLIMIT_AS), LIMIT(RLIMIT_LOCKS), LIMIT(RLIMIT_SIGPENDING), LIMIT(RLIMIT_MSGQUEUE),
	LIMIT(RLIMIT_NICE), LIMIT(RLIMIT_RTPRIO), LIMIT(RLIMIT_RTTIME),
	ALLOW_IF2(prlimit64, INT(1, RLIMIT_CORE), NULL_PTR(2)),
	QUIET_IF2(prlimit64, EPERM, INT(1, RLIMIT_CORE), GIVEN_PTR(2), NO_CORE),
	QUIET_IF1(setrlimit, EPERM, INT(0, RLIMIT_CORE), NO_CORE),

	/* Sockets: which addresses is the network layer's matter. */
	ALLOW(accept), ALLOW(accept4), ALLOW(bind), ALLOW(connect), ALLOW(getpeername),
	ALLOW(getsockname), ALLOW(getsockopt), ALLOW(listen), ALLOW(recvfrom), ALLOW(recvmmsg),
	ALLOW(recvmsg), ALLOW(shutdown),
	/* Not MSG_OOB: on unix sockets it is little used and much broken (CVE-2025-38236). */
	ALLOW_IF1(sendmmsg, BITS(3, MSG_OOB, 0)), ALLOW_IF1(sendmsg, BITS(2, MSG_OOB, 0)),
	ALLOW_IF1(sendto, BITS(3, MSG_OOB, 0)), SOCKET(AF_UNIX, SOCK_STREAM, 0),
	SOCKET(AF_UNIX, SOCK_DGRAM, 0), SOCKET(AF_UNIX, SOCK_SEQPACKET, 0), PAIR(SOCK_STREAM),
	PAIR(SOCK_DGRAM), PAIR(SOCK_SEQPACKET), INET_SOCKETS(AF_INET), INET_SOCKETS(AF_INET6),
	NO_MPTCP(AF_INET), NO_MPTCP(AF_INET6),
	QUIET_IF2(socket, EAFNOSUPPORT, INT(0, AF_NETLINK), INT(2, 0),
		  "getaddrinfo and getifaddrs ask for addresses by NETLINK_ROUTE and live without"),

	/* Socket options that change the caller's own socket; filters (SO_ATTACH_*), UDP
	 * encapsulation, transparent and raw modes are not among them. */
	SET(SOL_SOCKET, SO_REUSEADDR), SET(SOL_SOCKET, SO_DONTROUTE), SET(SOL_SOCKET, SO_BROADCAST),
	SET(SOL_SOCKET, SO_SNDBUF), SET(SOL_SOCKET, SO_RCVBUF), SET(SOL_SOCKET, SO_KEEPALIVE),
	SET(SOL_SOCKET, SO_OOBINLINE), SET(SOL_SOCKET, SO_PRIORITY), SET(SOL_SOCKET, SO_REUSEPORT),
	SET(SOL_SOCKET, SO_PASSCRED), SET(SOL_SOCKET, SO_RCVLOWAT), SET(SOL_SOCKET, SO_SNDLOWAT),
	SET(SOL_SOCKET, SO_RCVTIMEO), SET(SOL_SOCKET, SO_SNDTIMEO), SET(SOL_SOCKET, SO_TIMESTAMP),
	SET(SOL_SOCKET, SO_TIMESTAMPNS), SET(SOL_SOCKET, SO_INCOMING_CPU),
	SET(SOL_SOCKET, SO_ZEROCOPY), SET(SOL_SOCKET, SO_TIMESTAMP_NEW_),
	SET(SOL_SOCKET, SO_TIMESTAMPNS_NEW_), SET(SOL_SOCKET, SO_RCVTIMEO_NEW_),
	SET(SOL_SOCKET, SO_SNDTIMEO_NEW_), SET(IPPROTO_TCP, TCP_NODELAY),
	SET(IPPROTO_TCP, TCP_MAXSEG), SET(IPPROTO_TCP, TCP_CORK), SET(IPPROTO_TCP, TCP_KEEPIDLE),
	SET(IPPROTO_TCP, TCP_KEEPINTVL), SET(IPPROTO_TCP, TCP_KEEPCNT),
	SET(IPPROTO_TCP, TCP_SYNCNT), SET(IPPROTO_TCP, TCP_LINGER2),
	SET(IPPROTO_TCP, TCP_DEFER_ACCEPT), SET(IPPROTO_TCP, TCP_WINDOW_CLAMP),
	SET(IPPROTO_TCP, TCP_QUICKACK), SET(IPPROTO_TCP, TCP_CONGESTION),
	SET(IPPROTO_TCP, TCP_USER_TIMEOUT), SET(IPPROTO_TCP, TCP_FASTOPEN),
	SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT), SET(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
	/* Whoever closes the last of a connection that lingers sleeps, for hours if it says so: by
	 * SCM_RIGHTS that would be a process of the host that reads from the module's socket. */
	QUIET_IF2(setsockopt, 0, INT(1, SOL_SOCKET), INT(2, SO_LINGER),
		  "lingering is left out in silence: programs that ask for it go on without"),
	QUIET_IF2(setsockopt, ENOENT, INT(1, IPPROTO_TCP), INT(2, TCP_ULP),
		  "TLS libraries try the kernel's TLS and go on without"),
	SET(IPPROTO_UDP, UDP_CORK_), SET(IPPROTO_UDP, UDP_SEGMENT_), SET(IPPROTO_UDP, UDP_GRO_),
	SET(IPPROTO_IP, IP_TOS), SET(IPPROTO_IP, IP_TTL), SET(IPPROTO_IP, IP_PKTINFO),
	SET(IPPROTO_IP, IP_MTU_DISCOVER), SET(IPPROTO_IP, IP_RECVERR), SET(IPPROTO_IP, IP_RECVTTL),
	SET(IPPROTO_IP, IP_RECVTOS), SET(IPPROTO_IP, IP_FREEBIND), SET(IPPROTO_IP, IP_MINTTL),
	SET(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), SET(IPPROTO_IP, IP_MULTICAST_IF),
	SET(IPPROTO_IP, IP_MULTICAST_TTL), SET(IPPROTO_IP, IP_MULTICAST_LOOP),
	SET(IPPROTO_IP, IP_MULTICAST_ALL), SET(IPPROTO_IP, IP_ADD_MEMBERSHIP),
	SET(IPPROTO_IP, IP_DROP_MEMBERSHIP), SET(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP),
	SET(IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP), SET(IPPROTO_IP, IP_LOCAL_PORT_RANGE_),
	SET(IPPROTO_IP, MCAST_JOIN_GROUP), SET(IPPROTO_IP, MCAST_LEAVE_GROUP),
	SET(IPPROTO_IPV6, IPV6_V6ONLY), SET(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	SET(IPPROTO_IPV6, IPV6_MULTICAST_IF), SET(IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
	SET(IPPROTO_IPV6, IPV6_MULTICAST_LOOP), SET(IPPROTO_IPV6, IPV6_MULTICAST_ALL_),
	SET(IPPROTO_IPV6, IPV6_JOIN_GROUP), SET(IPPROTO_IPV6, IPV6_LEAVE_GROUP),
	SET(IPPROTO_IPV6, IPV6_MTU_DISCOVER), SET(IPPROTO_IPV6, IPV6_MTU),
	SET(IPPROTO_IPV6, IPV6_RECVERR), SET(IPPROTO_IPV6, IPV6_RECVPKTINFO),
	SET(IPPROTO_IPV6, IPV6_RECVHOPLIMIT), SET(IPPROTO_IPV6, IPV6_RECVTCLASS),
	SET(IPPROTO_IPV6, IPV6_TCLASS), SET(IPPROTO_IPV6, IPV6_DONTFRAG),
	SET(IPPROTO_IPV6, IPV6_FREEBIND), SET(IPPROTO_IPV6, MCAST_JOIN_GROUP),
	SET(IPPROTO_IPV6, MCAST_LEAVE_GROUP),

	/* prctl: names, what may only be tightened, and questions. */
	PRCTL(PR_SET_PDEATHSIG), PRCTL(PR_GET_PDEATHSIG), PRCTL(PR_GET_DUMPABLE),
	PRCTL(PR_SET_DUMPABLE), PRCTL(PR_GET_KEEPCAPS), PRCTL(PR_GET_TIMING), PRCTL(PR_SET_NAME),
	PRCTL(PR_GET_NAME), PRCTL(PR_GET_SECCOMP), PRCTL(PR_CAPBSET_READ), PRCTL(PR_GET_TSC),
	PRCTL(PR_GET_SECUREBITS), PRCTL(PR_SET_TIMERSLACK), PRCTL(PR_GET_TIMERSLACK),
	PRCTL(PR_SET_CHILD_SUBREAPER), PRCTL(PR_GET_CHILD_SUBREAPER), PRCTL(PR_SET_NO_NEW_PRIVS),
	PRCTL(PR_GET_NO_NEW_PRIVS), PRCTL(PR_GET_TID_ADDRESS), PRCTL(PR_SET_THP_DISABLE),
	PRCTL(PR_GET_THP_DISABLE), PRCTL(PR_GET_SPECULATION_CTRL), PRCTL(PR_SET_MDWE_),
	PRCTL(PR_GET_MDWE_), PRCTL(PR_GET_MEMORY_MERGE_), PRCTL(PR_GET_AUXV_), PRCTL(PR_SET_VMA),
	ALLOW_IF2(prctl, INT(0, PR_CAP_AMBIENT), INT(1, PR_CAP_AMBIENT_IS_SET)),
	ALLOW_IF2(prctl, INT(0, PR_CAP_AMBIENT), INT(1, PR_CAP_AMBIENT_CLEAR_ALL)),
	QUIET_IF1(prctl, EINVAL, INT(0, PR_SET_PTRACER),
		  "crash handlers set it; nobody may trace inside, and hosts without Yama say so"),
	ARCH_PRCTL(ARCH_SET_FS), ARCH_PRCTL(ARCH_GET_FS), ARCH_PRCTL(ARCH_SET_GS),
	ARCH_PRCTL(ARCH_GET_GS), ARCH_PRCTL(ARCH_GET_CPUID), ARCH_PRCTL(ARCH_GET_XCOMP_SUPP),
	ARCH_PRCTL(ARCH_GET_XCOMP_PERM), ARCH_PRCTL(ARCH_REQ_XCOMP_PERM),
	ARCH_PRCTL(ARCH_SHSTK_ENABLE_), ARCH_PRCTL(ARCH_SHSTK_DISABLE_),
	ARCH_PRCTL(ARCH_SHSTK_LOCK_), ARCH_PRCTL(ARCH_SHSTK_STATUS_),
	ARCH_PRCTL(ARCH_CET_STATUS_OLD),
	QUIET_IF1(landlock_create_ruleset, ENOSYS, INT(2, 1),
		  "the question for the version (xz): the module is inside a ruleset already"),

	/* fcntl: not F_NOTIFY and F_SETLEASE, which watch files that are shared with the host. */
	FCNTL(F_DUPFD), FCNTL(F_GETFD), FCNTL(F_SETFD), FCNTL(F_GETFL), FCNTL(F_SETFL),
	FCNTL(F_GETLK), FCNTL(F_SETLK), FCNTL(F_SETLKW), FCNTL(F_SETOWN), FCNTL(F_GETOWN),
	FCNTL(F_SETSIG), FCNTL(F_GETSIG), FCNTL(F_SETOWN_EX), FCNTL(F_GETOWN_EX),
	FCNTL(F_OFD_GETLK), FCNTL(F_OFD_SETLK), FCNTL(F_OFD_SETLKW), FCNTL(F_GETLEASE),
	FCNTL(F_DUPFD_CLOEXEC), FCNTL(1027 /* F_DUPFD_QUERY, 6.10 */),
	FCNTL(1028 /* F_CREATED_QUERY, 6.12 */), FCNTL(F_SETPIPE_SZ), FCNTL(F_GETPIPE_SZ),
	FCNTL(F_ADD_SEALS), FCNTL(F_GET_SEALS), FCNTL(F_GET_RW_HINT), FCNTL(F_SET_RW_HINT),
	FCNTL(F_GET_FILE_RW_HINT), FCNTL(F_SET_FILE_RW_HINT),
	/* ioctl: terminals (a pty of its own at most), queues, interface questions, reflinks. Not
	 * TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, nor any driver's. */
	IOCTL(TCGETS), IOCTL(TCSETS), IOCTL(TCSETSW), IOCTL(TCSETSF), IOCTL(TCGETA), IOCTL(TCSETA),
	IOCTL(TCSETAW), IOCTL(TCSETAF), IOCTL(TCGETS2_), IOCTL(TCSETS2_), IOCTL(TCSETSW2_),
	IOCTL(TCSETSF2_), IOCTL(TCSBRK), IOCTL(TCSBRKP), IOCTL(TCXONC), IOCTL(TCFLSH),
	IOCTL(TIOCEXCL), IOCTL(TIOCNXCL), IOCTL(TIOCSCTTY), IOCTL(TIOCNOTTY), IOCTL(TIOCGPGRP),
	IOCTL(TIOCSPGRP), IOCTL(TIOCGSID), IOCTL(TIOCOUTQ), IOCTL(TIOCGWINSZ), IOCTL(TIOCSWINSZ),
	IOCTL(TIOCGPTN), IOCTL(TIOCSPTLCK), IOCTL(TIOCGPTPEER), IOCTL(TIOCPKT), IOCTL(FIONREAD),
	IOCTL(FIONBIO), IOCTL(FIOASYNC), IOCTL(FIOCLEX), IOCTL(FIONCLEX), IOCTL(FIOQSIZE),
	IOCTL(SIOCATMARK), IOCTL(SIOCGPGRP), IOCTL(SIOCSPGRP), IOCTL(FIOGETOWN), IOCTL(FIOSETOWN),
	IOCTL(SIOCGIFNAME), IOCTL(SIOCGIFCONF), IOCTL(SIOCGIFFLAGS), IOCTL(SIOCGIFADDR),
	IOCTL(SIOCGIFDSTADDR), IOCTL(SIOCGIFBRDADDR), IOCTL(SIOCGIFNETMASK), IOCTL(SIOCGIFMETRIC),
	IOCTL(SIOCGIFMTU), IOCTL(SIOCGIFHWADDR), IOCTL(SIOCGIFINDEX), IOCTL(SIOCGIFTXQLEN),
	IOCTL(SIOCGIFMAP), IOCTL(FICLONE), IOCTL(FICLONERANGE), IOCTL(FS_IOC_GETFLAGS),
	IOCTL(FS_IOC_FSGETXATTR), IOCTL(FS_IOC_FIEMAP), IOCTL(RNDGETENTCNT_),
	QUIET_IF1(ioctl, EOPNOTSUPP, INT(1, SIOCETHTOOL),
		  "psutil and the like ask for link speeds; the driver interface also sets"),
	QUIET_IF1(ioctl, ENOTTY, INT(1, F2FS_GET_FEATURES_), "some builds of sqlite ask each file"),

	/* Never, and told: as every call without a row; these stand here for their reasons.
	 * Debuggers, profilers, Kerberos libraries and crash handlers try them, so the module goes
	 * on. */
	REPORT(ptrace, "reads and steers other processes"),
	REPORT(process_vm_readv, "reads other processes"),
	REPORT(process_vm_writev, "writes other processes"),
	REPORT(pidfd_getfd, "takes other processes' files"), REPORT(bpf, "code in the kernel"),
	REPORT(perf_event_open, "watches the kernel and other processes"),
	REPORT(userfaultfd, "stops the kernel in the middle of a copy: half of every race exploit"),
	REPORT(keyctl, "the kernel's keyrings are shared with the host"),
	REPORT(add_key, "the kernel's keyrings are shared with the host"),
	REPORT(request_key, "starts a program of the host"),
	REPORT(open_by_handle_at, "opens files around every path rule (the shocker escape)"),
	REPORT(name_to_handle_at, "makes the handles for it"),

	/* Never, and the module ends: nothing but an attack calls these as an ordinary user. */
	KILL(kexec_load, "replaces the kernel"), KILL(kexec_file_load, "replaces the kernel"),
	KILL(init_module, "code in the kernel"), KILL(finit_module, "code in the kernel"),
	KILL(delete_module, "takes code out of the kernel"), KILL(reboot, "ends the host"),
	KILL(swapon, "the host's memory"), KILL(swapoff, "the host's memory")};

const struct ms_call_profile *ms_seccomp_module_profile(void)
{
	static const struct ms_call_profile profile = {
		.name = "module",
		.rules = module_rules,
		.n_rules = MS_ARRAY_LEN(module_rules),
	};

	return &profile;
}
