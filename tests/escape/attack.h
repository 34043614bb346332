/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attack.h - what the attack programs share: each is a table of acts, run one after the other as a
 * module, told as one JSON line each. An act must never hurt the machine when it succeeds (a layer
 * may be off on purpose), and none runs outside a pid namespace of modsup's making.
 */
#ifndef MS_TESTS_ATTACK_H
#define MS_TESTS_ATTACK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* 0 when the act was granted, a negative errno when it was refused. */
typedef int (*ms_attack_fn)(void);

struct ms_attack {
	const char *name;
	ms_attack_fn run;
};

#define MS_ATTACK_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A result of libc or syscall(2) as an act's result. */
static inline int ms_attack_result(long result)
{
	return result < 0 ? -errno : 0;
}

/* ms_attack_main() - run the acts; with arguments, only those that they name. The exit status is 0
 * when all were run, whatever became of them: judging is the harness's. 2 outside a sandbox. */
int ms_attack_main(const struct ms_attack *acts, size_t n, int argc, char **argv);

/* ms_attack_open() - opens and closes @path with @flags. */
int ms_attack_open(const char *path, int flags);
/* ms_attack_read() - 0 when at least one byte came; -ENODATA for an empty file. */
int ms_attack_read(const char *path);
/* ms_attack_write() - opens without making or cutting the file and writes @text. */
int ms_attack_write(const char *path, const char *text);
/* ms_attack_in_child() - run @act in a child, so that its end or change of self stays there; a
 * child that dies by a signal was refused too: -EINTR. */
int ms_attack_in_child(ms_attack_fn act);

#endif
