// What the authorization server of ../oauth serves beside itself: FHIR, the standard API, and the
// pages of an administrator.
import querystring from 'node:querystring';
import { PEOPLE, person } from '../oauth/people.mjs';
import { html, read } from '../oauth/pages.mjs';
import { smartConfiguration } from '../oauth/smart_configuration.mjs';
import { answerFhir } from './front.mjs';
import { statement } from './medplum.mjs';
import { answerStandard, removePatient, seed } from './records.mjs';

const CHALLENGE = 'Bearer realm="OpenEMR"';
await seed(PEOPLE.filter((one) => one.pid));

async function holder(provider, token) {
  const found = await provider.AccessToken.find(token) ?? await provider.ClientCredentials.find(token);
  if (!found || !(await provider.Client.find(found.clientId))) return undefined;
  const who = person(found.accountId);
  return { who, role: who?.role ?? 'system', scopes: new Set((found.scope ?? '').split(' ')) };
}

const security = ({ provider }) => ({
  service: [{ coding: [{
    system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR',
  }] }],
  extension: [{
    url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
    extension: Object.entries({
      authorize: 'authorization', token: 'token', register: 'registration',
      introspect: 'introspection', revoke: 'revocation',
    }).map(([url, name]) => ({ url, valueUri: provider.urlFor(name) })),
  }],
});

export async function answerApi(site, request, response, url) {
  const path = url.pathname.slice('/apis/default'.length).replace(/\/$/, '');
  const isFhir = path.startsWith('/fhir');
  const raw = await read(request);
  const send = (status, body, headers = {}) => {
    const open = path.endsWith('/metadata') || (isFhir && status >= 400);
    response.writeHead(status, {
      'Content-Type': `application/${open ? 'fhir+json' : 'json'}; charset=utf-8`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Access-Control-Allow-Origin': '*',
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
  };
  const refuse = (status, text, headers) => send(status, isFhir
    ? { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'login', diagnostics: text }] }
    : { validationErrors: [], internalErrors: [], data: [], error: text }, headers);

  if (path === '/fhir/.well-known/smart-configuration') return send(200, smartConfiguration(site));
  if (path === '/fhir/metadata') return send(200, statement(security(site), site.fhir));
  const [, scheme, token] = /^(\S+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (scheme?.toLowerCase() !== 'bearer') {
    return refuse(401, 'A bearer token is needed', { 'WWW-Authenticate': CHALLENGE });
  }
  const caller = await holder(site.provider, token);
  if (!caller) {
    const header = { 'WWW-Authenticate': `${CHALLENGE}, error="invalid_token"` };
    return refuse(401, 'The token is not active', header);
  }
  if (isFhir) {
    return answerFhir({ fhir: site.fhir, caller, challenge: CHALLENGE, raw }, request, response, url);
  }
  const answer = caller.role === 'staff'
    && await answerStandard(request.method, path, url.searchParams, raw);
  if (!answer) return refuse(404, 'There is no such route');
  if (answer[0] >= 400) return refuse(...answer);
  return send(answer[0], { validationErrors: [], internalErrors: [], data: answer[1] });
}

// The pages with which the suite logs an administrator in, looks at clients and deletes patients.
export async function answerOther(site, request, response, url) {
  const sent = querystring.parse(await read(request));
  const page = (body, status = 200, headers = {}) => {
    response.writeHead(status, { ...html.headers, ...headers });
    response.end(html.page('OpenEMR', body));
  };
  const inside = /OpenEMR=inside/.test(request.headers.cookie ?? '');
  if (url.pathname === '/interface/login/login.php') return page('<input name="clearPass">');
  if (url.pathname === '/interface/main/main_screen.php') {
    const cookie = { 'Set-Cookie': 'OpenEMR=inside; HttpOnly; SameSite=Strict; Path=/interface' };
    return page('', 200, sent.authUser === 'admin' && sent.clearPass === 'pass' ? cookie : {});
  }
  if (!url.pathname.startsWith('/interface/') || !inside) return page('Not found', 404);
  if (url.pathname.endsWith('/deleter.php')) removePatient(url.searchParams.get('patient'));
  const [, id] = (url.searchParams.get('action') ?? '').split('/');
  const link = id && await site.provider.Client.find(id)
    ? `admin-client.php?action=edit/${id}/disable` : 'admin-client.php?action=list';
  return page(`<a href="${link}">Clients</a><form><input name="csrf_token_form" value="one"></form>`);
}
