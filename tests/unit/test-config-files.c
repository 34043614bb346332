/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-config-files.c - which files configure, in which order, and whose they must be. What stands
 * in them is test-config.c's.
 */
#include "supervisor/daemon/config-files.h"

#include <limits.h>

#include "modsup/limits.h"
#include "policy/config-peers.h"
#include "tests/unit/scratch.h"

#define DROP_INS "modsupd.json.d"

static unsigned instances; /* of the last configuration that was loaded */

/* @explicit_name: a file below the folder, NULL = found by itself. What it says goes to a file. */
static int load(const struct scratch *s, const char *explicit_name, struct ms_error *err)
{
	ms_auto(config) struct ms_config *config = NULL;
	int saved = fcntl(2, F_DUPFD_CLOEXEC, 3), r;
	ms_auto_fd int said = openat(s->fd, "said", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	*err = MS_ERROR_INIT;
	if (saved < 0 || said < 0 || dup2(said, 2) < 0)
		abort();
	r = ms_config_files_load(explicit_name ? scratch_path(s, explicit_name) : NULL, s->path,
				 &config, err);
	if (dup2(saved, 2) < 0)
		abort();
	(void)close(saved); /* in its place again */
	CHECK_EQ(r == 0, config != NULL);
	instances = config ? config->max_instances : 0;
	return r;
}

static void check_refused(const struct scratch *s, const char *name, int code, const char *what)
{
	struct ms_error err;

	CHECK_EQ(load(s, name, &err), code);
	if (!strstr(err.msg, what))
		CHECK_STR(err.msg, what);
}

static unsigned default_instances(void)
{
	ms_auto(config) struct ms_config *config = ms_config_new();

	return config ? config->max_instances : 0;
}

TEST(no_file_at_all)
{
	SCRATCH(s);
	struct ms_error err;

	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_EQ(instances, default_instances());
	scratch_mkdir(&s, DROP_INS, 0755);
	CHECK_EQ(load(&s, NULL, &err), 0);
	check_refused(&s, "missing.json", -ENOENT, "missing.json");
}

TEST(the_order_of_drop_ins)
{
	SCRATCH(s);
	struct ms_error err;

	scratch_write(&s, "modsupd.json", "{\"maxInstances\": 11}", 0644);
	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_EQ(instances, 11);
	scratch_mkdir(&s, DROP_INS, 0755);
	scratch_write(&s, DROP_INS "/50-b.json", "{\"maxInstances\": 50}", 0644);
	scratch_write(&s, DROP_INS "/10-a.json", "{\"maxInstances\": 10}", 0644);
	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_EQ(instances, 50);
	scratch_write(&s, DROP_INS "/90-c.json", "{\"defaultTier\": \"verified\"}", 0600);
	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_EQ(instances, 50); /* a key that a later file does not name stays */
	scratch_write(&s, DROP_INS "/9.json", "{\"maxInstances\": 9}", 0600);
	scratch_write(&s, DROP_INS "/A.json", "{\"maxInstances\": 65}", 0600);
	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_EQ(instances, 65); /* by bytes, as LC_ALL=C sorts */
	/* a file named by hand stands alone */
	scratch_write(&s, "other.json", "{}", 0600);
	CHECK_EQ(load(&s, "other.json", &err), 0);
	CHECK_EQ(instances, default_instances());
}

TEST(what_is_not_a_drop_in)
{
	SCRATCH(s);
	struct ms_error err;

	scratch_mkdir(&s, DROP_INS, 0755);
	scratch_write(&s, DROP_INS "/.hidden.json", "broken", 0644);
	scratch_write(&s, DROP_INS "/.json", "broken", 0644);
	scratch_write(&s, DROP_INS "/a.json~", "broken", 0644);
	scratch_write(&s, DROP_INS "/README", "broken", 0644);
	scratch_write(&s, DROP_INS "/a.json.bak", "broken", 0644);
	CHECK_EQ(load(&s, NULL, &err), 0);
}

/* What is wrong is told with its file and place, and nothing of the configuration holds. */
TEST(a_broken_file)
{
	SCRATCH(s);
	struct ms_error err;

	scratch_mkdir(&s, DROP_INS, 0755);
	scratch_write(&s, "modsupd.json", "{\"maxInstances\": 11}", 0644);
	scratch_write(&s, DROP_INS "/a.json", "{\"maxInstances\": \"many\"}", 0644);
	CHECK_EQ(load(&s, NULL, &err), MS_CONFIG_INVALID);
	CHECK(strstr(scratch_read(&s, "said"), "a.json"));
	CHECK(strstr(scratch_read(&s, "said"), "maxInstances"));
	scratch_write(&s, DROP_INS "/a.json", "", 0644);
	CHECK_EQ(load(&s, NULL, &err), MS_CONFIG_INVALID);
	scratch_write(&s, DROP_INS "/a.json", "{}", 0644);
	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_STR(scratch_read(&s, "said"), "");
}

/* Names are those of this host's own files; what is not there is told with its place. */
TEST(names_of_peers)
{
	SCRATCH(s);
	ms_auto(config) struct ms_config *config = NULL;
	ms_auto(report) struct ms_report *report = NULL;
	struct ms_error err = MS_ERROR_INIT;

	scratch_write(&s, "modsupd.json",
		      "{\"peers\": [{\"user\": \"root\", \"role\": \"observer\"},\n"
		      "{\"group\": \"daemon\", \"role\": \"observer\"}]}",
		      0600);
	REQUIRE(ms_config_files_read(NULL, s.path, &config, &report, &err) == 0);
	REQUIRE(config->n_peers == 2);
	CHECK(config->peers[0].is_known && config->peers[0].id == 0);
	CHECK(config->peers[1].is_known && config->peers[1].id == 1);
	CHECK(!report);
	scratch_write(&s, "modsupd.json",
		      "{\"peers\": [{\"user\": \"roo\", \"role\": \"observer\"},\n"
		      "{\"group\": \"no-such-group\", \"role\": \"observer\"}]}",
		      0600);
	CHECK_EQ(load(&s, NULL, &err), MS_CONFIG_INVALID);
	CHECK(strstr(scratch_read(&s, "said"), "modsupd.json:1:21: /peers/0/user"));
	CHECK(strstr(scratch_read(&s, "said"), "modsupd.json:2:11: /peers/1/group"));
}

TEST(others_can_write)
{
	static const mode_t modes[] = {0664, 0646, 0666, 0602};
	SCRATCH(s);
	struct ms_error err;

	for (size_t i = 0; i < MS_ARRAY_LEN(modes); i++) {
		scratch_write(&s, "modsupd.json", "{}", modes[i]);
		check_refused(&s, NULL, -EPERM, "can be written by others than root");
		CHECK(load(&s, NULL, &err) < 0 && err.hint[0]);
		CHECK_EQ(err.reason, MS_REASON_CONFIG_INVALID);
	}
	scratch_write(&s, "modsupd.json", "{}", 0644);
	scratch_mkdir(&s, DROP_INS, 0755);
	scratch_write(&s, DROP_INS "/a.json", "{}", 0666);
	check_refused(&s, NULL, -EPERM, "a.json' can be written");
	scratch_write(&s, DROP_INS "/a.json", "{}", 0600);
	CHECK_EQ(load(&s, NULL, &err), 0);
	/* who can take a file away decides as well */
	CHECK_EQ(fchmodat(s.fd, DROP_INS, 0777, 0), 0);
	check_refused(&s, NULL, -EPERM, DROP_INS "' can be written");
}

TEST(somebody_elses)
{
	SCRATCH(s);

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	scratch_write(&s, "modsupd.json", "{}", 0600);
	CHECK_EQ(fchownat(s.fd, "modsupd.json", 12345, 0, 0), 0);
	check_refused(&s, NULL, -EPERM, "can be written by others than root");
	CHECK_EQ(fchownat(s.fd, "modsupd.json", 0, 0, 0), 0);
	scratch_mkdir(&s, DROP_INS, 0755);
	CHECK_EQ(fchownat(s.fd, DROP_INS, 12345, 0, 0), 0);
	check_refused(&s, NULL, -EPERM, DROP_INS "' can be written");
}

/* None of them may be waited for. */
TEST(not_a_regular_file)
{
	SCRATCH(s);

	CHECK_EQ(mkfifoat(s.fd, "modsupd.json", 0600), 0);
	check_refused(&s, NULL, -EINVAL, "is not a regular file");
	CHECK_EQ(unlinkat(s.fd, "modsupd.json", 0), 0);
	scratch_mkdir(&s, "modsupd.json", 0755);
	check_refused(&s, NULL, -EINVAL, "is not a regular file");
	CHECK_EQ(unlinkat(s.fd, "modsupd.json", AT_REMOVEDIR), 0);
	CHECK_EQ(symlinkat("/dev/null", s.fd, "modsupd.json"), 0);
	check_refused(&s, NULL, -EINVAL, "is not a regular file");
	CHECK_EQ(unlinkat(s.fd, "modsupd.json", 0), 0);
	scratch_write(&s, DROP_INS, "{}", 0600);
	check_refused(&s, NULL, -ENOTDIR, DROP_INS);
}

TEST(the_cap_of_a_file)
{
	static char text[MS_MAX_CONFIG_BYTES + 2];
	SCRATCH(s);
	struct ms_error err;

	memset(text, ' ', MS_MAX_CONFIG_BYTES);
	memcpy(text, "{\"maxInstances\": 7}", 19);
	scratch_write(&s, "modsupd.json", text, 0600);
	CHECK_EQ(load(&s, NULL, &err), 0);
	CHECK_EQ(instances, 7);
	text[MS_MAX_CONFIG_BYTES] = ' ';
	scratch_write(&s, "modsupd.json", text, 0600);
	CHECK_EQ(load(&s, NULL, &err), MS_CONFIG_INVALID);
	CHECK(scratch_read(&s, "said")[0]);
}

TEST(a_folder_with_too_long_a_name)
{
	static char name[PATH_MAX + 1];
	ms_auto(config) struct ms_config *config = NULL;
	struct ms_error err = MS_ERROR_INIT;

	memset(name, 'x', PATH_MAX);
	CHECK_EQ(ms_config_files_load(NULL, name, &config, &err), -ENAMETOOLONG);
	CHECK(!config);
}
