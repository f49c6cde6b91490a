/* SPDX-License-Identifier: Apache-2.0
 * Answers as XML text, in the spelling that clients match. */
#ifndef WEBADMIN_XML_H
#define WEBADMIN_XML_H

#include <base/str.h>

/* The first line of every answer. */
#define XML_HEAD "<?xml version=\"1.0\"?>\n"

/* Appends text with & < > " ' escaped. Characters that XML 1.0 does not have are left out. */
void xml_escape(struct str *out, const char *text);

/* Appends <name>text</name>; nothing when `text` is NULL. */
void xml_element(struct str *out, const char *name, const char *text);

/* Appends <name>n</name>. */
void xml_number(struct str *out, const char *name, unsigned n);

/* Appends head and <failureDetails><name /></failureDetails>. */
void xml_failure(struct str *out, const char *name);

/* Appends head and
 * <failureDetails><parameterError parameter="p" error="e" /></failureDetails>. */
void xml_parameter_error(struct str *out, const char *parameter, const char *error);

#endif
