/* SPDX-License-Identifier: Apache-2.0
 * Copies by sqlite's backup API, which works while the database is in use. A copy holds sealed
 * values only; the key file is kept apart from it. */
#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy(sqlite3 *to, sqlite3 *from, struct store_problem *p)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int rc = b ? sqlite3_backup_step(b, -1) : sqlite3_errcode(to);

    if (b)
        sqlite3_backup_finish(b);
    if (rc == SQLITE_DONE)
        return 0;
    (void)!store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", NULL, NULL,
                      "the database cannot be copied: %s", sqlite3_errstr(rc));
    return store_sql_errno(rc);
}

int store_backup(struct store *st, const char *path, struct store_problem *p)
{
    char *tmp = str_printf("%s.part", path);
    sqlite3 *to = NULL;
    int fd, err, rc;

    unlink(tmp);
    /* Made here for its mode: sqlite would give it the umask's. */
    fd = open(tmp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    rc = sqlite3_open_v2(tmp, &to, SQLITE_OPEN_READWRITE, NULL);
    if (fd < 0 || rc != SQLITE_OK) {
        err = store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", NULL, NULL,
                         "the backup %s cannot be written", path);
        goto out;
    }
    err = copy(to, st->db, p);
    /* A copy of a WAL database would want its -wal beside it: make it one file. */
    if (!err && sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
        err = store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", NULL, NULL,
                         "the backup %s cannot be written", path);
out:
    sqlite3_close_v2(to);
    if (!err && rename(tmp, path))
        err = store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", NULL, NULL,
                         "the backup %s cannot be written: %s", path, strerror(errno));
    if (err)
        unlink(tmp);
    free(tmp);
    return err;
}

/* Checks a copy as if it were to be opened, without touching the file. */
static int check_copy(struct store *st, sqlite3 *from, struct store_problem *p)
{
    struct store probe = { .db = from, .site = st->site };
    struct str why = { 0 };
    sqlite3_stmt *q;
    int err;

    memcpy(probe.key, st->key, sizeof(probe.key));
    err = store_prepare(&probe, &q, "PRAGMA quick_check(1)", p);
    if (!err) {
        bool fine = sqlite3_step(q) == SQLITE_ROW &&
                    str_eq((const char *)sqlite3_column_text(q, 0), "ok");

        sqlite3_finalize(q);
        err = store_check(&probe, &why);
        if (!err && !fine) {
            str_add(&why, "the file is damaged");
            err = -EBADMSG;
        }
        if (err)
            err = store_fail(p, STORE_INVALID, "invalidOperation", NULL, NULL,
                             "the backup cannot be used: %s", why.s);
    }
    str_fini(&why);
    evp_wipe(probe.key, sizeof(probe.key));
    return err;
}

/* Gives the copy in memory a new epoch, before it takes the database's place in one transaction: a
 * crash must not leave old numbers under an epoch that others have seen with newer ones. */
static int renew_copy(struct store *st, sqlite3 *mem, struct store_problem *p)
{
    struct store probe = { .db = mem, .site = st->site };

    return store_new_epoch(&probe, p);
}

int store_restore(struct store *st, const char *path, struct store_problem *p)
{
    sqlite3 *from = NULL, *mem = NULL;
    struct str why = { 0 };
    int rc = sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, NULL), err = 0;

    if (rc != SQLITE_OK)
        err = store_fail(p, STORE_NOT_FOUND, "unrecognizedObject", NULL, NULL,
                         "there is no backup %s", path);
    if (!err)
        err = check_copy(st, from, p);
    if (!err && sqlite3_open(":memory:", &mem) != SQLITE_OK)
        err = store_fail(p, STORE_INTERNAL, "databaseNotReady", NULL, NULL, "out of memory");
    if (!err)
        err = copy(mem, from, p);
    if (!err)
        err = renew_copy(st, mem, p);
    if (!err)
        err = copy(st->db, mem, p);
    /* An older copy may lack columns of today. */
    if (!err && store_schema(st, &why))
        err = store_fail(p, STORE_INTERNAL, "databaseNotReady", NULL, NULL, "%s", why.s);
    str_fini(&why);
    sqlite3_close_v2(mem);
    sqlite3_close_v2(from);
    return err;
}
