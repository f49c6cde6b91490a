/* SPDX-License-Identifier: Apache-2.0
 * One checker per field type: it accepts or refuses a text and writes its normal form. Values are
 * compared, indexed and published in that form, so that "Octavio.COM" and "octavio.com" are one. */
#include <kinds/kinds.h>

#include <base/addr.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_B = 253, /* RFC 1035 s2.3.4 without the final dot */
    LABEL_MAX_B = 63,
    URI_USER_MAX_B = 128,
    URL_MAX_B = 1024,
    JID_MAX_B = 512,
    LIST_MAX = 32,
    STRING_MAX_B = 255,
    CALL_ID_MAX = 12,
    PASSCODE_MAX = 32,
    SECRET_LEN = 22,
    CERT_MAX_B = 8192
};

typedef int (*check_fn)(const struct kinds_field *f, const char *v, struct str *out,
                        struct str *why);

static int refuse(struct str *why, const char *text)
{
    str_add(why, text);
    return -EINVAL;
}

static void add_lower(struct str *out, const char *v, size_t len)
{
    size_t at = out->len;

    str_addn(out, v, len);
    for (size_t i = at; i < out->len; i++)
        out->s[i] = (char)tolower((unsigned char)out->s[i]);
}

static bool all_digits(const char *v)
{
    return *v != '\0' && strspn(v, "0123456789") == strlen(v);
}

/* A DNS name of letters, digits, hyphens; underscores too, which host names in the field have. */
static bool is_dns_name(const char *v, size_t len)
{
    size_t label = 0;

    if (len == 0 || len > NAME_MAX_B)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (v[i] == '.') {
            if (label == 0 || v[i - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!isalnum((unsigned char)v[i]) && v[i] != '_' && (v[i] != '-' || label == 0))
            return false;
        if (++label > LABEL_MAX_B)
            return false;
    }
    return label > 0 && v[len - 1] != '-';
}

static int check_string(const struct kinds_field *f, const char *v, struct str *out,
                        struct str *why)
{
    uint32_t max = f->max ? f->max : STRING_MAX_B;
    size_t len = strlen(v);

    if (len > max) {
        str_addf(why, "must be at most %" PRIu32 " bytes long", max);
        return -EINVAL;
    }
    if (!str_utf8_ok(v, len))
        return refuse(why, "must be UTF-8");
    for (const char *p = v; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return refuse(why, "must not hold control characters");
    str_add(out, v);
    return 0;
}

static int check_uint(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    uint32_t max = f->max ? f->max : UINT32_MAX;
    int64_t n;

    if (!all_digits(v) || str_to_i64(v, f->min, max, &n)) {
        str_addf(why, "must be a number from %" PRIu32 " to %" PRIu32, f->min, max);
        return -EINVAL;
    }
    str_addf(out, "%" PRId64, n);
    return 0;
}

static int check_bool(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    static const struct {
        const char *word, *value;
    } words[] = {
        { "true", "true" }, { "false", "false" }, { "yes", "true" }, { "no", "false" },
        { "on", "true" },   { "off", "false" },   { "1", "true" },   { "0", "false" },
    };

    (void)f;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_ieq(words[i].word, v)) {
            str_add(out, words[i].value);
            return 0;
        }
    return refuse(why, "must be true or false");
}

static int check_enum(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    const char *at = f->values;

    while (*at) {
        size_t len = strcspn(at, "|");

        if (strlen(v) == len && strncasecmp(v, at, len) == 0) {
            str_addn(out, at, len);
            return 0;
        }
        at += len + (at[len] == '|');
    }
    str_add(why, "must be one of ");
    for (at = f->values; *at; at++)
        if (*at == '|')
            str_add(why, ", ");
        else
            str_addn(why, at, 1);
    return -EINVAL;
}

static int check_domain(const struct kinds_field *f, const char *v, struct str *out,
                        struct str *why)
{
    struct addr a;

    (void)f;
    if (!is_dns_name(v, strlen(v)))
        return refuse(why, "must be a domain name such as octavio.com");
    if (addr_parse_ip(&a, v, 0) == 0)
        return refuse(why, "must be a name, not an address");
    add_lower(out, v, strlen(v));
    return 0;
}

static int check_host(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    char text[ADDR_TEXT_MAX];
    struct addr a;

    (void)f;
    if (addr_parse_ip(&a, v, 0) == 0) {
        str_add(out, addr_print_ip(&a, text));
        return 0;
    }
    /* A name whose last label is a number would be read as an address by some resolvers. */
    const char *last = strrchr(v, '.');
    if (!is_dns_name(v, strlen(v)) || all_digits(last ? last + 1 : v))
        return refuse(why, "must be an IP address or a host name");
    add_lower(out, v, strlen(v));
    return 0;
}

static int check_uri_user(const struct kinds_field *f, const char *v, struct str *out,
                          struct str *why)
{
    size_t len = strlen(v);

    (void)f;
    if (strchr(v, '@'))
        return refuse(why, "must be the part before the @ only");
    if (len > URI_USER_MAX_B)
        return refuse(why, "must be at most 128 characters long");
    for (const char *p = v; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_.!~*'()&=+$,;?/%", *p))
            return refuse(why, "must be letters, digits and -_.!~*'()&=+$,;?/% only");
    add_lower(out, v, len);
    return 0;
}

static int check_call_id(const struct kinds_field *f, const char *v, struct str *out,
                         struct str *why)
{
    (void)f;
    if (!all_digits(v) || strlen(v) > CALL_ID_MAX)
        return refuse(why, "must be 1 to 12 digits");
    str_add(out, v);
    return 0;
}

static int check_passcode(const struct kinds_field *f, const char *v, struct str *out,
                          struct str *why)
{
    (void)f;
    if (!all_digits(v) || strlen(v) > PASSCODE_MAX)
        return refuse(why, "must be 1 to 32 digits");
    str_add(out, v);
    return 0;
}

/* host[:port] of a URL; IPv6 in brackets. */
static bool is_authority(const char *v, size_t len)
{
    const char *colon = NULL;
    struct addr a;
    char host[NAME_MAX_B + 3];

    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, v, len);
    host[len] = '\0';
    colon = host[0] == '[' ? strstr(host, "]:") : strrchr(host, ':');
    if (colon) {
        const char *port = colon + 1 + (*colon == ']');
        int64_t n;

        if (!all_digits(port) || str_to_i64(port, 1, 65535, &n))
            return false;
        host[colon - host + (*colon == ']')] = '\0';
    }
    return addr_parse_ip(&a, host, 0) == 0 || is_dns_name(host, strlen(host));
}

static int check_url(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    size_t scheme = strncasecmp(v, "https://", 8) == 0  ? 8
                    : strncasecmp(v, "http://", 7) == 0 ? 7
                                                        : 0;
    size_t host = strcspn(v + scheme, "/?#");

    (void)f;
    if (scheme == 0)
        return refuse(why, "must begin with https:// (or http://)");
    if (strlen(v) > URL_MAX_B)
        return refuse(why, "must be at most 1024 characters long");
    for (const char *p = v; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("\"<>\\^`{|}", *p))
            return refuse(why, "must not hold blanks, quotes or letters beyond ASCII");
    if (!is_authority(v + scheme, host))
        return refuse(why, "must name a host, and a port from 1 to 65535 if any");
    add_lower(out, v, scheme + host);
    str_add(out, v + scheme + host);
    return 0;
}

static int check_jid(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    const char *at = strchr(v, '@');

    (void)f;
    if (!at || at == v || strlen(v) > JID_MAX_B || !is_dns_name(at + 1, strlen(at + 1)))
        return refuse(why, "must look like thomas@octavio.com");
    if (!str_utf8_ok(v, strlen(v)))
        return refuse(why, "must be UTF-8");
    for (const char *p = v; p < at; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("\"&'/:<>", *p))
            return refuse(why, "must not hold blanks or any of \"&'/:<> before the @");
    add_lower(out, v, strlen(v));
    return 0;
}

/* Splits `v` at commas and hands each trimmed item to `one`. */
static int check_list(const char *v, struct str *out, struct str *why, check_fn one)
{
    unsigned n = 0;

    while (*v) {
        size_t len = strcspn(v, ",");
        const char *from = v + strspn(v, " ");
        size_t item = len > (size_t)(from - v) ? len - (size_t)(from - v) : 0;
        int err;

        while (item > 0 && from[item - 1] == ' ')
            item--;
        v += len + (v[len] == ',');
        if (item == 0)
            continue;
        if (++n > LIST_MAX)
            return refuse(why, "must be at most 32 items");
        if (out->len && n > 1)
            str_add(out, ", ");
        char *text = str_ndup(from, item);
        err = one(NULL, text, out, why);
        free(text);
        if (err)
            return err;
    }
    return n ? 0 : refuse(why, "must not be an empty list");
}

static int check_names(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    (void)f;
    return check_list(v, out, why, check_host);
}

static int check_one_addr(const struct kinds_field *f, const char *v, struct str *out,
                          struct str *why)
{
    char text[ADDR_TEXT_MAX];
    struct addr a;

    (void)f;
    if (addr_parse_ip(&a, v, 0) == 0)
        str_add(out, addr_print_ip(&a, text));
    else if (addr_parse(&a, v) == 0 && a.port != 0)
        str_add(out, addr_print(&a, text));
    else
        return refuse(why, "must be addresses such as 172.16.85.180, [2001:db8::1]:8443");
    return 0;
}

static int check_addrs(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    (void)f;
    return check_list(v, out, why, check_one_addr);
}

bool kinds_is_guid(const char *s)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (!s || strlen(s) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == '-' ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
            return false;
    return true;
}

static int check_ref(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    size_t at = out->len;

    add_lower(out, v, strlen(v));
    if (kinds_is_guid(out->s + at))
        return 0;
    str_addf(why, "must be the id of a %s", f->values);
    return -EINVAL;
}

static int check_secret(const struct kinds_field *f, const char *v, struct str *out,
                        struct str *why)
{
    (void)f;
    if (strlen(v) != SECRET_LEN)
        return refuse(why, "must be 22 characters long; leave it out to have one made");
    for (const char *p = v; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
            return refuse(why, "must be letters, digits, _ . and - only");
    str_add(out, v);
    return 0;
}

static int check_file(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    (void)f;
    if (strlen(v) > 128 || v[0] == '.')
        return refuse(why, "must be a file name of at most 128 characters");
    for (const char *p = v; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
            return refuse(why, "must be a file name of letters, digits, _ . and -, no folder");
    str_add(out, v);
    return 0;
}

static int check_one_net(const struct kinds_field *f, const char *v, struct str *out,
                         struct str *why)
{
    const char *slash = strchr(v, '/');
    char *ip = str_ndup(v, slash ? (size_t)(slash - v) : strlen(v));
    char text[ADDR_TEXT_MAX];
    int64_t bits = 0;
    struct addr a;
    int err = addr_parse_ip(&a, ip, 0);

    (void)f;
    free(ip);
    if (!err && slash)
        err = str_to_i64(slash + 1, 0, (int64_t)addr_ip_len(&a) * 8, &bits);
    if (err)
        return refuse(why, "must be networks such as 172.16.85.0/24, 2001:db8::/64, 10.0.0.1");
    str_addf(out, "%s/%d", addr_print_ip(&a, text),
             slash ? (int)bits : (int)addr_ip_len(&a) * 8);
    return 0;
}

static int check_nets(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    (void)f;
    return check_list(v, out, why, check_one_net);
}

static int check_one_nat(const struct kinds_field *f, const char *v, struct str *out,
                         struct str *why)
{
    const char *slash = strchr(v, '/');
    char *first = str_ndup(v, slash ? (size_t)(slash - v) : 0);
    char text[2][ADDR_TEXT_MAX];
    struct addr a, b;
    bool good = slash && !addr_parse_ip(&a, first, 0) && !addr_parse_ip(&b, slash + 1, 0) &&
                a.family == b.family;

    (void)f;
    free(first);
    if (!good)
        return refuse(why, "must be public/private addresses such as 10.88.246.156/172.16.85.168");
    str_addf(out, "%s/%s", addr_print_ip(&a, text[0]), addr_print_ip(&b, text[1]));
    return 0;
}

static int check_nat(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    (void)f;
    return check_list(v, out, why, check_one_nat);
}

static int check_hash(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    (void)f;
    if (strncmp(v, "scrypt$", 7) != 0 || strlen(v) >= 128)
        return refuse(why, "must be the hash of a password; 'stoa user add' makes it");
    str_add(out, v);
    return 0;
}

/* PEM without its lines, or base64 as it is kept. What it holds is for its users to read. */
static int check_cert(const struct kinds_field *f, const char *v, struct str *out, struct str *why)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/=";
    const char *from = strstr(v, begin), *to = from ? strstr(from, end) : NULL;
    size_t at = out->len;

    (void)f;
    if (strlen(v) > CERT_MAX_B || (from && !to))
        return refuse(why, "must be one certificate in PEM of at most 8 KiB");
    from = from ? from + strlen(begin) : v;
    to = to ? to : v + strlen(v);
    for (; from < to; from++)
        if (*from != '\0' && strchr(alphabet, *from))
            str_addn(out, from, 1);
        else if (!isspace((unsigned char)*from))
            return refuse(why, "must be one certificate in PEM");
    if (out->len < at + 64 || strncmp(out->s + at, "MII", 3) != 0)
        return refuse(why, "must be one certificate in PEM");
    return 0;
}

static const check_fn checks[] = {
    [KINDS_STRING] = check_string,   [KINDS_UINT] = check_uint,
    [KINDS_BOOL] = check_bool,       [KINDS_ENUM] = check_enum,
    [KINDS_DOMAIN] = check_domain,   [KINDS_HOST] = check_host,
    [KINDS_NAMES] = check_names,     [KINDS_URI_USER] = check_uri_user,
    [KINDS_CALL_ID] = check_call_id, [KINDS_PASSCODE] = check_passcode,
    [KINDS_URL] = check_url,         [KINDS_JID] = check_jid,
    [KINDS_EMAIL] = check_jid,       [KINDS_ADDRS] = check_addrs,
    [KINDS_REF] = check_ref,         [KINDS_SECRET] = check_secret,
    [KINDS_FILE] = check_file,       [KINDS_NETS] = check_nets,
    [KINDS_NAT] = check_nat,         [KINDS_HASH] = check_hash,
    [KINDS_CERT] = check_cert,
};

int kinds_check(const struct kinds_field *f, const char *value, struct str *out, struct str *why)
{
    return checks[f->type](f, value, out, why);
}
