/* SPDX-License-Identifier: Apache-2.0
 * Requests to config. */
#include "config_ask.h"

enum { WRITE_MS = 30000 };

int config_complain(const Stoa__Config__V1__Problem *p)
{
    return stoa_fail("%s%s%s%s", p->text ? p->text : "config refused", p->name ? " (" : "",
                     p->name ? p->name : "", p->name ? ")" : "");
}

int config_ask(struct ask **ask, const struct stoa_ctx *ctx, const ProtobufCMessage *body,
               struct ask_reply *reply)
{
    const struct bus_dst dst = { .role = "config" };

    if (!*ask && ask_open(ask, ctx))
        return STOA_FAILED;
    if (ask_request(*ask, &dst, body, WRITE_MS, reply) == BUS_OK)
        return STOA_OK;
    stoa_fail("%s%s", reply->message,
              reply->code == BUS_UNAVAILABLE ? ". Is config running? See 'stoa status'" : "");
    ask_reply_fini(reply);
    return STOA_FAILED;
}
