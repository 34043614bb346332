/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layers.h - MS_LAYER_ON(NAME): always 1, except in a test build made with
 * --with-layer-off=NAME[,NAME], whose only use is to prove that the attacks on that layer then
 * succeed. Such a build says so in its version and at each start.
 */
#ifndef MS_LIB_LAYERS_H
#define MS_LIB_LAYERS_H

#include "config.h"

enum ms_layer {
	MS_LAYER_OFF_CAPS = 1u << 0,
	MS_LAYER_OFF_LANDLOCK = 1u << 1,
	MS_LAYER_OFF_SECCOMP = 1u << 2,
	MS_LAYER_OFF_MOUNT = 1u << 3,
	MS_LAYER_OFF_NET = 1u << 4,
	MS_LAYER_OFF_USERNS = 1u << 5,
	MS_LAYER_OFF_RLIMIT = 1u << 6,
	MS_LAYER_OFF_CGROUP = 1u << 7,
	MS_LAYER_OFF_FDS = 1u << 8,
	MS_LAYER_OFF_ENV = 1u << 9,
	MS_LAYER_OFF_KEYRING = 1u << 10,
	MS_LAYER_OFF_PROC = 1u << 11,
};

#ifdef MS_LAYER_OFF
#	define MS_LAYER_ON(name) (!((MS_LAYER_OFF)&MS_LAYER_OFF_##name))
#	define MS_ALL_LAYERS_ON  0
#else
#	define MS_LAYER_ON(name) 1
#	define MS_ALL_LAYERS_ON  1
#endif

#endif
