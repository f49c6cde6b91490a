/* SPDX-License-Identifier: Apache-2.0
 * Every limit of config, each with its reason. */
#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

enum {
    CONFIG_LIST_DEFAULT = 50,        /* the REST API's page */
    CONFIG_LIST_MAX = 500,           /* a reply must stay far below a bus message (1 MiB) */
    CONFIG_REPLY_MAX_B = 512 * 1024, /* rows in one reply; the rest is asked for with an offset */
    CONFIG_IMPORT_MAX = 4096,        /* rows of one import: the bus takes no longer list */
    CONFIG_FIELDS_MAX = 64,          /* of one row; no kind has half as many */
    CONFIG_VALUE_MAX_B = 4096,       /* of one field; the longest type (URL) has 1024 */
    CONFIG_FILTER_MAX_B = 256,       /* a substring to look for in every row */
    CONFIG_DONE_MAX = 4096,          /* answers kept for repeated requests, across restarts */
    CONFIG_BACKUPS_MAX = 32,         /* backup files; the oldest goes */
    CONFIG_LEASE_MS = 10 * 60 * 1000, /* a place stays its holder's after its last word */
    CONFIG_LEASE_LOOK_MS = 10000,
    CONFIG_FACTS_MAX = 32,           /* of a kind: half of what the kind takes, the rest is the site's */
    CONFIG_FACT_ID_MAX_B = 128,      /* an edge's GUIDs have 36 */
    CONFIG_FACT_WORDS_MAX = 8,       /* expc that say the same; of more, the latest count */
    CONFIG_FACT_TTL_MS = 10000,      /* DESIGN section 3: of a fact that does not say */
    CONFIG_FACT_TTL_MIN_MS = 1000,
    CONFIG_FACT_TTL_MAX_MS = 60000,
    CONFIG_FACT_LOOK_MS = 500,
    CONFIG_FACT_LOAD_MS = 5000,      /* a load is no reason to wait for the disk more often */
    CONFIG_CALL_ID_LEN = 6,          /* digits of a call ID that config makes */
    CONFIG_CALL_ID_TRIES = 64, /* until a free one is found; fewer than 1 in 10 may be taken */
};

#endif
