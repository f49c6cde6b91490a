/* SPDX-License-Identifier: Apache-2.0
 * What a certificate says. */
#include "cert_print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

json_t *cert_print_json(const struct pki_info *info)
{
    json_t *names = json_array();

    for (size_t i = 0; i < info->name_count; i++)
        json_array_append_new(names, json_string(info->names[i]));
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:i, s:s, s:b, s:b, s:i}", "subject", info->subject,
                     "issuer", info->issuer, "names", names, "not_before", info->not_before_s,
                     "not_after", info->not_after_s, "days_left", info->days_left, "sha256",
                     info->sha256, "is_ca", info->is_ca, "is_self_signed", info->is_self_signed,
                     "certificates", info->chain_len);
}

void cert_print_value(json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(value);
}

static const char *date(char out[32], int64_t t_s)
{
    time_t t = (time_t)t_s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        strcpy(out, "?");
    return out;
}

void cert_print_text(const struct pki_info *info)
{
    char from[32], to[32];

    printf("subject      %s\nissuer       %s%s\n", info->subject, info->issuer,
           info->is_self_signed ? " (signs itself)" : "");
    for (size_t i = 0; i < info->name_count; i++)
        printf("%s%s\n", i ? "             " : "names        ", info->names[i]);
    printf("valid        %s to %s, ", date(from, info->not_before_s), date(to, info->not_after_s));
    if (info->days_left < 0)
        printf("EXPIRED %d days ago\n", -info->days_left);
    else
        printf("%d days left\n", info->days_left);
    printf("kind         %s\nfingerprint  %s\n", info->is_ca ? "certificate authority" : "leaf",
           info->sha256);
    if (info->chain_len > 1)
        printf("chain        %d certificates in the file\n", info->chain_len);
}
