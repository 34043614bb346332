/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-manifest.c - every case of tests/manifests/ against the parser: accepted or refused, at
 * which places, with which reason and words; and what an accepted manifest holds.
 */
#include "policy/manifest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "policy/json.h"
#include "tests/unit/test.h"

#define MAX_FILE (1024u * 1024u)

static const char *case_dir(void)
{
	const char *srcdir = secure_getenv("srcdir");
	static char dir[4096];

	(void)snprintf(dir, sizeof(dir), "%s/tests/manifests", srcdir ? srcdir : ".");
	return dir;
}

static bool text_is(struct ms_str a, const char *b)
{
	return a.len == strlen(b) && memcmp(a.p, b, a.len) == 0;
}

/* How many errors of @reason stand at @pointer. */
static uint32_t count_at(const struct ms_report *report, enum ms_reason reason, struct ms_str at)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < report->n_diags; i++) {
		const struct ms_diag *d = &report->diags[i];

		n += d->reason == reason && d->pointer.len == at.len &&
		     memcmp(d->pointer.p, at.p, at.len) == 0;
	}
	return n;
}

static uint32_t count_all(const struct ms_report *report, enum ms_reason reason)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < report->n_diags; i++)
		n += report->diags[i].reason == reason;
	return n;
}

/* Exactly the pointers of @list, each as often as it is there. */
static bool same_places(const struct ms_report *report, enum ms_reason reason,
			const struct ms_json *list)
{
	size_t n = list ? ms_json_count(list) : 0;

	if (n == 1 && text_is(ms_json_str(ms_json_at(list, 0)), "*"))
		return count_all(report, reason) > 0;
	if (count_all(report, reason) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct ms_str at = ms_json_str(ms_json_at(list, i));
		uint32_t want = 0;

		for (size_t k = 0; k < n; k++) {
			struct ms_str other = ms_json_str(ms_json_at(list, k));

			want += other.len == at.len && memcmp(other.p, at.p, at.len) == 0;
		}
		if (count_at(report, reason, at) != want)
			return false;
	}
	return true;
}

static bool all_said(const char *text, const struct ms_json *says)
{
	for (size_t i = 0; says && i < ms_json_count(says); i++) {
		struct ms_str s = ms_json_str(ms_json_at(says, i));

		if (!memmem(text, strlen(text), s.p, s.len))
			return false;
	}
	return true;
}

/* The manifest of a case as bytes; owned by the caller. */
static char *case_text(const struct ms_json *c, size_t *ret_len)
{
	const struct ms_json *text = ms_json_get(c, "text");
	ms_auto(jw) struct ms_jw *jw = NULL;
	struct ms_str s;
	char *copy;

	if (!text) {
		jw = ms_jw_new();
		if (!jw)
			return NULL;
		ms_jw_value(jw, NULL, ms_json_get(c, "manifest"));
		return ms_jw_take(jw, MS_JW_LINE, ret_len);
	}
	s = ms_json_str(text);
	copy = malloc(s.len + 1);
	if (copy && s.len)
		memcpy(copy, s.p, s.len);
	*ret_len = s.len;
	return copy;
}

static void run_case(const char *file, const struct ms_json *c)
{
	const struct ms_json *invalid = ms_json_get(c, "invalid");
	const struct ms_json *unsupported = ms_json_get(c, "unsupported");
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	ms_auto(manifest) struct ms_manifest *m = NULL;
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(MAX_FILE);
	ms_auto_free char *text = NULL;
	size_t len = 0;
	int r;

	text = case_text(c, &len);
	REQUIRE(report && text);
	r = ms_manifest_parse(text, len, report, &m);
	ms_report_print(report, &buf);
	ms_buf_adds(&buf, "");
	if (r == (invalid || unsupported ? MS_MANIFEST_INVALID : 0) && !m == (r != 0) &&
	    same_places(report, MS_REASON_MANIFEST_INVALID, invalid) &&
	    same_places(report, MS_REASON_UNSUPPORTED, unsupported) &&
	    (!buf.data || all_said(buf.data, ms_json_get(c, "says"))) &&
	    (!m || ms_manifest_verify(m)))
		return;
	test_failures++;
	printf("%s: %s: parser gave %d and said:\n%s\n", file,
	       ms_json_str(ms_json_get(c, "name")).p, r, buf.data ? buf.data : "(nothing)");
}

static size_t run_file(int dirfd, const char *name)
{
	struct ms_doc_limits limits = {.max_bytes = MAX_FILE, .max_depth = 32};
	ms_auto_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ms_auto(report) struct ms_report *report = ms_report_new(name);
	ms_auto(doc) struct ms_doc *doc = NULL;
	ms_auto_free char *data = malloc(MAX_FILE);
	ssize_t n = fd < 0 || !data ? -1 : ms_fs_read_all(fd, data, MAX_FILE);
	const struct ms_json *root;

	if (n < 0 || !report ||
	    ms_doc_parse(data, (size_t)n, limits, MS_REASON_INTERNAL, report, &doc) != 0) {
		test_failures++;
		printf("%s: cannot be read as cases\n", name);
		return 0;
	}
	root = ms_doc_root(doc);
	for (size_t i = 0; i < ms_json_count(root); i++)
		run_case(name, ms_json_at(root, i));
	return ms_json_count(root);
}

TEST(every_case)
{
	DIR *dir = opendir(case_dir());
	struct dirent *entry;
	size_t cases = 0;

	REQUIRE(dir);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".json") == 0)
			cases += run_file(dirfd(dir), entry->d_name);
	}
	(void)closedir(dir); /* read only */
	printf("%zu cases\n", cases);
	CHECK(cases > 200); /* the folder was found, and nobody emptied it */
}

static struct ms_manifest *parse(const char *text)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(MAX_FILE);
	struct ms_manifest *m = NULL;

	if (report && ms_manifest_parse(text, strlen(text), report, &m) == 0)
		return m;
	if (report)
		ms_report_print(report, &buf);
	printf("%s\n", buf.data ? buf.data : "(no report)");
	return NULL;
}

TEST(values)
{
	ms_auto(manifest) struct ms_manifest *m = parse(
		"{\"id\":\"shop\",\"version\":\"1.2.3-rc.1\",\"name\":\"Shop\","
		"\"engine\":{\"platform\":\"^1\"},"
		"\"entry\":{\"command\":[\"./bin/run\",\"\",\"b\"],\"mode\":\"oneshot\","
		"\"env\":{\"B\":\"2\",\"A\":\"1\"},\"listen\":{\"socket\":[\"http\",\"admin\"]},"
		"\"startTimeout\":\"2s\",\"stopTimeout\":\"1s\",\"code\":[\"lib/\",\"bin\"]},"
		"\"permissions\":{\"fs\":{\"read\":[\"./b\",\"a\"],\"write\":[\"w/x\"]},"
		"\"network\":{\"allowlist\":[{\"domain\":\"a.example\",\"ports\":[8443,443]},"
		"{\"cidr\":\"192.0.2.0/24\",\"protocols\":[\"http\",\"tls\"]}]},"
		"\"services\":[\"pg\"],\"core\":[{\"method\":\"GET\",\"path\":\"/a\"}]},"
		"\"limits\":{\"memory\":\"1G\",\"cpu\":\"50%\",\"wallTimePerRequest\":\"1s\"}}");

	REQUIRE(m);
	CHECK_STR(m->id.p, "shop");
	CHECK_STR(m->version.p, "1.2.3-rc.1");
	CHECK_STR(m->engine_platform.p, "^1");
	CHECK_STR(m->base.p, "host");
	CHECK(m->has_entry && m->has_code && m->has_read);
	CHECK_EQ(m->mode, MS_MODE_ONESHOT);
	CHECK_EQ(m->n_argv, 3);
	CHECK_STR(m->argv[0].p, "bin/run");
	CHECK_STR(m->argv[1].p, "");
	CHECK_EQ(m->n_env, 2);
	CHECK_STR(m->env[0].name.p, "A");
	CHECK_STR(m->env[1].value.p, "2");
	CHECK_EQ(m->n_listen, 2);
	CHECK_STR(m->listen[0].p, "http");
	CHECK_EQ(m->start_timeout_usec, 2000000);
	CHECK_EQ(m->stop_timeout_usec, 1000000);
	CHECK_EQ(m->n_code, 2);
	CHECK_STR(m->code[0].p, "bin");
	CHECK_STR(m->code[1].p, "lib");
	CHECK_STR(m->read[0].p, "a");
	CHECK_STR(m->write[0].p, "w/x");
	CHECK_EQ(m->n_allow, 2);
	CHECK_EQ(m->allow[0].ports[0], 443);
	CHECK_EQ(m->allow[0].protocols, 1);
	CHECK_EQ(m->allow[1].n_ports, 2);
	CHECK_EQ(m->allow[1].ports[0], 80);
	CHECK_EQ(m->n_services, 1);
	CHECK_EQ(m->n_core, 1);
	CHECK(m->limits[MS_LIMIT_MEMORY].set);
	CHECK_EQ(m->limits[MS_LIMIT_MEMORY].value, 1 << 30);
	CHECK_EQ(m->limits[MS_LIMIT_CPU].value, 50);
	CHECK_EQ(m->limits[MS_LIMIT_WALL_TIME].value, 1000000);
	CHECK(!m->limits[MS_LIMIT_TMP].set);
}

TEST(defaults)
{
	ms_auto(manifest) struct ms_manifest *m = parse(
		"{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":[\"/bin/true\"]}}");

	REQUIRE(m);
	CHECK_EQ(m->mode, MS_MODE_SERVICE);
	CHECK_EQ(m->start_timeout_usec, 30000000);
	CHECK_EQ(m->stop_timeout_usec, 10000000);
	CHECK_EQ(m->readiness, MS_READY_NONE);
	CHECK_EQ(m->restart, MS_RESTART_ON_FAILURE);
	CHECK_EQ(m->watchdog_usec, 0);
	CHECK(!m->ready_http.len && !m->health_http.len && !m->health_restart);
	CHECK_EQ(m->health_interval_usec, 10000000);
	CHECK_EQ(m->health_failures, 3);
	CHECK(!m->has_code && !m->has_read && !m->n_write && !m->n_allow);
	CHECK_EQ(ms_limit_infos[MS_LIMIT_MEMORY].dflt, 256 << 20);
	for (size_t i = 0; i < MS_LIMIT_COUNT; i++)
		CHECK(!m->limits[i].set);
}

#define ENTRY(rest)                                                                                \
	"{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":[\"/bin/true\"],"              \
	"\"listen\":{\"socket\":[\"http\",\"b\"]}," rest "}}"

TEST(life)
{
	ms_auto(manifest) struct ms_manifest *m = parse(ENTRY(
		"\"readiness\":{\"http\":\"/up?x\"},\"restart\":\"always\",\"watchdog\":\"90s\","
		"\"health\":{\"http\":\"/well\",\"interval\":\"1m\",\"failures\":1,"
		"\"then\":\"report\"}"));

	REQUIRE(m);
	CHECK_EQ(m->readiness, MS_READY_PROBE);
	CHECK_STR(m->ready_http.p, "/up?x");
	CHECK_EQ(m->restart, MS_RESTART_ALWAYS);
	CHECK_EQ(m->watchdog_usec, 90000000);
	CHECK_STR(m->health_http.p, "/well");
	CHECK_EQ(m->health_interval_usec, 60000000);
	CHECK_EQ(m->health_failures, 1);
	CHECK(!m->health_restart);
}

/* What one key leaves open another decides, in whatever order they stand. */
TEST(life_defaults)
{
	static const struct {
		const char *text;
		enum ms_readiness readiness;
		enum ms_restart restart;
		bool health_restart;
	} cases[] = {
		{ENTRY("\"readiness\":\"notify\""), MS_READY_NOTIFY, MS_RESTART_ON_FAILURE, false},
		{ENTRY("\"health\":{\"http\":\"/\"}"), MS_READY_NONE, MS_RESTART_ON_FAILURE, true},
		{ENTRY("\"health\":{\"http\":\"/\"},\"restart\":\"never\""), MS_READY_NONE,
		 MS_RESTART_NEVER, false},
		{ENTRY("\"health\":{\"http\":\"/\"},\"mode\":\"oneshot\""), MS_READY_NONE,
		 MS_RESTART_NEVER, false},
		{ENTRY("\"mode\":\"oneshot\""), MS_READY_NONE, MS_RESTART_NEVER, false},
		{ENTRY("\"restart\":\"on-failure\",\"mode\":\"oneshot\""), MS_READY_NONE,
		 MS_RESTART_ON_FAILURE, false},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		ms_auto(manifest) struct ms_manifest *m = parse(cases[i].text);

		REQUIRE(m);
		CHECK_EQ(m->readiness, cases[i].readiness);
		CHECK_EQ(m->restart, cases[i].restart);
		CHECK_EQ(m->health_restart, cases[i].health_restart);
	}
}

TEST(places_are_lines_and_columns)
{
	static const char text[] = "{\n  \"id\": \"m\",\n  \"version\": \"1.0.0\",\n"
				   "  \"limits\": { \"memory\": true }\n}\n";
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	struct ms_manifest *m = NULL;

	REQUIRE(report);
	CHECK_EQ(ms_manifest_parse(text, strlen(text), report, &m), MS_MANIFEST_INVALID);
	REQUIRE(report->n_diags == 1);
	CHECK_EQ(report->diags[0].line, 4);
	CHECK_EQ(report->diags[0].column, 25);
}

/* White space up to the cap is a manifest, one byte more is none. */
TEST(size_at_the_cap)
{
	static const char text[] = "{\"id\":\"m\",\"version\":\"1.0.0\"}";
	ms_auto_free char *data = malloc(MS_MAX_MANIFEST_BYTES + 1);
	ms_auto(manifest) struct ms_manifest *m = NULL;
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	struct ms_manifest *none = NULL;

	REQUIRE(data && report);
	memset(data, ' ', MS_MAX_MANIFEST_BYTES + 1);
	memcpy(data, text, sizeof(text) - 1);
	CHECK_EQ(ms_manifest_parse(data, MS_MAX_MANIFEST_BYTES, report, &m), 0);
	CHECK_EQ(ms_manifest_parse(data, MS_MAX_MANIFEST_BYTES + 1, report, &none),
		 MS_MANIFEST_INVALID);
	CHECK(!none);
}

/* The list of errors ends, the count does not. */
TEST(many_errors_are_bounded)
{
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(MAX_FILE);
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	struct ms_manifest *m = NULL;

	REQUIRE(report);
	ms_buf_adds(&buf, "{\"id\":\"m\",\"version\":\"1.0.0\"");
	for (unsigned i = 0; i < MS_MAX_DIAGS + 7; i++)
		ms_buf_addf(&buf, ",\"k%u\":1", i);
	ms_buf_adds(&buf, "}");
	CHECK_EQ(ms_manifest_parse(buf.data, buf.len, report, &m), MS_MANIFEST_INVALID);
	CHECK_EQ(report->n_diags, MS_MAX_DIAGS);
	CHECK_EQ(report->n_dropped, 7);
}

/* Every byte of a manifest that uses every key, as another byte: what is accepted passes the check
 * that the decoder asks too, and what is refused says why. */
TEST(every_byte_changed)
{
	static const char others[] = {'"', '{', '}', '[', ']', ',',  ':',  '0',	 '9',	 '-',	'.',
				      '/', 'x', 'A', ' ', '*', '\\', '\n', '\0', '\x7f', '\xff'};
	char text[] = "{\"id\":\"m\",\"version\":\"1.0.0-a+b\",\"engine\":{\"platform\":\"^1\"},"
		      "\"runtime\":{\"apiVersion\":\"v1\",\"base\":\"host\"},"
		      "\"entry\":{\"command\":[\"./a\",\"b\"],\"mode\":\"oneshot\","
		      "\"env\":{\"A\":\"1\",\"B\":\"2\"},\"listen\":{\"socket\":[\"h\",\"i\"]},"
		      "\"startTimeout\":\"2s\",\"code\":[\"l\"]},"
		      "\"permissions\":{\"fs\":{\"read\":[\"r\"],\"write\":[\"w/x\",\"v\"]},"
		      "\"network\":{\"allowlist\":[{\"domain\":\"*.a.example\",\"ports\":[1,443],"
		      "\"protocols\":[\"tcp\"]},{\"cidr\":\"192.0.2.0/24\"}]},"
		      "\"services\":[\"p\",\"q\"],\"core\":[{\"method\":\"GET\","
		      "\"path\":\"/a/:b\",\"params\":{\"b\":\"uuid\"}}],\"sse\":[\"/s\"]},"
		      "\"limits\":{\"memory\":\"64M\",\"cpu\":\"50%\",\"openFiles\":64},"
		      "\"dependencies\":{\"d\":\"1 - 2\"},\"events\":[\"e\"],\"x-y\":null}";
	unsigned accepted = 0, refused = 0;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char was = text[i];

		for (size_t k = 0; k < MS_ARRAY_LEN(others); k++) {
			ms_auto(report) struct ms_report *report = ms_report_new("m");
			ms_auto(manifest) struct ms_manifest *m = NULL;

			text[i] = others[k];
			REQUIRE(report);
			if (ms_manifest_parse(text, sizeof(text) - 1, report, &m) == 0)
				accepted++;
			else
				refused++;
			CHECK(!m == (report->n_diags > 0));
			CHECK_EQ(count_all(report, MS_REASON_INTERNAL), 0);
		}
		text[i] = was;
	}
	CHECK(accepted > 100);
	CHECK(refused > 1000);
}
