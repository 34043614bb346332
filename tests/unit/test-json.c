/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-json.c - the gate (what is refused, where it is told), the values and their places. Run by
 * `make check`; reads and writes no file. The builder's tests are in test-json-write.c.
 */
#include "policy/json.h"

#include <json-c/json.h>

#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#define LIMITS ((struct ms_doc_limits){.max_bytes = MS_MAX_REQUEST_BYTES, .max_depth = 8})

static int parse_n(const char *text, size_t len, struct ms_report **report, struct ms_doc **doc)
{
	*doc = NULL;
	*report = ms_report_new("t.json");
	ms_assert(*report);
	return ms_doc_parse(text, len, LIMITS, MS_REASON_MANIFEST_INVALID, *report, doc);
}

static int parse(const char *text, struct ms_report **report, struct ms_doc **doc)
{
	return parse_n(text, strlen(text), report, doc);
}

/* The whole report of a text that must be refused. */
static char *refusal(const char *text, size_t len)
{
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	struct ms_buf out = MS_BUF_INIT(100000);

	CHECK_EQ(parse_n(text, len, &report, &doc), MS_DOC_INVALID);
	CHECK(!doc);
	CHECK(report->n_diags > 0);
	ms_report_print(report, &out);
	return ms_buf_take(&out, NULL);
}

static const char *good[] = {
	"null",
	"true",
	" false ",
	"0",
	"-0",
	"-12",
	"9223372036854775807",
	"-9223372036854775808",
	"1.5",
	"1e5",
	"1E+5",
	"-1.25e-3",
	"0.1",
	"1e308",
	"1e-400",
	"\"\"",
	"\"a\"",
	"[]",
	"{}",
	"[1,2,[3,{}],{\"a\":[]}]",
	"{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
	"\r\n\t [ ] \n",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00E9\\u20aC\\ud83d\\ude00\"",
	"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
	"{\"\":1,\"~/\":2}",
	"[[[[[[[[1]]]]]]]]",
};

TEST(good_texts)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(good); i++) {
		ms_auto(report) struct ms_report *report = NULL;
		ms_auto(doc) struct ms_doc *doc = NULL;

		CHECK_EQ(parse(good[i], &report, &doc), 0);
		CHECK(doc != NULL);
		CHECK_EQ(report->n_diags, 0);
		if (!doc)
			printf("refused: %s\n", good[i]);
	}
}

struct bad {
	const char *text, *report; /* the report's lines, each after "t.json:" */
};

#define VALUE "accepted: a value (a string in double quotes, a number, true, false, null, [ or {)"

static const struct bad bads[] = {
	{"", "1:1: found the end of the text; " VALUE},
	{"  \n ", "2:2: found the end of the text; " VALUE},
	{"[1,]", "1:4: found ']' after a comma; remove the comma before it"},
	{"{\"a\":1,}", "1:8: found '}' after a comma; remove the comma before it"},
	{"[,1]", "1:2: /0: found ','; " VALUE},
	{"[1", "1:3: found the end of the text; accepted: ',' or ']' after a value"},
	{"{\"a\"", "1:5: found the end of the text; accepted: ':' between a key and its value"},
	{"{\"a\":}", "1:6: /a: found '}'; " VALUE},
	{"{\"a\" 1}", "1:6: found '1'; accepted: ':' between a key and its value"},
	{"{\"a\":1 \"b\":2}", "1:8: found a string right after a value; put a comma before it"},
	{"[\"a\" \"b\"]", "1:6: found a string right after a value; put a comma before it"},
	{"{\"a\":1]", "1:7: found ']'; accepted: ',' or '}' after a value"},
	{"[1}", "1:3: found '}'; accepted: ',' or ']' after a value"},
	{"{1:2}", "1:2: found a key without quotes; put it into double quotes"},
	{"{a:2}", "1:2: found a key without quotes; put it into double quotes"},
	{"{'a':2}", "1:2: found '''; accepted: a key in double quotes"},
	{"['a']", "1:2: /0: found '''; " VALUE},
	{"]", "1:1: found ']'; " VALUE},
	{"1 2", "1:3: found '2'; accepted: nothing but white space after the document"},
	{"{} x", "1:4: found 'x'; accepted: nothing but white space after the document"},
	{"[True]", "1:2: /0: found True; " VALUE "; put a text into double quotes"},
	{"[nul]", "1:2: /0: found nul; " VALUE "; put a text into double quotes"},
	{"[NaN]", "1:2: /0: found NaN; " VALUE "; put a text into double quotes"},
	{"[+1]", "1:2: /0: found +1; " VALUE "; put a text into double quotes"},
	{"[-]", "1:2: /0: found -, which is not a number; digits are missing after '-'"},
	{"[01]", "1:2: /0: found 01, which begins with a zero; numbers are decimal, without "
		 "leading zeros"},
	{"[1.]", "1:2: /0: found 1., which has no digit after its point"},
	{"[1e]", "1:2: /0: found 1e, which has no digit in its exponent"},
	{"[1e+]", "1:2: /0: found 1e+, which has no digit in its exponent"},
	{"[256M]", "1:2: /0: found 256M, which is not a number of JSON (a text goes into quotes)"},
	{"[0x10]", "1:2: /0: found 0x10, which is not a number of JSON (a text goes into quotes)"},
	{"[1e999]", "1:2: /0: found 1e999, which is too large for a number"},
	{"9223372036854775808", "1:1: found 9223372036854775808, which does not fit into 64 bits; "
				"write it as a string"},
	{"-9223372036854775809", "1:1: found -9223372036854775809, which does not fit into 64 "
				 "bits; write it as a string"},
	{"\"a", "1:1: found a string that does not end; close it with \" on the same line"},
	{"\"a\nb\"", "1:1: found a string that does not end; close it with \" on the same line"},
	{"\"a\\", "1:1: found a string that does not end; close it"},
	{"\"\\x41\"", "1:2: found an unknown escape; \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX are "
		      "accepted"},
	{"{\"a", "1:2: found a string that does not end; close it with \" on the same line"},
	{"\"\\u12g4\"", "1:2: found \\u without four hex digits"},
	{"\"\\u12", "1:1: found a string that does not end; close it with \" on the same line"},
	{"\"a\\u0000\"", "1:3: found \\u0000 (NUL), which no string may hold"},
	{"\"\\ud800\"", "1:2: found half of a surrogate pair, which is not a character"},
	{"\"\\ud800\\u0041\"", "1:2: found half of a surrogate pair, which is not a character"},
	{"\"\\udc00\\ud800\"", "1:2: found half of a surrogate pair, which is not a character"},
	{"\"\t\"", "1:2: found a control character; write it as \\n, \\t or \\u00XX"},
	{"\"\xc3\xa9\xff\"", "1:3: found a byte that is not UTF-8"},
	{"\"\xc0\x80\"", "1:2: found a byte that is not UTF-8"},
	{"\"\xed\xa0\x80\"", "1:2: found a byte that is not UTF-8"},
	{"\"\xf4\x90\x80\x80\"", "1:2: found a byte that is not UTF-8"},
	{"[\xff]", "1:2: /0: found the byte 0xff, which is not UTF-8; " VALUE},
	{"\xef\xbb\xbf{}", "1:1: found a byte order mark; save the file as UTF-8 without one"},
	{"\xff\xfe{", "1:1: found UTF-16 or binary data; a JSON text in UTF-8 is accepted; save "
		      "the file as UTF-8"},
	{"\xfe\xff{", "1:1: found UTF-16 or binary data; a JSON text in UTF-8 is accepted; save "},
	{"// x\n{}", "1:1: found a comment, which JSON does not have; remove it"},
	{"{} # x", "1:4: found a comment, which JSON does not have; remove it"},
	{"[1 /* x */]", "1:4: found a comment, which JSON does not have; remove it"},
	{"[1 /* x ", "1:4: found a comment, which JSON does not have; remove it"},
	{"{\"a\" /* x */ : 1}", "1:6: found a comment, which JSON does not have; remove it"},
	{"[[[[[[[[[1]]]]]]]]]", "1:9: /0/0/0/0/0/0/0/0: found more than 8 levels of arrays and "
				"objects"},
	{"{\"a\":1,\n \"b\":2, \"a\":3}",
	 "2:9: /a: found the key \"a\" a second time; it stands already at 1:2; remove one"},
	{"{\"a\":1,\"\\u0061\":3}",
	 "1:8: /a: found the key \"a\" a second time; it stands already at 1:2; remove one"},
	{"{\"x\":{\"~/\":1,\"~/\":2}}",
	 "1:14: /x/~0~1: found the key \"~/\" a second time; it stands already at 1:7"},
};

TEST(bad_texts_are_told_with_their_place)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(bads); i++) {
		char *got = refusal(bads[i].text, strlen(bads[i].text));
		char want[512];

		(void)snprintf(want, sizeof(want), "t.json:%s", bads[i].report);
		CHECK(got != NULL);
		if (got && strncmp(got, want, strlen(want)) != 0)
			CHECK_STR(got, want);
		free(got);
	}
}

TEST(nul_bytes_are_binary_data)
{
	static const char text[] = "{\0\"\0";
	char *got = refusal(text, sizeof(text) - 1);

	CHECK(got && strstr(got, "UTF-16 or binary"));
	free(got);
	got = refusal("[1, \"a\0b\"]", 10);
	CHECK(got && strstr(got, "1:7: /1: found a control character"));
	free(got);
}

TEST(all_errors_at_once)
{
	char *got = refusal("{\"a\":01,\n\"b\":\"\\q\",\n\"a\":tru,}", 28);

	CHECK_STR(got, "t.json:1:6: /a: found 01, which begins with a zero; numbers are decimal, "
		       "without leading zeros\n"
		       "t.json:2:6: /b: found an unknown escape; \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
		       "\\uXXXX are accepted\n"
		       "t.json:3:1: /a: found the key \"a\" a second time; it stands already at "
		       "1:2; remove one of the two\n"
		       "t.json:3:5: /a: found tru; " VALUE "; put a text into double quotes\n"
		       "t.json:3:9: found '}' after a comma; remove the comma before it\n");
	free(got);
}

TEST(size_at_cap_and_above)
{
	size_t cap = MS_MAX_REQUEST_BYTES;
	char *text = malloc(cap + 2);
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	char *got;

	memset(text, ' ', cap + 1);
	memcpy(text, "[]", 2);
	CHECK_EQ(parse_n(text, cap, &report, &doc), 0);
	got = refusal(text, cap + 1);
	CHECK_STR(got, "t.json:1:1: found 1048577 bytes; at most 1048576 are accepted\n");
	free(got);
	free(text);
}

/* An array with @n values in it, itself counted, of which @last is the last. */
static char *many(uint32_t n, const char *last)
{
	struct ms_buf text = MS_BUF_INIT(MS_MAX_REQUEST_BYTES);

	ms_buf_adds(&text, "[");
	for (uint32_t i = 2; i < n; i++)
		ms_buf_adds(&text, "0,");
	ms_buf_addf(&text, "%s]", last);
	return ms_buf_take(&text, NULL);
}

TEST(values_at_cap_and_above)
{
	static const char *const last[] = {"0", "\"\"", "[]", "{}", "null"};

	for (size_t i = 0; i < MS_ARRAY_LEN(last); i++) {
		ms_auto_free char *text = many(MS_MAX_JSON_NODES, last[i]);
		ms_auto_free char *more = many(MS_MAX_JSON_NODES + 1, last[i]);
		ms_auto(report) struct ms_report *report = NULL;
		ms_auto(doc) struct ms_doc *doc = NULL;
		ms_auto_free char *got = NULL;

		CHECK_EQ(parse(text, &report, &doc), 0);
		got = refusal(more, strlen(more));
		CHECK(got && strstr(got, "found more than 65536 values in one document"));
	}
}

TEST(number_at_cap_and_above)
{
	char text[MS_MAX_JSON_NUMBER + 2] = "0.";
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	char *got;

	memset(text + 2, '1', MS_MAX_JSON_NUMBER - 1);
	CHECK_EQ(parse_n(text, MS_MAX_JSON_NUMBER, &report, &doc), 0);
	got = refusal(text, MS_MAX_JSON_NUMBER + 1);
	CHECK(got && strstr(got, "..., which has too many digits"));
	free(got);
}

/* As many members as fit, all with long keys that differ at their end, and each key twice. */
TEST(many_duplicates_are_quick_and_counted)
{
	struct ms_buf text = MS_BUF_INIT(MS_MAX_REQUEST_BYTES);
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;

	for (unsigned i = 0; i < 60000; i++)
		ms_buf_addf(&text, "%s\"kkk%u\":0", i ? "," : "{", i % 30000);
	ms_buf_adds(&text, "}");
	REQUIRE(!text.error);
	CHECK_EQ(parse_n(text.data, text.len, &report, &doc), MS_DOC_INVALID);
	CHECK_EQ(report->n_diags, MS_MAX_DIAGS);
	CHECK_EQ(report->n_dropped, 30000 - MS_MAX_DIAGS);
	ms_buf_done(&text);
}

TEST(values)
{
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	const struct ms_json *root, *v;
	struct ms_str key;

	REQUIRE(!parse("{\"s\":\"a\\u20ac\",\"i\":-5,\"d\":1.50,\"t\":true,\"n\":null,"
		       "\"a\":[1,null,{\"x\":[]}],\"o\":{}}",
		       &report, &doc));
	root = ms_doc_root(doc);
	CHECK_EQ(ms_json_type(root), MS_JSON_OBJECT);
	CHECK_EQ(ms_json_count(root), 7);
	v = ms_json_get(root, "s");
	REQUIRE(v);
	CHECK_STR(ms_json_str(v).p, "a\xe2\x82\xac");
	CHECK_EQ(ms_json_str(v).len, 4);
	CHECK_EQ(ms_json_int(ms_json_get(root, "i")), -5);
	CHECK(ms_json_double(ms_json_get(root, "i")) == -5.0);
	CHECK(ms_json_double(ms_json_get(root, "d")) == 1.5);
	CHECK_STR(ms_json_number_text(ms_json_get(root, "d")).p, "1.50");
	CHECK(ms_json_bool(ms_json_get(root, "t")));
	CHECK_EQ(ms_json_type(ms_json_get(root, "n")), MS_JSON_NULL);
	v = ms_json_get(root, "a");
	CHECK_EQ(ms_json_count(v), 3);
	CHECK_EQ(ms_json_type(ms_json_at(v, 1)), MS_JSON_NULL);
	CHECK_EQ(ms_json_count(ms_json_get(ms_json_at(v, 2), "x")), 0);
	v = ms_json_member(root, 6, &key);
	CHECK_STR(key.p, "o");
	CHECK_EQ(ms_json_count(v), 0);
	CHECK(!ms_json_get(root, "S"));
	CHECK(!ms_json_get(root, "sx"));
}

struct where {
	const char *pointer;
	uint32_t line, column, key_column;
};

TEST(places)
{
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	const struct ms_json *root, *b, *v[6];
	static const struct where want[] = {
		{"", 1, 1, 1},	     {"/a~1", 1, 9, 2},	    {"/b~0", 2, 8, 2},
		{"/b~0/0", 2, 9, 9}, {"/b~0/1", 2, 15, 15}, {"/b~0/1/\xc3\xa9", 2, 22, 17},
	};

	REQUIRE(!parse(
		"{\"a/\":  null,\n\t\"b~\": [\"\xc3\xa9\xe2\x82\xac\",\t{ \"\xc3\xa9\": 1}]}",
		&report, &doc));
	root = ms_doc_root(doc);
	b = ms_json_get(root, "b~");
	v[0] = root;
	v[1] = ms_json_get(root, "a/");
	v[2] = b;
	v[3] = ms_json_at(b, 0);
	v[4] = ms_json_at(b, 1);
	v[5] = ms_json_get(v[4], "\xc3\xa9");
	for (size_t i = 0; i < MS_ARRAY_LEN(want); i++) {
		uint32_t line, column;
		struct ms_str pointer;

		ms_doc_where(doc, v[i], &line, &column, &pointer);
		CHECK_STR(pointer.p, want[i].pointer);
		CHECK_EQ(line, want[i].line);
		CHECK_EQ(column, want[i].column);
		ms_doc_where_key(doc, v[i], &line, &column, &pointer);
		CHECK_EQ(column, want[i].key_column);
	}
}

TEST(pointer_at_cap_and_above)
{
	char text[2 * MS_MAX_JSON_POINTER], key[MS_MAX_JSON_POINTER + 1];

	memset(key, 'k', sizeof(key));
	for (int extra = 0; extra < 2; extra++) {
		ms_auto(report) struct ms_report *report = NULL;
		ms_auto(doc) struct ms_doc *doc = NULL;
		uint32_t line, column;
		struct ms_str pointer, name;
		const struct ms_json *value;

		(void)snprintf(text, sizeof(text), "{\"a\":{\"%.*s\":1}}",
			       (int)MS_MAX_JSON_POINTER - 3 + extra, key);
		REQUIRE(!parse(text, &report, &doc));
		value = ms_json_member(ms_json_get(ms_doc_root(doc), "a"), 0, &name);
		ms_doc_where(doc, value, &line, &column, &pointer);
		CHECK_EQ(pointer.len, extra ? 2 : MS_MAX_JSON_POINTER);
	}
}

/* The inner key fills all the room, and nothing is left for an outer one that is empty. */
TEST(pointer_without_room_for_an_empty_key)
{
	char text[2 * MS_MAX_JSON_POINTER], key[MS_MAX_JSON_POINTER];
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	uint32_t line, column;
	struct ms_str pointer;

	memset(key, 'k', sizeof(key));
	(void)snprintf(text, sizeof(text), "{\"\":{\"%.*s\":1}}", (int)sizeof(key) - 1,
		       key); /* fits */
	REQUIRE(!parse(text, &report, &doc));
	ms_doc_where(doc, ms_json_member(ms_json_get(ms_doc_root(doc), ""), 0, &pointer), &line,
		     &column, &pointer);
	CHECK_STR(pointer.p, "/");
}

/* One changed, dropped or doubled byte at a time, and then some at random: nothing may crash, and
 * the two readers agree on whatever the gate lets pass. */
static void check_mutant(const char *text, size_t len)
{
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(doc) struct ms_doc *doc = NULL;
	int r = parse_n(text, len, &report, &doc);

	CHECK((r == 0) == (doc != NULL) && (r == 0) == (report->n_diags == 0));
	for (uint32_t i = 0; i < report->n_diags; i++) {
		CHECK(report->diags[i].line >= 1 && report->diags[i].column >= 1);
		CHECK(!strstr(report->diags[i].msg.p, "disagree"));
	}
}

TEST(mutants)
{
	static const char seed[] = "{\"a\":[1,-2.5e+3,true,null,\"x\\u00e9\\ud83d\\ude00\\n\"],\n"
				   "\"\xc3\xa9/~\":{\"b\":{},\"c\":[[]]},\"d\":false}";
	static const char bytes[] = "{}[]\",:\\/ue.+-0159tfn \n\t#*\xff\xc3\xa9\x01";
	char text[sizeof(seed) + 1];
	uint32_t random = 1;

	for (size_t i = 0; i < sizeof(seed) - 1; i++) {
		check_mutant(seed, i);
		for (size_t k = 0; k < sizeof(bytes); k++) {
			memcpy(text, seed, sizeof(seed));
			text[i] = bytes[k];
			check_mutant(text, sizeof(seed) - 1);
		}
		memcpy(text, seed, i);
		memcpy(text + i, seed + i + 1, sizeof(seed) - 1 - i);
		check_mutant(text, sizeof(seed) - 2);
		memcpy(text + i + 1, seed + i, sizeof(seed) - i);
		text[i] = seed[i];
		check_mutant(text, sizeof(seed));
	}
	for (unsigned n = 0; n < 20000; n++) {
		memcpy(text, seed, sizeof(seed));
		for (unsigned k = 0; k < 1 + n % 5; k++) {
			random = random * 1664525u + 1013904223u;
			text[(random >> 8) % (sizeof(seed) - 1)] =
				bytes[(random >> 20) % sizeof(bytes)];
		}
		check_mutant(text, sizeof(seed) - 1);
	}
}

static void oom_parse(void)
{
	static const char text[] = "{\"a\":[1,2.5,\"x\"],\"b\":{\"c\":null}}";
	ms_auto(report) struct ms_report *report = ms_report_new("t.json");
	struct ms_doc *doc = (struct ms_doc *)&report; /* must stay untouched */
	int r;

	if (!report)
		return;
	r = ms_doc_parse(text, sizeof(text) - 1, LIMITS, MS_REASON_MANIFEST_INVALID, report, &doc);
	CHECK_EQ(r, oom_happened ? -ENOMEM : 0);
	CHECK_EQ(report->n_diags, 0);
	if (r)
		CHECK(doc == (struct ms_doc *)&report);
	else
		ms_doc_free(doc);
}

static void oom_refuse(void)
{
	static const char text[] = "{\"a\":1,\"a\":2}";
	ms_auto(report) struct ms_report *report = ms_report_new("t.json");
	struct ms_doc *doc = NULL;
	int r;

	if (!report)
		return;
	r = ms_doc_parse(text, sizeof(text) - 1, LIMITS, MS_REASON_MANIFEST_INVALID, report, &doc);
	CHECK(r == MS_DOC_INVALID || (r == -ENOMEM && oom_happened));
	CHECK(!doc);
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	oom_parse();
	OOM_LOOP
	oom_refuse();
}

/* The second reader, made to read another text than the first: the test is linked with
 * --wrap=json_tokener_parse_ex. */
struct json_object *__real_json_tokener_parse_ex(struct json_tokener *tok, const char *str,
						 int len);
struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *tok, const char *str,
						 int len);
static const char *other_text;

struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *tok, const char *str, int len)
{
	if (other_text)
		return __real_json_tokener_parse_ex(tok, other_text, (int)strlen(other_text));
	return __real_json_tokener_parse_ex(tok, str, len);
}

TEST(two_readers_that_differ_are_no_document)
{
	static const char *const pairs[][2] = {
		{"{\"a\":1}", "{\"b\":1}"},
		{"{\"a\":1}", "{\"aa\":1}"},
		{"{\"a\":1}", "{}"},
		{"{\"a\":1}", "{\"a\":1,\"b\":2}"},
		{"[1,2]", "[1]"},
		{"[1]", "[1,2]"},
		{"[\"ab\"]", "[\"a\"]"},
		{"[1]", "[1.0]"},
		{"[1.5]", "[1.25]"},
		{"[1.5]", "[1]"},
		{"[null]", "[0]"},
		{"[0]", "[null]"},
		{"[true]", "[1]"},
		{"[[]]", "[{}]"},
		{"[{}]", "[[]]"},
		{"[\"1\"]", "[1]"},
		{"[1]", "[1"},
		{"[1]", "x"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(pairs); i++) {
		ms_auto(report) struct ms_report *report = NULL;
		ms_auto(doc) struct ms_doc *doc = NULL;

		other_text = pairs[i][1];
		CHECK_EQ(parse(pairs[i][0], &report, &doc), MS_DOC_INVALID);
		CHECK(!doc && report->n_diags == 1 && strstr(report->diags[0].msg.p, "disagree"));
		other_text = NULL;
	}
}
