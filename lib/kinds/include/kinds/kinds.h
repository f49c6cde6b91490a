/* SPDX-License-Identifier: Apache-2.0
 * The table of configuration objects: what kinds there are, which fields they have, what a valid
 * value is, and on which state topic each is published. Schema, validation, the REST API, the
 * command line, import and export and docs/config.md all follow from it; none of them knows a kind
 * of its own. To add a field, add its line in table.c. */
#ifndef KINDS_KINDS_H
#define KINDS_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/str.h>

enum kinds_type {
    KINDS_STRING,   /* UTF-8 without control characters, `max` bytes */
    KINDS_UINT,     /* decimal, min..max */
    KINDS_BOOL,     /* "true" or "false"; on, off, yes, no, 1, 0 are understood */
    KINDS_ENUM,     /* one of `values` */
    KINDS_DOMAIN,   /* a DNS name in small letters */
    KINDS_HOST,     /* a DNS name or an IP address */
    KINDS_NAMES,    /* a comma-separated list of DNS names */
    KINDS_URI_USER, /* the part before the @ of a URI, in small letters */
    KINDS_CALL_ID,  /* 1 to 12 digits */
    KINDS_PASSCODE, /* 1 to 32 digits */
    KINDS_URL,      /* http:// or https:// */
    KINDS_JID,      /* user@domain */
    KINDS_EMAIL,    /* user@domain */
    KINDS_ADDRS,    /* a comma-separated list of ip[:port]; each is {family, address, port} */
    KINDS_REF,      /* the id of an object of kind `values` */
    KINDS_SECRET,   /* 22 characters of A-Z a-z 0-9 _ . - (128 bits) */
    KINDS_FILE,     /* a file name without folder */
    KINDS_NETS,     /* a comma-separated list of ip[/bits] */
    KINDS_NAT,      /* a comma-separated list of public/private, two IPs of one family */
    KINDS_HASH,     /* a password as evp_password_hash() writes it */
    KINDS_CERT      /* a certificate: PEM is understood, kept as the base64 of its DER */
};

enum {
    KINDS_REQUIRED = 1 << 0,
    KINDS_UNIQUE = 1 << 1,  /* no two objects of the kind have the same value */
    KINDS_SEARCH = 1 << 2,  /* the list filter looks here */
    KINDS_LIST = 1 << 3,    /* shown in short lists */
    KINDS_SEALED = 1 << 4,  /* stored encrypted, shown to administrators; on the secret topic */
    KINDS_HIDDEN = 1 << 5,  /* stored encrypted, never readable back; on the secret topic */
    KINDS_CASCADE = 1 << 6, /* a reference: the object goes with the one it points to */
    KINDS_ACTION = 1 << 7   /* not stored: setting it to true does something */
};

enum { KINDS_SITE_INSIDE = 1, KINDS_SITE_EDGE = 2 };

struct kinds_field {
    const char *name; /* lowerCamelCase, as in the REST API */
    enum kinds_type type;
    unsigned flags;
    uint32_t min, max;    /* KINDS_UINT: value; KINDS_STRING: max bytes (0: 255) */
    const char *dflt;     /* value while unset; NULL: none */
    const char *values;   /* KINDS_ENUM: "a|b|c"; KINDS_REF: the kind it points to */
    const char *conflict; /* failure name when not unique; NULL: the kind's */
    const char *help;     /* one sentence without final stop */
};

struct kinds_kind {
    const char *name;         /* "space" */
    const char *collection;   /* in the REST API: "coSpaces"; NULL: not a collection there */
    const char *topic;        /* state topic of its readable fields */
    const char *secret_topic; /* of its sealed and hidden fields; NULL: has none */
    unsigned sites;           /* KINDS_SITE_* */
    const char *key;          /* field by which people name an object; NULL: the singleton */
    const char *parent;       /* reference field within whose target the key is unique; or NULL */
    bool runtime;             /* written by config alone, for what registers itself; not exported */
    const char *missing;      /* failure name: "coSpaceDoesNotExist" */
    const char *duplicate;    /* failure name: "duplicateCoSpaceUri" */
    uint32_t max_rows;
    const char *help;
    const struct kinds_field *fields;
    size_t n_fields;
};

/* The id of a singleton is its kind's name. */
#define KINDS_SETTINGS "settings"

/* All kinds; `*n` is their number. */
const struct kinds_kind *kinds_all(size_t *n);

/* The kind of a name, or NULL. */
const struct kinds_kind *kinds_find(const char *name);

/* The kind of a REST collection ("coSpaces", any case), or NULL. */
const struct kinds_kind *kinds_find_collection(const char *collection);

/* The field of a name, or NULL. */
const struct kinds_field *kinds_field(const struct kinds_kind *k, const char *name);

/* True when there is one object of the kind, and always. */
bool kinds_is_singleton(const struct kinds_kind *k);

/* True for fields that go to the secret topic. */
bool kinds_is_secret(const struct kinds_field *f);

/* "inside" and "edge" as KINDS_SITE_*; 0 for another name. */
unsigned kinds_site(const char *name);

/* Checks a value (not empty) and appends its normal form to `out`: small letters where case means
 * nothing, "true"/"false", single spaces after commas.
 * Errors: -EINVAL, with the reason appended to `why`: "must be 1 to 12 digits". */
int kinds_check(const struct kinds_field *f, const char *value, struct str *out, struct str *why)
    MUST_USE;

/* True for a GUID in its normal form (small letters, 8-4-4-4-12). */
bool kinds_is_guid(const char *s);

/* Appends the reference page of all kinds: docs/config.md. */
void kinds_markdown(struct str *out);

#endif
