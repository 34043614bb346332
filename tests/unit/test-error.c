/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-error.c - what an error says, that it is cut and never overflows, and its words. Run by
 * `make check`. */
#include "lib/error.h"

#include "tests/unit/test.h"

TEST(set_appends_the_errno)
{
	struct ms_error err = MS_ERROR_INIT;

	err.step = MS_STEP_MOUNT;
	CHECK_EQ(ms_error_set(&err, EACCES, "mount '%s'", "/module"), -EACCES);
	CHECK_EQ(err.code, -EACCES);
	CHECK_EQ(err.reason, MS_REASON_INTERNAL);
	CHECK_EQ(err.step, MS_STEP_MOUNT);
	CHECK_STR(err.msg, "mount '/module': Permission denied");
	CHECK_STR(err.hint, "");
	CHECK_EQ(ms_error_set(&err, 99999, "x"), -99999);
	CHECK_STR(err.msg, "x: unknown error");
}

TEST(a_failure_always_has_a_code)
{
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(ms_error_set(&err, 0, "x"), -EPROTO);
	CHECK_EQ(ms_error_say(&err, -5, MS_REASON_BUSY, "x"), -EPROTO);
	CHECK_EQ(ms_error_set(NULL, ENOENT, "x"), -ENOENT);
	CHECK_EQ(ms_error_say(NULL, ENOENT, MS_REASON_BUSY, "x"), -ENOENT);
	CHECK_EQ(ms_error_hint(NULL, "x"), -EPROTO);
	CHECK_EQ(ms_error_wrap(NULL, "x"), -EPROTO);
	CHECK_EQ(ms_error_step(NULL, MS_STEP_NET), -EPROTO);
}

TEST(say_hint_wrap_step)
{
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(ms_error_say(&err, EBUSY, MS_REASON_BUSY, "no %s", "room"), -EBUSY);
	CHECK_STR(err.msg, "no room");
	CHECK_EQ(err.reason, MS_REASON_BUSY);
	CHECK_EQ(ms_error_hint(&err, "try %d", 1), -EBUSY);
	CHECK_STR(err.hint, "try 1");
	CHECK_EQ(ms_error_wrap(&err, "module '%s'", "m"), -EBUSY);
	CHECK_STR(err.msg, "module 'm': no room");
	CHECK_EQ(ms_error_step(&err, MS_STEP_NET), -EBUSY);
	CHECK_EQ(ms_error_step(&err, MS_STEP_EXEC), -EBUSY);
	CHECK_EQ(err.step, MS_STEP_NET); /* the first stays */
	CHECK_EQ(ms_error_say(&err, EIO, MS_REASON_OOM, "again"), -EIO);
	CHECK_STR(err.hint, "");
}

TEST(long_texts_are_cut)
{
	struct ms_error err = MS_ERROR_INIT;
	char big[1000];

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	(void)ms_error_set(&err, EACCES, "%s", big); /* its code is not looked at */
	CHECK_EQ(strlen(err.msg), MS_ERROR_MSG_BYTES - 1);
	(void)ms_error_wrap(&err, "%s", big); /* as above */
	CHECK_EQ(strlen(err.msg), MS_ERROR_MSG_BYTES - 1);
	(void)ms_error_hint(&err, "%s", big); /* as above */
	CHECK_EQ(strlen(err.hint), MS_ERROR_HINT_BYTES - 1);
}

static bool is_word(const char *word)
{
	return strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word);
}

TEST(words)
{
	CHECK_STR(ms_reason_word(MS_REASON_TIER_FORBIDS), "tier-forbids");
	CHECK_STR(ms_reason_word(MS_REASON_COUNT), "internal");
	CHECK_STR(ms_reason_word((enum ms_reason) - 1), "internal");
	CHECK_STR(ms_step_word(MS_STEP_CGROUP_JOIN), "cgroup-join");
	CHECK_STR(ms_step_word(MS_STEP_COUNT), "");
	for (enum ms_reason r = 0; r < MS_REASON_COUNT; r++) {
		CHECK(is_word(ms_reason_word(r)) && ms_reason_word(r)[0]);
		for (enum ms_reason k = 0; k < r; k++)
			CHECK(strcmp(ms_reason_word(r), ms_reason_word(k)) != 0);
	}
	for (enum ms_step s = 1; s < MS_STEP_COUNT; s++)
		CHECK(is_word(ms_step_word(s)) && ms_step_word(s)[0]);
}
