/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-name.c - each class of names: its edges in length, every byte in its places. Run by `make
 * check`. */
#include "lib/name.h"

#include "modsup/limits.h"
#include "tests/unit/test.h"

struct class
{
	const char *what;
	bool (*is)(const char *p, size_t len);
	size_t min, max;
	const char *first, *middle, *last; /* characters accepted there, beside a-z where noted */
	const char *good[6], *bad[12];
};

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const struct class classes[] = {
	{"module",
	 ms_name_is_module,
	 1,
	 MS_MAX_ID_BYTES,
	 LOWER DIGIT,
	 LOWER DIGIT "-",
	 LOWER DIGIT,
	 {"a", "0", "a-b", "a--b", "stripe-payments"},
	 {"", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "a b", "-"}},
	{"tenant",
	 ms_name_is_tenant,
	 1,
	 MS_MAX_TENANT_BYTES,
	 LOWER UPPER DIGIT "_:-",
	 LOWER UPPER DIGIT "._:-",
	 LOWER UPPER DIGIT "._:-",
	 {"default", "a.b", "A:1_2-", "-", "a."},
	 {"", ".", "..", ".a", "a/b", "a b", "a\n", "\xc3\xa9"}},
	{"instance",
	 ms_name_is_instance,
	 8,
	 16,
	 DIGIT "abcdef",
	 DIGIT "abcdef",
	 DIGIT "abcdef",
	 {"01234567", "abcdefabcdefabcd"},
	 {"", "0123456", "0123456789abcdef0", "0123456g", "0123456A", "0123456-"}},
	{"socket",
	 ms_name_is_socket,
	 1,
	 15,
	 LOWER,
	 LOWER DIGIT "-",
	 LOWER DIGIT "-",
	 {"http", "a", "a-1", "a-"},
	 {"", "1a", "-a", "Http", "a_b", "a/b", ".", "a.b"}},
};

TEST(examples)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(classes); i++) {
		const struct class *c = &classes[i];

		for (size_t k = 0; k < MS_ARRAY_LEN(c->good) && c->good[k]; k++)
			CHECK(c->is(c->good[k], strlen(c->good[k])));
		for (size_t k = 0; k < MS_ARRAY_LEN(c->bad) && c->bad[k]; k++) {
			if (c->is(c->bad[k], strlen(c->bad[k])))
				CHECK_STR(c->bad[k], "refused");
		}
	}
}

TEST(length_at_cap_and_above)
{
	char text[256];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < MS_ARRAY_LEN(classes); i++) {
		for (size_t len = 0; len < 200; len++)
			CHECK_EQ(classes[i].is(text, len),
				 len >= classes[i].min && len <= classes[i].max);
	}
}

static bool may_stand(const char *set, unsigned c)
{
	return c && strchr(set, (int)c);
}

TEST(every_byte_everywhere)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(classes); i++) {
		const struct class *c = &classes[i];

		for (unsigned byte = 0; byte < 256; byte++) {
			char text[9];

			for (int at = 0; at < 3; at++) {
				const char *set = at == 0   ? c->first
						  : at == 1 ? c->middle
							    : c->last;

				memset(text, 'a', sizeof(text));
				text[at == 0 ? 0 : at == 1 ? 4 : 8] = (char)byte;
				CHECK_EQ(c->is(text, sizeof(text)), may_stand(set, byte));
			}
		}
	}
}
