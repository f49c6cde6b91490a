/* SPDX-License-Identifier: Apache-2.0
 * Candidates as text and their priority. RFC 8839 section 5.1, RFC 8445 section 5.1.2. */
#include <ice/ice.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <base/str.h>

static const char *const type_names[] = {
    [ICE_HOST] = "host", [ICE_SRFLX] = "srflx", [ICE_PRFLX] = "prflx", [ICE_RELAY] = "relay",
};

uint32_t ice_cand_priority(enum ice_cand_type type, uint16_t preference)
{
    static const uint8_t type_preference[] = { /* RFC 8445 s5.1.2.2 */
        [ICE_HOST] = 126, [ICE_SRFLX] = 100, [ICE_PRFLX] = 110, [ICE_RELAY] = 0,
    };

    return (uint32_t)type_preference[type] << 24 | (uint32_t)preference << 8 | (256 - 1);
}

/* Takes the next word, ended by spaces or the end of the text; false when there is none or it is
 * longer than `cap` allows. */
static bool word(const char **text, char *dst, size_t cap)
{
    const char *p = *text + strspn(*text, " ");
    size_t len = strcspn(p, " \r\n");

    if (len == 0 || len >= cap)
        return false;
    memcpy(dst, p, len);
    dst[len] = '\0';
    *text = p + len;
    return true;
}

static bool number(const char **text, int64_t min, int64_t max, int64_t *out)
{
    char digits[16];

    return word(text, digits, sizeof(digits)) && !str_to_i64(digits, min, max, out);
}

/* The pairs "name value" after the type. Unknown ones are skipped (RFC 8839 s5.1: extensions). */
static int parse_extensions(struct ice_cand *c, const char *text)
{
    char name[32], value[ICE_UFRAG_SIZE];
    struct addr a;
    int64_t port;

    while (word(&text, name, sizeof(name))) {
        if (!word(&text, value, sizeof(value)))
            return -EBADMSG;
        /* A name in raddr is as useless as the address itself: nothing depends on it. */
        if (str_eq(name, "raddr") && !addr_parse_ip(&a, value, 0))
            c->related = a;
        else if (str_eq(name, "rport") && !str_to_i64(value, 0, 65535, &port))
            c->related.port = (uint16_t)port;
        else if (str_eq(name, "ufrag"))
            (void)str_copy(c->ufrag, sizeof(c->ufrag), value);
    }
    text += strspn(text, " \r\n");
    return *text == '\0' ? 0 : -EBADMSG;
}

static int parse_type(struct ice_cand *c, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++)
        if (str_eq(name, type_names[i])) {
            c->type = (uint8_t)i;
            return 0;
        }
    return -ENOTSUP;
}

int ice_cand_parse(struct ice_cand *out, const char *text)
{
    char transport[16], ip[256], typ[8], type[16];
    int64_t component, priority, port;
    int err;

    *out = (struct ice_cand){ 0 };
    if (str_starts(text, "a="))
        text += 2;
    if (!str_starts(text, "candidate:"))
        return -EBADMSG;
    text += strlen("candidate:");
    if (!word(&text, out->foundation, sizeof(out->foundation)) ||
        !number(&text, 1, 256, &component) || !word(&text, transport, sizeof(transport)) ||
        !number(&text, 1, INT32_MAX, &priority) || !word(&text, ip, sizeof(ip)) ||
        !number(&text, 0, 65535, &port) || !word(&text, typ, sizeof(typ)) || !str_eq(typ, "typ") ||
        !word(&text, type, sizeof(type)))
        return -EBADMSG;
    out->priority = (uint32_t)priority;
    err = parse_extensions(out, text);
    if (err)
        return err;
    if (component != 1 || !str_ieq(transport, "udp") ||
        addr_parse_ip(&out->addr, ip, (uint16_t)port))
        return -ENOTSUP;
    return parse_type(out, type);
}

const char *ice_cand_print(const struct ice_cand *c, char dst[ICE_CAND_TEXT_MAX])
{
    char ip[ADDR_TEXT_MAX], rip[ADDR_TEXT_MAX] = "0.0.0.0";
    int len = snprintf(dst, ICE_CAND_TEXT_MAX, "candidate:%.32s 1 udp %u %s %u typ %s",
                       c->foundation, c->priority, addr_print_ip(&c->addr, ip), c->addr.port,
                       type_names[c->type]);

    if (c->type != ICE_HOST) {
        if (c->related.family != ADDR_NONE)
            addr_print_ip(&c->related, rip);
        (void)snprintf(dst + len, ICE_CAND_TEXT_MAX - (size_t)len, " raddr %s rport %u", rip,
                       c->related.family == ADDR_NONE ? 0 : c->related.port);
    }
    return dst;
}
