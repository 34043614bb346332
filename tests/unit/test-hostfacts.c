/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-hostfacts.c - what is read of this host is what is there, asked in another way.
 */
#include "supervisor/daemon/hostfacts.h"

#include <sched.h>
#include <sys/stat.h>

#include "tests/unit/test.h"

static void host_done(struct ms_host **host)
{
	*host = ms_hostfacts_free(*host);
}
#define HOST __attribute__((cleanup(host_done))) struct ms_host *

static struct ms_host *read_host(void)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_host *host = NULL;

	if (ms_hostfacts_read(&host, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return host;
}

static const struct ms_host_entry *find(const struct ms_host_list *list, const char *name)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (strcmp(list->entries[i].name.p, name) == 0)
			return &list->entries[i];
	}
	return NULL;
}

/* Each entry is there, of its kind, once. */
static void check_list(const struct ms_host_list *list, const char *folder)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const struct ms_host_entry *e = &list->entries[i];
		char path[512], target[512] = "";
		struct stat st;

		CHECK_EQ(e->name.len, strlen(e->name.p));
		(void)snprintf(path, sizeof(path), "%s/%s", folder, e->name.p);
		CHECK(find(list, e->name.p) == e);
		if (lstat(path, &st) < 0) {
			CHECK(strcmp(folder, "/proc") == 0); /* its files come and go */
			continue;
		}
		if (S_ISLNK(st.st_mode)) {
			CHECK_EQ(e->kind, MS_HOST_LINK);
			CHECK(readlink(path, target, sizeof(target) - 1) > 0);
			if (strcmp(folder, "/proc") != 0)
				CHECK_STR(e->target.p, target);
		} else {
			CHECK_EQ(e->kind, S_ISDIR(st.st_mode) ? MS_HOST_DIR : MS_HOST_FILE);
			CHECK_STR(e->target.p, "");
		}
	}
}

TEST(folders)
{
	HOST host = read_host();

	REQUIRE(host);
	check_list(&host->top, "");
	check_list(&host->usr, "/usr");
	check_list(&host->etc, "/etc");
	check_list(&host->proc, "/proc");
	CHECK(find(&host->usr, "bin") && find(&host->usr, "lib"));
	CHECK(find(&host->top, "bin") && find(&host->top, "lib"));
	/* what may say something of this host, or is somebody's own, is never taken */
	CHECK(!find(&host->usr, "local") && !find(&host->usr, "src"));
	CHECK(!find(&host->etc, "passwd") && !find(&host->etc, "hostname"));
	CHECK(!find(&host->top, "home") && !find(&host->top, "root"));
}

TEST(names_of_proc)
{
	HOST host = read_host();

	REQUIRE(host);
	CHECK(find(&host->proc, "kcore") || access("/proc/kcore", F_OK) < 0);
	CHECK(find(&host->proc, "sys") && find(&host->proc, "sys")->kind == MS_HOST_DIR);
	CHECK(find(&host->proc, "self") && find(&host->proc, "self")->kind == MS_HOST_LINK);
	for (uint32_t i = 0; i < host->proc.n; i++) {
		const char *name = host->proc.entries[i].name.p;

		CHECK(name[strspn(name, "0123456789")] != '\0'); /* no process */
		CHECK(name[0] != '.');
	}
	CHECK(host->proc.n > 10 && host->proc.n < MS_HOST_MAX_ENTRIES);
}

TEST(the_kernel)
{
	HOST host = read_host();
	cpu_set_t cpus;

	REQUIRE(host);
	REQUIRE(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	CHECK_EQ(host->n_cpus, CPU_COUNT(&cpus));
	CHECK_EQ(host->memfd_noexec, access("/proc/sys/vm/memfd_noexec", F_OK) == 0);
	CHECK_EQ(host->ca_bundle, access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0);
	CHECK(host->landlock_abi < 100);
	CHECK(!host->localtime.len || strncmp(host->localtime.p, "/usr/share/zoneinfo/", 20) == 0);
}

/* Nothing is kept between two readings, and none is needed. */
TEST(twice)
{
	HOST one = read_host();
	HOST two = read_host();

	REQUIRE(one && two);
	CHECK_EQ(one->usr.n, two->usr.n);
	CHECK_EQ(one->landlock_abi, two->landlock_abi);
	CHECK(ms_hostfacts_free(NULL) == NULL);
}
