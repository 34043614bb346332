/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-shimwire.c - every message there and back; cut, prolonged and changed at every byte:
 * refused, or a message that has exactly these bytes.
 */
#include "lib/shimwire.h"

#include <signal.h>

#include "tests/unit/test.h"

struct sample {
	const char *name;
	uint8_t bytes[MS_SHIM_MAX_BYTES];
	size_t len;
};

static struct ms_shim_violation full_violation(void)
{
	static char longest[MS_MAX_REPORT_TEXT_BYTES];
	struct ms_shim_violation v = {
		.arch = 0xc000003e,
		.nr = 0xfedcba98,
		.args = {1, UINT64_MAX, 0, 0x123456789abcdef0, 5, 6},
		.ip = 0x7fffffffffff,
		.tid = 12,
		.pid = 11,
		.count = 7,
		.total = UINT64_C(1) << 40,
		.action = MS_SHIM_THROTTLED,
		.error = ENOSYS,
		.boot_usec = 123456789,
		.comm = {"node", 4},
		.n_texts = 2,
	};

	memset(longest, 'e', sizeof(longest));
	v.exe = (struct ms_str){longest, sizeof(longest)};
	v.texts[0] =
		(struct ms_shim_text){.arg = 1, .kind = MS_TEXT_PATH, .len = 4, .bytes = "/etc"};
	v.texts[1] = (struct ms_shim_text){.arg = 5,
					   .kind = MS_TEXT_BYTES,
					   .truncated = true,
					   .len = MS_MAX_REPORT_TEXT_BYTES};
	memset(v.texts[1].bytes, 0, sizeof(v.texts[1].bytes)); /* NUL is fine in bytes */
	return v;
}

/* Everything that @version has, from s[n] on; how many there are then. */
static size_t build_version(struct sample *s, size_t n, unsigned version)
{
	struct ms_shim_violation v = full_violation();
	struct ms_shim_violation least = {.count = 1, .comm = {"", 0}, .exe = {"", 0}};
	struct ms_shim_exit e = {.kind = MS_EXIT_SIGNAL,
				 .value = SIGSEGV,
				 .core_wanted = true,
				 .forbidden = true,
				 .denied = 99,
				 .reported = 98,
				 .log_dropped_bytes = UINT64_MAX,
				 .tail = {"", 0}};
	struct ms_error err = {
		.code = -EACCES, .reason = MS_REASON_COMMAND_NOT_FOUND, .step = MS_STEP_EXEC};

#define ADD(what, call) s[n].name = (what), s[n].len = (call), n++
	(void)snprintf(err.msg, sizeof(err.msg), "exec '/x': Permission denied");
	memset(err.hint, 'h', sizeof(err.hint) - 1);
	ADD("plan", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_PLAN));
	ADD("release", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_RELEASE));
	ADD("kill", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_KILL));
	ADD("heard", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_HEARD));
	ADD("parked", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_PARKED));
	ADD("signal", ms_shimwire_signal(s[n].bytes, version, 64));
	ADD("started", ms_shimwire_started(s[n].bytes, version, 2));
	ADD("failed", ms_shimwire_failed(s[n].bytes, version, &err));
	ADD("violation", ms_shimwire_violation(s[n].bytes, version, &v));
	ADD("least violation", ms_shimwire_violation(s[n].bytes, version, &least));
	ADD("exit", ms_shimwire_exit(s[n].bytes, version, &e));
	ADD("hello", ms_shimwire_hello(s[n].bytes, version,
				       &(struct ms_shim_hello){.launch_id = {1, 2, 3},
							       .policy_hash = {4, 5},
							       .pid_inside = 2,
							       .ended = true,
							       .denied = 77}));
	if (version < 2)
		return n;
	ADD("listener", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_LISTENER));
	ADD("exec", ms_shimwire_plain(s[n].bytes, version, MS_SHIM_EXEC));
	e.watchdog = e.emergency = true;
	e.tail = (struct ms_str){"one\ntwo\0three\n", 14}; /* NUL is fine in what it wrote */
	ADD("exit with a tail", ms_shimwire_exit(s[n].bytes, version, &e));
	ADD("hello with everything",
	    ms_shimwire_hello(s[n].bytes, version,
			      &(struct ms_shim_hello){
				      .ready = true, .n_listen = MS_MAX_LISTEN, .has_plan = true}));
	ADD("notify",
	    ms_shimwire_notify(s[n].bytes, version,
			       &(struct ms_shim_notify){
				       .ready = true, .dropped = 7, .status = {"busy \xff", 6}}));
	ADD("least notify",
	    ms_shimwire_notify(s[n].bytes, version, &(struct ms_shim_notify){.status = {"", 0}}));
#undef ADD
	return n;
}

static size_t build(struct sample *s)
{
	size_t n = 0;

	for (unsigned version = MS_SHIM_OLDEST; version <= MS_SHIM_VERSION; version++)
		n = build_version(s, n, version);
	return n;
}

static size_t encode_again(uint8_t *buf, const struct ms_shim_msg *m)
{
	switch (m->type) {
	case MS_SHIM_PLAN:
	case MS_SHIM_RELEASE:
	case MS_SHIM_KILL:
	case MS_SHIM_HEARD:
	case MS_SHIM_PARKED:
	case MS_SHIM_LISTENER:
	case MS_SHIM_EXEC:
		return ms_shimwire_plain(buf, m->version, m->type);
	case MS_SHIM_SIGNAL:
		return ms_shimwire_signal(buf, m->version, m->signo);
	case MS_SHIM_STARTED:
		return ms_shimwire_started(buf, m->version, m->pid_inside);
	case MS_SHIM_FAILED:
		return ms_shimwire_failed(buf, m->version, &m->error);
	case MS_SHIM_VIOLATION:
		return ms_shimwire_violation(buf, m->version, &m->violation);
	case MS_SHIM_EXIT:
		return ms_shimwire_exit(buf, m->version, &m->exit);
	case MS_SHIM_HELLO:
		return ms_shimwire_hello(buf, m->version, &m->hello);
	case MS_SHIM_NOTIFY:
		return ms_shimwire_notify(buf, m->version, &m->notify);
	}
	return 0;
}

/* 0 refused, 1 understood; understood means that the message says all of these bytes. The bytes are
 * on the heap, exactly as long as they are, so that ASan sees a read behind them. */
static int decode(const uint8_t *bytes, size_t len)
{
	static uint8_t again[MS_SHIM_MAX_BYTES];
	static struct ms_shim_msg m;
	ms_auto_free uint8_t *exact = malloc(len ? len : 1);
	int r;

	if (!exact)
		return -1;
	memcpy(exact, bytes, len);
	r = ms_shimwire_decode(exact, len, &m);
	if (r < 0) {
		CHECK_EQ(r, -EBADMSG);
		return 0;
	}
	CHECK_EQ(encode_again(again, &m), len);
	CHECK(memcmp(again, exact, len) == 0);
	return 1;
}

static struct sample samples[32];

TEST(there_and_back)
{
	size_t n = build(samples);

	CHECK_EQ(n, 12 + 18);
	for (size_t i = 0; i < n; i++) {
		if (decode(samples[i].bytes, samples[i].len) != 1)
			printf("%s\n", samples[i].name);
		CHECK_EQ(decode(samples[i].bytes, samples[i].len), 1);
	}
}

TEST(fields)
{
	static struct ms_shim_msg m;
	struct ms_shim_violation v = full_violation();
	uint8_t buf[MS_SHIM_MAX_BYTES];
	size_t len = ms_shimwire_violation(buf, MS_SHIM_VERSION, &v);

	REQUIRE(ms_shimwire_decode(buf, len, &m) == 0);
	CHECK_EQ(m.type, MS_SHIM_VIOLATION);
	CHECK_EQ(m.violation.nr, v.nr);
	CHECK(memcmp(m.violation.args, v.args, sizeof(v.args)) == 0);
	CHECK_EQ(m.violation.total, v.total);
	CHECK_EQ(m.violation.action, MS_SHIM_THROTTLED);
	CHECK_EQ(m.violation.error, ENOSYS);
	CHECK_EQ(m.violation.comm.len, 4);
	CHECK_EQ(m.violation.exe.len, MS_MAX_REPORT_TEXT_BYTES);
	CHECK(memcmp(m.violation.texts[0].bytes, "/etc", 4) == 0);
	CHECK(m.violation.texts[1].truncated);
	len = ms_shimwire_signal(buf, MS_SHIM_VERSION, SIGTERM);
	REQUIRE(ms_shimwire_decode(buf, len, &m) == 0);
	CHECK_EQ(m.signo, SIGTERM);
}

TEST(cut_and_prolonged)
{
	size_t n = build(samples);

	for (size_t i = 0; i < n; i++) {
		for (size_t len = 0; len < samples[i].len; len++)
			CHECK_EQ(decode(samples[i].bytes, len), 0);
		samples[i].bytes[samples[i].len] = 0;
		CHECK_EQ(decode(samples[i].bytes, samples[i].len + 1), 0);
	}
}

TEST(every_byte_changed)
{
	size_t n = build(samples);
	unsigned understood = 0, refused = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0; at < samples[i].len; at++) {
			uint8_t was = samples[i].bytes[at];

			for (unsigned x = 1; x < 256; x++) {
				samples[i].bytes[at] = (uint8_t)(was ^ x);
				if (decode(samples[i].bytes, samples[i].len) == 1)
					understood++;
				else
					refused++;
			}
			samples[i].bytes[at] = was;
		}
	}
	CHECK(understood > 0 && refused > 0);
}

/* What an older shim says is understood as far as it goes; what it cannot know is nothing. */
TEST(version_1)
{
	static struct ms_shim_msg m;
	uint8_t buf[MS_SHIM_MAX_BYTES];
	const struct ms_shim_exit e = {.kind = MS_EXIT_CODE,
				       .value = 3,
				       .denied = 5,
				       .watchdog = true,
				       .emergency = true,
				       .tail = {"lost", 4}};
	const struct ms_shim_hello h = {
		.pid_inside = 2, .ready = true, .n_listen = 3, .has_plan = true};

	REQUIRE(ms_shimwire_decode(buf, ms_shimwire_exit(buf, 1, &e), &m) == 0);
	CHECK_EQ(m.version, 1);
	CHECK_EQ(m.exit.value, 3);
	CHECK_EQ(m.exit.denied, 5);
	CHECK(!m.exit.watchdog && !m.exit.emergency);
	CHECK_STR(m.exit.tail.p, "");
	CHECK_EQ(m.exit.tail.len, 0);
	REQUIRE(ms_shimwire_decode(buf, ms_shimwire_hello(buf, 1, &h), &m) == 0);
	CHECK_EQ(m.hello.pid_inside, 2);
	CHECK(!m.hello.ready && !m.hello.n_listen && !m.hello.has_plan);
	REQUIRE(ms_shimwire_decode(buf, ms_shimwire_hello(buf, 2, &h), &m) == 0);
	CHECK_EQ(m.version, 2);
	CHECK(m.hello.ready && m.hello.n_listen == 3 && m.hello.has_plan);
	/* what version 1 does not have, said in it */
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_plain(buf, 1, MS_SHIM_LISTENER), &m),
		 -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_plain(buf, 1, MS_SHIM_EXEC), &m), -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(
			 buf,
			 ms_shimwire_notify(buf, 1, &(struct ms_shim_notify){.status = {"", 0}}),
			 &m),
		 -EBADMSG);
	/* a version that is not there yet, or not any more */
	buf[2] = 0;
	CHECK_EQ(ms_shimwire_decode(buf, 4, &m), -EBADMSG);
	(void)ms_shimwire_plain(buf, 2, MS_SHIM_KILL); /* four bytes */
	buf[2] = MS_SHIM_VERSION + 1;
	CHECK_EQ(ms_shimwire_decode(buf, 4, &m), -EBADMSG);
}

/* Module-made texts: at the cap, and one more is cut; of stderr the last is kept. */
TEST(texts_at_their_caps)
{
	static struct ms_shim_msg m;
	static char text[MS_MAX_TAIL_BYTES + 1];
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_exit e = {.tail = {text, MS_MAX_TAIL_BYTES + 1}};
	struct ms_shim_notify n = {.status = {text + 1, MS_MAX_STATUS_BYTES}};

	memset(text, 'x', sizeof(text));
	text[0] = 'o';
	text[MS_MAX_TAIL_BYTES] = 'l';
	REQUIRE(ms_shimwire_decode(buf, ms_shimwire_exit(buf, 2, &e), &m) == 0);
	CHECK_EQ(m.exit.tail.len, MS_MAX_TAIL_BYTES);
	CHECK_EQ(m.exit.tail.p[0], 'x');
	CHECK_EQ(m.exit.tail.p[MS_MAX_TAIL_BYTES - 1], 'l');
	REQUIRE(ms_shimwire_decode(buf, ms_shimwire_notify(buf, 2, &n), &m) == 0);
	CHECK_EQ(m.notify.status.len, MS_MAX_STATUS_BYTES);
	n.status.len++;
	REQUIRE(ms_shimwire_decode(buf, ms_shimwire_notify(buf, 2, &n), &m) == 0);
	CHECK_EQ(m.notify.status.len, MS_MAX_STATUS_BYTES);
	n.status = (struct ms_str){"a\0b", 3};
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_notify(buf, 2, &n), &m), -EBADMSG);
}

TEST(hello_counts)
{
	static struct ms_shim_msg m;
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_hello h = {.n_listen = MS_MAX_LISTEN};

	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_hello(buf, 2, &h), &m), 0);
	h.n_listen++;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_hello(buf, 2, &h), &m), -EBADMSG);
	CHECK_EQ(1 + MS_MAX_LISTEN + 1, MS_SHIM_MAX_FDS);
}

TEST(ranges)
{
	static struct ms_shim_msg m;
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_violation v = full_violation();
	struct ms_error err = {.code = -4095};
	size_t len;

	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_signal(buf, MS_SHIM_VERSION, 0), &m),
		 -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_signal(buf, MS_SHIM_VERSION, 1), &m), 0);
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_signal(buf, MS_SHIM_VERSION, 64), &m), 0);
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_signal(buf, MS_SHIM_VERSION, 65), &m),
		 -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_plain(buf, MS_SHIM_VERSION, MS_SHIM_STARTED),
				    &m),
		 -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(
			 buf, ms_shimwire_plain(buf, MS_SHIM_VERSION, (enum ms_shim_type)99), &m),
		 -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(
			 buf, ms_shimwire_plain(buf, MS_SHIM_VERSION, (enum ms_shim_type)0), &m),
		 -EBADMSG);
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_failed(buf, MS_SHIM_VERSION, &err), &m), 0);
	err.code = -4096;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_failed(buf, MS_SHIM_VERSION, &err), &m),
		 -EBADMSG);
	err.code = 0;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_failed(buf, MS_SHIM_VERSION, &err), &m),
		 -EBADMSG);
	v.count = 0;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_violation(buf, MS_SHIM_VERSION, &v), &m),
		 -EBADMSG);
	v.count = 1;
	v.error = 4096;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_violation(buf, MS_SHIM_VERSION, &v), &m),
		 -EBADMSG);
	v.error = EPERM;
	v.texts[0].arg = 6;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_violation(buf, MS_SHIM_VERSION, &v), &m),
		 -EBADMSG);
	v.texts[0].arg = 5;
	v.texts[0].kind = MS_TEXT_COUNT;
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_violation(buf, MS_SHIM_VERSION, &v), &m),
		 -EBADMSG);
	v.texts[0].kind = MS_TEXT_PATH;
	v.comm = (struct ms_str){"a\0b", 3}; /* a NUL in a name */
	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_violation(buf, MS_SHIM_VERSION, &v), &m),
		 -EBADMSG);
	/* One byte above the cap is cut by the encoder. */
	v.comm = (struct ms_str){
		(const char[MS_MAX_REPORT_TEXT_BYTES + 1]){[0 ... MS_MAX_REPORT_TEXT_BYTES] = 'x'},
		MS_MAX_REPORT_TEXT_BYTES + 1};
	len = ms_shimwire_violation(buf, MS_SHIM_VERSION, &v);
	REQUIRE(ms_shimwire_decode(buf, len, &m) == 0);
	CHECK_EQ(m.violation.comm.len, MS_MAX_REPORT_TEXT_BYTES);
}

/* A refused message leaves the result as it was. */
TEST(result_untouched)
{
	static struct ms_shim_msg m = {.type = MS_SHIM_EXIT};
	uint8_t buf[MS_SHIM_MAX_BYTES];

	CHECK_EQ(ms_shimwire_decode(buf, ms_shimwire_signal(buf, MS_SHIM_VERSION, 0), &m),
		 -EBADMSG);
	CHECK_EQ(m.type, MS_SHIM_EXIT);
}
