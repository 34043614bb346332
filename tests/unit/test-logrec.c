/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-logrec.c - records of a log there and back, every byte of one changed, cut at every length.
 */
#include "lib/logrec.h"

#include "tests/unit/test.h"

#define LATEST 253402300799999999u

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static size_t encode(uint8_t *buf, enum ms_logrec_source source, const char *text)
{
	return ms_logrec_encode(buf, &(struct ms_logrec){.source = source,
							 .usec = 1767323045678901u,
							 .text = str(text),
							 .generation = 7});
}

static int decode(const uint8_t *buf, size_t len, struct ms_logrec *ret)
{
	size_t used = 0;
	int r = ms_logrec_decode(buf, len, ret, &used);

	CHECK(r != 0 || (used >= MS_LOGREC_HEAD_BYTES && used <= len));
	return r;
}

TEST(there_and_back)
{
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	struct ms_logrec rec = {.source = MS_LOGREC_STDERR,
				.partial = true,
				.usec = 1767323045678901u,
				.text = {"a\0b\n\x1b[2J", 8}},
			 got;
	size_t used, len = ms_logrec_encode(buf, &rec);

	CHECK_EQ(len, MS_LOGREC_HEAD_BYTES + 8);
	REQUIRE(ms_logrec_decode(buf, sizeof(buf), &got, &used) == 0);
	CHECK_EQ(used, len);
	CHECK_EQ(got.source, MS_LOGREC_STDERR);
	CHECK(got.partial);
	CHECK_EQ(got.usec, rec.usec);
	CHECK_EQ(got.text.len, 8);
	CHECK(memcmp(got.text.p, rec.text.p, 8) == 0);
	CHECK_STR(ms_logrec_word(got.source), "stderr");
	CHECK_STR(ms_logrec_word(MS_LOGREC_HEADER), "");
}

TEST(header)
{
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	struct ms_logrec got;
	size_t len = encode(buf, MS_LOGREC_HEADER, "");

	CHECK_EQ(len, MS_LOGREC_HEADER_BYTES);
	REQUIRE(decode(buf, len, &got) == 0);
	CHECK_EQ(got.generation, 7);
	memset(buf + MS_LOGREC_HEAD_BYTES, 0, 8);
	CHECK_EQ(decode(buf, len, &got), MS_LOGREC_BAD); /* they are counted from 1 */
	(void)encode(buf, MS_LOGREC_HEADER, "");
	buf[6] = 7;
	CHECK_EQ(decode(buf, len, &got), MS_LOGREC_BAD); /* a number of seven bytes */
	(void)encode(buf, MS_LOGREC_HEADER, "");
	buf[5] = 1;
	CHECK_EQ(decode(buf, len, &got), MS_LOGREC_BAD); /* a partial number */
}

/* Text at its cap; one above it is refused whoever writes it. */
TEST(cap)
{
	static char text[MS_MAX_LOG_TEXT_BYTES + 1];
	static uint8_t buf[MS_LOGREC_MAX_BYTES + 1];
	struct ms_logrec got;
	size_t len;

	memset(text, 'x', MS_MAX_LOG_TEXT_BYTES);
	len = encode(buf, MS_LOGREC_STDOUT, text);
	CHECK_EQ(len, MS_LOGREC_MAX_BYTES);
	REQUIRE(decode(buf, len, &got) == 0);
	CHECK_EQ(got.text.len, MS_MAX_LOG_TEXT_BYTES);
	buf[6]++; /* 1025 */
	CHECK_EQ(decode(buf, len + 1, &got), MS_LOGREC_BAD);
	CHECK_EQ(decode(buf, MS_LOGREC_HEAD_BYTES, &got), MS_LOGREC_BAD);
}

TEST(times)
{
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	struct ms_logrec rec = {.source = MS_LOGREC_NOTE, .usec = LATEST}, got;

	CHECK_EQ(decode(buf, ms_logrec_encode(buf, &rec), &got), 0);
	rec.usec++;
	CHECK_EQ(decode(buf, ms_logrec_encode(buf, &rec), &got), MS_LOGREC_BAD);
}

TEST(every_length)
{
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	struct ms_logrec got = {.generation = 99};
	size_t used = 0, len = encode(buf, MS_LOGREC_STDOUT, "hello");

	for (size_t cut = 0; cut < len; cut++)
		CHECK_EQ(ms_logrec_decode(buf, cut, &got, &used), MS_LOGREC_SHORT);
	CHECK_EQ(got.generation, 99); /* untouched */
	CHECK_EQ(used, 0);
	CHECK_EQ(decode(buf, len, &got), 0);
}

/* One byte wrong, every byte and value: refused, waited for, or within its bounds. */
TEST(every_byte_changed)
{
	static const enum ms_logrec_source sources[] = {MS_LOGREC_STDOUT, MS_LOGREC_STDERR,
							MS_LOGREC_NOTE, MS_LOGREC_HEADER};
	uint8_t buf[MS_LOGREC_MAX_BYTES];
	unsigned counts[3] = {0};

	for (size_t s = 0; s < MS_ARRAY_LEN(sources); s++) {
		size_t len = encode(buf, sources[s], "12345678");

		for (size_t at = 0; at < len; at++) {
			uint8_t was = buf[at];

			for (unsigned x = 1; x < 256; x++) {
				struct ms_logrec got;
				int r;

				buf[at] = (uint8_t)(was ^ x);
				r = decode(buf, len, &got);
				REQUIRE(r >= 0 && r <= MS_LOGREC_BAD);
				counts[r]++;
				if (at < 4)
					CHECK_EQ(r, MS_LOGREC_BAD);
				if (r == 0)
					CHECK(got.source < MS_LOGREC_SOURCES && got.text.len <= 8 &&
					      got.usec <= LATEST);
			}
			buf[at] = was;
		}
	}
	CHECK(counts[0] && counts[1] && counts[2]);
}
