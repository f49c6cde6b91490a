/* SPDX-License-Identifier: Apache-2.0
 * Everything that `stoa doctor` looks at, in the order of a guest's way: name, certificate, tunnel,
 * Host, web bridge, media. Each id has a section in docs/doctor.md; a test compares. */
#include "doctor.h"

#include <base/str.h>

#define E DOCTOR_ERROR
#define W DOCTOR_WARNING
#define TUNNEL "TUN-1= TUN-2= TUN-3= TUN-8= CRT-4="

static const struct doctor_row rows[] = {
    { "DNS-1", "dns", E, "Outside, the browser finds no server, or times out.", "", "expe" },
    { "DNS-2", "dns", E,
      "The join name works inside only; outside there is a gateway error.", "", "expc" },
    { "CRT-1", "certificates", E, "The browser says that the connection is not secure.", "",
      "webbridge webadmin expe" },
    { "CRT-2", "certificates", E,
      "The browser says that the connection is not secure: the name does not fit.", "",
      "webbridge webadmin expe" },
    { "CRT-4", "certificates", E,
      "It worked, and from one day on every browser refuses the certificate.", "",
      "webbridge webadmin expe expc" },
    { "TUN-2", "tunnel", E,
      "Outside, the page says that the service is not available; the zone's user or password is "
      "wrong.", "", "expc expe" },
    { "TUN-3", "tunnel", E,
      "Outside, the page says that the service is not available; a certificate of the zone has "
      "another name.", "", "expc expe" },
    { "TUN-8", "tunnel", E,
      "All is configured right, and certificates or logins do not count: a clock is wrong.", "",
      "expc expe" },
    { "TUN-1", "tunnel", E,
      "Outside, the page says that the service is not available; the tunnel is not Active: no "
      "connection.", "TUN-2= TUN-3= TUN-8= CRT-4=", "expc expe" },
    { "TUN-9", "tunnel", E, "A domain is missing from the page of the tunnels, or not Active.",
      "HT-1 " TUNNEL, "expc expe" },
    { "HT-1", "host", E, "The browser shows the page \"Bad Request\".",
      TUNNEL " DNS-2 WB-1", "expc expe" },
    { "HT-3", "host", E, "Outside, the page says that the gateway has failed (502).",
      TUNNEL " DNS-2 WB-1 CRT-1= CRT-2=", "expc expe" },
    { "WB-1", "web bridge", E, "The page has no Join button.", "CRT-1= CRT-2= CRT-4=",
      "callbridge" },
    { "WB-2", "web bridge", E,
      "The page has no Join button; the web bridge does not trust the callbridge.", "WB-1=",
      "callbridge webbridge" },
    { "TRN-13", "turn", E,
      "Guests from outside connect and see nothing; the TURN status is unreachable.", "",
      "callbridge" },
    { "TRN-1", "turn", E,
      "Guests from outside connect and see nothing; \"ICE failure; relay candidate creation "
      "timeout\".", "TRN-13=", "callbridge" },
    { "TRN-12", "turn", E,
      "Guests from outside connect and see nothing; their candidates have a private address.",
      "TRN-13= TRN-1=", "callbridge" },
    { "TRN-15", "turn", W,
      "Guests in networks that block UDP connect and see nothing.", "TRN-13= TRN-1=",
      "callbridge" },
    { "TRN-10", "media", E, "Guests from outside connect, and no media comes.",
      "TRN-13= TRN-1= TRN-12=", "callbridge" },
};

const struct doctor_row *doctor_rows(size_t *n)
{
    *n = ARRAY_LEN(rows);
    return rows;
}

const struct doctor_row *doctor_row(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_ieq(rows[i].id, id))
            return &rows[i];
    return NULL;
}
