/* SPDX-License-Identifier: Apache-2.0
 * The reference page of the kinds, docs/config.md: the table in words. A test compares the page in
 * the tree with this output. */
#include <kinds/kinds.h>

#include <inttypes.h>
#include <string.h>

static const char *const type_words[] = {
    [KINDS_STRING] = "text",
    [KINDS_UINT] = "number",
    [KINDS_BOOL] = "true or false",
    [KINDS_ENUM] = "one of",
    [KINDS_DOMAIN] = "domain name",
    [KINDS_HOST] = "host name or address",
    [KINDS_NAMES] = "list of host names",
    [KINDS_URI_USER] = "user part of a URI",
    [KINDS_CALL_ID] = "1 to 12 digits",
    [KINDS_PASSCODE] = "1 to 32 digits",
    [KINDS_URL] = "URL",
    [KINDS_JID] = "user@domain",
    [KINDS_EMAIL] = "mail address",
    [KINDS_ADDRS] = "list of ip[:port]",
    [KINDS_REF] = "id of a",
    [KINDS_SECRET] = "22 characters",
    [KINDS_FILE] = "file name",
    [KINDS_NETS] = "list of networks",
    [KINDS_NAT] = "list of public/private addresses",
    [KINDS_HASH] = "hash of a password",
    [KINDS_CERT] = "certificate, PEM",
};

static const struct {
    unsigned flag;
    const char *word;
} flag_words[] = {
    { KINDS_REQUIRED, "required" },
    { KINDS_UNIQUE, "unique" },
    { KINDS_SEALED, "stored sealed" },
    { KINDS_HIDDEN, "stored sealed, never shown" },
    { KINDS_ACTION, "not stored" },
};

static const char intro[] =
    "# Configuration of a site\n"
    "\n"
    "<!-- Made by `stoa config kinds --markdown` from lib/kinds/table.c; a test compares. -->\n"
    "\n"
    "`config` owns everything that lasts, in one sqlite file. It is changed with `stoa config`,\n"
    "the REST API or the web administration; all three follow the table below. Changes apply at\n"
    "once, without dropping calls.\n"
    "\n"
    "    stoa config list space\n"
    "    stoa config get space proxywebrtc\n"
    "    stoa config add space name=Board uri=board callId=100102\n"
    "    stoa config set space proxywebrtc name=\"Proxy webRTC\" passcode=\n"
    "    stoa config export > site.conf\n"
    "    stoa config import site.conf\n"
    "\n"
    "## Text form\n"
    "\n"
    "`export` writes and `import` reads sections. A section is an object: its kind and, in\n"
    "quotes, its key. A value goes to the end of its line; an empty one unsets the field;\n"
    "`\"...\"` with `\\\"`, `\\\\` and `\\n` keeps blanks at its ends. `#` begins a comment line.\n"
    "\n"
    "    [space \"proxywebrtc\"]\n"
    "    name = Proxy webRTC\n"
    "    callId = 100101\n"
    "\n"
    "    [accessMethod \"host\"]\n"
    "    space = proxywebrtc\n"
    "    callId = 100101\n"
    "    passcode = 4321\n"
    "\n"
    "Importing adds an object, or changes the one with the same `id` or key; fields that are not\n"
    "in the file stay as they are. An import is done as a whole or not at all, and doing it again\n"
    "changes nothing. With `--prune` the objects of the kinds in the file that the file does not\n"
    "name are deleted. A reference (`space` above) may name the key of its object. Passwords and\n"
    "shared secrets are never exported; a missing one stays as it is. An export does hold\n"
    "passcodes and link secrets: keep it like a key.\n"
    "\n"
    "A call ID or URI belongs to one space. Its access methods may share it, each with another\n"
    "passcode: that is the host and guest PIN pattern.\n";

static void print_type(struct str *out, const struct kinds_field *f)
{
    str_add(out, type_words[f->type]);
    if (f->type == KINDS_REF)
        str_addf(out, " %s", f->values);
    if (f->type == KINDS_STRING && f->max)
        str_addf(out, ", %" PRIu32 " bytes", f->max);
    if (f->type == KINDS_UINT && f->max)
        str_addf(out, ", %" PRIu32 " to %" PRIu32, f->min, f->max);
    for (const char *at = f->type == KINDS_ENUM ? f->values : ""; *at;) {
        size_t len = strcspn(at, "|");

        str_add(out, at == f->values ? " `" : ", `");
        str_addn(out, at, len);
        str_add(out, "`");
        at += len + (at[len] == '|');
    }
    for (size_t i = 0; i < ARRAY_LEN(flag_words); i++)
        if (f->flags & flag_words[i].flag)
            str_addf(out, "; %s", flag_words[i].word);
}

static void print_kind(struct str *out, const struct kinds_kind *k)
{
    str_addf(out, "\n## %s\n\n%s.", k->name, k->help);
    if (k->key)
        str_addf(out, " Key: `%s`%s%s%s.", k->key, k->parent ? " within its `" : "",
                 k->parent ? k->parent : "", k->parent ? "`" : "");
    if (k->collection)
        str_addf(out, " REST: `%s`.", k->collection);
    str_addf(out, " Topic: `%s`%s%s%s.", k->topic, k->secret_topic ? ", secrets `" : "",
             k->secret_topic ? k->secret_topic : "", k->secret_topic ? "`" : "");
    str_addf(out, " Sites: %s%s%s.", k->sites & KINDS_SITE_INSIDE ? "inside" : "",
             k->sites == (KINDS_SITE_INSIDE | KINDS_SITE_EDGE) ? ", " : "",
             k->sites & KINDS_SITE_EDGE ? "edge" : "");
    if (!kinds_is_singleton(k))
        str_addf(out, " At most %" PRIu32 ".", k->max_rows);
    str_add(out, "\n\n| field | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < k->n_fields; i++) {
        const struct kinds_field *f = &k->fields[i];

        str_addf(out, "| %s | ", f->name);
        print_type(out, f);
        str_addf(out, " | %s | %s |\n", f->dflt ? f->dflt : "", f->help);
    }
}

void kinds_markdown(struct str *out)
{
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);

    str_add(out, intro);
    for (size_t i = 0; i < n; i++)
        print_kind(out, &k[i]);
}
