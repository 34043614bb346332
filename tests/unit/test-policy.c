/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-policy.c - what is cut and why, what is in the hash, and the page that people read. Run by
 * `make check`.
 */
#include "policy/policy.h"

#include "policy/json.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#define ENTRY "\"entry\":{\"command\":[\"/usr/bin/node\",\"a.js\"]}"
#define HEAD  "{\"id\":\"m\",\"version\":\"1.0.0\","

struct fixture {
	struct ms_manifest *manifest;
	struct ms_config *config;
	struct ms_policy *policy;
	struct ms_error err;
};

static void fixture_done(struct fixture *f)
{
	ms_policy_free(f->policy);
	ms_config_free(f->config);
	ms_manifest_free(f->manifest);
}

static struct ms_manifest *manifest_of(const char *text)
{
	ms_auto(report) struct ms_report *report = ms_report_new("m.json");
	struct ms_manifest *m = NULL;
	struct ms_buf out = MS_BUF_INIT(100000);

	if (ms_manifest_parse(text, strlen(text), report, &m)) {
		ms_report_print(report, &out);
		CHECK_STR(out.data ? out.data : "", "");
		ms_buf_done(&out);
	}
	return m;
}

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

/* A policy of @text; @config is a drop-in, or NULL. */
static struct fixture build(const char *text, const char *config, enum ms_tier tier)
{
	struct fixture f = {.manifest = manifest_of(text), .config = ms_config_new()};
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");

	if (config)
		CHECK_EQ(ms_config_apply(f.config, config, strlen(config), report), 0);
	if (f.manifest &&
	    ms_policy_build(f.manifest, f.config, tier, str("default"), &f.policy, &f.err) < 0)
		CHECK_STR(f.err.msg, "");
	return f;
}

#define FIXTURE(...)                                                                               \
	__attribute__((cleanup(fixture_done))) struct fixture f = build(__VA_ARGS__);              \
	REQUIRE(f.policy)

static void check_narrowing(const struct ms_policy *p, uint32_t i, const char *key,
			    const char *asked, const char *granted, const char *why)
{
	REQUIRE(i < p->n_narrowings);
	CHECK_STR(p->narrowings[i].key.p, key);
	CHECK_STR(p->narrowings[i].asked.p, asked);
	CHECK_STR(p->narrowings[i].granted.p, granted);
	CHECK_STR(p->narrowings[i].why.p, why);
}

TEST(defaults_are_not_narrowed)
{
	FIXTURE(HEAD ENTRY "}", NULL, MS_TIER_COMMUNITY);
	CHECK_EQ(f.policy->n_narrowings, 0);
	CHECK_EQ(f.policy->limits[MS_LIMIT_MEMORY], 256 << 20);
	CHECK_EQ(f.policy->limits[MS_LIMIT_OPEN_FILES], 100);
	CHECK_EQ(f.policy->limits[MS_LIMIT_CPU_TIME], 0);
	CHECK_EQ(f.policy->limits[MS_LIMIT_DISK], 0);
	CHECK_STR(f.policy->tenant.p, "default");
}

TEST(limits_at_and_above_the_ceiling)
{
	FIXTURE(HEAD ENTRY ",\"limits\":{\"memory\":\"257M\",\"cpu\":\"100%\",\"openFiles\":257,"
			   "\"processes\":128,\"tmp\":\"1G\"}}",
		NULL, MS_TIER_COMMUNITY);
	CHECK_EQ(f.policy->limits[MS_LIMIT_MEMORY], 256 << 20);
	CHECK_EQ(f.policy->limits[MS_LIMIT_CPU], 100);
	CHECK_EQ(f.policy->limits[MS_LIMIT_OPEN_FILES], 256);
	CHECK_EQ(f.policy->limits[MS_LIMIT_PROCESSES], 128);
	CHECK_EQ(f.policy->n_narrowings, 3);
	check_narrowing(f.policy, 0, "limits.memory", "257M", "256M", "tier community");
	check_narrowing(f.policy, 1, "limits.openFiles", "257", "256", "tier community");
	check_narrowing(f.policy, 2, "limits.tmp", "1G", "128M", "tier community");
}

TEST(a_wider_tier_cuts_less)
{
	FIXTURE(HEAD ENTRY ",\"limits\":{\"memory\":\"257M\"}}", NULL, MS_TIER_VERIFIED);
	CHECK_EQ(f.policy->limits[MS_LIMIT_MEMORY], 257 << 20);
	CHECK_EQ(f.policy->n_narrowings, 0);
}

TEST(a_default_above_the_ceiling_is_told)
{
	FIXTURE(HEAD ENTRY "}", "{\"tiers\":{\"community\":{\"limits\":{\"cpu\":\"50%\"}}}}",
		MS_TIER_COMMUNITY);
	CHECK_EQ(f.policy->limits[MS_LIMIT_CPU], 50);
	check_narrowing(f.policy, 0, "limits.cpu", "100% (the default)", "50%", "tier community");
}

TEST(one_shots_have_times)
{
	FIXTURE(HEAD "\"entry\":{\"command\":[\"/bin/true\"],\"mode\":\"oneshot\"},"
		     "\"limits\":{\"cpuTimePerRequest\":\"6s\"}}",
		NULL, MS_TIER_COMMUNITY);
	CHECK_EQ(f.policy->limits[MS_LIMIT_CPU_TIME], 5000000);
	CHECK_EQ(f.policy->limits[MS_LIMIT_WALL_TIME], 30000000);
	check_narrowing(f.policy, 0, "limits.cpuTimePerRequest", "6s", "5s", "tier community");
}

TEST(write_paths_all_or_none)
{
	static const char text[] =
		HEAD ENTRY ",\"permissions\":{\"fs\":{\"write\":[\"b\",\"a\"]}}}";

	{
		FIXTURE(text, NULL, MS_TIER_COMMUNITY);
		CHECK_EQ(f.policy->n_write, 2);
		CHECK(strstr(f.policy->canonical, "\"write\":[\"a\",\"b\"]"));
	}
	{
		FIXTURE(text, "{\"tiers\":{\"community\":{\"fsWrite\":false}}}", MS_TIER_COMMUNITY);
		CHECK_EQ(f.policy->n_write, 0);
		check_narrowing(f.policy, 0, "permissions.fs.write", "a, b", "none",
				"tier community");
		CHECK(strstr(f.policy->canonical, "\"write\":[]"));
	}
}

#define GRANTS                                                                                     \
	"\"permissions\":{\"network\":{\"allowlist\":[{\"domain\":\"api.stripe.com\",\"ports\":"   \
	"[443,8443],\"protocols\":[\"https\",\"tcp\"],\"reason\":\"pay\"},"                        \
	"{\"cidr\":\"192.0.2.0/24\",\"ports\":[53],\"protocols\":[\"udp\"],\"reason\":\"dns\"}]}," \
	"\"services\":[\"postgres\",\"redis\"],"                                                   \
	"\"core\":[{\"method\":\"GET\",\"path\":\"/api/x\"}]}"

TEST(grants_of_another_build_are_told)
{
	static const char text[] = HEAD ENTRY "," GRANTS "}";

	{
		FIXTURE(text, NULL, MS_TIER_VERIFIED);
		CHECK_EQ(f.policy->n_narrowings, 4);
		check_narrowing(f.policy, 0, "permissions.network.allowlist",
				"api.stripe.com:443,8443 (https tcp)", "none",
				"this version of modsup gives no module a network");
		check_narrowing(f.policy, 1, "permissions.network.allowlist",
				"192.0.2.0/24:53 (udp)", "none",
				"this version of modsup gives no module a network");
		check_narrowing(f.policy, 2, "permissions.services", "postgres, redis", "none",
				"this version of modsup hands out no services");
		check_narrowing(f.policy, 3, "permissions.core", "1 path", "none",
				"this version of modsup has no way to the platform's core");
	}
	{
		FIXTURE(text, NULL, MS_TIER_COMMUNITY);
		check_narrowing(
			f.policy, 0, "permissions.network.allowlist",
			"api.stripe.com:443,8443 (https tcp)", "none",
			"tier community; and this version of modsup gives no module a network");
	}
}

/* As many narrowings as a manifest can bring about. */
TEST(narrowings_at_their_cap)
{
	struct ms_buf text = MS_BUF_INIT(MS_MAX_MANIFEST_BYTES);

	ms_buf_adds(&text, HEAD "\"entry\":{\"command\":[\"/bin/true\"],\"mode\":\"oneshot\"},"
				"\"limits\":{\"memory\":\"9G\",\"cpu\":\"900%\",\"openFiles\":9999,"
				"\"connections\":9999,\"processes\":9999,\"tmp\":\"9G\","
				"\"cpuTimePerRequest\":\"1h\",\"wallTimePerRequest\":\"1h\"},"
				"\"permissions\":{\"fs\":{\"write\":[\"w\"]},\"services\":[\"s\"],"
				"\"core\":[{\"method\":\"GET\",\"path\":\"/x\"}],"
				"\"network\":{\"allowlist\":[");
	for (unsigned i = 0; i < MS_MAX_ALLOWLIST; i++)
		ms_buf_addf(&text,
			    "%s{\"domain\":\"a%u.example.com\",\"ports\":[443],\"protocols\":"
			    "[\"https\"],\"reason\":\"r\"}",
			    i ? "," : "", i);
	ms_buf_adds(&text, "]}}}");
	{
		FIXTURE(text.data, "{\"tiers\":{\"community\":{\"fsWrite\":false}}}",
			MS_TIER_COMMUNITY);
		CHECK_EQ(f.policy->n_narrowings, 8 + 1 + MS_MAX_ALLOWLIST + 1 + 1);
	}
	ms_buf_done(&text);
}

TEST(refusals)
{
	ms_auto(manifest) struct ms_manifest *m = manifest_of(HEAD ENTRY "}");
	ms_auto(config) struct ms_config *c = ms_config_new();
	struct ms_policy *p = NULL;
	struct ms_error err = MS_ERROR_INIT;
	char tenant[MS_MAX_TENANT_BYTES + 1];

	REQUIRE(m);
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_PRIVATE, str("default"), &p, &err), -EACCES);
	CHECK_EQ(err.reason, MS_REASON_TIER_FORBIDS);
	CHECK_STR(err.msg, "module 'm': the tier private is not trusted on this host");
	CHECK(strstr(err.hint, "trustPrivate"));
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COUNT, str("default"), &p, &err), -EINVAL);
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COMMUNITY, str(""), &p, &err), -EINVAL);
	CHECK_EQ(err.reason, MS_REASON_PARAMS_INVALID);
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COMMUNITY, str("a/b"), &p, &err), -EINVAL);
	memset(tenant, 't', sizeof(tenant));
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COMMUNITY,
				 (struct ms_str){.p = tenant, .len = sizeof(tenant)}, &p, &err),
		 -EINVAL);
	CHECK(!p);
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COMMUNITY,
				 (struct ms_str){.p = tenant, .len = sizeof(tenant) - 1}, &p, &err),
		 0);
	ms_policy_free(p);
	c->trust_private = true;
	p = NULL;
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_PRIVATE, str("default"), &p, NULL), 0);
	ms_policy_free(p);
}

/* Control characters that a manifest in binary form may hold: the text is longer than its values.
 */
TEST(canonical_at_cap_and_above)
{
	static char arg[MS_MAX_ARG_BYTES];
	ms_auto(manifest) struct ms_manifest *m = manifest_of(HEAD ENTRY "}");
	ms_auto(config) struct ms_config *c = ms_config_new();
	struct ms_policy *p = NULL;
	struct ms_error err = MS_ERROR_INIT;

	REQUIRE(m);
	memset(arg, 1, sizeof(arg));
	m->n_argv = 21; /* each byte becomes six */
	for (uint32_t i = 0; i < 22; i++)
		m->argv[i] = (struct ms_str){.p = arg, .len = sizeof(arg)};
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COMMUNITY, str("t"), &p, &err), 0);
	p = ms_policy_free(p);
	m->n_argv = 22;
	CHECK_EQ(ms_policy_build(m, c, MS_TIER_COMMUNITY, str("t"), &p, &err), -E2BIG);
	CHECK_EQ(err.reason, MS_REASON_MANIFEST_INVALID);
}

/* Keys in the order of their bytes, everywhere, and integers only. */
static void check_canonical(const struct ms_json *value)
{
	struct ms_str key, before = {.p = "", .len = 0};

	CHECK(ms_json_type(value) != MS_JSON_DOUBLE);
	if (ms_json_type(value) == MS_JSON_ARRAY) {
		for (size_t i = 0; i < ms_json_count(value); i++)
			check_canonical(ms_json_at(value, i));
	} else if (ms_json_type(value) == MS_JSON_OBJECT) {
		for (size_t i = 0; i < ms_json_count(value); i++, before = key) {
			check_canonical(ms_json_member(value, i, &key));
			CHECK(strcmp(before.p, key.p) < 0);
		}
	}
}

#define FULL                                                                                       \
	HEAD "\"description\":\"d\",\"entry\":{\"command\":[\"/usr/bin/node\",\"a.js\"],\"env\":{" \
	     "\"B\":\"2\",\"A\":\"\\u00e9/\\n\"},\"listen\":{\"socket\":\"http\"},"                \
	     "\"code\":[\"a.js\"]},\"permissions\":{\"fs\":{\"read\":[\"r\"],\"write\":[\"w\"]}}," \
	     "\"limits\":{\"processes\":65}}"

TEST(canonical_text_and_hash)
{
	FIXTURE(FULL, NULL, MS_TIER_COMMUNITY);
	ms_auto(report) struct ms_report *report = ms_report_new("p");
	ms_auto(doc) struct ms_doc *doc = NULL;
	char hex[65];

	CHECK_STR(
		f.policy->canonical,
		"{\"base\":\"host\",\"entry\":{\"command\":[\"/usr/bin/node\",\"a.js\"],\"env\":{"
		"\"A\":\"\xc3\xa9/"
		"\\n\",\"B\":\"2\"},\"health\":null,\"listen\":[\"http\"],\"mode\":\"service\","
		"\"readiness\":\"none\",\"restart\":\"on-failure\",\"start\":\"always\","
		"\"startTimeoutUsec\":30000000,"
		"\"stopTimeoutUsec\":10000000,\"watchdogUsec\":0},\"format\":2,\"fs\":{\"code\":["
		"\"a.js\"],\"read\":["
		"\"r\"],\"write\":[\"w\"]},\"id\":\"m\",\"limits\":{\"connections\":50,\"cpu\":100,"
		"\"memory\":268435456,\"openFiles\":100,\"processes\":65,\"tmp\":67108864},"
		"\"network\":[],\"tenant\":\"default\",\"tier\":\"community\",\"version\":\"1.0."
		"0\"}");
	CHECK_EQ(f.policy->canonical_len, strlen(f.policy->canonical));
	REQUIRE(!ms_doc_parse(
		f.policy->canonical, f.policy->canonical_len,
		(struct ms_doc_limits){.max_bytes = MS_MAX_POLICY_BYTES, .max_depth = 8},
		MS_REASON_INTERNAL, report, &doc));
	check_canonical(ms_doc_root(doc));
	for (int i = 0; i < 32; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", f.policy->hash[i]); /* fits */
	CHECK_STR(
		hex,
		"a0b512f6411896b072b67efe577a74e4d064bfcef05498d4d1ba69fb0e1b2885"); /* by
											sha256sum(1)
										      */
}

static const struct {
	const char *from, *to;
	bool same; /* it decides nothing */
} changes[] = {
	{"\"d\"", "\"e\"", true},
	{"\"id\":\"m\"", "\"id\":\"n\"", false},
	{"1.0.0", "1.0.1", false},
	{"a.js\"],\"env\"", "b.js\"],\"env\"", false},
	{"\"2\"", "\"3\"", false},
	{"\"http\"", "\"web\"", false},
	{"\"code\":[\"a.js\"]", "\"code\":[\"b.js\"]", false},
	{",\"code\":[\"a.js\"]", "", false},
	{"\"read\":[\"r\"]", "\"read\":[]", false},
	{"\"read\":[\"r\"],", "", false},
	{"[\"w\"]", "[\"v\"]", false},
	{"65", "66", false},
	{"\"processes\":65", "\"processes\":65,\"memory\":\"9G\"", true},
	{"\"code\"", "\"stopTimeout\":\"9s\",\"code\"", false},
	{"\"code\"", "\"startTimeout\":\"9s\",\"code\"", false},
	{"\"code\"", "\"readiness\":\"none\",\"restart\":\"on-failure\",\"code\"", true},
	{"\"code\"", "\"readiness\":\"notify\",\"code\"", false},
	{"\"code\"", "\"readiness\":{\"http\":\"/\"},\"code\"", false},
	{"\"code\"", "\"restart\":\"always\",\"code\"", false},
	{"\"code\"", "\"watchdog\":\"9s\",\"code\"", false},
	{"\"code\"", "\"health\":{\"http\":\"/\"},\"code\"", false},
};

static bool same_hash(const struct ms_policy *policy, const char *text)
{
	struct fixture f = build(text, NULL, MS_TIER_COMMUNITY);
	bool same = f.policy && memcmp(policy->hash, f.policy->hash, sizeof(f.policy->hash)) == 0;

	CHECK(f.policy != NULL);
	fixture_done(&f);
	return same;
}

TEST(the_hash_tells_what_decides)
{
	FIXTURE(FULL, NULL, MS_TIER_COMMUNITY);
	struct ms_policy *other = NULL;
	struct ms_error err;

	for (size_t i = 0; i < MS_ARRAY_LEN(changes); i++) {
		char text[2000];
		const char *at = strstr(FULL, changes[i].from);

		REQUIRE(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - FULL), FULL,
			       changes[i].to, at + strlen(changes[i].from)); /* fits */
		if (same_hash(f.policy, text) != changes[i].same)
			CHECK_STR(changes[i].to, "another answer");
	}
	CHECK_EQ(ms_policy_build(f.manifest, f.config, MS_TIER_COMMUNITY, str("other"), &other,
				 &err),
		 0);
	CHECK(memcmp(other->hash, f.policy->hash, 32) != 0);
	ms_policy_free(other);
	CHECK_EQ(ms_policy_build(f.manifest, f.config, MS_TIER_VERIFIED, str("default"), &other,
				 &err),
		 0);
	CHECK(memcmp(other->hash, f.policy->hash, 32) != 0);
	ms_policy_free(other);
}

static char *explain(const struct ms_policy *policy)
{
	struct ms_buf out = MS_BUF_INIT(100000);
	char *page;

	ms_policy_explain(policy, &out);
	page = ms_buf_take(&out, NULL);
	ms_buf_done(&out);
	return page;
}

/* No line is wider than a terminal, and none ends in a space. */
static void check_width(const char *page)
{
	for (const char *line = page; *line; line += strcspn(line, "\n") + 1) {
		size_t n = strcspn(line, "\n"), wide = 0;

		for (size_t i = 0; i < n; i++)
			wide += ((unsigned char)line[i] & 0xc0) != 0x80;
		CHECK(wide <= 80);
		CHECK(n == 0 || line[n - 1] != ' ');
	}
}

static const char golden[] =
	"stripe-payments 1.4.2 (tier community, tenant default)\n"
	"Charges cards through Stripe, and keeps a ledger of what was charged for the\n"
	"accountants\n"
	"\n"
	"Runs\n"
	"  command        /usr/bin/node backend/index.js 'a b' ''\n"
	"  as             a service: it runs until it is stopped\n"
	"  serves         the Unix sockets http, admin\n"
	"  environment    LOG_LEVEL=info T='a b'\n"
	"  stops          by SIGTERM; what is left after 10s is killed\n"
	"  is ready       when its program runs\n"
	"  starts again   when it failed, after a delay that grows\n"
	"\n"
	"Files (its bundle is at /module, read-only)\n"
	"  runs code in   all of its bundle\n"
	"  reads          all of its bundle, as the manifest has no permissions.fs.read\n"
	"  writes         no path of its own\n"
	"                 64M in /tmp, gone when it ends\n"
	"  of the host    programs and libraries in /usr, read-only; an /etc made for it;\n"
	"                 no other file\n"
	"\n"
	"Network\n"
	"  none: it has a loopback interface of its own and nothing else; no name, no\n"
	"  address and no port of this host or beyond can be reached\n"
	"\n"
	"Limits\n"
	"  memory         256M   for all its processes and /tmp; above it, it is killed\n"
	"  cpu            100%   of one core; above it, it waits\n"
	"  openFiles      100    for each process; sockets and pipes count\n"
	"  connections    50     to other hosts at once; without a network, none\n"
	"  processes      64     threads count too; Node alone has up to eleven\n"
	"  tmp            64M    in /tmp and /dev/shm\n"
	"\n"
	"Can never\n"
	"  - become root, use a capability, or gain rights from a setuid program\n"
	"  - see or signal a process of this host or of another module\n"
	"  - open a device other than null, zero, full, random and urandom\n"
	"  - mount, trace, load code into the kernel, or make a system call that is not\n"
	"    on its list; each refused call is reported\n"
	"  - change its own code, or keep a file outside its write paths\n"
	"  - outlive its stop: every process it made is killed with it\n"
	"\n"
	"Asked for and not given\n"
	"  - limits.memory: 1G asked, 256M granted (tier community)\n"
	"  - permissions.network.allowlist: api.stripe.com:443,8443 (https tcp) asked,\n"
	"    none granted (tier community; and this version of modsup gives no module a\n"
	"    network)\n"
	"  - permissions.network.allowlist: 192.0.2.0/24:53 (udp) asked, none granted\n"
	"    (tier community; and this version of modsup gives no module a network)\n"
	"  - permissions.services: postgres, redis asked, none granted (this version of\n"
	"    modsup hands out no services)\n"
	"  - permissions.core: 1 path asked, none granted (this version of modsup has no\n"
	"    way to the platform's core)\n"
	"\n"
	"Policy\n"
	"  sha256 5c47def84be8fbc8b7e8542f5d1e347431fd6d316cb45052b424190247b83457\n";

TEST(explain_a_service)
{
	FIXTURE("{\"id\":\"stripe-payments\",\"version\":\"1.4.2\",\"description\":\"Charges cards "
		"through Stripe, and keeps a ledger of what was charged for the accountants\","
		"\"entry\":{\"command\":[\"/usr/bin/node\",\"backend/index.js\",\"a "
		"b\",\"\"],\"env\":{"
		"\"LOG_LEVEL\":\"info\",\"T\":\"a "
		"b\"},\"listen\":{\"socket\":[\"http\",\"admin\"]}},"
		"\"limits\":{\"memory\":\"1G\"}," GRANTS "}",
		NULL, MS_TIER_COMMUNITY);
	ms_auto_free char *page = explain(f.policy);

	check_width(page);
	CHECK_STR(page, golden);
}

TEST(explain_the_life)
{
	static const struct {
		const char *entry, *want;
	} cases[] = {
		{"\"readiness\":\"notify\",\"restart\":\"always\"",
		 "  is ready       when it says so (READY=1), within 30s\n"
		 "  starts again   whenever it ended, after a delay that grows\n"},
		{"\"readiness\":{\"http\":\"/up\"},\"startTimeout\":\"5s\",\"restart\":\"never\"",
		 "  is ready       when GET /up on its socket a is answered below 500, within 5s\n"
		 "  starts again   never by itself\n"},
		{"\"watchdog\":\"1m\",\"health\":{\"http\":\"/well\"}",
		 "  is ready       when its program runs\n"
		 "  watchdog       killed when it does not say WATCHDOG=1 for 1m\n"
		 "  is healthy     while GET /well on its socket a is answered below 500 every\n"
		 "                 10s; after 3 failures in a row it is restarted\n"},
		{"\"health\":{\"http\":\"/"
		 "w\",\"interval\":\"1s\",\"failures\":1,\"then\":\"report\"}",
		 "  is healthy     while GET /w on its socket a is answered below 500 every 1s;\n"
		 "                 after 1 failure in a row that is reported\n"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		ms_auto_free char *text = NULL, *page = NULL;

		REQUIRE(asprintf(&text,
				 "{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":["
				 "\"/bin/true\"],\"listen\":{\"socket\":[\"a\",\"b\"]},%s}}",
				 cases[i].entry) > 0);
		FIXTURE(text, NULL, MS_TIER_COMMUNITY);
		page = explain(f.policy);
		check_width(page);
		CHECK(strstr(page, cases[i].want) != NULL);
	}
}

TEST(explain_the_file_variants)
{
	static const struct {
		const char *entry, *fs, *want;
	} cases[] = {
		{"", "\"read\":[\"r\"],\"write\":[\"w\",\"v\"]",
		 "  runs code in   its bundle, except the folders that are listed as read or\n"
		 "                 written\n"
		 "  reads          its code and r\n"
		 "  writes         v, w (kept, apart for each tenant; how much is not limited by\n"
		 "                 this build)\n"},
		{",\"code\":[\"src\",\"lib\"]", "\"read\":[]",
		 "  runs code in   lib, src\n"
		 "  reads          its code only\n"
		 "  writes         no path of its own\n"},
		{",\"code\":[]", "\"read\":[\"r\"]",
		 "  runs code in   nothing of its bundle\n"
		 "  reads          its code and r\n"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		char text[400];

		(void)snprintf(text, sizeof(text),
			       HEAD "\"entry\":{\"command\":[\"/usr/bin/node\"]%s},"
				    "\"permissions\":{\"fs\":{%s}}}",
			       cases[i].entry, cases[i].fs); /* fits */
		{
			FIXTURE(text, NULL, MS_TIER_COMMUNITY);
			ms_auto_free char *page = explain(f.policy);

			check_width(page);
			if (!strstr(page, cases[i].want))
				CHECK_STR(page, cases[i].want);
			CHECK(strstr(page, "serves         no socket\n"));
		}
	}
}

TEST(explain_what_never_runs)
{
	FIXTURE("{\"id\":\"theme\",\"version\":\"1.0.0\"}", NULL, MS_TIER_COMMUNITY);
	ms_auto_free char *page = explain(f.policy);

	CHECK(strstr(page, "theme 1.0.0 (tier community, tenant default)\n\nRuns\n  nothing: "));
	CHECK(!strstr(page, "Limits"));
	CHECK(strstr(f.policy->canonical, "\"entry\":null"));
	CHECK_EQ(f.policy->limits[MS_LIMIT_MEMORY], 0);
}

TEST(explain_escapes_the_author)
{
	FIXTURE(HEAD "\"entry\":{\"command\":[\"/usr/bin/node\",\"\\u001b[31m\\u202e\\u00e9\"]}}",
		NULL, MS_TIER_COMMUNITY);
	ms_auto_free char *page = explain(f.policy);

	CHECK(strstr(page, "/usr/bin/node \\x1b[31m\\xe2\\x80\\xae\xc3\xa9\n"));
	CHECK(!strchr(page, '\x1b'));
}

TEST(explain_that_does_not_fit_says_so)
{
	FIXTURE(FULL, NULL, MS_TIER_COMMUNITY);
	struct ms_buf out = MS_BUF_INIT(100);

	ms_policy_explain(f.policy, &out);
	CHECK_EQ(out.error, -E2BIG);
	ms_buf_done(&out);
}

static struct ms_manifest *oom_manifest;
static struct ms_config *oom_config;

static void oom_run(void)
{
	struct ms_policy *p = NULL;
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_free char *page = NULL;
	int r = ms_policy_build(oom_manifest, oom_config, MS_TIER_COMMUNITY, str("t"), &p, &err);

	CHECK_EQ(r, oom_happened ? -ENOMEM : 0);
	CHECK((p == NULL) == oom_happened);
	if (!p)
		return;
	page = explain(p);
	CHECK((page == NULL) == oom_happened);
	ms_policy_free(p);
}

TEST(each_allocation_failing)
{
	oom_manifest = manifest_of(HEAD ENTRY ",\"limits\":{\"memory\":\"1G\"}," GRANTS "}");
	oom_config = ms_config_new();
	REQUIRE(oom_manifest);
	OOM_LOOP
	oom_run();
	ms_manifest_free(oom_manifest);
	ms_config_free(oom_config);
}

TEST(limit_formats)
{
	char out[32];

	ms_limit_format(MS_LIMIT_MEMORY, 268435456, out, sizeof(out));
	CHECK_STR(out, "256M");
	ms_limit_format(MS_LIMIT_CPU, 150, out, sizeof(out));
	CHECK_STR(out, "150%");
	ms_limit_format(MS_LIMIT_PROCESSES, 64, out, sizeof(out));
	CHECK_STR(out, "64");
	ms_limit_format(MS_LIMIT_CPU_TIME, 1500000, out, sizeof(out));
	CHECK_STR(out, "1500ms");
}
