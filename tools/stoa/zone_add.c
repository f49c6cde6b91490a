/* SPDX-License-Identifier: Apache-2.0
 * stoa zone add, at the edge: the zone, its user with a verifier of a fresh password, and the join
 * file. The password is nowhere but in that file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/hex.h>
#include <evp/rand.h>
#include <pki/file.h>
#include <scram/scram.h>

#include "network.h"
#include "password.h"
#include "zone.h"

enum { RANDOM_B = 24 };

char *zone_verifier(const char *password)
{
    struct scram_verifier v;
    char *text;

    scram_verifier_make(&v, SCRAM_SHA_256, password, SCRAM_ITERATIONS);
    text = scram_verifier_print(&v);
    explicit_bzero(&v, sizeof(v));
    return text;
}

int zone_new_password(const struct zone_job *j, char *out)
{
    uint8_t random[RANDOM_B];

    if (j->password_file)
        return password_take(j->password_file, out);
    evp_random(random, sizeof(random));
    base64url_encode(out, random, sizeof(random));
    explicit_bzero(random, sizeof(random));
    return STOA_OK;
}

/* --- what the inside will check --------------------------------------------------------------- */

static char *load(const struct zone_job *j, const char *file, struct pki_err *err)
{
    char *path = strchr(file, '/') ? str_dup(file) : conf_path(j->site.ctx->conf, "pki", file);
    char *pem = NULL;

    if (pki_file_load(&pem, path, err) != 0)
        pem = NULL;
    free(path);
    return pem;
}

/* The name in the zone's certificate must be the address that the inside dials. */
static int check_certificate(const struct zone_job *j, struct zone_file *f)
{
    struct pki_err err = { "" };
    struct pki_info info = { 0 };
    char *cert = load(j, "zone.crt", &err), *own = NULL;
    int code = STOA_OK;

    if (!cert)
        cert = load(j, "expe.crt", &err); /* what expe shows where there is no other */
    if (!cert)
        return stoa_fail("the zone port has no certificate: %s. './start --site edge' makes one, "
                         "or 'stoa pki issue'",
                         err.text);
    own = j->ca ? str_dup(j->ca) : NULL;
    if (own && !strchr(own, '/')) {
        free(own);
        own = str_printf("./%s", j->ca);
    }
    f->ca_pem = load(j, own ? own : "ca.crt", &err);
    if (!f->ca_pem)
        code = stoa_fail("%s. --ca FILE says which CA has signed the zone port's certificate",
                         err.text);
    else if (pki_verify(cert, f->ca_pem, f->address, (int64_t)time(NULL), &err) != 0)
        code = stoa_fail("the inside would refuse the zone port's certificate (pki/zone.crt, "
                         "else pki/expe.crt) at the address %s: %s",
                         f->address, err.text);
    else if (pki_inspect(&info, f->ca_pem, (int64_t)time(NULL), &err) == 0)
        f->fingerprint = str_dup(info.sha256);
    pki_info_fini(&info);
    free(own);
    free(cert);
    return code;
}

/* --- the join file ---------------------------------------------------------------------------- */

static int take_words(const struct zone_job *j, struct zone_file *f)
{
    struct str names = { 0 };
    struct conf *conf = network_conf(j->site.ctx);
    char host[256] = "";

    if (!conf)
        return STOA_FAILED;
    (void)gethostname(host, sizeof(host) - 1);
    f->name = str_dup(j->name);
    f->address = str_dup(j->address ? j->address : host);
    f->port = j->port ? (uint16_t)j->port : conf_port(conf, "zone");
    f->username = str_dup(j->user ? j->user : j->name);
    for (size_t i = 0; i < j->n_subjects; i++)
        str_addf(&names, "%s%s", i ? ", " : "", j->subjects[i]);
    f->subject_names = names.len ? str_take(&names) : str_dup("expc");
    f->pair_until_s = (int64_t)time(NULL) + ZONE_PAIR_S;
    conf_free(conf);
    return STOA_OK;
}

static int write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) != 0)
        err = errno ? -errno : -EIO;
    close(fd);
    if (err)
        (void)unlink(path);
    return err;
}

static int hand_out(const struct zone_job *j, const struct zone_file *f)
{
    struct str text = { 0 };
    int err = 0;

    zone_file_print(&text, f);
    if (j->file)
        err = write_file(j->file, text.s, text.len);
    else
        fputs(text.s, stdout);
    explicit_bzero(text.s, text.len);
    str_fini(&text);
    if (err)
        return stoa_fail("%s cannot be written: %s", j->file, strerror(-err));
    if (j->file)
        printf("The zone \"%s\" waits for its first connection for %d hours.\n"
               "Carry %s to the inside, say there: stoa zone join FILE, and delete it.\n",
               f->name, ZONE_PAIR_S / 3600, j->file);
    return STOA_OK;
}

/* --- the rows --------------------------------------------------------------------------------- */

static int must_be_new(struct zone_job *j, const char *kind, const char *key, const char *hint)
{
    const Stoa__Config__V1__Row *row;
    struct ask_reply reply;
    int code = config_get(&j->site, kind, key, &reply, &row);

    if (code == STOA_OK && row)
        code = stoa_fail("\"%s\" exists already; %s", key, hint);
    ask_reply_fini(&reply);
    return code;
}

static int store(struct zone_job *j, const struct zone_file *f, const char *verifier)
{
    char until[24];
    const struct config_field user[] = { { "name", f->username }, { "verifier", verifier } };
    const struct config_field zone[] = { { "name", f->name },
                                         { "username", f->username },
                                         { "subjectNames", f->subject_names },
                                         { "pairUntil", until } };
    const struct config_row rows[] = { { "zoneUser", user, ARRAY_LEN(user) },
                                       { "zoneServer", zone, ARRAY_LEN(zone) } };

    (void)snprintf(until, sizeof(until), "%lld", (long long)f->pair_until_s);
    return config_add_all(&j->site, rows, ARRAY_LEN(rows));
}

/* A zone whose password nobody has. */
static void take_back(struct zone_job *j, const struct zone_file *f)
{
    if (config_delete(&j->site, "zoneServer", f->name, true) != STOA_OK ||
        config_delete(&j->site, "zoneUser", f->username, true) != STOA_OK)
        stoa_fail("the zone stays; 'stoa zone delete' ends it");
}

int zone_add(struct zone_job *j)
{
    struct zone_file f = { 0 };
    char password[PASSWORD_SIZE] = "", *verifier = NULL;
    int code = take_words(j, &f);

    if (code == STOA_OK && j->file && access(j->file, F_OK) == 0)
        code = stoa_fail("%s exists already", j->file);
    if (code == STOA_OK)
        code = check_certificate(j, &f);
    if (code == STOA_OK)
        code = must_be_new(j, "zoneServer", f.name,
                           "'stoa zone password' gives a zone a new password, 'stoa zone delete' "
                           "ends it");
    if (code == STOA_OK)
        code = must_be_new(j, "zoneUser", f.username, "choose another name with --user");
    if (code == STOA_OK)
        code = zone_new_password(j, password);
    if (code == STOA_OK) {
        f.password = str_dup(password);
        verifier = zone_verifier(password);
        code = store(j, &f, verifier);
        if (code == STOA_OK && (code = hand_out(j, &f)) != STOA_OK)
            take_back(j, &f);
    }
    explicit_bzero(password, sizeof(password));
    free(verifier);
    zone_file_fini(&f);
    return code;
}
