/* SPDX-License-Identifier: Apache-2.0
 * The join file: lines "key = value" to the end of the line, then the CA as PEM. A key that is not
 * known is of a newer edge and skipped; a newer `version` is refused. */
#include "zone_file.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char begin[] = "-----BEGIN CERTIFICATE-----";

enum { VERSION = 1 };

/* The text keys. */
static const struct {
    const char *key;
    size_t at;
    bool required;
} keys[] = {
    { "name", offsetof(struct zone_file, name), true },
    { "address", offsetof(struct zone_file, address), true },
    { "username", offsetof(struct zone_file, username), true },
    { "password", offsetof(struct zone_file, password), true },
    { "subjectNames", offsetof(struct zone_file, subject_names), true },
    { "caFingerprint", offsetof(struct zone_file, fingerprint), false },
};

static char **slot(struct zone_file *f, size_t at)
{
    return (char **)(void *)((char *)f + at);
}

static int number(const char *value, int64_t min, int64_t max, int64_t *out)
{
    return str_to_i64(value, min, max, out);
}

static int take(struct zone_file *f, const char *key, const char *value, int64_t *version)
{
    int64_t n;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (str_eq(keys[i].key, key)) {
            str_set(slot(f, keys[i].at), value);
            return 0;
        }
    if (str_eq(key, "version"))
        return number(value, 1, INT32_MAX, version);
    if (str_eq(key, "pairUntil"))
        return number(value, 0, INT64_MAX, &f->pair_until_s);
    if (!str_eq(key, "port"))
        return 0;
    if (number(value, 1, 65535, &n) != 0)
        return -EINVAL;
    f->port = (uint16_t)n;
    return 0;
}

static char *trim(char *s)
{
    size_t len;

    s += strspn(s, " \t");
    len = strlen(s);
    while (len > 0 && strchr(" \t\r", s[len - 1]))
        s[--len] = '\0';
    return s;
}

static int take_line(struct zone_file *f, char *line, int64_t *version, struct str *why)
{
    char *eq = strchr(line, '=');

    line = trim(line);
    if (*line == '\0' || *line == '#')
        return 0;
    if (!eq) {
        str_addf(why, "a line is not \"key = value\"");
        return -EINVAL;
    }
    *eq = '\0';
    line = trim(line);
    if (take(f, line, trim(eq + 1), version) == 0)
        return 0;
    str_addf(why, "the value of \"%.40s\" is not usable", line);
    return -EINVAL;
}

static int look_for_gaps(struct zone_file *f, int64_t version, struct str *why)
{
    if (version != VERSION) {
        str_addf(why, version ? "it is of version %d; this Stoa understands version %d" :
                                "it is no join file of 'stoa zone add'",
                 (int)version, VERSION);
        return -EINVAL;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i].required && str_empty(*slot(f, keys[i].at))) {
            str_addf(why, "it has no \"%s\"", keys[i].key);
            return -EINVAL;
        }
    if (f->port && f->ca_pem)
        return 0;
    str_addf(why, f->port ? "it has no certificate of the edge's CA" : "it has no \"port\"");
    return -EINVAL;
}

int zone_file_parse(struct zone_file *out, const char *text, struct str *why)
{
    const char *pem = strstr(text, begin);
    char *copy = str_ndup(text, pem ? (size_t)(pem - text) : strlen(text)), *save = NULL;
    int64_t version = 0;
    int err = 0;

    *out = (struct zone_file){ 0 };
    if (strlen(text) > ZONE_FILE_MAX_B || !str_utf8_ok(text, strlen(text))) {
        str_addf(why, "it is no join file of 'stoa zone add'");
        err = -EINVAL;
    }
    for (char *line = err ? NULL : strtok_r(copy, "\n", &save); line && !err;
         line = strtok_r(NULL, "\n", &save))
        err = take_line(out, line, &version, why);
    if (pem && !err)
        out->ca_pem = str_dup(pem);
    if (!err)
        err = look_for_gaps(out, version, why);
    explicit_bzero(copy, strlen(copy));
    free(copy);
    return err;
}

void zone_file_print(struct str *out, const struct zone_file *f)
{
    struct zone_file *all = (struct zone_file *)(uintptr_t)f;

    str_addf(out, "# A zone of Stoa. Inside: stoa zone join FILE. It holds a password: delete it "
                  "when that is done.\nversion = %d\n",
             VERSION);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (!str_empty(*slot(all, keys[i].at)))
            str_addf(out, "%s = %s\n", keys[i].key, *slot(all, keys[i].at));
    str_addf(out, "port = %u\npairUntil = %lld\n%s", f->port, (long long)f->pair_until_s,
             f->ca_pem);
}

void zone_file_fini(struct zone_file *f)
{
    if (f->password)
        explicit_bzero(f->password, strlen(f->password));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        free(*slot(f, keys[i].at));
    free(f->ca_pem);
    *f = (struct zone_file){ 0 };
}
