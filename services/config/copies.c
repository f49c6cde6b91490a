/* SPDX-License-Identifier: Apache-2.0
 * Backup and restore. Copies stay in the backup folder of the state directory; none travels over
 * the bus. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <config.pb-c.h>
#include <log/log.h>

#include "limits.h"
#include "msg.h"

#define PREFIX "config-"
#define SUFFIX ".db"

static int is_copy(const struct dirent *d)
{
    return str_starts(d->d_name, PREFIX) && str_ends(d->d_name, SUFFIX);
}

/* Their names begin with the time, so the first is the oldest. */
static void drop_oldest(struct config *c)
{
    struct dirent **list;
    int n = scandir(c->backup_dir, &list, is_copy, alphasort);

    for (int i = 0; i < n; i++) {
        if (i < n - CONFIG_BACKUPS_MAX) {
            char *path = str_printf("%s/%s", c->backup_dir, list[i]->d_name);

            if (unlink(path) == 0)
                log_info("backup %s: deleted, keeping %d", list[i]->d_name, CONFIG_BACKUPS_MAX);
            free(path);
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

static char *make_name(void)
{
    struct timespec now;
    struct tm tm;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &tm);
    return str_printf(PREFIX "%s.%03ldZ" SUFFIX, text, now.tv_nsec / 1000000);
}

void config_on_backup(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct config *c = ((struct daemon *)arg)->user;
    Stoa__Config__V1__BackupReply reply = STOA__CONFIG__V1__BACKUP_REPLY__INIT;
    Stoa__Config__V1__Problem problem;
    struct store_problem p = { 0 };
    struct stat st = { 0 };
    char *name = make_name(), *path = str_printf("%s/%s", c->backup_dir, name);

    (void)body;
    (void)mkdir(c->backup_dir, 0700); /* the copy says it if that failed */
    if (store_backup(c->store, path, &p)) {
        msg_problem(&problem, &p);
        reply.problem = &problem;
        log_warning("backup %s: failed, %s", name, p.text);
    } else {
        (void)stat(path, &st);
        reply.name = name;
        reply.has_size_b = true;
        reply.size_b = (uint64_t)st.st_size;
        log_info("backup %s: written, bytes=%llu", name, (unsigned long long)reply.size_b);
        drop_oldest(c);
    }
    bus_reply(call, &reply.base);
    free(path);
    free(name);
}

static int check_name(const char *name, struct store_problem *p)
{
    static const struct kinds_field file = { .name = "name", .type = KINDS_FILE };
    struct str norm = { 0 }, why = { 0 };
    int err = str_empty(name) ? -EINVAL : kinds_check(&file, name, &norm, &why);

    str_fini(&norm);
    str_fini(&why);
    return err ? store_fail(p, STORE_INVALID, "parameterError", NULL, NULL,
                            "a backup is named by its file name, such as " PREFIX
                            "20170520T181528.769Z" SUFFIX)
               : 0;
}

void config_on_restore(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct config *c = ((struct daemon *)arg)->user;
    const Stoa__Config__V1__RestoreRequest *req = (const void *)body;
    Stoa__Config__V1__WriteReply reply = STOA__CONFIG__V1__WRITE_REPLY__INIT;
    Stoa__Config__V1__Problem problem;
    struct store_problem p = { 0 };
    char *path = NULL;
    int err = check_name(req->name, &p);

    if (!err) {
        path = str_printf("%s/%s", c->backup_dir, req->name);
        err = store_restore(c->store, path, &p);
    }
    config_note_health(c, &p);
    if (!err)
        config_facts_adopt(c);
    if (err) {
        msg_problem(&problem, &p);
        reply.problem = &problem;
        log_warning("restore: refused, %s", p.text);
    } else {
        log_info("restore %s: done, epoch=%llu", req->name,
                 (unsigned long long)store_epoch(c->store));
    }
    bus_reply(call, &reply.base);
    free(path);
}
