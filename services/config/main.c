/* SPDX-License-Identifier: Apache-2.0
 * config: the only owner of what lasts of a site. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <base/mem.h>
#include <config.pb-c.h>
#include <log/log.h>
#include <turn.pb-c.h>
#include <zone.pb-c.h>

static const struct bus_handler handlers[] = {
    { &stoa__config__v1__list_request__descriptor, config_on_list },
    { &stoa__config__v1__get_request__descriptor, config_on_get },
    { &stoa__config__v1__export_request__descriptor, config_on_export },
    { &stoa__config__v1__add_request__descriptor, config_on_add },
    { &stoa__config__v1__set_request__descriptor, config_on_set },
    { &stoa__config__v1__delete_request__descriptor, config_on_delete },
    { &stoa__config__v1__import_request__descriptor, config_on_import },
    { &stoa__config__v1__backup_request__descriptor, config_on_backup },
    { &stoa__config__v1__restore_request__descriptor, config_on_restore },
    { &stoa__turn__v1__lease_request__descriptor, config_on_lease },
    { &stoa__zone__v1__fact_request__descriptor, config_on_fact },
    { &stoa__zone__v1__pair_request__descriptor, config_on_pair },
};

static char *make_dir(const struct conf *conf, const char *name)
{
    char *dir = str_printf("%s/%s", conf_state(conf), name);

    (void)mkdir(dir, 0700); /* what fails here fails again, with a sentence, at the first file */
    return dir;
}

static int open_store(struct config *c)
{
    const struct conf *conf = c->daemon->conf;
    char *data = make_dir(conf, "data"), *keys = make_dir(conf, "keys");
    char *seal = str_printf("%s/config.seal", keys);
    struct str why = { 0 };
    int err;

    c->db_path = str_printf("%s/config.db", data);
    struct store_opts opts = { c->db_path, seal, kinds_site(conf_site(conf)) };
    err = store_open(&c->store, &opts, &why);
    if (err)
        err = daemon_fail(c->daemon, err == -EROFS || err == -EACCES ? EX_CANTCREAT : EX_DATAERR,
                          "%s.", why.s);
    str_fini(&why);
    free(seal);
    free(keys);
    free(data);
    return err;
}

static int start(struct daemon *d)
{
    struct config *c = MEM_NEW(struct config);
    int err;

    d->user = c;
    c->daemon = d;
    c->backup_dir = str_printf("%s/backup", conf_state(d->conf));
    err = open_store(c);
    if (err)
        return err;
    err = config_state_start(c);
    if (err)
        return daemon_fail(d, EX_SOFTWARE, "The state topics cannot be published.");
    config_lease_start(c);
    config_facts_start(c);
    log_info("database %s: open, epoch=%llu, site seq=%llu", c->db_path,
             (unsigned long long)store_epoch(c->store),
             (unsigned long long)store_seq(c->store, "site"));
    return 0;
}

static void stop(struct daemon *d)
{
    struct config *c = d->user;

    if (!c)
        return;
    config_facts_stop(c);
    config_lease_stop(c);
    bus_state_pub_free(&c->pub);
    store_close(&c->store);
    free(c->backup_dir);
    free(c->db_path);
    free(c);
    d->user = NULL;
}

static const struct daemon_def def = {
    .role = "config",
    .summary = "keeps the site's configuration and tells it to the other daemons",
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
    /* A file at the size limit is a refused write, not the end of the daemon. */
    signal(SIGXFSZ, SIG_IGN);
    return daemon_main(argc, argv, &def);
}
