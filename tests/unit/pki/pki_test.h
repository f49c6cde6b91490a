/* SPDX-License-Identifier: Apache-2.0
 * A CA and leaves for the tests of pki. */
#ifndef TESTS_PKI_TEST_H
#define TESTS_PKI_TEST_H

#include <pki/pki.h>

#include "cm.h"

#define NOW INT64_C(1800000000) /* 2027-01-15 */
#define DAY INT64_C(86400)

static inline struct pki_pair test_ca(void)
{
    struct pki_pair ca = { 0 };

    assert_int_equal(pki_ca_new(&ca, &(struct pki_opts){ .cn = "Test CA", .now_s = NOW }, NULL), 0);
    return ca;
}

static inline struct pki_pair test_leaf(const struct pki_pair *ca, const char *name, int days)
{
    struct pki_opts opts = { .names = &name, .name_count = 1, .days = days, .now_s = NOW };
    struct pki_pair leaf = { 0 };

    assert_int_equal(pki_issue(&leaf, ca, &opts, NULL), 0);
    return leaf;
}

#endif
