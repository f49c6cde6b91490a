/* SPDX-License-Identifier: Apache-2.0
 * A root, an issuing CA below it and a leaf of that (made once with openssl(1), valid for a hundred
 * years): our own CAs sign leaves only, so a longer chain has to come from elsewhere. */
#ifndef TESTS_PKI_CHAIN_VECTORS_H
#define TESTS_PKI_CHAIN_VECTORS_H

static const char chain_root[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBczCCARigAwIBAgIULU42kp8FMgvyj8ho7ciezB6Y7qIwCgYIKoZIzj0EAwIw\n"
    "FjEUMBIGA1UEAwwLVmVjdG9yIFJvb3QwIBcNMjYxMTI1MjI0NjE0WhgPMjEyNjEx\n"
    "MDEyMjQ2MTRaMBYxFDASBgNVBAMMC1ZlY3RvciBSb290MFkwEwYHKoZIzj0CAQYI\n"
    "KoZIzj0DAQcDQgAEWRHjAnIvAD3ccuY9Fef3naMgT6VHCHgZ1uTldt8J3nya7p1s\n"
    "wqlyjW1k6y6o8giuajxgwEjjP5vE0obaEx/Kb6NCMEAwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAOBgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFLfF3Dvqd/nHPYV7H2yI2urhS2ff\n"
    "MAoGCCqGSM49BAMCA0kAMEYCIQDhiJdO0oXHZ9VC/+EQqxMYWfIzzlkO4tPnrdn1\n"
    "EAEp6AIhAKP5E8xdecOStVrHixUq204Kh9szx11opW4OzAeVDb3W\n"
    "-----END CERTIFICATE-----\n";

static const char chain_inter[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBmjCCAT+gAwIBAgIURHVN8voC7jS3ejKZLE4MHPRWDB4wCgYIKoZIzj0EAwIw\n"
    "FjEUMBIGA1UEAwwLVmVjdG9yIFJvb3QwIBcNMjYxMTI1MjI0NjE0WhgPMjEyNjEx\n"
    "MDEyMjQ2MTRaMBwxGjAYBgNVBAMMEVZlY3RvciBJc3N1aW5nIENBMFkwEwYHKoZI\n"
    "zj0CAQYIKoZIzj0DAQcDQgAE7MfjuONFRroMkQSNb/w+26wpJtFo7Bn4B3kQ9ICd\n"
    "oyJPhW8eeTWNfzjLzV/A2Usao/xfuJzfNStns5REtQvWt6NjMGEwDwYDVR0TAQH/\n"
    "BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFMkw9BxPyWLQcXlBk24P\n"
    "IFm6R1+DMB8GA1UdIwQYMBaAFLfF3Dvqd/nHPYV7H2yI2urhS2ffMAoGCCqGSM49\n"
    "BAMCA0kAMEYCIQDvIox94S6HBbYHTMWXwLCT9v7xDHiH1jkdRXePkq8dugIhALks\n"
    "kXTGJXxy/jxRV1YZwKF8kIrRuECYpzrYSAR2FE/U\n"
    "-----END CERTIFICATE-----\n";

static const char chain_leaf[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBqTCCAU6gAwIBAgIUIzPpeOxqhQt7HZIsjrcVXU5Ggi4wCgYIKoZIzj0EAwIw\n"
    "HDEaMBgGA1UEAwwRVmVjdG9yIElzc3VpbmcgQ0EwIBcNMjYxMTI1MjI0NjE0WhgP\n"
    "MjEyNTA2MTkyMjQ2MTRaMBsxGTAXBgNVBAMMEGpvaW4uZXhhbXBsZS5jb20wWTAT\n"
    "BgcqhkjOPQIBBggqhkjOPQMBBwNCAASuWqOVvef5E9YABShyLDyLn1FK25oukRWO\n"
    "PNK7H3VBQdYQUP3bOXNCvRAcMHL/mfjQveLmaidWxltKQrQ6acuVo20wazAMBgNV\n"
    "HRMBAf8EAjAAMBsGA1UdEQQUMBKCEGpvaW4uZXhhbXBsZS5jb20wHQYDVR0OBBYE\n"
    "FG9qAfRAAR4DVLvN0lusFl26qNqtMB8GA1UdIwQYMBaAFMkw9BxPyWLQcXlBk24P\n"
    "IFm6R1+DMAoGCCqGSM49BAMCA0kAMEYCIQCbEqj6+2Oyyf4o3gmtcsZPtfK4xf4Z\n"
    "CGzVYqFBUywJMQIhAJDVnjJtZiWYQQcv3tQmk+Vt29IqkSBnzduaDFkHyNIk\n"
    "-----END CERTIFICATE-----\n";

static const char chain_leaf_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcO7Hgpthxz5BB3Hk\n"
    "t22ttcQoYYOCttTeakYubYbp0g+hRANCAASuWqOVvef5E9YABShyLDyLn1FK25ou\n"
    "kRWOPNK7H3VBQdYQUP3bOXNCvRAcMHL/mfjQveLmaidWxltKQrQ6acuV\n"
    "-----END PRIVATE KEY-----\n";

static const char chain_leaf_key_encrypted[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi65/mmMi5iDAICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFA9aCuJplplDZ70jxU9XzIEgZCj\n"
    "HCmbHXz2ET2aiqDSfPyiHoW49AgVELYC74MXBMgC0aK8DKr/LRJtrUF6mbgGwQZC\n"
    "qJne/dSkXM0NeKiRMK8Hx4qT7dCjC/eMt5yum5MbdewYbilYgyg+lafGfopgRmiq\n"
    "UMZ566KNd5ZuLdhGGmZiFejEX3Y45GMLD/ShkJIhSFERV5JvOLt+2EXuqi33P80=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

#endif
