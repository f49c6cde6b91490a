/* SPDX-License-Identifier: Apache-2.0
 * Ports and addresses of the site as it was started last. They come from the environment of `stoa
 * run`, which another shell does not have. */
#ifndef STOA_NETWORK_H
#define STOA_NETWORK_H

#include "stoa.h"

/* Keeps what this process's environment says in <state>/run/network. */
void network_save(const struct stoa_ctx *ctx);

/* Returns the settings of the site with what was kept, where the environment does not say
 * otherwise. Owner: the caller, ends with conf_free(). */
struct conf *network_conf(const struct stoa_ctx *ctx);

#endif
