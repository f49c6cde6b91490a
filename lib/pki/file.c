/* SPDX-License-Identifier: Apache-2.0
 * PEM files: the only code of this library that touches the file system. */
#include <pki/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>

#include "pki_priv.h"

static int file_fail(struct pki_err *err, const char *doing, const char *path)
{
    int code = errno;

    return pki_fail(err, -code, "cannot %s %.150s: %s", doing, path, strerror(code));
}

int pki_file_load(char **pem, const char *path, struct pki_err *err)
{
    char *text = NULL;
    size_t len = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;

    if (fd < 0)
        return file_fail(err, "read", path);
    text = mem_zalloc(PKI_PEM_MAX_B + 2);
    while ((n = read(fd, text + len, PKI_PEM_MAX_B + 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        ret = file_fail(err, "read", path);
    else if (len > PKI_PEM_MAX_B)
        ret = pki_fail(err, -E2BIG, "%.150s is longer than %d bytes", path, PKI_PEM_MAX_B);
    else if (strlen(text) != len)
        ret = pki_fail(err, -EBADMSG, "%.150s is not text", path);
    if (!ret)
        *pem = str_dup(text);
    evp_wipe(text, len); /* it may have been a key */
    free(text);
    close(fd);
    return ret;
}

/* Makes the rename last: the folder itself is synced. */
static int sync_folder(const char *path)
{
    char *folder = str_dup(path), *slash = strrchr(folder, '/');
    int fd, ret;

    if (slash)
        slash[slash == folder] = 0;
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ret = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    free(folder);
    return ret;
}

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text), done = 0;

    while (done < len) {
        ssize_t n = write(fd, text + done, len - done);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            done += (size_t)n;
    }
    return true;
}

static int store(const char *path, const char *pem, mode_t mode, struct pki_err *err)
{
    char *temp = str_printf("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC), ret = 0; /* created with 0600 */

    if (fd < 0) {
        ret = file_fail(err, "write", path);
        goto out;
    }
    if (fchmod(fd, mode) < 0 || !write_all(fd, pem) || fsync(fd) < 0 || rename(temp, path) < 0) {
        ret = file_fail(err, "write", path);
        unlink(temp);
    } else if (sync_folder(path) < 0) {
        ret = file_fail(err, "sync the folder of", path);
    }
    close(fd);
out:
    free(temp);
    return ret;
}

int pki_file_store_cert(const char *path, const char *pem, struct pki_err *err)
{
    return store(path, pem, 0644, err);
}

int pki_file_store_key(const char *path, const char *pem, struct pki_err *err)
{
    return store(path, pem, 0600, err);
}

/* Says in which file the fault lies. */
static int blame(struct pki_err *err, int code, const char *path)
{
    struct pki_err inner;

    if (!err)
        return code;
    inner = *err;
    return pki_fail(err, code, "%.120s: %.190s", path, inner.text);
}

static int check_time(const char *cert_pem, const char *path, int64_t now_s, struct pki_err *err)
{
    struct pki_info info = { 0 };
    char date[16];
    int ret = pki_inspect(&info, cert_pem, now_s, err);

    if (ret)
        return blame(err, ret, path);
    if (now_s > info.not_after_s)
        ret = pki_fail(err, -EACCES, "%.120s: the certificate expired on %s", path,
                       pki_date(date, info.not_after_s));
    else if (now_s < info.not_before_s)
        ret = pki_fail(err, -EACCES, "%.120s: the certificate is valid from %s on", path,
                       pki_date(date, info.not_before_s));
    pki_info_fini(&info);
    return ret;
}

int pki_file_load_pair(struct pki_pair *out, const char *cert_path, const char *key_path,
                       int64_t now_s, struct pki_err *err)
{
    struct pki_pair pair = { 0 };
    int ret = pki_file_load(&pair.cert_pem, cert_path, err);

    if (!ret)
        ret = pki_file_load(&pair.key_pem, key_path, err);
    if (!ret)
        ret = check_time(pair.cert_pem, cert_path, now_s, err);
    if (!ret) {
        ret = pki_match(pair.cert_pem, pair.key_pem, err);
        if (ret)
            ret = blame(err, ret, key_path);
    }
    if (ret)
        pki_pair_fini(&pair);
    else
        *out = pair;
    return ret;
}

int64_t pki_file_stamp(const char *path)
{
    struct stat st;
    uint64_t s;

    if (stat(path, &st) != 0)
        return 0;
    s = (uint64_t)st.st_mtim.tv_sec * 1000000007u + (uint64_t)st.st_mtim.tv_nsec;
    s = (s * 31 + (uint64_t)st.st_ino) * 31 + (uint64_t)st.st_size;
    return (int64_t)(s | 1);
}
