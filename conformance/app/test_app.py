"""Whether a vendor's app would work on this server; judged only with `--app`."""

from conformance import expect, requirement
from conformance.mismatch import advice
from fixtures.driver.authorization_server import require_tokens
from fixtures.target.app import path_of_call
from fixtures.target.app_file import JSON

REGISTER_PRIVATE = (
    'in the app: register "application_type": "private", the only word that OpenEMR takes for '
    "a confidential client"
)

NO_ROUTE = (
    "in the app: call a route that this OpenEMR has, with a method that it has there (/swagger "
    "lists them; of FHIR, /fhir/metadata) and with an id that is there"
)


@requirement("APP-registration")
def test_app_is_registered_as_described(app_installation):
    response = app_installation.registration

    expect.success(response)
    expect.member(response, "client_id", kind=str)


@requirement("APP-registered-as-asked")
def test_registration_keeps_what_the_app_asked_for(app_installation, app, app_member):
    response = app_installation.registration

    expect.success(response)
    kept = expect.json_object(response).get(app_member)
    asked = app.registration[app_member]
    if app_member == "scope":
        kept, asked = sorted(set(str(kept).split())), sorted(set(str(asked).split()))
    expect.equal(kept, asked, f"{app_member} as it was registered", response)


@requirement("APP-secret")
def test_app_gets_a_secret_if_it_keeps_one(app_installation, app):
    response = app_installation.registration

    expect.success(response)
    secret = expect.json_object(response).get("client_secret")
    with advice(REGISTER_PRIVATE):
        expect.that(
            bool(secret) or app.client != "confidential",
            "a client_secret for a confidential app",
            "no client_secret: the app was registered as public",
            response,
        )
    with advice('in the app: register "application_type": "web" or "native"'):
        expect.that(
            not secret or app.client != "public",
            "no client_secret for an app that cannot keep one",
            "a client_secret",
            response,
        )


@requirement("APP-address")
def test_app_calls_the_server_by_its_address(server, app, discovery):
    called = (app.base_url or server.target.base_url).rstrip("/")

    issuer = str(expect.json_object(discovery).get("issuer"))
    with advice(
        "in the app: call OpenEMR by that address for everything that compares it (aud, iss, "
        "redirects), or change Admin > Config > Connectors > Site Address"
    ):
        expect.equal(issuer.partition("/oauth2/")[0], called, "the server's address", discovery)


@requirement("APP-token")
def test_app_gets_its_tokens(app_installation, app_token):
    if app_token.grant == "authorization_code":
        expect.code(app_installation.authorization(app_token))
    response = app_installation.token_response(app_token)

    with advice("in the app: authenticate as the client was registered"):
        expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("APP-scope")
def test_app_is_granted_its_scope(app_installation, app_scope):
    use, scope = app_scope

    given = app_installation.scopes(use)

    with advice(
        "in the app: register and ask for what this server offers to this kind of user "
        "(scopes_supported of its discovery document)"
    ):
        expect.that(
            scope in given,
            f"the scope {scope} in the token",
            " ".join(given),
            app_installation.token_response(use),
        )


@requirement("APP-lifetime")
def test_app_tokens_live_long_enough(app_installation, app_lifetime):
    response = app_installation.token_response(app_lifetime)

    expect.status(response, 200)
    lives = expect.member(response, "expires_in", kind=int)
    with advice(f"in the app: renew the token more often than every {lives} seconds"):
        expect.that(
            lives >= app_lifetime.seconds,
            f"expires_in of at least {app_lifetime.seconds}",
            lives,
            response,
        )


@requirement("APP-refresh")
def test_app_refreshes_its_tokens(app_installation, server, app_refresh):
    client = app_installation.another()
    answer = app_installation.fresh(client, app_refresh)
    tokens = require_tokens(answer)

    with advice("in the app: register and ask for the scope offline_access"):
        found = tokens.get("refresh_token")
        expect.that(found, "a refresh_token with the tokens", sorted(tokens), answer)
    response = server.refresh(
        client, tokens["refresh_token"], auth=client.authentication(client.method)
    )
    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("APP-introspection")
def test_app_learns_what_its_tokens_are_worth(app_installation, server, app_introspection):
    token = app_installation.token(app_introspection.name)

    response = server.introspect(app_installation.client, token)

    expect.status(response, 200)
    told = expect.json_object(response)
    with advice("in the app: introspect with the confidential client that got the token"):
        expect.equal(told.get("active"), True, "active", response)
    missing = sorted({s for s in app_introspection.scope.split() if "/" in s} - {*_words(told)})
    with advice("in the app: use the scopes in the token response instead"):
        expect.equal(missing, [], "scopes missing in the introspection", response)


@requirement("APP-subject")
def test_app_learns_who_the_patient_is(app_installation, server, app_subject):
    token = app_installation.token(app_subject.name)

    response = server.introspect(app_installation.client, token)

    told = expect.json_object(response)
    with advice(
        "in the app: use the `patient` of the token response, or search the patient by FHIR"
    ):
        expect.equal(told.get("sub"), app_installation.user(app_subject).uuid, "sub", response)


@requirement("APP-call")
def test_app_is_answered(app_installation, api, app_call):
    token = app_installation.token(app_call.token)
    options = {} if app_call.body is None else {"json": app_call.body}

    response = api.request(
        app_call.method,
        path_of_call(app_call, api.target),
        token,
        params=dict(app_call.query) or None,
        **options,
    )

    with advice(NO_ROUTE if response.status_code == 404 else ""):
        expect.status(response, *app_call.statuses)
    if response.status_code == 204:
        expect.equal(response.content, b"", "the body of a 204", response)
    elif app_call.media_type == JSON:
        expect.json(response)
    else:
        with advice("in the app: name in `media_type` of the call what it reads"):
            expect.header(response, "Content-Type", contains=app_call.media_type)


@requirement("APP-logout")
def test_app_logs_its_user_out(app_installation, server, app, app_logout):
    client = app_installation.another()
    answer = app_installation.fresh(client, app_logout)
    tokens = require_tokens(answer)
    with advice("in the app: ask for the scope openid"):
        found = tokens.get("id_token")
        expect.that(found, "an id_token with the tokens", sorted(tokens), answer)
    back = next(iter(app.registration.get("post_logout_redirect_uris", ())), None)

    response = server.logout(
        id_token_hint=tokens["id_token"], post_logout_redirect_uri=back, state="bye"
    )

    if back is None:
        expect.success(response)
    else:
        expect.redirect(response, to=back)


@requirement("APP-browser")
def test_browser_lets_the_app_call(server, http, app, app_preflight):
    method, _, path = app_preflight.partition(" ")
    url = server.target.api_url + path if path else server.token_endpoint
    headers = {
        "Origin": app.origin,
        "Access-Control-Request-Method": method if path else "POST",
        "Access-Control-Request-Headers": "authorization" if path else "content-type",
    }

    response = http.request("OPTIONS", url.replace("{", "").replace("}", ""), headers=headers)

    with advice(
        "on the server: let a proxy in front of OpenEMR answer OPTIONS; or in the app: serve it "
        "under OpenEMR's own origin"
    ):
        expect.success(response)
        allowed = response.headers.get("access-control-allow-origin", "none")
        expect.that(
            allowed in {"*", app.origin},
            f"Access-Control-Allow-Origin for {app.origin}",
            allowed,
            response,
        )


def _words(told):
    scope = told.get("scope")
    return scope if isinstance(scope, list) else str(scope or "").split()
