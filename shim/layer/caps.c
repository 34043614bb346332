/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caps.c - ids and capabilities of the calling process, by raw system calls: the shim has no
 * third-party library.
 */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"

static int set_caps(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.permitted = (uint32_t)permitted, .effective = (uint32_t)effective},
		{.permitted = (uint32_t)(permitted >> 32),
		 .effective = (uint32_t)(effective >> 32)},
	};

	return ms_sys_capset(&head, data);
}

int ms_layer_identity_set(uint32_t id, bool keep_caps, struct ms_error *err)
{
	int r;

	r = ms_sys_prctl(PR_SET_KEEPCAPS, keep_caps, 0, 0, 0);
	if (r < 0)
		return ms_error_set(err, -r, "PR_SET_KEEPCAPS");
	r = ms_sys_setresgid(id, id, id);
	if (r < 0)
		return ms_error_set(err, -r, "setresgid %u", id);
	r = ms_sys_setresuid(id, id, id);
	if (r < 0)
		return ms_error_set(err, -r, "setresuid %u", id);
	if (!keep_caps)
		return 0;
	/* the effective set was emptied by the change; permitted is enough to ask for one bit of it
	 * again */
	r = set_caps(1ull << CAP_SYS_ADMIN, 1ull << CAP_SYS_ADMIN);
	return r < 0 ? ms_error_set(err, -r, "keep CAP_SYS_ADMIN") : 0;
}

/*
 * For a while: real and effective @id, with root as the saved one and only two capabilities in
 * effect. What the kernel allows a process by its id and by owning a user namespace is then what it
 * allows @id, not what it allows root.
 */
int ms_layer_identity_lend(uint32_t id, struct ms_error *err)
{
	const uint64_t wanted = 1ull << CAP_SYS_ADMIN | 1ull << CAP_SYS_CHROOT;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int r = ms_sys_setresuid(id, id, 0);

	if (r < 0)
		return ms_error_set(err, -r, "setresuid %u for a while", id);
	r = (int)MS_SYS2(__NR_capget, &head, data);
	if (r < 0)
		return ms_error_set(err, -r, "read the capability sets");
	r = set_caps((uint64_t)data[1].permitted << 32 | data[0].permitted, wanted);
	return r < 0 ? ms_error_set(err, -r, "keep CAP_SYS_ADMIN and CAP_SYS_CHROOT") : 0;
}

int ms_layer_identity_return(struct ms_error *err)
{
	int r = ms_sys_setresuid(0, 0,
				 0); /* the effective set is filled from the permitted again */

	return r < 0 ? ms_error_set(err, -r, "be root again") : 0;
}

int ms_layer_caps_drop(struct ms_error *err)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	int r;

	if (!MS_LAYER_ON(CAPS))
		return 0;
	/* without a user namespace the child lost what dropping needs with its change of id */
	if (!MS_LAYER_ON(USERNS))
		return 0;
	/* the bounding set and the secure bits first: they need CAP_SETPCAP, which goes with the
	 * rest */
	for (unsigned long cap = 0; cap < 64; cap++) {
		r = ms_sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (r == -EINVAL) /* above the kernel's last capability */
			break;
		if (r < 0)
			return ms_error_set(err, -r, "drop capability %lu from the bounding set",
					    cap);
	}
	r = ms_sys_prctl(PR_SET_SECUREBITS, bits, 0, 0, 0);
	if (r < 0)
		return ms_error_set(err, -r, "lock the secure bits");
	r = ms_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (r < 0)
		return ms_error_set(err, -r, "clear the ambient set");
	r = set_caps(0, 0);
	return r < 0 ? ms_error_set(err, -r, "clear the capability sets") : 0;
}
