/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-digest.c - SHA-256 of bytes, and of JSON by what it says: what must be the same, and what
 * must not. Run by `make check`.
 */
#include "policy/digest.h"

#include <stdio.h>

#include "tests/unit/test.h"

static struct ms_digest of(const char *what, const char *text, const char *but)
{
	ms_auto(report) struct ms_report *report = ms_report_new("t");
	ms_auto(doc) struct ms_doc *doc = NULL;
	struct ms_digest digest = {{0}};

	ms_assert(ms_doc_parse(text, strlen(text), (struct ms_doc_limits){10000, 32},
			       MS_REASON_PARSE_ERROR, report, &doc) == 0);
	ms_assert(ms_digest_json(what, ms_doc_root(doc), but, &digest) == 0);
	return digest;
}

TEST(bytes)
{
	struct ms_digest digest;
	char hex[2 * MS_DIGEST_BYTES + 1];

	ms_digest_bytes("abc", 3, &digest); /* FIPS 180-4, the first example */
	for (size_t i = 0; i < MS_DIGEST_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest.bytes[i]); /* fits */
	CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(json_that_says_the_same)
{
	static const char *const pairs[][2] = {
		{"{\"a\":1,\"b\":[2,{\"c\":3,\"d\":4}]}",
		 " { \"b\" : [ 2 , {\"d\":4,\"c\":3} ] , \"a\" : 1 } "},
		{"{\"a\":\"\\u00e9\"}", "{\"a\":\"\xc3\xa9\"}"},
		{"{\"key\":\"x\",\"a\":1}", "{\"a\":1,\"key\":\"y\"}"},
		{"{\"a\":1}", "{\"a\":1,\"key\":\"y\"}"},
		{"{\"ab\":1,\"a\":2}", "{\"a\":2,\"ab\":1}"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(pairs); i++) {
		struct ms_digest a = of("m", pairs[i][0], "key"), b = of("m", pairs[i][1], "key");

		CHECK(ms_digest_same(&a, &b));
	}
}

TEST(json_that_does_not)
{
	static const char *const texts[] = {
		"{}",
		"{\"a\":1}",
		"{\"a\":\"1\"}",
		"{\"a\":true}",
		"{\"a\":null}",
		"{\"a\":[1]}",
		"{\"a\":{}}",
		"{\"a\":[]}",
		"{\"a\":1,\"b\":{\"key\":1}}", /* only the outermost is left out */
		"{\"a\":1,\"b\":{}}",
		"{\"a\":[1,2]}",
		"{\"a\":[2,1]}",
		"{\"b\":1}",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(texts); i++) {
		struct ms_digest a = of("m", texts[i], "key"), other = of("n", texts[i], "key");

		CHECK(!ms_digest_same(&a, &other));
		for (size_t k = 0; k < i; k++) {
			struct ms_digest b = of("m", texts[k], "key");

			CHECK(!ms_digest_same(&a, &b));
		}
	}
}

TEST(nothing_is_an_empty_object)
{
	struct ms_digest a = of("m", "{}", NULL), b;

	CHECK_EQ(ms_digest_json("m", NULL, "key", &b), 0);
	CHECK(ms_digest_same(&a, &b));
}
