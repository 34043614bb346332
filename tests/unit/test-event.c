/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-event.c - numbers without holes, the ring at its cap and beyond, filters, every kind of gap,
 * and an allocation failing anywhere in an emit.
 */
#include "supervisor/daemon/event.h"

#include "modsup/limits.h"
#include "policy/config-peers.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#define STR(text) ((struct ms_str){.p = (text), .len = strlen(text)})

static unsigned woken;

static void wake(void *data)
{
	(void)data;
	woken++;
}

static struct ms_jw *data_of(const char *text)
{
	struct ms_jw *jw = ms_jw_new();

	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "text", text);
	ms_jw_end(jw);
	return jw;
}

static void emit(struct ms_events *events, const char *type, const char *module,
		 enum ms_severity severity)
{
	struct ms_event_head head = {.type = type,
				     .module = STR(module),
				     .tenant = STR("default"),
				     .instance = STR("0123abcd"),
				     .severity = severity};

	ms_event_emit(events, &head, data_of("x"));
}

static void emit_of(struct ms_events *events, const char *instance, const char *text)
{
	struct ms_event_head head = {.type = "t", .instance = STR(instance)};

	ms_event_emit(events, &head, data_of(text));
}

static struct ms_sub *subscribe(struct ms_events *events, const struct ms_sub_filter *filter)
{
	struct ms_sub_filter none = {0};
	struct ms_sub *sub = NULL;

	CHECK_EQ(ms_sub_new(events, filter ? filter : &none, wake, NULL, &sub), 0);
	return sub;
}

/* The next thing: its number and prev for an event, from and to for a gap. */
static int next(struct ms_sub *sub, uint64_t *ret_a, uint64_t *ret_b, const char **ret_reason)
{
	struct ms_sub_item item = {0};
	int r = ms_sub_next(sub, &item);

	if (r == 0) {
		*ret_a = ms_event_seq(item.event);
		*ret_b = item.prev;
		(void)ms_event_unref(item.event); /* NULL */
	} else if (r != MS_SUB_EMPTY) {
		*ret_a = item.from;
		*ret_b = item.to;
		*ret_reason = item.reason;
	}
	return r;
}

#define CHECK_EVENT(sub, seq, prev)                                                                \
	do {                                                                                       \
		uint64_t a_ = 0, b_ = 0;                                                           \
		const char *why_ = NULL;                                                           \
		CHECK_EQ(next(sub, &a_, &b_, &why_), 0);                                           \
		CHECK_EQ(a_, seq);                                                                 \
		CHECK_EQ(b_, prev);                                                                \
	} while (0)

#define CHECK_GAP(sub, kind, from_, to_, reason_)                                                  \
	do {                                                                                       \
		uint64_t a_ = 0, b_ = 0;                                                           \
		const char *why_ = NULL;                                                           \
		CHECK_EQ(next(sub, &a_, &b_, &why_), kind);                                        \
		CHECK_EQ(a_, from_);                                                               \
		CHECK_EQ(b_, to_);                                                                 \
		CHECK_STR(why_, reason_);                                                          \
	} while (0)

#define CHECK_EMPTY(sub)                                                                           \
	do {                                                                                       \
		uint64_t a_ = 0, b_ = 0;                                                           \
		const char *why_ = NULL;                                                           \
		CHECK_EQ(next(sub, &a_, &b_, &why_), MS_SUB_EMPTY);                                \
	} while (0)

TEST(an_event_is_one_valid_line_with_every_field)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub *sub = subscribe(events, NULL);
	ms_auto(report) struct ms_report *report = ms_report_new("event");
	ms_auto(doc) struct ms_doc *doc = NULL;
	struct ms_sub_item item = {0};
	const struct ms_json *root;
	struct ms_str text;

	emit(events, "violation", "demo\n\"\xff", MS_SEVERITY_WARNING);
	REQUIRE(ms_sub_next(sub, &item) == 0);
	text = ms_event_text(item.event);
	CHECK(memchr(text.p, '\n', text.len) == NULL);
	REQUIRE(ms_doc_parse(text.p, text.len, (struct ms_doc_limits){1000, 8},
			     MS_REASON_PARSE_ERROR, report, &doc) == 0);
	root = ms_doc_root(doc);
	CHECK_EQ(ms_json_int(ms_json_get(root, "seq")), 1);
	CHECK_EQ(ms_json_str(ms_json_get(root, "epoch")).len, 16);
	CHECK_EQ(ms_json_str(ms_json_get(root, "time")).len, 27);
	CHECK(ms_json_int(ms_json_get(ms_json_get(root, "boot"), "usec")) > 0);
	CHECK(ms_json_str(ms_json_get(ms_json_get(root, "boot"), "id")).len == 36);
	CHECK(ms_json_get(root, "module") && ms_json_get(root, "tenant"));
	CHECK(ms_json_get(root, "instance") && ms_json_get(root, "labels"));
	CHECK(!ms_json_get(root, "version")); /* does not apply */
	CHECK_STR(ms_json_str(ms_json_get(ms_json_get(root, "data"), "text")).p, "x");
	(void)ms_event_unref(item.event); /* NULL */
	(void)ms_sub_free(sub);		  /* NULL */
	(void)ms_events_free(events);	  /* NULL */
}

TEST(epochs_differ)
{
	struct ms_events *a = ms_events_new(), *b = ms_events_new();

	CHECK(strcmp(ms_events_epoch(a), ms_events_epoch(b)) != 0);
	(void)ms_events_free(a); /* NULL */
	(void)ms_events_free(b); /* NULL */
}

TEST(time_is_rfc_3339)
{
	char out[MS_EVENT_TIME_BYTES];

	CHECK_STR(ms_event_time(0, out), "1970-01-01T00:00:00.000000Z");
	CHECK_STR(ms_event_time(1767323045678901u, out), "2026-01-02T03:04:05.678901Z");
}

TEST(filters)
{
	static const struct {
		struct ms_sub_filter filter;
		uint64_t seq; /* the first that passes, 0 = none */
	} cases[] = {
		{{{{{NULL, 0}}, 0}}, 1},
		{{.types = {{{"violation", 9}}, 1}}, 2},
		{{.types = {{{"instance.*", 10}}, 1}}, 1},
		{{.types = {{{"instance.", 9}}, 1}}, 0},
		{{.types = {{{"instance", 8}}, 1}}, 0},
		{{.types = {{{"instance.started.*", 18}}, 1}}, 0},
		{{.types = {{{"x", 1}, {"instance.exited", 15}}, 2}}, 4},
		{{.modules = {{{"b", 1}}, 1}}, 3},
		{{.modules = {{{"c", 1}}, 1}}, 0},
		{{.tenants = {{{"default", 7}}, 1}}, 1},
		{{.tenants = {{{"other", 5}}, 1}}, 0},
		{{.instances = {{{"0123abcd", 8}}, 1}}, 1},
		{{.instances = {{{"0123abce", 8}}, 1}}, 0},
		{{.types = {{{"violation", 9}}, 1}, .severity = MS_SEVERITY_NOTICE}, 2},
		{{.types = {{{"violation", 9}}, 1}, .severity = MS_SEVERITY_WARNING}, 3},
		{{.types = {{{"violation", 9}}, 1}, .severity = MS_SEVERITY_CRITICAL}, 0},
		{{.severity = MS_SEVERITY_CRITICAL}, 1}, /* without a severity it passes */
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		struct ms_events *events = ms_events_new();
		struct ms_sub *sub = subscribe(events, &cases[i].filter);
		struct ms_sub_item item = {0};
		int r;

		emit(events, "instance.started", "a", MS_SEVERITY_NONE);
		emit(events, "violation", "a", MS_SEVERITY_NOTICE);
		emit(events, "violation", "b", MS_SEVERITY_WARNING);
		emit(events, "instance.exited", "a", MS_SEVERITY_NONE);
		r = ms_sub_next(sub, &item);
		if (r != (cases[i].seq ? 0 : MS_SUB_EMPTY) ||
		    (r == 0 && ms_event_seq(item.event) != cases[i].seq))
			printf("case %zu\n", i);
		CHECK_EQ(r, cases[i].seq ? 0 : MS_SUB_EMPTY);
		if (r == 0)
			CHECK_EQ(ms_event_seq(item.event), cases[i].seq);
		(void)ms_event_unref(item.event); /* NULL */
		(void)ms_sub_free(sub);		  /* NULL */
		(void)ms_events_free(events);	  /* NULL */
	}
}

TEST(a_scope_is_not_a_filter_that_can_be_taken_off)
{
	static const struct ms_str modules[] = {{"shop-*", 6}}, tenants[] = {{"default", 7}};
	const struct ms_peer_entry scope = {.modules = {modules, 1}, .tenants = {tenants, 1}};
	struct ms_sub_filter filter = {.scope = &scope};
	struct ms_events *events = ms_events_new();
	struct ms_event_head other = {
		.type = "t", .module = STR("shop-mail"), .tenant = STR("acme")};
	struct ms_sub *sub = subscribe(events, &filter), *late;

	emit(events, "t", "bank", MS_SEVERITY_CRITICAL); /* 1: another module */
	emit(events, "t", "shop-mail", MS_SEVERITY_NONE);
	ms_event_emit(events, &other, data_of("x")); /* 3: another tenant */
	emit_of(events, "0123abcd", "x");	     /* 4: not known whose */
	emit_of(events, "", "x");		     /* 5: of the daemon itself */
	emit(events, "t", "shop", MS_SEVERITY_NONE); /* 6 */
	emit(events, "t", "shop-", MS_SEVERITY_NONE);
	CHECK_EVENT(sub, 2, 0);
	CHECK_EVENT(sub, 5, 2);
	CHECK_EVENT(sub, 7, 5);
	CHECK_EMPTY(sub);
	/* asking for the others by name, and from the start, changes nothing */
	filter.modules = (struct ms_sub_list){.words = {STR("bank"), STR("shop-mail")}, .n = 2};
	filter.since = true;
	filter.since_epoch = STR(ms_events_epoch(events));
	late = subscribe(events, &filter);
	CHECK_EVENT(late, 2, 0);
	CHECK_EMPTY(late);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_sub_free(late);      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(prev_is_the_last_one_sent_whatever_was_filtered)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {.modules = {{{"a", 1}}, 1}};
	struct ms_sub *sub = subscribe(events, &filter);

	emit(events, "t", "a", MS_SEVERITY_NONE);
	emit(events, "t", "b", MS_SEVERITY_NONE);
	emit(events, "t", "a", MS_SEVERITY_NONE);
	CHECK_EVENT(sub, 1, 0);
	CHECK_EVENT(sub, 3, 1);
	CHECK_EMPTY(sub);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

/* A long history that nobody wants is not looked through in one turn, and nothing behind it is
 * lost. */
TEST(what_is_not_wanted_takes_several_turns)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {.modules = {{{"b", 1}}, 1}, .since = true};
	struct ms_sub_item item = {0};
	struct ms_sub *sub;
	unsigned turns = 0;
	int r;

	filter.since_epoch = STR(ms_events_epoch(events));
	for (unsigned i = 0; i < 5000; i++)
		emit(events, "t", "a", MS_SEVERITY_NONE);
	emit(events, "t", "b", MS_SEVERITY_NONE);
	sub = subscribe(events, &filter);
	while ((r = ms_sub_next(sub, &item)) == MS_SUB_LATER)
		turns++;
	CHECK(turns >= 10 && turns <= 100);
	REQUIRE(r == 0);
	CHECK_EQ(ms_event_seq(item.event), 5001);
	(void)ms_event_unref(item.event); /* NULL */
	CHECK_EMPTY(sub);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

static int next_kind(struct ms_sub *sub, uint64_t *ret_prev)
{
	struct ms_sub_item item = {0};
	int r = ms_sub_next(sub, &item);

	*ret_prev = item.prev;
	if (r == 0)
		(void)ms_event_unref(item.event); /* NULL */
	return r;
}

/* Where the history ends, whatever the filter left of it; and then never again. */
TEST(a_mark_stands_once_where_the_history_ends)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {.modules = {{{"a", 1}}, 1}, .since = true, .mark = true};
	struct ms_sub *sub, *none;
	uint64_t prev = 7;

	filter.since_epoch = STR(ms_events_epoch(events));
	none = subscribe(events, &filter);
	CHECK_EQ(next_kind(none, &prev), MS_SUB_MARK); /* there is none */
	CHECK_EQ(prev, 0);
	CHECK_EMPTY(none);
	emit(events, "t", "a", MS_SEVERITY_NONE);
	emit(events, "t", "b", MS_SEVERITY_NONE);
	CHECK_EVENT(none, 1, 0);
	CHECK_EMPTY(none);
	sub = subscribe(events, &filter);
	CHECK_EVENT(sub, 1, 0);
	CHECK_EQ(next_kind(sub, &prev), MS_SUB_MARK);
	CHECK_EQ(prev, 1);
	emit(events, "t", "a", MS_SEVERITY_NONE);
	CHECK_EVENT(sub, 3, 1);
	CHECK_EMPTY(sub);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_sub_free(none);      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(a_reader_is_woken_only_for_what_it_wants)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {.modules = {{{"a", 1}}, 1}};
	struct ms_sub *sub = subscribe(events, &filter);

	woken = 0;
	emit(events, "t", "b", MS_SEVERITY_NONE);
	CHECK_EQ(woken, 0);
	emit(events, "t", "a", MS_SEVERITY_NONE);
	CHECK_EQ(woken, 1);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(the_ring_at_its_cap_and_one_above)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {.since = true, .since_seq = 0};
	struct ms_sub *sub;

	for (unsigned i = 0; i < MS_MAX_EVENTS_KEPT; i++)
		emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_EQ(ms_events_oldest(events), 1);
	CHECK_EQ(ms_events_next(events), MS_MAX_EVENTS_KEPT + 1);
	filter.since_epoch = STR(ms_events_epoch(events));
	sub = subscribe(events, &filter);
	CHECK_EVENT(sub, 1, 0);
	(void)ms_sub_free(sub); /* NULL */

	emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_EQ(ms_events_oldest(events), 2);
	sub = subscribe(events, &filter);
	CHECK_GAP(sub, MS_SUB_GAP, 1, 1, "expired");
	CHECK_EVENT(sub, 2, 1);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(the_bytes_of_the_ring_are_bounded)
{
	struct ms_events *events = ms_events_new();
	struct ms_event_head head = {.type = "t", .module = STR("m")};
	ms_auto_free char *text = malloc(MS_MAX_EVENT_BYTES / 2);

	memset(text, 'x', MS_MAX_EVENT_BYTES / 2);
	text[MS_MAX_EVENT_BYTES / 2 - 1] = '\0';
	for (unsigned i = 0; i < 1000; i++)
		ms_event_emit(events, &head, data_of(text));
	CHECK(ms_events_next(events) - ms_events_oldest(events) <=
	      MS_MAX_EVENTS_BYTES / (MS_MAX_EVENT_BYTES / 2));
	CHECK(ms_events_next(events) - ms_events_oldest(events) > 100);
	(void)ms_events_free(events); /* NULL */
}

TEST(an_event_over_its_cap_is_told_as_lost)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub *sub = subscribe(events, NULL);
	struct ms_event_head head = {.type = "t", .module = STR("m")};
	ms_auto_free char *text = calloc(1, MS_MAX_EVENT_BYTES + 1);

	memset(text, 'x', MS_MAX_EVENT_BYTES);
	ms_event_emit(events, &head, data_of(text));
	ms_event_emit(events, &head, NULL);
	emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_GAP(sub, MS_SUB_GAP, 1, 2, "lost");
	CHECK_EVENT(sub, 3, 2);
	CHECK_EMPTY(sub);
	ms_event_emit(events, &head, NULL);
	CHECK_GAP(sub, MS_SUB_GAP, 4, 4, "lost");
	CHECK_EMPTY(sub);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

/* What @who did is still told to one who asks for it now: how many. */
static unsigned count_kept(struct ms_events *events, const char *who, unsigned *ret_gaps)
{
	struct ms_sub_filter filter = {
		.since = true, .since_epoch = STR(ms_events_epoch(events)), .instances.n = 1};
	struct ms_sub_item item = {0};
	struct ms_sub *sub;
	unsigned n = 0;
	int r;

	filter.instances.words[0] = STR(who);
	sub = subscribe(events, &filter);
	*ret_gaps = 0;
	while ((r = ms_sub_next(sub, &item)) != MS_SUB_EMPTY) {
		CHECK(r == 0 || r == MS_SUB_GAP || r == MS_SUB_LATER);
		*ret_gaps += r == MS_SUB_GAP;
		if (r == 0) {
			n++;
			(void)ms_event_unref(item.event); /* NULL */
		}
	}
	(void)ms_sub_free(sub); /* NULL */
	return n;
}

TEST(a_loud_instance_pushes_out_its_own_events_alone)
{
	struct ms_events *events = ms_events_new();
	unsigned gaps;

	for (unsigned i = 0; i < 50; i++) {
		emit_of(events, "quiet", "x");
		emit_of(events, "other", "x");
	}
	for (unsigned i = 0; i < 3 * MS_MAX_EVENTS_KEPT; i++)
		emit_of(events, "loud", "x");
	CHECK_EQ(ms_events_oldest(events), 1);
	CHECK_EQ(count_kept(events, "quiet", &gaps), 50);
	CHECK_EQ(gaps, 1); /* the hole of the loud one is told to everybody, once */
	CHECK_EQ(count_kept(events, "other", &gaps), 50);
	CHECK_EQ(count_kept(events, "loud", &gaps), MS_MAX_EVENTS_KEPT - 100);
	(void)ms_events_free(events); /* NULL */
}

TEST(long_events_count_for_more)
{
	struct ms_events *events = ms_events_new();
	ms_auto_free char *text = calloc(1, MS_MAX_EVENT_BYTES / 4);
	unsigned gaps;

	memset(text, 'x', MS_MAX_EVENT_BYTES / 4 - 1);
	for (unsigned i = 0; i < 1000; i++)
		emit_of(events, "quiet", "x");
	for (unsigned i = 0; i < 5000; i++)
		emit_of(events, "loud", text);
	CHECK_EQ(count_kept(events, "quiet", &gaps), 1000);
	CHECK(count_kept(events, "loud", &gaps) > 400);
	(void)ms_events_free(events); /* NULL */
}

/* Everybody has the same small share: what just happened is not the first to go. */
TEST(the_latest_events_are_kept_whoever_they_are_of)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub *sub;
	char who[16];

	for (unsigned i = 0; i < MS_MAX_EVENTS_KEPT; i++) {
		(void)snprintf(who, sizeof(who), "m%u", i / 2);
		emit_of(events, who, "x");
	}
	sub = subscribe(events, NULL);
	for (unsigned i = 0; i < MS_MAX_EVENTS_KEPT / 10; i++)
		emit_of(events, "burst", "x");
	for (uint64_t i = 1; i <= MS_MAX_EVENTS_KEPT / 10; i++)
		CHECK_EVENT(sub, MS_MAX_EVENTS_KEPT + i, i == 1 ? 0 : MS_MAX_EVENTS_KEPT + i - 1);
	CHECK_EMPTY(sub);
	CHECK_EQ(ms_events_oldest(events), MS_MAX_EVENTS_KEPT / 10 + 1);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(a_reader_in_a_hole_is_told_of_it_and_goes_on)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub *sub;

	emit_of(events, "quiet", "x");
	sub = subscribe(events, NULL);
	for (unsigned i = 0; i < MS_MAX_EVENTS_KEPT + 5; i++)
		emit_of(events, "loud", "x");
	/* 2 to 7 went for the sake of the one that is kept */
	CHECK_GAP(sub, MS_SUB_GAP, 2, 7, "lost");
	CHECK_EVENT(sub, 8, 7);
	CHECK_EVENT(sub, 9, 8);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(a_slow_reader_loses_its_subscription)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub *sub = subscribe(events, NULL);

	emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_EVENT(sub, 1, 0);
	for (unsigned i = 0; i < MS_MAX_EVENTS_KEPT; i++)
		emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_EVENT(sub, 2, 1); /* at the cap: still all there */
	for (unsigned i = 0; i < 2; i++)
		emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_GAP(sub, MS_SUB_ENDED, 3, MS_MAX_EVENTS_KEPT + 3, "slow-reader");
	woken = 0;
	emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_EQ(woken, 0);
	CHECK_EMPTY(sub);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

TEST(going_on_after_a_number)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {
		.since = true, .since_seq = 2, .since_epoch = STR(ms_events_epoch(events))};
	struct ms_sub *sub;

	for (unsigned i = 0; i < 3; i++)
		emit(events, "t", "m", MS_SEVERITY_NONE);
	sub = subscribe(events, &filter);
	CHECK_EVENT(sub, 3, 2);
	CHECK_EMPTY(sub);
	emit(events, "t", "m", MS_SEVERITY_NONE);
	CHECK_EVENT(sub, 4, 3);
	(void)ms_sub_free(sub); /* NULL */

	filter.since_seq = 4; /* the newest there is: nothing missed */
	sub = subscribe(events, &filter);
	CHECK_EMPTY(sub);
	(void)ms_sub_free(sub); /* NULL */

	filter.since_seq = 5;
	sub = NULL;
	CHECK_EQ(ms_sub_new(events, &filter, wake, NULL, &sub), -EINVAL);
	CHECK(sub == NULL);
	filter.since_seq = UINT64_MAX;
	CHECK_EQ(ms_sub_new(events, &filter, wake, NULL, &sub), -EINVAL);
	(void)ms_events_free(events); /* NULL */
}

TEST(another_epoch_is_a_gap_and_then_everything_kept)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub_filter filter = {
		.since = true, .since_seq = 5000, .since_epoch = STR("0000000000000000")};
	struct ms_sub *sub;

	emit(events, "t", "m", MS_SEVERITY_NONE);
	sub = subscribe(events, &filter);
	CHECK_GAP(sub, MS_SUB_GAP, 0, 0, "epoch");
	CHECK_EVENT(sub, 1, 0);
	(void)ms_sub_free(sub);	      /* NULL */
	(void)ms_events_free(events); /* NULL */
}

static void emit_failing(unsigned n)
{
	struct ms_events *events = ms_events_new();
	struct ms_sub *sub = subscribe(events, NULL);
	struct ms_event_head head = {.type = "t", .module = STR("m")};
	struct ms_jw *data = data_of("x");
	struct ms_sub_item item = {0};
	int r;

	oom_left = n;
	ms_event_emit(events, &head, data);
	oom_left = 0;
	r = ms_sub_next(sub, &item);
	/* sent or told as lost, never silent, and the number is used up */
	CHECK(r == (oom_happened ? MS_SUB_GAP : 0));
	CHECK_EQ(ms_events_next(events), 2);
	(void)ms_event_unref(item.event); /* NULL */
	(void)ms_sub_free(sub);		  /* NULL */
	(void)ms_events_free(events);	  /* NULL */
}

TEST(an_allocation_fails_anywhere)
{
	OOM_LOOP
	{
		unsigned n = oom_left;

		oom_left = 0; /* not while the ring is made */
		emit_failing(n);
	}
	OOM_LOOP
	{
		struct ms_events *events = ms_events_new();

		oom_left = 0;
		CHECK(!events == oom_happened);
		(void)ms_events_free(events); /* NULL */
	}
}
