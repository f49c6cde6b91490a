/* SPDX-License-Identifier: Apache-2.0
 * stoa pki: certificates on the command line, over lib/pki. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <base/str.h>
#include <pki/file.h>

#include "cert_print.h"
#include "commands.h"

#define NAMES_MAX 64
#define DAYS_MAX 36500

/* The options of all subcommands together; which ones a subcommand needs stands in its table. */
struct args {
    const char *cert, *key, *ca, *ca_key, *csr, *bundle, *cn;
    const char *names[NAMES_MAX];
    size_t name_count;
    long days;
    bool force, json;
    char **files; /* what is left: the files of `inspect` */
};

struct sub {
    const char *name;
    int (*run)(const struct args *a, struct pki_err *err);
    bool needs_cert, needs_key, needs_ca, needs_bundle;
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static struct pki_opts opts_of(const struct args *a)
{
    return (struct pki_opts){ .cn = a->cn, .names = a->names, .name_count = a->name_count,
                              .days = (int)a->days, .now_s = now_s() };
}

static int told(const struct pki_err *err)
{
    return stoa_fail("%s", err->text);
}

static int show(const char *pem, bool json, struct pki_err *err)
{
    struct pki_info info;

    if (pki_inspect(&info, pem, now_s(), err) < 0)
        return told(err);
    if (json)
        cert_print_value(cert_print_json(&info));
    else
        cert_print_text(&info);
    pki_info_fini(&info);
    return STOA_OK;
}

/* Writes the key, when there is one, and then the certificate. */
static int store(const struct args *a, const struct pki_pair *pair, struct pki_err *err)
{
    if (pair->key_pem && a->key && pki_file_store_key(a->key, pair->key_pem, err) < 0)
        return told(err);
    if (pki_file_store_cert(a->cert, pair->cert_pem, err) < 0)
        return told(err);
    return STOA_OK;
}

static int store_and_show(const struct args *a, struct pki_pair *pair, struct pki_err *err)
{
    int code = store(a, pair, err);

    if (code == STOA_OK)
        code = show(pair->cert_pem, a->json, err);
    pki_pair_fini(pair);
    return code;
}

/* True when the key file may be written: one that exists is in use somewhere. */
static bool key_is_free(const struct args *a)
{
    if (!a->key || a->force || access(a->key, F_OK) != 0)
        return true;
    stoa_fail("%s exists; --force replaces it", a->key);
    return false;
}

static int run_ca(const struct args *a, struct pki_err *err)
{
    struct pki_opts opts = opts_of(a);
    struct pki_pair pair = { 0 };

    if (!key_is_free(a))
        return STOA_FAILED;
    return pki_ca_new(&pair, &opts, err) < 0 ? told(err) : store_and_show(a, &pair, err);
}

static int run_selfsigned(const struct args *a, struct pki_err *err)
{
    struct pki_opts opts = opts_of(a);
    struct pki_pair pair = { 0 };

    if (!key_is_free(a))
        return STOA_FAILED;
    return pki_self_signed(&pair, &opts, err) < 0 ? told(err) : store_and_show(a, &pair, err);
}

static int run_csr(const struct args *a, struct pki_err *err)
{
    struct pki_opts opts = opts_of(a);
    struct pki_pair pair = { 0 };
    int code;

    if (!key_is_free(a))
        return STOA_FAILED;
    if (pki_csr(&pair, &opts, err) < 0)
        return told(err);
    code = store(a, &pair, err);
    if (code == STOA_OK && a->json)
        cert_print_value(json_pack("{s:s, s:s}", "request", a->cert, "key", a->key));
    else if (code == STOA_OK)
        printf("request %s, key %s\n", a->cert, a->key);
    pki_pair_fini(&pair);
    return code;
}

/* Signs a request, or makes key and certificate in one step. */
static int issue(struct pki_pair *out, const struct args *a, const struct pki_pair *ca,
                 struct pki_err *err)
{
    struct pki_opts opts = opts_of(a);
    char *csr = NULL;
    int ret;

    if (!a->csr)
        return pki_issue(out, ca, &opts, err);
    ret = pki_file_load(&csr, a->csr, err);
    if (!ret)
        ret = pki_issue_csr(&out->cert_pem, ca, csr, &opts, err);
    free(csr);
    return ret;
}

static int run_issue(const struct args *a, struct pki_err *err)
{
    struct pki_pair ca = { 0 }, out = { 0 };
    int code = STOA_FAILED;

    if (!a->csr && !a->key)
        return stoa_usage("issue needs --key FILE for the new key, or --csr FILE");
    if (a->csr && a->key)
        return stoa_usage("with --csr the key stays where the request was made: leave out --key");
    if (!key_is_free(a))
        return STOA_FAILED;
    if (pki_file_load_pair(&ca, a->ca, a->ca_key, now_s(), err) < 0 || issue(&out, a, &ca, err) < 0)
        told(err);
    else
        code = store_and_show(a, &out, err);
    pki_pair_fini(&ca);
    return code;
}

static int run_inspect(const struct args *a, struct pki_err *err)
{
    int code = STOA_OK;

    if (!a->files[0])
        return stoa_usage("inspect needs a file");
    for (char **file = a->files; *file; file++) {
        char *pem = NULL;

        if (pki_file_load(&pem, *file, err) < 0 || show(pem, a->json, err) != STOA_OK) {
            if (!pem)
                told(err);
            code = STOA_FAILED;
        }
        free(pem);
    }
    return code;
}

/* The end of `match` and `verify`: their answer is a fact, with --json on stdout in both cases. */
static int verdict(const struct args *a, int ret, const struct pki_err *err)
{
    if (a->json)
        cert_print_value(json_pack("{s:b, s:s}", "ok", ret == 0, "reason", ret ? err->text : ""));
    else if (ret == 0)
        printf("ok\n");
    else
        told(err);
    return ret ? STOA_FAILED : STOA_OK;
}

static int run_match(const struct args *a, struct pki_err *err)
{
    char *cert = NULL, *key = NULL;
    int ret = pki_file_load(&cert, a->cert, err);

    if (!ret)
        ret = pki_file_load(&key, a->key, err);
    if (!ret)
        ret = pki_match(cert, key, err);
    free(cert);
    free(key);
    return verdict(a, ret, err);
}

static int run_verify(const struct args *a, struct pki_err *err)
{
    char *cert = NULL, *bundle = NULL;
    int ret = pki_file_load(&cert, a->cert, err);

    if (!ret)
        ret = pki_file_load(&bundle, a->bundle, err);
    if (!ret && !a->name_count)
        ret = pki_verify(cert, bundle, NULL, now_s(), err);
    for (size_t i = 0; !ret && i < a->name_count; i++)
        ret = pki_verify(cert, bundle, a->names[i], now_s(), err);
    free(cert);
    free(bundle);
    return verdict(a, ret, err);
}

static const struct sub subs[] = {
    { "ca", run_ca, .needs_cert = true, .needs_key = true },
    { "issue", run_issue, .needs_cert = true, .needs_ca = true },
    { "csr", run_csr, .needs_cert = true, .needs_key = true },
    { "selfsigned", run_selfsigned, .needs_cert = true, .needs_key = true },
    { "inspect", run_inspect, .needs_cert = false },
    { "match", run_match, .needs_cert = true, .needs_key = true },
    { "verify", run_verify, .needs_cert = true, .needs_bundle = true },
};

static const struct option options[] = {
    { "cert", required_argument, NULL, 'c' },   { "key", required_argument, NULL, 'k' },
    { "ca", required_argument, NULL, 'a' },     { "ca-key", required_argument, NULL, 'A' },
    { "csr", required_argument, NULL, 'r' },    { "bundle", required_argument, NULL, 'b' },
    { "cn", required_argument, NULL, 'C' },     { "name", required_argument, NULL, 'n' },
    { "days", required_argument, NULL, 'd' },   { "force", no_argument, NULL, 'f' },
    { 0 },
};

static int take_name(struct args *a, const char *name)
{
    if (a->name_count == NAMES_MAX)
        return stoa_usage("at most %d names", NAMES_MAX);
    a->names[a->name_count++] = name;
    return STOA_OK;
}

/* Where an option with a file or text as value goes; NULL for the others. */
static const char **text_of(struct args *a, int option)
{
    const struct {
        int option;
        const char **text;
    } texts[] = { { 'c', &a->cert }, { 'k', &a->key },    { 'a', &a->ca }, { 'A', &a->ca_key },
                  { 'r', &a->csr },  { 'b', &a->bundle }, { 'C', &a->cn } };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].option == option)
            return texts[i].text;
    return NULL;
}

static int take_options(struct args *a, int argc, char **argv)
{
    int option, code = STOA_OK;

    opterr = 0;
    while (code == STOA_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const char **text = text_of(a, option);

        if (text)
            *text = optarg;
        else if (option == 'n')
            code = take_name(a, optarg);
        else if (option == 'f')
            a->force = true;
        else if (option == 'd')
            code = stoa_number("--days", optarg, 1, DAYS_MAX, &a->days) ? STOA_USAGE : STOA_OK;
        else
            code = stoa_usage("unknown option or missing value: %s", argv[optind - 1]);
    }
    a->files = argv + optind;
    return code;
}

static int check_needs(const struct sub *sub, const struct args *a)
{
    if (sub->needs_cert && !a->cert)
        return stoa_usage("%s needs --cert FILE", sub->name);
    if (sub->needs_key && !a->key)
        return stoa_usage("%s needs --key FILE", sub->name);
    if (sub->needs_ca && (!a->ca || !a->ca_key))
        return stoa_usage("%s needs --ca FILE and --ca-key FILE", sub->name);
    if (sub->needs_bundle && !a->bundle)
        return stoa_usage("%s needs --bundle FILE", sub->name);
    return STOA_OK;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    struct args a = { .json = ctx->json };
    struct pki_err err = { "" };

    if (argc < 2)
        return stoa_usage("say what to do");
    for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
        int code;

        if (!str_eq(argv[1], subs[i].name))
            continue;
        code = take_options(&a, argc - 1, argv + 1);
        if (code == STOA_OK)
            code = check_needs(&subs[i], &a);
        return code == STOA_OK ? subs[i].run(&a, &err) : code;
    }
    return stoa_usage("there is no \"%s\"", argv[1]);
}

const struct stoa_cmd cmd_pki = {
    .name = "pki",
    .args = "ca|issue|csr|selfsigned|inspect|match|verify [options]",
    .summary = "make and check certificates",
    .help = "  ca          --cn NAME --cert OUT --key OUT [--days N]: a new certificate authority\n"
            "  issue       --ca FILE --ca-key FILE --name NAME.. --cert OUT --key OUT [--days N]\n"
            "  issue       --ca FILE --ca-key FILE --csr FILE --cert OUT [--name NAME..]\n"
            "  csr         --name NAME.. --cert OUT --key OUT: a request for another authority\n"
            "  selfsigned  --name NAME.. --cert OUT --key OUT [--days N]\n"
            "  inspect     FILE..: who, for which names, until when, fingerprint\n"
            "  match       --cert FILE --key FILE: do they belong together?\n"
            "  verify      --cert FILE --bundle FILE [--name NAME]: valid, for the name?\n"
            "\n"
            "A NAME is a DNS name (*.example.com as well) or an IP address and may be repeated.\n"
            "Keys are ECDSA P-256 with mode 0600; one that exists is replaced with --force only.\n"
            "match and verify end with 1 and the reason when the answer is no.\n",
    .run = run,
};
