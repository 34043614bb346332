/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostcheck.c - the list of layers, and the report as JSON and as text. The probes are in
 * hostcheck-kernel.c and hostcheck-cgroup.c. Run by main.c before it gives up its capabilities and
 * installs its own filter, as the children that try things would inherit both.
 */
#include "supervisor/daemon/hostcheck.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/fs.h"
#include "supervisor/daemon/hostcheck-probe.h"

#define CHILD_MSEC 2000 /* a probe that takes longer hangs */
#define COLUMNS	   80u

#define ALWAYS MS_OPT_COUNT /* no configuration makes it optional */

static const struct {
	const char *layer;
	ms_probe_fn run;
	bool note;	       /* worth knowing, never required */
	enum ms_opt_layer opt; /* required unless the configuration says otherwise */
	const char *probed;
} probes[] = {
	{"kernel", ms_probe_kernel, true, ALWAYS, "uname(2)"},
	{"capabilities", ms_probe_caps, false, ALWAYS, "capget(2)"},
	{"namespaces", ms_probe_namespaces, false, ALWAYS, "unshare(2) of each in a child"},
	{"user-namespace", ms_probe_userns, false, ALWAYS,
	 "unshare(CLONE_NEWUSER) and a map line in a child"},
	{"mount", ms_probe_mount, false, ALWAYS,
	 "fsopen, fsmount, open_tree, move_mount, mount_setattr in a child"},
	{"proc", ms_probe_proc, false, ALWAYS, "a proc with hidepid in a child's pid namespace"},
	{"handles", ms_probe_handles, false, ALWAYS, "pidfd_open, close_range, openat2"},
	{"cgroup", ms_probe_cgroup, false, ALWAYS, "a group made and removed"},
	{"cgroup-memory", ms_probe_cgroup_memory, false, MS_OPT_CGROUP_MEMORY,
	 "its limit file in a probe group"},
	{"cgroup-cpu", ms_probe_cgroup_cpu, false, MS_OPT_CGROUP_CPU,
	 "its limit file in a probe group"},
	{"cgroup-pids", ms_probe_cgroup_pids, false, MS_OPT_CGROUP_PIDS,
	 "its limit file in a probe group"},
	{"cgroup-kill", ms_probe_cgroup_kill, true, ALWAYS, "cgroup.kill of an empty group"},
	{"memory-events", ms_probe_memory_events, true, ALWAYS, "the notification set up"},
	{"keyring", ms_probe_keyring, false, ALWAYS, "a new session keyring in a child"},
	{"memfd", ms_probe_memfd, false, ALWAYS, "memfd_create and F_ADD_SEALS"},
	{"memfd-noexec", ms_probe_memfd_noexec, false, MS_OPT_MEMFD_NOEXEC,
	 "vm.memfd_noexec written in a child's pid namespace"},
	{"landlock", ms_probe_landlock, false, MS_OPT_LANDLOCK,
	 "landlock_create_ruleset(VERSION), and a domain entered in a child"},
	{"seccomp", ms_probe_seccomp, false, ALWAYS, "filters installed in a child"},
	{"core-dumps", ms_probe_core, true, ALWAYS, "kernel.core_pattern"},
	{"ptrace-scope", ms_probe_ptrace, true, ALWAYS, "kernel.yama.ptrace_scope"},
};

_Static_assert(MS_ARRAY_LEN(probes) <= MS_ARRAY_LEN(((struct ms_host_report *)0)->checks),
	       "room for every layer");

/* -- for the probes -- */

/** ms_probe_found() - the verdict and what was seen. */
void ms_probe_found(struct ms_check *check, enum ms_check_verdict verdict, const char *fmt, ...)
{
	va_list ap;

	check->verdict = verdict;
	va_start(ap, fmt);
	(void)vsnprintf(check->found, sizeof(check->found), fmt, ap); /* a cut text is still one */
	va_end(ap);
}

/** ms_probe_advise() - what an administrator types or sets. */
void ms_probe_advise(struct ms_check *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(check->advice, sizeof(check->advice), fmt, ap); /* as above */
	va_end(ap);
}

static int wait_child(pid_t pid, int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int32_t told = -EPROTO;
	int n;

	do
		n = poll(&poll_fd, 1, CHILD_MSEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		told = -ETIMEDOUT;
	else if (read(fd, &told, sizeof(told)) != (ssize_t)sizeof(told))
		told = -EPROTO;
	(void)kill(pid, SIGKILL); /* it has nothing more to do, or hangs */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return told;
}

/**
 * ms_probe_in_child() - try something that would stick.
 * @probe: run in the child; returns 0 or -errno
 * @arg: its argument
 * Return: what @probe returned, or -ETIMEDOUT, -EPROTO, or why there was no child.
 */
int ms_probe_in_child(int (*probe)(const void *arg), const void *arg)
{
	ms_auto_fd int in = -EBADF;
	ms_auto_fd int out = -EBADF;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int32_t told = probe(arg);

		MS_IGNORE(write(out, &told, sizeof(told))); /* a short one reads as -EPROTO */
		_exit(0);
	}
	out = ms_fd_close(out);
	return wait_child(pid, in);
}

/** ms_probe_read() - the first line of @path into @out. Return: 0 or -errno. */
int ms_probe_read(const char *path, char *out, size_t out_len)
{
	ms_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, out, out_len - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

/* -- the report -- */

static bool is_required(size_t i, const struct ms_config *config)
{
	if (probes[i].note)
		return false;
	return probes[i].opt == ALWAYS || !config->optional[probes[i].opt];
}

/**
 * ms_hostcheck_run() - every probe.
 * @config: what is optional here, where groups are made
 * @ret: filled
 */
void ms_hostcheck_run(const struct ms_config *config, struct ms_host_report *ret)
{
	*ret = (struct ms_host_report){.fit = true};
	for (size_t i = 0; i < MS_ARRAY_LEN(probes); i++) {
		struct ms_check *check = &ret->checks[ret->n_checks++];

		check->layer = probes[i].layer;
		check->required = is_required(i, config);
		(void)snprintf(check->probed, sizeof(check->probed), "%s", probes[i].probed);
		probes[i].run(config, check);
		if (check->required && check->verdict == MS_CHECK_MISSING)
			ret->fit = false;
	}
}

static const char *verdict_word(enum ms_check_verdict verdict)
{
	switch (verdict) {
	case MS_CHECK_OK:
		return "ok";
	case MS_CHECK_DEGRADED:
		return "degraded";
	case MS_CHECK_MISSING:
		break;
	}
	return "missing";
}

/** ms_hostcheck_members() - the report as members of an open object. */
void ms_hostcheck_members(const struct ms_host_report *report, struct ms_jw *jw)
{
	ms_jw_bool(jw, "fit", report->fit);
	ms_jw_array(jw, "checks");
	for (uint32_t i = 0; i < report->n_checks; i++) {
		const struct ms_check *check = &report->checks[i];

		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "layer", check->layer);
		ms_jw_text(jw, "verdict", verdict_word(check->verdict));
		ms_jw_bool(jw, "required", check->required);
		ms_jw_text(jw, "found", check->found);
		ms_jw_text(jw, "probed", check->probed);
		ms_jw_text(jw, "advice", check->advice);
		ms_jw_end(jw);
	}
	ms_jw_end(jw);
}

/** ms_hostcheck_json() - the report as an object. */
void ms_hostcheck_json(const struct ms_host_report *report, const char *key, struct ms_jw *jw)
{
	ms_jw_object(jw, key);
	ms_hostcheck_members(report, jw);
	ms_jw_end(jw);
}

/* @text in lines of at most COLUMNS, each after @indent blanks; the first line is begun already. A
 * word longer than a line stays whole: it is a path, to be copied. */
static void print_wrapped(struct ms_buf *out, const char *text, size_t indent)
{
	size_t column = indent;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > COLUMNS) {
			ms_buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			ms_buf_adds(out, " ");
			column++;
		}
		ms_buf_escape(out, text, word);
		column += word;
		text += word + (text[word] == ' ');
	}
	ms_buf_adds(out, "\n");
}

/** ms_hostcheck_print() - the report for people. */
void ms_hostcheck_print(const struct ms_host_report *report, struct ms_buf *out)
{
	for (uint32_t i = 0; i < report->n_checks; i++) {
		const struct ms_check *check = &report->checks[i];

		ms_buf_addf(out, "%-8s  %-15s  ", verdict_word(check->verdict), check->layer);
		print_wrapped(out, check->found, 27);
		if (check->verdict != MS_CHECK_OK) {
			ms_buf_addf(out, "%27stried: ", "");
			print_wrapped(out, check->probed, 34);
		}
		if (check->advice[0]) {
			ms_buf_addf(out, "%27s-> ", "");
			print_wrapped(out, check->advice, 30);
		}
	}
	ms_buf_addf(out, "%s\n",
		    report->fit ? "This host can run modules."
				: "This host lacks a required layer: no module starts.");
}
