"""Would this vendor's app work on this server? Judged only with `--app`."""

from conformance import expect, requirement
from fixtures.target.app import path_of_call

REGISTER_PRIVATE = (
    'in the app: register "application_type": "private", the only word that OpenEMR takes for '
    "a confidential client"
)

NO_ROUTE = (
    "in the app: call a route that this OpenEMR has, with a method that it has there (/swagger "
    "lists them; of FHIR, /fhir/metadata) and with an id that is there"
)


@requirement("APP-registration")
def test_app_is_registered_as_described(installed):
    """The server registers the app as it is described."""
    response = installed.registration

    expect.success(response)
    expect.member(response, "client_id", kind=str)


@requirement("APP-registered-as-asked")
def test_registration_keeps_what_the_app_asked_for(installed, app, app_member):
    """The server keeps of the registration what the app relies on."""
    response = installed.registration

    expect.success(response)
    kept = expect.json_object(response).get(app_member)
    asked = app.registration[app_member]
    if app_member == "scope":
        kept, asked = sorted(set(str(kept).split())), sorted(set(str(asked).split()))
    expect.equal(kept, asked, f"{app_member} as it was registered", response)


@requirement("APP-secret")
def test_app_gets_a_secret_if_it_keeps_one(installed, app):
    """An app that keeps a secret gets one, and one that cannot keep any gets none."""
    response = installed.registration

    expect.success(response)
    secret = expect.json_object(response).get("client_secret")
    with expect.advice(REGISTER_PRIVATE):
        expect.that(
            bool(secret) or app.client != "confidential",
            "a client_secret, which a confidential app authenticates with",
            "no client_secret: the app was registered as public",
            response,
        )
    with expect.advice('in the app: register "application_type": "web" or "native"'):
        expect.that(
            not secret or app.client != "public",
            "no client_secret for an app that cannot keep one",
            "a client_secret",
            response,
        )


@requirement("APP-address")
def test_app_calls_the_server_by_its_address(server, app, discovery):
    """The server has the address by which the app calls it."""
    called = (app.base_url or server.target.base_url).rstrip("/")

    issuer = str(expect.json_object(discovery).get("issuer"))
    with expect.advice(
        "in the app: call OpenEMR by that address for everything that compares it (aud, iss, "
        "redirects), or change Admin > Config > Connectors > Site Address"
    ):
        expect.equal(issuer.partition("/oauth2/")[0], called, "the server's address", discovery)


@requirement("APP-token")
def test_app_gets_its_tokens(installed, app_token):
    """Each grant that the app uses gives it tokens."""
    if app_token.grant == "authorization_code":
        expect.code(installed.authorization(app_token))
    response = installed.answer(app_token)

    with expect.advice("in the app: authenticate as the client was registered"):
        expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("APP-scope")
def test_app_is_granted_its_scope(installed, app_scope):
    """Each scope that the app asks for is granted."""
    use, scope = app_scope

    given = installed.scopes(use)

    with expect.advice(
        "in the app: register and ask for what this server offers to this kind of user "
        "(scopes_supported of its discovery document)"
    ):
        expect.that(
            scope in given,
            f"the scope {scope} in the token",
            " ".join(given),
            installed.answer(use),
        )


@requirement("APP-lifetime")
def test_app_tokens_live_long_enough(installed, app_lifetime):
    """Tokens live at least as long as the app relies on what it learnt of them."""
    response = installed.answer(app_lifetime)

    expect.status(response, 200)
    lives = expect.member(response, "expires_in", kind=int)
    with expect.advice(f"in the app: ask again more often than every {lives} seconds"):
        expect.that(
            lives >= app_lifetime.seconds,
            f"expires_in of at least {app_lifetime.seconds}",
            lives,
            response,
        )


@requirement("APP-refresh")
def test_app_refreshes_its_tokens(installed, server, app_refresh):
    """Tokens that the app refreshes come with a refresh token that works."""
    client = installed.another()
    tokens = installed.fresh(client, app_refresh)

    with expect.advice("in the app: register and ask for the scope offline_access"):
        expect.that(tokens.get("refresh_token"), "a refresh_token with the tokens", sorted(tokens))
    response = server.refresh(
        client, tokens["refresh_token"], auth=client.authentication(client.method)
    )
    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("APP-introspection")
def test_app_learns_what_its_tokens_are_worth(installed, server, app_introspection):
    """The app is told that its token is active, and for what."""
    token = installed.token(app_introspection.name)

    response = server.introspect(installed.client, token)

    expect.status(response, 200)
    told = expect.json_object(response)
    with expect.advice("in the app: introspect with the confidential client that got the token"):
        expect.equal(told.get("active"), True, "active", response)
    missing = sorted({s for s in app_introspection.scope.split() if "/" in s} - {*_words(told)})
    with expect.advice("in the app: look at the scopes in the token answer instead"):
        expect.equal(missing, [], "scopes missing in the introspection", response)


@requirement("APP-subject")
def test_app_learns_who_the_patient_is(installed, server, app_subject):
    """The sub of an introspected token is the FHIR id of the patient who logged in."""
    token = installed.token(app_subject.name)

    response = server.introspect(installed.client, token)

    told = expect.json_object(response)
    with expect.advice(
        "in the app: take the `patient` of the token answer, or look the patient up by FHIR"
    ):
        expect.equal(told.get("sub"), installed.user(app_subject).uuid, "sub", response)


@requirement("APP-call")
def test_app_is_answered(installed, api, app_call):
    """Each request that the app makes is answered as the app expects it."""
    token = installed.token(app_call.token)
    options = {} if app_call.body is None else {"json": app_call.body}

    response = api.request(
        app_call.method,
        path_of_call(app_call, api.target),
        token,
        params=dict(app_call.query) or None,
        **options,
    )

    with expect.advice(NO_ROUTE if response.status_code == 404 else ""):
        expect.status(response, *app_call.statuses)
    expect.json(response)


@requirement("APP-logout")
def test_app_logs_its_user_out(installed, server, app, app_logout):
    """The app logs its user out, and gets the user back at its own address if it asks for that."""
    client = installed.another()
    tokens = installed.fresh(client, app_logout)
    with expect.advice("in the app: ask for the scope openid"):
        expect.that(tokens.get("id_token"), "an id_token with the tokens", sorted(tokens))
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
    """A browser lets the app call what it calls from its own origin."""
    method, _, path = app_preflight.partition(" ")
    url = server.target.api_url + path if path else server.token_endpoint
    headers = {
        "Origin": app.origin,
        "Access-Control-Request-Method": method if path else "POST",
        "Access-Control-Request-Headers": "authorization" if path else "content-type",
    }

    response = http.request("OPTIONS", url.replace("{", "").replace("}", ""), headers=headers)

    with expect.advice(
        "on the server: let a proxy before OpenEMR answer OPTIONS; or in the app: serve it under "
        "OpenEMR's own origin"
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
