/* SPDX-License-Identifier: Apache-2.0
 * Random GUIDs in the form of the guide's API: small hex, 8-4-4-4-12. */
#ifndef CALLBRIDGE_GUID_H
#define CALLBRIDGE_GUID_H

/* Writes 36 characters and a NUL. Source: RFC 9562 s5.4 (version 4). */
void guid_make(char dst[37]);

#endif
