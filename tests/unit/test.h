/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test.h - the whole test framework: TEST(name) registers itself, CHECK* say file, line and both
 * values and go on, a test passes when none of its checks failed. main() is in here; each
 * test-<stem>.c is one program. Ends with the line "N passed, N failed"; exit 1 when any failed, 77
 * when every test was skipped (TEST_SKIP).
 */
#ifndef MS_TESTS_UNIT_TEST_H
#define MS_TESTS_UNIT_TEST_H

#include <stdio.h>
#include <string.h>

#include "lib/base.h"

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static unsigned test_failures, test_skipped;

#define TEST(id)                                                                                   \
	static void test_run_##id(void);                                                           \
	static struct test test_entry_##id = {.name = #id, .run = test_run_##id};                  \
	__attribute__((constructor)) static void test_register_##id(void)                          \
	{                                                                                          \
		*test_last = &test_entry_##id;                                                     \
		test_last = &test_entry_##id.next;                                                 \
	}                                                                                          \
	static void test_run_##id(void)

#define CHECK(expr)                                                                                \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			test_failures++;                                                           \
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #expr);                \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(got, want)                                                                        \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ != want_) {                                                               \
			test_failures++;                                                           \
			printf("%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_,    \
			       want_);                                                             \
		}                                                                                  \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (!got_ || strcmp(got_, want_) != 0) {                                           \
			test_failures++;                                                           \
			printf("%s:%d: %s is\n  \"%s\", not\n  \"%s\"\n", __FILE__, __LINE__,      \
			       #got, got_ ? got_ : "(null)", want_);                               \
		}                                                                                  \
	} while (0)

/* Stop this test: nothing after makes sense without it. */
#define REQUIRE(expr)                                                                              \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			test_failures++;                                                           \
			printf("%s:%d: required: %s\n", __FILE__, __LINE__, #expr);                \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define TEST_SKIP(why)                                                                             \
	do {                                                                                       \
		test_skipped++;                                                                    \
		printf("%s: skipped: %s\n", __func__, why);                                        \
		return;                                                                            \
	} while (0)

int main(void)
{
	unsigned passed = 0, failed = 0;

	for (struct test *t = test_first; t; t = t->next) {
		unsigned before = test_failures, skipped = test_skipped;

		t->run();
		if (test_failures != before) {
			failed++;
			printf("FAIL %s\n", t->name);
		} else if (test_skipped == skipped) {
			passed++;
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	(void)fflush(stdout); /* a leak checker ends the process before stdio does */
	if (failed)
		return 1;
	return passed ? 0 : 77;
}

#endif
