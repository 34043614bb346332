/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call-names.c - the names of flags and options that a report spells out, from the kernel's own
 * headers. Data only. Read by call-text.c.
 */
#include <asm/ioctls.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "supervisor/daemon/call-rows.h"

#define N(x)                                                                                       \
	{                                                                                          \
		(uint32_t)(x), #x                                                                  \
	}
#define NAMED(x, value)                                                                            \
	{                                                                                          \
		value, #x                                                                          \
	}

static const struct ms_value_name namespaces[] = {
	N(CLONE_NEWNS),	  N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC),
	N(CLONE_NEWUSER), N(CLONE_NEWPID),    N(CLONE_NEWNET), NAMED(CLONE_NEWTIME, 0x80),
	N(CLONE_FS),	  N(CLONE_FILES),     N(CLONE_SYSVSEM)};

static const struct ms_value_name clone_flags[] = {
	NAMED(SIGCHLD, 17),	 N(CLONE_NEWNS),	N(CLONE_NEWCGROUP), N(CLONE_NEWUTS),
	N(CLONE_NEWIPC),	 N(CLONE_NEWUSER),	N(CLONE_NEWPID),    N(CLONE_NEWNET),
	N(CLONE_PARENT),	 N(CLONE_VM),		N(CLONE_FS),	    N(CLONE_FILES),
	N(CLONE_SIGHAND),	 N(CLONE_PIDFD),	N(CLONE_PTRACE),    N(CLONE_VFORK),
	N(CLONE_THREAD),	 N(CLONE_SYSVSEM),	N(CLONE_SETTLS),    N(CLONE_PARENT_SETTID),
	N(CLONE_CHILD_CLEARTID), N(CLONE_CHILD_SETTID), N(CLONE_UNTRACED),  N(CLONE_IO)};

static const struct ms_value_name mount_flags[] = {
	N(MS_RDONLY),  N(MS_NOSUID),   N(MS_NODEV),   N(MS_NOEXEC),   N(MS_SYNCHRONOUS),
	N(MS_REMOUNT), N(MS_MANDLOCK), N(MS_DIRSYNC), N(MS_NOATIME),  N(MS_NODIRATIME),
	N(MS_BIND),    N(MS_MOVE),     N(MS_REC),     N(MS_SILENT),   N(MS_UNBINDABLE),
	N(MS_PRIVATE), N(MS_SLAVE),    N(MS_SHARED),  N(MS_RELATIME), N(MS_STRICTATIME)};

static const struct ms_value_name umount_flags[] = {N(MNT_FORCE), N(MNT_DETACH), N(MNT_EXPIRE),
						    N(UMOUNT_NOFOLLOW)};

static const struct ms_value_name families[] = {
	N(AF_UNSPEC),	 N(AF_UNIX),   N(AF_INET),  N(AF_AX25),	       N(AF_IPX),
	N(AF_APPLETALK), N(AF_X25),    N(AF_INET6), N(AF_DECnet),      N(AF_KEY),
	N(AF_NETLINK),	 N(AF_PACKET), N(AF_RDS),   N(AF_PPPOX),       N(AF_LLC),
	N(AF_IB),	 N(AF_MPLS),   N(AF_CAN),   N(AF_TIPC),	       N(AF_BLUETOOTH),
	N(AF_IUCV),	 N(AF_RXRPC),  N(AF_ISDN),  N(AF_PHONET),      N(AF_IEEE802154),
	N(AF_CAIF),	 N(AF_ALG),    N(AF_NFC),   N(AF_VSOCK),       N(AF_KCM),
	N(AF_QIPCRTR),	 N(AF_SMC),    N(AF_XDP),   NAMED(AF_MCTP, 45)};

static const struct ms_value_name socket_types[] = {
	N(SOCK_STREAM), N(SOCK_DGRAM),	N(SOCK_RAW),	  N(SOCK_RDM),	  N(SOCK_SEQPACKET),
	N(SOCK_DCCP),	N(SOCK_PACKET), N(SOCK_NONBLOCK), N(SOCK_CLOEXEC)};

static const struct ms_value_name ip_protocols[] = {
	N(IPPROTO_IP),	 N(IPPROTO_ICMP), N(IPPROTO_IGMP),    N(IPPROTO_TCP), N(IPPROTO_UDP),
	N(IPPROTO_IPV6), N(IPPROTO_GRE),  N(IPPROTO_ESP),     N(IPPROTO_AH),  N(IPPROTO_ICMPV6),
	N(IPPROTO_DCCP), N(IPPROTO_SCTP), N(IPPROTO_UDPLITE), N(IPPROTO_RAW), N(IPPROTO_MPTCP)};

static const struct ms_value_name netlink_protocols[] = {
	N(NETLINK_ROUTE),     N(NETLINK_USERSOCK),	N(NETLINK_SOCK_DIAG), N(NETLINK_NFLOG),
	N(NETLINK_XFRM),      N(NETLINK_SELINUX),	N(NETLINK_ISCSI),     N(NETLINK_AUDIT),
	N(NETLINK_CONNECTOR), N(NETLINK_NETFILTER),	N(NETLINK_GENERIC),   N(NETLINK_RDMA),
	N(NETLINK_CRYPTO),    N(NETLINK_KOBJECT_UEVENT)};

static const struct ms_value_name prctl_options[] = {N(PR_SET_UNALIGN),
						     N(PR_SET_KEEPCAPS),
						     N(PR_SET_FPEMU),
						     N(PR_SET_TIMING),
						     N(PR_SET_SECCOMP),
						     N(PR_CAPBSET_DROP),
						     N(PR_SET_TSC),
						     N(PR_SET_SECUREBITS),
						     N(PR_TASK_PERF_EVENTS_DISABLE),
						     N(PR_TASK_PERF_EVENTS_ENABLE),
						     N(PR_MCE_KILL),
						     N(PR_MCE_KILL_GET),
						     N(PR_SET_MM),
						     N(PR_CAP_AMBIENT),
						     N(PR_SET_SPECULATION_CTRL),
						     N(PR_SET_IO_FLUSHER),
						     N(PR_GET_IO_FLUSHER),
						     N(PR_SET_SYSCALL_USER_DISPATCH),
						     N(PR_SCHED_CORE),
						     NAMED(PR_SET_MEMORY_MERGE, 67)};

static const struct ms_value_name ptrace_requests[] = {
	N(PTRACE_TRACEME),     N(PTRACE_PEEKTEXT),   N(PTRACE_PEEKDATA),
	N(PTRACE_PEEKUSER),    N(PTRACE_POKETEXT),   N(PTRACE_POKEDATA),
	N(PTRACE_POKEUSER),    N(PTRACE_CONT),	     N(PTRACE_KILL),
	N(PTRACE_SINGLESTEP),  N(PTRACE_GETREGS),    N(PTRACE_SETREGS),
	N(PTRACE_GETFPREGS),   N(PTRACE_SETFPREGS),  N(PTRACE_ATTACH),
	N(PTRACE_DETACH),      N(PTRACE_SYSCALL),    N(PTRACE_SETOPTIONS),
	N(PTRACE_GETEVENTMSG), N(PTRACE_GETSIGINFO), N(PTRACE_SETSIGINFO),
	N(PTRACE_GETREGSET),   N(PTRACE_SETREGSET),  N(PTRACE_SEIZE),
	N(PTRACE_INTERRUPT),   N(PTRACE_LISTEN),     N(PTRACE_SECCOMP_GET_FILTER)};

static const struct ms_value_name bpf_commands[] = {N(BPF_MAP_CREATE),
						    N(BPF_MAP_LOOKUP_ELEM),
						    N(BPF_MAP_UPDATE_ELEM),
						    N(BPF_MAP_DELETE_ELEM),
						    N(BPF_MAP_GET_NEXT_KEY),
						    N(BPF_PROG_LOAD),
						    N(BPF_OBJ_PIN),
						    N(BPF_OBJ_GET),
						    N(BPF_PROG_ATTACH),
						    N(BPF_PROG_DETACH),
						    N(BPF_PROG_TEST_RUN),
						    N(BPF_PROG_GET_NEXT_ID),
						    N(BPF_MAP_GET_NEXT_ID),
						    N(BPF_PROG_GET_FD_BY_ID),
						    N(BPF_MAP_GET_FD_BY_ID),
						    N(BPF_PROG_QUERY),
						    N(BPF_RAW_TRACEPOINT_OPEN),
						    N(BPF_OBJ_GET_INFO_BY_FD),
						    N(BPF_BTF_LOAD),
						    N(BPF_BTF_GET_FD_BY_ID),
						    N(BPF_TASK_FD_QUERY),
						    N(BPF_LINK_CREATE),
						    N(BPF_LINK_UPDATE),
						    N(BPF_ITER_CREATE)};

static const struct ms_value_name keyctl_operations[] = {N(KEYCTL_GET_KEYRING_ID),
							 N(KEYCTL_JOIN_SESSION_KEYRING),
							 N(KEYCTL_UPDATE),
							 N(KEYCTL_REVOKE),
							 N(KEYCTL_CHOWN),
							 N(KEYCTL_SETPERM),
							 N(KEYCTL_DESCRIBE),
							 N(KEYCTL_CLEAR),
							 N(KEYCTL_LINK),
							 N(KEYCTL_UNLINK),
							 N(KEYCTL_SEARCH),
							 N(KEYCTL_READ),
							 N(KEYCTL_INSTANTIATE),
							 N(KEYCTL_NEGATE),
							 N(KEYCTL_SET_TIMEOUT),
							 N(KEYCTL_GET_SECURITY),
							 N(KEYCTL_SESSION_TO_PARENT),
							 N(KEYCTL_INVALIDATE),
							 N(KEYCTL_GET_PERSISTENT),
							 N(KEYCTL_RESTRICT_KEYRING)};

static const struct ms_value_name ioctl_requests[] = {N(TIOCSTI),
						      N(TIOCLINUX),
						      N(TIOCSETD),
						      N(TIOCCONS),
						      N(TIOCVHANGUP),
						      N(TIOCSSERIAL),
						      N(TIOCMSET),
						      N(SIOCSIFFLAGS),
						      N(SIOCSIFADDR),
						      N(SIOCSIFNETMASK),
						      N(SIOCSIFMTU),
						      N(SIOCSIFHWADDR),
						      N(SIOCSIFNAME),
						      N(SIOCADDRT),
						      N(SIOCDELRT),
						      N(SIOCBRADDBR),
						      NAMED(TUNSETIFF, 0x400454ca),
						      NAMED(FS_IOC_SETFLAGS, 0x40086602),
						      NAMED(FIFREEZE, 0xc0045877),
						      NAMED(FITRIM, 0xc0185879),
						      NAMED(KDSETMODE, 0x4b3a),
						      NAMED(VT_ACTIVATE, 0x5606),
						      NAMED(NS_GET_USERNS, 0xb701),
						      NAMED(NS_GET_PARENT, 0xb702)};

static const struct ms_value_name levels[] = {
	N(SOL_SOCKET),	     N(IPPROTO_IP),	 N(IPPROTO_TCP),	 N(IPPROTO_UDP),
	N(IPPROTO_IPV6),     N(IPPROTO_RAW),	 NAMED(SOL_PACKET, 263), NAMED(SOL_NETLINK, 270),
	NAMED(SOL_ALG, 279), NAMED(SOL_TLS, 282)};

static const struct ms_value_name socket_options[] = {N(SO_DEBUG),
						      N(SO_SNDBUFFORCE),
						      N(SO_RCVBUFFORCE),
						      N(SO_NO_CHECK),
						      N(SO_BINDTODEVICE),
						      N(SO_ATTACH_FILTER),
						      N(SO_DETACH_FILTER),
						      N(SO_PASSSEC),
						      N(SO_MARK),
						      N(SO_PEEK_OFF),
						      N(SO_LOCK_FILTER),
						      N(SO_BUSY_POLL),
						      N(SO_MAX_PACING_RATE),
						      N(SO_ATTACH_BPF),
						      N(SO_ATTACH_REUSEPORT_CBPF),
						      N(SO_ATTACH_REUSEPORT_EBPF),
						      N(SO_TXTIME),
						      N(SO_BINDTOIFINDEX)};

static const struct ms_value_name limits[] = {
	N(RLIMIT_CPU),	    N(RLIMIT_FSIZE), N(RLIMIT_DATA),   N(RLIMIT_STACK),
	N(RLIMIT_CORE),	    N(RLIMIT_RSS),   N(RLIMIT_NPROC),  N(RLIMIT_NOFILE),
	N(RLIMIT_MEMLOCK),  N(RLIMIT_AS),    N(RLIMIT_LOCKS),  N(RLIMIT_SIGPENDING),
	N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE),  N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME)};

static const struct ms_value_name seccomp_operations[] = {
	N(SECCOMP_SET_MODE_STRICT), N(SECCOMP_SET_MODE_FILTER), N(SECCOMP_GET_ACTION_AVAIL),
	N(SECCOMP_GET_NOTIF_SIZES)};

static const struct ms_value_name policies[] = {
	N(SCHED_NORMAL), N(SCHED_FIFO),	    N(SCHED_RR),	   N(SCHED_BATCH),
	N(SCHED_IDLE),	 N(SCHED_DEADLINE), N(SCHED_RESET_ON_FORK)};

#define TABLE(c, is_flags, base_mask, table)                                                       \
	{                                                                                          \
		.letter = (c), .flags = (is_flags), .base = (base_mask), .names = (table),         \
		.n_names = MS_ARRAY_LEN(table)                                                     \
	}

static const struct ms_value_table tables[] = {
	TABLE('F', true, 0, namespaces),	  TABLE('G', true, 0xff, clone_flags),
	TABLE('M', true, 0, mount_flags),	  TABLE('U', true, 0, umount_flags),
	TABLE('A', false, 0, families),		  TABLE('T', true, 0xf, socket_types),
	TABLE('P', false, 0, ip_protocols),	  TABLE('N', false, 0, netlink_protocols),
	TABLE('C', false, 0, prctl_options),	  TABLE('R', false, 0, ptrace_requests),
	TABLE('B', false, 0, bpf_commands),	  TABLE('K', false, 0, keyctl_operations),
	TABLE('I', false, 0, ioctl_requests),	  TABLE('L', false, 0, levels),
	TABLE('O', false, 0, socket_options),	  TABLE('Q', false, 0, limits),
	TABLE('S', false, 0, seccomp_operations), TABLE('W', true, 0xf, policies),
};

const struct ms_value_table *ms_value_table_find(char letter)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(tables); i++) {
		if (tables[i].letter == letter)
			return &tables[i];
	}
	return NULL;
}
