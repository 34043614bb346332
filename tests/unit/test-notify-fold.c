/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-notify-fold.c - what a module can hide by flooding its own reports: nothing but the detail
 * of the flood. Virtual time; run by `make check`.
 */
#include "shim/fold.h"

#include <sys/syscall.h>

#include "tests/unit/test.h"

#define NEWEST	 470u
#define I386	 0x40000003u
#define SECOND	 MS_FOLD_EVERY_USEC
#define START	 (UINT64_C(5) * SECOND)
#define IN_FOLD	 __attribute__((cleanup(fold_done))) struct ms_fold *f = fold_new()
#define CALL(n)	 call_of(MS_FOLD_NATIVE_ARCH, (n), 0)
#define X32(n)	 call_of(MS_FOLD_NATIVE_ARCH, MS_FOLD_X32_BIT | (n), 0)
#define OTHER(n) call_of(I386, (n), 0)

static struct ms_fold *fold_new(void)
{
	struct ms_fold *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->newest_nr = NEWEST;
	f->firsts = UINT32_MAX; /* the budget has a test of its own */
	return f;
}

static void fold_done(struct ms_fold **f)
{
	free(*f);
}

static struct ms_fold_call call_of(uint32_t arch, uint32_t nr, uint64_t arg0)
{
	return (struct ms_fold_call){
		.arch = arch, .nr = nr, .tid = 7, .args = {arg0}, .error = EPERM};
}

/* One call; 1 and its report when it is told at once, 0 when it is folded. */
static int add(struct ms_fold *f, struct ms_fold_call call, uint64_t now,
	       struct ms_shim_violation *ret)
{
	struct ms_fold_kind *k = ms_fold_add(f, &call, now);

	if (!k)
		return 0;
	ms_fold_report(f, k, ret);
	ms_fold_sent(f, k);
	return 1;
}

/* All reports that are due; the sum of their counts, and how many there were. */
static uint64_t drain(struct ms_fold *f, uint64_t now, bool all, unsigned *ret_n)
{
	struct ms_shim_violation v;
	struct ms_fold_kind *k;
	uint64_t sum = 0;
	uint32_t at = 0;

	*ret_n = 0;
	while ((k = ms_fold_next(f, now, all, &at))) {
		ms_fold_report(f, k, &v);
		ms_fold_sent(f, k);
		sum += v.count;
		++*ret_n;
	}
	return sum;
}

/* Told at once, as itself. */
static void check_told(struct ms_fold *f, struct ms_fold_call call, uint64_t now)
{
	struct ms_shim_violation v = {0};

	CHECK_EQ(add(f, call, now, &v), 1);
	CHECK_EQ(v.arch, call.arch);
	CHECK_EQ(v.nr, call.nr);
	CHECK_EQ(v.args[0], call.args[0]);
	CHECK_EQ(v.count, 1);
	CHECK_EQ(v.total, f->denied);
}

static void check_folded(struct ms_fold *f, struct ms_fold_call call, uint64_t now)
{
	struct ms_shim_violation v;

	CHECK_EQ(add(f, call, now, &v), 0);
}

TEST(native_numbers)
{
	CHECK(ms_fold_is_native(MS_FOLD_NATIVE_ARCH, 0));
	CHECK(ms_fold_is_native(MS_FOLD_NATIVE_ARCH, 100000));
	CHECK(!ms_fold_is_native(MS_FOLD_NATIVE_ARCH, MS_FOLD_X32_BIT));
	CHECK(!ms_fold_is_native(MS_FOLD_NATIVE_ARCH, UINT32_MAX));
	CHECK(!ms_fold_is_native(I386, 0));
}

TEST(the_first_at_once_the_rest_after_a_second)
{
	IN_FOLD;
	unsigned n;

	check_told(f, CALL(__NR_mount), START);
	CHECK_EQ(ms_fold_due(f), UINT64_MAX);
	for (int i = 0; i < 5; i++)
		check_folded(f, CALL(__NR_mount), START + 10 + (uint64_t)i);
	CHECK_EQ(ms_fold_due(f), START + SECOND);
	CHECK_EQ(drain(f, START + SECOND - 1, false, &n), 0);
	CHECK_EQ(drain(f, START + SECOND, false, &n), 5);
	CHECK_EQ(n, 1);
	CHECK_EQ(ms_fold_due(f), UINT64_MAX);
	CHECK_EQ(f->denied, 6);
	CHECK_EQ(f->reported, 6);
}

TEST(a_call_after_a_pause_does_not_wait)
{
	IN_FOLD;
	unsigned n;

	check_told(f, CALL(__NR_mount), START);
	check_folded(f, CALL(__NR_mount), START + 10 * SECOND);
	CHECK_EQ(ms_fold_due(f), START + 10 * SECOND);
	CHECK_EQ(drain(f, START + 10 * SECOND, false, &n), 1);
	/* and the second begins again with that report */
	check_folded(f, CALL(__NR_mount), START + 10 * SECOND + 1);
	CHECK_EQ(ms_fold_due(f), START + 11 * SECOND);
}

/* At the cap, one above, and how it comes back: nothing is lost, it only waits. */
TEST(the_budget_of_what_is_told_at_once)
{
	IN_FOLD;
	uint64_t later = START + SECOND;
	uint32_t nr = 0;
	unsigned n;

	f->firsts = MS_FOLD_FIRSTS;
	for (; nr < MS_FOLD_FIRSTS; nr++)
		check_told(f, CALL(nr), START);
	check_folded(f, CALL(nr++), START);
	check_folded(f, CALL(nr++), START + MS_FOLD_FIRST_USEC - 1);
	CHECK_EQ(ms_fold_due(f), START + SECOND);
	for (int i = 0; i < 5; i++)
		check_told(f, CALL(nr++), later);
	check_folded(f, CALL(nr++), later);
	CHECK_EQ(drain(f, later + SECOND, false, &n), 3);
	CHECK_EQ(n, 3); /* each as itself */
	CHECK_EQ(f->reported, f->denied);
	/* after any pause no more than at the start */
	for (uint32_t i = 0; i < MS_FOLD_FIRSTS; i++)
		check_told(f, CALL(nr++), later + 1000 * SECOND);
	check_folded(f, CALL(nr++), later + 1000 * SECOND);
}

TEST(the_first_of_the_folded_stands_for_all)
{
	IN_FOLD;
	struct ms_fold_call call = CALL(__NR_mount);
	struct ms_fold_kind *k;
	struct ms_shim_violation v;
	uint32_t at = 0;

	check_told(f, call, START);
	f->kinds[0].pid = 7;
	for (uint64_t i = 1; i < 4; i++) {
		call.args[0] = i;
		call.ip = 0x1000 * i;
		call.action = i == 3 ? MS_SHIM_THROTTLED : MS_SHIM_BLOCKED;
		check_folded(f, call, START + i);
	}
	k = ms_fold_next(f, START + SECOND, false, &at);
	REQUIRE(k);
	ms_fold_report(f, k, &v);
	CHECK_EQ(v.args[0], 1);
	CHECK_EQ(v.ip, 0x1000);
	CHECK_EQ(v.boot_usec, START + 1);
	CHECK_EQ(v.count, 3);
	CHECK_EQ(v.total, 4);
	CHECK_EQ(v.pid, 7);		       /* the same thread: its process is still known */
	CHECK_EQ(v.action, MS_SHIM_THROTTLED); /* what was done to the last of them */
	ms_fold_sent(f, k);
	call.tid = 8;
	check_folded(f, call, START + SECOND + 1);
	ms_fold_report(f, k, &v);
	CHECK_EQ(v.pid, 0); /* another thread: of whom is not known */
}

TEST(what_is_attempted_tells_calls_apart)
{
	IN_FOLD;

	check_told(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, 17), START);
	check_told(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, 16), START);
	check_folded(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, 17), START);
	check_told(f, call_of(I386, __NR_socket, 17), START);
	/* the numbers of another table mean something else */
	check_folded(f, call_of(I386, __NR_socket, 16), START);
}

TEST(a_report_that_did_not_leave_is_counted_later)
{
	IN_FOLD;
	struct ms_fold_call call = CALL(__NR_mount);
	struct ms_fold_kind *k = ms_fold_add(f, &call, START);
	struct ms_shim_violation v;
	uint32_t at = 0;
	unsigned n;

	REQUIRE(k);
	ms_fold_keep(k);
	CHECK_EQ(f->reported, 0);
	CHECK_EQ(ms_fold_due(f), START + SECOND);
	check_folded(f, call, START + 1);
	k = ms_fold_next(f, START + SECOND, false, &at);
	REQUIRE(k);
	ms_fold_report(f, k, &v);
	CHECK_EQ(v.count, 2);
	/* not sent either: a second later once more, nothing lost */
	CHECK(ms_fold_next(f, START + SECOND, false, &at) == NULL);
	CHECK_EQ(ms_fold_due(f), START + 2 * SECOND);
	CHECK_EQ(drain(f, START + 2 * SECOND, false, &n), 2);
	CHECK_EQ(f->reported, f->denied);
}

/* Kinds at the first cap: attempts of one number are no longer told apart, numbers are. */
TEST(the_cap_of_attempts)
{
	IN_FOLD;
	uint64_t i;

	for (i = 0; i < MS_FOLD_SELECTED; i++)
		check_told(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, i), START);
	CHECK_EQ(f->n_kinds, MS_FOLD_SELECTED);
	check_folded(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, i), START);
	check_folded(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, i + 1), START);
	CHECK_EQ(f->n_kinds, MS_FOLD_SELECTED);
	check_told(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_prctl, 9), START);
	check_folded(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_prctl, 10), START);
	check_told(f, CALL(__NR_mount), START);
}

/* The budgets of the classes of numbers that are not this machine's own. */
static const uint32_t budgets[3] = {32, 128, 128};

static struct ms_fold_call foreign(uint32_t which, uint32_t i)
{
	return which == 0 ? CALL(NEWEST + 1 + i) : which == 1 ? X32(i) : OTHER(i);
}

/* Kinds at the second cap: numbers of one class become one, told as what the first of them was. */
static void flood_foreign(struct ms_fold *f, uint32_t which)
{
	for (uint32_t i = 0; i < budgets[which]; i++)
		check_told(f, foreign(which, i), START);
}

TEST(the_cap_of_made_up_numbers)
{
	for (uint32_t which = 0; which < 3; which++) {
		IN_FOLD;
		uint32_t before;

		flood_foreign(f, which);
		before = f->n_kinds;
		/* the first that finds no place is told at once, those after it are counted with it
		 */
		check_told(f, foreign(which, 5000), START);
		check_folded(f, foreign(which, 5001), START + 1);
		check_folded(f, foreign(which, 5002), START + 2);
		CHECK_EQ(f->n_kinds, before);
		/* no class speaks for another: a call by another ABI is told as what it is */
		for (uint32_t other = 0; other < 3; other++) {
			if (other != which)
				check_told(f, foreign(other, 5000), START + 3);
		}
	}
}

/* The promise: each number that exists is told at its first call, after any flood. */
TEST(no_flood_hides_a_call)
{
	for (uint32_t which = 0; which < 3; which++) {
		IN_FOLD;
		unsigned n;

		for (uint64_t i = 0; i < 3 * MS_FOLD_SELECTED; i++) {
			struct ms_shim_violation v;

			(void)add(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, i), START, &v);
		}
		flood_foreign(f, which);
		for (uint32_t i = 0; i < 3 * MS_FOLD_KINDS; i++) {
			struct ms_shim_violation v;

			(void)add(f, OTHER(i), START, &v);
			(void)add(f, X32(i), START, &v);
			(void)add(f, CALL(NEWEST + 1 + i), START, &v);
		}
		for (uint32_t nr = 0; nr <= NEWEST; nr++) {
			if (nr != __NR_socket)
				check_told(f, CALL(nr), START);
		}
		CHECK(f->n_kinds <= MS_FOLD_KINDS);
		CHECK(drain(f, START, /* all= */ true, &n) > 0);
		CHECK_EQ(f->denied, f->reported);
		CHECK(n <= MS_FOLD_KINDS + MS_FOLD_CLASS_COUNT);
	}
}

/* Every number there can be room for after every flood, and one more. */
TEST(the_cap_of_kinds)
{
	IN_FOLD;
	struct ms_shim_violation v;

	f->newest_nr = MS_FOLD_MAX_NEWEST;
	for (uint64_t i = 0; i < MS_FOLD_SELECTED; i++)
		(void)add(f, call_of(MS_FOLD_NATIVE_ARCH, __NR_socket, i), START, &v);
	for (uint32_t which = 1; which < 3; which++)
		flood_foreign(f, which);
	for (uint32_t i = 0; i < budgets[0]; i++)
		check_told(f, CALL(MS_FOLD_MAX_NEWEST + 1 + i), START);
	for (uint32_t nr = 0; nr <= MS_FOLD_MAX_NEWEST; nr++) {
		if (nr != __NR_socket)
			check_told(f, CALL(nr), START);
	}
	CHECK(f->n_kinds <= MS_FOLD_KINDS);
}

/* Any mixture, a link that fails now and then, and time that passes: nothing is lost or doubled. */
TEST(totals_are_exact)
{
	IN_FOLD;
	uint64_t random = 88172645463325252u, told = 0, now = START;

	for (int i = 0; i < 20000; i++) {
		struct ms_fold_call call;
		struct ms_fold_kind *k;
		struct ms_shim_violation v;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		call = call_of(random & 1 ? MS_FOLD_NATIVE_ARCH : I386,
			       (uint32_t)(random >> 8) % 1000, random >> 32 & 3);
		now += random >> 20 & 0xfff;
		k = ms_fold_add(f, &call, now);
		if (k && random >> 40 & 1) {
			ms_fold_report(f, k, &v);
			ms_fold_sent(f, k);
			told += v.count;
		} else if (k) {
			ms_fold_keep(k);
		}
		for (uint32_t at = 0; (k = ms_fold_next(f, now, i == 19999, &at));) {
			if (i != 19999 && random >> 41 & 1)
				continue;
			ms_fold_report(f, k, &v);
			ms_fold_sent(f, k);
			told += v.count;
		}
		CHECK(ms_fold_due(f) == UINT64_MAX || ms_fold_due(f) > now);
	}
	CHECK_EQ(f->denied, 20000);
	CHECK_EQ(f->reported, told);
	CHECK_EQ(told, 20000);
}
