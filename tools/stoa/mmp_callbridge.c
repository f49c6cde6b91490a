/* SPDX-License-Identifier: Apache-2.0
 * callbridge. */
#include <stdio.h>
#include <stdlib.h>

#include "mmp.h"
#include "network.h"

int mmp_callbridge(struct mmp *m, int argc, char **argv)
{
    struct conf *conf = network_conf(m->ctx);
    struct mmp_label rows[] = {
        { "Listening interfaces", NULL },
        { "Preferred interface", NULL },
        { "Key file", mmp_file_label(m, "callbridge.key") },
        { "Certificate file", mmp_file_label(m, "callbridge.crt") },
        { "Address", NULL },
        { "CA Bundle file", mmp_file_label(m, "callbridge.bundle") },
    };

    (void)argc;
    (void)argv;
    if (conf)
        rows[0].value =
            str_printf("%s:%u", conf_listen(conf, "media"), conf_port(conf, "media"));
    mmp_show(m, rows, ARRAY_LEN(rows));
    conf_free(conf);
    return STOA_OK;
}

int mmp_callbridge_listen(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return said_failure(&m->said,
                        "the media ports are opened once, when callbridge starts: changing them "
                        "would end every call. Start the site with --listen ADDRESS and "
                        "--port-base N, or with STOA_LISTEN and STOA_PORT_MEDIA");
}

int mmp_callbridge_certs(struct mmp *m, int argc, char **argv)
{
    return mmp_certs(m, "callbridge", argc, argv);
}

int mmp_callbridge_trust(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    return mmp_trust(m, "callbridge.bundle", argv[0], false);
}

int mmp_callbridge_restart(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return mmp_restart(m, "callbridge");
}
