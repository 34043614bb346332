/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-check.c - the predicates of manifest-check.h.
 */
#include "policy/manifest-check.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/name.h"
#include "lib/num.h"
#include "lib/utf8.h"

#define MAX_DOMAIN_BYTES 253u
#define MAX_LABEL_BYTES	 63u

/*
 * Names that a manifest may not set. First what the supervisor itself sets (module-visible
 * contract: a module that could change them would lie to its own libraries about its limits or its
 * sockets), then what makes the loader, libc or a shell load code or data from elsewhere before
 * the program's own first instruction. A name that ends in '*' stands for all that begin so.
 */
static const char *const reserved_env[] = {
	"PATH",
	"HOME",
	"TMPDIR",
	"PWD",
	"MODSUP_*",
	"LISTEN_*",
	"NOTIFY_SOCKET",
	"WATCHDOG_*",
	"MAINPID",
	"CREDENTIALS_DIRECTORY",
	"NODE_OPTIONS",
	"NODE_EXTRA_CA_CERTS",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"PYTHON*",
	"LD_*",
	"GCONV_PATH",
	"GLIBC_*",
	"LOCPATH",
	"NLSPATH",
	"GETCONF_DIR",
	"HOSTALIASES",
	"LOCALDOMAIN",
	"RES_OPTIONS",
	"RESOLV_HOST_CONF",
	"BASH_ENV",
	"BASH_FUNC_*",
	"ENV",
	"IFS",
	"SHELLOPTS",
	"BASHOPTS",
};

/*
 * Suffixes of several labels under which strangers register next to each other. The complete list
 * is the host's business; these are refused on any host, so that the commonest mistake is found
 * where it was made.
 */
static const char *const public_suffixes[] = {
	"ac.uk",
	"co.uk",
	"gov.uk",
	"ltd.uk",
	"me.uk",
	"net.uk",
	"org.uk",
	"plc.uk",
	"com.au",
	"edu.au",
	"gov.au",
	"net.au",
	"org.au",
	"co.jp",
	"ne.jp",
	"or.jp",
	"ac.jp",
	"go.jp",
	"co.nz",
	"net.nz",
	"org.nz",
	"co.za",
	"org.za",
	"com.br",
	"net.br",
	"org.br",
	"com.cn",
	"net.cn",
	"org.cn",
	"com.tr",
	"com.mx",
	"com.ar",
	"com.sg",
	"com.hk",
	"com.tw",
	"co.kr",
	"co.in",
	"net.in",
	"org.in",
	"co.il",
	"com.pl",
	"com.ua",
	"co.id",
	"github.io",
	"gitlab.io",
	"pages.dev",
	"workers.dev",
	"vercel.app",
	"netlify.app",
	"web.app",
	"run.app",
	"appspot.com",
	"fly.dev",
	"herokuapp.com",
	"firebaseapp.com",
	"onrender.com",
	"azurewebsites.net",
	"cloudfront.net",
	"amazonaws.com",
	"s3.amazonaws.com",
	"blogspot.com",
	"ngrok.io",
	"ngrok.app",
	"trycloudflare.com",
};

static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

/**
 * ms_check_text() - fit to be shown to people and sent on
 */
bool ms_check_text(struct ms_str text, size_t max, bool lines)
{
	if (text.len > max)
		return false;
	for (size_t i = 0; i < text.len;) {
		uint32_t cp;
		size_t n = ms_utf8_decode(text.p + i, text.len - i, &cp);

		if (!n || (is_control(cp) && !(lines && (cp == '\n' || cp == '\t'))))
			return false;
		i += n;
	}
	return true;
}

/**
 * ms_check_arg() - fit for execve
 */
bool ms_check_arg(struct ms_str arg)
{
	return arg.len <= MS_MAX_ARG_BYTES && !memchr(arg.p, 0, arg.len) &&
	       ms_utf8_valid(arg.p, arg.len, NULL);
}

/**
 * ms_check_command() - a path that names one file without further resolution rules
 */
bool ms_check_command(struct ms_str arg)
{
	bool absolute = arg.len && arg.p[0] == '/';

	return ms_check_arg(arg) && ms_path_is_clean(arg.p + absolute, arg.len - absolute);
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/**
 * ms_check_env_name() - a name that every shell could set
 */
bool ms_check_env_name(struct ms_str name)
{
	if (!name.len || name.len > MS_MAX_ENV_NAME_BYTES || is_digit(name.p[0]))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (!is_alpha(name.p[i]) && !is_digit(name.p[i]) && name.p[i] != '_')
			return false;
	}
	return true;
}

/**
 * ms_check_env_reserved() - is this name not the module's to set?
 */
bool ms_check_env_reserved(struct ms_str name)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(reserved_env); i++) {
		const char *word = reserved_env[i];
		size_t len = strlen(word);
		bool prefix = word[len - 1] == '*';

		len -= prefix;
		if ((prefix ? name.len >= len : name.len == len) && memcmp(name.p, word, len) == 0)
			return true;
	}
	return false;
}

/**
 * ms_check_service() - the administrator's name of a host socket, or another module's id
 */
bool ms_check_service(struct ms_str name)
{
	return ms_name_is_module(name.p, name.len);
}

/**
 * ms_check_probe_path() - nothing in it can end a request line, or begin a second request
 */
bool ms_check_probe_path(struct ms_str path)
{
	if (!path.len || path.len > MS_MAX_PATH_BYTES || path.p[0] != '/')
		return false;
	for (size_t i = 0; i < path.len; i++) {
		if (path.p[i] <= ' ' || path.p[i] >= 0x7f || path.p[i] == '#')
			return false;
	}
	return true;
}

static enum ms_domain_fault check_chars(struct ms_str d)
{
	enum ms_domain_fault fault = MS_DOMAIN_OK;

	for (size_t i = 0; i < d.len; i++) {
		char c = d.p[i];

		if ((unsigned char)c >= 0x80)
			return MS_DOMAIN_UNICODE;
		if (c == '*')
			return MS_DOMAIN_WILDCARD;
		if (c >= 'A' && c <= 'Z')
			fault = MS_DOMAIN_UPPER;
		else if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '.')
			return c == ':' || c == '[' ? MS_DOMAIN_ADDRESS : MS_DOMAIN_CHARS;
	}
	return fault;
}

static bool label_ok(const char *p, size_t len)
{
	if (!len || len > MAX_LABEL_BYTES || p[0] == '-' || p[len - 1] == '-')
		return false;
	/* "??--" is kept for encoded labels, of which only "xn--" exists (RFC 5891, 4.2.3.1) */
	return len < 4 || p[2] != '-' || p[3] != '-' || (p[0] == 'x' && p[1] == 'n' && len > 4);
}

static bool is_public_suffix(struct ms_str d)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(public_suffixes); i++) {
		if (d.len == strlen(public_suffixes[i]) &&
		    memcmp(d.p, public_suffixes[i], d.len) == 0)
			return true;
	}
	return !memchr(d.p, '.', d.len);
}

/**
 * ms_check_domain() - a name of the allow-list, with or without "*." before it
 */
enum ms_domain_fault ms_check_domain(struct ms_str domain)
{
	bool wild = domain.len > 2 && domain.p[0] == '*' && domain.p[1] == '.';
	struct ms_str d = {.p = domain.p + (wild ? 2 : 0), .len = domain.len - (wild ? 2u : 0u)};
	enum ms_domain_fault fault = check_chars(d);
	size_t start = 0, labels = 0;
	bool number = false;

	if (fault)
		return fault;
	if (!domain.len || domain.len > MAX_DOMAIN_BYTES)
		return MS_DOMAIN_SHORT;
	for (size_t i = 0; i <= d.len; i++) {
		if (i < d.len && d.p[i] != '.')
			continue;
		if (!label_ok(d.p + start, i - start))
			return MS_DOMAIN_LABEL;
		labels++;
		number = is_digit(d.p[start]); /* no top-level domain begins with a digit */
		start = i + 1;
	}
	if (number)
		return MS_DOMAIN_ADDRESS;
	if (wild && is_public_suffix(d))
		return MS_DOMAIN_SUFFIX;
	return labels < 2 ? MS_DOMAIN_SHORT : MS_DOMAIN_OK;
}

/**
 * ms_check_domain_text() - the fault in words
 */
const char *ms_check_domain_text(enum ms_domain_fault fault)
{
	switch (fault) {
	case MS_DOMAIN_OK:
		break;
	case MS_DOMAIN_CHARS:
		return "a domain holds lower-case letters, digits, hyphens and dots only (no "
		       "scheme, "
		       "port or path)";
	case MS_DOMAIN_UPPER:
		return "a domain is written in lower case";
	case MS_DOMAIN_UNICODE:
		return "a domain is written in its ASCII form (\"xn--...\")";
	case MS_DOMAIN_LABEL:
		return "each part between dots has 1 to 63 characters, no hyphen at its ends, and "
		       "\"--\" in third place only as \"xn--\"";
	case MS_DOMAIN_SHORT:
		return "a domain has at least two parts and at most 253 characters";
	case MS_DOMAIN_ADDRESS:
		return "an address is given as \"cidr\" in place of \"domain\"";
	case MS_DOMAIN_WILDCARD:
		return "\"*\" may only be the whole first part, as in \"*.example.com\"";
	case MS_DOMAIN_SUFFIX:
		return "\"*.\" before a public suffix would allow everybody's names";
	}
	return "";
}

static bool host_bits_clear(const uint8_t *addr, size_t bytes, uint32_t prefix)
{
	for (size_t bit = prefix; bit < bytes * 8; bit++) {
		if (addr[bit / 8] & (0x80u >> (bit % 8)))
			return false;
	}
	return true;
}

/**
 * ms_check_cidr() - an address, or a network as address/prefix with nothing set behind the prefix
 */
enum ms_cidr_fault ms_check_cidr(struct ms_str cidr)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	const char *slash = cidr.len ? memchr(cidr.p, '/', cidr.len) : NULL;
	size_t len = slash ? (size_t)(slash - cidr.p) : cidr.len;
	uint32_t bits, prefix;
	bool six;

	if (!len || len >= sizeof(text) || memchr(cidr.p, 0, cidr.len))
		return MS_CIDR_SYNTAX;
	six = memchr(cidr.p, ':', len) != NULL;
	bits = six ? 128 : 32;
	prefix = bits;
	memcpy(text, cidr.p, len);
	text[len] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, text, addr) != 1)
		return MS_CIDR_SYNTAX;
	if (slash && ms_parse_u32(slash + 1, cidr.len - len - 1, 0, bits, &prefix) < 0)
		return MS_CIDR_SYNTAX;
	if (!prefix)
		return MS_CIDR_EVERYTHING;
	return host_bits_clear(addr, bits / 8, prefix) ? MS_CIDR_OK : MS_CIDR_HOST_BITS;
}

/**
 * ms_check_cidr_text() - the fault in words
 */
const char *ms_check_cidr_text(enum ms_cidr_fault fault)
{
	switch (fault) {
	case MS_CIDR_OK:
		break;
	case MS_CIDR_SYNTAX:
		return "an address or a network such as \"192.0.2.0/24\" or \"2001:db8::/32\" is "
		       "accepted";
	case MS_CIDR_HOST_BITS:
		return "bits behind the prefix are set: write the network's first address";
	case MS_CIDR_EVERYTHING:
		return "a prefix of 0 means every address there is; name the networks";
	}
	return "";
}

/**
 * ms_check_below() - by whole components, of clean paths; "" is the root
 */
bool ms_check_below(struct ms_str path, struct ms_str top, bool or_same)
{
	if (!top.len)
		return or_same || path.len;
	if (path.len < top.len || memcmp(path.p, top.p, top.len) != 0)
		return false;
	return path.len == top.len ? or_same : path.p[top.len] == '/';
}

/**
 * ms_check_compare() - one order for every sorted list
 */
int ms_check_compare(struct ms_str a, struct ms_str b)
{
	int r = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	if (r)
		return r;
	return a.len < b.len ? -1 : a.len > b.len;
}
