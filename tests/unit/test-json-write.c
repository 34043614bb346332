/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-json-write.c - the builder: escapes, both styles, misuse, caps. Run by `make check`; writes
 * no file.
 */
#include "policy/json.h"

#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#define LIMITS ((struct ms_doc_limits){.max_bytes = 1000, .max_depth = 8})

TEST(builder)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	ms_auto_free char *line = NULL, *pretty = NULL;
	size_t len = 0;

	static const char text[] = "{\"z\":[1.50,-7,\"/\\u00e9\",null,true,{}],\"y\":1e2}";

	report = ms_report_new("t");
	REQUIRE(!ms_doc_parse(text, strlen(text), LIMITS, MS_REASON_INTERNAL, report, &doc));
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "a\"", "q\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9");
	ms_jw_str(jw, "raw", (struct ms_str){.p = "a\xff\0b", .len = 4});
	ms_jw_textf(jw, "f", "%d%%", 5);
	ms_jw_array(jw, "n");
	ms_jw_int(jw, NULL, INT64_MIN);
	ms_jw_uint(jw, NULL, UINT64_MAX);
	ms_jw_bool(jw, NULL, false);
	ms_jw_null(jw, NULL);
	ms_jw_array(jw, NULL);
	ms_jw_end(jw);
	ms_jw_end(jw);
	ms_jw_value(jw, "v", ms_doc_root(doc));
	ms_jw_object(jw, "o");
	ms_jw_end(jw);
	CHECK(!ms_jw_take(jw, MS_JW_LINE, &len)); /* still open */
	ms_jw_end(jw);
	pretty = ms_jw_take(jw, MS_JW_PRETTY, NULL);
	line = ms_jw_take(jw, MS_JW_LINE, &len);
	CHECK_STR(line, "{\"a\\\"\":\"q\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa9\","
			"\"raw\":\"a\\\\xff\\\\x00b\",\"f\":\"5%\","
			"\"n\":[-9223372036854775808,18446744073709551615,false,null,[]],"
			"\"v\":{\"z\":[1.50,-7,\"/\xc3\xa9\",null,true,{}],\"y\":1e2},\"o\":{}}");
	CHECK_EQ(len, strlen(line));
	CHECK_STR(pretty, "{\n"
			  "  \"a\\\"\": \"q\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa9\",\n"
			  "  \"raw\": \"a\\\\xff\\\\x00b\",\n"
			  "  \"f\": \"5%\",\n"
			  "  \"n\": [\n"
			  "    -9223372036854775808,\n"
			  "    18446744073709551615,\n"
			  "    false,\n"
			  "    null,\n"
			  "    []\n"
			  "  ],\n"
			  "  \"v\": {\n"
			  "    \"z\": [\n"
			  "      1.50,\n"
			  "      -7,\n"
			  "      \"/\xc3\xa9\",\n"
			  "      null,\n"
			  "      true,\n"
			  "      {}\n"
			  "    ],\n"
			  "    \"y\": 1e2\n"
			  "  },\n"
			  "  \"o\": {}\n"
			  "}\n");
}

TEST(builder_misuse_gives_nothing)
{
	for (int i = 0; i < 6; i++) {
		ms_auto(jw) struct ms_jw *jw = ms_jw_new();

		switch (i) {
		case 0: /* nothing written */
			break;
		case 1: /* a key outside an object */
			ms_jw_int(jw, "k", 1);
			break;
		case 2: /* no key inside one */
			ms_jw_object(jw, NULL);
			ms_jw_int(jw, NULL, 1);
			ms_jw_end(jw);
			break;
		case 3: /* two documents */
			ms_jw_null(jw, NULL);
			ms_jw_null(jw, NULL);
			break;
		case 4: /* an end too many */
			ms_jw_array(jw, NULL);
			ms_jw_end(jw);
			ms_jw_end(jw);
			break;
		case 5: /* too deep */
			for (unsigned d = 0; d <= MS_MAX_JSON_OPEN; d++)
				ms_jw_array(jw, NULL);
			for (unsigned d = 0; d <= MS_MAX_JSON_OPEN; d++)
				ms_jw_end(jw);
			break;
		}
		CHECK(!ms_jw_take(jw, MS_JW_LINE, NULL));
	}
}

TEST(builder_depth_and_size_at_cap)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new(), *big = NULL;
	ms_auto_free char *text = NULL, *chunk = malloc(MS_MAX_JSON_WRITE);
	char *huge;

	for (unsigned d = 0; d < MS_MAX_JSON_OPEN; d++)
		ms_jw_array(jw, NULL);
	for (unsigned d = 0; d < MS_MAX_JSON_OPEN; d++)
		ms_jw_end(jw);
	text = ms_jw_take(jw, MS_JW_LINE, NULL);
	CHECK(text && strlen(text) == 2 * MS_MAX_JSON_OPEN);
	memset(chunk, 'x', MS_MAX_JSON_WRITE);
	for (unsigned extra = 0; extra < 2; extra++) {
		big = ms_jw_new();
		ms_jw_str(big, NULL,
			  (struct ms_str){.p = chunk, .len = MS_MAX_JSON_WRITE - 2 + extra});
		huge = ms_jw_take(big, MS_JW_LINE, NULL);
		CHECK((huge != NULL) == (extra == 0));
		free(huge);
		big = ms_jw_free(big);
	}
}

static void oom_write(void)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto_free char *line = NULL, *pretty = NULL;

	if (!jw)
		return;
	ms_jw_array(jw, NULL);
	for (int i = 0; i < 100; i++)
		ms_jw_textf(jw, NULL, "text %d", i);
	ms_jw_end(jw);
	pretty = ms_jw_take(jw, MS_JW_PRETTY, NULL);
	line = ms_jw_take(jw, MS_JW_LINE, NULL);
	CHECK(line || oom_happened);
	CHECK(!line || strlen(line) == 991);
	CHECK(!pretty || strlen(pretty) == 1293);
	CHECK(oom_happened == !(line && pretty));
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	oom_write();
}
