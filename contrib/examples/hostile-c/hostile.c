/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile.c - a native module that nobody should have to trust: it tries what the author of a
 * malicious one would, prints "tried: ACT -> refused (EPERM)" for each and exits 0 only when
 * nothing was granted. It must never act outside a sandbox (some acts would hurt a host), so
 * main() checks three things that only a module sees before it begins.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define X32_BIT	       0x40000000L
#define INITIAL_PID_NS "pid:[4026531836]" /* the kernel's fixed number of a host's own */
#define FORKS	       64		  /* four times what the manifest allows, then stop */

/* An act returns 0 when it was granted and a negative errno when it was refused. */
typedef int (*act_fn)(void);

static int granted_or_errno(long result)
{
	return result < 0 ? -errno : 0;
}

static int open_and_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

/* Opening for writing may be granted where the write itself is not: both count. */
static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = granted_or_errno(write(fd, text, strlen(text)));
	(void)close(fd);
	return r;
}

static int read_shadow(void)
{
	return open_and_close("/etc/shadow", O_RDONLY);
}

static int read_ssh_key(void)
{
	return open_and_close("/root/.ssh/id_ed25519", O_RDONLY);
}

static int read_env_of_init(void)
{
	char byte;
	int fd = open("/proc/1/environ", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, &byte, 1);
	(void)close(fd);
	return n > 0 ? 0 : n < 0 ? -errno : -ENODATA;
}

static int list_root_of_init(void)
{
	return open_and_close("/proc/1/root/etc", O_RDONLY | O_DIRECTORY);
}

static int write_bundle(void)
{
	return open_and_close("/module/planted", O_WRONLY | O_CREAT);
}

static int write_base(void)
{
	return open_and_close("/usr/bin/planted", O_WRONLY | O_CREAT);
}

static int open_memory(void)
{
	return open_and_close("/dev/mem", O_RDWR);
}

static int set_core_pattern(void)
{
	return write_to("/proc/sys/kernel/core_pattern", "|/module/hostile %p");
}

static int press_sysrq(void)
{
	return write_to("/proc/sysrq-trigger", "h");
}

static int set_release_agent(void)
{
	return write_to("/sys/fs/cgroup/release_agent", "/module/hostile");
}

static int trace_init(void)
{
	return granted_or_errno(ptrace(PTRACE_ATTACH, 1, NULL, NULL));
}

static int read_init(void)
{
	char here[8];
	struct iovec local = {here, sizeof(here)};
	struct iovec remote = {(void *)0x400000, sizeof(here)};

	return granted_or_errno(process_vm_readv(1, &local, 1, &remote, 1, 0));
}

static int kill_init(void)
{
	return granted_or_errno(kill(1, SIGKILL));
}

static int kill_everybody(void)
{
	return granted_or_errno(kill(-1, SIGKILL));
}

static int become_root(void)
{
	return granted_or_errno(setuid(0));
}

static int mount_tmpfs(void)
{
	return granted_or_errno(mount("none", "/tmp", "tmpfs", 0, ""));
}

static int change_root(void)
{
	return granted_or_errno(chroot("/tmp"));
}

static int make_disk_node(void)
{
	return granted_or_errno(mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
}

static int new_user_namespace(void)
{
	return granted_or_errno(unshare(CLONE_NEWUSER));
}

static int clone_user_namespace(void)
{
	long pid = syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0L, 0L, 0L, 0L);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
	return granted_or_errno(pid);
}

static int join_namespace_of_init(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = granted_or_errno(setns(fd, CLONE_NEWNS));
	(void)close(fd);
	return r;
}

static int load_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return granted_or_errno(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int start_io_uring(void)
{
	char params[120] = {0};

	return granted_or_errno(syscall(SYS_io_uring_setup, 1, params));
}

static int watch_performance(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};

	return granted_or_errno(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int handle_page_faults(void)
{
	return granted_or_errno(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int plant_key(void)
{
	return granted_or_errno(
		syscall(SYS_add_key, "user", "planted", "x", 1, KEY_SPEC_USER_KEYRING));
}

/* EFAULT and the like would mean that the kernel listened. */
static int load_kernel_module(void)
{
	int r = granted_or_errno(syscall(SYS_init_module, NULL, 0, ""));

	return r == -EPERM || r == -ENOSYS ? r : 0;
}

static int load_kernel(void)
{
	return granted_or_errno(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int stop_swapping(void)
{
	return granted_or_errno(swapoff("/nonexistent"));
}

static int open_by_handle(void)
{
	struct {
		struct file_handle head;
		unsigned char inode[8];
	} root = {.head = {.handle_bytes = 8, .handle_type = 1}, .inode = {2}};

	return granted_or_errno(open_by_handle_at(AT_FDCWD, &root.head, O_RDONLY));
}

static int own_filter(void)
{
	/* SECCOMP_SET_MODE_FILTER without a program: EFAULT would mean that it was listened to. */
	int r = granted_or_errno(syscall(SYS_seccomp, 1, 0, NULL));

	return r == -EFAULT ? 0 : r;
}

static int open_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

static int raw_socket(void)
{
	return open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int packet_socket(void)
{
	return open_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

static int netlink_socket(void)
{
	return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

/* Never waits longer than two seconds: a firewall that swallows packets refuses too. */
static int dial(const char *address, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct pollfd wait = {.events = POLLOUT};
	int code = 0;
	socklen_t len = sizeof(code);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return -EINVAL;
	wait.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (wait.fd < 0)
		return -errno;
	if (connect(wait.fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		code = errno;
		if (code == EINPROGRESS) {
			code = ETIMEDOUT;
			if (poll(&wait, 1, 2000) > 0)
				(void)getsockopt(wait.fd, SOL_SOCKET, SO_ERROR, &code, &len);
		}
	}
	(void)close(wait.fd);
	return -code;
}

static int dial_internet(void)
{
	return dial("1.1.1.1", 443);
}

static int dial_metadata(void)
{
	return dial("169.254.169.254", 80);
}

static int call_x32(void)
{
	return granted_or_errno(syscall(X32_BIT | SYS_getpid));
}

/* getpid() by the 32-bit gate: another table of calls, which a careless filter forgets. */
static int call_i386(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result < 0 ? (int)result : 0;
}

static int allow_core_dumps(void)
{
	struct rlimit limit = {0, 0};

	return granted_or_errno(setrlimit(RLIMIT_CORE, &limit));
}

static int copy_self(const char *to)
{
	char buf[4096];
	ssize_t n = -1;
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (in >= 0 && out >= 0)
		while ((n = read(in, buf, sizeof(buf))) > 0)
			if (write(out, buf, (size_t)n) != n) {
				n = -1;
				break;
			}
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return n == 0 ? 0 : -EIO;
}

/* Returns only when exec was refused; the copy itself exits with 0 at once (see main). */
static int run_from_tmp(void)
{
	char *argv[] = {(char *)"copy", (char *)"--copied", NULL};
	int status = 0;
	pid_t pid;

	if (copy_self("/tmp/copy") < 0)
		return -EIO;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		(void)execv("/tmp/copy", argv);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* Bounded: the children only wait, and are ended again whatever happened. */
static int fork_bomb(void)
{
	pid_t pids[FORKS];
	int n, code = 0;

	for (n = 0; n < FORKS && code == 0; n++) {
		pids[n] = fork();
		if (pids[n] == 0) {
			(void)pause();
			_exit(0);
		}
		if (pids[n] < 0)
			code = errno;
	}
	for (int i = 0; i < n; i++)
		if (pids[i] > 0) {
			(void)kill(pids[i], SIGKILL);
			(void)waitpid(pids[i], NULL, 0);
		}
	return -code;
}

struct act {
	const char *what;
	act_fn run;
};

/* clang-format off: one line for each act. */
static const struct act acts[] = {
	{"read /etc/shadow", read_shadow},
	{"read root's ssh key", read_ssh_key},
	{"read the environment of process 1", read_env_of_init},
	{"look into the root of process 1", list_root_of_init},
	{"write into the bundle", write_bundle},
	{"write into /usr/bin", write_base},
	{"open physical memory", open_memory},
	{"set the core pattern", set_core_pattern},
	{"press a sysrq key", press_sysrq},
	{"set a cgroup release agent", set_release_agent},
	{"trace process 1", trace_init},
	{"read the memory of process 1", read_init},
	{"kill process 1", kill_init},
	{"kill every process", kill_everybody},
	{"become root", become_root},
	{"mount a file system", mount_tmpfs},
	{"change the root directory", change_root},
	{"make a disk node", make_disk_node},
	{"unshare a user namespace", new_user_namespace},
	{"clone into a user namespace", clone_user_namespace},
	{"join the namespaces of process 1", join_namespace_of_init},
	{"make a bpf map", load_bpf},
	{"start io_uring", start_io_uring},
	{"watch with perf", watch_performance},
	{"handle page faults", handle_page_faults},
	{"plant a key in the keyring", plant_key},
	{"open a file by its handle", open_by_handle},
	{"install a system call filter", own_filter},
	{"open a raw socket", raw_socket},
	{"open a packet socket", packet_socket},
	{"open a netlink socket", netlink_socket},
	{"connect to 1.1.1.1:443", dial_internet},
	{"connect to the cloud's metadata", dial_metadata},
	{"call by the x32 table", call_x32},
	{"call by the i386 gate", call_i386},
	{"change the core dump limit", allow_core_dumps},
	{"run a program from /tmp", run_from_tmp},
	{"fork without end", fork_bomb},
};

/* The supervisor ends a module that tries one of these, so each needs a run of its own. */
static const struct act deadly[] = {
	{"load-module", load_kernel_module},
	{"kexec", load_kernel},
	{"swap", stop_swapping},
};
/* clang-format on */

/* Kill-everybody and the like must never run on a host: demand what only a module sees. */
static bool inside_a_sandbox(void)
{
	char ns[64] = "";
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	return n > 0 && strcmp(ns, INITIAL_PID_NS) != 0 && getuid() != 0 &&
	       getenv("MODSUP_INSTANCE") != NULL && access("/run/modsup/self.json", F_OK) == 0;
}

/* 1 when it was refused. */
static int try(const struct act *act)
{
	int r = act->run();

	if (r < 0)
		printf("tried: %s -> refused (%s)\n", act->what, strerrorname_np(-r));
	else
		printf("tried: %s -> GRANTED\n", act->what);
	return r < 0;
}

static int try_deadly(const char *name)
{
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (strcmp(deadly[i].what, name) == 0) {
			printf("trying: %s\n", name);
			return try(&deadly[i]) ? 0 : 1;
		}
	fprintf(stderr, "hostile-c: no deadly act '%s'; there are:", name);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		fprintf(stderr, " %s", deadly[i].what);
	fprintf(stderr, "\n");
	return 2;
}

int main(int argc, char **argv)
{
	int n = sizeof(acts) / sizeof(acts[0]), refused = 0;

	if (argc == 2 && strcmp(argv[1], "--copied") == 0)
		return 0;
	if (!inside_a_sandbox()) {
		fprintf(stderr, "hostile-c: this is not a modsup sandbox; run it with "
				"'modsupctl run' only\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "--deadly") == 0)
		return try_deadly(argv[2]);
	for (int i = 0; i < n; i++)
		refused += try(&acts[i]);
	printf("%d acts tried, %d refused, %d granted\n", n, refused, n - refused);
	return refused == n ? 0 : 1;
}
