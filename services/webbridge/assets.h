/* SPDX-License-Identifier: Apache-2.0
 * The files of the guest page, read once at start into a table. A request is a look-up in that
 * table, so no request path ever reaches the file system. */
#ifndef WEBBRIDGE_ASSETS_H
#define WEBBRIDGE_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include <base/attr.h>

enum wb_coding { WB_IDENTITY, WB_GZIP, WB_BROTLI, WB_CODINGS };

struct wb_body {
    unsigned char *data; /* NULL: this coding does not exist */
    size_t len;
};

struct wb_asset {
    char *path;       /* as requested: "/assets/app-ABCDEFGH.js" */
    const char *type; /* Content-Type */
    char etag[40];    /* with quotes; of the identity coding, others get a suffix when sent */
    bool hashed;      /* the name changes with the content: cached for ever */
    struct wb_body bodies[WB_CODINGS];
};

struct wb_assets;

/* Reads the folder `dir` and its subfolders. X.gz and X.br are codings of X.
 * Owner:  the caller, wb_assets_free().
 * Errors: -ENOENT no such folder, or no index.html in it; -E2BIG over a limit of limits.h; others
 *         from reading. *out is NULL then. */
int wb_assets_load(struct wb_assets **out, const char *dir) MUST_USE;
void wb_assets_free(struct wb_assets *a);

size_t wb_assets_count(const struct wb_assets *a);

/* Finds the file for a request path without query; the pages "/", "/index.html" and "/invited.sf"
 * are the same file. Returns NULL when there is none. Owner: the table. */
const struct wb_asset *wb_assets_find(const struct wb_assets *a, const char *path);

/* Chooses the smallest coding that the Accept-Encoding value (may be NULL) allows and the file has.
 * Source: RFC 9110 s12.5.3. */
enum wb_coding wb_asset_choose(const struct wb_asset *f, const char *accept_encoding);

/* The token of Content-Encoding; NULL for identity. */
const char *wb_coding_name(enum wb_coding c);

/* Writes the entity tag of one coding ("\"abc-br\""). */
void wb_asset_etag(const struct wb_asset *f, enum wb_coding c, char dst[48]);

/* True when an If-None-Match value (may be NULL) names `etag`, weakly compared, or is "*".
 * Source: RFC 9110 s13.1.2. */
bool wb_etag_matches(const char *if_none_match, const char *etag);

/* True for a name with a content hash before its extension: "app-4GZ7QK2B.js". */
bool wb_name_is_hashed(const char *path);

#endif
