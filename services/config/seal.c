/* SPDX-License-Identifier: Apache-2.0
 * Sealing of passcodes, link secrets and passwords: a copy of the database file alone gives none of
 * them away. Each box is bound to its row and field, so that boxes cannot be moved about in the
 * file. The key lies beside the database in a file of its own, which backups do not hold. */
#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/hex.h>
#include <base/mem.h>
#include <evp/rand.h>

enum { KEY_TEXT_LEN = 2 * EVP_AEAD_KEY_SIZE + 1 };

static int make_key(const char *path, char text[KEY_TEXT_LEN + 1])
{
    uint8_t key[EVP_AEAD_KEY_SIZE];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = 0;

    if (fd < 0)
        return -errno;
    evp_random(key, sizeof(key));
    hex_encode(text, key, sizeof(key));
    evp_wipe(key, sizeof(key));
    text[KEY_TEXT_LEN - 1] = '\n';
    /* On disk before the first box is: a lost key would make every box unreadable. */
    if (write(fd, text, KEY_TEXT_LEN) != KEY_TEXT_LEN || fsync(fd))
        err = errno ? -errno : -EIO;
    close(fd);
    if (err)
        unlink(path);
    return err;
}

int store_seal_key(struct store *st, const char *path, struct str *why)
{
    char text[KEY_TEXT_LEN + 1] = "";
    int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        err = make_key(path, text);
    } else if (fd < 0) {
        err = -errno;
    } else if (read(fd, text, KEY_TEXT_LEN) < KEY_TEXT_LEN - 1) {
        err = -EBADMSG;
    }
    if (fd >= 0)
        close(fd);
    text[KEY_TEXT_LEN - 1] = '\0';
    if (!err && hex_decode(st->key, sizeof(st->key), text) != EVP_AEAD_KEY_SIZE)
        err = -EBADMSG;
    evp_wipe(text, sizeof(text));
    if (err == -EBADMSG)
        str_addf(why, "the key file %s is damaged; put it back from its copy", path);
    else if (err)
        str_addf(why, "the key file %s cannot be opened: %s", path, strerror(-err));
    return err;
}

static char *box_name(const struct store_row *row, size_t field)
{
    return str_printf("%s/%s/%s", row->kind->name, row->id, row->kind->fields[field].name);
}

uint8_t *store_seal(struct store *st, const struct store_row *row, size_t field, size_t *len)
{
    char *aad = box_name(row, field);
    size_t plain = strlen(row->values[field]), cap = plain + EVP_AEAD_OVERHEAD;
    uint8_t *box = mem_zalloc(cap);
    ssize_t n = evp_aead_seal(box, cap, st->key, EVP_BYTES(aad, strlen(aad)),
                              EVP_BYTES(row->values[field], plain));

    free(aad);
    *len = n < 0 ? 0 : (size_t)n;
    return box;
}

int store_unseal(struct store *st, const struct store_row *row, size_t field, const void *box,
                 size_t len, char **out)
{
    char *aad = box_name(row, field);
    char *text = mem_zalloc(len + 1);
    ssize_t n = evp_aead_open((uint8_t *)text, len, st->key, EVP_BYTES(aad, strlen(aad)),
                              EVP_BYTES(box, len));

    free(aad);
    if (n < 0) {
        free(text);
        return (int)n;
    }
    *out = text;
    return 0;
}
