/* SPDX-License-Identifier: Apache-2.0
 * The message table and the way between JSON and bus messages. */
#include "messages.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/pbjson.h>

#include <bridge.pb-c.h>

#include "limits.h"

static const struct wb_message table[] = {
    { "login", &stoa__bridge__v1__guest_login_request__descriptor,
      &stoa__bridge__v1__guest_login_reply__descriptor, WB_LOGIN, false, WB_LOGIN_TIMEOUT_MS },
    { "join", &stoa__bridge__v1__join_request__descriptor,
      &stoa__bridge__v1__join_reply__descriptor, WB_ENTERS, true, WB_CALL_TIMEOUT_MS },
    { "resume", &stoa__bridge__v1__resume_request__descriptor,
      &stoa__bridge__v1__join_reply__descriptor, WB_ENTERS, true, WB_CALL_TIMEOUT_MS },
    { "offer", &stoa__bridge__v1__offer_request__descriptor,
      &stoa__bridge__v1__offer_reply__descriptor, WB_PLAIN, true, WB_SDP_TIMEOUT_MS },
    { "setMedia", &stoa__bridge__v1__set_media_request__descriptor,
      &stoa__bridge__v1__done__descriptor, WB_PLAIN, true, WB_CALL_TIMEOUT_MS },
    { "control", &stoa__bridge__v1__control_request__descriptor,
      &stoa__bridge__v1__done__descriptor, WB_PLAIN, true, WB_CALL_TIMEOUT_MS },
    { "leave", &stoa__bridge__v1__leave_request__descriptor,
      &stoa__bridge__v1__done__descriptor, WB_LEAVES, true, WB_CALL_TIMEOUT_MS },
    { "candidate", &stoa__bridge__v1__candidate_event__descriptor, NULL, WB_PLAIN, true, 0 },
    { "view", &stoa__bridge__v1__view_event__descriptor, NULL, WB_PLAIN, true, 0 },
    { "report", &stoa__bridge__v1__report_event__descriptor, NULL, WB_PLAIN, true, 0 },
};

static const struct bus_limits limits = {
    .string_b = WB_STRING_BYTES_MAX,
    .sdp_b = WB_SDP_BYTES_MAX,
    .depth = WB_JSON_DEPTH_MAX,
};

const struct wb_message *wb_messages(size_t *n)
{
    *n = ARRAY_LEN(table);
    return table;
}

static const struct wb_message *find(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (str_eq(table[i].type, type))
            return &table[i];
    return NULL;
}

static int refuse(char why[WB_WHY_MAX], const char *text)
{
    snprintf(why, WB_WHY_MAX, "%s", text);
    return -EBADMSG;
}

/* jansson recurses per level. It has a limit of its own (2048); ours is what the protocol needs. */
static bool too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!in_string && (text[i] == '}' || text[i] == ']'))
            depth--;
        if (depth > WB_JSON_DEPTH_MAX)
            return true;
    }
    return false;
}

/* `id` first, so that whatever else is wrong can be answered under it. */
static int read_id(struct wb_incoming *out, json_t *obj, char why[WB_WHY_MAX])
{
    json_t *id = json_object_get(obj, "id");
    if (id == NULL)
        return 0;
    if (!json_is_integer(id) || json_integer_value(id) < 1 ||
        json_integer_value(id) > ((int64_t)1 << 53))
        return refuse(why, "id: not a whole number from 1");
    out->id = json_integer_value(id);
    json_object_del(obj, "id");
    return 0;
}

static int read_type(struct wb_incoming *out, json_t *obj, char why[WB_WHY_MAX])
{
    const char *type = json_string_value(json_object_get(obj, "type"));
    if (type == NULL)
        return refuse(why, "type: missing or not a string");
    out->message = find(type);
    if (out->message == NULL)
        return refuse(why, "type: unknown");
    if (out->message->reply != NULL && out->id == 0)
        return refuse(why, "id: missing");
    if (out->message->reply == NULL && out->id != 0)
        return refuse(why, "id: not allowed in an event");
    json_object_del(obj, "type");
    return 0;
}

/* The key is text on the bus and in the log: nothing but a GUID gets there. */
static int read_space(struct wb_incoming *out, json_t *obj, char why[WB_WHY_MAX])
{
    if (!out->message->by_space)
        return 0;
    const char *space = json_string_value(json_object_get(obj, "space"));
    if (space == NULL || strlen(space) != 36)
        return refuse(why, "space: missing or no GUID");
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? space[i] != '-' : !isxdigit((unsigned char)space[i]))
            return refuse(why, "space: missing or no GUID");
        out->space[i] = (char)tolower((unsigned char)space[i]);
    }
    json_object_set_new(obj, "space", json_string(out->space));
    return 0;
}

static int add_session(json_t *obj, const struct wb_sender *sender, char why[WB_WHY_MAX])
{
    if (json_object_get(obj, "session") != NULL)
        return refuse(why, "session: not allowed");
    json_t *session = json_object();
    json_object_set_new(session, "sessionId", json_string(sender->session_id));
    json_object_set_new(session, "clientAddress", json_string(sender->client_address));
    json_object_set_new(session, "zone", json_string(sender->zone));
    json_object_set_new(obj, "session", session);
    return 0;
}

static int read_object(struct wb_incoming *out, json_t *obj, const struct wb_sender *sender,
                       char why[WB_WHY_MAX])
{
    int err = read_id(out, obj, why);
    if (err == 0)
        err = read_type(out, obj, why);
    if (err == 0)
        err = add_session(obj, sender, why);
    if (err == 0)
        err = read_space(out, obj, why);
    if (err != 0)
        return err;

    char field[160];
    if (bus_pbjson_decode(&out->body, out->message->request, obj, &limits, field) != 0)
        return refuse(why, field);
    if (out->message->role == WB_LOGIN) {
        const Stoa__Bridge__V1__GuestLoginRequest *login = (const void *)out->body;
        out->with_secret = !str_empty(login->secret);
    }
    return 0;
}

int wb_incoming_read(struct wb_incoming *out, const char *text, size_t len,
                     const struct wb_sender *sender, char why[WB_WHY_MAX])
{
    memset(out, 0, sizeof *out);
    why[0] = '\0';
    if (len > WB_MESSAGE_BYTES_MAX || too_deep(text, len))
        return refuse(why, "too long or too deep");
    /* A doubled member is an attempt to make two readers see two messages. "\u0000" is refused by
     * jansson unless JSON_ALLOW_NUL is given. */
    json_t *obj = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    int err = json_is_object(obj) ? read_object(out, obj, sender, why)
                                  : refuse(why, "not a JSON object");
    json_decref(obj);
    return err;
}

void wb_incoming_fini(struct wb_incoming *in)
{
    bus_msg_free(&in->body);
}

/* Takes `obj`. */
static char *dump(json_t *obj)
{
    char *text = json_dumps(obj, JSON_COMPACT);
    json_decref(obj);
    return text;
}

char *wb_text_reply(int64_t id, const ProtobufCMessage *body)
{
    json_t *obj = json_object();
    json_object_set_new(obj, "type", json_string("reply"));
    json_object_set_new(obj, "id", json_integer(id));
    json_object_set_new(obj, "body", bus_pbjson_encode(body, false));
    return dump(obj);
}

char *wb_text_error(int64_t id, const char *code, const char *message, bool retry)
{
    json_t *obj = json_object();
    json_object_set_new(obj, "type", json_string("error"));
    if (id != 0)
        json_object_set_new(obj, "id", json_integer(id));
    json_object_set_new(obj, "code", json_string(code));
    json_object_set_new(obj, "message", json_string(message));
    json_object_set_new(obj, "retry", json_boolean(retry));
    return dump(obj);
}

char *wb_text_event(const ProtobufCMessage *session_event)
{
    json_t *whole = bus_pbjson_encode(session_event, false);
    json_object_del(whole, "sessionId");
    const char *name = json_object_iter_key(json_object_iter(whole));
    json_t *event = name == NULL ? NULL : json_object_get(whole, name);
    char *text = NULL;
    if (json_is_object(event)) {
        json_object_set_new(event, "type", json_string(name));
        text = json_dumps(event, JSON_COMPACT);
    }
    json_decref(whole);
    return text;
}

char *wb_text_welcome(const struct wb_welcome *w)
{
    json_t *obj = json_object();
    json_object_set_new(obj, "type", json_string("welcome"));
    json_object_set_new(obj, "version", json_string(STOA_VERSION));
    json_object_set_new(obj, "joinAvailable", json_boolean(w->join_available));
    json_object_set_new(obj, "reason", json_string(w->reason));
    json_object_set_new(obj, "idAndPasscode", json_boolean(w->id_and_passcode));
    json_object_set_new(obj, "hyperlinks", json_boolean(w->hyperlinks));
    json_object_set_new(obj, "backgroundImage", json_string(w->background_image));
    json_object_set_new(obj, "logo", json_string(w->logo));
    return dump(obj);
}
