/* SPDX-License-Identifier: Apache-2.0
 * The table of subcommands, by name: X(name) for `const struct stoa_cmd cmd_<name>`. */
#ifndef STOA_COMMANDS_H
#define STOA_COMMANDS_H

#include "stoa.h"

#define STOA_COMMANDS(X) \
    X(accounts)          \
    X(call)              \
    X(calls)             \
    X(cert)              \
    X(config)            \
    X(doctor)            \
    X(keys)              \
    X(log)               \
    X(mmp)               \
    X(pki)               \
    X(ports)             \
    X(run)               \
    X(status)            \
    X(turn)              \
    X(user)              \
    X(zone)

#define STOA_DECLARE(name) extern const struct stoa_cmd cmd_##name;
STOA_COMMANDS(STOA_DECLARE)
#undef STOA_DECLARE

#endif
