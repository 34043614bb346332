/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostfacts.c - what the host's folders look like and what its kernel can. Kernel abilities are
 * tried, not guessed from a version.
 */
#include "supervisor/daemon/hostfacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/sys.h"
#include "supervisor/daemon/layer/seccomp.h"

#define HOST_BYTES (256u * 1024u)

static int add(struct ms_host *host, struct ms_host_list *list, const char *name,
	       enum ms_host_kind kind, const char *target)
{
	struct ms_host_entry *e;

	if (list->n == MS_HOST_MAX_ENTRIES)
		return -E2BIG;
	e = &list->entries[list->n++];
	e->name = ms_arena_str(&host->arena, name, strlen(name));
	e->kind = kind;
	e->target = ms_arena_str(&host->arena, target, strlen(target));
	return host->arena.error;
}

/* @dir/@name as it is, links unresolved; not there is fine. */
static int add_named(struct ms_host *host, struct ms_host_list *list, const char *dir,
		     const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name); /* literals */
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return add(host, list, name, MS_HOST_DIR, "");
	if (S_ISREG(st.st_mode))
		return add(host, list, name, MS_HOST_FILE, "");
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return add(host, list, name, MS_HOST_LINK, target);
}

static int read_folders(struct ms_host *host)
{
	static const char *const top[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
	/* without /usr/local (an administrator's own programs), /usr/src, /usr/include, /usr/games
	 */
	static const char *const usr[] = {"bin",   "sbin",   "lib",	"lib32",
					  "lib64", "libx32", "libexec", "share"};
	static const char *const etc[] = {"alternatives", "ld.so.cache", "mime.types",
					  "protocols",	  "services",	 "ssl/certs"};
	int r = 0;

	for (size_t i = 0; i < MS_ARRAY_LEN(top) && r == 0; i++)
		r = add_named(host, &host->top, "", top[i]);
	for (size_t i = 0; i < MS_ARRAY_LEN(usr) && r == 0; i++)
		r = add_named(host, &host->usr, "/usr", usr[i]);
	for (size_t i = 0; i < MS_ARRAY_LEN(etc) && r == 0; i++)
		r = add_named(host, &host->etc, "/etc", etc[i]);
	return r;
}

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

static int read_proc(struct ms_host *host)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (e->d_name[0] == '.' || is_number(e->d_name))
			continue;
		r = add(host, &host->proc, e->d_name,
			e->d_type == DT_DIR   ? MS_HOST_DIR
			: e->d_type == DT_LNK ? MS_HOST_LINK
					      : MS_HOST_FILE,
			"");
	}
	(void)closedir(dir); /* only read */
	return r;
}

static void read_localtime(struct ms_host *host)
{
	static const char zones[] = "/usr/share/zoneinfo/";
	char target[PATH_MAX];
	ssize_t n = readlink("/etc/localtime", target, sizeof(target) - 1);

	host->localtime = (struct ms_str){.p = "", .len = 0};
	if (n <= 0)
		return;
	target[n] = '\0';
	if (strncmp(target, zones, sizeof(zones) - 1) == 0 && !strstr(target, ".."))
		host->localtime = ms_arena_str(&host->arena, target, (size_t)n);
}

static uint32_t landlock_abi(void)
{
	const unsigned version = 1; /* LANDLOCK_CREATE_RULESET_VERSION */
	int r = ms_sys_landlock_create_ruleset(NULL, 0, version);

	return r > 0 ? (uint32_t)r : 0;
}

int ms_hostfacts_read(struct ms_host **ret, struct ms_error *err)
{
	struct ms_host *host = calloc(1, sizeof(*host));
	struct ms_seccomp_facts seccomp = {0};
	cpu_set_t cpus;
	int r;

	if (!host)
		return ms_error_set(err, ENOMEM, "host facts");
	host->arena = MS_ARENA_INIT(HOST_BYTES);
	r = read_folders(host);
	if (r == 0)
		r = read_proc(host);
	if (r < 0) {
		(void)ms_hostfacts_free(host); /* always NULL */
		return ms_error_set(err, -r, "read the host's folders");
	}
	read_localtime(host);
	host->landlock_abi = landlock_abi();
	host->ca_bundle = access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0;
	/* per pid namespace where the file is there at all (6.3) */
	host->memfd_noexec = access("/proc/sys/vm/memfd_noexec", F_OK) == 0;
	host->protect_shim = prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1;
	if (ms_seccomp_probe(&seccomp) == 0)
		host->wait_killable = seccomp.wait_killable;
	host->n_cpus =
		sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (uint32_t)CPU_COUNT(&cpus) : 1;
	*ret = host;
	return 0;
}

struct ms_host *ms_hostfacts_free(struct ms_host *host)
{
	if (host) {
		ms_arena_done(&host->arena);
		free(host);
	}
	return NULL;
}
