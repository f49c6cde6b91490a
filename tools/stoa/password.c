/* SPDX-License-Identifier: Apache-2.0
 * Reading a password. */
#include "password.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <base/str.h>

#include "stoa.h"

/* The first line without its end. Returns false when there is none, or when it is too long. */
static bool read_line(FILE *f, char *dst, size_t cap)
{
    size_t len;

    if (!fgets(dst, (int)cap, f))
        return false;
    len = strcspn(dst, "\r\n");
    if (len == cap - 1)
        return false;
    dst[len] = '\0';
    return true;
}

/* Asks on the terminal without showing what is typed. */
static bool ask_for(FILE *tty, const char *prompt, char *dst, size_t cap)
{
    struct termios before, quiet;
    bool ok;

    if (tcgetattr(fileno(tty), &before) != 0)
        return false;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    /* First quiet, then the prompt: what is typed upon it must not be thrown away. */
    if (tcsetattr(fileno(tty), TCSAFLUSH, &quiet) != 0)
        return false;
    fprintf(tty, "%s: ", prompt);
    fflush(tty);
    ok = read_line(tty, dst, cap);
    (void)tcsetattr(fileno(tty), TCSAFLUSH, &before);
    fprintf(tty, "\n");
    fflush(tty);
    return ok;
}

static int type_twice(char *out)
{
    char again[PASSWORD_SIZE] = "";
    FILE *tty = fopen("/dev/tty", "r+e");
    int code = STOA_OK;

    if (!tty)
        return stoa_usage("there is no terminal to type the password on; say --password-file "
                          "FILE, or - for standard input");
    if (!ask_for(tty, "Password", out, PASSWORD_SIZE) ||
        !ask_for(tty, "Password again", again, sizeof(again)))
        code = stoa_fail("the password could not be read");
    else if (!str_eq(out, again))
        code = stoa_fail("the two passwords are not the same");
    explicit_bzero(again, sizeof(again));
    fclose(tty);
    return code;
}

static int read_file(const char *file, char *out)
{
    FILE *f = str_eq(file, "-") ? stdin : fopen(file, "re");
    bool ok;

    if (!f)
        return stoa_fail("cannot read %s: %s", file, strerror(errno));
    ok = read_line(f, out, PASSWORD_SIZE);
    if (f != stdin)
        fclose(f);
    return ok ? STOA_OK : stoa_fail("%s: the first line is no password", file);
}

int password_take(const char *file, char *out)
{
    int code;
    size_t len;

    out[0] = '\0';
    code = file ? read_file(file, out) : type_twice(out);
    len = strlen(out);
    if (code == STOA_OK && (len < PASSWORD_MIN || len > PASSWORD_MAX || !str_utf8_ok(out, len)))
        code = stoa_fail("a password has %d to %d bytes of UTF-8", PASSWORD_MIN, PASSWORD_MAX);
    return code;
}
