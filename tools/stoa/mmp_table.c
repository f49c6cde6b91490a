/* SPDX-License-Identifier: Apache-2.0
 * The verbs of the shell, what they take, and finding one. */
#include "mmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cert.h"

enum { WORDS_MAX = 32 };

static const struct mmp_verb verbs[] = {
    { "license", NULL, "", 0, 0, "shows what is activated: everything, for ever", mmp_license },
    { "version", NULL, "", 0, 0, "shows the version", mmp_version },
    { "callbridge", NULL, "", 0, 0, "shows the settings of the call bridge", mmp_callbridge },
    { "callbridge", "listen", "INTERFACE", 1, 8, "is set where the site is started",
      mmp_callbridge_listen },
    { "callbridge", "certs", "KEY CRT [BUNDLE]", 2, 3,
      "checks and installs key and certificate, live", mmp_callbridge_certs },
    { "callbridge", "trust", "BUNDLE|none", 1, 1,
      "authorities or certificates of the web bridges that it trusts, beside the site's own CA",
      mmp_callbridge_trust },
    { "callbridge", "restart", "", 0, 0, "restarts it without ending a call",
      mmp_callbridge_restart },
    { "webbridge", NULL, "", 0, 0, "shows the settings of the web bridge", mmp_webbridge },
    { "webbridge", "enable", "", 0, 0, "checks its certificate and opens its ports",
      mmp_webbridge_enable },
    { "webbridge", "disable", "", 0, 0, "closes its ports; running calls go on",
      mmp_webbridge_disable },
    { "webbridge", "listen", "INTERFACE[:PORT].. | none", 1, 16,
      "interface or address and port, \"*\" for all; none: as the site was started",
      mmp_webbridge_listen },
    { "webbridge", "certs", "KEY CRT [BUNDLE]", 2, 3,
      "checks and installs key and certificate, live", mmp_webbridge_certs },
    { "webbridge", "trust", "CRT|none", 1, 1,
      "certificates of the call bridges themselves that may link to it", mmp_webbridge_trust },
    { "webbridge", "http-redirect", "enable|disable", 1, 1, "answers HTTP with a redirect to HTTPS",
      mmp_webbridge_redirect },
    { "webbridge", "restart", "", 0, 0, "restarts it; pages connect again by themselves",
      mmp_webbridge_restart },
    { "pki", "list", "", 0, 0, "lists the files with keys and certificates", mmp_pki_list },
    { "pki", "inspect", "FILE", 1, 1, "shows what a certificate says", mmp_pki_inspect },
    { "pki", "match", "KEY CRT", 2, 2, "says whether they belong together", mmp_pki_match },
    { "pki", "verify", "CRT BUNDLE", 2, 2, "says whether the bundle has its issuer",
      mmp_pki_verify },
    { "zone", NULL, "", 0, 0,
      "shows zones, tunnels and the targets of the guest account client URI", mmp_zone },
    { "turn", NULL, "", 0, 0, "shows settings and status of the TURN servers", mmp_turn },
    { "accounts", NULL, "", 0, 0, "shows who may log in, and for what", mmp_accounts },
    { "help", NULL, "[COMMAND]", 0, 1, "lists the commands, or explains one", mmp_help },
    { "exit", NULL, "", 0, 0, "ends the shell", mmp_exit },
};

const struct mmp_verb *mmp_verbs(size_t *count)
{
    *count = ARRAY_LEN(verbs);
    return verbs;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Splits at blanks; "double quotes" keep a blank. Changes the line. Returns the number of words, or
 * -1 when there are too many or a quote is open. */
static int split(char *line, char *words[WORDS_MAX])
{
    char *out = line, *in = line;
    int n = 0;

    for (;;) {
        bool quoted = false;

        in += strspn(in, " \t\r\n");
        if (*in == '\0')
            return n;
        if (n == WORDS_MAX)
            return -1;
        words[n++] = out;
        for (; *in && (quoted || !strchr(" \t\r\n", *in)); in++) {
            if (*in == '"')
                quoted = !quoted;
            else
                *out++ = *in;
        }
        if (quoted)
            return -1;
        if (*in)
            in++;
        *out++ = '\0';
    }
}

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_verb(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (str_eq(verbs[i].verb, word))
            return true;
    return false;
}

/* The row of a line's first words; *used gets how many of them it took. */
static const struct mmp_verb *find(int n, char **words, int *used)
{
    const struct mmp_verb *bare = NULL;

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (!str_eq(verbs[i].verb, words[0]))
            continue;
        if (!verbs[i].sub)
            bare = &verbs[i];
        else if (n > 1 && str_eq(verbs[i].sub, words[1])) {
            *used = 2;
            return &verbs[i];
        }
    }
    *used = 1;
    return bare && n - 1 <= bare->max ? bare : NULL;
}

static int unknown(struct mmp *m, int n, char **words)
{
    int code = is_verb(words[0]) ? -1 : mmp_elsewhere(m, words[0]);

    if (code >= 0)
        return code;
    if (!is_verb(words[0]))
        fprintf(stderr, "There is no command \"%s\"; \"help\" lists them.\n", words[0]);
    else if (n > 1)
        fprintf(stderr, "There is no command \"%s %s\"; try \"help %s\".\n", words[0], words[1],
                words[0]);
    else
        fprintf(stderr, "\"%s\" needs another word; try \"help %s\".\n", words[0], words[0]);
    return STOA_USAGE;
}

static int run_words(struct mmp *m, int n, char **words)
{
    int used = 0;
    const struct mmp_verb *v = find(n, words, &used);

    if (!v)
        return unknown(m, n, words);
    if (n - used < v->min || n - used > v->max) {
        fprintf(stderr, "Usage: %s%s%s%s%s\n", v->verb, v->sub ? " " : "", v->sub ? v->sub : "",
                v->args[0] ? " " : "", v->args);
        return STOA_USAGE;
    }
    return v->run(m, n - used, words + used);
}

int mmp_line(const struct stoa_ctx *ctx, const char *line, bool *quit)
{
    struct mmp m = { .ctx = ctx, .said = { .json = ctx->json } };
    char *copy = str_dup(line), *words[WORDS_MAX];
    int n = split(copy, words), code = STOA_OK;

    if (n < 0) {
        fprintf(stderr, "The line has too many words, or a quote that is not closed.\n");
        code = STOA_USAGE;
    } else if (n > 0 && words[0][0] != '#') {
        code = run_words(&m, n, words);
        if (m.said.lines)
            (void)said_end(&m.said);
    }
    ask_close(&m.ask);
    *quit = m.quit;
    free(copy);
    return code;
}

/* --- what verbs need -------------------------------------------------------------------------- */

struct ask *mmp_ask(struct mmp *m)
{
    struct str why = { 0 };

    if (!m->ask && ask_try(&m->ask, m->ctx, &why) != 0) {
        m->ask = NULL;
        said_failure(&m->said, "%s", why.len ? why.s : "there is no bus");
    }
    str_fini(&why);
    return m->ask;
}

char *mmp_file(const struct mmp *m, const char *name)
{
    char *below = NULL;

    if (access(name, F_OK) != 0 && !strchr(name, '/'))
        below = conf_path(m->ctx->conf, "pki", name);
    return below ? below : str_dup(name);
}

int mmp_certs(struct mmp *m, const char *role, int argc, char **argv)
{
    char *key = mmp_file(m, argv[0]), *cert = mmp_file(m, argv[1]);
    char *bundle = argc > 2 ? mmp_file(m, argv[2]) : NULL;
    struct cert_job job = { .ctx = m->ctx, .role = role, .key = key, .cert = cert,
                            .bundle = bundle, .said = &m->said };
    int code = cert_set(&job);

    free(key);
    free(cert);
    free(bundle);
    return code;
}
