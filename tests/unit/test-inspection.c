/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-inspection.c - the rules of a layout, and the decoder that believes nothing: every byte
 * changed, every length, layouts that no honest walk makes.
 */
#include "policy/inspection.h"

#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static const char text[] =
	"{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":[\"/bin/true\"]},"
	"\"permissions\":{\"fs\":{\"read\":[\"conf\",\"data\"],\"write\":[\"data/"
	"cache\",\"log\"]}}}";
static uint8_t message[MS_MAX_INSPECTION_BYTES], again[MS_MAX_INSPECTION_BYTES];

static struct ms_str str(const char *s)
{
	return (struct ms_str){.p = s, .len = strlen(s)};
}

static struct ms_manifest *parse(const char *json)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	struct ms_manifest *m = NULL;

	if (!report || ms_manifest_parse(json, strlen(json), report, &m) != 0)
		return NULL;
	return m;
}

static void add(struct ms_layout *layout, const char *path, enum ms_bundle_kind kind,
		enum ms_bundle_class class, const char *target)
{
	layout->entries[layout->n_entries++] = (struct ms_bundle_entry){
		.path = str(path), .kind = kind, .class = class, .target = str(target)};
}

/* The layout of a bundle with conf/, data/{seed,cache/}, lib/, link -> lib/a, run.js */
static struct ms_layout good(void)
{
	struct ms_layout layout = MS_LAYOUT_INIT;

	add(&layout, "conf", MS_BUNDLE_DIR, MS_CLASS_READ, "");
	add(&layout, "data", MS_BUNDLE_SKELETON, MS_CLASS_CODE, "");
	add(&layout, "data/seed", MS_BUNDLE_FILE, MS_CLASS_READ, "");
	add(&layout, "lib", MS_BUNDLE_DIR, MS_CLASS_CODE, "");
	add(&layout, "link", MS_BUNDLE_SYMLINK, MS_CLASS_CODE, "lib/../lib/a");
	add(&layout, "run.js", MS_BUNDLE_FILE, MS_CLASS_CODE, "");
	return layout;
}

TEST(classes)
{
	static const struct {
		const char *json, *path;
		enum ms_bundle_class class;
	} rows[] = {
#define M     "{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":[\"/bin/true\"]"
#define FS(x) "},\"permissions\":{\"fs\":{" x "}}}"
		{M "}}", "a", MS_CLASS_CODE},
		{M FS("\"read\":[\"a\"]"), "a", MS_CLASS_READ},
		{M FS("\"read\":[\"a\"]"), "a/b", MS_CLASS_READ},
		{M FS("\"read\":[\"a\"]"), "ab", MS_CLASS_CODE},
		{M FS("\"write\":[\"a\"]"), "a/b", MS_CLASS_WRITE},
		{M FS("\"write\":[\"a/b\"]"), "a", MS_CLASS_CODE},
		{M ",\"code\":[\"a\"]}}", "a/b", MS_CLASS_CODE},
		{M ",\"code\":[\"a\"]}}", "b", MS_CLASS_READ},
		{M ",\"code\":[\"a\"]" FS("\"read\":[]"), "b", MS_CLASS_NONE},
		{M ",\"code\":[\"a\"]" FS("\"read\":[\"b\"]"), "b", MS_CLASS_READ},
		{M ",\"code\":[\"a\"]" FS("\"read\":[\"a\"]"), "a", MS_CLASS_CODE},
		{M ",\"code\":[\"a/b\"]" FS("\"read\":[\"a\"]"), "a/b/c", MS_CLASS_CODE},
		{M ",\"code\":[\"a/b\"]" FS("\"read\":[\"a\"]"), "a/c", MS_CLASS_READ},
		{M ",\"code\":[\"a\"]" FS("\"read\":[\"a/b\"]"), "a/b/c", MS_CLASS_READ},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(rows); i++) {
		ms_auto(manifest) struct ms_manifest *m = parse(rows[i].json);

		REQUIRE(m);
		CHECK_EQ(ms_layout_class(m, str(rows[i].path)), rows[i].class);
	}
}

TEST(folders_taken_apart)
{
	ms_auto(manifest) struct ms_manifest *m = parse(text);

	REQUIRE(m);
	CHECK(ms_layout_needed(m));
	CHECK(ms_layout_splits(m, str("")));
	CHECK(ms_layout_splits(m, str("data")));
	CHECK(!ms_layout_splits(m, str("conf")));
	CHECK(!ms_layout_splits(m, str("data/cache")));
	CHECK(!ms_layout_splits(m, str("dat")));
}

TEST(links)
{
	CHECK(ms_layout_link_stays(str("a"), str("b")));
	CHECK(ms_layout_link_stays(str("a/b"), str("../c")));
	CHECK(ms_layout_link_stays(str("a/b"), str("..")));
	CHECK(ms_layout_link_stays(str("a"), str(".")));
	CHECK(ms_layout_link_stays(str("a"), str("b/../c//d/")));
	CHECK(!ms_layout_link_stays(str("a"), str("..")));
	CHECK(!ms_layout_link_stays(str("a"), str("../a")));
	CHECK(!ms_layout_link_stays(str("a/b"), str("../../c")));
	CHECK(!ms_layout_link_stays(str("a/b"), str("c/../../..")));
	CHECK(!ms_layout_link_stays(str("a"), str("/etc")));
	CHECK(!ms_layout_link_stays(str("a"), str("")));
	CHECK(!ms_layout_link_stays(str("a"), str("b\nc")));
}

TEST(layouts_that_nobody_honest_makes)
{
	ms_auto(manifest) struct ms_manifest *m = parse(text);
	struct ms_layout l = good();

	REQUIRE(m);
	CHECK(ms_layout_verify(&l, m));
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		l = good();                                                                        \
		change;                                                                            \
		CHECK(!ms_layout_verify(&l, m));                                                   \
	} while (0)
	REFUSED(l.whole = true);
	REFUSED((l.whole = true, l.n_entries = 0));
	REFUSED(l.n_entries = 0); /* no skeleton leads to data/cache */
	REFUSED(l.n_entries = MS_MAX_ATTACH + 1);
	REFUSED(l.entries[0].class = MS_CLASS_CODE);
	REFUSED(l.entries[3].class = MS_CLASS_READ);
	REFUSED(l.entries[0].path = str("../conf"));
	REFUSED(l.entries[0].path = str("con\x7f"));
	REFUSED(l.entries[0].path = str("zonf"));	/* order */
	REFUSED(l.entries[0].path = l.entries[1].path); /* twice */
	REFUSED(l.entries[1].kind = MS_BUNDLE_DIR);	/* would hide the write path's mount */
	REFUSED(l.entries[3].kind = MS_BUNDLE_SKELETON);
	REFUSED(l.entries[3].path = str("lib/a"));  /* lib is no skeleton */
	REFUSED(l.entries[3].path = str("conf/a")); /* below an attached folder */
	REFUSED(l.entries[3].path = str("log"));    /* a write path */
	REFUSED(l.entries[3].path = str("data/cache/x"));
	REFUSED(l.entries[4].target = str("../x"));
	REFUSED(l.entries[4].target = str("/x"));
	REFUSED(l.entries[4].target = str(""));
	REFUSED(l.entries[5].target = str("lib"));
	REFUSED(l.entries[5].kind = MS_BUNDLE_KIND_COUNT);
	REFUSED(add(&l, "x", MS_BUNDLE_FILE, MS_CLASS_WRITE, ""));
	REFUSED(add(&l, "x", MS_BUNDLE_FILE, MS_CLASS_NONE, ""));
#undef REFUSED
}

TEST(whole_bundles)
{
	ms_auto(manifest) struct ms_manifest *m = parse("{\"id\":\"m\",\"version\":\"1.0.0\"}");
	struct ms_layout l = MS_LAYOUT_INIT;

	REQUIRE(m);
	CHECK(!ms_layout_needed(m));
	CHECK(!ms_layout_verify(&l, m));
	l.whole = true;
	CHECK(ms_layout_verify(&l, m));
	add(&l, "a", MS_BUNDLE_FILE, MS_CLASS_CODE, "");
	CHECK(!ms_layout_verify(&l, m));
}

static size_t encode_good(void)
{
	ms_auto(manifest) struct ms_manifest *m = parse(text);
	ms_auto(report) struct ms_report *report = ms_report_new("x");
	struct ms_layout layout = good();
	size_t len = 0;

	if (!m || !report ||
	    ms_inspection_encode(m, &layout, report, message, sizeof(message), &len) != 0)
		return 0;
	return len;
}

static size_t encode_bad(void)
{
	ms_auto(report) struct ms_report *report = ms_report_new("x");
	size_t len = 0;

	if (!report)
		return 0;
	ms_report_add(report, MS_REASON_MANIFEST_INVALID, 3, 7, str("/id"), "a hint", "found %d",
		      1);
	ms_report_add(report, MS_REASON_BUNDLE_INVALID, 0, 0, str("a\nb"), NULL, "a %c device", 27);
	report->n_dropped = 5;
	return ms_inspection_encode(NULL, NULL, report, message, sizeof(message), &len) ? 0 : len;
}

/* 1 when decoded; what came out is encoded again to the same bytes. */
static int same_again(const uint8_t *data, size_t len)
{
	ms_auto(inspection) struct ms_inspection in = MS_INSPECTION_INIT;
	ms_auto(report) struct ms_report *none = ms_report_new("x");
	size_t n = 0;

	if (!none || ms_inspection_decode(data, len, "module.json", &in) != 0)
		return 0;
	CHECK(!in.manifest == (in.report != NULL));
	CHECK(!in.manifest || ms_layout_verify(&in.layout, in.manifest));
	CHECK_EQ(ms_inspection_encode(in.manifest, &in.layout, in.report ? in.report : none, again,
				      sizeof(again), &n),
		 0);
	CHECK(n == len && memcmp(again, data, len) == 0);
	return 1;
}

TEST(accepted_there_and_back)
{
	ms_auto(inspection) struct ms_inspection in = MS_INSPECTION_INIT;
	size_t len = encode_good();

	REQUIRE(len);
	CHECK_EQ(same_again(message, len), 1);
	REQUIRE(ms_inspection_decode(message, len, "module.json", &in) == 0);
	memset(message, 0xaa, len); /* nothing is borrowed from the message */
	CHECK_STR(in.manifest->id.p, "m");
	CHECK_EQ(in.layout.n_entries, 6);
	CHECK_STR(in.layout.entries[4].target.p, "lib/../lib/a");
	CHECK(!in.report && !in.layout.whole);
}

TEST(refused_there_and_back)
{
	ms_auto(inspection) struct ms_inspection in = MS_INSPECTION_INIT;
	size_t len = encode_bad();

	REQUIRE(len);
	REQUIRE(ms_inspection_decode(message, len, "module.json", &in) == 0);
	REQUIRE(in.report && !in.manifest);
	CHECK_EQ(in.report->n_diags, 2);
	CHECK_EQ(in.report->n_dropped, 5);
	CHECK_EQ(in.report->diags[0].reason, MS_REASON_MANIFEST_INVALID);
	CHECK_EQ(in.report->diags[0].line, 3);
	CHECK_STR(in.report->diags[0].hint.p, "a hint");
	CHECK_STR(in.report->diags[1].pointer.p,
		  "a\nb"); /* as it is: whoever shows it escapes it */
	CHECK_STR(in.report->diags[1].msg.p, "a \\x1b device"); /* harmless to show */
	CHECK_STR(in.report->file.p, "module.json");
}

static void change_every_byte(size_t len)
{
	unsigned refused = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t was = message[i];

		for (unsigned k = 0; k < 12; k++) {
			message[i] = (uint8_t)(k < 8 ? was ^ (1u << k) : k * 85u);
			refused += !same_again(message, len);
		}
		message[i] = was;
	}
	CHECK(refused > len);
	for (size_t i = 0; i < len; i++)
		CHECK_EQ(same_again(message, i), 0);
	CHECK_EQ(same_again(message, len + 1), 0);
}

TEST(every_byte_changed_accepted)
{
	size_t len = encode_good();

	REQUIRE(len);
	change_every_byte(len);
}

TEST(every_byte_changed_refused)
{
	size_t len = encode_bad();

	REQUIRE(len);
	change_every_byte(len);
}

/* The longest texts still make a message; they are cut between characters. */
TEST(long_texts_are_cut)
{
	static char path[3 * MS_MAX_DIAG_BYTES];
	ms_auto(report) struct ms_report *report = ms_report_new("x");
	ms_auto(inspection) struct ms_inspection in = MS_INSPECTION_INIT;
	size_t len = 0;

	for (size_t i = 0; i + 3 <= sizeof(path) - 1; i += 3)
		memcpy(path + i, "\xe2\x82\xac", 3);
	REQUIRE(report);
	for (unsigned i = 0; i < MS_MAX_DIAGS; i++)
		ms_report_add(report, MS_REASON_BUNDLE_INVALID, 0, 0,
			      (struct ms_str){path, i % 2 ? 3000 : 2049}, "h", "m");
	CHECK_EQ(ms_inspection_encode(NULL, NULL, report, message, sizeof(message), &len), 0);
	REQUIRE(ms_inspection_decode(message, len, "m", &in) == 0);
	CHECK_EQ(in.report->n_diags, MS_MAX_DIAGS);
	CHECK_EQ(in.report->diags[0].pointer.len, 2046);
	CHECK_EQ(ms_inspection_encode(NULL, NULL, report, message, 100, &len), -E2BIG);
}

static void oom_run(struct ms_manifest *m, const struct ms_report *report)
{
	ms_auto(inspection) struct ms_inspection in = MS_INSPECTION_INIT;
	struct ms_layout layout = good();
	size_t len = 0;
	int r = ms_inspection_encode(m, &layout, report, message, sizeof(message), &len);

	CHECK(r == (oom_happened ? -ENOMEM : 0));
	if (r)
		return;
	r = ms_inspection_decode(message, len, "m", &in);
	CHECK(r == (oom_happened ? -ENOMEM : 0) || (r == 0 && in.report && in.report->n_dropped));
	CHECK(r == 0 || (!in.manifest && !in.report && !in.layout.n_entries));
}

TEST(no_memory)
{
	ms_auto(report) struct ms_report *accepted = ms_report_new("x");
	ms_auto(report) struct ms_report *refused = ms_report_new("x");
	ms_auto(manifest) struct ms_manifest *m = parse(text);

	REQUIRE(m && accepted && refused);
	ms_report_add(refused, MS_REASON_UNSUPPORTED, 1, 1, str("/a\xff"), "h", "%s", "m\033");
	OOM_LOOP
	oom_run(m, accepted);
	OOM_LOOP
	oom_run(NULL, refused);
}
