// HTTP around Medplum's router, as Medplum's own server has it: status, headers, links, formats.
import querystring from 'node:querystring';
import { formatSearchQuery, getStatus, normalizeOperationOutcome, parseSearchRequest } from '@medplum/core';
import { CHOICES, TYPES, WRITABLE, mayCall, repository, router, visibleTo } from './medplum.mjs';

const JSON_TYPES = ['application/fhir+json', 'application/json', 'application/json-patch+json'];
const outcome = (code, text, severity = 'error') =>
  ({ resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics: text }] });

function isAcceptable(request, url) {
  const format = url.searchParams.get('_format')?.replace(' ', '+');
  if (format) return ['json', 'text/json', ...JSON_TYPES].includes(format.split(';')[0]);
  const accepted = (request.headers.accept ?? '*/*').split(',').map((one) => one.split(';')[0].trim());
  return accepted.some((one) => ['*/*', 'application/*', ...JSON_TYPES].includes(one));
}

// What MemoryRepository leaves to the server: fullUrl, links, and (a choice) an outcome.
function complete(bundle, type, query, base) {
  const search = parseSearchRequest(type, query);
  const link = (relation, more) =>
    ({ relation, url: `${base}/${type}${formatSearchQuery({ ...search, ...more })}` });
  const { count, offset = 0 } = search;
  const more = count > 0 && offset + count < (bundle.total ?? 0);
  bundle.link = [link('self'), ...(more ? [link('next', { offset: offset + count })] : [])];
  for (const entry of bundle.entry ?? []) {
    const { resourceType, id } = entry.resource;
    entry.fullUrl = CHOICES.has('urn') ? `urn:uuid:${id}` : `${base}/${resourceType}/${id}`;
  }
  if (CHOICES.has('outcome')) {
    const told = outcome('informational', 'Searched', 'information');
    bundle.entry = [{ resource: told, search: { mode: 'outcome' } }, ...(bundle.entry ?? [])];
  }
}

export async function answerFhir({ fhir: base, caller, challenge, raw }, request, response, url) {
  const send = (status, body, headers = {}) => {
    response.writeHead(status, {
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Access-Control-Allow-Origin': '*',
      ...(body ? { 'Content-Type': 'application/fhir+json; charset=utf-8' } : {}),
      ...headers,
    });
    response.end(body && request.method !== 'HEAD' ? JSON.stringify(body) : undefined);
  };
  const refuse = (status, code, text, headers) => send(status, outcome(code, text), headers);

  if (!isAcceptable(request, url)) return refuse(406, 'not-supported', 'Only JSON is produced');
  const [type, id, ...deeper] = url.pathname.slice(new URL(base).pathname.length + 1).split('/');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const isSearch = id === '_search' && !deeper.length;
  const isHistory = deeper[0] === '_history' && deeper.length < 3;
  if (!TYPES.includes(type) || /^[$]|^_(?!search$)/.test(id ?? '') || (deeper.length && !isHistory)) {
    return refuse(404, 'not-found', 'There is no such type or interaction');
  }
  const reads = method === 'GET' ? !isSearch : method === 'POST' && isSearch;
  const offered = { POST: !id, PUT: true, PATCH: true, DELETE: CHOICES.has('delete') }[method];
  if (!reads && !(WRITABLE.includes(type) && offered && !deeper.length)) {
    return refuse(405, 'not-supported', 'The interaction is not offered', { Allow: 'GET, HEAD' });
  }
  if (!mayCall(caller, type, reads ? 'read' : 'write')) {
    const header = { 'WWW-Authenticate': `${challenge}, error="insufficient_scope"` };
    return refuse(403, 'forbidden', 'The scope of the token does not suffice', header);
  }
  let body;
  const media = (request.headers['content-type'] ?? '').split(';')[0];
  if (isSearch) body = { ...querystring.parse(raw) };
  else if (['POST', 'PUT', 'PATCH'].includes(method)) {
    if (!JSON_TYPES.includes(media)) return refuse(415, 'not-supported', 'The body has to be JSON');
    try { body = JSON.parse(raw); } catch { return refuse(400, 'structure', 'The body is not JSON'); }
  }
  const exists = repository.resources.get(type)?.has(id);
  if (CHOICES.has('versioned') && method === 'PUT' && exists && !request.headers['if-match']) {
    return refuse(400, 'required', 'If-Match has to name the version that is changed');
  }
  const query = new URLSearchParams(url.search);
  if (id || !reads) for (const name of ['_format', '_pretty']) query.delete(name);
  const told = Object.fromEntries([...query.keys()].map((name) => [name, query.getAll(name)]));

  let result;
  try {
    result = await router.handleRequest({
      method, url: `/${[type, id, ...deeper].filter(Boolean).join('/')}${query.size ? `?${query}` : ''}`,
      pathname: '', body, params: {}, query: {}, headers: request.headers,
    }, reads ? visibleTo(caller) : repository);
  } catch (error) {
    result = [normalizeOperationOutcome(error)];
  }
  const [said, resource] = result;
  const status = getStatus(said);
  if (status >= 400) return send(status, said);
  if (method === 'DELETE') return send(204);
  const headers = {};
  if (resource?.meta?.versionId && resource.resourceType !== 'Bundle') {
    headers.ETag = `W/"${resource.meta.versionId}"`;
    headers['Last-Modified'] = new Date(resource.meta.lastUpdated).toUTCString();
    const place = `${base}/${type}/${resource.id}/_history/${resource.meta.versionId}`;
    if (status === 201) headers.Location = place;
    if (reads && request.headers['if-none-match'] === headers.ETag) return send(304, undefined, headers);
  }
  if (resource?.type === 'searchset') {
    complete(resource, type, isSearch ? querystring.parse(raw) : told, base);
  }
  const preferred = reads ? undefined : /return=(\w+)/.exec(request.headers.prefer ?? '')?.[1];
  if (preferred === 'minimal') return send(status, undefined, headers);
  return send(status, preferred === 'OperationOutcome' ? said : resource ?? said, headers);
}
