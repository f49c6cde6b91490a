/* SPDX-License-Identifier: Apache-2.0
 * The sealed copy of a topic on disk: one AES-256-GCM box around a StateFile. It is not synced to
 * the disk: after a power loss the snapshot comes from the publisher. */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/envelope.h>
#include <evp/aead.h>
#include <evp/hash.h>

enum { FILE_MAX_B = 256 * 1024 * 1024 };

static const char aad[] = "stoa state 1";

static void derive(uint8_t key[EVP_AEAD_KEY_SIZE], const uint8_t secret[32])
{
    evp_hkdf_sha256(key, EVP_AEAD_KEY_SIZE, EVP_BYTES(secret, 32), EVP_NO_BYTES, "stoa-state-file");
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int replace(const char *path, const uint8_t *data, size_t len)
{
    char *tmp = str_printf("%s.new", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err = fd < 0 ? -errno : write_all(fd, data, len);

    if (fd >= 0)
        (void)close(fd);
    if (!err && rename(tmp, path))
        err = -errno;
    if (err)
        (void)unlink(tmp);
    free(tmp);
    return err;
}

int bus_state_file_write(const char *path, const uint8_t secret[32],
                         const Stoa__Bus__V1__StateFile *file)
{
    uint8_t key[EVP_AEAD_KEY_SIZE], *plain, *box;
    size_t len;
    ssize_t n;
    int err;

    plain = bus_pack(&file->base, &len);
    box = mem_zalloc(len + EVP_AEAD_OVERHEAD);
    derive(key, secret);
    n = evp_aead_seal(box, len + EVP_AEAD_OVERHEAD, key, EVP_BYTES(aad, sizeof(aad)),
                      EVP_BYTES(plain, len));
    err = n < 0 ? (int)n : replace(path, box, (size_t)n);
    evp_wipe(key, sizeof(key));
    evp_wipe(plain, len);
    free(plain);
    free(box);
    return err;
}

/* Reads a whole file into new memory. */
static int slurp(const char *path, uint8_t **out, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = 0;

    *out = NULL;
    *len = 0;
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st))
        err = -errno;
    else if (st.st_size > FILE_MAX_B)
        err = -E2BIG;
    if (!err) {
        *out = mem_zalloc((size_t)st.st_size + 1);
        while (*len < (size_t)st.st_size) {
            ssize_t n = read(fd, *out + *len, (size_t)st.st_size - *len);

            if (n <= 0)
                break;
            *len += (size_t)n;
        }
    }
    (void)close(fd);
    return err;
}

int bus_state_file_read(const char *path, const uint8_t secret[32], const char *topic,
                        Stoa__Bus__V1__StateFile **out)
{
    uint8_t key[EVP_AEAD_KEY_SIZE], *box, *plain = NULL;
    size_t len;
    ssize_t n;
    int err = slurp(path, &box, &len);

    *out = NULL;
    if (err)
        return err;
    plain = mem_zalloc(len + 1);
    derive(key, secret);
    n = evp_aead_open(plain, len, key, EVP_BYTES(aad, sizeof(aad)), EVP_BYTES(box, len));
    err = n < 0 ? (int)n : 0;
    if (!err) {
        *out = stoa__bus__v1__state_file__unpack(NULL, (size_t)n, plain);
        if (!*out || !str_eq((*out)->topic, topic)) {
            stoa__bus__v1__state_file__free_unpacked(*out, NULL);
            *out = NULL;
            err = -EBADMSG;
        }
    }
    evp_wipe(key, sizeof(key));
    evp_wipe(plain, len);
    free(plain);
    free(box);
    return err;
}
