/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layers.h - MS_LAYER_ON(NAME): always 1, except in a test build made with --with-layer-off=NAME, whose only use is to
 * prove that the attacks on that layer then succeed. Such a build says so in its version and at each start.
 */
#ifndef MS_LIB_LAYERS_H
#define MS_LIB_LAYERS_H

#include "config.h"

enum ms_layer {
	MS_LAYER_OFF_CAPS = 1,
	MS_LAYER_OFF_LANDLOCK,
	MS_LAYER_OFF_SECCOMP,
	MS_LAYER_OFF_MOUNT,
	MS_LAYER_OFF_NET,
	MS_LAYER_OFF_USERNS,
	MS_LAYER_OFF_RLIMIT,
	MS_LAYER_OFF_CGROUP,
	MS_LAYER_OFF_FDS,
	MS_LAYER_OFF_ENV,
	MS_LAYER_OFF_KEYRING,
	MS_LAYER_OFF_PROC,
};

#ifdef MS_LAYER_OFF
#define MS_LAYER_ON(name) (MS_LAYER_OFF != MS_LAYER_OFF_##name)
#define MS_ALL_LAYERS_ON  0
#else
#define MS_LAYER_ON(name) 1
#define MS_ALL_LAYERS_ON  1
#endif

#endif
