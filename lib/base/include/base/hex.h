/* SPDX-License-Identifier: Apache-2.0
 * Hex and base64 (RFC 4648). */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/attr.h>

/* Writes 2*len small hex digits and a NUL to `dst`; returns `dst`. */
char *hex_encode(char *dst, const void *data, size_t len);

/* Reads pairs of hex digits. Returns the bytes written, -EINVAL, or -EOVERFLOW beyond `cap`. */
ssize_t hex_decode(void *dst, size_t cap, const char *text) MUST_USE;

/* Bytes that base64_encode() writes for `len` bytes, with the NUL. */
#define BASE64_SIZE(len) ((((len) + 2) / 3) * 4 + 1)

/* Writes padded base64 and a NUL to `dst`; returns `dst`. */
char *base64_encode(char *dst, const void *data, size_t len);

/* The URL-safe alphabet without padding (RFC 4648 s5). */
char *base64url_encode(char *dst, const void *data, size_t len);

/* Reads base64 in either alphabet, with or without padding. Returns the bytes written, -EINVAL for
 * anything else, -EOVERFLOW beyond `cap`. */
ssize_t base64_decode(void *dst, size_t cap, const char *text, size_t len) MUST_USE;

#endif
