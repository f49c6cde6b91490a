/* SPDX-License-Identifier: Apache-2.0
 * The path of a request below /api/v1, in segments. */
#ifndef WEBADMIN_PATH_H
#define WEBADMIN_PATH_H

#include <stddef.h>

#include <base/attr.h>

#include "limits.h"

/* "/api/v1/turnServers/<id>/status" has the segments "turnServers", "<id>", "status". */
struct path {
    char text[WA_URI_MAX];
    const char *seg[WA_SEGMENTS_MAX]; /* point into `text` */
    size_t n;
};

/* Reads a decoded path. "/api/v1" may have any case; one "/" at the end is passed over.
 * Errors: -ENOENT it is not below /api/v1; -EINVAL an empty segment; -E2BIG. */
int path_parse(struct path *out, const char *text) MUST_USE;

#endif
