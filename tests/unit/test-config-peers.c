/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-config-peers.c - `peers` of the configuration: every refusal with its place and words, whom
 * an entry means, what it sees, the copy of one, which mode the sockets get, and the dump that
 * reads back. Run by `make check`.
 */
#include "policy/config-peers.h"

#include "policy/json.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

/* A host with the user web (70), the groups shop (71) and ops (72), and one that is out of order.
 */
static int find_name(void *data, bool is_group, struct ms_str name, uint32_t *ret_id)
{
	static const struct {
		bool is_group;
		const char *name;
		uint32_t id;
	} known[] = {{false, "web", 70}, {true, "shop", 71}, {true, "ops", 72}};

	(void)data;
	if (name.len == 6 && memcmp(name.p, "broken", 6) == 0)
		return -EIO;
	for (size_t i = 0; i < MS_ARRAY_LEN(known); i++) {
		if (known[i].is_group != is_group || strlen(known[i].name) != name.len ||
		    memcmp(known[i].name, name.p, name.len) != 0)
			continue;
		*ret_id = known[i].id;
		return 0;
	}
	return 1;
}

static const struct ms_peer_names names = {.find = find_name};

static struct ms_config *read_config(const char *text, char **ret_said)
{
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	ms_auto(config) struct ms_config *config = ms_config_new();
	struct ms_buf out = MS_BUF_INIT(100000);
	int r = ms_config_apply_here(config, text, strlen(text), &names, report);

	ms_report_print(report, &out);
	*ret_said = ms_buf_take(&out, NULL);
	return r == 0 ? MS_TAKE_PTR(config) : NULL;
}

static struct ms_config *good(const char *text)
{
	ms_auto_free char *said = NULL;
	struct ms_config *config = read_config(text, &said);

	CHECK_STR(said, "");
	ms_assert(config);
	return config;
}

TEST(what_is_refused)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"{\"peers\":{}}", "not an array"},
		{"{\"peers\":[7]}", "c.json:1:11: /peers/0: found 7, which is not an object"},
		{"{\"peers\":[{\"role\":\"observer\"}]}", "neither user nor group"},
		{"{\"peers\":[{\"user\":1,\"group\":1,\"role\":\"observer\"}]}",
		 "both user and group"},
		{"{\"peers\":[{\"user\":1}]}", "which has no role; accepted: observer"},
		{"{\"peers\":[{\"user\":1,\"role\":\"root\"}]}", "which is not a role"},
		{"{\"peers\":[{\"user\":1,\"role\":\"backed\"}]}", "did you mean \"backend\"?"},
		{"{\"peers\":[{\"user\":1,\"role\":1}]}", "not a string"},
		{"{\"peers\":[{\"user\":-1,\"role\":\"observer\"}]}", "0 to 4294967294"},
		{"{\"peers\":[{\"user\":4294967295,\"role\":\"observer\"}]}", "out of range"},
		{"{\"peers\":[{\"user\":true,\"role\":\"observer\"}]}", "neither the name nor"},
		{"{\"peers\":[{\"user\":\"\",\"role\":\"observer\"}]}", "neither the name nor"},
		{"{\"peers\":[{\"user\":\"a b\",\"role\":\"observer\"}]}", "neither the name nor"},
		{"{\"peers\":[{\"user\":\"a:b\",\"role\":\"observer\"}]}", "neither the name nor"},
		{"{\n  \"peers\": [\n    {\"user\": \"wep\", \"role\": \"observer\"}]}",
		 "c.json:3:14: /peers/0/user: found \"wep\", which is not a user of this host"},
		{"{\"peers\":[{\"group\":\"web\",\"role\":\"observer\"}]}",
		 "not a group of this host"},
		{"{\"peers\":[{\"group\":\"broken\",\"role\":\"observer\"}]}",
		 "could not be looked up: Input/output error"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modulse\":[\"*\"]}]}",
		 "did you mean \"modules\"?"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[]}]}",
		 "write [\"*\"]"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":\"*\"}]}",
		 "not an array"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[1]}]}",
		 "not a string"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[\"a*b\"]}]}",
		 "neither a module's id nor the beginning"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[\"**\"]}]}",
		 "neither"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[\"\"]}]}", "neither"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[\"Shop\"]}]}",
		 "neither"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"modules\":[\"shop-\"]}]}",
		 "neither"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"tenants\":[\".x*\"]}]}",
		 "neither a tenant nor"},
		{"{\"peers\":[{\"user\":1,\"role\":\"backend\",\"maxTier\":\"gold\"}]}",
		 "which is not a tier"},
		{"{\"peers\":[{\"user\":1,\"role\":\"backend\",\"may\":[\"fly\"]}]}",
		 "which is not a right; accepted: install, release"},
		{"{\"peers\":[{\"user\":1,\"role\":\"backend\",\"may\":[\"install\",\"install\"]}]"
		 "}",
		 "stands there already"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"maxTier\":\"private\"}]}",
		 "an observer changes nothing"},
		{"{\"peers\":[{\"user\":1,\"role\":\"observer\",\"may\":[]}]}",
		 "an observer changes nothing"},
		{"{\"peers\":[{\"user\":1,\"role\":\"admin\",\"modules\":[\"shop-*\"]}]}",
		 "an administrator may do everything"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		ms_auto_free char *said = NULL;
		ms_auto(config) struct ms_config *config = read_config(cases[i].text, &said);

		CHECK(!config);
		if (!strstr(said, cases[i].said))
			CHECK_STR(said, cases[i].said);
	}
}

TEST(every_wrong_entry_is_told_at_once)
{
	ms_auto_free char *said = NULL;
	ms_auto(config) struct ms_config *config =
		read_config("{\"peers\":[{\"user\":\"nemo\",\"role\":\"x\"},{\"zz\":1}]}", &said);

	CHECK(!config);
	CHECK(strstr(said, "nemo") && strstr(said, "not a role") && strstr(said, "\"zz\"") &&
	      strstr(said, "no role"));
}

#define SHOP                                                                                       \
	"{\"group\":\"shop\",\"role\":\"backend\",\"modules\":[\"shop-*\",\"mail\"],\"tenants\":[" \
	"\"acme\",\"b*\"],\"maxTier\":\"verified\",\"may\":[\"release\"]}"

TEST(what_an_entry_holds)
{
	ms_auto(config) struct ms_config *c = good("{\"peers\":[" SHOP ",{\"user\":70,\"role\":"
						   "\"backend\",\"x-note\":1},{\"user\":\"web\","
						   "\"role\":\"admin\"}]}");
	const struct ms_peer_entry *e = c->peers;

	REQUIRE(c->n_peers == 3);
	CHECK(e->is_group && e->is_known && e->id == 71 && e->role == MS_ROLE_BACKEND);
	CHECK(e->max_tier == MS_TIER_VERIFIED && e->may == MS_RIGHT_RELEASE);
	CHECK(e->modules.n == 2 && e->tenants.n == 2);
	/* what is not said is the least, but for the scope */
	CHECK(!e[1].is_group && e[1].id == 70 && e[1].max_tier == MS_TIER_COMMUNITY && !e[1].may);
	CHECK(ms_peer_sees(&e[1], str("any"), str("any")));
	CHECK(e[2].id == 70 && e[2].role == MS_ROLE_ADMIN);
}

TEST(the_first_that_fits)
{
	static const gid_t both[] = {72, 71};
	ms_auto(config) struct ms_config *c =
		good("{\"peers\":[{\"user\":70,\"role\":\"observer\"}," SHOP
		     ",{\"group\":\"ops\",\"role\":\"admin\"},{\"user\":70,\"role\":\"admin\"}]}");

	CHECK(ms_peers_find(c, 70, both, 2) == &c->peers[0]);
	CHECK(ms_peers_find(c, 5, both, 2) == &c->peers[1]);
	CHECK(ms_peers_find(c, 5, both, 1) == &c->peers[2]);
	CHECK(!ms_peers_find(c, 71, NULL, 0)); /* a uid is no gid */
	CHECK(!ms_peers_find(c, 5, NULL, 0));
}

TEST(names_that_were_not_looked_up_mean_nobody)
{
	static const char text[] = "{\"peers\":[{\"user\":\"root\",\"role\":\"admin\"}]}";
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	ms_auto(config) struct ms_config *c = ms_config_new();
	gid_t gid;

	REQUIRE(ms_config_apply(c, text, strlen(text), report) == 0);
	CHECK(c->n_peers == 1 && !c->peers[0].is_known);
	CHECK(!ms_peers_find(c, 0, NULL, 0));
	CHECK_EQ(ms_peers_access(c, &gid), 0600);
}

TEST(what_is_in_the_scope)
{
	static const struct {
		const char *module, *tenant;
		bool seen;
	} cases[] = {
		{"shop-mail", "acme", true}, {"shop-", "acme", true},	 {"shop", "acme", false},
		{"mail", "b", true},	     {"mail", "bob", true},	 {"mails", "acme", false},
		{"mail", "acm", false},	     {"mail", "acme2", false},	 {"mail", "default", false},
		{"mail", "", false},	     {"", "acme", false},	 {"other", "acme", false},
		{"mail", "Bob", false},	     {"xshop-a", "acme", false},
	};
	ms_auto(config) struct ms_config *c =
		good("{\"peers\":[" SHOP ",{\"user\":1,\"role\":\"observer\",\"tenants\":["
		     "\"default\"]}]}");

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++)
		CHECK_EQ(ms_peer_sees(&c->peers[0], str(cases[i].module), str(cases[i].tenant)),
			 cases[i].seen);
	/* every module, and one that is not known yet; no tenant is the tenant default */
	CHECK(ms_peer_sees(&c->peers[1], str(""), str("")));
	CHECK(!ms_peer_sees(&c->peers[1], str("a"), str("b")));
	CHECK(ms_peer_sees(NULL, str("a"), str("b")));
}

TEST(who_must_not_hear_every_name)
{
	static const struct {
		const char *peers;
		bool scoped;
	} cases[] = {
		{"", false},
		{"{\"user\":1,\"role\":\"admin\"},{\"user\":2,\"role\":\"observer\"}", false},
		{"{\"user\":1,\"role\":\"backend\",\"modules\":[\"a\",\"*\"]}", false},
		{"{\"user\":1,\"role\":\"backend\",\"modules\":[\"a*\"]}", true},
		{"{\"user\":1,\"role\":\"admin\"},{\"user\":2,\"role\":\"observer\",\"tenants\":["
		 "\"a\"]}",
		 true},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "{\"peers\":[%s]}", cases[i].peers); /* fits */
		ms_auto(config) struct ms_config *c = good(text);

		CHECK_EQ(ms_peers_have_scopes(c), cases[i].scoped);
	}
}

TEST(a_copy_is_the_same_and_stands_alone)
{
	struct ms_config *c = good("{\"peers\":[" SHOP "]}"), *d = good("{\"peers\":[" SHOP "]}");
	ms_auto_free struct ms_peer_entry *copy = ms_peer_dup(&c->peers[0]);

	CHECK(copy && ms_peer_same(copy, &c->peers[0]));
	c = ms_config_free(c);
	CHECK(ms_peer_same(copy, &d->peers[0]));
	CHECK(ms_peer_sees(copy, str("shop-x"), str("bob")) &&
	      !ms_peer_sees(copy, str("shop"), str("bob")));
	d = ms_config_free(d);
}

TEST(every_difference_counts)
{
	static const char *const others[] = {
		"{\"user\":71,\"role\":\"observer\",\"modules\":[\"a\",\"b\"]}",
		"{\"group\":72,\"role\":\"observer\",\"modules\":[\"a\",\"b\"]}",
		"{\"group\":71,\"role\":\"backend\",\"modules\":[\"a\",\"b\"]}",
		"{\"group\":71,\"role\":\"observer\",\"modules\":[\"a\"]}",
		"{\"group\":71,\"role\":\"observer\",\"modules\":[\"a\",\"c\"]}",
		"{\"group\":71,\"role\":\"observer\",\"modules\":[\"a\",\"b\"],\"tenants\":[\"a\"]"
		"}",
		"{\"group\":71,\"role\":\"backend\",\"modules\":[\"a\",\"b\"],\"may\":[\"install\"]"
		"}",
		"{\"group\":71,\"role\":\"backend\",\"modules\":[\"a\",\"b\"],\"maxTier\":"
		"\"verified\"}",
	};
	ms_auto(config) struct ms_config *c = good("{\"peers\":[{\"group\":\"shop\",\"role\":"
						   "\"observer\",\"modules\":[\"a\",\"b\"]}]}");

	for (size_t i = 0; i < MS_ARRAY_LEN(others); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "{\"peers\":[%s]}", others[i]); /* fits */
		ms_auto(config) struct ms_config *d = good(text);

		CHECK(!ms_peer_same(&c->peers[0], &d->peers[0]));
	}
	CHECK(ms_peer_same(NULL, NULL) && !ms_peer_same(&c->peers[0], NULL));
}

TEST(the_mode_of_the_sockets)
{
	static const struct {
		const char *peers;
		mode_t mode;
		gid_t gid;
	} cases[] = {
		{"", 0600, (gid_t)-1},
		{"{\"user\":0,\"role\":\"backend\"}", 0600, (gid_t)-1},
		{"{\"group\":71,\"role\":\"backend\"}", 0660, 71},
		{"{\"group\":0,\"role\":\"backend\"}", 0660, 0},
		{"{\"group\":71,\"role\":\"backend\"},{\"group\":71,\"role\":\"observer\"}", 0660,
		 71},
		{"{\"user\":0,\"role\":\"backend\"},{\"group\":71,\"role\":\"observer\"}", 0660,
		 71},
		{"{\"group\":71,\"role\":\"backend\"},{\"group\":72,\"role\":\"observer\"}", 0666,
		 (gid_t)-1},
		{"{\"group\":71,\"role\":\"backend\"},{\"user\":70,\"role\":\"observer\"}", 0666,
		 (gid_t)-1},
		{"{\"user\":70,\"role\":\"observer\"}", 0666, (gid_t)-1},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		char text[256];
		gid_t gid = 1;

		(void)snprintf(text, sizeof(text), "{\"peers\":[%s]}", cases[i].peers); /* fits */
		ms_auto(config) struct ms_config *c = good(text);

		CHECK_EQ(ms_peers_access(c, &gid), cases[i].mode);
		CHECK_EQ(gid, cases[i].gid);
	}
}

TEST(whose_group_a_modules_socket_gets)
{
	ms_auto(config) struct ms_config *c =
		good("{\"peers\":[{\"group\":9,\"role\":\"observer\"},{\"user\":8,\"role\":"
		     "\"backend\"}," SHOP ",{\"group\":5,\"role\":\"backend\"}]}");

	CHECK_EQ(ms_peers_socket_gid(c, str("mail"), str("acme")), 71);
	CHECK_EQ(ms_peers_socket_gid(c, str("mail"), str("")), 5);
	c->n_peers = 3;
	CHECK_EQ(ms_peers_socket_gid(c, str("mail"), str("")), (gid_t)-1);
}

TEST(a_later_file_replaces_all_and_the_dump_reads_back)
{
	static const char later[] = "{\"peers\":[{\"user\":7,\"role\":\"admin\"}," SHOP "]}";
	ms_auto(config) struct ms_config *c = good("{\"peers\":[" SHOP "]}"), *d = ms_config_new();
	ms_auto(report) struct ms_report *report = ms_report_new("c.json");
	ms_auto_free char *text = NULL;

	REQUIRE(ms_config_apply_here(c, "{}", 2, &names, report) == 0);
	CHECK_EQ(c->n_peers, 1);
	REQUIRE(ms_config_apply_here(c, later, strlen(later), &names, report) == 0);
	CHECK(c->n_peers == 2 && c->peers[0].id == 7);
	text = ms_config_dump(c);
	REQUIRE(text && strstr(text, "\"shop\""));
	REQUIRE(ms_config_apply_here(d, text, strlen(text), &names, report) == 0);
	REQUIRE(d->n_peers == 2);
	CHECK(ms_peer_same(&c->peers[0], &d->peers[0]) && ms_peer_same(&c->peers[1], &d->peers[1]));
	REQUIRE(ms_config_apply_here(c, "{\"peers\":[]}", 12, &names, report) == 0);
	CHECK_EQ(c->n_peers, 0);
}

/* @n entries, the first with @n_patterns modules. */
static struct ms_config *many(unsigned n, unsigned n_patterns)
{
	struct ms_buf buf = MS_BUF_INIT(1u << 20);
	ms_auto_free char *said = NULL;
	struct ms_config *config;

	ms_buf_adds(&buf, "{\"peers\":[");
	for (unsigned i = 0; i < n; i++) {
		ms_buf_addf(&buf, "%s{\"user\":%u,\"role\":\"observer\",\"modules\":[\"a\"",
			    i ? "," : "", i);
		for (unsigned k = 1; i == 0 && k < n_patterns; k++)
			ms_buf_addf(&buf, ",\"m%u-*\"", k);
		ms_buf_adds(&buf, "]}");
	}
	ms_buf_adds(&buf, "]}");
	config = read_config(buf.data, &said);
	ms_buf_done(&buf);
	return config;
}

TEST(entries_and_patterns_at_their_caps)
{
	struct ms_config *c = many(MS_MAX_PEER_ENTRIES, MS_MAX_SCOPE_PATTERNS);

	CHECK(c && c->n_peers == MS_MAX_PEER_ENTRIES &&
	      c->peers[0].modules.n == MS_MAX_SCOPE_PATTERNS);
	c = ms_config_free(c);
	CHECK(!many(MS_MAX_PEER_ENTRIES + 1, 1));
	CHECK(!many(1, MS_MAX_SCOPE_PATTERNS + 1));
}

TEST(words)
{
	CHECK_STR(ms_role_word(MS_ROLE_NONE), "none");
	CHECK_STR(ms_role_word(MS_ROLE_BACKEND), "backend");
	CHECK_STR(ms_right_word(0), "install");
	CHECK(!ms_right_word(MS_RIGHT_COUNT));
}

/* Whatever allocation fails, what was there before stands. */
TEST(without_memory)
{
	static const char text[] = "{\"peers\":[" SHOP "," SHOP "]}";
	ms_auto(config) struct ms_config *c = NULL;

	OOM_LOOP
	{
		ms_auto(report) struct ms_report *report = NULL;
		unsigned left = oom_left;
		int r;

		oom_left = 0; /* not of what the test itself needs */
		c = ms_config_free(c);
		c = good("{\"peers\":[{\"user\":3,\"role\":\"admin\"}]}");
		report = ms_report_new("c.json");
		oom_left = left;
		r = ms_config_apply_here(c, text, strlen(text), &names, report);
		oom_left = 0;
		CHECK(r == 0 || oom_happened);
		CHECK_EQ(c->n_peers, r == 0 ? 2 : 1);
		CHECK_EQ(c->peers[0].id, r == 0 ? 71 : 3);
	}
}
