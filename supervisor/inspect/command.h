/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - the program that a manifest names, where it lies in the bundle: is it there, may it
 * be executed, is it of a form that this host runs? A program of the base runtime is asked at the
 * launch, where that runtime is.
 */
#ifndef MS_SUPERVISOR_INSPECT_COMMAND_H
#define MS_SUPERVISOR_INSPECT_COMMAND_H

#include "policy/manifest.h"
#include "policy/report.h"

/* ms_command_check - told into @report with command-not-found, command-not-executable or
 * command-wrong-format. @dirfd -1: there is no bundle. */
void ms_command_check(int dirfd, const struct ms_manifest *manifest, struct ms_report *report);

#endif
