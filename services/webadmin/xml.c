/* SPDX-License-Identifier: Apache-2.0
 * XML out. */
#include "xml.h"

#include <string.h>

void xml_escape(struct str *out, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&apos;" };

    for (const char *p = text; *p; p++) {
        const char *at = strchr(special, *p);

        if (at)
            str_add(out, names[at - special]);
        else if ((unsigned char)*p >= 0x20 || *p == '\t' || *p == '\n' || *p == '\r')
            str_addn(out, p, 1);
    }
}

void xml_element(struct str *out, const char *name, const char *text)
{
    if (!text)
        return;
    str_addf(out, "<%s>", name);
    xml_escape(out, text);
    str_addf(out, "</%s>", name);
}

void xml_number(struct str *out, const char *name, unsigned n)
{
    str_addf(out, "<%s>%u</%s>", name, n, name);
}

void xml_failure(struct str *out, const char *name)
{
    str_addf(out, XML_HEAD "<failureDetails><%s /></failureDetails>", name);
}

void xml_parameter_error(struct str *out, const char *parameter, const char *error)
{
    str_add(out, XML_HEAD "<failureDetails><parameterError parameter=\"");
    xml_escape(out, parameter);
    str_add(out, "\" error=\"");
    xml_escape(out, error);
    str_add(out, "\" /></failureDetails>");
}
