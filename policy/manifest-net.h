/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-net.h - what a manifest wants to reach: names and addresses, services of the host, paths
 * of the platform's own interface. Checked strictly; granting is the policy's.
 */
#ifndef MS_POLICY_MANIFEST_NET_H
#define MS_POLICY_MANIFEST_NET_H

#include "policy/manifest-fields.h"

/* Bits of struct ms_allow.protocols, in this order. */
enum ms_protocol {
	MS_PROTO_HTTPS,
	MS_PROTO_TLS,
	MS_PROTO_HTTP,
	MS_PROTO_TCP,
	MS_PROTO_UDP,
	MS_PROTO_COUNT
};
extern const char *const ms_protocol_words[MS_PROTO_COUNT];

/* Setters of the table rows "network", "services", "core" and "sse". */
void ms_manifest_net_network(struct ms_fields *f, const struct ms_json *value,
			     const struct ms_field *field);
void ms_manifest_net_services(struct ms_fields *f, const struct ms_json *value,
			      const struct ms_field *field);
void ms_manifest_net_core(struct ms_fields *f, const struct ms_json *value,
			  const struct ms_field *field);
void ms_manifest_net_sse(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field);

/* ms_manifest_net_verify - true when all of it is as the parser leaves it. */
bool ms_manifest_net_verify(const struct ms_manifest *m);

#endif
