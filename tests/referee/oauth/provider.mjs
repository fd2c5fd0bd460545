// An authorization server that nobody here wrote (oidc-provider, OpenID certified), at the
// addresses where the suite looks for OpenEMR's discovery. CHOICES names what it does otherwise
// than by default; each is a choice that the specifications leave to a server.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Provider, errors } from 'oidc-provider';
import { answerPage, html } from './pages.mjs';
import { PEOPLE, person } from './people.mjs';
import { Store } from './store.mjs';

// What is served beside the authorization server; APIS names another module.
const { answerApi, answerOther } = await import(process.env.APIS ?? './apis.mjs');
const CHOICES = new Set((process.env.CHOICES ?? '').split(',').filter(Boolean));
const PORT = Number(process.env.PORT);
const BASE = `http://127.0.0.1:${PORT}`;
const MOUNT = '/oauth2/default';
const FHIR = `${BASE}/apis/default/fhir`;
const API = `${BASE}/apis/default`;
const facts = JSON.parse(readFileSync(process.env.FACTS, 'utf8'));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const jwks = { keys: [{ ...rsa, use: 'sig', alg: 'RS256', kid: 'rsa-1' }] };
const fhirUser = (who) => `${FHIR}/${who.role === 'staff' ? 'Practitioner' : 'Patient'}/${who.id}`;

const jwt = CHOICES.has('jwt') && {
  enabled: true,
  defaultResource: () => API,
  useGrantedResource: () => true,
  getResourceServerInfo: () => ({
    scope: facts.scopes.join(' '),
    audience: API,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'RS256' } },
  }),
};

const provider = new Provider(`${BASE}${MOUNT}`, {
  adapter: Store,
  jwks,
  scopes: facts.scopes,
  responseTypes: ['code'],
  subjectTypes: [CHOICES.has('pairwise') ? 'pairwise' : 'public'],
  pairwiseIdentifier: (ctx, accountId, client) =>
    createHash('sha256').update(`${client.clientId} ${accountId}`).digest('hex'),
  enableHttpPostMethods: true,
  cookies: {
    keys: [randomBytes(32).toString('hex')],
    long: { httpOnly: true, sameSite: 'none' },
  },
  allowOmittingSingleRegisteredRedirectUri: false,
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'RS384', 'ES384'] },
  conformIdTokenClaims: false, // SMART App Launch: fhirUser is in the ID token
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name'],
    email: ['email', 'email_verified'],
    fhirUser: ['fhirUser'],
  },
  findAccount: (ctx, id) => person(id) && {
    accountId: id,
    claims: () => ({ ...person(id).claims, sub: id, fhirUser: fhirUser(person(id)) }),
  },
  extraParams: {
    aud(ctx, value) {
      if (value && ![FHIR, `${API}/api`, `${API}/portal`].includes(value)) {
        throw new errors.InvalidRequest('aud is not this server');
      }
    },
  },
  assertJwtClientAuthClaimsAndHeader(ctx, claims, header, client) {
    if (claims.exp > Date.now() / 1000 + 310) {
      throw new errors.InvalidClientAuth('exp is more than five minutes ahead');
    }
    const named = (client.jwks?.keys ?? []).filter((key) => key.kid && key.kid === header.kid);
    if (named.length > 1) throw new errors.InvalidClientAuth('kid names several keys');
  },
  loadExistingGrant(ctx) {
    const { session, client, result } = ctx.oidc;
    const id = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    if (id) return provider.Grant.find(id);
    const known = CHOICES.has('remembered_consent') && session.accountId;
    return known ? provider.Grant.find(Store.grantOf(session.accountId, client.clientId)) : undefined;
  },
  pkce: {
    required: (ctx, client) =>
      !CHOICES.has('optional_pkce') || client.clientAuthMethod === 'none',
  },
  rotateRefreshToken: (ctx) =>
    !CHOICES.has('no_rotation') || ctx.oidc.client.clientAuthMethod === 'none',
  expiresWithSession: () => true, // a logout ends offline access, too
  clientBasedCORS: () => !CHOICES.has('no_cors'),
  interactions: { url: (ctx, interaction) => `${MOUNT}/interaction/${interaction.uid}` },
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: 60,
    ClientCredentials: 300,
    IdToken: 3600,
    RefreshToken: 100 * 86400,
    Interaction: 3600,
    Session: 86400,
    Grant: 100 * 86400,
  },
  features: {
    devInteractions: { enabled: false },
    ...(jwt ? { resourceIndicators: jwt } : {}),
    registration: {
      enabled: true,
      initialAccessToken: false,
      issueRegistrationAccessToken: !CHOICES.has('no_management'),
    },
    registrationManagement: {
      enabled: !CHOICES.has('no_management'),
      rotateRegistrationAccessToken: true,
    },
    introspection: { enabled: !jwt },
    userinfo: { enabled: !jwt },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        ctx.set(html.headers);
        ctx.body = html.page('Logout', `${form}
          <button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
          <button type="submit" form="op.logoutForm">Stay</button>`);
      },
    },
  },
});
provider.on('server_error', (ctx, error) => console.error(ctx.method, ctx.url, error));

// SMART App Launch: a patient's own record is the context of the token.
provider.use(async (ctx, next) => {
  await next();
  const { route, entities } = ctx.oidc ?? {};
  const who = person(entities?.AccessToken?.accountId);
  if (route === 'token' && ctx.body?.access_token && who?.role === 'patient') {
    ctx.body.patient = who.id;
  }
  if (route === 'introspection' && ctx.body?.active) {
    const token = await provider.AccessToken.find(ctx.oidc.params.token);
    const owner = person(token?.accountId);
    if (owner?.role === 'patient') ctx.body.patient = owner.id;
    if (owner && token.scopes.has('openid') && token.scopes.has('fhirUser')) {
      ctx.body.fhirUser = fhirUser(owner);
    }
  }
});

// The grant of each JWT, which ends with it although nobody keeps the JWT itself.
const grants = new Map();
provider.on('access_token.issued', (token) => grants.set(token.jti, token.grantId));
const answerOAuth = provider.callback();
const site = { provider, facts, base: BASE, api: API, fhir: FHIR, mount: MOUNT, grants, jwks, jwt, cors: !CHOICES.has('no_cors') };

http.createServer(async (request, response) => {
  try {
    request.headers.host = `127.0.0.1:${PORT}`; // as a reverse proxy would
    for (const name of ['forwarded', 'x-forwarded-host', 'x-forwarded-proto']) {
      delete request.headers[name];
    }
    if (!URL.canParse(request.url, BASE)) {
      response.writeHead(400, { 'Content-Type': 'text/plain' });
      return response.end('no URL');
    }
    const url = new URL(request.url, BASE);
    if (url.pathname.startsWith(`${MOUNT}/interaction/`)) {
      return await answerPage(site, request, response, url);
    }
    if (url.pathname.startsWith(`${MOUNT}/`)) {
      request.originalUrl = request.url;
      request.url = request.url.slice(MOUNT.length);
      return await answerOAuth(request, response);
    }
    if (url.pathname.startsWith('/apis/default/')) {
      return await answerApi(site, request, response, url);
    }
    if (answerOther) return await answerOther(site, request, response, url);
    response.writeHead(404, { 'Content-Type': 'application/json' });
    return response.end('{"error":"not_found"}');
  } catch (error) {
    console.error(request.method, request.url, error);
    if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
    return response.end();
  }
}).listen(PORT, '127.0.0.1', () => console.log(`listening, ${PEOPLE.length} people`));
