/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * etc.c - /etc: generated, so that nothing of the host's own configuration shows, except the few
 * files that programs of the base runtime cannot do without and that say nothing about the host.
 */
#include <stdio.h>
#include <string.h>

#include "lib/sys.h"
#include "policy/build.h"

#define RO_DATA                                                                                    \
	(MS_MOUNT_ATTR_RDONLY | MS_MOUNT_ATTR_NOSUID | MS_MOUNT_ATTR_NODEV | MS_MOUNT_ATTR_NOEXEC)

static void file(struct ms_builder *b, const char *target, const char *text)
{
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_FILE, target);

	m->mode = 0444;
	m->data = ms_builder_text(b, text);
}

void ms_build_etc(struct ms_builder *b)
{
	const struct ms_host *host = b->in->host;
	struct ms_plan_mount *m = ms_builder_mount(b, MS_OP_TMPFS, "etc");

	m->size = 256u << 10;
	m->inodes = 256;
	m->mode = 0755;
	m->attrs = RO_DATA & ~MS_MOUNT_ATTR_RDONLY;
	file(b, "etc/passwd",
	     "module:x:1000:1000:module:/tmp:/usr/sbin/nologin\n"
	     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
	file(b, "etc/group", "module:x:1000:\nnogroup:x:65534:\n");
	file(b, "etc/hosts", "127.0.0.1\tlocalhost module\n::1\tlocalhost module\n");
	file(b, "etc/hostname", "module\n");
	file(b, "etc/nsswitch.conf",
	     "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
	     "protocols: files\nservices: files\nethers: files\nrpc: files\n");
	/* the stub resolver's place; without granted names nobody answers there */
	file(b, "etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 timeout:2 attempts:1\n");
	file(b, "etc/host.conf", "multi on\n");
	/* what is in the bundle belongs to an id that is not mapped inside */
	file(b, "etc/gitconfig", "[safe]\n\tdirectory = *\n");
	file(b, "etc/shells", "/bin/sh\n");
	ms_builder_mount(b, MS_OP_SYMLINK, "etc/mtab")->source = MS_STR_LIT("/proc/self/mounts");
	ms_builder_mount(b, MS_OP_SYMLINK, "etc/localtime")->source =
		host->localtime.len ? host->localtime : MS_STR_LIT("/usr/share/zoneinfo/UTC");
	for (uint32_t i = 0; i < host->etc.n; i++) {
		const struct ms_host_entry *e = &host->etc.entries[i];
		const char *slash = strchr(e->name.p, '/');

		if (slash) /* one level: ssl/certs */
			ms_builder_mount(b, MS_OP_DIR,
					 ms_arena_strf(b->arena, "etc/%.*s",
						       (int)(slash - e->name.p), e->name.p)
						 .p)
				->mode = 0755;
		m = ms_builder_mount(b, MS_OP_ATTACH,
				     ms_arena_strf(b->arena, "etc/%s", e->name.p).p);
		m->fd = (uint8_t)b->in->trees.etc;
		m->source = e->name;
		m->attrs = RO_DATA;
	}
	(void)ms_builder_mount(b, MS_OP_SEAL, "etc"); /* needs nothing more */
}
