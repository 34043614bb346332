/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-scan.c - which texts pass, and what is found in those that do. */
#include "supervisor/client/scan.h"

#include "modsup/limits.h"
#include "modsup/modsup.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static int check(const char *text)
{
	return ms_scan_check(text, strlen(text));
}

TEST(texts_that_pass)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"null",
		"true",
		" { \"a\" : [ 1 , -2.5e3 , \"\\u00e9\\n\" , {} ] } ",
		"0",
		"\"\"",
		"[[]]",
		"{\"\":0}",
		"{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"}]\\\"\"}}",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(good); i++)
		if (check(good[i]) != 0) {
			printf("refused: %s\n", good[i]);
			CHECK(false);
		}
}

TEST(texts_that_do_not)
{
	static const char *const bad[] = {
		"",	      " ",	     "{",	    "}",
		"[1,]",	      "{\"a\":1,}",  "{a:1}",	    "{\"a\" 1}",
		"[1 2]",      "{}{}",	     "{\"a\":}",    "nul",
		"tru e",      "01",	     "[1}",	    "{\"a\"]",
		"\"\n\"",     "\"\\x\"",     "\"\\ud800\"", "\"\xff\"",
		"[\"]",	      "{\"a\":1",    "+1",	    "// c\n{}",
		"{\"a\":1;}", "\"\\u0000\"", "1e999",	    "[,]",
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++)
		if (check(bad[i]) != -EBADMSG) {
			printf("accepted: %s\n", bad[i]);
			CHECK(false);
		}
	CHECK_EQ(ms_scan_check("{}\0", 3), -EBADMSG);
}

/* As deep as the protocol allows, and one deeper. */
TEST(depth)
{
	char text[2 * MS_MAX_REQUEST_DEPTH + 3];
	size_t n = MS_MAX_REQUEST_DEPTH;

	memset(text, '[', n);
	memset(text + n, ']', n);
	CHECK_EQ(ms_scan_check(text, 2 * n), 0);
	n++;
	memset(text, '[', n);
	memset(text + n, ']', n);
	CHECK_EQ(ms_scan_check(text, 2 * n), -EBADMSG);
}

static const char document[] =
	" {\"a\":{\"b\":[10,{\"c\":\"x\\ty\"},\"]}\"],\"~\":1,\"/\":2,\"\":3},"
	"\"str\\u0069ng\" : \"v\", \"n\" : 7 , \"o\":{ } }";

static void found(const char *pointer, const char *want)
{
	char out[128] = "?";
	long n = modsup_json_get(document, pointer, out, sizeof(out));

	if (!want) {
		CHECK_EQ(n, -ENOENT);
		CHECK_STR(out, "?");
		return;
	}
	CHECK_STR(out, want);
	CHECK_EQ(n, strlen(want));
}

TEST(pointers)
{
	found("/a/b/0", "10");
	found("/a/b/1/c", "x\ty");
	found("/a/b/2", "]}");
	found("/a/b/1", "{\"c\":\"x\\ty\"}");
	found("/a/~0", "1");
	found("/a/~1", "2");
	found("/a/", "3");
	found("/string", "v");
	found("/n", "7");
	found("/o", "{ }");
	found("/a/b/3", NULL);
	found("/a/b/01", NULL);
	found("/a/b/-1", NULL);
	found("/a/b/x", NULL);
	found("/nope", NULL);
	found("/n/x", NULL);
	found("/o/x", NULL);
	found("n", NULL);
	found("/str", NULL);
}

TEST(cut_to_fit)
{
	char out[4] = "?";

	CHECK_EQ(modsup_json_get("{\"a\":\"12345\"}", "/a", out, sizeof(out)), 5);
	CHECK_STR(out, "123");
	CHECK_EQ(modsup_json_get("{\"a\":\"12345\"}", "/a", NULL, 0), 5);
	CHECK_EQ(modsup_json_get("{\"a\":", "/a", out, sizeof(out)), -EINVAL);
	CHECK_EQ(modsup_json_get("[7]", "", out, sizeof(out)), 3);
	CHECK_STR(out, "[7]");
}

TEST(numbers_and_kinds)
{
	uint64_t n = 1;

	CHECK(ms_scan_uint(str(" 18446744073709551615 "), &n));
	CHECK_EQ(n, UINT64_MAX);
	CHECK(!ms_scan_uint(str("-1"), &n));
	CHECK(!ms_scan_uint(str("1.0"), &n));
	CHECK(!ms_scan_uint(str("\"1\""), &n));
	CHECK(!ms_scan_uint(str("null"), &n));
	CHECK(ms_scan_is_object(str(" {}")));
	CHECK(!ms_scan_is_object(str("[]")));
	CHECK(!ms_scan_is_object(str("")));
}

TEST(memory_runs_out)
{
	OOM_LOOP
	{
		char out[16] = "?";
		long n = modsup_json_get(document, "/a/b/1/c", out, sizeof(out));

		CHECK(n == 3 || n == -ENOMEM);
		CHECK_STR(out, n == 3 ? "x\ty" : "?");
	}
}

/* Every prefix and every changed byte: no accepted text leads a walk out of it (ASan sees). */
TEST(mutations)
{
	char text[sizeof(document)];
	size_t len = sizeof(document) - 1;
	uint64_t passed = 0;

	for (size_t at = 0; at < len; at++) {
		for (unsigned c = 0; c < 256; c++) {
			struct ms_str value;
			char *copy;

			memcpy(text, document, sizeof(document));
			text[at] = (char)c;
			copy = malloc(len); /* exact, so that one byte beyond is seen */
			REQUIRE(copy);
			memcpy(copy, text, len);
			if (ms_scan_check(copy, len) == 0) {
				passed++;
				value = (struct ms_str){.p = copy, .len = len};
				CHECK(!ms_scan_get(value, "nowhere", &value));
				MS_IGNORE(ms_scan_pointer(value, "/a/b/1/c", &value)); /* any */
			}
			free(copy);
		}
	}
	CHECK(passed > len);
	for (size_t n = 1; n < len; n++)
		CHECK_EQ(ms_scan_check(document, n),
			 n == len - 1 && document[len - 1] == ' ' ? 0 : -EBADMSG);
}
