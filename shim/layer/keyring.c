/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring.c - an anonymous session keyring, so that no key of whoever started modsupd can be
 * reached (keyrings(7)).
 */
#include <linux/keyctl.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"

int ms_layer_keyring_apply(struct ms_error *err)
{
	long r;

	if (!MS_LAYER_ON(KEYRING))
		return 0;
	r = ms_sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0);
	if (r == -ENOSYS) /* a kernel without keys has none to leak */
		return 0;
	return r < 0 ? ms_error_set(err, (int)-r, "join a new session keyring") : 0;
}
