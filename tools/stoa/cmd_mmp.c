/* SPDX-License-Identifier: Apache-2.0
 * stoa mmp: one command, lines from a pipe, or a terminal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <editline/readline.h>

#include "commands.h"
#include "mmp.h"

/* --- terminal --------------------------------------------------------------------------------- */

/* Where a completion goes on; libedit asks for one candidate after the other. */
static struct {
    size_t at;
    bool second; /* the second word, after `verb` */
    char verb[32];
} completion;

static char *next_candidate(const char *text, int again)
{
    size_t n;
    const struct mmp_verb *v = mmp_verbs(&n);

    if (!again)
        completion.at = 0;
    while (completion.at < n) {
        const struct mmp_verb *row = &v[completion.at++];
        const char *word = completion.second ? row->sub : row->verb;
        bool first = completion.second || row == v || !str_eq(row[-1].verb, row->verb);

        if (word && first && str_starts(word, text) &&
            (!completion.second || str_eq(row->verb, completion.verb)))
            return strdup(word); /* libedit frees it */
    }
    return NULL;
}

/* First words everywhere, second words after them; files are left to libedit. */
static char **complete(const char *text, int start, int end)
{
    size_t len = strcspn(rl_line_buffer, " ");

    (void)end;
    completion.second = start > 0;
    if (start > 0 && (strspn(rl_line_buffer + len, " ") + len != (size_t)start ||
                      len >= sizeof(completion.verb)))
        return NULL;
    memcpy(completion.verb, rl_line_buffer, MIN(len, sizeof(completion.verb) - 1));
    completion.verb[MIN(len, sizeof(completion.verb) - 1)] = '\0';
    return rl_completion_matches(text, next_candidate);
}

int mmp_terminal(const struct stoa_ctx *ctx)
{
    char host[256] = "stoa", prompt[260];
    bool quit = false;
    char *line;

    if (gethostname(host, sizeof(host) - 1) == 0)
        host[strcspn(host, ".")] = '\0';
    snprintf(prompt, sizeof(prompt), "%s> ", host);
    rl_readline_name = (char *)(uintptr_t)"stoa";
    rl_attempted_completion_function = complete;
    using_history();
    while (!quit && (line = readline(prompt)) != NULL) {
        if (line[strspn(line, " \t")])
            add_history(line);
        (void)mmp_line(ctx, line, &quit); /* it has said what was wrong */
        fflush(stdout);
        free(line);
    }
    if (!quit)
        printf("\n");
    return STOA_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

/* The worst code of all lines: a script that goes on after a mistake still tells of it. */
static int read_pipe(const struct stoa_ctx *ctx)
{
    char *line = NULL;
    size_t cap = 0;
    bool quit = false;
    int worst = STOA_OK;

    while (!quit && getline(&line, &cap, stdin) >= 0) {
        int code = mmp_line(ctx, line, &quit);

        worst = MAX(worst, code);
        fflush(stdout);
    }
    free(line);
    return worst;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    struct str line = { 0 };
    bool quit = false;
    int code;

    if (argc < 2)
        return isatty(STDIN_FILENO) ? mmp_terminal(ctx) : read_pipe(ctx);
    /* One word with the whole command, as the guide has it, or the words of it. */
    for (int i = 1; i < argc; i++)
        str_addf(&line, argc > 2 && strpbrk(argv[i], " \t") ? "%s\"%s\"" : "%s%s",
                 i > 1 ? " " : "", argv[i]);
    code = mmp_line(ctx, line.s, &quit);
    str_fini(&line);
    return code;
}

const struct stoa_cmd cmd_mmp = {
    .name = "mmp",
    .args = "[COMMAND ..]",
    .summary = "the guide's command shell: license, callbridge, webbridge, pki, zone, turn",
    .help =
        "With a command carries it out: stoa mmp \"webbridge\". Without one it is a shell with\n"
        "history and completion (Tab), or reads commands from a pipe, one per line; # begins a\n"
        "comment.\n"
        "\"help\" lists the commands. Everything applies at once and ends no call.\n"
        "Ends with 0, 1 after a FAILURE, 2 when a command is not known or lacks something; with\n"
        "several commands with the highest of these.\n",
    .run = run,
};
