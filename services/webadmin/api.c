/* SPDX-License-Identifier: Apache-2.0
 * From a complete request to the function that answers it: login, role, path, method. */
#include "webadmin.h"

#include <stdlib.h>
#include <string.h>

#include <conf/conf.h>
#include <daemon/daemon.h>
#include <log/log.h>
#include <site/site.h>

#include "resource.h"
#include "xml.h"

static void not_allowed(struct wa_conn *c, const char *allow)
{
    struct reply r = { .status = 405, .allow = allow };
    struct str body = { 0 };

    xml_failure(&body, "invalidOperation");
    wa_http_answer(c, &r, &body);
}

/* --- what is asked for ------------------------------------------------------------------------ */

static void on_collection(struct wa_conn *c, const struct resource *res)
{
    switch (c->req.method) {
    case WA_GET:
        resource_list(c, res);
        return;
    case WA_POST:
        resource_add(c, res);
        return;
    default:
        not_allowed(c, "GET, HEAD, POST");
    }
}

/* The guide changes an object with POST once; it is taken as PUT. */
static void on_object(struct wa_conn *c, const struct resource *res, const char *id)
{
    switch (c->req.method) {
    case WA_GET:
        resource_get(c, res, id);
        return;
    case WA_POST:
    case WA_PUT:
        resource_set(c, res, id);
        return;
    case WA_DELETE:
        resource_delete(c, res, id);
        return;
    default:
        not_allowed(c, "GET, HEAD, PUT, POST, DELETE");
    }
}

static void on_part(struct wa_conn *c, const struct resource *res, const char *id)
{
    if (c->req.method == WA_GET)
        res->part->get(c, id);
    else
        not_allowed(c, "GET, HEAD");
}

static void on_empty(struct wa_conn *c, const char *name)
{
    struct str body = { 0 };

    if (c->req.method != WA_GET) {
        not_allowed(c, "GET, HEAD");
        return;
    }
    str_addf(&body, XML_HEAD "<%s total=\"0\"></%s>", name, name);
    wa_http_ok(c, &body);
}

/* Kinds of the other site are not there at all. */
static bool is_of_site(const struct webadmin *wa, const struct resource *res)
{
    return (kinds_find(res->kind)->sites & kinds_site(conf_site(wa->daemon->conf))) != 0;
}

static void route(struct wa_conn *c)
{
    struct wa_request *r = &c->req;
    const struct resource *res = NULL;
    const char *empty;
    char id[64];

    if (path_parse(&r->path, r->uri) == 0 && r->path.n > 0)
        res = resource_find(r->path.seg[0]);
    if (!res && r->path.n == 1 && resource_is_empty(r->path.seg[0], &empty)) {
        on_empty(c, empty);
        return;
    }
    if (!res || !is_of_site(c->wa, res) || r->path.n > 3 ||
        (r->path.n == 3 && (!res->part || !str_ieq(res->part->name, r->path.seg[2])))) {
        wa_http_fail(c, 404, "unrecognizedObject");
        return;
    }
    if (r->path.n == 1) {
        on_collection(c, res);
        return;
    }
    if (str_copy(id, sizeof(id), r->path.seg[1]) == 0)
        str_lower(id);
    if (!kinds_is_guid(id))
        wa_http_fail(c, 400, kinds_find(res->kind)->missing);
    else if (r->path.n == 2)
        on_object(c, res, id);
    else
        on_part(c, res, id);
}

/* --- who asks --------------------------------------------------------------------------------- */

/* Login is right. The user may be gone since the check began. */
static void admit(struct wa_conn *c)
{
    struct wa_request *r = &c->req;
    const struct site_api_user *user = site_api_user_by_name(c->wa->site, r->user);

    if (!user) {
        wa_http_fail(c, 401, "notAuthorized");
        return;
    }
    (void)!str_copy(r->role, sizeof(r->role), user->role ? user->role : "");
    if (r->method != WA_GET && !str_eq(r->role, "admin") && !str_eq(r->role, "api")) {
        log_info("api user \"%s\": refused to change anything, role=%s", r->user, r->role);
        wa_http_fail(c, 403, "accessDenied");
        return;
    }
    route(c);
}

static void on_result(void *arg, enum auth_result result)
{
    struct wa_conn *c = arg;

    switch (result) {
    case AUTH_OK:
        admit(c);
        return;
    case AUTH_WRONG:
        if (log_limit(c->peer_ip))
            log_info("login from %s: wrong name or password", c->peer_ip);
        wa_http_fail(c, 401, "notAuthorized");
        return;
    case AUTH_SLOW:
        if (log_limit(c->peer_ip))
            log_info("login from %s: too many tries", c->peer_ip);
        wa_http_fail(c, 429, "tooManyTries");
        return;
    default:
        wa_http_fail(c, 503, "serverBusy");
    }
}

void wa_api_run(struct wa_conn *c)
{
    struct wa_request *r = &c->req;
    const struct site_api_user *user;
    struct auth_login login;
    enum auth_result result;

    if (!site_ready(c->wa->site)) {
        wa_http_fail(c, 503, "databaseNotReady"); /* nobody is known yet */
        return;
    }
    if (auth_login_parse(&login, r->credentials)) {
        wa_http_fail(c, 401, "notAuthorized");
        return;
    }
    (void)!str_copy(r->user, sizeof(r->user), login.name);
    user = site_api_user_by_name(c->wa->site, login.name);
    r->login.fn = on_result;
    r->login.arg = c;
    result = auth_check(c->wa->auth, &r->login, &c->peer, &login,
                        user ? user->password_hash : NULL);
    auth_login_fini(&login);
    if (result != AUTH_PENDING)
        on_result(c, result);
}
