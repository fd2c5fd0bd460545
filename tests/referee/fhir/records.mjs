// The part of OpenEMR's standard API with which the suite makes patients and records: each becomes
// FHIR resources in Medplum's repository.
import { randomUUID } from 'node:crypto';
import { CHOICES, ownersOf, profile, repository, store } from './medplum.mjs';

const TERMS = 'http://terminology.hl7.org/CodeSystem';
const CANONICAL = 'http://hl7.org/fhir/StructureDefinition';
const concept = (system, code, text) => ({ coding: [{ system, code }], ...(text ? { text } : {}) });
const doctor = { reference: 'Practitioner/a1000000-0000-4000-8000-000000000001' };
const clinic = { reference: 'Organization/f1000000-0000-4000-8000-000000000001' };
const place = { reference: 'Location/f2000000-0000-4000-8000-000000000001' };
const about = (uuid) => ({ reference: `Patient/${uuid}` });
const day = (value) => /^\d{4}-\d\d-\d\d/.exec(value ?? '')?.[0] ?? '2026-01-01';
const numbers = new Map(); // the number of each patient, by uuid
const records = [];
let last = 0;
const next = () => { last += 1; return last; };
const numberOf = (uuid) => numbers.get(uuid) ?? numbers.set(uuid, next()).get(uuid);
const uuidOf = (key) =>
  [...numbers].find(([uuid, number]) => uuid === key || String(number) === key)?.[0];

function clean(value) {
  if (Array.isArray(value)) {
    const kept = value.map(clean).filter((one) => one !== undefined);
    return kept.length ? kept : undefined;
  }
  if (value && typeof value === 'object') {
    const kept = Object.entries(value).map(([name, one]) => [name, clean(one)]);
    const there = kept.filter(([, one]) => one !== undefined);
    return there.length ? Object.fromEntries(there) : undefined;
  }
  return value === '' || value === null ? undefined : value;
}

const coded = (name, code, display) => ({
  url: `http://hl7.org/fhir/us/core/StructureDefinition/${name}`,
  extension: [
    { url: 'ombCategory', valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code, display } },
    { url: 'text', valueString: display },
  ],
});
const patientOf = (uuid, fields) => clean({
  resourceType: 'Patient',
  id: uuid,
  ...profile('us-core-patient'),
  extension: fields.race && [coded('us-core-race', '2106-3', 'White'),
    coded('us-core-ethnicity', '2186-5', 'Not Hispanic or Latino')],
  identifier: [{
    system: 'urn:uuid:5f0c1a34-6a0e-4d7a-9f0d-3e5d5d9f2a10', value: String(numberOf(uuid)),
  }],
  name: [{ use: 'official', family: fields.lname, given: [fields.fname] }],
  telecom: [['phone', fields.phone_home], ['email', fields.email]]
    .filter(([, value]) => value).map(([system, value]) => ({ system, value, use: 'home' })),
  gender: { male: 'male', female: 'female' }[String(fields.sex).toLowerCase()] ?? 'unknown',
  birthDate: fields.DOB,
  address: [{ line: [fields.street], city: fields.city, state: fields.state, postalCode: fields.postal_code }],
  communication: [{ language: concept('urn:ietf:bcp:47', 'en', 'English') }],
});

// Rare forms that FHIR R4 allows: null beside extensions, ids of elements, a concept as priority.
function rich(one) {
  if (!CHOICES.has('rich')) return one;
  const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">One</div>' };
  if (one.resourceType === 'Patient') {
    const [{ given, ...name }] = one.name;
    const initial = { extension: [{ url: `${CANONICAL}/iso21090-EN-qualifier`, valueCode: 'IN' }] };
    const absent = { extension: [{ url: `${CANONICAL}/data-absent-reason`, valueCode: 'unknown' }] };
    return {
      ...one,
      text,
      contained: [{ resourceType: 'Organization', id: 'payer', active: true, name: 'Payer' }],
      managingOrganization: { reference: '#payer' },
      _birthDate: { id: 'day of birth' },
      name: [{ ...name, id: 'legal_name', given: [given[0], 'Q'], _given: [null, initial] },
        { use: 'nickname', _given: [absent] }],
      multipleBirthInteger: 2,
    };
  }
  if (one.resourceType === 'Encounter') {
    return { ...one, text, priority: concept(`${TERMS}/v3-ActPriority`, 'R') };
  }
  if (one.resourceType === 'AllergyIntolerance') return { ...one, _recordedDate: { id: 'when' } };
  return one;
}

const vital = (code, text, more) => (uuid, encounter, at, name) => ({
  resourceType: 'Observation',
  ...profile(name),
  status: 'final',
  category: [concept(`${TERMS}/observation-category`, 'vital-signs')],
  code: concept('http://loinc.org', code, text),
  subject: about(uuid),
  encounter: { reference: `Encounter/${encounter}` },
  effectiveDateTime: `${at}T09:10:00Z`,
  ...more,
});
const quantity = (value, unit) =>
  ({ value, unit, system: 'http://unitsofmeasure.org', code: unit });
const pressure = vital('85354-9', 'Blood pressure', { component: [['8480-6', 130], ['8462-4', 80]]
  .map(([code, value]) => ({ code: concept('http://loinc.org', code), valueQuantity: quantity(value, 'mm[Hg]') })) });
const weight = vital('29463-7', 'Body weight', { valueQuantity: quantity(220, '[lb_av]') });

const problem = (uuid, fields) => [{
  resourceType: 'Condition',
  ...profile('us-core-condition-problems-health-concerns'),
  clinicalStatus: concept(`${TERMS}/condition-clinical`, 'active'),
  verificationStatus: concept(`${TERMS}/condition-ver-status`, 'confirmed'),
  category: [concept(`${TERMS}/condition-category`, 'problem-list-item')],
  code: { text: fields.title },
  subject: about(uuid),
  onsetDateTime: day(fields.begdate),
}];
const MAKE = {
  encounter: (uuid, fields) => [{
    resourceType: 'Encounter',
    ...profile('us-core-encounter'),
    status: 'finished',
    class: { system: `${TERMS}/v3-ActCode`, code: 'AMB' },
    type: [concept('http://snomed.info/sct', '185349003', 'Check up')],
    subject: about(uuid),
    period: { start: `${day(fields.date)}T09:00:00Z`, end: `${day(fields.date)}T09:30:00Z` },
    reasonCode: [{ text: fields.reason }],
    location: [{ location: place }],
    serviceProvider: clinic,
  }],
  allergy: (uuid, fields) => [{
    resourceType: 'AllergyIntolerance',
    ...profile('us-core-allergyintolerance'),
    clinicalStatus: concept(`${TERMS}/allergyintolerance-clinical`, 'active'),
    verificationStatus: concept(`${TERMS}/allergyintolerance-verification`, 'confirmed'),
    code: { text: fields.title },
    patient: about(uuid),
    recordedDate: '2026-01-01',
  }],
  medical_problem: problem,
  dental_issue: problem,
  medication: (uuid, fields) => [{
    resourceType: 'MedicationRequest',
    ...profile('us-core-medicationrequest'),
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: { text: fields.title },
    subject: about(uuid),
    authoredOn: '2026-01-01',
    requester: doctor,
  }],
  surgery: (uuid, fields) => [{
    resourceType: 'Procedure',
    ...profile('us-core-procedure'),
    status: 'completed',
    code: { text: fields.title },
    subject: about(uuid),
    performedDateTime: '2026-01-01',
  }],
  appointment: (uuid, fields) => [{
    resourceType: 'Appointment',
    status: 'booked',
    description: fields.pc_title,
    start: `${day(fields.pc_eventDate)}T09:00:00Z`,
    end: `${day(fields.pc_eventDate)}T09:15:00Z`,
    participant: [{ actor: about(uuid), status: 'accepted' }],
  }],
  vital: (uuid, fields, visit) => [[pressure, 'us-core-blood-pressure'], [weight, 'us-core-body-weight']]
    .map(([make, name]) => make(uuid, visit.uuid, day(visit.fields.date), name)),
};

async function add(kind, patient, fields, visit) {
  const made = [];
  for (const one of MAKE[kind]?.(patient, fields, visit) ?? []) made.push(await store(rich(clean(one))));
  if (made.length) {
    await store({
      resourceType: 'Provenance',
      ...profile('us-core-provenance'),
      target: made.map((one) => ({ reference: `${one.resourceType}/${one.id}` })),
      recorded: new Date().toISOString(),
      agent: [{ type: concept(`${TERMS}/provenance-participant-type`, 'author'), who: doctor, onBehalfOf: clinic }],
    });
  }
  const record = { kind, patient, fields, number: next(), uuid: made[0]?.id ?? randomUUID(), made };
  records.push(record);
  return record;
}

export async function addPatient(fields, uuid = randomUUID()) {
  await store(rich(patientOf(uuid, fields)));
  return { pid: numberOf(uuid), uuid };
}

export function removePatient(key) {
  const uuid = uuidOf(key);
  for (const resources of repository.resources.values()) {
    for (const [id, one] of resources) if (ownersOf(one).includes(uuid)) resources.delete(id);
  }
}

export async function seed(patients) {
  await store({ resourceType: 'Organization', id: clinic.reference.split('/')[1], ...profile('us-core-organization'), active: true, name: 'Clinic' });
  await store({ resourceType: 'Location', id: place.reference.split('/')[1], ...profile('us-core-location'), status: 'active', name: 'Clinic', managingOrganization: clinic });
  await store({ resourceType: 'Practitioner', id: doctor.reference.split('/')[1], ...profile('us-core-practitioner'), active: true, name: [{ family: 'Admin', given: ['Ada'] }] });
  for (const one of patients) {
    await addPatient({ fname: one.given, lname: one.family, sex: 'Female', DOB: `198${one.pid}-01-01`, email: one.claims.email, city: 'Testville' }, one.id);
  }
}

async function shownPatient(uuid) {
  const one = await repository.readResource('Patient', uuid);
  const [address, name] = [one.address?.[0] ?? {}, one.name[0]];
  return {
    uuid,
    pid: numberOf(uuid),
    fname: name.given?.[0],
    lname: name.family,
    DOB: one.birthDate,
    sex: { male: 'Male', female: 'Female' }[one.gender] ?? 'UNK',
    street: address.line?.[0] ?? '',
    city: address.city ?? '',
    email: one.telecom?.find(({ system }) => system === 'email')?.value ?? '',
  };
}

const shown = ({ kind, fields, number, uuid }) => ({
  ...fields, id: number, uuid, eid: number, euuid: uuid, vid: number, sid: number,
  ...(kind === 'appointment' ? { pc_uuid: uuid } : {}),
});

// Return [status, data] of a request of the standard API; undefined if there is no such route.
export async function answerStandard(method, path, query, raw) {
  const fields = raw && method !== 'GET' ? JSON.parse(raw) : {};
  if (path === '/api/facility') return [200, [{ uuid: clinic.reference.split('/')[1], id: '3', name: 'Clinic' }]];
  if (path === '/api/patient') {
    if (method === 'POST') return [201, await addPatient(fields)];
    const all = await Promise.all([...repository.resources.get('Patient').keys()].map(shownPatient));
    const wanted = query.get('lname');
    return [200, all.filter((one) => !wanted || one.lname === wanted)];
  }
  const [, key, first, number, below, inner] = /^\/api\/patient\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
  if (!key) return undefined;
  if (repository.resources.get('Patient').has(key)) numberOf(key); // one that FHIR created
  const patient = uuidOf(key);
  if (!repository.resources.get('Patient').has(patient)) return [404, 'There is no such patient'];
  if (!first) {
    if (method === 'PUT') {
      const changed = { ...await shownPatient(patient), ...fields };
      await repository.updateResource(rich(patientOf(patient, changed)));
    }
    return [200, await shownPatient(patient)];
  }
  const mine = records.filter((one) => one.patient === patient);
  const kind = below ?? first;
  const visit = below && mine.find((one) => one.kind === 'encounter' && String(one.number) === number);
  if (below && !visit) return [404, 'There is no such encounter'];
  if (method === 'POST') return [201, shown(await add(kind, patient, fields, visit))];
  const wanted = below ? inner : number;
  const found = mine.filter((one) => one.kind === kind);
  if (!wanted) return [200, found.map(shown)];
  const one = found.find((each) => [String(each.number), each.uuid].includes(wanted));
  if (!one) return [404, 'There is no such record'];
  if (method === 'DELETE') for (const { resourceType, id } of one.made) await repository.deleteResource(resourceType, id);
  return [200, shown(one)];
}
