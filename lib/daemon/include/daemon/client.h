/* SPDX-License-Identifier: Apache-2.0
 * Asks a running daemon over its private socket, without the bus. For --healthcheck and `stoa`. */
#ifndef DAEMON_CLIENT_H
#define DAEMON_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

/* Sends GET `target` ("/status", "/metrics", "/health") and waits for the answer.
 * Owner:  *body is the caller's, ends with free(); NULL on error.
 * Errors: the HTTP status, or a negative errno: -ENOENT, -ECONNREFUSED nobody listens, -ETIMEDOUT,
 *         -EBADMSG. */
int daemon_client_get(const char *socket_path, const char *target, int timeout_ms,
                      char **body) MUST_USE;

/* Writes "python3 (pid 12)" for the process that has a port; false when there is none or it cannot
 * be seen. Shape: protocol as in deploy/ports. */
bool daemon_port_user(uint16_t port, const char *protocol, char *dst, size_t cap);

#endif
