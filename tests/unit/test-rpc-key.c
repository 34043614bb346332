/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-rpc-key.c - `key`, operation.cancel and operation.progress: the same again in every state of
 * the first one, whose keys they are, their caps and their end, and requests that outlive their
 * connection. The clock is the test's own.
 */
#include "supervisor/daemon/rpc-key.h"

#include <fcntl.h>

#include "supervisor/daemon/event.h"
#include "supervisor/daemon/supervisor.h"
#include "tests/unit/fake-instance.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#define HOUR_USEC (UINT64_C(3600) * 1000000)

struct client {
	struct ms_rpc_peer rpc;
	char *last; /* the last line that came */
	uint32_t n, n_fds;
};

static struct ms_supervisor supervisor;
static struct client one, two;
static uint64_t now_usec;

static uint64_t test_clock(void)
{
	return now_usec;
}

static void sink_send(void *data, struct ms_rpc_line *line)
{
	struct client *c = data;

	free(c->last);
	c->last = strndup(line->head, line->head_len);
	c->n++;
	c->n_fds += line->n_fds;
	ms_rpc_line_done(line);
}

static void sink_wake(void *data)
{
	(void)data; /* nothing is pulled here */
}

static void connect_as(struct client *c, uid_t uid, struct ms_peer_entry *take_entry)
{
	*c = (struct client){0};
	ms_rpc_peer_init(&c->rpc, &supervisor,
			 &(struct ms_rpc_who){.uid = uid,
					      .role = MS_ROLE_ADMIN,
					      .ceiling = MS_ROLE_ADMIN,
					      .entry = take_entry},
			 (struct ms_rpc_sink){.send = sink_send, .wake = sink_wake, .data = c});
}

static void leave(struct client *c)
{
	if (c->rpc.s)
		ms_rpc_peer_done(&c->rpc);
	free(c->last);
	*c = (struct client){0};
}

static void begin(void)
{
	fake_reset();
	now_usec = HOUR_USEC;
	supervisor = (struct ms_supervisor){.config = ms_config_new(),
					    .events = ms_events_new(),
					    .rpc = ms_rpc_memory_new(test_clock)};
	connect_as(&one, 7, NULL);
	connect_as(&two, 7, NULL);
}

static void end(void)
{
	leave(&one);
	leave(&two);
	supervisor.rpc = ms_rpc_memory_free(supervisor.rpc);
	CHECK_EQ(fake.n_waits, 0);
	supervisor.events = ms_events_free(supervisor.events);
	supervisor.config = ms_config_free(supervisor.config);
}

/* What came at once, or "". */
static const char *ask(struct client *c, const char *request)
{
	uint32_t before = c->n;

	ms_rpc_request(&c->rpc, request, strlen(request));
	CHECK(c->n <= before + 1);
	return c->n > before ? c->last : "";
}

static bool has(const char *line, const char *part)
{
	if (line && strstr(line, part))
		return true;
	printf("  no %s\n  in %s\n", part, line ? line : "nothing");
	return false;
}

#define START(id, params)                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"instance.start\",\"params\":{" params "}" \
	"}"
#define STOP(id, params)                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"instance.stop\",\"params\":{" params "}}"
#define CANCEL(id, other)                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id                                                          \
	",\"method\":\"operation.cancel\",\"params\":{\"id\":" other "}}"

TEST(the_same_again_gives_the_first_result)
{
	begin();
	CHECK_STR(ask(&one, START("1", "\"path\":\"/a\",\"tenant\":\"t\",\"key\":\"k\"")), "");
	fake_answer(NULL, NULL, 0);
	CHECK(has(one.last, "\"id\":1,\"result\":{\"instance\":\"00000001\""));
	/* in another order, from another connection, with another id */
	CHECK(has(ask(&two, START("\"x\"", "\"key\":\"k\",\"tenant\":\"t\",\"path\":\"/a\"")),
		  "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"instance\":\"00000001\""));
	CHECK_EQ(fake.n_started, 1);
	/* nothing but the id differs */
	CHECK_STR(strstr(two.last, "\"result\""), strstr(one.last, "\"result\""));
	end();
}

TEST(other_parameters_or_another_method)
{
	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	CHECK(has(ask(&one, START("2", "\"path\":\"/b\",\"key\":\"k\"")),
		  "\"reason\":\"key-reused\",\"retry\":\"never\",\"http\":409"));
	CHECK(has(ask(&one, STOP("3", "\"module\":\"demo\",\"key\":\"k\"")), "key-reused"));
	fake_answer(NULL, NULL, 0);
	CHECK(has(ask(&one, START("2", "\"path\":\"/b\",\"key\":\"k\"")), "key-reused"));
	CHECK(has(ask(&one, START("2", "\"path\":\"/a\"")), "") && fake.n_started == 2);
	end();
}

TEST(the_same_while_it_runs_joins)
{
	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	CHECK_STR(ask(&one, START("2", "\"path\":\"/a\",\"key\":\"k\"")), "");
	CHECK_STR(ask(&two, START("3", "\"path\":\"/a\",\"key\":\"k\"")), "");
	CHECK_EQ(fake.n_started, 1);
	CHECK_EQ(one.rpc.n_calls + two.rpc.n_calls, 3);
	fake_answer(NULL, NULL, 0);
	CHECK_EQ(one.n, 2);
	CHECK(has(two.last, "\"id\":3,\"result\":{\"instance\":\"00000001\""));
	CHECK_EQ(one.rpc.n_calls + two.rpc.n_calls, 0);
	end();
}

TEST(one_that_waits_may_leave)
{
	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	(void)ask(&two, START("2", "\"path\":\"/a\",\"key\":\"k\""));
	(void)ask(&two, START("3", "\"path\":\"/a\",\"key\":\"k\""));
	leave(&two);
	fake_answer(NULL, NULL, 0);
	CHECK(has(one.last, "\"id\":1,\"result\""));
	end();
}

TEST(a_connection_that_ends_does_not_cancel)
{
	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	(void)ask(&one, START("2", "\"path\":\"/b\""));
	leave(&one);
	CHECK_EQ(fake.n_waits, 1); /* of the one without a key nobody hears any more */
	CHECK_STR(ask(&two, START("3", "\"path\":\"/a\",\"key\":\"k\"")), "");
	CHECK_EQ(fake.n_started, 2);
	fake_answer(NULL, NULL, 0);
	CHECK(has(two.last, "\"id\":3,\"result\""));
	CHECK(has(ask(&two, START("4", "\"path\":\"/a\",\"key\":\"k\"")), "\"id\":4,\"result\""));
	end();
}

TEST(the_end_of_everything_with_one_still_running)
{
	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	(void)ask(&one, STOP("2", "\"module\":\"demo\",\"key\":\"l\""));
	(void)ask(&two, START("3", "\"path\":\"/a\",\"key\":\"k\""));
	leave(&one);
	CHECK_EQ(fake.n_waits, 2);
	end(); /* checks that nobody is called back any more */
}

TEST(whose_key_it_is)
{
	static const char text[] =
		"{\"peers\":[{\"user\":7,\"role\":\"backend\",\"modules\":[\"a\"]},"
		"{\"user\":7,\"role\":\"backend\",\"modules\":[\"b\"]}]}";
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	ms_auto(config) struct ms_config *config = ms_config_new();

	begin();
	REQUIRE(ms_config_apply(config, text, strlen(text), report) == 0);
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	fake_answer(NULL, NULL, 0);
	leave(&two);
	connect_as(&two, 8, NULL);
	CHECK_STR(ask(&two, START("1", "\"path\":\"/a\",\"key\":\"k\"")), ""); /* another user */
	fake_answer(NULL, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		leave(&two);
		connect_as(&two, 7, ms_peer_dup(&config->peers[i]));
		CHECK_STR(ask(&two, START("1", "\"path\":\"/a\",\"key\":\"k\"")), "");
		fake_answer(NULL, NULL, 0);
	}
	leave(&two);
	connect_as(&two, 7, NULL);
	two.rpc.ceiling = MS_ROLE_BACKEND;
	CHECK_STR(ask(&two, START("1", "\"path\":\"/a\",\"key\":\"k\"")), ""); /* another socket */
	fake_answer(NULL, NULL, 0);
	CHECK_EQ(fake.n_started, 5);
	end();
}

TEST(errors_that_pass_free_the_key_others_do_not)
{
	struct ms_error err = MS_ERROR_INIT;

	begin();
	fake.refuse_start = ENOSPC; /* host-full: later */
	CHECK(has(ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\"")), "host-full"));
	fake.refuse_start = 0;
	CHECK_STR(ask(&one, START("2", "\"path\":\"/a\",\"key\":\"k\"")), "");
	CHECK_STR(ask(&one, START("3", "\"path\":\"/a\",\"key\":\"k\"")), "");
	MS_IGNORE(ms_error_say(&err, EINVAL, MS_REASON_MANIFEST_INVALID, "bad"));
	fake_answer(&err, NULL, 0);
	CHECK_EQ(one.n, 3);
	CHECK(has(one.last, "manifest-invalid"));
	CHECK(has(ask(&two, START("4", "\"path\":\"/a\",\"key\":\"k\"")),
		  "\"id\":4,\"error\":{\"code\":-32008"));
	CHECK_EQ(fake.n_started, 1);
	end();
}

TEST(an_answer_with_descriptors_is_given_once)
{
	int fds[1];

	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\",\"stdio\":\"tty\""));
	(void)ask(&two, START("2", "\"path\":\"/a\",\"key\":\"k\",\"stdio\":\"tty\""));
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fake_answer(NULL, fds, 1);
	CHECK_EQ(one.n_fds, 1);
	CHECK_EQ(two.n_fds, 0);
	CHECK(has(one.last, "\"fds\":1"));
	CHECK(has(two.last, "\"reason\":\"conflict\"") && has(two.last, "cannot be given twice"));
	CHECK(has(ask(&one, START("3", "\"path\":\"/a\",\"key\":\"k\",\"stdio\":\"tty\"")),
		  "cannot be given twice"));
	CHECK_EQ(fake.n_started, 1);
	end();
}

TEST(a_day_and_not_longer)
{
	begin();
	(void)ask(&one, STOP("1", "\"module\":\"demo\",\"key\":\"k\""));
	(void)ask(&one, STOP("2", "\"module\":\"demo\",\"key\":\"runs\""));
	fake_answer(NULL, NULL, 0);
	now_usec += 24 * HOUR_USEC - 1;
	CHECK(has(ask(&one, STOP("3", "\"module\":\"demo\",\"key\":\"k\"")), "\"result\""));
	now_usec += 1;
	CHECK_STR(ask(&one, STOP("4", "\"module\":\"demo\",\"key\":\"k\"")), "");
	/* what still runs is not forgotten, however long it takes */
	CHECK_STR(ask(&one, STOP("5", "\"module\":\"demo\",\"key\":\"runs\"")), "");
	CHECK_EQ(fake.n_waits, 2);
	end();
}

TEST(keys_of_one_peer_at_their_cap)
{
	char request[160];

	begin();
	for (unsigned i = 0; i <= MS_MAX_PEER_KEYS; i++) {
		const char *answer;

		(void)snprintf(request, sizeof(request),
			       STOP("1", "\"module\":\"demo\",\"key\":\"k%u\""), i); /* fits */
		answer = ask(&one, request);
		if (i < MS_MAX_PEER_KEYS) {
			REQUIRE(!*answer);
			fake_answer(NULL, NULL, 0);
		} else {
			CHECK(has(answer, "\"reason\":\"busy\",\"retry\":\"later\""));
			CHECK(has(answer, "\"retryAfterMs\":86400000"));
		}
	}
	/* nothing was forgotten for it, others have room, and so has this one without a key */
	CHECK(has(ask(&one, STOP("2", "\"module\":\"demo\",\"key\":\"k0\"")), "\"result\""));
	leave(&two);
	connect_as(&two, 8, NULL);
	CHECK_STR(ask(&two, STOP("3", "\"module\":\"demo\",\"key\":\"k\"")), "");
	fake_answer(NULL, NULL, 0);
	CHECK_STR(ask(&one, STOP("4", "\"module\":\"demo\"")), "");
	fake_answer(NULL, NULL, 0);
	now_usec += 24 * HOUR_USEC;
	CHECK_STR(ask(&one, STOP("5", "\"module\":\"demo\",\"key\":\"new\"")), "");
	fake_answer(NULL, NULL, 0);
	end();
}

TEST(keys_of_all_at_their_cap)
{
	char request[160];
	unsigned n = 0;

	begin();
	for (uid_t uid = 100; uid < 100 + MS_MAX_KEYS / MS_MAX_PEER_KEYS; uid++) {
		leave(&two);
		connect_as(&two, uid, NULL);
		for (unsigned i = 0; i < MS_MAX_PEER_KEYS; i++, n++) {
			(void)snprintf(request, sizeof(request),
				       STOP("1", "\"module\":\"demo\",\"key\":\"%u\""),
				       i); /* fits */
			REQUIRE(!*ask(&two, request));
			fake_answer(NULL, NULL, 0);
		}
	}
	CHECK_EQ(n, MS_MAX_KEYS);
	CHECK(has(ask(&one, STOP("1", "\"module\":\"demo\",\"key\":\"k\"")), "busy"));
	end();
}

/* The bytes of an answer from behind its id on, without its newline. */
static size_t tail_len(const struct client *c)
{
	return strlen(strstr(c->last, ",\"result\""));
}

TEST(an_answer_at_its_cap_and_one_above)
{
	static char status[MS_MAX_KEY_ANSWER_BYTES + 1];
	size_t rest;

	begin();
	fake.status = "x";
	(void)ask(&one, STOP("1", "\"module\":\"demo\""));
	fake_answer(NULL, NULL, 0);
	rest = tail_len(&one) - 1;
	for (unsigned over = 0; over <= 1; over++) {
		const char *request = over ? STOP("1", "\"module\":\"demo\",\"key\":\"long\"")
					   : STOP("1", "\"module\":\"demo\",\"key\":\"k\"");

		memset(status, 'x', sizeof(status));
		status[MS_MAX_KEY_ANSWER_BYTES - rest + over] = '\0';
		fake.status = status;
		CHECK_STR(ask(&one, request), "");
		fake_answer(NULL, NULL, 0);
		CHECK_EQ(tail_len(&one), MS_MAX_KEY_ANSWER_BYTES + over);
		CHECK(has(ask(&one, request), over ? "too long to keep" : "\"result\""));
	}
	CHECK_EQ(fake.n_waits, 0); /* nothing was done twice */
	end();
}

/* Keys with large answers until there is no room; how many bytes that were. */
static size_t fill_with_answers(struct client *peer, size_t most)
{
	static char status[MS_MAX_KEY_ANSWER_BYTES / 2 + 1];
	char request[160];
	size_t bytes = 0;

	memset(status, 'x', sizeof(status) - 1);
	fake.status = status;
	for (unsigned n = 0;; n++) {
		const char *answer;

		(void)snprintf(request, sizeof(request),
			       STOP("1", "\"module\":\"demo\",\"key\":\"%u\""), n); /* fits */
		answer = ask(peer, request);
		if (*answer) {
			CHECK(has(answer, "\"reason\":\"busy\""));
			return bytes;
		}
		CHECK(bytes < most);
		fake_answer(NULL, NULL, 0);
		bytes += tail_len(peer);
	}
}

TEST(the_bytes_of_one_peers_answers_at_their_cap)
{
	static const char again[] = STOP("2", "\"module\":\"demo\",\"key\":\"0\"");
	size_t bytes;

	begin();
	bytes = fill_with_answers(&one, MS_MAX_KEYS_BYTES);
	CHECK(bytes >= MS_MAX_PEER_KEYS_BYTES &&
	      bytes < MS_MAX_PEER_KEYS_BYTES + MS_MAX_KEY_ANSWER_BYTES);
	leave(&two);
	connect_as(&two, 8, NULL); /* somebody else has a share of his own */
	CHECK_STR(ask(&two, again), "");
	fake_answer(NULL, NULL, 0);
	/* none of them was forgotten for it, and a day later there is room */
	CHECK(has(ask(&one, again), "\"result\""));
	now_usec += 24 * HOUR_USEC;
	CHECK_STR(ask(&one, again), "");
	fake_answer(NULL, NULL, 0);
	end();
}

TEST(the_bytes_of_all_answers_at_their_cap)
{
	size_t bytes = 0;

	begin();
	for (uid_t uid = 100; bytes < MS_MAX_KEYS_BYTES && uid < 110; uid++) {
		leave(&two);
		connect_as(&two, uid, NULL);
		bytes += fill_with_answers(&two, MS_MAX_KEYS_BYTES);
	}
	CHECK(bytes >= MS_MAX_KEYS_BYTES &&
	      bytes < MS_MAX_KEYS_BYTES + MS_MAX_KEY_ANSWER_BYTES * 4);
	CHECK(has(ask(&one, STOP("1", "\"module\":\"demo\",\"key\":\"k\"")), "busy"));
	end();
}

/* Whatever allocation fails in the life of a key: one answer to each request that is not dropped
 * for want of memory, and nothing is left. */
static void key_without_memory(unsigned left)
{
	static const char first[] = START("1", "\"path\":\"/a\",\"key\":\"k\"");
	static const char second[] = START("2", "\"key\":\"k\",\"path\":\"/a\"");

	begin();
	oom_left = left;
	ms_rpc_request(&one.rpc, first, sizeof(first) - 1);
	ms_rpc_request(&two.rpc, second, sizeof(second) - 1);
	leave(&one);
	while (fake.n_waits)
		fake_answer(NULL, NULL, 0);
	oom_left = 0;
	CHECK_EQ(two.rpc.n_calls, 0);
	CHECK(two.n == 1 || oom_happened);
	CHECK(!two.n || two.last[strlen(two.last) - 1] == '}');
	/* a key that could not be kept is free, one that could is not */
	ms_rpc_request(&two.rpc, second, sizeof(second) - 1);
	while (fake.n_waits)
		fake_answer(NULL, NULL, 0);
	CHECK(two.n >= 1 && two.rpc.n_calls == 0);
	end();
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	{
		unsigned left = oom_left;

		oom_left = 0;
		key_without_memory(left);
	}
}

TEST(what_is_no_key)
{
	char request[256], name[MS_MAX_KEY_BYTES + 2];

	begin();
	memset(name, 'n', sizeof(name));
	(void)snprintf(request, sizeof(request), STOP("1", "\"module\":\"demo\",\"key\":\"%.64s\""),
		       name); /* fits */
	CHECK_STR(ask(&one, request), "");
	fake_answer(NULL, NULL, 0);
	(void)snprintf(request, sizeof(request), STOP("1", "\"module\":\"demo\",\"key\":\"%.65s\""),
		       name); /* fits */
	CHECK(has(ask(&one, request), "/params/key"));
	CHECK(has(ask(&one, STOP("1", "\"module\":\"demo\",\"key\":\"\"")), "1 to 64 bytes"));
	CHECK(has(ask(&one, STOP("1", "\"module\":\"demo\",\"key\":7")), "params-invalid"));
	/* what changes nothing takes none */
	CHECK(has(ask(&one,
		      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"instance.list\",\"params\":{"
		      "\"key\":\"k\"}}"),
		  "params-unknown"));
	end();
}

TEST(cancel)
{
	begin();
	fake.n_instances = 1;
	CHECK(has(ask(&one, CANCEL("1", "7")), "\"reason\":\"not-found\""));
	CHECK(has(ask(&one, CANCEL("1", "1")), "\"reason\":\"not-found\"")); /* not itself */
	CHECK(has(ask(&one, CANCEL("1", "1.5")), "the id of a request"));
	CHECK(has(ask(&one, CANCEL("1", "\"\"")), "the id of a request"));
	(void)ask(&one,
		  "{\"jsonrpc\":\"2.0\",\"id\":\"w\",\"method\":\"instance.wait\",\"params\":{"
		  "\"module\":\"demo\"}}");
	CHECK(has(ask(&two, CANCEL("2", "\"w\"")), "not-found")); /* of another connection */
	ms_rpc_request(&one.rpc, CANCEL("3", "\"w\""), strlen(CANCEL("3", "\"w\"")));
	CHECK(has(one.last, "\"id\":3,\"result\":{\"cancelled\":true}"));
	CHECK_EQ(fake.n_waits, 0);
	CHECK_EQ(one.rpc.n_calls, 0);
	/* a stop goes on */
	(void)ask(&one, STOP("4", "\"module\":\"demo\""));
	CHECK(has(ask(&one, CANCEL("5", "4")), "\"cancelled\":false"));
	CHECK_EQ(fake.n_waits, 1);
	fake_answer(NULL, NULL, 0);
	CHECK(has(one.last, "\"id\":4,\"result\""));
	end();
}

TEST(cancel_a_start)
{
	begin();
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	(void)ask(&two, START("2", "\"path\":\"/a\",\"key\":\"k\""));
	ms_rpc_request(&one.rpc, CANCEL("3", "1"), strlen(CANCEL("3", "1")));
	CHECK(has(one.last, "\"cancelled\":true"));
	CHECK_EQ(one.n, 2);
	CHECK_EQ(fake.n_waits, 0);
	/* it was the same thing to do, and it is not done: told to all, now and later */
	CHECK(has(two.last, "\"id\":2,\"error\"") && has(two.last, "\"reason\":\"cancelled\""));
	CHECK(has(ask(&two, START("4", "\"path\":\"/a\",\"key\":\"k\"")), "\"cancelled\""));
	CHECK_EQ(fake.n_started, 1);
	end();
}

TEST(progress)
{
	begin();
	CHECK(!ms_rpc_has_steps(&one.rpc) && !ms_rpc_tick(&one.rpc));
	fake.step = "inspect";
	(void)ask(&one, STOP("0", "\"module\":\"demo\""));
	CHECK(!ms_rpc_has_steps(&one.rpc));
	(void)ask(&one, START("1", "\"path\":\"/a\",\"key\":\"k\""));
	CHECK(ms_rpc_has_steps(&one.rpc));
	CHECK(ms_rpc_tick(&one.rpc));
	CHECK_EQ(one.n, 0); /* not a whole second yet, perhaps */
	CHECK(ms_rpc_tick(&one.rpc));
	CHECK_STR(one.last, "{\"jsonrpc\":\"2.0\",\"method\":\"operation.progress\",\"params\":{"
			    "\"id\":1,\"key\":\"k\",\"step\":\"inspect\"}}");
	CHECK(ms_rpc_tick(&one.rpc));
	CHECK_EQ(one.n, 1); /* nothing new */
	fake.step = "launch";
	CHECK(ms_rpc_tick(&one.rpc));
	CHECK(has(one.last, "\"step\":\"launch\""));
	/* who waits for the same is told its steps, under its own id */
	(void)ask(&two, START("\"x\"", "\"path\":\"/a\",\"key\":\"k\""));
	CHECK(ms_rpc_tick(&two.rpc) && ms_rpc_tick(&two.rpc));
	CHECK(has(two.last, "\"id\":\"x\",\"key\":\"k\",\"step\":\"launch\""));
	fake.step = NULL;
	CHECK(ms_rpc_tick(&one.rpc));
	CHECK_EQ(one.n, 2);
	fake_answer(NULL, NULL, 0); /* the stop */
	fake_answer(NULL, NULL, 0);
	CHECK(!ms_rpc_tick(&one.rpc) && !ms_rpc_tick(&two.rpc));
	end();
}

TEST(cancel_what_only_waits_for_the_same)
{
	begin();
	(void)ask(&one, STOP("1", "\"module\":\"demo\",\"key\":\"k\""));
	(void)ask(&two, STOP("2", "\"module\":\"demo\",\"key\":\"k\""));
	ms_rpc_request(&two.rpc, CANCEL("3", "2"), strlen(CANCEL("3", "2")));
	CHECK(has(two.last, "\"cancelled\":true"));
	CHECK_EQ(two.n, 2);
	CHECK_EQ(two.rpc.n_calls, 0);
	fake_answer(NULL, NULL, 0);
	CHECK(has(one.last, "\"id\":1,\"result\""));
	CHECK(has(ask(&two, STOP("4", "\"module\":\"demo\",\"key\":\"k\"")), "\"result\""));
	end();
}
