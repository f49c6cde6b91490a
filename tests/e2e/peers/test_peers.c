/* SPDX-License-Identifier: Apache-2.0
 * A meeting of twelve over the real daemons: ./start with a state directory of its own, WebSockets
 * through webbridge, bus, callbridge, and media over UDP. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <base/mem.h>
#include <base/str.h>

#include "cm.h"
#include "page.h"
#include "proc.h"

enum { PAGES = 12, PAGES_MAX = 14, FIRST_VIDEO_SLOT = 7, READY_MS = 90000, PATIENCE_MS = 30000 };

static const char *top, *build;

static struct {
    char dir[64];
    char *log;
    uint16_t base;
    pid_t pid;
    uv_loop_t loop;
    uv_timer_t clock;
    struct dtls_ctx *dtls;
    struct page *pages[PAGES_MAX + 1]; /* from 1 */
    unsigned n;
} site;

/* --- the site --------------------------------------------------------------------------------- */

static bool is_free(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool free_port = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

    close(fd);
    return free_port;
}

/* A base whose first ports are free; a Stoa fits into base .. base + 999. */
static uint16_t free_base(void)
{
    for (unsigned i = 0; i < 12; i++) {
        uint16_t base = (uint16_t)(10000 + 1000 * (((unsigned)getpid() + i * 5) % 10));

        if (is_free(base) && is_free((uint16_t)(base + 1)) && is_free((uint16_t)(base + 100)))
            return base;
    }
    fail_msg("no free range of ports");
    return 0;
}

/* A page for webbridge to serve where npm has built none: nobody looks at it here. */
static void make_page(void)
{
    char *dir = str_printf("%s/web", site.dir), *path = str_printf("%s/index.html", dir);
    FILE *f;

    assert_int_equal(mkdir(dir, 0700), 0);
    f = fopen(path, "we");
    assert_non_null(f);
    (void)fputs("<!doctype html><title>Stoa</title>", f);
    (void)fclose(f);
    (void)setenv("STOA_WEB", dir, 1); /* ./start prefers the real one */
    free(dir);
    free(path);
}

static pid_t start_site(void)
{
    char *start = str_printf("%s/start", top), base[8];
    char *argv[] = { start, (char *)"--no-build", (char *)"--state", site.dir,
                     (char *)"--port-base", base,
                     NULL };
    pid_t pid;

    (void)snprintf(base, sizeof(base), "%u", site.base);
    (void)setenv("BUILD_DIR", build, 1);
    (void)setenv("STOA_PORT_BASE", base, 1);
    pid = fork();
    if (pid == 0) {
        int fd = open(site.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* also a killed test leaves nothing behind */
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    free(start);
    return pid;
}

/* cmocka cuts long messages: the log goes out by itself. */
static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "%s\n", proc_slurp(site.log));
    fail_msg("%s: not in time", what);
    abort();
}

static void on_clock(uv_timer_t *timer)
{
    (void)timer; /* wakes the loop so that conditions are looked at */
}

static int setup(void **state)
{
    (void)state;
    (void)strcpy(site.dir, "/tmp/stoa-peers-XXXXXX");
    assert_non_null(mkdtemp(site.dir));
    site.log = str_printf("%s/test.log", site.dir);
    site.base = free_base();
    make_page();
    site.pid = start_site();
    if (!proc_saw(site.log, "Ready: ", READY_MS))
        give_up("the site is not ready");
    assert_int_equal(uv_loop_init(&site.loop), 0);
    (void)uv_timer_init(&site.loop, &site.clock);
    (void)uv_timer_start(&site.clock, on_clock, 20, 20);
    site.dtls = dtls_ctx_new();
    return 0;
}

static int teardown(void **state)
{
    int code;

    (void)state;
    for (unsigned i = 1; i <= site.n; i++)
        page_free(site.pages[i]);
    uv_close((uv_handle_t *)&site.clock, NULL);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&site.loop, UV_RUN_NOWAIT);
    dtls_ctx_free(site.dtls);
    kill(site.pid, SIGTERM);
    code = proc_wait(site.pid, 20000);
    (void)nftw(site.dir, proc_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(site.log);
    return uv_loop_close(&site.loop) || code != 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void must(bool (*done)(uint32_t number), uint32_t number, const char *what)
{
    int64_t end_us = udpbrowser_now_us() + PATIENCE_MS * INT64_C(1000);

    while (!done(number)) {
        for (unsigned i = 1; i <= site.n; i++) {
            const struct page *p = site.pages[i];

            if (p && (p->refusal || (p->ended && !p->done)))
                fail_msg("%s: guest %u: %s%s", what, i, p->refusal ? p->refusal : "",
                         p->ended ? p->ended : "");
        }
        if (udpbrowser_now_us() > end_us)
            give_up(what);
        (void)uv_run(&site.loop, UV_RUN_ONCE);
    }
}

static struct page *open_page(void)
{
    static char ca[128];
    struct page_opts opts = { .loop = &site.loop, .dtls = site.dtls, .port = site.base,
                              .ca_file = ca,
                              .call_id = "100101" };

    (void)snprintf(ca, sizeof(ca), "%s/inside/pki/ca.crt", site.dir);
    site.n++;
    return site.pages[site.n] = page_new(&opts, site.n);
}

static void close_page(unsigned i)
{
    page_free(site.pages[i]);
    site.pages[i] = NULL;
}

/* Runs `stoa` for this site; returns its exit code. */
static int stoa(const char *command, uint32_t number, const char *order)
{
    char *path = str_printf("%s/bin/stoa", build), text[16];
    char *argv[] = { path, (char *)"--state", site.dir, (char *)(uintptr_t)command, text,
                     (char *)(uintptr_t)order, NULL };
    int code;

    (void)snprintf(text, sizeof(text), "%u", number);
    code = proc_wait(proc_start(argv, site.log, site.log), 10000);
    free(path);
    return code;
}

static unsigned here(void)
{
    unsigned n = 0;

    for (unsigned i = 1; i <= site.n; i++)
        n += site.pages[i] != NULL;
    return n;
}

/* --- conditions ------------------------------------------------------------------------------- */

static bool all_see_nine_and_hear_three(uint32_t unused)
{
    (void)unused;
    for (unsigned i = 1; i <= site.n; i++) {
        const struct page *p = site.pages[i];
        unsigned seen = 0, heard = 0;

        for (unsigned k = 1; p && k <= site.n; k++) {
            if (k == i || !site.pages[k] || !site.pages[k]->number)
                continue;
            seen += page_sees(p, site.pages[k]->number);
            heard += page_hears(p, site.pages[k]->number);
        }
        if (p && (!p->media_connected || seen < MIN(here() - 1, (unsigned)SFU_VIDEO_SLOTS) ||
                  heard < MIN(here() - 1, (unsigned)SFU_AUDIO_SLOTS)))
            return false;
    }
    return true;
}

static bool everybody_hears(uint32_t number)
{
    for (unsigned i = 1; i <= site.n; i++) {
        const struct page *p = site.pages[i];

        if (p && p->number != number && !page_hears(p, number))
            return false;
    }
    return true;
}

static bool nobody_hears(uint32_t number)
{
    for (unsigned i = 1; i <= site.n; i++) {
        if (site.pages[i] && page_hears(site.pages[i], number))
            return false;
    }
    return true;
}

static bool everybody_sees_the_speaker(uint32_t number)
{
    for (unsigned i = 1; i <= site.n; i++) {
        const struct page *p = site.pages[i];

        if (p && (p->speaker != number || (p->number != number && !page_sees(p, number))))
            return false;
    }
    return true;
}

static bool everybody_knows_who_left(uint32_t number)
{
    for (unsigned i = 1; i <= site.n; i++) {
        const struct page *p = site.pages[i];

        if (p && (p->n_left == 0 || p->left[p->n_left - 1] != number || page_has_slot(p, number)))
            return false;
    }
    return true;
}

static bool is_done(uint32_t index)
{
    return site.pages[index]->done;
}

static bool is_muted(uint32_t index)
{
    const struct page *p = site.pages[index], *other = site.pages[index == 1 ? 2 : 1];

    return p->muted && other->others_muted == p->number;
}

static bool is_resumed(uint32_t index)
{
    return site.pages[index]->resumed;
}

static uint64_t pictures_packets(uint32_t index)
{
    return site.pages[index]->u->browser->slots[FIRST_VIDEO_SLOT].packets;
}

static uint64_t packets_before;

static bool pictures_went_on(uint32_t index)
{
    return pictures_packets(index) > packets_before;
}

/* --- the meeting ------------------------------------------------------------------------------ */

static void twelve_meet(void)
{
    for (unsigned i = 0; i < PAGES; i++)
        (void)open_page();
    must(all_see_nine_and_hear_three, 0, "twelve see and hear each other");
}

static void the_loudest_are_heard(void)
{
    static const unsigned loud[] = { 3, 5, 7 };

    for (unsigned i = 0; i < ARRAY_LEN(loud); i++)
        site.pages[loud[i]]->u->browser->level = (int)(15 + 5 * i);
    for (unsigned i = 0; i < ARRAY_LEN(loud); i++)
        must(everybody_hears, site.pages[loud[i]]->number, "the three loudest are heard");
    must(everybody_sees_the_speaker, site.pages[3]->number, "the loudest is the speaker");
}

static void the_speaker_changes(void)
{
    for (unsigned i = 1; i <= site.n; i++)
        site.pages[i]->u->browser->level = BROWSER_SILENT;
    site.pages[12]->u->browser->level = 10;
    must(everybody_sees_the_speaker, site.pages[12]->number,
         "the new speaker is seen by everybody");
    must(everybody_hears, site.pages[12]->number, "the new speaker is heard by everybody");
}

static void a_late_guest_comes(void)
{
    (void)open_page();
    must(all_see_nine_and_hear_three, 0, "a late guest sees and hears the others");
}

static void a_guest_leaves(void)
{
    uint32_t number = site.pages[2]->number;

    page_leave(site.pages[2]);
    must(is_done, 2, "leaving is answered");
    close_page(2);
    must(everybody_knows_who_left, number, "everybody knows who left");
    must(all_see_nine_and_hear_three, 0, "the others go on");
}

static void an_operator_mutes(void)
{
    uint32_t number = site.pages[12]->number;

    assert_int_equal(stoa("call", number, "mute"), 0);
    must(is_muted, 12, "the muted guest and the others are told");
    must(nobody_hears, number, "nobody hears a muted guest");
}

static void a_lost_websocket_is_resumed_and_media_goes_on(void)
{
    page_cut(site.pages[4]);
    packets_before = pictures_packets(4);
    must(pictures_went_on, 4, "media goes on without signalling");
    page_resume(site.pages[4]);
    must(is_resumed, 4, "a page resumes");
    must(all_see_nine_and_hear_three, 0, "a resumed page has its slots again");
}

static void a_meeting_of_twelve_over_the_real_daemons(void **state)
{
    (void)state;
    twelve_meet();
    the_loudest_are_heard();
    the_speaker_changes();
    a_late_guest_comes();
    a_guest_leaves();
    an_operator_mutes();
    a_lost_websocket_is_resumed_and_media_goes_on();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_meeting_of_twelve_over_the_real_daemons, setup, teardown),
    };

    if (argc < 3) {
        fprintf(stderr, "usage: %s SOURCE_DIR BUILD_DIR\n", argv[0]);
        return 2;
    }
    top = argv[1];
    build = argv[2];
    return cmocka_run_group_tests_name("e2e peers", tests, NULL, NULL);
}
