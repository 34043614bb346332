/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance-watch.h - the watch over the limits of one instance, and its findings as events.
 */
#ifndef MS_DAEMON_INSTANCE_WATCH_H
#define MS_DAEMON_INSTANCE_WATCH_H

struct ms_instance;
struct ms_watch;

/* ms_instance_watch - of one that has just started, or was just taken over; to be freed with
 * ms_watch_free() as soon as it has ended. NULL, after the reason was logged: it runs without, its
 * limits hold all the same. */
struct ms_watch *ms_instance_watch(struct ms_instance *i);

#endif
