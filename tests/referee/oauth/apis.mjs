// The APIs behind the authorization server: the routes of the suite's own tables, which answer
// nearly nothing, and only for an active token of the right scope.
import { createLocalJWKSet, jwtVerify } from 'jose';
import { PEOPLE, person } from './people.mjs';
import { read } from './pages.mjs';
import { smartConfiguration } from './smart_configuration.mjs';

const CHALLENGE = 'Bearer realm="OpenEMR"';
const STAFF = PEOPLE.filter((one) => one.role === 'staff');
const record = (who) => ({
  fhir: { resourceType: 'Patient', id: who.id, name: [{ family: who.family, given: [who.given] }] },
  rest: { uuid: who.id, pid: String(who.pid), fname: who.given, lname: who.family },
});

const statement = ({ fhir, provider }) => ({
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-01-01',
  kind: 'instance',
  fhirVersion: '4.0.1',
  format: ['json'],
  software: { name: 'oidc-provider' },
  implementation: { description: 'referee', url: fhir },
  rest: [{
    mode: 'server',
    security: {
      service: [{ coding: [{
        system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
        code: 'SMART-on-FHIR',
      }] }],
      extension: [{
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: ['authorize', 'token', 'register', 'introspect', 'revoke'].map((url, place) => ({
          url,
          valueUri: provider.urlFor(
            ['authorization', 'token', 'registration', 'introspection', 'revocation'][place],
          ),
        })),
      }],
    },
    resource: [{ type: 'Patient', interaction: [{ code: 'read' }, { code: 'search-type' }] }],
  }],
});

async function holder(site, token) {
  const { provider, jwks, jwt, api, base, mount } = site;
  let found;
  if (jwt) {
    try {
      const keys = createLocalJWKSet({ keys: jwks.keys.map(({ kty, n, e, kid }) => ({ kty, n, e, kid })) });
      const options = { issuer: base + mount, audience: api, algorithms: ['RS256'] };
      const { payload } = await jwtVerify(token, keys, options);
      const own = payload.sub === payload.client_id;
      const grantId = site.grants.get(payload.jti);
      if (grantId && !(await provider.Grant.find(grantId))) return undefined; // it was ended
      found = { clientId: payload.client_id, scope: payload.scope, accountId: own ? null : payload.sub };
    } catch { return undefined; }
  } else {
    found = await provider.AccessToken.find(token) ?? await provider.ClientCredentials.find(token);
  }
  if (!found || !(await provider.Client.find(found.clientId))) return undefined;
  const who = person(found.accountId);
  return { who, role: who?.role ?? 'system', scopes: new Set((found.scope ?? '').split(' ')) };
}

export async function answerApi(site, request, response, url) {
  const path = url.pathname.slice('/apis/default'.length);
  const fhir = path.startsWith('/fhir');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const send = (status, body, headers = {}) => {
    const type = fhir && !path.includes('.well-known') ? 'fhir+json' : 'json';
    response.writeHead(status, {
      'Content-Type': `application/${type}; charset=utf-8`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...(site.cors ? { 'Access-Control-Allow-Origin': '*' } : {}),
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
  };
  const refuse = (status, code, text, headers) => send(status, fhir
    ? { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics: text }] }
    : { validationErrors: status === 400 ? [text] : [], internalErrors: [], data: [], error: text }, headers);

  const form = await read(request);
  if (request.method === 'OPTIONS' && site.cors) {
    return send(200, {}, {
      'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE',
      'Access-Control-Allow-Headers': 'authorization, content-type',
    });
  }
  if (path === '/fhir/.well-known/smart-configuration') return send(200, smartConfiguration(site));
  if (path === '/fhir/metadata') return send(200, statement(site));
  const [, scheme, token] = /^(\S+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (scheme?.toLowerCase() !== 'bearer') {
    return refuse(401, 'login', 'A bearer token is needed', { 'WWW-Authenticate': CHALLENGE });
  }
  const caller = await holder(site, token);
  if (!caller) {
    const challenge = `${CHALLENGE}, error="invalid_token"`;
    return refuse(401, 'login', 'The token is not active', { 'WWW-Authenticate': challenge });
  }
  if ([url.searchParams, new URLSearchParams(form)].some((one) => one.has('access_token'))) {
    return refuse(400, 'invalid', 'The token is sent in more than one way');
  }
  const there = site.facts.routes.filter((route) => new RegExp(route.pattern).test(path));
  const route = there.find((one) => one.method === method);
  if (!there.length) return refuse(404, 'not-found', 'There is no such route');
  if (!route) {
    const allow = [...new Set(there.map((one) => one.method))].join(', ');
    return refuse(405, 'not-supported', 'The method is not allowed', { Allow: allow });
  }
  const own = route.scopes[caller.role];
  const family = caller.role === 'system' || caller.scopes.has(route.family);
  if (!own || !family || !caller.scopes.has(own)) {
    const challenge = `${CHALLENGE}, error="insufficient_scope"`;
    return refuse(403, 'forbidden', 'The scope does not suffice', { 'WWW-Authenticate': challenge });
  }
  if (method !== 'GET') return refuse(400, 'invalid', 'The referee writes nothing');
  return answerRead(site, path, caller, send, refuse, url);
}

function answerRead({ fhir: base, base: host }, path, { who, role }, send, refuse, url) {
  const seen = PEOPLE.filter((one) => one.pid && (role !== 'patient' || one === who)).map(record);
  const [, name, id] = path.match(/^\/fhir\/(\w+)(?:\/(.+))?$/) ?? [];
  if (id) {
    const found = name === 'Patient'
      ? seen.find((one) => one.fhir.id === id)?.fhir
      : name === 'Practitioner' && STAFF.find((one) => one.id === id) && { resourceType: name, id };
    return found ? send(200, found) : refuse(404, 'not-found', 'There is no such resource');
  }
  if (name) {
    const entry = (name === 'Patient' ? seen : []).map(({ fhir }) => ({
      fullUrl: `${base}/Patient/${fhir.id}`, resource: fhir, search: { mode: 'match' },
    }));
    const link = [{ relation: 'self', url: host + url.pathname + url.search }];
    const bundle = { resourceType: 'Bundle', type: 'searchset', total: entry.length, link };
    return send(200, entry.length ? { ...bundle, entry } : bundle);
  }
  const data = {
    '/api/patient': seen.map(({ rest }) => rest),
    '/portal/patient': seen[0]?.rest,
    '/api/user': STAFF.map((one) => ({ uuid: one.id, id: '1', username: one.name })),
    '/api/practitioner': STAFF.map((one) => ({ uuid: one.id, id: '1', fname: one.given })),
    '/api/facility': [{ uuid: 'f1000000-0000-4000-8000-000000000001', id: '3', name: 'Clinic' }],
  }[path];
  const uuid = /^\/api\/patient\/([^/]+)$/.exec(path)?.[1];
  const one = uuid && seen.find(({ rest }) => rest.uuid === uuid);
  if (data === undefined && !one) return refuse(404, 'not-found', 'There is no such record');
  return send(200, { validationErrors: [], internalErrors: [], data: one ? one.rest : data });
}
