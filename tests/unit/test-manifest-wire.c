/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-manifest-wire.c - the binary form: what goes in comes out, whatever else comes in is refused
 * or is another manifest that the parser could have made, and no allocation's failure is lost.
 */
#include "policy/manifest.h"

#include "lib/wire.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static const char full[] =
	"{\"id\":\"shop\",\"version\":\"1.2.3-rc.1\",\"name\":\"Shop\",\"description\":\"a\\nb\","
	"\"author\":\"A\",\"license\":\"MIT\",\"engine\":{\"platform\":\"^1 || 2.x\"},"
	"\"entry\":{\"command\":[\"bin/run\",\"\",\"b\"],\"mode\":\"oneshot\","
	"\"env\":{\"B\":\"2\",\"A\":\"1\"},\"listen\":{\"socket\":[\"http\",\"admin\"]},"
	"\"startTimeout\":\"2s\",\"stopTimeout\":\"1s\",\"code\":[\"lib\",\"bin\"],"
	"\"readiness\":{\"http\":\"/up\"},\"restart\":\"on-failure\",\"watchdog\":\"2s\","
	"\"health\":{\"http\":\"/well\",\"interval\":\"3s\",\"failures\":4}},"
	"\"permissions\":{\"fs\":{\"read\":[\"b\",\"a\"],\"write\":[\"w/x\",\"v\"]},"
	"\"network\":{\"allowlist\":[{\"domain\":\"*.a.example\",\"ports\":[8443,443],"
	"\"reason\":\"why\"},{\"cidr\":\"192.0.2.0/24\",\"protocols\":[\"http\",\"tls\"]}]},"
	"\"services\":[\"pg\",\"redis\"],\"core\":[{\"method\":\"GET\",\"path\":\"/a\"}]},"
	"\"limits\":{\"memory\":\"1G\",\"cpu\":\"50%\",\"wallTimePerRequest\":\"1s\"}}";
static const char least[] = "{\"id\":\"m\",\"version\":\"1.0.0\"}";

static uint8_t message[MS_MAX_POLICY_BYTES], again[MS_MAX_POLICY_BYTES];

static size_t encode(const char *text, uint8_t *out)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	ms_auto(manifest) struct ms_manifest *m = NULL;
	size_t len = 0;

	if (!report || ms_manifest_parse(text, strlen(text), report, &m) != 0 ||
	    ms_manifest_encode(m, out, MS_MAX_POLICY_BYTES, &len) != 0)
		return 0;
	return len;
}

/* 0 when refused; else the bytes are exactly those of the manifest that came out. */
static int same_again(const uint8_t *data, size_t len)
{
	ms_auto(manifest) struct ms_manifest *m = NULL;
	size_t n = 0;

	if (ms_manifest_decode(data, len, &m) != 0)
		return 0;
	CHECK(ms_manifest_verify(m));
	CHECK_EQ(ms_manifest_encode(m, again, sizeof(again), &n), 0);
	CHECK_EQ(n, len);
	CHECK(n == len && memcmp(again, data, len) == 0);
	return 1;
}

TEST(there_and_back)
{
	const char *texts[] = {full, least};

	for (size_t i = 0; i < MS_ARRAY_LEN(texts); i++) {
		size_t len = encode(texts[i], message);

		REQUIRE(len);
		CHECK_EQ(same_again(message, len), 1);
	}
}

TEST(values_come_out)
{
	ms_auto(manifest) struct ms_manifest *m = NULL;
	size_t len = encode(full, message);

	REQUIRE(len && ms_manifest_decode(message, len, &m) == 0);
	memset(message, 0xaa, len); /* nothing is borrowed from the message */
	CHECK_STR(m->id.p, "shop");
	CHECK_STR(m->argv[0].p, "bin/run");
	CHECK_STR(m->env[1].name.p, "B");
	CHECK_STR(m->listen[1].p, "admin");
	CHECK_STR(m->code[0].p, "bin");
	CHECK_STR(m->write[1].p, "w/x");
	CHECK_STR(m->allow[1].cidr.p, "192.0.2.0/24");
	CHECK_EQ(m->allow[0].ports[1], 8443);
	CHECK_EQ(m->limits[MS_LIMIT_MEMORY].value, 1 << 30);
	CHECK_EQ(m->readiness, MS_READY_PROBE);
	CHECK_STR(m->ready_http.p, "/up");
	CHECK_EQ(m->restart, MS_RESTART_ON_FAILURE);
	CHECK_EQ(m->watchdog_usec, 2000000);
	CHECK_STR(m->health_http.p, "/well");
	CHECK_EQ(m->health_interval_usec, 3000000);
	CHECK_EQ(m->health_failures, 4);
	CHECK(m->health_restart);
	CHECK(m->has_entry && m->has_code && m->has_read);
}

/* The fields of a manifest that says nothing of its life, as version 2 writes them. */
static size_t default_life(uint8_t *out, size_t cap, enum ms_restart restart)
{
	struct ms_wr wr = ms_wr_init(out, cap);

	ms_wr_cstr(&wr, "", 0);
	ms_wr_u8(&wr, (uint8_t)restart);
	ms_wr_u64(&wr, 0);
	ms_wr_cstr(&wr, "", 0);
	ms_wr_u64(&wr, MS_HEALTH_INTERVAL_USEC);
	ms_wr_u32(&wr, MS_HEALTH_FAILURES);
	ms_wr_u8(&wr, 0);
	return wr.len;
}

/* Records of instances that an older modsupd started. */
TEST(version_before)
{
	static const struct {
		const char *text;
		enum ms_restart restart;
	} cases[] = {
		{least, MS_RESTART_ON_FAILURE},
		{"{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":[\"/bin/true\"]}}",
		 MS_RESTART_ON_FAILURE},
		{"{\"id\":\"m\",\"version\":\"1.0.0\",\"entry\":{\"command\":[\"/bin/true\"],"
		 "\"mode\":\"oneshot\"}}",
		 MS_RESTART_NEVER},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		ms_auto(manifest) struct ms_manifest *m = NULL;
		size_t len = encode(cases[i].text, message), life_len, at = 0;
		uint8_t life[64];

		REQUIRE(len && message[0] == 2);
		life_len = default_life(life, sizeof(life), cases[i].restart);
		while (at + life_len <= len && memcmp(message + at, life, life_len) != 0)
			at++;
		REQUIRE(at + life_len <= len);
		memmove(message + at, message + at + life_len, len - at - life_len);
		len -= life_len;
		CHECK_EQ(ms_manifest_decode(message, len, &m), -EBADMSG); /* not as version 2 */
		message[0] = 1;
		REQUIRE(ms_manifest_decode(message, len, &m) == 0);
		CHECK_EQ(m->restart, cases[i].restart);
		CHECK_EQ(m->health_failures, MS_HEALTH_FAILURES);
		m = ms_manifest_free(m);
		message[0] = 3;
		CHECK_EQ(ms_manifest_decode(message, len, &m), -EBADMSG);
	}
}

TEST(every_byte_changed)
{
	static const uint8_t others[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '/', '.', 'a'};
	size_t len = encode(full, message);
	unsigned accepted = 0, refused = 0;

	REQUIRE(len);
	for (size_t i = 0; i < len; i++) {
		uint8_t was = message[i];

		for (size_t k = 0; k < MS_ARRAY_LEN(others) + 8; k++) {
			uint8_t bit = (uint8_t)(1u << (k % 8));

			message[i] = k < 8 ? (uint8_t)(was ^ bit) : others[k - 8];
			if (same_again(message, len))
				accepted++;
			else
				refused++;
		}
		message[i] = was;
	}
	CHECK(refused > accepted); /* most bytes are lengths, counts and classes */
	CHECK(accepted > 0);	   /* a letter of a description may be another one */
}

TEST(every_length)
{
	size_t len = encode(full, message);

	REQUIRE(len);
	for (size_t i = 0; i < len; i++)
		CHECK_EQ(same_again(message, i), 0);
	message[len] = 0;
	CHECK_EQ(same_again(message, len + 1), 0);
}

TEST(too_small_a_buffer)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	ms_auto(manifest) struct ms_manifest *m = NULL;
	size_t len = encode(full, message), n = 77;

	REQUIRE(report && ms_manifest_parse(full, strlen(full), report, &m) == 0);
	CHECK_EQ(ms_manifest_encode(m, again, len - 1, &n), -E2BIG);
	CHECK_EQ(n, 77);
	CHECK_EQ(ms_manifest_encode(m, again, len, &n), 0);
}

/* What the parser never makes does not verify, however it came about. */
TEST(verify_alone)
{
	struct ms_manifest *m = NULL;
	size_t len = encode(full, message);

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		m = NULL;                                                                          \
		REQUIRE(ms_manifest_decode(message, len, &m) == 0);                                \
		change;                                                                            \
		CHECK(!ms_manifest_verify(m));                                                     \
		m = ms_manifest_free(m);                                                           \
	} while (0)
	REQUIRE(len);
	REFUSED(m->id.p = "Shop");
	REFUSED(m->version.len = 0);
	REFUSED(m->base.p = "most");
	REFUSED(m->mode = MS_MODE_WORKER);
	REFUSED(m->mode = MS_MODE_SERVICE);	 /* wallTimePerRequest is set */
	REFUSED(m->readiness = MS_READY_NOTIFY); /* and a path to ask */
	REFUSED(m->readiness = MS_READY_COUNT);
	REFUSED(m->ready_http.len = 0);
	REFUSED(m->ready_http.p = "up!");
	REFUSED(m->ready_http.p = "/ p");
	REFUSED(m->ready_http.p = "/\np");
	REFUSED(m->ready_http.p = "/#p");
	REFUSED(m->ready_http.p = "/\x80p");
	REFUSED((m->health_http.len = 0, m->n_listen = 0));
	REFUSED((m->readiness = MS_READY_NONE, m->ready_http.len = 0, m->n_listen = 0));
	REFUSED(m->restart = MS_RESTART_ALWAYS); /* of a oneshot */
	REFUSED(m->restart = MS_RESTART_NEVER);	 /* and health restarts it */
	REFUSED(m->restart = MS_RESTART_COUNT);
	REFUSED(m->watchdog_usec = MS_MIN_WATCHDOG_USEC - 1);
	REFUSED(m->watchdog_usec = MS_MAX_WATCHDOG_USEC + 1);
	REFUSED(m->health_http.len = 0); /* and the rest of health stays */
	REFUSED(m->health_http.p = "well!");
	REFUSED(m->health_interval_usec = MS_MIN_HEALTH_INTERVAL_USEC - 1);
	REFUSED(m->health_interval_usec = MS_MAX_HEALTH_INTERVAL_USEC + 1);
	REFUSED(m->health_failures = 0);
	REFUSED(m->health_failures = MS_MAX_HEALTH_FAILURES + 1);
	REFUSED(m->start = MS_START_ON_DEMAND);
	REFUSED(m->stop_timeout_usec = MS_MAX_STOP_TIMEOUT_USEC + 1);
	REFUSED(m->start_timeout_usec = 0);
	REFUSED(m->n_argv = 0);
	REFUSED(m->argv[0].p = "../run!");
	REFUSED(m->has_entry = false);
	REFUSED(m->has_code = false);
	REFUSED(m->has_read = false);
	REFUSED(m->env[0].name = ((struct ms_str){"PATH", 4}));
	REFUSED(m->env[0].name = m->env[1].name);
	REFUSED(m->listen[0] = m->listen[1]);
	REFUSED(m->code[1] = m->code[0]);
	REFUSED(m->write[0] = ((struct ms_str){"a", 1}));
	REFUSED(m->write[0] = ((struct ms_str){"w", 1}));
	REFUSED(m->allow[0].n_ports = 0);
	REFUSED(m->allow[0].protocols = 32);
	REFUSED(m->allow[0].cidr = m->allow[1].cidr);
	REFUSED(m->services[1] = m->services[0]);
	REFUSED(m->n_core = MS_MAX_CORE + 1);
	REFUSED(m->limits[MS_LIMIT_DISK] = ((struct ms_limit){true, 1 << 20}));
	REFUSED(m->limits[MS_LIMIT_MEMORY].value = 1);
	REFUSED(m->limits[MS_LIMIT_MEMORY].set = false);
	len = encode(least, message);
	REQUIRE(len);
	REFUSED(m->readiness = MS_READY_NOTIFY);
	REFUSED(m->restart = MS_RESTART_NEVER);
	REFUSED(m->watchdog_usec = MS_MIN_WATCHDOG_USEC);
	REFUSED(m->health_restart = true);
	REFUSED(m->health_failures = 1);
#undef REFUSED
}

static void oom_run(void)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	struct ms_manifest *m = NULL, *back = NULL;
	size_t len = 0;
	int r;

	if (!report)
		return;
	r = ms_manifest_parse(full, strlen(full), report, &m);
	CHECK(r == 0 ? m != NULL : m == NULL && oom_happened);
	if (r != 0)
		return;
	CHECK_EQ(ms_manifest_encode(m, message, sizeof(message), &len), 0);
	r = ms_manifest_decode(message, len, &back);
	CHECK(r == 0 ? back != NULL : r == -ENOMEM && !back && oom_happened);
	m = ms_manifest_free(m);
	back = ms_manifest_free(back);
}

TEST(no_memory)
{
	OOM_LOOP
	oom_run();
}
