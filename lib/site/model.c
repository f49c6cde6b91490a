/* SPDX-License-Identifier: Apache-2.0
 * Which field of config's rows goes into which member, and by which members objects are looked for.
 */
#include "site_priv.h"

#include <stddef.h>

#define TEXT(field, type, member)                                                                  \
    {                                                                                              \
        field, SITE_TEXT, offsetof(struct type, member), NULL                                      \
    }
#define FLAG(field, type, member)                                                                  \
    {                                                                                              \
        field, SITE_BOOL, offsetof(struct type, member), NULL                                      \
    }
#define U32(field, type, member)                                                                   \
    {                                                                                              \
        field, SITE_U32, offsetof(struct type, member), NULL                                       \
    }
#define PORT(field, type, member)                                                                  \
    {                                                                                              \
        field, SITE_PORT, offsetof(struct type, member), NULL                                      \
    }
#define KEY(field, type, member, prefix)                                                           \
    {                                                                                              \
        field, SITE_TEXT, offsetof(struct type, member), prefix                                    \
    }

static const struct site_member settings[] = {
    TEXT("guestAccountClientUri", site_settings, guest_account_client_uri),
    TEXT("guestAccountJidDomain", site_settings, guest_account_jid_domain),
    TEXT("customBackgroundImageUri", site_settings, custom_background_image_uri),
    TEXT("customLoginLogoUri", site_settings, custom_login_logo_uri),
    TEXT("guestAccessViaIdAndPasscode", site_settings, guest_access_via_id_and_passcode),
    FLAG("guestAccessViaHyperlinks", site_settings, guest_access_via_hyperlinks),
    FLAG("userSignIn", site_settings, user_sign_in),
    TEXT("webBridgeUri", site_settings, web_bridge_uri),
    TEXT("webBridgeHostnames", site_settings, web_bridge_hostnames),
    FLAG("webBridgeEnabled", site_settings, web_bridge_enabled),
    TEXT("webBridgeListen", site_settings, web_bridge_listen),
    FLAG("webBridgeHttpRedirect", site_settings, web_bridge_http_redirect),
    TEXT("ivrNumericId", site_settings, ivr_numeric_id),
    TEXT("ivrTelephoneNumber", site_settings, ivr_telephone_number),
    TEXT("xmppDomain", site_settings, xmpp_domain),
    TEXT("xmppUniqueName", site_settings, xmpp_unique_name),
    TEXT("xmppServerAddress", site_settings, xmpp_server_address),
    U32("participantLimit", site_settings, participant_limit),
    U32("spaceParticipantLimit", site_settings, space_participant_limit),
    TEXT("videoCodec", site_settings, video_codec),
    U32("guestPasscodeTries", site_settings, guest_passcode_tries),
};

static const struct site_member domain[] = {
    KEY("domain", site_domain, domain, "domain"),
    TEXT("keyFile", site_domain, key_file),
    TEXT("certificateFile", site_domain, certificate_file),
    TEXT("bundleFile", site_domain, bundle_file),
};

static const struct site_member space[] = {
    TEXT("name", site_space, name),
    KEY("uri", site_space, uri, "uri"),
    KEY("secondaryUri", site_space, secondary_uri, "uri"),
    KEY("callId", site_space, call_id, "call"),
    TEXT("passcode", site_space, passcode),
    TEXT("secret", site_space, secret),
    TEXT("defaultLayout", site_space, default_layout),
    FLAG("nonMemberAccess", site_space, non_member_access),
    FLAG("locked", site_space, locked),
    FLAG("messageBoardEnabled", site_space, message_board),
    U32("participantLimit", site_space, participant_limit),
};

static const struct site_member access[] = {
    TEXT("space", site_access, space),
    TEXT("name", site_access, name),
    TEXT("uri", site_access, uri),
    KEY("callId", site_access, call_id, "call"),
    TEXT("passcode", site_access, passcode),
    TEXT("secret", site_access, secret),
    TEXT("scope", site_access, scope),
    FLAG("needsActivation", site_access, needs_activation),
    FLAG("canMuteOthers", site_access, can_mute_others),
    FLAG("canDisconnectOthers", site_access, can_disconnect_others),
    FLAG("canLock", site_access, can_lock),
    FLAG("canPresent", site_access, can_present),
};

static const struct site_member user[] = {
    KEY("userJid", site_user, jid, "user"),
    TEXT("name", site_user, name),
    TEXT("email", site_user, email),
};

static const struct site_member rule[] = {
    KEY("domain", site_rule, domain, "rule"),
    U32("priority", site_rule, priority),
    FLAG("targetsSpaces", site_rule, targets_spaces),
    FLAG("targetsUsers", site_rule, targets_users),
};

static const struct site_member web_bridge[] = {
    TEXT("url", site_web_bridge, url),
    TEXT("idEntryMode", site_web_bridge, id_entry_mode),
    TEXT("resourceArchive", site_web_bridge, resource_archive),
    FLAG("allowWeblinkAccess", site_web_bridge, allow_weblink_access),
    FLAG("showSignIn", site_web_bridge, show_sign_in),
    FLAG("resolveCoSpaceCallIds", site_web_bridge, resolve_call_ids),
};

static const struct site_member turn_server[] = {
    TEXT("serverAddress", site_turn_server, server_address),
    TEXT("clientAddress", site_turn_server, client_address),
    TEXT("username", site_turn_server, username),
    TEXT("password", site_turn_server, password),
    TEXT("sharedSecret", site_turn_server, shared_secret),
    TEXT("type", site_turn_server, type),
    PORT("tcpPortNumberOverride", site_turn_server, port),
};

static const struct site_member turn[] = {
    TEXT("realm", site_turn, realm),
    TEXT("listen", site_turn, listen),
    TEXT("staticNat", site_turn, static_nat),
    U32("instances", site_turn, instances),
    U32("userQuota", site_turn, user_quota),
    U32("sourceQuota", site_turn, source_quota),
    U32("totalQuota", site_turn, total_quota),
    U32("bitRate", site_turn, bit_rate_kbps),
    U32("unauthorizedLimit", site_turn, unauthorized_limit),
    U32("latencyBudget", site_turn, latency_budget_us),
};

static const struct site_member turn_user[] = {
    KEY("name", site_turn_user, name, "turnUser"),
    TEXT("password", site_turn_user, password),
    FLAG("localOnly", site_turn_user, local_only),
    TEXT("allowPeers", site_turn_user, allow_peers),
};

static const struct site_member turn_instance[] = {
    TEXT("holder", site_turn_instance, holder),
    TEXT("instance", site_turn_instance, instance),
    U32("place", site_turn_instance, place),
    PORT("port", site_turn_instance, port),
    PORT("privatePort", site_turn_instance, private_port),
    PORT("mediaMin", site_turn_instance, media_min),
    PORT("mediaMax", site_turn_instance, media_max),
    TEXT("addresses", site_turn_instance, addresses),
    TEXT("publicAddresses", site_turn_instance, public_addresses),
    TEXT("realm", site_turn_instance, realm),
    TEXT("zone", site_turn_instance, zone),
    TEXT("servers", site_turn_instance, servers),
    U32("load", site_turn_instance, load),
    TEXT("state", site_turn_instance, state),
};

static const struct site_member api_user[] = {
    KEY("name", site_api_user, name, "apiUser"),
    TEXT("role", site_api_user, role),
    TEXT("passwordHash", site_api_user, password_hash),
};

static const struct site_member zone[] = {
    KEY("name", site_zone, name, "zone"),
    TEXT("address", site_zone, address),
    PORT("port", site_zone, port),
    TEXT("username", site_zone, username),
    TEXT("password", site_zone, password),
    TEXT("subjectName", site_zone, subject_name),
    TEXT("peerCa", site_zone, peer_ca),
    FLAG("enabled", site_zone, enabled),
};

static const struct site_member web_proxy[] = {
    FLAG("enabled", site_web_proxy, enabled),
    TEXT("guestAccountClientUri", site_web_proxy, guest_account_client_uri),
    FLAG("verifyCertificate", site_web_proxy, verify_certificate),
};

static const struct site_member client_uri[] = {
    TEXT("uri", site_client_uri, uri),
};

static const struct site_member tunnel_domain[] = {
    KEY("domain", site_tunnel_domain, domain, "tunnelDomain"),
};

static const struct site_member edge_fact[] = {
    TEXT("node", site_edge_fact, node),
    TEXT("zone", site_edge_fact, zone),
    TEXT("names", site_edge_fact, names),
    PORT("turnsPort", site_edge_fact, turns_port),
    TEXT("software", site_edge_fact, software),
};

static const struct site_member zone_server[] = {
    KEY("name", site_zone_server, name, "zoneServer"),
    TEXT("username", site_zone_server, username),
    TEXT("subjectNames", site_zone_server, subject_names),
    TEXT("peerCa", site_zone_server, peer_ca),
    U32("pairUntil", site_zone_server, pair_until_s),
    FLAG("enabled", site_zone_server, enabled),
};

static const struct site_member zone_user[] = {
    KEY("name", site_zone_user, name, "zoneUser"),
    TEXT("verifier", site_zone_user, verifier),
};

static const struct site_member external_name[] = {
    KEY("name", site_external_name, name, "externalName"),
    TEXT("certificateFile", site_external_name, certificate_file),
    TEXT("keyFile", site_external_name, key_file),
};

static const struct site_member edge[] = {
    FLAG("httpRedirect", site_edge, http_redirect),
    FLAG("hsts", site_edge, hsts),
    FLAG("turnOverTls", site_edge, turn_over_tls),
    U32("connectionLimit", site_edge, connection_limit),
    U32("sourceConnectionLimit", site_edge, source_connection_limit),
    U32("sourceRate", site_edge, source_rate),
    U32("headTimeout", site_edge, head_timeout_s),
    U32("tunnelMemory", site_edge, tunnel_memory_mib),
};

static const struct site_member host[] = {
    KEY("name", site_host, name, "host"),
    TEXT("addresses", site_host, addresses),
};

#define MODEL(name, array, type)                                                                   \
    {                                                                                              \
        name, array, ARRAY_LEN(array), offsetof(struct type, id), true                             \
    }

const struct site_model site_models[SITE_KINDS] = {
    [SITE_SETTINGS] = { "settings", settings, ARRAY_LEN(settings), 0, false },
    [SITE_DOMAIN] = MODEL("domain", domain, site_domain),
    [SITE_SPACE] = MODEL("space", space, site_space),
    [SITE_ACCESS] = MODEL("accessMethod", access, site_access),
    [SITE_USER] = MODEL("user", user, site_user),
    [SITE_RULE] = MODEL("callMatchingRule", rule, site_rule),
    [SITE_WEB_BRIDGE] = MODEL("webBridge", web_bridge, site_web_bridge),
    [SITE_TURN_SERVER] = MODEL("turnServer", turn_server, site_turn_server),
    [SITE_TURN] = { "turn", turn, ARRAY_LEN(turn), 0, false },
    [SITE_TURN_USER] = MODEL("turnUser", turn_user, site_turn_user),
    [SITE_TURN_INSTANCE] = MODEL("turnInstance", turn_instance, site_turn_instance),
    [SITE_API_USER] = MODEL("apiUser", api_user, site_api_user),
    [SITE_HOST_RECORD] = MODEL("hostRecord", host, site_host),
    [SITE_ZONE] = MODEL("zone", zone, site_zone),
    [SITE_WEB_PROXY] = { "webProxy", web_proxy, ARRAY_LEN(web_proxy), 0, false },
    [SITE_CLIENT_URI] = MODEL("clientUri", client_uri, site_client_uri),
    [SITE_TUNNEL_DOMAIN] = MODEL("tunnelDomain", tunnel_domain, site_tunnel_domain),
    [SITE_EDGE_FACT] = MODEL("edgeFact", edge_fact, site_edge_fact),
    [SITE_ZONE_SERVER] = MODEL("zoneServer", zone_server, site_zone_server),
    [SITE_ZONE_USER] = MODEL("zoneUser", zone_user, site_zone_user),
    [SITE_EXTERNAL_NAME] = MODEL("externalName", external_name, site_external_name),
    [SITE_EDGE] = { "edge", edge, ARRAY_LEN(edge), 0, false },
};

enum site_kind site_kind_of(const char *name)
{
    enum site_kind k = 0;

    while (k < SITE_KINDS && !str_eq(site_models[k].kind, name))
        k++;
    return k;
}
