/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-bundle.c - real folders, good and hostile, walked as the user who runs the test: what is
 * told about them, and how the good ones are put at /module.
 */
#include "supervisor/inspect/bundle.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/buf.h"
#include "tests/unit/test.h"

#define HEAD  "{\"id\":\"m\",\"version\":\"1.0.0\""
#define RUN   HEAD ",\"entry\":{\"command\":[\"/usr/bin/node\"]"
#define FS(x) "},\"permissions\":{\"fs\":{" x "}}}"

struct tree {
	char path[64];
	int fd;
};

static void remove_below(int dirfd_of, const char *name)
{
	int fd = openat(dirfd_of, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) < 0) {
			MS_IGNORE(fchmodat(fd, entry->d_name, 0700, 0)); /* so that it empties */
			remove_below(fd, entry->d_name);
			(void)unlinkat(fd, entry->d_name, AT_REMOVEDIR); /* seen by the next run */
		}
	}
	if (dir)
		(void)closedir(dir); /* read only */
}

static void ms_tree_cleanup(struct tree *t)
{
	if (t->fd < 0)
		return;
	(void)fchmod(t->fd, 0700); /* a test may have closed it */
	remove_below(AT_FDCWD, t->path);
	(void)close(t->fd); /* only read through it */
	if (rmdir(t->path) < 0)
		perror(t->path);
}

static struct tree tree_new(void)
{
	struct tree t = {.path = "/tmp/modsup-test-bundle-XXXXXX", .fd = -1};

	(void)umask(022);
	if (mkdtemp(t.path) && chmod(t.path, 0755) == 0)
		t.fd = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t;
}

/* "a/b/" is a folder, "a -> b" a link, anything else a file with @text in it. */
static bool make(const struct tree *t, const char *what, const char *text, mode_t mode)
{
	const char *arrow = strstr(what, " -> ");
	size_t len = strlen(what);
	char name[2048];
	int fd;
	bool ok;

	(void)snprintf(name, sizeof(name), "%.*s", (int)(arrow ? arrow - what : (ssize_t)len),
		       what);
	if (arrow)
		return symlinkat(arrow + 4, t->fd, name) == 0;
	if (what[len - 1] == '/')
		return mkdirat(t->fd, name, mode) == 0;
	fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0;
	return close(fd) == 0 && ok;
}

static bool make_all(const struct tree *t, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!make(t, names[i], "x", names[i][strlen(names[i]) - 1] == '/' ? 0755 : 0644)) {
			perror(names[i]);
			return false;
		}
	}
	return true;
}
#define MAKE(t, ...)                                                                               \
	make_all((t), (const char *const[]){__VA_ARGS__},                                          \
		 MS_ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* The layout as text, "kind class path" a line; or the report. Owned by the caller. */
static char *inspect(int fd, const char *json)
{
	static const char *const kinds[] = {"dir", "file", "link", "skeleton"};
	static const char *const classes[] = {"code", "read", "write", "none"};
	ms_auto(report) struct ms_report *report = ms_report_new("m");
	ms_auto(layout) struct ms_layout layout = MS_LAYOUT_INIT;
	ms_auto(manifest) struct ms_manifest *m = NULL;
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(1u << 20);
	int r;

	if (!report || ms_manifest_parse(json, strlen(json), report, &m) != 0)
		return strdup("the manifest of the test is wrong");
	r = ms_bundle_inspect(fd, m, report, &layout);
	if (r)
		ms_buf_addf(&buf, "%d:", r);
	if (r == 0 && layout.whole)
		ms_buf_adds(&buf, "whole\n");
	for (uint32_t i = 0; r == 0 && i < layout.n_entries; i++) {
		const struct ms_bundle_entry *e = &layout.entries[i];

		ms_buf_addf(&buf, "%s ", kinds[e->kind]);
		if (e->kind == MS_BUNDLE_DIR || e->kind == MS_BUNDLE_FILE)
			ms_buf_addf(&buf, "%s ", classes[e->class]);
		ms_buf_addf(&buf, "%s%s%s\n", e->path.p, e->target.len ? " -> " : "", e->target.p);
	}
	for (uint32_t i = 0; i < report->n_diags; i++) {
		const struct ms_diag *d = &report->diags[i];

		ms_buf_addf(&buf, " %s ", ms_reason_word(d->reason));
		ms_buf_escape(&buf, d->pointer.p, d->pointer.len);
		ms_buf_addf(&buf, " (%s)", d->msg.p);
	}
	return ms_buf_take(&buf, NULL);
}

#define CHECK_LAYOUT(fd, json, want)                                                               \
	do {                                                                                       \
		ms_auto_free char *got_text = inspect((fd), (json));                               \
		CHECK_STR(got_text, want);                                                         \
	} while (0)

/* Refused, and each of the texts is in the report. */
static void check_told(int fd, const char *json, const char *const *texts, size_t n, int line)
{
	ms_auto_free char *got = inspect(fd, json);
	bool ok = got && strncmp(got, "1:", 2) == 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = strstr(got, texts[i]) != NULL;
	if (ok)
		return;
	test_failures++;
	printf("%s:%d: not told; the answer is\n%s\n", __FILE__, line, got ? got : "(null)");
}
#define CHECK_TOLD(fd, json, ...)                                                                  \
	check_told((fd), (json), (const char *const[]){__VA_ARGS__},                               \
		   MS_ARRAY_LEN(((const char *const[]){__VA_ARGS__})), __LINE__)

TEST(whole)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "lib/", "lib/a", "bin/", "bin/a -> ../lib/a", "lib/up -> ..",
		     "gone -> lib/nothing", "lib/self -> .", "index.js"));
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	CHECK_LAYOUT(t.fd, RUN FS("\"read\":[]"), "whole\n");
	CHECK_LAYOUT(-1, RUN "}}", "whole\n");
}

TEST(write_paths_are_left_out)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "lib/", "lib/a", "cache/", "cache/old", "index.js", "link -> lib/a",
		     "data/", "data/in/", "data/in/x", "data/seed"));
	CHECK_LAYOUT(t.fd, RUN FS("\"write\":[\"cache\"]"),
		     "dir code data\nfile code index.js\ndir code lib\nlink link -> lib/a\n");
	CHECK_LAYOUT(t.fd, RUN FS("\"write\":[\"data/in\"]"),
		     "dir code cache\nskeleton data\nfile code data/seed\nfile code index.js\n"
		     "dir code lib\nlink link -> lib/a\n");
	CHECK_LAYOUT(t.fd, RUN FS("\"write\":[\"new/deep/er\",\"log\"]"),
		     "dir code cache\ndir code data\nfile code index.js\ndir code lib\n"
		     "link link -> lib/a\nskeleton new\nskeleton new/deep\n");
	CHECK_LAYOUT(t.fd, RUN FS("\"write\":[\"data/new/er\",\"data/new/est\"]"),
		     "dir code cache\nskeleton data\ndir code data/in\nskeleton data/new\n"
		     "file code data/seed\nfile code index.js\ndir code lib\nlink link -> lib/a\n");
}

TEST(data_and_code)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "lib/", "lib/a", "lib/data/", "lib/data/x", "conf/", "conf/c", "other",
		     "lib/zoo"));
	CHECK_LAYOUT(t.fd, RUN FS("\"read\":[\"conf\"]"),
		     "dir read conf\ndir code lib\nfile code other\n");
	CHECK_LAYOUT(t.fd, RUN FS("\"read\":[\"conf\",\"lib/data\"]"),
		     "dir read conf\nskeleton lib\nfile code lib/a\ndir read lib/data\n"
		     "file code lib/zoo\nfile code other\n");
	CHECK_LAYOUT(t.fd, RUN ",\"code\":[\"lib\"]}}",
		     "dir read conf\ndir code lib\nfile read other\n");
	CHECK_LAYOUT(t.fd, RUN ",\"code\":[\"lib/a\"]" FS("\"read\":[\"conf\"]"),
		     "dir read conf\nskeleton lib\nfile code lib/a\n");
	CHECK_LAYOUT(t.fd, RUN ",\"code\":[]" FS("\"read\":[]"), "");
	CHECK_LAYOUT(t.fd,
		     RUN ",\"code\":[\"lib\"]" FS("\"read\":[\"lib/data\"],\"write\":[\"w\"]"),
		     "skeleton lib\nfile code lib/a\ndir read lib/data\nfile code lib/zoo\n");
	CHECK_LAYOUT(t.fd, RUN ",\"code\":[\"lib\",\"lib/data\"]" FS("\"read\":[]"),
		     "dir code lib\n"); /* nothing below differs: one mount */
}

TEST(declared_paths_that_are_not_there)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "lib/", "file", "link -> lib", "lib/in"));
	CHECK_TOLD(t.fd, RUN FS("\"read\":[\"nope\",\"lib/nope\"]"),
		   "bundle-invalid nope (permissions.fs.read names it, but the bundle does not",
		   "bundle-invalid lib/nope");
	CHECK_TOLD(t.fd, RUN ",\"code\":[\"nope\"]}}", "nope (entry.code names it");
	CHECK_TOLD(t.fd, RUN FS("\"read\":[\"link\"]"), "link (", "is a link or lies behind one");
	CHECK_TOLD(t.fd, RUN FS("\"read\":[\"link/in\"]"), "is a link or lies behind one");
	CHECK_TOLD(t.fd, RUN FS("\"read\":[\"file/x\"]"), "a file stands where a folder");
	CHECK_TOLD(t.fd, RUN FS("\"write\":[\"file\"]"), "file (", "it is not a folder");
	CHECK_TOLD(t.fd, RUN FS("\"write\":[\"file/x\"]"), "a file stands where a folder");
	CHECK_TOLD(t.fd, RUN FS("\"write\":[\"link\"]"), "is a link or lies behind one");
	CHECK_TOLD(t.fd, RUN FS("\"write\":[\"link/w\"]"), "is a link or lies behind one");
	CHECK_TOLD(-1, RUN ",\"code\":[\"a\"]" FS("\"read\":[\"b\"]"), "a (entry.code",
		   "b (permissions.fs.read", "there is no bundle");
	CHECK_LAYOUT(-1, RUN FS("\"write\":[\"a/b\"]"), "skeleton a\n");
}

TEST(links_that_leave)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "d/", "d/e/", "dev -> /dev", "proc -> ../proc", "d/up -> ../../x",
		     "hop -> d/e", "sly -> hop/../../..", "loop -> loop", "odd -> a\nb",
		     "fine -> d/e/../.."));
	CHECK_TOLD(t.fd, RUN "}}", "bundle-invalid dev (it is a link to an absolute path",
		   "bundle-invalid proc (", "bundle-invalid d/up (", "bundle-invalid sly (",
		   "bundle-invalid loop (", "bundle-invalid odd (");
	CHECK(unlinkat(t.fd, "dev", 0) == 0 && unlinkat(t.fd, "proc", 0) == 0 &&
	      unlinkat(t.fd, "d/up", 0) == 0 && unlinkat(t.fd, "loop", 0) == 0 &&
	      unlinkat(t.fd, "odd", 0) == 0);
	/* by its text "sly" leaves only because of where "hop" leads */
	CHECK_TOLD(t.fd, RUN "}}", "bundle-invalid sly (");
	CHECK(unlinkat(t.fd, "sly", 0) == 0);
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	/* "d/e/.." is "d" by its text and by the kernel; through a link the two differ */
	REQUIRE(MAKE(&t, "d/e/f/", "in -> d/e/f", "d/g -> ../in/../../../x"));
	CHECK_LAYOUT(t.fd, RUN "}}",
		     "1: bundle-invalid d/g (it is a link that leaves the module's "
		     "folder, leads nowhere or has control characters)");
}

TEST(a_link_target_at_the_cap)
{
	ms_auto(tree) struct tree t = tree_new();
	char target[MS_MAX_LINK_BYTES + 2];

	memset(target, 'a', sizeof(target));
	for (size_t i = 100; i < sizeof(target); i += 100)
		target[i] = '/';
	target[MS_MAX_LINK_BYTES] = '\0';
	REQUIRE(t.fd >= 0 && symlinkat(target, t.fd, "cap") == 0);
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	target[MS_MAX_LINK_BYTES] = 'a';
	target[MS_MAX_LINK_BYTES + 1] = '\0';
	REQUIRE(symlinkat(target, t.fd, "over") == 0);
	CHECK_TOLD(t.fd, RUN "}}", "over (it is a link with a target of over");
}

TEST(odd_files)
{
	ms_auto(tree) struct tree t = tree_new();
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	ms_auto_fd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", t.path);
	REQUIRE(t.fd >= 0 && mkfifoat(t.fd, "fifo", 0644) == 0 && sock >= 0);
	REQUIRE(bind(sock, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	REQUIRE(make(&t, "suid", "x", 04755) && make(&t, "sgid", "x", 02755));
	CHECK_TOLD(t.fd, RUN "}}", "fifo (it is a pipe", "sock (it is a socket",
		   "suid (it is setuid or setgid", "sgid (it is setuid or setgid");
}

TEST(devices)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(t.fd >= 0);
	if (mknodat(t.fd, "null", S_IFCHR | 0666, 0x103) < 0)
		TEST_SKIP("no device can be made here");
	CHECK_TOLD(t.fd, RUN "}}", "null (it is a device");
}

TEST(names)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "new\nline", "es\x1b[31mc", "\xff\xfe", "c1\xc2\x9b", "gut-\xc3\xa4"));
	CHECK_TOLD(t.fd, RUN "}}", "new\\x0aline (its name is not UTF-8", "es\\x1b[31mc (",
		   "\\xff\\xfe (", "c1\\xc2\\x9b (");
	CHECK(unlinkat(t.fd, "new\nline", 0) == 0 && unlinkat(t.fd, "es\x1b[31mc", 0) == 0 &&
	      unlinkat(t.fd, "\xff\xfe", 0) == 0 && unlinkat(t.fd, "c1\xc2\x9b", 0) == 0);
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
}

TEST(files_that_others_cannot_read)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "dir/", "dir/in") && make(&t, "secret", "x", 0600) &&
		make(&t, "closed/", "", 0700) && make(&t, "noexec/", "", 0744));
	CHECK_TOLD(t.fd, RUN "}}", "secret (others cannot read it", "closed (others cannot open",
		   "noexec (others cannot open");
	CHECK(unlinkat(t.fd, "secret", 0) == 0 && unlinkat(t.fd, "closed", AT_REMOVEDIR) == 0 &&
	      unlinkat(t.fd, "noexec", AT_REMOVEDIR) == 0);
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	CHECK(fchmod(t.fd, 0700) == 0);
	CHECK_TOLD(t.fd, RUN "}}", "others cannot open the module's folder");
}

TEST(files_that_others_can_change)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "dir/", "dir/in", "fine", "link -> fine") &&
		make(&t, "group", "x", 0664) && make(&t, "dir/all", "x", 0646) &&
		make(&t, "open/", "", 0755) && make(&t, "open/in", "x", 0666) &&
		fchmodat(t.fd, "open", 01777, 0) == 0);
	CHECK_TOLD(t.fd, RUN "}}", "group (others than its owner", "dir/all (others than",
		   "open (others than", "open/in (others than");
	CHECK(fchmodat(t.fd, "group", 0644, 0) == 0 && fchmodat(t.fd, "dir/all", 0644, 0) == 0 &&
	      fchmodat(t.fd, "open", 0755, 0) == 0 && fchmodat(t.fd, "open/in", 0644, 0) == 0);
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	CHECK(fchmod(t.fd, 0775) == 0);
	CHECK_TOLD(t.fd, RUN "}}", "others than its owner");
}

/* As modsup-inspect sees it: somebody else's files. Nothing of it may end the walk with an errno.
 */
TEST(as_another_user)
{
	ms_auto(tree) struct tree t = tree_new();
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		TEST_SKIP("only root can become somebody else");
	REQUIRE(MAKE(&t, "dir/", "dir/in", "closed/", "closed/in", "blind/", "blind/in") &&
		make(&t, "secret", "#!/bin/sh\n", 0700) && fchmodat(t.fd, "closed", 0700, 0) == 0 &&
		fchmodat(t.fd, "blind", 0744, 0) == 0);
	(void)fflush(stdout); /* so that the child does not print it again */
	pid = fork();
	if (pid == 0) {
		test_failures = 0;
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		CHECK_TOLD(t.fd, HEAD ",\"entry\":{\"command\":[\"secret\"]}}",
			   "secret (others cannot read it", "closed (others cannot open",
			   "blind (others cannot open", "command-not-executable secret");
		(void)fflush(stdout); /* _exit() does not */
		_exit(test_failures != 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static bool nest(const struct tree *t, unsigned depth)
{
	char path[2 * MS_MAX_BUNDLE_DEPTH + 8] = "d";

	for (unsigned i = 0; i < depth; i++) {
		if (i)
			memcpy(path + 2 * (size_t)i - 1, "/d", 3);
		if (mkdirat(t->fd, path, 0755) < 0 && errno != EEXIST)
			return false;
	}
	return true;
}

TEST(depth_at_the_cap)
{
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(t.fd >= 0 && nest(&t, MS_MAX_BUNDLE_DEPTH));
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	REQUIRE(nest(&t, MS_MAX_BUNDLE_DEPTH + 1));
	CHECK_TOLD(t.fd, RUN "}}", "folders are nested deeper than");
}

/* Names of a few files, because a file cannot have as many names as a bundle may have entries. */
static bool fill(const struct tree *t, unsigned n)
{
	char file[32], name[32];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(file, sizeof(file), "d%u/f", i / 20000);	    /* fits */
		(void)snprintf(name, sizeof(name), "d%u/%u", i / 20000, i); /* fits */
		if (i % 20000 == 0) {
			name[2] = '\0';
			if (mkdirat(t->fd, name, 0755) < 0 || !make(t, file, "x", 0644))
				return false;
		} else if (i % 20000 > 1 && linkat(t->fd, file, t->fd, name, 0) < 0) {
			return false; /* a folder and a file are the first two */
		}
	}
	return true;
}

TEST(entries_at_the_cap)
{
	ms_auto(tree) struct tree t = tree_new();

	_Static_assert(MS_MAX_BUNDLE_ENTRIES <= 10 * 20000, "folders have names of one digit");
	REQUIRE(t.fd >= 0 && fill(&t, MS_MAX_BUNDLE_ENTRIES));
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	REQUIRE(make(&t, "one-more", "x", 0644));
	CHECK_TOLD(t.fd, RUN "}}", "the module has more than");
}

TEST(attached_entries_at_the_cap)
{
	ms_auto(tree) struct tree t = tree_new();
	char name[32];

	for (unsigned i = 0; i < MS_MAX_ATTACH; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i); /* fits */
		REQUIRE(make(&t, name, "x", 0644));
	}
	{
		ms_auto_free char *got = inspect(t.fd, RUN FS("\"write\":[\"w\"]"));

		CHECK(got && strncmp(got, "file code f0\n", 13) == 0);
	}
	REQUIRE(make(&t, "one-more", "x", 0644));
	CHECK_TOLD(t.fd, RUN FS("\"write\":[\"w\"]"), "each of which is mounted by itself");
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
}

TEST(a_path_at_the_cap)
{
	ms_auto(tree) struct tree t = tree_new();
	char path[MS_MAX_PATH_BYTES + 2] = "";

	for (size_t i = 0; i < 4; i++) {
		size_t len = strlen(path);

		memset(path + len, 'd', 204);
		path[len + 204] = '\0';
		REQUIRE(t.fd >= 0 && mkdirat(t.fd, path, 0755) == 0);
		path[len + 204] = '/'; /* 4 x 205 bytes */
		path[len + 205] = '\0';
	}
	memset(path + 820, 'f', MS_MAX_PATH_BYTES - 820);
	REQUIRE(make(&t, path, "x", 0644));
	CHECK_LAYOUT(t.fd, RUN "}}", "whole\n");
	path[MS_MAX_PATH_BYTES] = 'f';
	REQUIRE(make(&t, path, "x", 0644));
	CHECK_TOLD(t.fd, RUN "}}", "a path below it is longer than");
}

#define CMD(x) HEAD ",\"entry\":{\"command\":[\"" x "\"]"

TEST(commands)
{
	static const char arm[] = "\x7f"
				  "ELF\x02\x01\x01zzzzzzzzz\x02z\xb7zzzzz";
	ms_auto(tree) struct tree t = tree_new();

	REQUIRE(MAKE(&t, "bin/", "bin/plain") && make(&t, "bin/run", "#!/bin/sh\n", 0755) &&
		make(&t, "bin/text", "hello", 0755) && make(&t, "bin/arm", arm, 0755) &&
		make(&t, "bin/empty", "", 0755) && make(&t, "bin/mine", "#!/bin/sh\n", 0744));
	REQUIRE(MAKE(&t, "link -> bin/run", "dangling -> bin/nope"));
	CHECK_LAYOUT(t.fd, CMD("bin/run") "}}", "whole\n");
	CHECK_LAYOUT(t.fd, CMD("link") "}}", "whole\n");
	CHECK_LAYOUT(t.fd, CMD("/module/bin/run") "}}", "whole\n");
	CHECK_TOLD(t.fd, CMD("node") "}}", "command-not-found node (entry.command names it");
	CHECK_TOLD(t.fd, CMD("/module/node") "}}", "command-not-found node (");
	CHECK_TOLD(t.fd, CMD("bin/run/x") "}}", "command-not-found");
	CHECK_TOLD(t.fd, CMD("dangling") "}}", "command-not-found");
	CHECK_TOLD(-1, CMD("bin/run") "}}", "command-not-found", "there is no bundle");
	CHECK_TOLD(t.fd, CMD("bin/plain") "}}", "command-not-executable bin/plain");
	CHECK_TOLD(t.fd, CMD("bin/mine") "}}", "command-not-executable bin/mine");
	CHECK_TOLD(t.fd, CMD("bin") "}}", "command-not-executable bin (", "it is not a file");
	CHECK_TOLD(t.fd, CMD("bin/run") FS("\"read\":[\"bin\"]"), "command-not-executable bin/run",
		   "only code can be executed");
	CHECK_TOLD(t.fd, CMD("bin/text") "}}", "command-wrong-format bin/text");
	CHECK_TOLD(t.fd, CMD("bin/empty") "}}", "command-wrong-format bin/empty");
	CHECK_TOLD(t.fd, CMD("bin/arm") "}}", "command-wrong-format bin/arm",
		   "it is a program for another processor");
	CHECK_LAYOUT(t.fd, HEAD "}", "whole\n"); /* nothing to run */
}

TEST(our_own_program_is_native)
{
	ms_auto(tree) struct tree t = tree_new();
	ms_auto_fd int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char head[64];

	REQUIRE(t.fd >= 0 && self >= 0 && read(self, head, sizeof(head)) == sizeof(head));
	{
		ms_auto_fd int fd =
			openat(t.fd, "prog", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

		REQUIRE(fd >= 0 && write(fd, head, sizeof(head)) == sizeof(head));
	}
	CHECK_LAYOUT(t.fd, CMD("prog") "}}", "whole\n");
}
