/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - what outlives an instance: an installation's number, its host id, its writable folders;
 *and the folders of the daemon itself. An installation is module@tenant; its names are never a path
 *component, its number is.
 *
 *	<state>/installations/<n>/name   "module@tenant"
 *	<state>/installations/<n>/uid    the id that owns fs/, once there is a write path
 *	<state>/installations/<n>/filling    write paths that have no first content yet, if any
 *	<state>/installations/<n>/fs/    the write paths, each owned by that id
 *	<runtime>/s/<n>/<name>.sock      listening sockets
 *	<runtime>/log/<instance>.0 .1    logs
 *	<runtime>/instances/<instance>   record.h
 *	<runtime>/shims/<instance>       where its shim waits for a successor of this daemon
 *	<runtime>/units/<n>              unit-record.h
 */
#ifndef MS_DAEMON_STATE_H
#define MS_DAEMON_STATE_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/policy.h"

struct ms_folders;
struct ms_ids;

/* ms_state_open - make and lock the folders; `conflict` when another daemon has them.
 * @private_mode: the folders are one, and only root's. */
MS_MUST_CHECK int ms_state_open(const char *runtime_dir, const char *state_dir,
				struct ms_folders **ret, struct ms_error *err);
struct ms_folders *ms_state_close(struct ms_folders *state);

/* The daemon's id: 16 hex digits, random, made once and kept with the state. */
const char *ms_state_daemon_id(const struct ms_folders *state);

/* ms_state_installation - the number of module@tenant, found or made. */
MS_MUST_CHECK int ms_state_installation(struct ms_folders *state, struct ms_str module,
					struct ms_str tenant, uint32_t *ret_n,
					struct ms_error *err);
/* ms_state_uid - the id that owns the installation's files; 0 when it has none yet. */
MS_MUST_CHECK int ms_state_uid(struct ms_folders *state, uint32_t n, uint32_t *ret_uid,
			       struct ms_error *err);
/* ms_state_keep_uid - tell the whole host that the installation's id, if it has one, is not to be
 * given to others. Reason conflict when others have it. */
MS_MUST_CHECK int ms_state_keep_uid(struct ms_folders *state, uint32_t n, struct ms_ids *ids,
				    struct ms_error *err);
/* ms_state_keep_uids - those of all installations, at the daemon's start. A conflict is logged: the
 * module it concerns is told again when it starts. */
void ms_state_keep_uids(struct ms_folders *state, struct ms_ids *ids);
/* ms_state_write_paths - make those of @policy that are missing, owned by @uid, and remember @uid.
 * A descriptor of the folder that holds them. @ret_fresh[i]: write path i has no content yet, or
 * what an interrupted copy left: it is to be filled from nothing, and that told by
 * ms_state_filled() before the module first runs. */
MS_MUST_CHECK int ms_state_write_paths(struct ms_folders *state, uint32_t n,
				       const struct ms_policy *policy, uint32_t uid, int *ret_dir,
				       bool *ret_fresh, struct ms_error *err);

MS_MUST_CHECK int ms_state_filled(struct ms_folders *state, uint32_t n,
				  const struct ms_policy *policy, struct ms_error *err);

/* ms_state_bind - a bound, not yet listening Unix socket at the runtime folder's
 * s/<key>/<name>.sock; its path is written to @ret_path. */
MS_MUST_CHECK int ms_state_bind(struct ms_folders *state, const char *key, struct ms_str name,
				char *ret_path, size_t path_len, int *ret_fd, struct ms_error *err);
void ms_state_unbind(struct ms_folders *state, const char *key, struct ms_str name);

/* ms_state_bind_shim - a bound SOCK_SEQPACKET socket at <runtime>/shims/<instance>, for the shim to
 * wait on. */
MS_MUST_CHECK int ms_state_bind_shim(struct ms_folders *state, const char *instance, int *ret_fd,
				     struct ms_error *err);
/* ms_state_shim_path - where that is; @ret of at least 108 bytes. */
void ms_state_shim_path(const struct ms_folders *state, const char *instance, char *ret,
			size_t len);
/* Records of instances: written whole or not at all, gone with both the record and the shim's
 * socket. */
MS_MUST_CHECK int ms_state_put_record(struct ms_folders *state, const char *instance,
				      const void *data, size_t len, struct ms_error *err);
void ms_state_drop_record(struct ms_folders *state, const char *instance);
/* ms_state_tell_record - the end of what it stands for was told: a successor only takes it away. */
void ms_state_tell_record(struct ms_folders *state, const char *instance);
/* ms_state_each_record - every record there is, in no order; unreadable ones come with @data NULL.
 */
typedef void (*ms_state_record_fn)(void *arg, const char *name, bool told, const void *data,
				   size_t len);
void ms_state_each_record(struct ms_folders *state, ms_state_record_fn fn, void *arg);

/* The same for units, by their installation's number. */
MS_MUST_CHECK int ms_state_put_unit(struct ms_folders *state, uint32_t n, const void *data,
				    size_t len, struct ms_error *err);
void ms_state_drop_unit(struct ms_folders *state, uint32_t n);
void ms_state_each_unit(struct ms_folders *state, ms_state_record_fn fn, void *arg);

/* The two files of an instance's log, open for writing, empty. */
MS_MUST_CHECK int ms_state_logs(struct ms_folders *state, const char *instance,
				int ret_fds[static 2], struct ms_error *err);
/* The same for reading; -ENOENT when there are none. */
MS_MUST_CHECK int ms_state_read_logs(struct ms_folders *state, const char *instance,
				     int ret_fds[static 2], struct ms_error *err);
void ms_state_drop_logs(struct ms_folders *state, const char *instance);

/* ms_state_sweep - remove the logs and sockets that a killed daemon left, but for what @is_known
 * says: an instance, or the key of a folder of sockets. At the start, once the instances that still
 * run are known. */
void ms_state_sweep(struct ms_folders *state,
		    bool (*is_known)(void *data, const char *instance_or_key), void *data);

#endif
