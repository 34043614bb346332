/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-exec-memory.c - run a program that is not part of the bundle: from the writable places,
 * and from memory that has no name. The copies are of this very program, which ends at once when it
 * is started as "copy".
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/attack.h"

extern char **environ;
static char *copy_argv[] = {(char *)"copy", NULL};

static int copy_to(int out)
{
	char buf[8192];
	ssize_t n = -1;
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (in < 0)
		return -1;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n) {
			n = -1;
			break;
		}
	(void)close(in);
	return n == 0 ? 0 : -1;
}

static const char *copied(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (fd < 0)
		return NULL;
	if (copy_to(fd) < 0)
		path = NULL;
	(void)close(fd);
	return path;
}

static const char *target;
static int target_fd;

static int exec_target(void)
{
	(void)execve(target, copy_argv, environ);
	return -errno;
}

/* 0, granted, when the copy could not even be made: nothing was tried. */
static int run_from(const char *path)
{
	target = copied(path);
	return target ? ms_attack_in_child(exec_target) : 0;
}

static int from_tmp(void)
{
	return run_from("/tmp/copy");
}

static int from_shm(void)
{
	return run_from("/dev/shm/copy");
}

static int by_loader(void)
{
	static char *argv[] = {(char *)"ld", (char *)"/tmp/copy", (char *)"copy", NULL};
	int status = 0;
	pid_t pid;

	if (!copied("/tmp/copy"))
		return 0;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, 2);
		(void)execve("/lib64/ld-linux-x86-64.so.2", argv, environ);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

static int map_executable(void)
{
	int fd = copied("/tmp/copy") ? open("/tmp/copy", O_RDONLY | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return 0;
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	return p == MAP_FAILED ? -errno : 0;
}

static int make_executable_later(void)
{
	int fd = copied("/tmp/copy") ? open("/tmp/copy", O_RDONLY | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return 0;
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	return p == MAP_FAILED ? -errno
			       : ms_attack_result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

/* A refusal to make an executable one is a refusal too (vm.memfd_noexec = 2, from Linux 6.3). */
static int memory_file(void)
{
	int fd = memfd_create("copy", MFD_CLOEXEC | 0x10u /* MFD_EXEC */);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("copy", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (copy_to(fd) < 0)
		_exit(3); /* nothing can be tried: results that are missing fail the test */
	return fd;
}

static int exec_memory_fd(void)
{
	(void)syscall(SYS_execveat, target_fd, "", copy_argv, environ, AT_EMPTY_PATH);
	return -errno;
}

static int from_memory(void)
{
	int r;

	target_fd = memory_file();
	if (target_fd < 0)
		return target_fd;
	r = ms_attack_in_child(exec_memory_fd);
	(void)close(target_fd);
	return r;
}

/* A real program, but named by nothing: the filter sees the flag, not what is behind the number. */
static int by_empty_path(void)
{
	int r;

	target_fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	if (target_fd < 0)
		return 0;
	r = ms_attack_in_child(exec_memory_fd);
	(void)close(target_fd);
	return r;
}

static int from_memory_by_name(void)
{
	static char path[64];
	int fd = memory_file(), r;

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	target = path;
	r = ms_attack_in_child(exec_target);
	(void)close(fd);
	return r;
}

static int setuid_copy(void)
{
	struct stat st;

	if (!copied("/tmp/copy") || chmod("/tmp/copy", 04755) < 0)
		return -errno;
	/* the bit may be there; a mount with nosuid makes nothing of it, and exec is refused anyway
	 */
	return stat("/tmp/copy", &st) < 0 ? -errno : run_from("/tmp/copy");
}

static const struct ms_attack acts[] = {
	{"from-tmp", from_tmp},
	{"from-shm", from_shm},
	{"by-loader", by_loader},
	{"map-executable", map_executable},
	{"make-executable-later", make_executable_later},
	{"by-empty-path", by_empty_path},
	{"from-memory", from_memory},
	{"from-memory-by-name", from_memory_by_name},
	{"setuid-copy", setuid_copy},
};

int main(int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "copy") == 0)
		return 0;
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
