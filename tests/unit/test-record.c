/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-record.c - what a daemon writes down of an instance: what goes in comes out, and of a record
 * that was damaged nothing is believed that could not have been written, nor read out of bounds.
 */
#include "supervisor/daemon/record.h"

#include "lib/name.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static const char module[] =
	"{\"id\":\"shop\",\"version\":\"1.2.3\",\"entry\":{\"command\":[\"bin/run\",\"b\"],"
	"\"env\":{\"A\":\"1\"},\"listen\":{\"socket\":[\"http\",\"admin\"]},\"stopTimeout\":\"1s\"}"
	","
	"\"permissions\":{\"fs\":{\"read\":[\"a\"],\"write\":[\"w/x\"]}},"
	"\"limits\":{\"memory\":\"1G\"}}";

static uint8_t message[MS_MAX_RECORD_BYTES];

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static struct ms_manifest *parse(void)
{
	ms_auto(report) struct ms_report *report = ms_report_new("module.json");
	struct ms_manifest *m = NULL;

	if (!report || ms_manifest_parse(module, strlen(module), report, &m) != 0)
		return NULL;
	return m;
}

static struct ms_record a_record(struct ms_manifest *m)
{
	struct ms_record record = {
		.instance = str("0123456789abcdef"),
		.tenant = str("acme"),
		.path = str("/srv/modules/shop"),
		.socket_key = str("17"),
		.labels = str("{\"order\":\"17\"}"),
		.tier = (enum ms_tier)(MS_TIER_COUNT - 1),
		.installation = 17,
		.since_usec = 1700000000000000u,
		.shim_pid = 4711,
		.shim_uid = 1000001,
		.module_uid = 1000002,
		.shim_start = 123456789,
		.generation = 3,
		.has_limits = true,
		.limits = {[MS_LIMIT_MEMORY] = 64u << 20, [MS_LIMIT_CPU] = 150},
		.manifest = m,
	};

	memset(record.launch_id, 0x5a, sizeof(record.launch_id));
	memset(record.policy_hash, 0xa5, sizeof(record.policy_hash));
	memset(record.plan_hash, 0x3c, sizeof(record.plan_hash));
	return record;
}

/* The bytes of @record into @out; 0 when it was refused. */
static size_t encode(const struct ms_record *record, uint8_t *out)
{
	ms_auto_free void *bytes = NULL;
	size_t len = 0;

	if (ms_record_encode(record, &bytes, &len) != 0)
		return 0;
	memcpy(out, bytes, len);
	return len;
}

static size_t encode_one(void)
{
	ms_auto(manifest) struct ms_manifest *m = parse();
	struct ms_record record = a_record(m);

	return m ? encode(&record, message) : 0;
}

/* 0 when refused; else it is one that this daemon would have written, byte for byte. From a block
 * of its own, so that a sanitizer sees a byte read beyond it. */
static int same_again(const uint8_t *data, size_t len)
{
	static uint8_t again[MS_MAX_RECORD_BYTES];
	ms_auto_free uint8_t *copy = malloc(len ? len : 1);
	ms_auto(record) struct ms_record record = {0};

	if (!copy)
		return 0;
	memcpy(copy, data, len);
	if (ms_record_decode(copy, len, &record) != 0)
		return 0;
	CHECK(ms_name_is_instance(record.instance.p, record.instance.len));
	CHECK(ms_name_is_tenant(record.tenant.p, record.tenant.len));
	CHECK(!strchr(record.socket_key.p, '/') && !strchr(record.socket_key.p, '.'));
	CHECK((unsigned)record.tier < MS_TIER_COUNT);
	CHECK(ms_manifest_verify(record.manifest));
	CHECK_EQ(encode(&record, again), len);
	CHECK(memcmp(again, data, len) == 0);
	return 1;
}

TEST(there_and_back)
{
	ms_auto(manifest) struct ms_manifest *m = parse();
	ms_auto(record) struct ms_record out = {0};
	struct ms_record in = a_record(m);
	size_t len;

	REQUIRE(m);
	len = encode(&in, message);
	REQUIRE(len && ms_record_decode(message, len, &out) == 0);
	memset(message, 0xaa, len); /* nothing is borrowed from the bytes */
	CHECK_STR(out.instance.p, in.instance.p);
	CHECK_STR(out.tenant.p, in.tenant.p);
	CHECK_STR(out.path.p, in.path.p);
	CHECK_STR(out.socket_key.p, in.socket_key.p);
	CHECK_STR(out.labels.p, in.labels.p);
	CHECK_EQ(out.tier, in.tier);
	CHECK_EQ(out.installation, in.installation);
	CHECK_EQ(out.since_usec, in.since_usec);
	CHECK_EQ(out.shim_pid, in.shim_pid);
	CHECK_EQ(out.shim_uid, in.shim_uid);
	CHECK_EQ(out.module_uid, in.module_uid);
	CHECK_EQ(out.shim_start, in.shim_start);
	CHECK(memcmp(out.launch_id, in.launch_id, sizeof(in.launch_id)) == 0);
	CHECK(memcmp(out.policy_hash, in.policy_hash, sizeof(in.policy_hash)) == 0);
	CHECK(memcmp(out.plan_hash, in.plan_hash, sizeof(in.plan_hash)) == 0);
	CHECK_EQ(out.generation, 3);
	CHECK(out.has_limits && out.limits[MS_LIMIT_MEMORY] == 64u << 20 &&
	      out.limits[MS_LIMIT_CPU] == 150);
	CHECK_STR(out.manifest->id.p, "shop");
	CHECK_STR(out.manifest->listen[1].p, "admin");
}

/* Version 1 had neither the plan's hash, nor the generation, nor the limits: what it wrote is read.
 */
TEST(what_the_version_before_wrote)
{
	const size_t added = 32 + 4 + 8 * MS_LIMIT_COUNT;
	ms_auto(manifest) struct ms_manifest *m = parse();
	ms_auto(record) struct ms_record out = {0};
	struct ms_record in = a_record(m);
	uint8_t *at;
	size_t len;

	REQUIRE(m);
	len = encode(&in, message);
	REQUIRE(len);
	at = memmem(message, len, in.plan_hash, sizeof(in.plan_hash));
	REQUIRE(at);
	memmove(at, at + added, len - added - (size_t)(at - message));
	message[5] = 1;
	REQUIRE(ms_record_decode(message, len - added, &out) == 0);
	CHECK_STR(out.instance.p, in.instance.p);
	CHECK_EQ(out.generation, 1);
	CHECK(!out.has_limits);
	CHECK_STR(out.manifest->id.p, "shop");
}

TEST(every_byte_changed)
{
	size_t len = encode_one();
	unsigned accepted = 0, refused = 0;

	REQUIRE(len);
	for (size_t i = 0; i < len; i++) {
		uint8_t was = message[i];

		for (unsigned other = 0; other < 256; other++) {
			if (other == was)
				continue;
			message[i] = (uint8_t)other;
			if (same_again(message, len))
				accepted++;
			else
				refused++;
		}
		message[i] = was;
	}
	CHECK(refused > accepted / 4); /* numbers, ids and texts may be others; the rest not */
	CHECK(accepted > 0);
	CHECK_EQ(same_again(message, len), 1);
}

TEST(every_length)
{
	size_t len = encode_one();

	REQUIRE(len);
	for (size_t i = 0; i < len; i++)
		CHECK_EQ(same_again(message, i), 0);
	message[len] = 0;
	CHECK_EQ(same_again(message, len + 1), 0);
}

TEST(keys_that_lead_elsewhere)
{
	static const char *const keys[] = {"../17", "..", "a/b", ".", "17 ", "g"};
	ms_auto(manifest) struct ms_manifest *m = parse();
	struct ms_record record = a_record(m);

	REQUIRE(m);
	for (size_t i = 0; i < MS_ARRAY_LEN(keys); i++) {
		size_t len;

		record.socket_key = str(keys[i]);
		len = encode(&record, message);
		REQUIRE(len);
		CHECK_EQ(same_again(message, len), 0);
	}
	record.socket_key = str("r0123456789abcdef");
	CHECK_EQ(same_again(message, encode(&record, message)), 1);
	record.socket_key = str("");
	CHECK_EQ(same_again(message, encode(&record, message)), 1);
}

static void decode_short(size_t len)
{
	ms_auto(record) struct ms_record record = {0};
	int r = ms_record_decode(message, len, &record);

	CHECK(oom_happened ? r == -ENOMEM : r == 0);
}

TEST(short_of_memory)
{
	size_t len = encode_one();

	REQUIRE(len);
	OOM_LOOP
	decode_short(len);
}
