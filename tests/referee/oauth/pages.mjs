// The login and consent pages: forms with the fields that OpenEMR's have.
import { randomBytes } from 'node:crypto';
import querystring from 'node:querystring';
import { errors } from 'oidc-provider';
import { PEOPLE, person } from './people.mjs';

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
export const html = {
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Frame-Options': 'DENY',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  },
  page: (title, body) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>${escape(title)}</title></head><body><h1>${escape(title)}</h1>${body}</body></html>`,
};
const csrfTokens = new Map();

export async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function show(response, status, title, body) {
  response.writeHead(status, html.headers);
  response.end(html.page(title, body));
}

const alert = (text) => (text ? `<div role="alert">${escape(text)}</div>` : '');

export async function answerPage({ provider, api, jwt }, request, response, url) {
  let details;
  try {
    details = await provider.interactionDetails(request, response);
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error;
    return show(response, 400, 'Error', alert('The login has expired.'));
  }
  const { uid, prompt, params, session } = details;
  if (!csrfTokens.has(uid)) csrfTokens.set(uid, randomBytes(16).toString('hex'));
  const csrf = `<input type="hidden" name="csrf_token_form" value="${csrfTokens.get(uid)}">`;
  const form = (inner) => `<form method="post" action="${url.pathname}">${csrf}${inner}</form>`;
  const login = (problem) => show(response, 200, 'Sign in', alert(problem) + form(`
<input name="email" type="email"><input name="username"><input name="password" type="password">
<button name="user_role" value="api">Staff</button>
<button name="user_role" value="portal-api">Patient</button>`));
  const asked = (params.scope ?? '').split(' ').filter(Boolean);
  const client = await provider.Client.find(params.client_id);
  const name = `<p>${escape(client.clientName ?? client.clientId)}</p>`;
  const consent = () => show(response, 200, 'Allow', name + form(`${asked.map((scope) => `
<label><input type="checkbox" name="scope[${escape(scope)}]" value="${escape(scope)}" checked>
${escape(scope)}</label>`).join('')}
<button name="proceed" value="1">Allow</button><button name="deny" value="1">Deny</button>`));

  if (request.method === 'GET') return prompt.name === 'login' ? login('') : consent();
  if (request.method !== 'POST') return show(response, 405, 'Error', alert('Not allowed.'));
  const sent = querystring.parse(await read(request));
  if (sent.csrf_token_form !== csrfTokens.get(uid)) {
    return show(response, 403, 'Error', alert('The form has expired.'));
  }
  const finish = (result, merge) => provider.interactionFinished(request, response, result, {
    mergeWithLastSubmission: merge,
  });
  if (sent.deny) return finish({ error: 'access_denied' }, false);
  if (prompt.name === 'login') {
    const role = { api: 'staff', 'portal-api': 'patient' }[sent.user_role];
    const who = PEOPLE.find((one) => one.name === sent.username && one.role === role);
    if (!who || who.password !== sent.password) return login('Wrong name or password.');
    csrfTokens.delete(uid);
    return finish({ login: { accountId: who.id, remember: false } }, false);
  }
  if (!sent.proceed) return consent();
  csrfTokens.delete(uid);
  const { role } = person(session.accountId);
  const other = role === 'staff' ? 'patient/' : 'user/';
  const granted = asked.filter((scope) => sent[`scope[${scope}]`] === scope
    && !scope.startsWith(other) && !scope.startsWith('system/'));
  const refused = asked.filter((scope) => !granted.includes(scope));
  const grant = (details.grantId && await provider.Grant.find(details.grantId))
    || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  for (const [scopes, verb] of [[granted, 'add'], [refused, 'reject']]) {
    if (scopes.length) {
      grant[`${verb}OIDCScope`](scopes.join(' '));
      if (jwt) grant[`${verb}ResourceScope`](api, scopes.join(' '));
    }
  }
  return finish({ consent: { grantId: await grant.save() } }, true);
}
