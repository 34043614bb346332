/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-plan.c - what a launch does, for manifests and hosts of every kind: dumps to be read and
 * compared with golden files (MS_UPDATE_GOLDEN=1 writes them anew), properties that hold for all of
 * them, each rule of ms_plan_verify() broken once, and every cap.
 */
#include "policy/plan.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "lib/buf.h"
#include "lib/sys.h"
#include "tests/unit/plan-fixture.h"

#define RO (MS_MOUNT_ATTR_RDONLY | MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV)
#define RW (MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV | MS_MOUNT_ATTR_NOEXEC)

/* -- dumps -- */

static const char *const op_words[] = {"tmpfs", "dir",	"file",	   "link", "device", "attach",
				       "proc",	"mask", "replace", "only", "seal",   "notify"};
_Static_assert(MS_ARRAY_LEN(op_words) == MS_OP_COUNT, "a word for each step");

static const char *const role_words[] = {"attach", "cgroup-join", "cgroup-kill", "stdin",
					 "stdout", "stderr",	  "tty",	 "log",
					 "listen", "hold",	  "adopt",	 "flag"};
_Static_assert(MS_ARRAY_LEN(role_words) == MS_FD_COUNT, "a word for each role");

static void dump_bits(struct ms_buf *out, uint64_t bits, const char *const *words, size_t n)
{
	const char *sep = " ";

	for (size_t i = 0; i < n; i++) {
		if (bits & 1ull << i) {
			ms_buf_addf(out, "%s%s", sep, words[i]);
			sep = ",";
		}
	}
	if (n < 64 && bits >> n)
		ms_buf_addf(out, "%s?%" PRIx64, sep, bits >> n << n);
}

static void dump_data(struct ms_buf *out, struct ms_str data)
{
	for (size_t i = 0; i < data.len;) {
		const char *nl = memchr(data.p + i, '\n', data.len - i);
		size_t n = nl ? (size_t)(nl - (data.p + i)) : data.len - i;

		ms_buf_addf(out, "        | %.*s%s\n", (int)n, data.p + i, nl ? "" : " (no end)");
		i += n + 1;
	}
}

static void dump_mount(struct ms_buf *out, const struct world *w, const struct ms_plan_mount *m)
{
	static const char *const attrs[] = {"ro", "nosuid", "nodev", "noexec"};

	ms_buf_addf(out, "  %-8s%.*s", op_words[m->op], (int)m->target.len, m->target.p);
	if (m->op == MS_OP_ATTACH)
		ms_buf_addf(out, " <- %u:%s", m->fd, m->source.p);
	if (m->op == MS_OP_SYMLINK)
		ms_buf_addf(out, " -> %s", m->source.p);
	if (m->op == MS_OP_DEVICE)
		ms_buf_addf(out, " %u:%u", major(m->size), minor(m->size));
	else if (m->size)
		ms_buf_addf(out, " %" PRIu64 " bytes, %" PRIu64 " inodes", m->size, m->inodes);
	if (m->mode)
		ms_buf_addf(out, " %04o", m->mode);
	if (m->uid || m->gid)
		ms_buf_addf(out, " of %u:%u", m->uid, m->gid);
	dump_bits(out, m->attrs, attrs, MS_ARRAY_LEN(attrs));
	ms_buf_addf(out, "\n");
	if (m->data.len == w->policy->canonical_len &&
	    memcmp(m->data.p, w->policy->canonical, m->data.len) == 0)
		ms_buf_addf(out, "        | (the policy)\n");
	else
		dump_data(out, m->data);
}

static void dump_landlock(struct ms_buf *out, const struct ms_plan *p)
{
	static const char *const rights[] = {"x",	"write",     "read",	 "list",
					     "rmdir",	"unlink",    "mk-char",	 "mk-dir",
					     "mk-file", "mk-socket", "mk-fifo",	 "mk-block",
					     "mk-link", "refer",     "truncate", "ioctl"};
	static const char *const scopes[] = {"abstract-sockets", "signals"};

	ms_buf_addf(out, "landlock handles\n ");
	dump_bits(out, p->landlock_fs, rights, MS_ARRAY_LEN(rights));
	ms_buf_addf(out, "\n  net %" PRIx64 ", scopes", p->landlock_net);
	dump_bits(out, p->landlock_scoped, scopes, MS_ARRAY_LEN(scopes));
	ms_buf_addf(out, "\n");
	for (uint32_t i = 0; i < p->n_landlock; i++) {
		const struct ms_plan_landlock *l = &p->landlock[i];

		ms_buf_addf(out, "  %s%s", l->path.p, l->optional ? " (where there)" : "");
		dump_bits(out, l->access, rights, MS_ARRAY_LEN(rights));
		ms_buf_addf(out, "\n");
	}
}

static void dump_program(struct ms_buf *out, const struct ms_plan *p)
{
	ms_buf_addf(out, "argv\n");
	for (uint32_t i = 0; i < p->n_argv; i++)
		ms_buf_addf(out, "  '%s'\n", p->argv[i].p);
	ms_buf_addf(out, "env\n");
	for (uint32_t i = 0; i < p->n_env; i++)
		ms_buf_addf(out, "  %s\n", p->env[i].p);
	ms_buf_addf(out, "cwd %s, umask %03o, log %" PRIu64 ", watchdog %" PRIu64 "\n", p->cwd.p,
		    p->umask, p->log_bytes, p->watchdog_usec);
}

static void dump(struct ms_buf *out, const struct world *w)
{
	static const char *const flags[] = {"memfd-noexec", "oom-shim",	     "landlock",
					    "tiocsctty",    "wait-killable", "ready-notify"};
	const struct ms_plan *p = &w->plan;

	ms_buf_addf(out, "flags");
	dump_bits(out, p->flags, flags, MS_ARRAY_LEN(flags));
	ms_buf_addf(out, "\nids shim %u, module %u, inside %u; host name %s\nfds\n", p->shim_uid,
		    p->module_uid, p->inside_uid, p->hostname.p);
	for (uint32_t i = 0; i < p->n_fds; i++)
		ms_buf_addf(out, "  %u %s\n", i, role_words[p->fds[i]]);
	ms_buf_addf(out, "mounts\n");
	for (uint32_t i = 0; i < p->n_mounts; i++)
		dump_mount(out, w, &p->mounts[i]);
	ms_buf_addf(out, "rlimits\n");
	for (uint32_t i = 0; i < p->n_rlimits; i++)
		ms_buf_addf(out, "  %u: %" PRIu64 " %" PRIu64 "\n", p->rlimits[i].resource,
			    p->rlimits[i].soft, p->rlimits[i].hard);
	dump_landlock(out, p);
	ms_buf_addf(out, "seccomp filter %zu bytes, the shim's %zu, newest %u, tarpit %u %u %u\n",
		    p->filter.len, p->shim_filter.len, p->newest_nr, p->tarpit_after,
		    p->tarpit_usec, p->kill_after);
	dump_program(out, p);
}

/* The first line that differs is told; `diff -u` of a rewritten file is the review. */
static void compare(const char *name, const char *got, const char *want)
{
	unsigned line = 1;

	while (*got && *want) {
		size_t n = strcspn(got, "\n"), m = strcspn(want, "\n");

		if (n != m || memcmp(got, want, n) != 0)
			break;
		got += n + (got[n] == '\n');
		want += n + (want[n] == '\n');
		line++;
	}
	if (!*got && !*want)
		return;
	test_failures++;
	printf("%s:%u: the plan has\n  %.*s\nwhere the file has\n  %.*s\n", name, line,
	       (int)strcspn(got, "\n"), got, (int)strcspn(want, "\n"), want);
}

static void check_golden(const char *name, const struct world *w)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(1u << 20);
	ms_auto_free char *want = calloc(1, 1u << 20);
	char path[512];
	FILE *f;
	size_t n;

	dump(&out, w);
	REQUIRE(out.data && want);
	(void)snprintf(path, sizeof(path), "%s/%s.txt", MS_GOLDEN_DIR, name);
	f = fopen(path, secure_getenv("MS_UPDATE_GOLDEN") ? "we" : "re");
	if (!f)
		printf("%s: cannot be opened\n", path);
	REQUIRE(f);
	if (secure_getenv("MS_UPDATE_GOLDEN")) {
		CHECK_EQ(fwrite(out.data, 1, out.len, f), out.len);
		CHECK_EQ(fclose(f), 0);
		return;
	}
	n = fread(want, 1, (1u << 20) - 1, f);
	(void)fclose(f); /* only read */
	CHECK(n > 0);
	compare(path, out.data, want);
}

TEST(golden_whole_bundle)
{
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w && world_build(w) == 0);
	check_golden("plan-whole", w);
}

TEST(golden_everything)
{
	WORLD w = world_new(manifest_full, MS_TIER_VERIFIED, false, false, 1);

	REQUIRE(w);
	layout_full(w);
	layout_add(w, MS_BUNDLE_SYMLINK, "lib2", "lib");
	/* no write path makes lib2 a part of a layout, but the plan only takes what it is given */
	REQUIRE(world_build(w) == 0);
	check_golden("plan-everything", w);
}

TEST(golden_oneshot_in_a_terminal)
{
	WORLD w = world_new(manifest_oneshot, MS_TIER_PRIVATE, true, true, 0);

	REQUIRE(w);
	w->in.n_fds = 5; /* neither a bundle nor a log */
	w->in.trees.bundle = -1;
	w->in.layout = NULL;
	w->in.trees.program = world_fd(w, MS_FD_ATTACH);
	(void)world_fd(w, MS_FD_TTY);
	w->in.stdio = MS_PLAN_STDIO_TTY;
	w->in.argv = (struct ms_str[]){S("/run/modsup/program"), S("a b")};
	w->in.n_argv = 2;
	REQUIRE(world_build(w) == 0);
	check_golden("plan-oneshot", w);
}

/* -- what holds for all of them -- */

static bool under(struct ms_str path, struct ms_str top)
{
	return path.len > top.len && memcmp(path.p, top.p, top.len) == 0 && path.p[top.len] == '/';
}

static bool same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static bool is_sealed(const struct ms_plan *p, uint32_t n)
{
	for (uint32_t i = n + 1; i < p->n_mounts; i++) {
		if (p->mounts[i].op == MS_OP_SEAL && same(p->mounts[i].target, p->mounts[n].target))
			return true;
	}
	return false;
}

/* Is @m where, and as, a tree of its kind may be? */
static void check_attach(const struct world *w, const struct ms_plan_mount *m)
{
	const struct ms_plan_trees *t = &w->in.trees;
	char want[2048];
	const char *prefix = NULL;

	CHECK((m->attrs & RO) == RO || m->fd == t->state);
	if (m->fd == t->usr)
		prefix = "usr/";
	else if (m->fd == t->etc)
		prefix = "etc/";
	else if (m->fd == t->top)
		prefix = "";
	else if (m->fd == t->bundle)
		prefix = m->source.len ? "module/" : "module";
	else if (m->fd == t->state)
		prefix = m->source.len ? "module/" : "state";
	else if (m->fd == t->program)
		prefix = "run/modsup/program";
	REQUIRE(prefix);
	if (m->fd == t->state)
		CHECK_EQ(m->attrs, RW);
	if (m->fd == t->usr || m->fd == t->etc || m->fd == t->top)
		CHECK(m->source.len); /* never /usr, /etc or / themselves */
	if (m->fd == t->etc)
		CHECK(m->attrs & MS_MOUNT_ATTR_NOEXEC);
	if (m->fd == t->top)
		CHECK(!strncmp(m->source.p, "lib", 3) || !strcmp(m->source.p + 1, "in") ||
		      !strcmp(m->source.p, "sbin"));
	(void)snprintf(want, sizeof(want), "%s%s", prefix, m->source.p);
	CHECK_STR(m->target.p, want);
}

static void check_mounts(const struct world *w)
{
	const struct ms_plan *p = &w->plan;

	for (uint32_t i = 0; i < p->n_mounts; i++) {
		const struct ms_plan_mount *m = &p->mounts[i];

		CHECK_EQ(m->attrs & ~(RO | RW), 0);
		if (m->op == MS_OP_ATTACH)
			check_attach(w, m);
		if (m->op == MS_OP_TMPFS && !is_sealed(p, i)) {
			CHECK_EQ(m->attrs, RW);
			CHECK(m->size > 0 && m->inodes > 0);
		}
		if (m->op == MS_OP_TMPFS)
			CHECK(m->attrs & MS_MOUNT_ATTR_NOSUID);
		if (m->op == MS_OP_TMPFS && strcmp(m->target.p, "dev") != 0)
			CHECK(m->attrs & MS_MOUNT_ATTR_NODEV);
		if (m->op == MS_OP_PROC)
			CHECK_EQ(m->attrs, RW);
		if (m->op == MS_OP_DEVICE)
			CHECK(strncmp(m->target.p, "dev/", 4) == 0);
		CHECK_EQ(m->mode & 06000, 0);
		for (uint32_t j = i + 1; m->op == MS_OP_ATTACH && j < p->n_mounts; j++)
			CHECK(!under(p->mounts[j].target, m->target));
	}
}

static void check_env(const struct ms_plan *p)
{
	for (uint32_t i = 0; i < p->n_env; i++) {
		size_t len = strcspn(p->env[i].p, "=");

		CHECK_EQ(p->env[i].len, strlen(p->env[i].p));
		CHECK(len > 0 && p->env[i].p[len] == '=');
		for (uint32_t j = i + 1; j < p->n_env; j++)
			CHECK(strncmp(p->env[i].p, p->env[j].p, len + 1) != 0);
	}
}

static void check_codec(const struct ms_plan *p)
{
	static struct ms_plan got;
	ms_auto_free void *bytes = NULL, *again = NULL;
	size_t len = 0, again_len = 0;

	CHECK_STR(ms_plan_verify(p) ? ms_plan_verify(p) : "sound", "sound");
	REQUIRE(ms_plan_encode(p, &bytes, &len) == 0);
	REQUIRE(ms_plan_decode(bytes, len, &got) == 0);
	CHECK_EQ(got.n_mounts, p->n_mounts);
	CHECK_EQ(got.n_landlock, p->n_landlock);
	CHECK_EQ(got.n_env, p->n_env);
	CHECK_EQ(got.flags, p->flags);
	REQUIRE(ms_plan_encode(&got, &again, &again_len) == 0);
	CHECK(again_len == len && memcmp(bytes, again, len) == 0);
}

static void check_world(struct world *w)
{
	if (!w || world_build(w) != 0) {
		test_failures++;
		printf("no plan: %s\n", w ? w->err.msg : "");
		return;
	}
	check_mounts(w);
	check_env(&w->plan);
	check_codec(&w->plan);
	CHECK_EQ(w->plan.inside_uid, MS_INSIDE_UID);
	CHECK_EQ(!(w->plan.flags & MS_PLAN_LANDLOCK), !w->host.landlock_abi);
}

TEST(every_kind_of_host_and_tier)
{
	for (unsigned n = 0; n < 8 * 2 * 2 * MS_TIER_COUNT; n++) {
		enum ms_tier tier = (enum ms_tier)(n / 32);
		bool merged = n & 8, v2 = n & 16;
		WORLD plain = world_new(manifest_plain, tier, merged, v2, n & 7);
		WORLD full = world_new(manifest_full, tier, merged, v2, n & 7);

		check_world(plain);
		REQUIRE(full);
		layout_full(full);
		CHECK_EQ(full->policy->n_write, 2);
		CHECK(ms_layout_verify(&full->layout, full->manifest));
		check_world(full);
	}
}

/* A tier without write paths: the layout is as the manifest has it, the folders stay the bundle's
 * own skeleton, and nothing of any state is there. */
TEST(a_tier_without_write_paths)
{
	WORLD w = world_new(manifest_full, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w);
	w->policy->n_write = 0;
	w->in.trees.state = -1;
	layout_full(w);
	check_world(w);
	for (uint32_t i = 0; i < w->plan.n_env; i++)
		CHECK(strncmp(w->plan.env[i].p, "MODSUP_STATE=", 13) != 0);
}

static bool has_env(const struct ms_plan *p, const char *text)
{
	for (uint32_t i = 0; i < p->n_env; i++)
		if (strcmp(p->env[i].p, text) == 0)
			return true;
	return false;
}

static unsigned count_notify(const struct ms_plan *p)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < p->n_mounts; i++) {
		if (p->mounts[i].op != MS_OP_NOTIFY)
			continue;
		n++;
		CHECK_STR(p->mounts[i].target.p, "run/modsup/notify");
		CHECK_EQ(p->mounts[i].uid, p->module_uid);
	}
	return n;
}

/* Who is waited for gets a socket to say so; a watchdog is told of where there is one. */
TEST(what_a_module_may_say_of_itself)
{
	for (unsigned n = 0; n < MS_MODE_COUNT * 2 * MS_READY_COUNT; n++) {
		WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
		enum ms_mode mode = (enum ms_mode)(n / 2 / MS_READY_COUNT);
		bool watchdog = n & 1, told = mode != MS_MODE_ONESHOT;

		REQUIRE(w);
		w->manifest->mode = mode;
		w->manifest->readiness = (enum ms_readiness)(n / 2 % MS_READY_COUNT);
		w->manifest->watchdog_usec = watchdog ? 90000000 : 0;
		check_world(w);
		CHECK_EQ(count_notify(&w->plan), told);
		CHECK_EQ(has_env(&w->plan, "NOTIFY_SOCKET=/run/modsup/notify"), told);
		CHECK_EQ(has_env(&w->plan, "WATCHDOG_USEC=90000000"), told && watchdog);
		CHECK_EQ(has_env(&w->plan, "WATCHDOG_PID="), told && watchdog);
		CHECK_EQ(w->plan.watchdog_usec, told && watchdog ? 90000000 : 0);
		CHECK_EQ((w->plan.flags & MS_PLAN_READY_NOTIFY) != 0,
			 told && w->manifest->readiness == MS_READY_NOTIFY);
	}
}

/* Without ca-certificates the runtimes are not told of a file that is not there. */
TEST(a_host_without_certificates)
{
	for (int there = 0; there < 2; there++) {
		WORLD w = world_new(manifest_full, MS_TIER_COMMUNITY, true, true, 6);
		unsigned n = 0;

		REQUIRE(w);
		w->host.ca_bundle = there;
		layout_full(w);
		REQUIRE(world_build(w) == 0);
		for (uint32_t i = 0; i < w->plan.n_env; i++)
			n += strstr(w->plan.env[i].p, "ca-certificates.crt") != NULL;
		CHECK_EQ(n, there ? 2 : 0);
	}
}

TEST(the_manifests_own_variables_win)
{
	WORLD w = world_new(manifest_full, MS_TIER_COMMUNITY, true, true, 6);
	unsigned n = 0;

	REQUIRE(w);
	layout_full(w);
	REQUIRE(world_build(w) == 0);
	for (uint32_t i = 0; i < w->plan.n_env; i++) {
		if (strncmp(w->plan.env[i].p, "LANG=", 5) == 0) {
			CHECK_STR(w->plan.env[i].p, "LANG=de_DE.UTF-8");
			n++;
		}
	}
	CHECK_EQ(n, 1);
}

/* -- broken plans: each text that ms_plan_verify() returns -- */

static struct ms_plan_mount *step(struct ms_plan *p, enum ms_mount_op op, const char *target)
{
	struct ms_plan_mount *m = &p->mounts[p->n_mounts++];

	*m = (struct ms_plan_mount){
		.op = op, .target = str(target), .source = S("x"), .data = S("")};
	if (op == MS_OP_ATTACH)
		m->fd = 3;
	return m;
}

static void role(struct ms_plan *p, enum ms_fd_role what)
{
	p->fds[p->n_fds++] = what;
}

#define LIST_BROKEN(X)                                                                             \
	X("unknown flags", p->flags |= MS_PLAN_FLAGS_ALL + 1)                                      \
	X("the shim and the module need two different ids that are not root",                      \
	  p->module_uid = p->shim_uid)                                                             \
	X("the shim and the module need two different ids that are not root", p->module_uid = 0)   \
	X("the shim and the module need two different ids that are not root", p->shim_uid = 0)     \
	X("the module may not be root inside", p->inside_uid = 0)                                  \
	X("nothing to run", p->n_argv = 0)                                                         \
	X("nothing to run", p->argv[0] = S(""))                                                    \
	X("the working directory is not absolute", p->cwd = S("module"))                           \
	X("the working directory is not absolute", p->cwd = S(""))                                 \
	X("no system call filter", p->filter.len = 0)                                              \
	X("landlock is required but handles nothing", p->landlock_fs = 0)                          \
	X("a mount target is not a clean relative path", step(p, MS_OP_DIR, "a/../b"))             \
	X("a mount target is not a clean relative path", step(p, MS_OP_DIR, "/a"))                 \
	X("a mount target is not a clean relative path", step(p, MS_OP_DIR, ""))                   \
	X("a mount target is not a clean relative path", step(p, MS_OP_DIR, "module/"))            \
	X("a mount target is not a clean relative path", step(p, MS_OP_DIR, "module//a"))          \
	X("a mount target is not a clean relative path", step(p, MS_OP_DIR, "module/../a"))        \
	X("a tree to attach is not among the descriptors", step(p, MS_OP_ATTACH, "a")->fd = 0)     \
	X("a tree to attach is not among the descriptors", step(p, MS_OP_ATTACH, "a")->fd = 63)    \
	X("the source of an attached tree is not a clean relative path",                           \
	  step(p, MS_OP_ATTACH, "a")->source = S("../etc"))                                        \
	X("the source of an attached tree is not a clean relative path",                           \
	  step(p, MS_OP_ATTACH, "a")->source = S("/etc"))                                          \
	X("a link without a target", step(p, MS_OP_SYMLINK, "a")->source = S(""))                  \
	X("sealing something that the plan did not mount", step(p, MS_OP_SEAL, "module"))          \
	X("sealing something that the plan did not mount", step(p, MS_OP_SEAL, "var"))             \
	X("sealing something that the plan did not mount", step(p, MS_OP_SEAL, "nowhere"))         \
	X("a mount step lies under something that is not the plan's own",                          \
	  step(p, MS_OP_FILE, "module/planted"))                                                   \
	X("a mount step lies under something that is not the plan's own",                          \
	  step(p, MS_OP_DIR, "module/deep/er"))                                                    \
	X("a mount step lies under something that is not the plan's own",                          \
	  step(p, MS_OP_FILE, "bin/sh"))                                                           \
	X("a mount step lies under something that is not the plan's own",                          \
	  step(p, MS_OP_FILE, "etc/passwd/x"))                                                     \
	X("a mount step lies under something that is not the plan's own",                          \
	  step(p, MS_OP_TMPFS, "dev/null/x"))                                                      \
	X("a mount step is on the wrong side of /proc", step(p, MS_OP_TMPFS, "proc/self"))         \
	X("a mount step is on the wrong side of /proc", step(p, MS_OP_SYMLINK, "proc/sys/x"))      \
	X("a mount step is on the wrong side of /proc", step(p, MS_OP_MASK, "tmp/x"))              \
	X("a mount step is on the wrong side of /proc",                                            \
	  step(p, MS_OP_PROC_ONLY, "tmp/x")->data = S("a\n"))                                      \
	X("what stays of a folder of /proc is not a list of clean paths",                          \
	  step(p, MS_OP_PROC_ONLY, "proc/new")->data = S(""))                                      \
	X("what stays of a folder of /proc is not a list of clean paths",                          \
	  step(p, MS_OP_PROC_ONLY, "proc/new")->data = S("a"))                                     \
	X("what stays of a folder of /proc is not a list of clean paths",                          \
	  step(p, MS_OP_PROC_ONLY, "proc/new")->data = S("/a\n"))                                  \
	X("what stays of a folder of /proc is not a list of clean paths",                          \
	  step(p, MS_OP_PROC_ONLY, "proc/new")->data = S("a/../b\n"))                              \
	X("what stays of a folder of /proc is not a list of clean paths",                          \
	  step(p, MS_OP_PROC_ONLY, "proc/new")->data = S("a\n\nb\n"))                              \
	X("a mount step is on the wrong side of /proc", step(p, MS_OP_REPLACE, "etc/passwd"))      \
	X("a mount step lies in a folder that no step made", step(p, MS_OP_DIR, "no/where"))       \
	X("a mount step lies in a folder that no step made", step(p, MS_OP_FILE, "var/no/where"))  \
	X("two mount steps make the same place", step(p, MS_OP_DIR, "var"))                        \
	X("two mount steps make the same place", step(p, MS_OP_FILE, "etc/passwd"))                \
	X("two mount steps make the same place", step(p, MS_OP_FILE, "etc/mtab"))                  \
	X("two mount steps make the same place", step(p, MS_OP_ATTACH, "module"))                  \
	X("two mount steps make the same place", step(p, MS_OP_ATTACH, "var"))                     \
	X("two mount steps make the same place", step(p, MS_OP_TMPFS, "tmp"))                      \
	X("two mount steps make the same place", step(p, MS_OP_TMPFS, "module"))                   \
	X("two mount steps make the same place", step(p, MS_OP_PROC, "proc"))                      \
	X("two mount steps make the same place", step(p, MS_OP_DIR, "dev/shm"))                    \
	X("two mount steps make the same place", step(p, MS_OP_MASK, "proc/kcore"))                \
	X("two mount steps make the same place", step(p, MS_OP_MASK, "proc/meminfo"))              \
	X("a descriptor role is there twice", role(p, MS_FD_CGROUP_KILL))                          \
	X("a descriptor role is there twice", (role(p, MS_FD_FLAG), role(p, MS_FD_FLAG)))          \
	X("two sockets for what the module says of itself", step(p, MS_OP_NOTIFY, "var/notify"))   \
	X("two mount steps make the same place", step(p, MS_OP_NOTIFY, MS_NOTIFY_TARGET))          \
	X("a descriptor role is there twice", (role(p, MS_FD_STDIN), role(p, MS_FD_STDIN)))        \
	X("a descriptor role is there twice", (role(p, MS_FD_STDOUT), role(p, MS_FD_STDOUT)))      \
	X("a descriptor role is there twice", (role(p, MS_FD_STDERR), role(p, MS_FD_STDERR)))      \
	X("a descriptor role is there twice", (role(p, MS_FD_TTY), role(p, MS_FD_TTY)))            \
	X("a log needs two files", role(p, MS_FD_LOG))                                             \
	X("a log needs two files", p->n_fds--)                                                     \
	X("too many listening sockets", for (int i = 0; i < 5; i++) role(p, MS_FD_LISTEN))         \
	X("a terminal excludes other standard streams", role(p, MS_FD_TTY))

TEST(each_rule_of_verify)
{
	static struct ms_plan plan;
	struct ms_plan *p = &plan;
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w && world_build(w) == 0);
#define X(why, ...)                                                                                \
	{                                                                                          \
		ms_auto_free void *bytes = NULL;                                                   \
		static struct ms_plan got;                                                         \
		const char *said;                                                                  \
		size_t len = 0;                                                                    \
                                                                                                   \
		plan = w->plan;                                                                    \
		CHECK(ms_plan_verify(p) == NULL);                                                  \
		__VA_ARGS__;                                                                       \
		said = ms_plan_verify(p);                                                          \
		if (!said || strcmp(said, why) != 0)                                               \
			printf("after %s:\n", #__VA_ARGS__);                                       \
		CHECK_STR(said ? said : "sound", why);                                             \
		REQUIRE(ms_plan_encode(p, &bytes, &len) == 0);                                     \
		CHECK_EQ(ms_plan_decode(bytes, len, &got), -EBADMSG);                              \
	}
	LIST_BROKEN(X)
#undef X
}

TEST(what_looks_like_a_broken_rule)
{
	static struct ms_plan plan;
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w && world_build(w) == 0);
	plan = w->plan;
	step(&plan, MS_OP_DIR, "modules");     /* longer than "module", not below it */
	step(&plan, MS_OP_TMPFS, "modules");   /* a mount over an own folder */
	step(&plan, MS_OP_DIR, "modules/a");   /* in it */
	step(&plan, MS_OP_SEAL, "modules");    /* and sealed */
	step(&plan, MS_OP_MASK, "proc/bus/x"); /* deeper in /proc: the kernel made what is there */
	step(&plan, MS_OP_SYMLINK, "var/modules");
	CHECK_STR(ms_plan_verify(&plan) ? ms_plan_verify(&plan) : "sound", "sound");
	plan = w->plan;
	plan.flags &= ~MS_PLAN_LANDLOCK;
	plan.landlock_fs = 0;
	for (unsigned i = 0; i < MS_MAX_LISTEN; i++)
		role(&plan, MS_FD_LISTEN);
	CHECK(ms_plan_verify(&plan) == NULL);
}

/* -- caps -- */

/* Names that a host list takes: they must outlive it. */
static char many_names[MS_HOST_MAX_ENTRIES][16];

static void host_fill(struct ms_host_list *list, uint32_t n, enum ms_host_kind kind)
{
	list->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(many_names[i], sizeof(many_names[i]), "n%u", i);
		host_add(list, many_names[i], kind, "");
	}
}

TEST(what_stays_of_a_folder_of_proc_at_the_cap)
{
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	char names[2 * (MS_MAX_PROC_ONLY + 1)];
	struct ms_plan_mount *m;

	REQUIRE(w && world_build(w) == 0);
	for (size_t i = 0; i < sizeof(names); i++)
		names[i] = i % 2 ? '\n' : 'a';
	m = step(&w->plan, MS_OP_PROC_ONLY, "proc/new");
	m->data = (struct ms_str){.p = names, .len = 2 * (size_t)MS_MAX_PROC_ONLY};
	CHECK(ms_plan_verify(&w->plan) == NULL);
	m->data.len = sizeof(names);
	CHECK_STR(ms_plan_verify(&w->plan),
		  "what stays of a folder of /proc is not a list of clean paths");
}

TEST(cap_of_mount_steps)
{
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	uint32_t room;

	REQUIRE(w);
	host_fill(&w->host.usr, MS_HOST_MAX_ENTRIES, MS_HOST_DIR);
	host_fill(&w->host.etc, MS_HOST_MAX_ENTRIES, MS_HOST_FILE);
	w->host.top.n = 0;
	host_fill(&w->host.proc, 0, MS_HOST_FILE);
	REQUIRE(world_build(w) == 0);
	room = MS_MAX_MOUNT_OPS - w->plan.n_mounts;
	REQUIRE(room > 0 && room < MS_HOST_MAX_ENTRIES);
	host_fill(&w->host.proc, room, MS_HOST_FILE);
	CHECK_EQ(world_build(w), 0);
	CHECK_EQ(w->plan.n_mounts, MS_MAX_MOUNT_OPS);
	check_codec(&w->plan);
	host_fill(&w->host.proc, room + 1, MS_HOST_FILE);
	CHECK_EQ(world_build(w), -E2BIG);
	CHECK_EQ(w->err.reason, MS_REASON_HOST_FULL);
	CHECK_STR(w->err.msg, "the plan has too many mount steps");
	host_fill(&w->host.proc, MS_HOST_MAX_ENTRIES, MS_HOST_FILE);
	CHECK_EQ(world_build(w), -E2BIG);
}

TEST(cap_of_counts_when_decoded)
{
	static struct ms_plan got;
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	ms_auto_free void *bytes = NULL;
	uint8_t *at;
	size_t len = 0;

	REQUIRE(w && world_build(w) == 0);
	REQUIRE(ms_plan_encode(&w->plan, &bytes, &len) == 0);
	/* magic, version, launch, hash, flags and three ids, the host's name */
	at = (uint8_t *)bytes + 6 + 2 + 16 + 32 + 16 + 4 + w->plan.hostname.len + 1;
	REQUIRE(at[0] == (w->plan.n_mounts & 0xff));
	at[0] = (MS_MAX_MOUNT_OPS + 1) & 0xff;
	at[1] = (MS_MAX_MOUNT_OPS + 1) >> 8;
	CHECK_EQ(ms_plan_decode(bytes, len, &got), -EBADMSG);
}

TEST(cap_of_arguments)
{
	static struct ms_str argv[MS_MAX_ARGV + 1];
	static char longest[MS_MAX_ARG_BYTES + 1];
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w);
	for (uint32_t i = 0; i < MS_ARRAY_LEN(argv); i++)
		argv[i] = S("x");
	w->in.argv = argv;
	w->in.n_argv = MS_MAX_ARGV;
	CHECK_EQ(world_build(w), 0);
	CHECK_EQ(w->plan.n_argv, MS_MAX_ARGV);
	CHECK_STR(w->plan.argv[0].p, "/module/x");
	check_codec(&w->plan);
	memset(longest, 'x', MS_MAX_ARG_BYTES); /* relative: it gets "/module/" before it */
	argv[0] = argv[1] = str(longest);
	CHECK_EQ(world_build(w), 0);
	CHECK_EQ(w->plan.argv[0].len, MS_MAX_PLAN_ARG_BYTES);
	check_codec(&w->plan);
	w->in.n_argv = MS_MAX_ARGV + 1;
	CHECK_EQ(world_build(w), -E2BIG);
	CHECK_STR(w->err.msg, "the plan has too many arguments");
}

TEST(cap_of_calls_that_end_a_module)
{
	uint32_t nrs[MS_MAX_KILL_CALLS + 1] = {0};
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);

	REQUIRE(w);
	w->in.kill_nrs = nrs;
	w->in.n_kill_nrs = MS_MAX_KILL_CALLS;
	CHECK_EQ(world_build(w), 0);
	check_codec(&w->plan);
	w->in.n_kill_nrs++;
	CHECK_EQ(world_build(w), -E2BIG);
	CHECK_STR(w->err.msg, "the plan has too many calls that end the module");
}

/* -- the largest legal module fits -- */

#define DEEP_LEVELS 4
#define NAME	    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define PART	    NAME NAME NAME NAME NAME NAME "nnnnnnnn" /* 248 bytes */
#define DEEP	    PART "/" PART "/" PART "/" PART	     /* 995 bytes */

static void large_manifest(struct ms_buf *out)
{
	static char value[MS_MAX_ARG_BYTES + 1];

	memset(value, 'v', MS_MAX_ARG_BYTES);
	ms_buf_addf(out,
		    HEAD "\"entry\":{\"command\":[\"/bin/true\"],\"code\":[\"%s/a\"],"
			 "\"listen\":{\"socket\":[\"a\",\"b\",\"c\",\"d\"]},\"env\":{",
		    DEEP);
	for (unsigned i = 0; i < MS_MAX_ENV; i++) {
		bool is_long = i < 40;

		ms_buf_addf(out, "%s\"V%02u%.*s\":\"%s\"", i ? "," : "", i,
			    is_long ? (int)MS_MAX_ENV_NAME_BYTES - 3 : 0, value,
			    is_long ? value : "");
	}
	ms_buf_addf(out, "}},\"permissions\":{\"fs\":{\"write\":[");
	for (unsigned i = 0; i < MS_MAX_FS_PATHS; i++)
		ms_buf_addf(out, "%s\"%s/%027u\"", i ? "," : "", DEEP, i);
	ms_buf_addf(out, "]}}}");
}

TEST(the_largest_legal_module)
{
	static char parts[DEEP_LEVELS][MS_MAX_PATH_BYTES],
		names[MS_MAX_ATTACH][MS_MAX_PATH_BYTES + 1];
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MS_MAX_MANIFEST_BYTES);
	struct ms_layout *l;
	struct world *made;

	large_manifest(&text);
	REQUIRE(text.data && text.len < MS_MAX_MANIFEST_BYTES);
	made = world_new(text.data, MS_TIER_PRIVATE, false, false, 7);
	WORLD w = made;

	REQUIRE(w);
	for (unsigned i = 0; i < DEEP_LEVELS; i++) {
		(void)snprintf(parts[i], sizeof(parts[i]), "%.*s", (int)(249 * (i + 1) - 1), DEEP);
		layout_add(w, MS_BUNDLE_SKELETON, parts[i], "");
	}
	(void)snprintf(names[0], sizeof(names[0]), "%s/a", DEEP);
	layout_add(w, MS_BUNDLE_DIR, names[0], "");
	for (unsigned i = 1; w->layout.n_entries < MS_MAX_ATTACH; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%s/b%027u", DEEP, i);
		layout_add(w, MS_BUNDLE_FILE, names[i], "");
	}
	l = &w->layout;
	CHECK_EQ(l->entries[l->n_entries - 1].path.len, MS_MAX_PATH_BYTES);
	CHECK(ms_layout_verify(l, w->manifest));
	host_fill(&w->host.proc, 100, MS_HOST_FILE);
	w->in.n_kill_nrs = 0;
	check_world(w);
	printf("the largest: %u mount steps, %u rules, %u variables\n", w->plan.n_mounts,
	       w->plan.n_landlock, w->plan.n_env);
	CHECK(w->plan.n_landlock <= MS_MAX_LANDLOCK);
	CHECK(w->plan.n_env <= MS_ARRAY_LEN(w->plan.env));
}

TEST(memory_runs_out)
{
	for (size_t max = 0; max < 20000; max += 97) {
		WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
		int r;

		REQUIRE(w);
		w->arena.max = max;
		r = world_build(w);
		CHECK(r == 0 || r == -E2BIG);
		CHECK_EQ(r == 0, w->arena.error == 0);
		if (r < 0)
			CHECK(w->err.msg[0]);
	}
}
