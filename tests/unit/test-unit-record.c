/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-unit-record.c - what a daemon writes down of a unit: what goes in comes out, and of a record
 * that was damaged nothing is believed that could not have been written, nor read out of bounds.
 */
#include "supervisor/daemon/unit-record.h"

#include "lib/name.h"
#include "tests/unit/test.h"

static uint8_t message[MS_MAX_UNIT_RECORD_BYTES], again[MS_MAX_UNIT_RECORD_BYTES];

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static struct ms_unit_record a_record(void)
{
	return (struct ms_unit_record){
		.number = 17,
		.generation = 4,
		.failures = 2,
		.history = {.n = MS_RESTART_HISTORY + 3, .starts_usec = {64, 65, 66, 3, 4}},
		.since_usec = 1700000000000000u,
		.tier = (enum ms_tier)(MS_TIER_COUNT - 1),
		.wished = true,
		.ready = true,
		.again = true,
		.module = str("shop-mail"),
		.tenant = str("acme:1"),
		.path = str("/srv/modules/shop-mail"),
		.manifest = str(""),
		.bundle = str(""),
		.labels = str("{\"a\":\"b\"}"),
		.command = {str("/bin/sh"), str("-c"), str("")},
		.n_command = 3,
	};
}

static size_t encode(const struct ms_unit_record *record, uint8_t *out)
{
	ms_auto_free void *bytes = NULL;
	size_t len = 0;

	if (ms_unit_record_encode(record, &bytes, &len) != 0)
		return 0;
	memcpy(out, bytes, len);
	return len;
}

/* 0 when refused; else it is one that this daemon would have written, byte for byte. */
static int same_again(const uint8_t *data, size_t len)
{
	ms_auto_free uint8_t *copy = malloc(len ? len : 1);
	ms_auto(unit_record) struct ms_unit_record record = {0};

	if (!copy)
		return 0;
	memcpy(copy, data, len);
	if (ms_unit_record_decode(copy, len, &record) != 0)
		return 0;
	CHECK(ms_name_is_module(record.module.p, record.module.len));
	CHECK(ms_name_is_tenant(record.tenant.p, record.tenant.len));
	CHECK((unsigned)record.tier < MS_TIER_COUNT);
	CHECK(record.number && record.generation);
	CHECK_EQ(encode(&record, again), len);
	CHECK(memcmp(again, data, len) == 0);
	return 1;
}

TEST(there_and_back)
{
	const struct ms_unit_record in = a_record();
	ms_auto(unit_record) struct ms_unit_record out = {0};
	size_t len = encode(&in, message);

	REQUIRE(len && ms_unit_record_decode(message, len, &out) == 0);
	memset(message, 0xaa, len); /* nothing is borrowed from the bytes */
	CHECK_EQ(out.number, in.number);
	CHECK_EQ(out.generation, in.generation);
	CHECK_EQ(out.failures, in.failures);
	/* the ring began at its fourth place; the latest three came last */
	CHECK_EQ(out.history.n, MS_RESTART_HISTORY);
	CHECK_EQ(out.history.starts_usec[0], 3);
	CHECK_EQ(out.history.starts_usec[1], 4);
	CHECK_EQ(out.history.starts_usec[MS_RESTART_HISTORY - 1], 66);
	CHECK_EQ(out.since_usec, in.since_usec);
	CHECK_EQ(out.tier, in.tier);
	CHECK(out.wished && out.ready && out.again);
	CHECK_STR(out.module.p, in.module.p);
	CHECK_STR(out.tenant.p, in.tenant.p);
	CHECK_STR(out.path.p, in.path.p);
	CHECK_STR(out.labels.p, in.labels.p);
	CHECK_EQ(out.n_command, 3u);
	CHECK_STR(out.command[1].p, "-c");
	CHECK_EQ(out.command[2].len, 0u);
}

TEST(the_largest_fits)
{
	static char manifest[MS_MAX_MANIFEST_BYTES + 1], arg[MS_MAX_ARG_BYTES + 1];
	struct ms_unit_record in = a_record();
	size_t len;

	memset(manifest, 'm', sizeof(manifest) - 1);
	memset(arg, 'a', sizeof(arg) - 1);
	in.path = str("");
	in.manifest = str(manifest);
	in.n_command = MS_MAX_ARGV;
	for (uint32_t i = 0; i < MS_MAX_ARGV; i++)
		in.command[i] = str(arg);
	len = encode(&in, message);
	REQUIRE(len > 0);
	CHECK(same_again(message, len));
	in.manifest.len++; /* its NUL: one byte above the cap */
	CHECK(encode(&in, message) == 0 || !same_again(message, len + 1));
}

TEST(neither_path_nor_manifest_is_none)
{
	struct ms_unit_record in = a_record();

	in.path = str("");
	CHECK(!same_again(message, encode(&in, message)));
	in.path = str("/a");
	in.manifest = str("{}");
	CHECK(!same_again(message, encode(&in, message)));
	in = a_record();
	in.module = str("../x");
	CHECK(!same_again(message, encode(&in, message)));
	in = a_record();
	in.number = 0;
	CHECK(!same_again(message, encode(&in, message)));
}

TEST(every_cut_is_refused)
{
	const struct ms_unit_record in = a_record();
	size_t len = encode(&in, message);

	REQUIRE(len);
	for (size_t cut = 0; cut < len; cut++)
		CHECK(!same_again(message, cut));
	message[len] = 0;
	CHECK(!same_again(message, len + 1));
}

TEST(every_flip_is_refused_or_sound)
{
	const struct ms_unit_record in = a_record();
	static uint8_t original[MS_MAX_UNIT_RECORD_BYTES];
	size_t len = encode(&in, original);

	REQUIRE(len);
	for (size_t at = 0; at < len; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(message, original, len);
			message[at] ^= (uint8_t)(1u << bit);
			(void)same_again(message, len); /* its checks are the test */
		}
	}
}
