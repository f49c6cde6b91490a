/* SPDX-License-Identifier: Apache-2.0
 * The kinds and their fields. Names are those of the guide's API, so that scripts and habits carry
 * over. Fields are only ever added. */
#include <kinds/kinds.h>

#include <string.h>

#define LAYOUTS                                                                          \
    "automatic|allEqual|speakerOnly|telepresence|stacked|allEqualQuarters|allEqualNinths|" \
    "allEqualSixteenths|allEqualTwentyFifths|onePlusFive|onePlusSeven|onePlusNine|onePlusN"

#define SPACE_ID "duplicateCoSpaceId"
#define SPACE_URI "duplicateCoSpaceUri"

static const struct kinds_field domain_fields[] = {
    { .name = "domain", .type = KINDS_DOMAIN,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Domain that the XMPP server serves" },
    { .name = "keyFile", .type = KINDS_FILE, .flags = KINDS_LIST,
      .help = "Private key of the domain, a file of the site's key folder; unset: the server's" },
    { .name = "certificateFile", .type = KINDS_FILE, .flags = KINDS_LIST,
      .help = "Certificate of the domain" },
    { .name = "bundleFile", .type = KINDS_FILE, .flags = KINDS_LIST,
      .help = "Certificates of the issuers" },
};

static const struct kinds_field space_fields[] = {
    { .name = "name", .type = KINDS_STRING, .flags = KINDS_REQUIRED | KINDS_SEARCH | KINDS_LIST,
      .max = 200, .help = "Name that participants see" },
    { .name = "uri", .type = KINDS_URI_USER, .flags = KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .conflict = SPACE_URI, .help = "URI user part" },
    { .name = "secondaryUri", .type = KINDS_URI_USER,
      .flags = KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .conflict = SPACE_URI,
      .help = "Secondary URI user part" },
    { .name = "callId", .type = KINDS_CALL_ID, .flags = KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .conflict = SPACE_ID, .help = "Number that guests enter to join" },
    { .name = "passcode", .type = KINDS_PASSCODE, .flags = KINDS_SEALED,
      .help = "Asked for beside the call ID; unset: none is needed" },
    { .name = "secret", .type = KINDS_SECRET, .flags = KINDS_SEALED,
      .help = "Part of the join link; made by itself once the space has a call ID" },
    { .name = "regenerateSecret", .type = KINDS_BOOL, .flags = KINDS_ACTION,
      .help = "Makes a new secret: links given out before stop working" },
    { .name = "defaultLayout", .type = KINDS_ENUM, .values = LAYOUTS, .dflt = "automatic",
      .help = "Arrangement of the pictures until a participant chooses another" },
    { .name = "nonMemberAccess", .type = KINDS_BOOL, .dflt = "true",
      .help = "Guests may join; false: users of the site only" },
    { .name = "requireCallId", .type = KINDS_BOOL, .dflt = "false",
      .help = "A call ID is made for the space if none is given" },
    { .name = "locked", .type = KINDS_BOOL, .dflt = "false",
      .help = "A new call in the space starts locked" },
    { .name = "participantLimit", .type = KINDS_UINT, .min = 1, .max = 10000,
      .help = "Most participants at a time; unset: the site's" },
    { .name = "messageBoardEnabled", .type = KINDS_BOOL, .dflt = "true",
      .help = "The space has a chat" },
    { .name = "ownerJid", .type = KINDS_JID, .flags = KINDS_SEARCH,
      .help = "User to whom the space belongs" },
    { .name = "cdrTag", .type = KINDS_STRING, .max = 100, .help = "Repeated in call records" },
};

static const struct kinds_field access_method_fields[] = {
    { .name = "space", .type = KINDS_REF, .values = "space",
      .flags = KINDS_REQUIRED | KINDS_CASCADE | KINDS_LIST,
      .help = "Space that it opens" },
    { .name = "name", .type = KINDS_STRING, .flags = KINDS_SEARCH | KINDS_LIST, .max = 200,
      .help = "Name for administrators: host, guest" },
    { .name = "uri", .type = KINDS_URI_USER, .flags = KINDS_SEARCH | KINDS_LIST,
      .conflict = SPACE_URI, .help = "URI user part" },
    { .name = "callId", .type = KINDS_CALL_ID, .flags = KINDS_SEARCH | KINDS_LIST,
      .conflict = SPACE_ID,
      .help = "May equal the space's call ID if the passcode differs: host and guest PIN" },
    { .name = "passcode", .type = KINDS_PASSCODE, .flags = KINDS_SEALED,
      .help = "Asked for beside the call ID" },
    { .name = "secret", .type = KINDS_SECRET, .flags = KINDS_SEALED,
      .help = "Part of the join link; made by itself once there is a call ID" },
    { .name = "regenerateSecret", .type = KINDS_BOOL, .flags = KINDS_ACTION,
      .help = "Makes a new secret: links given out before stop working" },
    { .name = "scope", .type = KINDS_ENUM, .values = "public|private|member", .dflt = "public",
      .help = "Who may see it" },
    { .name = "needsActivation", .type = KINDS_BOOL, .dflt = "false",
      .help = "Waits in the lobby until somebody without this mark is in the call" },
    { .name = "canMuteOthers", .type = KINDS_BOOL, .dflt = "false", .help = "May mute others" },
    { .name = "canDisconnectOthers", .type = KINDS_BOOL, .dflt = "false",
      .help = "May remove others" },
    { .name = "canLock", .type = KINDS_BOOL, .dflt = "false", .help = "May lock the call" },
    { .name = "canPresent", .type = KINDS_BOOL, .dflt = "true", .help = "May share a screen" },
};

static const struct kinds_field user_fields[] = {
    { .name = "userJid", .type = KINDS_JID,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Name at login: thomas@cms.octavio.local" },
    { .name = "name", .type = KINDS_STRING, .flags = KINDS_SEARCH | KINDS_LIST, .max = 200,
      .help = "Name that others see" },
    { .name = "email", .type = KINDS_EMAIL, .flags = KINDS_SEARCH | KINDS_LIST,
      .help = "Mail address" },
};

static const struct kinds_field rule_fields[] = {
    { .name = "domain", .type = KINDS_DOMAIN,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Domain of a called URI; exact, no wildcard" },
    { .name = "priority", .type = KINDS_UINT, .flags = KINDS_LIST, .min = 0, .max = 1000000,
      .dflt = "0", .help = "The highest names the domain when a URI is built" },
    { .name = "targetsSpaces", .type = KINDS_BOOL, .flags = KINDS_LIST, .dflt = "true",
      .help = "URIs of the domain lead to spaces" },
    { .name = "targetsUsers", .type = KINDS_BOOL, .flags = KINDS_LIST, .dflt = "true",
      .help = "URIs of the domain lead to users" },
};

static const struct kinds_field web_bridge_fields[] = {
    { .name = "url", .type = KINDS_URL,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Where callbridges dial it; every address behind the name is dialled" },
    { .name = "idEntryMode", .type = KINDS_ENUM, .values = "secure|disabled", .dflt = "secure",
      .help = "secure: call ID and passcode are looked up together; disabled: links only" },
    { .name = "allowWeblinkAccess", .type = KINDS_BOOL, .dflt = "true",
      .help = "Join links work" },
    { .name = "showSignIn", .type = KINDS_BOOL, .dflt = "true",
      .help = "The page offers users to sign in" },
    { .name = "resolveCoSpaceCallIds", .type = KINDS_BOOL, .dflt = "true",
      .help = "Call IDs of spaces are accepted" },
    { .name = "resourceArchive", .type = KINDS_URL,
      .help = "Zip archive with the page's branding" },
};

static const struct kinds_field turn_server_fields[] = {
    { .name = "serverAddress", .type = KINDS_HOST,
      .flags = KINDS_REQUIRED | KINDS_SEARCH | KINDS_LIST,
      .help = "Address that the callbridge uses" },
    { .name = "clientAddress", .type = KINDS_HOST, .flags = KINDS_SEARCH | KINDS_LIST,
      .help = "Address that browsers use; unset: the server address" },
    { .name = "numRegistrations", .type = KINDS_UINT, .max = 100, .dflt = "0",
      .help = "Kept for scripts; without effect" },
    { .name = "username", .type = KINDS_STRING, .max = 128,
      .help = "User of the TURN server" },
    { .name = "password", .type = KINDS_STRING, .flags = KINDS_HIDDEN, .max = 128,
      .help = "Password of that user" },
    { .name = "sharedSecret", .type = KINDS_STRING, .flags = KINDS_HIDDEN, .max = 256,
      .help = "Of a foreign server with time-limited names (static-auth-secret of coturn)" },
    { .name = "type", .type = KINDS_ENUM, .values = "standard|expressway|cms|acano|lyncEdge",
      .dflt = "standard", .help = "Kind of server; decides its port while none is given" },
    { .name = "tcpPortNumberOverride", .type = KINDS_UINT, .min = 1, .max = 65535,
      .help = "Port; the guide sets 3478" },
};

static const struct kinds_field settings_fields[] = {
    { .name = "guestAccountClientUri", .type = KINDS_URL,
      .help = "Web bridge as callbridges reach it: a web bridge link is dialled to each address "
              "behind it" },
    { .name = "guestAccountJidDomain", .type = KINDS_DOMAIN,
      .help = "XMPP domain of guest accounts" },
    { .name = "customBackgroundImageUri", .type = KINDS_URL,
      .help = "Background of the guest page" },
    { .name = "customLoginLogoUri", .type = KINDS_URL, .help = "Logo of the guest page" },
    { .name = "guestAccessViaIdAndPasscode", .type = KINDS_ENUM, .values = "secure|disabled",
      .dflt = "secure", .help = "Guests may join with call ID and passcode" },
    { .name = "guestAccessViaHyperlinks", .type = KINDS_BOOL, .dflt = "true",
      .help = "Guests may join by a link" },
    { .name = "userSignIn", .type = KINDS_BOOL, .dflt = "true",
      .help = "The guest page offers users to sign in" },
    { .name = "webBridgeUri", .type = KINDS_URL,
      .help = "External access: address of the guest page in join links" },
    { .name = "ivrNumericId", .type = KINDS_CALL_ID, .help = "IVR: number of the voice menu" },
    { .name = "ivrTelephoneNumber", .type = KINDS_STRING, .max = 40,
      .help = "External access: telephone number in invitations" },
    { .name = "webBridgeHostnames", .type = KINDS_NAMES,
      .help = "Further names under which the guest page may be opened, beside those of "
              "webBridgeUri and guestAccountClientUri" },
    { .name = "webBridgeEnabled", .type = KINDS_BOOL, .dflt = "true",
      .help = "The web bridges answer; false closes their ports, running calls go on" },
    { .name = "webBridgeListen", .type = KINDS_ADDRS,
      .help = "Addresses on which the web bridges answer HTTPS, with a port if it is not the usual "
              "one; a second web bridge of a machine adds 10 to it; unset: as they were started" },
    { .name = "webBridgeHttpRedirect", .type = KINDS_BOOL, .dflt = "true",
      .help = "HTTP is answered with a redirect to HTTPS" },
    { .name = "xmppDomain", .type = KINDS_DOMAIN, .help = "XMPP server: first domain" },
    { .name = "xmppUniqueName", .type = KINDS_STRING, .max = 64, .dflt = "callbridge",
      .help = "XMPP server: unique name of the callbridge" },
    { .name = "xmppServerAddress", .type = KINDS_STRING, .max = 255,
      .help = "XMPP server: address for native clients; unset: found by DNS" },
    { .name = "participantLimit", .type = KINDS_UINT, .min = 1, .max = 100000, .dflt = "1000",
      .help = "Most participants of the site at a time" },
    { .name = "spaceParticipantLimit", .type = KINDS_UINT, .min = 1, .max = 10000, .dflt = "250",
      .help = "Most participants of a space at a time, where the space has no limit of its own" },
    { .name = "videoCodec", .type = KINDS_ENUM, .values = "VP8|H264", .dflt = "VP8",
      .help = "Codec of all video in calls that begin from now on" },
    { .name = "guestPasscodeTries", .type = KINDS_UINT, .min = 1, .max = 1000, .dflt = "10",
      .help = "Wrong tries per minute and client address before answers are delayed" },
};

static const struct kinds_field host_record_fields[] = {
    { .name = "name", .type = KINDS_DOMAIN,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Name that Stoa resolves by this record before it asks DNS" },
    { .name = "addresses", .type = KINDS_ADDRS,
      .flags = KINDS_REQUIRED | KINDS_SEARCH | KINDS_LIST,
      .help = "Addresses, each with a port if it is not the usual one; of a web bridge, a loopback "
              "address without a port stands for the web bridges of this machine" },
};

static const struct kinds_field turn_fields[] = {
    { .name = "realm", .type = KINDS_STRING, .max = 127, .dflt = "stoa",
      .help = "Authentication realm" },
    { .name = "instances", .type = KINDS_UINT, .min = 1, .max = 32, .dflt = "8",
      .help = "Into how many slices the media range is cut: most TURN instances at a time" },
    { .name = "listen", .type = KINDS_ADDRS,
      .help = "Addresses on which TURN instances answer; unset: as they were started" },
    { .name = "staticNat", .type = KINDS_NAT,
      .help = "Public address of each private one, as 10.88.246.156/172.16.85.168: only the public "
              "one is announced" },
    { .name = "userQuota", .type = KINDS_UINT, .min = 1, .max = 100000, .dflt = "20",
      .help = "Most relays of one user name; callbridges have no such limit" },
    { .name = "sourceQuota", .type = KINDS_UINT, .min = 1, .max = 100000, .dflt = "200",
      .help = "Most relays of one client address (IPv6: /64); callbridges have no such limit" },
    { .name = "totalQuota", .type = KINDS_UINT, .min = 1, .max = 100000, .dflt = "6000",
      .help = "Most relays of one instance; its slice of the media range limits them as well" },
    { .name = "bitRate", .type = KINDS_UINT, .max = 1000000, .dflt = "0",
      .help = "Most kbit/s of a guest's relay in each direction; 0: no limit" },
    { .name = "unauthorizedLimit", .type = KINDS_UINT, .min = 1, .max = 100000, .dflt = "10",
      .help = "Most answers per second to requests without valid credentials from one address" },
    { .name = "latencyBudget", .type = KINDS_UINT, .max = 500, .dflt = "500",
      .help = "How many microseconds packets may wait under load to be sent together; 0: none" },
};

static const struct kinds_field turn_user_fields[] = {
    { .name = "name", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 128,
      .help = "Name at the TURN server" },
    { .name = "password", .type = KINDS_STRING, .flags = KINDS_HIDDEN, .max = 128,
      .help = "Its password; time-limited names are derived from it" },
    { .name = "localOnly", .type = KINDS_BOOL, .flags = KINDS_LIST, .dflt = "false",
      .help = "The name itself is accepted from the machine's own addresses alone; time-limited "
              "names from everywhere" },
    { .name = "allowPeers", .type = KINDS_NETS,
      .help = "Networks that this user may reach although they are not public" },
};

static const struct kinds_field turn_instance_fields[] = {
    { .name = "holder", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 255,
      .help = "Machine and number of the instance" },
    { .name = "instance", .type = KINDS_STRING, .max = 64, .help = "Its name on the bus" },
    { .name = "place", .type = KINDS_UINT, .flags = KINDS_UNIQUE | KINDS_LIST, .min = 1, .max = 32,
      .help = "Which slice of the media range it has" },
    { .name = "port", .type = KINDS_UINT, .flags = KINDS_LIST, .min = 1, .max = 65535,
      .help = "UDP and TCP port of its listeners" },
    { .name = "privatePort", .type = KINDS_UINT, .max = 65535,
      .help = "Port of its listener that requires PROXY v2" },
    { .name = "mediaMin", .type = KINDS_UINT, .min = 1, .max = 65535,
      .help = "First relayed port" },
    { .name = "mediaMax", .type = KINDS_UINT, .min = 1, .max = 65535,
      .help = "Last relayed port" },
    { .name = "addresses", .type = KINDS_ADDRS, .flags = KINDS_LIST,
      .help = "Addresses on which its relays are bound" },
    { .name = "publicAddresses", .type = KINDS_ADDRS, .flags = KINDS_LIST,
      .help = "What is announced for each of them" },
    { .name = "realm", .type = KINDS_STRING, .max = 127, .help = "Its authentication realm" },
    { .name = "zone", .type = KINDS_STRING, .max = 64,
      .help = "Zone through which it has become known; unset: it is of this site" },
    { .name = "servers", .type = KINDS_ADDRS, .flags = KINDS_LIST,
      .help = "Addresses on which it answers requests" },
    { .name = "load", .type = KINDS_UINT, .max = 1000000,
      .help = "Of an instance of another site: relays in use" },
    { .name = "state", .type = KINDS_ENUM, .values = "starting|serving|draining",
      .flags = KINDS_LIST, .dflt = "starting", .help = "Whether it takes new relays" },
};

static const struct kinds_field api_user_fields[] = {
    { .name = "name", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 64,
      .help = "Name at login" },
    { .name = "role", .type = KINDS_ENUM, .values = "admin|api|audit",
      .flags = KINDS_REQUIRED | KINDS_LIST,
      .help = "admin: everything; api: the REST API; audit: reading alone" },
    { .name = "passwordHash", .type = KINDS_HASH, .flags = KINDS_HIDDEN, .max = 128,
      .help = "Hash of the password, as 'stoa user add' makes it" },
};

/* --- the edge, seen from inside --------------------------------------------------------------- */

static const struct kinds_field zone_fields[] = {
    { .name = "name", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 64,
      .help = "Name of the zone" },
    { .name = "address", .type = KINDS_HOST, .flags = KINDS_REQUIRED | KINDS_LIST,
      .help = "The edge; a name is resolved by host records, then by the inside DNS, and all of its "
              "addresses are dialled" },
    { .name = "port", .type = KINDS_UINT, .min = 1, .max = 65535, .dflt = "7001",
      .flags = KINDS_LIST, .help = "Its zone port" },
    { .name = "username", .type = KINDS_STRING, .max = 128,
      .help = "User of the zone in the edge's local authentication database" },
    { .name = "password", .type = KINDS_STRING, .flags = KINDS_HIDDEN, .max = 128,
      .help = "Its password" },
    { .name = "subjectName", .type = KINDS_HOST,
      .help = "Name that the edge's certificate must be made for; unset: the address" },
    { .name = "peerCa", .type = KINDS_CERT, .help = "CA that has signed the edge's certificate" },
    { .name = "enabled", .type = KINDS_BOOL, .flags = KINDS_LIST, .dflt = "true",
      .help = "The zone is dialled" },
};

static const struct kinds_field web_proxy_fields[] = {
    { .name = "enabled", .type = KINDS_BOOL, .dflt = "true",
      .help = "Meeting Server Web Proxy: guests outside reach the web bridges" },
    { .name = "guestAccountClientUri", .type = KINDS_URL,
      .help = "Guest account client URI: the join address that guests outside use. The inside DNS "
              "must lead its name to the web bridges" },
    { .name = "verifyCertificate", .type = KINDS_BOOL, .dflt = "true",
      .help = "The web bridges' certificates are checked; false is said to everybody who asks" },
};

static const struct kinds_field client_uri_fields[] = {
    { .name = "uri", .type = KINDS_URL,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "A join address, as guestAccountClientUri of webProxy; its host counts" },
};

static const struct kinds_field tunnel_domain_fields[] = {
    { .name = "domain", .type = KINDS_DOMAIN,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Domain name; a tunnel is up for it where both sites have it" },
};

static const struct kinds_field edge_fact_fields[] = {
    { .name = "node", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 255,
      .help = "The edge, as it calls itself" },
    { .name = "zone", .type = KINDS_STRING, .flags = KINDS_LIST, .max = 64,
      .help = "Zone through which it has become known" },
    { .name = "names", .type = KINDS_NAMES, .flags = KINDS_LIST,
      .help = "Names under which guests reach it" },
    { .name = "turnsPort", .type = KINDS_UINT, .max = 65535,
      .help = "Port on which it takes TURN over TLS; unset: none" },
    { .name = "software", .type = KINDS_STRING, .max = 64, .help = "Its version" },
};

/* --- the edge itself -------------------------------------------------------------------------- */

static const struct kinds_field zone_server_fields[] = {
    { .name = "name", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 64,
      .help = "Name of the zone" },
    { .name = "username", .type = KINDS_STRING, .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_LIST,
      .max = 128, .help = "Its user in the local authentication database" },
    { .name = "subjectNames", .type = KINDS_NAMES, .flags = KINDS_LIST,
      .help = "TLS verify subject name: one of them must be in the certificate of expc" },
    { .name = "peerCa", .type = KINDS_CERT,
      .help = "CA that has signed the certificate of expc; unset: that of the first connection "
              "with the right password is kept" },
    { .name = "pairUntil", .type = KINDS_UINT,
      .help = "Until when a zone without CA waits for that connection, in seconds since 1970" },
    { .name = "enabled", .type = KINDS_BOOL, .flags = KINDS_LIST, .dflt = "true",
      .help = "The zone may connect" },
};

static const struct kinds_field zone_user_fields[] = {
    { .name = "name", .type = KINDS_STRING,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST, .max = 128,
      .help = "Name of the zone's user" },
    { .name = "verifier", .type = KINDS_STRING, .flags = KINDS_HIDDEN, .max = 255,
      .help = "What is kept of its password (SCRAM-SHA-256), as 'stoa zone add' makes it" },
};

static const struct kinds_field external_name_fields[] = {
    { .name = "name", .type = KINDS_DOMAIN,
      .flags = KINDS_REQUIRED | KINDS_UNIQUE | KINDS_SEARCH | KINDS_LIST,
      .help = "Name under which guests outside open the page" },
    { .name = "certificateFile", .type = KINDS_FILE, .flags = KINDS_LIST, .dflt = "expe.crt",
      .help = "Certificate for it, with chain, a file of the site's pki folder" },
    { .name = "keyFile", .type = KINDS_FILE, .dflt = "expe.key", .help = "Its private key" },
};

static const struct kinds_field edge_fields[] = {
    { .name = "httpRedirect", .type = KINDS_BOOL, .dflt = "true",
      .help = "Redirect HTTP requests to HTTPS" },
    { .name = "hsts", .type = KINDS_BOOL, .dflt = "true",
      .help = "HTTP Strict Transport Security (HSTS) on 443" },
    { .name = "turnOverTls", .type = KINDS_BOOL, .dflt = "true",
      .help = "443 takes TURN over TLS beside the web" },
    { .name = "connectionLimit", .type = KINDS_UINT, .min = 10, .max = 1000000, .dflt = "20000",
      .help = "Most connections from outside at a time" },
    { .name = "sourceConnectionLimit", .type = KINDS_UINT, .min = 1, .max = 1000000,
      .dflt = "200", .help = "Most connections of one address (IPv6: /64) at a time" },
    { .name = "sourceRate", .type = KINDS_UINT, .min = 1, .max = 100000, .dflt = "50",
      .help = "Most new connections per second of one address" },
    { .name = "headTimeout", .type = KINDS_UINT, .min = 1, .max = 60, .dflt = "10",
      .help = "Seconds that a client has for the TLS handshake and for the head of its request" },
    { .name = "tunnelMemory", .type = KINDS_UINT, .min = 4, .max = 4096, .dflt = "64",
      .help = "Most MiB held for connections whose other side reads slowly" },
};

#define FIELDS(f) .fields = (f), .n_fields = ARRAY_LEN(f)
#define BOTH (KINDS_SITE_INSIDE | KINDS_SITE_EDGE)

static const struct kinds_kind table[] = {
    { .name = "settings", .topic = "site", .sites = KINDS_SITE_INSIDE, .max_rows = 1,
      .missing = "unrecognizedObject", .duplicate = "invalidOperation",
      .help = "Settings of the whole site", FIELDS(settings_fields) },
    { .name = "domain", .collection = "domains", .topic = "site", .sites = KINDS_SITE_INSIDE,
      .key = "domain", .missing = "domainDoesNotExist", .duplicate = "duplicateDomain",
      .max_rows = 64, .help = "A domain of the XMPP server", FIELDS(domain_fields) },
    { .name = "space", .collection = "coSpaces", .topic = "site", .secret_topic = "site-secret",
      .sites = KINDS_SITE_INSIDE, .key = "uri", .missing = "coSpaceDoesNotExist",
      .duplicate = SPACE_URI, .max_rows = 100000, .help = "A meeting room",
      FIELDS(space_fields) },
    { .name = "accessMethod", .collection = "accessMethods", .topic = "site",
      .secret_topic = "site-secret", .sites = KINDS_SITE_INSIDE, .key = "name",
      .parent = "space", .missing = "accessMethodDoesNotExist", .duplicate = SPACE_ID,
      .max_rows = 200000,
      .help = "A further way into a space, with rights of its own",
      FIELDS(access_method_fields) },
    { .name = "user", .collection = "users", .topic = "user", .sites = KINDS_SITE_INSIDE,
      .key = "userJid", .missing = "userDoesNotExist", .duplicate = "duplicateUserJid",
      .max_rows = 100000, .help = "A user of the site", FIELDS(user_fields) },
    { .name = "callMatchingRule", .collection = "inboundDialPlanRules", .topic = "site",
      .sites = KINDS_SITE_INSIDE, .key = "domain", .missing = "inboundDialPlanRuleDoesNotExist",
      .duplicate = "inboundDialPlanRuleUriConflict", .max_rows = 1000,
      .help = "Incoming calls: which domains are ours", FIELDS(rule_fields) },
    { .name = "webBridge", .collection = "webBridges", .topic = "site",
      .sites = KINDS_SITE_INSIDE, .key = "url", .missing = "webBridgeDoesNotExist",
      .duplicate = "duplicateWebBridgeUrl", .max_rows = 64,
      .help = "A web bridge that callbridges link to, beside the guest account client URI",
      FIELDS(web_bridge_fields) },
    { .name = "turnServer", .collection = "turnServers", .topic = "site",
      .secret_topic = "turn-secret", .sites = KINDS_SITE_INSIDE, .key = "serverAddress",
      .missing = "turnServerDoesNotExist", .duplicate = "duplicateTurnServer", .max_rows = 64,
      .help = "A TURN server for browsers and callbridges", FIELDS(turn_server_fields) },
    { .name = "turn", .topic = "site", .sites = BOTH, .max_rows = 1,
      .missing = "unrecognizedObject", .duplicate = "invalidOperation",
      .help = "Settings of the TURN instances", FIELDS(turn_fields) },
    { .name = "turnUser", .topic = "site", .secret_topic = "turn-user", .sites = BOTH,
      .key = "name", .missing = "turnUserDoesNotExist", .duplicate = "duplicateTurnUser",
      .max_rows = 1000, .help = "A user of the TURN instances", FIELDS(turn_user_fields) },
    { .name = "turnInstance", .topic = "site", .sites = BOTH, .key = "holder", .runtime = true,
      .missing = "turnInstanceDoesNotExist", .duplicate = "duplicateTurnInstance",
      .max_rows = 64, .help = "A TURN instance that has registered",
      FIELDS(turn_instance_fields) },
    { .name = "apiUser", .topic = "site", .secret_topic = "admin-secret", .sites = BOTH,
      .key = "name", .missing = "apiUserDoesNotExist", .duplicate = "duplicateApiUser",
      .max_rows = 1000, .help = "A user of the REST API and the web administration",
      FIELDS(api_user_fields) },
    { .name = "zone", .topic = "site", .secret_topic = "zone-secret", .sites = KINDS_SITE_INSIDE,
      .key = "name", .missing = "zoneDoesNotExist", .duplicate = "duplicateZone", .max_rows = 16,
      .help = "An edge that expc dials: Unified Communications traversal zone",
      FIELDS(zone_fields) },
    { .name = "webProxy", .topic = "site", .sites = KINDS_SITE_INSIDE, .max_rows = 1,
      .missing = "unrecognizedObject", .duplicate = "invalidOperation",
      .help = "Expressway-C: Configuration > Unified Communications > Cisco Meeting Server",
      FIELDS(web_proxy_fields) },
    { .name = "clientUri", .topic = "site", .sites = KINDS_SITE_INSIDE, .key = "uri",
      .missing = "clientUriDoesNotExist", .duplicate = "duplicateClientUri", .max_rows = 15,
      .help = "A further guest account client URI beside that of webProxy, which switches it on "
              "and off",
      FIELDS(client_uri_fields) },
    { .name = "tunnelDomain", .topic = "site", .sites = BOTH, .key = "domain",
      .missing = "tunnelDomainDoesNotExist", .duplicate = "duplicateTunnelDomain",
      .max_rows = 32, .help = "Expressway: Configuration > Domains",
      FIELDS(tunnel_domain_fields) },
    { .name = "edgeFact", .topic = "site", .sites = KINDS_SITE_INSIDE, .key = "node",
      .runtime = true, .missing = "edgeFactDoesNotExist", .duplicate = "duplicateEdgeFact",
      .max_rows = 64, .help = "An edge that a zone leads to", FIELDS(edge_fact_fields) },
    { .name = "zoneServer", .topic = "site", .sites = KINDS_SITE_EDGE, .key = "name",
      .missing = "zoneServerDoesNotExist", .duplicate = "duplicateZoneServer", .max_rows = 16,
      .help = "A zone that may connect to this edge: Unified Communications traversal zone",
      FIELDS(zone_server_fields) },
    { .name = "zoneUser", .topic = "site", .secret_topic = "zone-user",
      .sites = KINDS_SITE_EDGE, .key = "name", .missing = "zoneUserDoesNotExist",
      .duplicate = "duplicateZoneUser", .max_rows = 64,
      .help = "A zone's user in the local authentication database", FIELDS(zone_user_fields) },
    { .name = "externalName", .topic = "site", .sites = KINDS_SITE_EDGE, .key = "name",
      .missing = "externalNameDoesNotExist", .duplicate = "duplicateExternalName",
      .max_rows = 64, .help = "A name that guests outside use", FIELDS(external_name_fields) },
    { .name = "edge", .topic = "site", .sites = KINDS_SITE_EDGE, .max_rows = 1,
      .missing = "unrecognizedObject", .duplicate = "invalidOperation",
      .help = "Settings of the edge", FIELDS(edge_fields) },
    { .name = "hostRecord", .topic = "site", .collection = "hostRecords", .sites = BOTH,
      .key = "name", .missing = "hostRecordDoesNotExist", .duplicate = "duplicateHostRecord",
      .max_rows = 1000, .help = "A static host record", FIELDS(host_record_fields) },
};

const struct kinds_kind *kinds_all(size_t *n)
{
    *n = ARRAY_LEN(table);
    return table;
}

const struct kinds_kind *kinds_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (str_eq(table[i].name, name))
            return &table[i];
    return NULL;
}

const struct kinds_kind *kinds_find_collection(const char *collection)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].collection && str_ieq(table[i].collection, collection))
            return &table[i];
    return NULL;
}

const struct kinds_field *kinds_field(const struct kinds_kind *k, const char *name)
{
    for (size_t i = 0; i < k->n_fields; i++)
        if (str_eq(k->fields[i].name, name))
            return &k->fields[i];
    return NULL;
}

bool kinds_is_singleton(const struct kinds_kind *k)
{
    return k->key == NULL;
}

bool kinds_is_secret(const struct kinds_field *f)
{
    return (f->flags & (KINDS_SEALED | KINDS_HIDDEN)) != 0;
}

unsigned kinds_site(const char *name)
{
    if (str_eq(name, "inside"))
        return KINDS_SITE_INSIDE;
    return str_eq(name, "edge") ? KINDS_SITE_EDGE : 0;
}
