/* SPDX-License-Identifier: Apache-2.0
 * The verbs zone, turn and accounts: pages of Expressway-C and -E in the shell. They belong to a
 * site of their own and make their own connection. */
#include "mmp.h"

#include "pages.h"
#include "zone.h"

int mmp_zone(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return zone_show(m->ctx, NULL);
}

int mmp_turn(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return page_show(m->ctx, "edge", page_turn);
}

int mmp_accounts(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return page_show(m->ctx, m->ctx->site_given ? m->ctx->site : "edge", page_accounts);
}
