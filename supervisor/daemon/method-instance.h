/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-instance.h - an instance as JSON, for every answer that shows one.
 */
#ifndef MS_DAEMON_METHOD_INSTANCE_H
#define MS_DAEMON_METHOD_INSTANCE_H

#include "policy/json.h"
#include "supervisor/daemon/instance.h"

/* ms_view_members - the fields of docs/protocol.md, "An instance". */
void ms_view_members(const struct ms_instance_view *view, struct ms_jw *jw);

#endif
