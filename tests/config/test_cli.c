/* SPDX-License-Identifier: Apache-2.0
 * stoa config against a real config daemon: what operators type, see and get as exit code. */
#include "confix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <base/str.h>

#include "cm.h"

static const char *tree; /* the source tree */
static struct confix *running;

static int setup(void **state)
{
    struct confix *c = calloc(1, sizeof(*c));
    struct confix_answer a;

    confix_open(c);
    confix_set(c, "settings", "settings", CONFIX_FIELDS("userSignIn", "true"), &a); /* it is up */
    *state = running = c;
    return 0;
}

static int teardown(void **state)
{
    confix_close(*state);
    free(*state);
    return 0;
}

/* Runs `stoa config <args>`; returns the exit code, and what it wrote in a static buffer. */
static int stoa(const char *args, const char **out)
{
    static char text[1 << 16];
    char *command = str_printf("STOA_STATE=%s STOA_BUS=%s STOA_KEYS=%s %s config %s 2>&1",
                               busfix_dir(running->bus_fix), busfix_endpoint(running->bus_fix),
                               busfix_keys(running->bus_fix), STOA_STOA, args);
    FILE *p = popen(command, "r");
    size_t n = fread(text, 1, sizeof(text) - 1, p);
    int status = pclose(p);

    text[n] = '\0';
    free(command);
    *out = text;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *save(struct confix *c, const char *name, const char *text)
{
    char *path = str_printf("%s/%s", busfix_dir(c->bus_fix), name);
    FILE *f = fopen(path, "w");

    fputs(text, f);
    fclose(f);
    return path;
}

static void the_example_site_is_imported_once(void **state)
{
    const char *out;
    char *args = str_printf("import %s/deploy/example-site/inside.conf", tree);

    (void)state;
    if (stoa(args, &out) != 0)
        fail_msg("%s", out);
    assert_string_equal(out, "imported: 16 added, 2 changed, 0 deleted\n");
    assert_int_equal(stoa(args, &out), 0);
    assert_string_equal(out, "imported: 0 added, 0 changed, 0 deleted\n");
    assert_int_equal(stoa("list space", &out), 0);
    assert_non_null(strstr(out, "Proxy webRTC   proxywebrtc  -             100101\n"));
    assert_int_equal(stoa("get space board --json", &out), 0);
    assert_non_null(strstr(out, "\"callId\":\"100102\",\"passcode\":\"4321\""));
    free(args);
}

static void an_export_imports_again_without_a_change(void **state)
{
    struct confix *c = *state;
    const char *out;
    char *example = str_printf("import %s/deploy/example-site/inside.conf", tree), *path, *args;

    assert_int_equal(stoa(example, &out), 0);
    assert_int_equal(stoa("export", &out), 0);
    assert_non_null(strstr(out, "[accessMethod \"host\"]"));
    assert_non_null(strstr(out, "space = board\n"));
    path = save(c, "export.conf", out);
    args = str_printf("import --prune %s", path);
    assert_int_equal(stoa(args, &out), 0);
    assert_string_equal(out, "imported: 0 added, 0 changed, 0 deleted\n");
    free(args);
    free(path);
    free(example);
}

static void objects_are_added_changed_and_deleted(void **state)
{
    const char *out;

    (void)state;
    assert_int_equal(stoa("add space uri=sales name='Sales team' callId=7", &out), 0);
    assert_true(str_starts(out, "space ") && str_ends(out, " added\n"));
    assert_int_equal(stoa("set space sales passcode=12", &out), 0);
    assert_true(str_ends(out, " changed\n"));
    assert_int_equal(stoa("set space sales passcode=12", &out), 0);
    assert_true(str_ends(out, " is as it was\n"));
    assert_int_equal(stoa("list space --filter SALES --json", &out), 0);
    assert_non_null(strstr(out, "\"name\":\"Sales team\""));
    assert_int_equal(stoa("set settings participantLimit=20", &out), 0);
    assert_int_equal(stoa("get settings", &out), 0);
    assert_non_null(strstr(out, "participantLimit            : 20\n"));
    assert_int_equal(stoa("delete space sales", &out), 0);
    assert_int_equal(stoa("list space", &out), 0);
    assert_null(strstr(out, "sales"));
}

static void mistakes_are_said_with_a_sentence_and_a_code(void **state)
{
    static const struct {
        const char *args;
        int code;
        const char *text;
    } cases[] = {
        { "add space callId=x", 1, "space.callId: must be 1 to 12 digits (parameterError)" },
        { "add spaces callId=1", 1, "there is no kind \"spaces\"" },
        { "add space colour=red", 1, "space has no field \"colour\"" },
        { "get space nosuch", 1, "there is no \"nosuch\" (coSpaceDoesNotExist)" },
        { "delete settings", 1, "cannot be deleted" },
        { "set space", 2, "which space? Say its id or its uri" },
        { "set settings", 2, "what is to be changed?" },
        { "add space callId", 2, "expected name=value" },
        { "import /nowhere.conf", 1, "cannot read /nowhere.conf" },
        { "restore ../../x.db", 1, "a backup is named by its file name" },
        { "bake cake", 2, "there is no \"bake\"" },
        { "list space --colour", 2, "there is no option" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *out;
        int code = stoa(cases[i].args, &out);

        if (code != cases[i].code || !strstr(out, cases[i].text))
            fail_msg("stoa config %s: code %d, %s", cases[i].args, code, out);
    }
}

static void a_wrong_import_names_its_line_and_changes_nothing(void **state)
{
    struct confix *c = *state;
    const char *out;
    char *path =
        save(c, "bad.conf", "[domain \"a.example\"]\n\n[space \"x\"]\nname = X\ncallId = abc\n");
    char *args = str_printf("import %s", path);

    assert_int_equal(stoa(args, &out), 1);
    assert_non_null(
        strstr(out, "line 3: space.callId: must be 1 to 12 digits; nothing was changed"));
    assert_int_equal(stoa("get domain a.example", &out), 1);
    free(args);
    free(path);
}

static void a_password_comes_from_a_file_and_is_never_shown(void **state)
{
    struct confix *c = *state;
    const char *out;
    char *path = save(c, "password", "cisco-secret\n");
    char *args =
        str_printf("add turnServer serverAddress=10.0.0.1 username=turnuser password=@%s", path);

    assert_int_equal(stoa(args, &out), 0);
    assert_int_equal(stoa("get turnServer 10.0.0.1", &out), 0);
    assert_non_null(strstr(out, "password              : (never shown)\n"));
    assert_null(strstr(out, "cisco-secret"));
    assert_int_equal(stoa("export", &out), 0);
    assert_null(strstr(out, "cisco-secret"));
    assert_null(strstr(confix_log(c), "cisco-secret"));
    free(args);
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_site_is_imported_once),
        TEST(an_export_imports_again_without_a_change),
        TEST(objects_are_added_changed_and_deleted),
        TEST(mistakes_are_said_with_a_sentence_and_a_code),
        TEST(a_wrong_import_names_its_line_and_changes_nothing),
        TEST(a_password_comes_from_a_file_and_is_never_shown),
    };

    tree = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
