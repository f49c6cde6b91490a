/* SPDX-License-Identifier: Apache-2.0
 * Requests to config, for the subcommands that read and change the configuration. */
#ifndef STOA_CONFIG_ASK_H
#define STOA_CONFIG_ASK_H

#include <config.pb-c.h>

#include "ask.h"

/* Sends a request to config; the first one connects, and *ask is the caller's from then on.
 * Returns STOA_OK with the answer in `reply`, whose problem is not looked at; else says what is
 * wrong and returns STOA_FAILED. */
int config_ask(struct ask **ask, const struct stoa_ctx *ctx, const ProtobufCMessage *body,
               struct ask_reply *reply) MUST_USE;

/* Says config's reason for refusing; returns STOA_FAILED. */
int config_complain(const Stoa__Config__V1__Problem *p);

#endif
