/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * successor.h - a modsupd that takes the place of a dead one, and the last word, which is not lost
 * between the two.
 */
#ifndef MS_SHIM_SUCCESSOR_H
#define MS_SHIM_SUCCESSOR_H

#include "shim/shim.h"

/* ms_successor_greet - somebody is on the adoption socket: root, who becomes the modsupd of this
 * shim and gets HELLO, or nobody. */
void ms_successor_greet(struct ms_shim *shim, bool ended);
/* ms_successor_decode - ms_shimwire_decode(), and no newer than this shim speaks. */
MS_MUST_CHECK int ms_successor_decode(const void *data, size_t len, struct ms_shim_msg *ret);
/* ms_successor_tell_exit - EXIT, with what is still to be said before it, to whoever there is,
 * until one has answered; where nobody can follow, to the one there is. Fills the counts of @e. */
void ms_successor_tell_exit(struct ms_shim *shim, struct ms_shim_exit *e);

#endif
