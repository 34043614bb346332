/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-buf.c - growth, the cap, the sticky error, escaping. */
#include "lib/buf.h"

#include "tests/unit/test.h"

TEST(add_and_take)
{
	struct ms_buf buf = MS_BUF_INIT(1000);
	size_t len = 0;
	char *text;

	for (int i = 0; i < 100; i++)
		ms_buf_addf(&buf, "%d,", i % 10);
	text = ms_buf_take(&buf, &len);
	REQUIRE(text);
	CHECK_EQ(len, 200);
	CHECK(strncmp(text, "0,1,2,3,", 8) == 0);
	free(text);
}

TEST(cap_and_cap_plus_one)
{
	struct ms_buf buf = MS_BUF_INIT(4);

	ms_buf_adds(&buf, "abcd");
	CHECK_EQ(buf.error, 0);
	ms_buf_adds(&buf, "e");
	CHECK_EQ(buf.error, -E2BIG);
	CHECK(ms_buf_take(&buf, NULL) == NULL);
	ms_buf_done(&buf);
}

TEST(escape)
{
	struct ms_buf buf = MS_BUF_INIT(1000);
	static const char in[] = "a\x1b[31m\n\\\xff\xc3\xa9\xe2\x80\xae\x7f";

	ms_buf_escape(&buf, in, sizeof(in) - 1);
	CHECK_STR(buf.data, "a\\x1b[31m\\x0a\\x5c\\xff\xc3\xa9\\xe2\\x80\\xae\\x7f");
	ms_buf_done(&buf);
}

TEST(take_of_nothing_is_empty)
{
	struct ms_buf buf = MS_BUF_INIT(10);
	char *text = ms_buf_take(&buf, NULL);

	CHECK_STR(text, "");
	free(text);
}
