/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-ids.c - host ids are one holder's at a time, whoever asks. The lock folder is the host's
 * own: this test only uses numbers far above what is configured anywhere, and removes their files.
 * Needs root.
 */
#include "supervisor/daemon/ids.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

#define COUNT 5u

/* A range of this process's own, at the upper end of what an id may be. */
static uint32_t own_first(void)
{
	return 2100000000u + (uint32_t)getpid() % 1000000u * 8u;
}

static void ids_done(struct ms_ids *ids)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%u", own_first() + i);
		(void)unlinkat(ids->dir, name, 0); /* not every test takes each */
		(void)strncat(name, ".kept", 6);
		(void)unlinkat(ids->dir, name, 0); /* the same */
	}
	ms_ids_done(ids);
}
#define IDS __attribute__((cleanup(ids_done))) struct ms_ids

static struct ms_ids ids_open(void)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_ids ids = {.dir = -EBADF};

	if (ms_ids_open(own_first(), COUNT, &ids, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return ids;
}

#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

static void take_all(struct ms_ids *ids, struct ms_id all[static COUNT])
{
	struct ms_error err = MS_ERROR_INIT;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < COUNT; i++) {
		all[i] = MS_ID_INIT;
		CHECK_EQ(ms_ids_take(ids, &all[i], &err), 0);
		CHECK(all[i].uid >= own_first() && all[i].uid < own_first() + COUNT);
		CHECK(all[i].lock >= 0 && fcntl(all[i].lock, F_GETFD) == FD_CLOEXEC);
		seen |= 1u << (all[i].uid - own_first());
	}
	CHECK_EQ(seen, (1u << COUNT) - 1); /* each once */
}

static void release_all(struct ms_id all[static COUNT])
{
	for (uint32_t i = 0; i < COUNT; i++) {
		ms_id_release(&all[i]);
		CHECK_EQ(all[i].lock, -EBADF);
		CHECK_EQ(all[i].uid, 0);
	}
}

static void check_full(struct ms_ids *ids)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_id id = MS_ID_INIT;

	CHECK_EQ(ms_ids_take(ids, &id, &err), -ENOSPC);
	CHECK_EQ(err.reason, MS_REASON_HOST_FULL);
	CHECK(strstr(err.msg, "all 5 ids"));
	CHECK(err.hint[0]);
	CHECK_EQ(id.lock, -EBADF); /* untouched */
}

TEST(all_taken)
{
	NEED_ROOT;
	IDS ids = ids_open();
	struct ms_id all[COUNT];
	struct ms_error err = MS_ERROR_INIT;
	uint32_t uid;

	take_all(&ids, all);
	check_full(&ids);
	uid = all[3].uid;
	ms_id_release(&all[3]);
	CHECK_EQ(ms_ids_take(&ids, &all[3], &err), 0); /* the only free one is found */
	CHECK_EQ(all[3].uid, uid);
	release_all(all);
	take_all(&ids, all); /* used before is free again */
	release_all(all);
}

/* Two daemons on one range: what one has the other does not get. */
TEST(two_openers)
{
	NEED_ROOT;
	IDS one = ids_open();
	IDS two = ids_open();
	struct ms_id all[COUNT], id = MS_ID_INIT;
	struct ms_error err = MS_ERROR_INIT;

	take_all(&one, all);
	check_full(&two);
	CHECK_EQ(ms_ids_take_this(&two, all[2].uid, &id, &err), -EBUSY);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK(strstr(err.msg, "in use by another instance"));
	CHECK_EQ(id.lock, -EBADF);
	id.uid = all[2].uid;
	ms_id_release(&all[2]);
	CHECK_EQ(ms_ids_take_this(&two, id.uid, &all[2], &err), 0);
	CHECK_EQ(all[2].uid, id.uid);
	check_full(&one);
	release_all(all);
}

TEST(a_named_id)
{
	NEED_ROOT;
	IDS ids = ids_open();
	struct ms_id a = MS_ID_INIT, b = MS_ID_INIT;
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(ms_ids_take_this(&ids, own_first() + 1, &a, &err), 0);
	CHECK_EQ(ms_ids_take_this(&ids, own_first() + 1, &b, &err), -EBUSY);
	for (uint32_t i = 1; i < COUNT; i++) { /* the free ones are the others */
		struct ms_id id = MS_ID_INIT;

		CHECK_EQ(ms_ids_take(&ids, &id, &err), 0);
		CHECK(id.uid != a.uid);
		ms_id_release(&id);
	}
	ms_id_release(&a);
	ms_id_release(&a); /* twice is fine */
}

static bool has_file(const struct ms_ids *ids, uint32_t uid)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", uid);
	return faccessat(ids->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A file for each id in use, and none for others: the folder does not grow. */
TEST(lock_files_go_with_their_holders)
{
	NEED_ROOT;
	IDS ids = ids_open();
	struct ms_id id = MS_ID_INIT;
	struct ms_error err = MS_ERROR_INIT;
	uint32_t uid;

	REQUIRE(ms_ids_take(&ids, &id, &err) == 0);
	uid = id.uid;
	CHECK(has_file(&ids, uid));
	ms_id_release(&id);
	CHECK(!has_file(&ids, uid));
}

/* What a shim does: it holds a copy of the lock, so the id stays taken when its daemon is gone. */
TEST(a_lock_that_a_child_keeps)
{
	NEED_ROOT;
	IDS ids = ids_open();
	struct ms_id id = MS_ID_INIT, again = MS_ID_INIT;
	struct ms_error err = MS_ERROR_INIT;
	uint32_t uid;
	pid_t pid;

	REQUIRE(ms_ids_take(&ids, &id, &err) == 0);
	uid = id.uid;
	pid = fork();
	if (pid == 0) {
		(void)pause(); /* until it is killed */
		_exit(0);
	}
	REQUIRE(pid > 0);
	ms_id_release(&id);
	CHECK(has_file(&ids, uid));
	CHECK_EQ(ms_ids_take_this(&ids, uid, &again, &err), -EBUSY);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	REQUIRE(waitpid(pid, NULL, 0) == pid);
	CHECK_EQ(ms_ids_take_this(&ids, uid, &again, &err), 0);
	ms_id_release(&again);
	CHECK(!has_file(&ids, uid));
}

/* Who can reach the folder's files could take all ids; it is root's alone. */
TEST(a_link_in_the_place_of_a_lock)
{
	NEED_ROOT;
	IDS ids = ids_open();
	struct ms_id id = MS_ID_INIT;
	struct ms_error err = MS_ERROR_INIT;
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", own_first());
	REQUIRE(symlinkat("/tmp/modsup-unit-not-made", ids.dir, name) == 0);
	CHECK_EQ(ms_ids_take_this(&ids, own_first(), &id, &err), -ELOOP);
	CHECK(access("/tmp/modsup-unit-not-made", F_OK) < 0);
}

/* ---- ids that own files ---- */

static char *number(uint32_t uid)
{
	static char text[16];

	(void)snprintf(text, sizeof(text), "%u", uid);
	return text;
}

static bool has_link(const struct ms_ids *ids, uint32_t uid)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%u.kept", uid);
	return faccessat(ids->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Which ids one after the other can be taken, as bits. */
static uint32_t free_ids(struct ms_ids *ids)
{
	struct ms_id all[COUNT];
	struct ms_error err = MS_ERROR_INIT;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < COUNT; i++) {
		all[i] = MS_ID_INIT;
		if (ms_ids_take(ids, &all[i], &err) == 0)
			seen |= 1u << (all[i].uid - own_first());
	}
	for (uint32_t i = 0; i < COUNT; i++)
		ms_id_release(&all[i]);
	return seen;
}

/* Nothing of the module runs, its daemon may be gone: its id is nobody else's. */
TEST(kept_ids_are_not_given_out)
{
	NEED_ROOT;
	SCRATCH(s);
	const uint32_t uid = own_first() + 2;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_id id = MS_ID_INIT;

	scratch_write(&s, "uid", number(uid), 0600);
	{
		IDS ids = ids_open();
		IDS other = ids_open();

		CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "uid"), &err), 0);
		CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "uid"), &err), 0);
		CHECK_EQ(free_ids(&ids), 0x1b);
		CHECK_EQ(free_ids(&other), 0x1b);
		ms_ids_done(&ids); /* the owner ends */
		CHECK_EQ(free_ids(&other), 0x1b);
		CHECK(!has_file(&other, uid));			       /* trying leaves nothing */
		CHECK_EQ(ms_ids_take_this(&other, uid, &id, &err), 0); /* its own module */
		ms_id_release(&id);
		CHECK_EQ(unlinkat(s.fd, "uid", 0), 0); /* the state folder is removed */
		CHECK_EQ(free_ids(&other), 0x1f);
		CHECK(!has_link(&other, uid));
	}
}

TEST(kept_for_another)
{
	NEED_ROOT;
	SCRATCH(s);
	const uint32_t uid = own_first() + 2;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_id id = MS_ID_INIT;
	IDS ids = ids_open();

	scratch_write(&s, "a", number(uid), 0600);
	scratch_write(&s, "b", number(uid), 0600);
	CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "a"), &err), 0);
	CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "b"), &err), -EBUSY);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK(err.hint[0]);
	scratch_write(&s, "a", number(uid + 1), 0600); /* has another one by now */
	REQUIRE(ms_ids_take_this(&ids, uid, &id, &err) == 0);
	CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "b"), &err), -EBUSY); /* in use */
	ms_id_release(&id);
	CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "b"), &err), 0);
	CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "a"), &err), -EBUSY);
}

TEST(links_of_state_that_is_gone)
{
	NEED_ROOT;
	SCRATCH(s);
	const uint32_t uid = own_first() + 1;
	struct ms_error err = MS_ERROR_INIT;
	IDS ids = ids_open();

	scratch_write(&s, "uid", number(uid), 0600);
	CHECK_EQ(ms_ids_keep(&ids, uid, scratch_path(&s, "uid"), &err), 0);
	CHECK_EQ(ms_ids_keep(&ids, uid + 1, scratch_path(&s, "none"), &err), 0);
	CHECK_EQ(mkfifoat(s.fd, "fifo", 0600), 0);
	CHECK_EQ(ms_ids_keep(&ids, uid + 2, scratch_path(&s, "fifo"), &err), 0);
	{
		IDS next = ids_open();

		CHECK(has_link(&next, uid));
		CHECK(!has_link(&next, uid + 1));
		CHECK(!has_link(&next, uid + 2));
		ms_ids_done(&next);
	}
}

/* What a killed daemon, or one that took over from it, could not take away. */
TEST(files_that_nobody_holds)
{
	NEED_ROOT;
	const uint32_t uid = own_first() + 1;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_id held = MS_ID_INIT;
	IDS ids = ids_open();

	REQUIRE(ms_ids_take_this(&ids, uid, &held, &err) == 0);
	CHECK_EQ(close(openat(ids.dir, number(uid + 1), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	{
		IDS next = ids_open();

		CHECK(has_file(&next, uid));
		CHECK(!has_file(&next, uid + 1));
		CHECK_EQ(free_ids(&next), 0x1d); /* the held one is still held */
		ms_ids_done(&next);
	}
	ms_id_release(&held);
}

TEST(of_what_was_taken_over)
{
	NEED_ROOT;
	struct ms_error err = MS_ERROR_INIT;
	IDS ids = ids_open();
	struct ms_id held = MS_ID_INIT, adopted;
	char name[32];

	/* the shim's lock, held in another open file here */
	REQUIRE(ms_ids_take(&ids, &held, &err) == 0);
	(void)snprintf(name, sizeof(name), "%u", held.uid); /* fits */
	adopted = ms_id_of_adopted(&ids, held.uid);
	ms_id_release(&adopted);
	CHECK_EQ(faccessat(ids.dir, name, F_OK, 0), 0); /* it lives */
	CHECK_EQ(adopted.uid, 0);
	adopted = ms_id_of_adopted(&ids, held.uid);
	held.lock = ms_fd_close(held.lock); /* it ended */
	ms_id_release(&adopted);
	CHECK_EQ(faccessat(ids.dir, name, F_OK, 0), -1);
	held = MS_ID_INIT;
}
