/* SPDX-License-Identifier: Apache-2.0
 * Reading the page's folder into a sorted table, and the choices HTTP asks of a file: coding,
 * entity tag, name with or without content hash. */
#include "assets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/attr.h>
#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/hash.h>

#include "limits.h"

struct wb_assets {
    struct wb_asset *table; /* sorted by path */
    size_t count;
    const struct wb_asset *index;
};

static const struct {
    const char *ext, *type;
} types[] = {
    { ".css", "text/css; charset=utf-8" },
    { ".html", "text/html; charset=utf-8" },
    { ".ico", "image/x-icon" },
    { ".jpg", "image/jpeg" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".map", "application/json" },
    { ".mp3", "audio/mpeg" },
    { ".ogg", "audio/ogg" },
    { ".png", "image/png" },
    { ".svg", "image/svg+xml" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".wav", "audio/wav" },
    { ".wasm", "application/wasm" },
    { ".webmanifest", "application/manifest+json" },
    { ".webp", "image/webp" },
    { ".woff2", "font/woff2" },
};

static const struct {
    const char *name, *ext;
} codings[WB_CODINGS] = {
    [WB_IDENTITY] = { NULL, "" },
    [WB_GZIP] = { "gzip", ".gz" },
    [WB_BROTLI] = { "br", ".br" },
};

/* Pages of the guide's link forms; all are the one page, which reads the query itself. */
static const char *const index_paths[] = { "/", "/index.html", "/invited.sf" };

static const char *type_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_ends(path, types[i].ext))
            return types[i].type;
    return "application/octet-stream";
}

static bool is_hash(const char *s, size_t len)
{
    bool digit = false, upper = false, lower = false;
    for (size_t i = 0; i < len; i++) {
        digit |= s[i] >= '0' && s[i] <= '9';
        upper |= s[i] >= 'A' && s[i] <= 'Z';
        lower |= s[i] >= 'a' && s[i] <= 'z';
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'Z') ||
              (s[i] >= 'a' && s[i] <= 'f')))
            return false;
    }
    /* esbuild writes 8 capitals and digits, other tools hex. Words are no hashes. */
    return len >= 8 && ((upper && !lower) || digit);
}

bool wb_name_is_hashed(const char *path)
{
    const char *base = strrchr(path, '/');
    base = base == NULL ? path : base + 1;
    const char *dot = strrchr(base, '.');
    if (dot == NULL)
        return false;
    if (str_eq(dot, ".map")) { /* app-4GZ7QK2B.js.map */
        while (dot > base && dot[-1] != '.')
            dot--;
        dot -= dot > base;
    }
    const char *start = dot;
    while (start > base && start[-1] != '-' && start[-1] != '.')
        start--;
    return start > base && is_hash(start, (size_t)(dot - start));
}

static int read_file(struct wb_body *out, const char *file)
{
    int err = 0;
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) != 0) {
        err = -errno;
        goto out;
    }
    if (st.st_size > WB_ASSET_BYTES_MAX) {
        err = -E2BIG;
        goto out;
    }
    size_t size = (size_t)st.st_size;
    out->data = mem_zalloc(size + 1); /* an empty file is not an absent one */
    while (out->len < size) {
        ssize_t n = read(fd, out->data + out->len, size - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err = n == 0 ? -EIO : -errno;
            goto out;
        }
        out->len += (size_t)n;
    }
out:
    close(fd);
    return err;
}

static bool is_coding_of_another(const char *name)
{
    return str_ends(name, ".gz") || str_ends(name, ".br");
}

static int add_file(struct wb_assets *a, const char *file, const char *path)
{
    if (a->count >= WB_ASSETS_MAX)
        return -E2BIG;
    a->table = mem_realloc(a->table, a->count + 1, sizeof *a->table);
    struct wb_asset *f = &a->table[a->count++];
    memset(f, 0, sizeof *f);
    f->path = str_dup(path);
    f->type = type_of(path);
    f->hashed = wb_name_is_hashed(path);
    for (int c = 0; c < WB_CODINGS; c++) {
        char *coded = str_printf("%s%s", file, codings[c].ext);
        int err = read_file(&f->bodies[c], coded);
        free(coded);
        if (err != 0 && !(c != WB_IDENTITY && err == -ENOENT))
            return err;
    }
    const struct wb_body *b = &f->bodies[WB_IDENTITY];
    uint8_t sum[EVP_SHA256_SIZE];
    char hex[2 * EVP_SHA256_SIZE + 1];
    evp_sha256(sum, b->data, b->len);
    snprintf(f->etag, sizeof f->etag, "\"%.32s\"", hex_encode(hex, sum, sizeof sum));
    return 0;
}

static int scan(struct wb_assets *a, const char *dir, const char *prefix, int depth)
{
    if (depth > WB_ASSET_DEPTH_MAX)
        return -E2BIG;
    DIR *d = opendir(dir);
    if (d == NULL)
        return -errno;
    int err = 0;
    for (struct dirent *e = readdir(d); e != NULL && err == 0; e = readdir(d)) {
        if (e->d_name[0] == '.' || is_coding_of_another(e->d_name))
            continue;
        char *file = str_printf("%s/%s", dir, e->d_name);
        char *path = str_printf("%s/%s", prefix, e->d_name);
        struct stat st;
        if (lstat(file, &st) != 0)
            err = -errno;
        else if (S_ISDIR(st.st_mode))
            err = scan(a, file, path, depth + 1);
        else if (S_ISREG(st.st_mode)) /* a link could lead out of the folder: left out */
            err = add_file(a, file, path);
        free(file);
        free(path);
    }
    closedir(d);
    return err;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct wb_asset *)a)->path, ((const struct wb_asset *)b)->path);
}

static const struct wb_asset *look_up(const struct wb_assets *a, const char *path)
{
    struct wb_asset key = { .path = (char *)(uintptr_t)path };
    if (a->count == 0)
        return NULL;
    return bsearch(&key, a->table, a->count, sizeof *a->table, by_path);
}

int wb_assets_load(struct wb_assets **out, const char *dir)
{
    struct wb_assets *a = MEM_NEW(struct wb_assets);
    *out = NULL;
    int err = scan(a, dir, "", 0);
    if (err != 0)
        goto fail;
    if (a->count > 0)
        qsort(a->table, a->count, sizeof *a->table, by_path);
    a->index = look_up(a, "/index.html");
    err = a->index == NULL ? -ENOENT : 0;
    if (err != 0)
        goto fail;
    *out = a;
    return 0;
fail:
    wb_assets_free(a);
    return err;
}

size_t wb_assets_count(const struct wb_assets *a)
{
    return a->count;
}

const struct wb_asset *wb_assets_find(const struct wb_assets *a, const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(index_paths); i++)
        if (str_eq(path, index_paths[i]))
            return a->index;
    return look_up(a, path);
}

/* True when the list `accept` allows `name`: present (or "*") and not with q=0. */
static bool accepts(const char *accept, const char *name)
{
    size_t want = strlen(name);
    for (const char *p = accept; *p != '\0';) {
        p += strspn(p, " \t,");
        size_t item = strcspn(p, ",");
        size_t token = strcspn(p, " \t;,");
        const char *q = memchr(p, ';', item);
        if ((token == want && strncasecmp(p, name, want) == 0) || (token == 1 && *p == '*')) {
            if (q == NULL)
                return true;
            q += 1 + strspn(q + 1, " \t");
            if (q[0] != 'q' || q[1] != '=')
                return true;
            q += 2;
            return strspn(q, "0.") != strcspn(q, " \t;,");
        }
        p += item;
    }
    return false;
}

enum wb_coding wb_asset_choose(const struct wb_asset *f, const char *accept_encoding)
{
    enum wb_coding best = WB_IDENTITY;
    if (accept_encoding == NULL)
        return best;
    for (enum wb_coding c = WB_GZIP; c < WB_CODINGS; c++)
        if (f->bodies[c].data != NULL && f->bodies[c].len < f->bodies[best].len &&
            accepts(accept_encoding, codings[c].name))
            best = c;
    return best;
}

const char *wb_coding_name(enum wb_coding c)
{
    return codings[c].name;
}

void wb_asset_etag(const struct wb_asset *f, enum wb_coding c, char dst[48])
{
    if (c == WB_IDENTITY)
        snprintf(dst, 48, "%s", f->etag);
    else
        snprintf(dst, 48, "%.*s-%s\"", (int)strlen(f->etag) - 1, f->etag, codings[c].name);
}

bool wb_etag_matches(const char *if_none_match, const char *etag)
{
    if (if_none_match == NULL)
        return false;
    size_t want = strlen(etag);
    for (const char *p = if_none_match; *p != '\0';) {
        p += strspn(p, " \t,");
        size_t item = strcspn(p, ",");
        if (*p == '*')
            return true;
        const char *tag = strncmp(p, "W/", 2) == 0 ? p + 2 : p;
        if (strncmp(tag, etag, want) == 0 && strchr(" \t,", tag[want]) != NULL)
            return true;
        p += item;
    }
    return false;
}

void wb_assets_free(struct wb_assets *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->count; i++) {
        free(a->table[i].path);
        for (int c = 0; c < WB_CODINGS; c++)
            free(a->table[i].bodies[c].data);
    }
    free(a->table);
    free(a);
}
