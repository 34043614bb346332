/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-state.c - what outlives an instance: numbers that stay, folders that nobody else has, files
 * that were damaged, and write paths in which a module left something else than a folder. Needs
 * root: the folders of modules belong to other ids.
 */
#include "supervisor/daemon/state.h"

#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/name.h"
#include "supervisor/daemon/ids.h"
#include "tests/unit/scratch.h"

#define UID 1234567u

#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static void state_done(struct ms_folders **state)
{
	*state = ms_state_close(*state);
}
#define STATE __attribute__((cleanup(state_done))) struct ms_folders *

/* The folders "run" and "state" of @s; NULL and @err when they are refused. */
static struct ms_folders *open_both(const struct scratch *s, struct ms_error *err)
{
	struct ms_folders *state = NULL;
	int r;

	*err = MS_ERROR_INIT;
	r = ms_state_open(scratch_path(s, "run"), scratch_path(s, "state"), &state, err);
	CHECK_EQ(r == 0, state != NULL);
	if (r < 0)
		CHECK_EQ(err->step, MS_STEP_STATE);
	return state;
}

static struct ms_folders *open_fine(const struct scratch *s)
{
	struct ms_error err;
	struct ms_folders *state = open_both(s, &err);

	if (!state) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return state;
}

static uint32_t number(struct ms_folders *state, const char *module, const char *tenant)
{
	struct ms_error err = MS_ERROR_INIT;
	uint32_t n = 0;

	if (ms_state_installation(state, str(module), str(tenant), &n, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return n;
}

/* ---- the folders ---- */

TEST(folders_and_their_modes)
{
	NEED_ROOT;
	SCRATCH(s);
	char id[17];

	{
		STATE state = open_fine(&s);

		REQUIRE(state);
		CHECK_EQ(scratch_mode(&s, "run"), S_IFDIR | 0755);
		CHECK_EQ(scratch_mode(&s, "run/s"), S_IFDIR | 0755);
		CHECK_EQ(scratch_mode(&s, "run/log"), S_IFDIR | 0700);
		CHECK_EQ(scratch_mode(&s, "state"), S_IFDIR | 0700);
		CHECK_EQ(scratch_mode(&s, "state/installations"), S_IFDIR | 0700);
		(void)snprintf(id, sizeof(id), "%s", ms_state_daemon_id(state));
		CHECK_EQ(strlen(id), 16);
		CHECK(ms_name_is_instance(id, 16));
		CHECK_STR(scratch_read(&s, "state/daemon-id"), id);
	}
	{
		STATE state = open_fine(&s);

		REQUIRE(state);
		CHECK_STR(ms_state_daemon_id(state), id); /* made once */
	}
	CHECK(ms_state_close(NULL) == NULL);
}

/* Another process, as another daemon is: what ms_state_open() says there; 255 = it did not refuse
 * in so many words. */
static int open_elsewhere(const char *runtime, const char *state)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct ms_folders *other = NULL;
		struct ms_error err = MS_ERROR_INIT;
		int r = ms_state_open(runtime, state, &other, &err);

		if (r < 0 && (err.reason != MS_REASON_CONFLICT || !err.hint[0] ||
			      !strstr(err.msg, "another modsupd serves") || other))
			_exit(255);
		_exit(-r);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

TEST(a_second_opener)
{
	NEED_ROOT;
	SCRATCH(s);
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(open_elsewhere(scratch_path(&s, "run"), scratch_path(&s, "state")), EBUSY);
	/* one folder in common is enough */
	CHECK_EQ(open_elsewhere(scratch_path(&s, "run2"), scratch_path(&s, "state")), EBUSY);
	CHECK_EQ(open_elsewhere(scratch_path(&s, "run"), scratch_path(&s, "state2")), EBUSY);
	state = ms_state_close(state);
	CHECK_EQ(open_elsewhere(scratch_path(&s, "run"), scratch_path(&s, "state")), 0);
	state = open_fine(&s); /* and none is left locked by the attempts */
	CHECK(state);
}

/* A process that a killed daemon had just forked does not hold its folders. */
TEST(a_child_holds_no_lock)
{
	NEED_ROOT;
	SCRATCH(s);
	STATE state = open_fine(&s);
	int gate[2], status;
	pid_t pid;

	REQUIRE(state && pipe(gate) == 0);
	pid = fork();
	if (pid == 0) {
		char byte;

		(void)close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1); /* until the parent lets go */
	}
	state = ms_state_close(state);
	CHECK_EQ(open_elsewhere(scratch_path(&s, "run"), scratch_path(&s, "state")), 0);
	(void)close(gate[1]);
	(void)close(gate[0]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(one_folder_for_both)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	STATE state = NULL;

	CHECK_EQ(ms_state_open(scratch_path(&s, "d"), scratch_path(&s, "d"), &state, &err), 0);
	CHECK(scratch_has(&s, "d/installations") && scratch_has(&s, "d/s"));
}

TEST(the_length_of_the_runtime_folder)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	STATE state = NULL;
	char path[128], sock[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	ms_auto_fd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "%s/%0*d", s.path, 64 - (int)strlen(s.path) - 1, 0);
	REQUIRE(strlen(path) == 64);
	CHECK_EQ(ms_state_open(path, scratch_path(&s, "state"), &state, &err), 0);
	/* the longest key and name that are given out */
	CHECK_EQ(ms_state_bind(state, "0123456789abcdef", str("abcdefghijklmno"), sock,
			       sizeof(sock), &fd, &err),
		 0);
	CHECK(strlen(sock) < 108);
	state = ms_state_close(state);
	(void)strncat(path, "x", 2);
	CHECK_EQ(ms_state_open(path, scratch_path(&s, "state"), &state, &err), -ENAMETOOLONG);
	CHECK_EQ(err.reason, MS_REASON_CONFIG_INVALID);
	CHECK(access(path, F_OK) < 0);
}

TEST(folders_of_others)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;

	scratch_mkdir(&s, "run", 0777);
	CHECK(open_both(&s, &err) == NULL);
	CHECK_EQ(err.code, -EPERM);
	CHECK(strstr(err.msg, "can be written by others") && err.hint[0]);
	CHECK_EQ(fchmodat(s.fd, "run", 0755, 0), 0);
	scratch_mkdir(&s, "state", 0700);
	CHECK_EQ(fchownat(s.fd, "state", 12345, 0, 0), 0);
	CHECK(open_both(&s, &err) == NULL);
	CHECK_EQ(err.code, -EPERM);
	CHECK_EQ(unlinkat(s.fd, "state", AT_REMOVEDIR), 0);
	CHECK_EQ(symlinkat("run", s.fd, "state"), 0);
	CHECK(open_both(&s, &err) == NULL);
	CHECK_EQ(unlinkat(s.fd, "state", 0), 0);
	scratch_write(&s, "state", "", 0600);
	CHECK(open_both(&s, &err) == NULL);
	CHECK_EQ(err.code, -ENOTDIR);
}

TEST(a_damaged_daemon_id)
{
	static const char *const bad[] = {"0123456789abcde",  "0123456789abcdefg",
					  "0123456789ABCDEF", "0123456789abcde\n",
					  "../../../../etc/", "0123456789abcdef\n"};
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;

	scratch_mkdir(&s, "state", 0700);
	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++) {
		scratch_write(&s, "state/daemon-id", bad[i], 0600);
		CHECK(open_both(&s, &err) == NULL);
		CHECK_EQ(err.code, -EBADMSG);
		CHECK_EQ(err.reason, MS_REASON_CONFLICT);
		CHECK(err.hint[0]);
		CHECK_STR(scratch_read(&s, "state/daemon-id"), bad[i]);
	}
	/* empty: what a power cut leaves of the very first start */
	scratch_write(&s, "state/daemon-id", "", 0600);
	STATE state = open_fine(&s);
	CHECK(state && strlen(scratch_read(&s, "state/daemon-id")) == 16);
}

/* ---- installations ---- */

TEST(numbers_stay)
{
	NEED_ROOT;
	SCRATCH(s);

	{
		STATE state = open_fine(&s);

		REQUIRE(state);
		CHECK_EQ(number(state, "a", "x"), 1);
		CHECK_EQ(number(state, "b", "x"), 2);
		CHECK_EQ(number(state, "a", "y"), 3);
		CHECK_EQ(number(state, "a", "x"), 1);
		CHECK_STR(scratch_read(&s, "state/installations/3/name"), "a@y");
	}
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "y"), 3);
	CHECK_EQ(number(state, "b", "x"), 2);
	/* names that only begin alike are others */
	CHECK_EQ(number(state, "a", "yy"), 4);
	CHECK_EQ(number(state, "aa", "y"), 5);
}

TEST(the_longest_name)
{
	NEED_ROOT;
	SCRATCH(s);
	char module[MS_MAX_ID_BYTES + 1] = "", tenant[MS_MAX_TENANT_BYTES + 1] = "";
	STATE state = open_fine(&s);

	REQUIRE(state);
	memset(module, 'm', MS_MAX_ID_BYTES);
	memset(tenant, 't', MS_MAX_TENANT_BYTES);
	CHECK_EQ(number(state, module, tenant), 1);
	tenant[MS_MAX_TENANT_BYTES - 1] = 'u'; /* the last byte counts */
	CHECK_EQ(number(state, module, tenant), 2);
	CHECK_EQ(number(state, module, tenant), 2);
}

/* A name that cannot be read is nobody's: its number and its files are never given to another. */
TEST(damaged_names)
{
	NEED_ROOT;
	SCRATCH(s);
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 1);
	CHECK_EQ(number(state, "b", "x"), 2);
	CHECK_EQ(number(state, "c", "x"), 3);
	scratch_write(&s, "state/installations/1/name", "a@", 0600);
	CHECK_EQ(number(state, "a", "x"), 4);
	CHECK_EQ(unlinkat(s.fd, "state/installations/2/name", 0), 0);
	CHECK_EQ(number(state, "b", "x"), 5);
	/* a link is not read, whatever it leads to */
	scratch_write(&s, "named", "c@x", 0600);
	CHECK_EQ(unlinkat(s.fd, "state/installations/3/name", 0), 0);
	CHECK_EQ(symlinkat("../../../named", s.fd, "state/installations/3/name"), 0);
	CHECK_EQ(number(state, "c", "x"), 6);
}

/* Each of the names is looked at once, and then only the one that is asked for: a start costs the
 * same however many installations there are. */
TEST(a_name_is_read_once)
{
	NEED_ROOT;
	SCRATCH(s);
	struct inotify_event event;
	ms_auto_fd int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	{
		STATE state = open_fine(&s);

		REQUIRE(state);
		CHECK_EQ(number(state, "a", "x"), 1);
		CHECK_EQ(number(state, "b", "x"), 2);
	}
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "b", "x"), 2);
	REQUIRE(watch >= 0 &&
		inotify_add_watch(watch, scratch_path(&s, "state/installations/1/name"), IN_OPEN) >=
			0);
	CHECK_EQ(number(state, "b", "x"), 2);
	CHECK_EQ(number(state, "c", "x"), 3);
	CHECK_EQ(read(watch, &event, sizeof(event)), -1);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(number(state, "a", "x"), 1);
	CHECK_EQ(read(watch, &event, sizeof(event)), (ssize_t)sizeof(event));
}

/* They hash to the same. */
TEST(names_that_only_look_alike)
{
	NEED_ROOT;
	SCRATCH(s);
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "m283629", "x"), 1);
	CHECK_EQ(number(state, "m310733", "x"), 2);
	CHECK_EQ(number(state, "m310733", "x"), 2);
	CHECK_EQ(number(state, "m283629", "x"), 1);
}

/* What an operator reads has to be the reason: a full disk looks the same as this limit. */
TEST(the_errno_of_a_write)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	struct rlimit before, none;
	uint32_t n = 0;
	STATE state = open_fine(&s);

	REQUIRE(state && getrlimit(RLIMIT_FSIZE, &before) == 0);
	none = before;
	none.rlim_cur = 0;
	(void)signal(SIGXFSZ, SIG_IGN); /* cannot fail */
	REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
	CHECK_EQ(ms_state_installation(state, str("a"), str("x"), &n, &err), -EFBIG);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(strstr(err.msg, strerrordesc_np(EFBIG)));
	CHECK_EQ(number(state, "a", "x"), 1); /* the number is not lost */
}

TEST(the_next_number)
{
	NEED_ROOT;
	SCRATCH(s);

	{
		STATE state = open_fine(&s);

		REQUIRE(state);
		CHECK_EQ(number(state, "a", "x"), 1);
	}
	scratch_mkdir(&s, "state/installations/41", 0700); /* the name was not written any more */
	scratch_mkdir(&s, "state/installations/0099", 0700);
	scratch_mkdir(&s, "state/installations/100001", 0700);
	scratch_mkdir(&s, "state/installations/-5", 0700);
	scratch_mkdir(&s, "state/installations/lost+found", 0700);
	STATE state = open_fine(&s);
	REQUIRE(state);
	CHECK_EQ(number(state, "b", "x"), 42);
	CHECK_EQ(number(state, "a", "x"), 1);
}

TEST(the_cap_of_installations)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	uint32_t n = 0;

	{
		STATE state = open_fine(&s);

		REQUIRE(state);
	}
	scratch_mkdir(&s, "state/installations/99999", 0700);
	STATE state = open_fine(&s);
	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 100000);
	CHECK_EQ(ms_state_installation(state, str("b"), str("x"), &n, &err), -ENOSPC);
	CHECK_EQ(err.reason, MS_REASON_HOST_FULL);
	CHECK_EQ(n, 0);
	CHECK_EQ(number(state, "a", "x"), 100000);
}

/* ---- the uid, the write paths ---- */

struct asked {
	struct ms_manifest manifest;
	struct ms_policy policy;
};

static struct asked *ask(const char *const *paths)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->policy.manifest = &a->manifest;
	while (paths[a->policy.n_write]) {
		a->manifest.write[a->policy.n_write] = str(paths[a->policy.n_write]);
		a->policy.n_write++;
	}
	a->manifest.n_write = a->policy.n_write;
	return a;
}

static int write_paths(struct ms_folders *state, uint32_t n, const char *const *paths, bool *fresh,
		       struct ms_error *err)
{
	ms_auto_free struct asked *a = ask(paths);
	ms_auto_fd int dir = -EBADF;
	int r;

	*err = MS_ERROR_INIT;
	r = ms_state_write_paths(state, n, &a->policy, UID, &dir, fresh, err);
	CHECK_EQ(r == 0, dir >= 0);
	return r;
}

static int filled(struct ms_folders *state, uint32_t n, const char *const *paths,
		  struct ms_error *err)
{
	ms_auto_free struct asked *a = ask(paths);

	*err = MS_ERROR_INIT;
	return ms_state_filled(state, n, &a->policy, err);
}
#define PATHS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FS	   "state/installations/1/fs/"

TEST(write_paths_are_made_once)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;
	bool fresh[4] = {false};
	uint32_t uid = 1;
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 1);
	CHECK_EQ(ms_state_uid(state, 1, &uid, &err), 0);
	CHECK_EQ(uid, 0);
	CHECK_EQ(write_paths(state, 1, PATHS("cache", "data/db", "data/log/x"), fresh, &err), 0);
	CHECK(fresh[0] && fresh[1] && fresh[2]);
	CHECK_EQ(scratch_mode(&s, FS "cache"), S_IFDIR | 0700);
	CHECK_EQ(scratch_owner(&s, FS "cache"), UID);
	CHECK_EQ(scratch_owner(&s, FS "data/db"), UID);
	CHECK_EQ(scratch_owner(&s, FS "data/log/x"), UID);
	/* the way there is not the module's to change */
	CHECK_EQ(scratch_owner(&s, FS), 0);
	CHECK_EQ(scratch_owner(&s, FS "data"), 0);
	CHECK_EQ(scratch_mode(&s, FS "data/log"), S_IFDIR | 0755);
	CHECK_EQ(ms_state_uid(state, 1, &uid, &err), 0);
	CHECK_EQ(uid, UID);
	CHECK_STR(scratch_read(&s, "state/installations/1/uid"), "1234567");
	scratch_write(&s, FS "cache/kept", "kept", 0600);
	CHECK_EQ(filled(state, 1, PATHS("cache", "data/db", "data/log/x"), &err), 0);
	CHECK_EQ(write_paths(state, 1, PATHS("cache", "new"), fresh, &err), 0);
	CHECK(!fresh[0] && fresh[1]);
	CHECK_STR(scratch_read(&s, FS "cache/kept"), "kept");
	CHECK(scratch_has(&s, FS "data/db")); /* not asked for now: not lost */
}

#define FILLING "state/installations/1/filling"

/* Until it is told that a path was filled, every start has to fill it. */
TEST(write_paths_that_were_not_filled)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;
	bool fresh[4] = {false};

	for (int i = 0; i < 2; i++) { /* a second daemon knows it too */
		STATE state = open_fine(&s);

		REQUIRE(state);
		CHECK_EQ(number(state, "a", "x"), 1);
		CHECK_EQ(write_paths(state, 1, PATHS("a", "b/c"), fresh, &err), 0);
		CHECK(fresh[0] && fresh[1]);
		CHECK_STR(scratch_read(&s, FILLING), "a\nb/c\n");
	}
	STATE state = open_fine(&s);
	REQUIRE(state);
	/* another version of the module has other paths: those of the first are still not filled */
	CHECK_EQ(write_paths(state, 1, PATHS("b", "b/c"), fresh, &err), 0);
	CHECK(!fresh[0] && fresh[1]); /* b was there, on the way to b/c */
	CHECK_EQ(filled(state, 1, PATHS("b", "b/c"), &err), 0);
	CHECK_STR(scratch_read(&s, FILLING), "a\n");
	CHECK_EQ(write_paths(state, 1, PATHS("b/c", "a"), fresh, &err), 0);
	CHECK(!fresh[0] && fresh[1]);
	CHECK_EQ(filled(state, 1, PATHS("b/c", "a"), &err), 0);
	CHECK(!scratch_has(&s, FILLING));
	CHECK_EQ(filled(state, 1, PATHS("a"), &err), 0); /* twice is fine */
	CHECK_EQ(write_paths(state, 1, PATHS("a", "b/c"), fresh, &err), 0);
	CHECK(!fresh[0] && !fresh[1]);
	/* remembered before it is made: the list stands when the folder could not be */
	CHECK_EQ(mkdirat(s.fd, FILLING ".new", 0700), 0);
	CHECK_EQ(write_paths(state, 1, PATHS("d"), fresh, &err), -EISDIR);
	CHECK(!scratch_has(&s, FS "d"));
}

/* Numbers far above what is configured anywhere: the lock folder is the host's own. */
TEST(uids_are_kept_while_nothing_runs)
{
	NEED_ROOT;
	SCRATCH(s);
	const uint32_t uid = 2109000000u + (uint32_t)getpid() % 1000000u;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_ids ids = {.dir = -EBADF};
	struct ms_id id = MS_ID_INIT;
	char text[16];
	STATE state = open_fine(&s);

	REQUIRE(state && ms_ids_open(uid, 1, &ids, &err) == 0);
	CHECK_EQ(number(state, "a", "x"), 1);
	CHECK_EQ(number(state, "b", "x"), 2);
	CHECK_EQ(ms_state_keep_uid(state, 1, &ids, &err), 0); /* it has none */
	CHECK_EQ(ms_ids_take(&ids, &id, &err), 0);
	ms_id_release(&id);
	(void)snprintf(text, sizeof(text), "%u", uid);
	scratch_write(&s, "state/installations/1/uid", text, 0600);
	ms_state_keep_uids(state, &ids);
	CHECK_EQ(ms_ids_take(&ids, &id, &err), -ENOSPC);
	state = ms_state_close(state);
	CHECK_EQ(ms_ids_take(&ids, &id, &err), -ENOSPC);
	state = open_fine(&s);
	REQUIRE(state);
	CHECK_EQ(ms_state_keep_uid(state, 1, &ids, &err), 0);
	scratch_write(&s, "state/installations/2/uid", text, 0600); /* copied by hand */
	CHECK_EQ(ms_state_keep_uid(state, 2, &ids, &err), -EBUSY);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK_EQ(unlinkat(s.fd, "state/installations/1/uid", 0), 0);
	CHECK_EQ(unlinkat(s.fd, "state/installations/2/uid", 0), 0);
	CHECK_EQ(ms_ids_take(&ids, &id, &err), 0); /* and the link is gone */
	ms_id_release(&id);
	ms_ids_done(&ids);
}

TEST(damaged_uids)
{
	static const char *const bad[] = {"",
					  "x",
					  "0",
					  "999999",
					  "01234567",
					  "1234567 ",
					  "1234567\n",
					  "4294967297",
					  "-1234567",
					  "2147483648",
					  "11111111111111111111111111111111"};
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	uint32_t uid = 1;
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 1);
	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++) {
		scratch_write(&s, "state/installations/1/uid", bad[i], 0600);
		CHECK_EQ(ms_state_uid(state, 1, &uid, &err), -EBADMSG);
		CHECK_EQ(err.reason, MS_REASON_CONFLICT);
		CHECK_EQ(uid, 0);
	}
	scratch_write(&s, "state/installations/1/uid", "2147483647", 0600);
	CHECK_EQ(ms_state_uid(state, 1, &uid, &err), 0);
	CHECK_EQ(uid, 2147483647);
}

/* The module owns what it may write to, and can put anything there while it runs. */
TEST(what_a_module_planted)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;
	bool fresh[4] = {false};
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 1);
	scratch_mkdir(&s, "outside", 0755);
	CHECK_EQ(write_paths(state, 1, PATHS("a"), fresh, &err), 0);
	/* its next version asks for a folder inside: a link in the place, and on the way */
	CHECK_EQ(symlinkat("../../../../../outside", s.fd, FS "a/b"), 0);
	CHECK_EQ(faccessat(s.fd, FS "a/b/.", F_OK, 0), 0); /* it leads there */
	CHECK_EQ(write_paths(state, 1, PATHS("a/b"), fresh, &err), -ENOTDIR);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK(strstr(err.msg, "'a/b' is not a folder") && err.hint[0]);
	CHECK(write_paths(state, 1, PATHS("a/b/c"), fresh, &err) < 0);
	CHECK(strstr(err.msg, "a/b"));
	CHECK(!scratch_has(&s, "outside/c"));
	CHECK_EQ(scratch_owner(&s, "outside"), 0);
	CHECK(S_ISLNK(scratch_mode(&s, FS "a/b")));
	/* a file, a FIFO: never opened */
	CHECK_EQ(unlinkat(s.fd, FS "a/b", 0), 0);
	scratch_write(&s, FS "a/b", "x", 0644);
	CHECK_EQ(write_paths(state, 1, PATHS("a/b"), fresh, &err), -ENOTDIR);
	CHECK(write_paths(state, 1, PATHS("a/b/c"), fresh, &err) < 0);
	CHECK_EQ(unlinkat(s.fd, FS "a/b", 0), 0);
	CHECK_EQ(mkfifoat(s.fd, FS "a/b", 0644), 0);
	CHECK_EQ(write_paths(state, 1, PATHS("a/b"), fresh, &err), -ENOTDIR);
	CHECK_EQ(unlinkat(s.fd, FS "a/b", 0), 0);
	CHECK_EQ(write_paths(state, 1, PATHS("a/b"), fresh, &err), 0);
	CHECK(fresh[0]);
}

/* The whole installation swapped for links, by whoever had root's folder for a moment. */
TEST(links_in_place_of_the_folders)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;
	bool fresh[1];
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 1);
	scratch_mkdir(&s, "outside", 0755);
	CHECK_EQ(symlinkat("../../../outside", s.fd, "state/installations/1/fs"), 0);
	CHECK(write_paths(state, 1, PATHS("a"), fresh, &err) < 0);
	CHECK(!scratch_has(&s, "outside/a"));
	scratch_write(&s, "uid", "1000000", 0600);
	CHECK_EQ(unlinkat(s.fd, "state/installations/1/uid", 0), 0);
	CHECK_EQ(symlinkat("../../../uid", s.fd, "state/installations/1/uid"), 0);
	CHECK_EQ(ms_state_uid(state, 1, &(uint32_t){0}, &err), -ELOOP);
}

TEST(the_longest_write_path)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err;
	bool fresh[1] = {false};
	char path[MS_MAX_PATH_BYTES + 1];
	STATE state = open_fine(&s);

	REQUIRE(state);
	CHECK_EQ(number(state, "a", "x"), 1);
	for (size_t i = 0; i < MS_MAX_PATH_BYTES; i++)
		path[i] = i % 2 ? '/' : 'd'; /* 512 folders deep */
	path[MS_MAX_PATH_BYTES - 1] = 'e';
	path[MS_MAX_PATH_BYTES] = '\0';
	CHECK_EQ(write_paths(state, 1, PATHS(path), fresh, &err), 0);
	CHECK(fresh[0]);
}

/* ---- sockets and logs ---- */

TEST(sockets)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	struct sockaddr_un addr;
	socklen_t addr_len = sizeof(addr);
	char path[108];
	int one = -EBADF, two = -EBADF;
	STATE state = open_fine(&s);

	REQUIRE(state);
	REQUIRE(ms_state_bind(state, "7", str("http"), path, sizeof(path), &one, &err) == 0);
	CHECK_STR(path, scratch_path(&s, "run/s/7/http.sock"));
	CHECK_EQ(scratch_mode(&s, "run/s/7/http.sock"), S_IFSOCK | 0660);
	CHECK_EQ(fcntl(one, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(getsockname(one, (struct sockaddr *)&addr, &addr_len), 0);
	CHECK_STR(addr.sun_path, path);
	/* one that a dead daemon left is replaced */
	REQUIRE(ms_state_bind(state, "7", str("http"), path, sizeof(path), &two, &err) == 0);
	(void)ms_fd_close(one);
	one = -EBADF;
	REQUIRE(ms_state_bind(state, "7", str("admin"), path, sizeof(path), &one, &err) == 0);
	ms_state_unbind(state, "7", str("http"));
	CHECK(!scratch_has(&s, "run/s/7/http.sock"));
	CHECK(scratch_has(&s, "run/s/7/admin.sock"));
	ms_state_unbind(state, "7", str("admin"));
	CHECK(!scratch_has(&s, "run/s/7"));
	ms_state_unbind(state, "7", str("admin")); /* twice is fine */
	(void)ms_fd_close(one);
	(void)ms_fd_close(two);
}

TEST(a_socket_path_that_does_not_fit)
{
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	char path[108];
	int fd = -EBADF;
	size_t len;
	STATE state = open_fine(&s);

	REQUIRE(state);
	len = strlen(scratch_path(&s, "run/s/7/http.sock"));
	CHECK_EQ(ms_state_bind(state, "7", str("http"), path, len, &fd, &err), -ENAMETOOLONG);
	CHECK_EQ(fd, -EBADF);
	CHECK_EQ(ms_state_bind(state, "7", str("http"), path, len + 1, &fd, &err), 0);
	CHECK_EQ(strlen(path), len);
	(void)ms_fd_close(fd);
}

TEST(logs)
{
	static const char name[] = "0123456789abcdef";
	NEED_ROOT;
	SCRATCH(s);
	struct ms_error err = MS_ERROR_INIT;
	int fds[2];
	STATE state = open_fine(&s);

	REQUIRE(state);
	for (int i = 0; i < 2; i++) {
		REQUIRE(ms_state_logs(state, name, fds, &err) == 0);
		CHECK_STR(scratch_read(&s, "run/log/0123456789abcdef.0"), ""); /* empty again */
		CHECK_EQ(scratch_mode(&s, "run/log/0123456789abcdef.1"), S_IFREG | 0600);
		CHECK_EQ(write(fds[0], "one", 3), 3);
		CHECK_STR(scratch_read(&s, "run/log/0123456789abcdef.0"), "one");
		(void)ms_fd_close(fds[0]);
		(void)ms_fd_close(fds[1]);
	}
	ms_state_drop_logs(state, name);
	CHECK(!scratch_has(&s, "run/log/0123456789abcdef.0"));
	CHECK(!scratch_has(&s, "run/log/0123456789abcdef.1"));
	/* the second cannot be opened: the first is not kept open */
	scratch_mkdir(&s, "run/log/0123456789abcdef.1", 0700);
	fds[0] = fds[1] = -1;
	CHECK_EQ(ms_state_logs(state, name, fds, &err), -EISDIR);
	CHECK_EQ(fds[0], -1);
}

/* ---- what a killed daemon left ---- */

static bool is_live(void *data, const char *name)
{
	const char *const *live = data;

	for (; *live; live++) {
		if (strcmp(*live, name) == 0)
			return true;
	}
	return false;
}

TEST(sweeping)
{
	NEED_ROOT;
	SCRATCH(s);
	static const char *const live[] = {"0123456789abcdef", "7", NULL};
	static const char *const dead[] = {"log/fedcba9876543210.0",
					   "log/fedcba9876543210.1",
					   "s/8",
					   "s/rfedcba9876543210",
					   "log/link.0",
					   "shims/fedcba9876543210"};
	static const char *const kept[] = {"log/0123456789abcdef.0",
					   "log/0123456789abcdef.1",
					   "s/7/http.sock",
					   "shims/0123456789abcdef",
					   "shims/notes",
					   "outside/http.sock",
					   "outside/x",
					   "log/readme",
					   "s/9/notes"};
	struct ms_error err;
	char path[108], run[64];
	STATE state = open_fine(&s);

	REQUIRE(state);
	for (int i = 0; i < 2; i++) {
		int fds[2];

		REQUIRE(ms_state_logs(state, i ? "fedcba9876543210" : live[0], fds, &err) == 0);
		(void)close(fds[0]);
		REQUIRE(ms_state_bind_shim(state, i ? "fedcba9876543210" : live[0], &fds[0],
					   &err) == 0);
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
	for (int i = 0; i < 4; i++) {
		static const char *const keys[] = {"7", "8", "rfedcba9876543210", "9"};
		ms_auto_fd int fd = -EBADF;

		REQUIRE(ms_state_bind(state, keys[i], str("http"), path, sizeof(path), &fd, &err) ==
			0);
	}
	scratch_mkdir(&s, "outside", 0700);
	scratch_write(&s, "outside/x", "", 0600);
	scratch_write(&s, "outside/http.sock", "", 0600);
	CHECK_EQ(symlinkat("../../outside", s.fd, "run/s/link"), 0);
	CHECK_EQ(symlinkat("../../outside/x", s.fd, "run/log/link.0"), 0);
	scratch_write(&s, "run/log/readme", "", 0600);
	scratch_write(&s, "run/s/9/notes", "", 0600); /* somebody's */
	scratch_write(&s, "run/shims/notes", "", 0600);
	ms_state_sweep(state, is_live, (void *)(uintptr_t)live);
	for (size_t i = 0; i < MS_ARRAY_LEN(dead); i++) {
		(void)snprintf(run, sizeof(run), "run/%s", dead[i]);
		CHECK(!scratch_has(&s, run));
	}
	for (size_t i = 0; i < MS_ARRAY_LEN(kept); i++) {
		(void)snprintf(run, sizeof(run), "%s%s",
			       strncmp(kept[i], "outside", 7) == 0 ? "" : "run/", kept[i]);
		CHECK(scratch_has(&s, run));
	}
}
