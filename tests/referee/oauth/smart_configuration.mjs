// What both servers publish as /.well-known/smart-configuration.
export function smartConfiguration({ base, fhir, mount, facts, provider, jwt }) {
  const at = (name) => provider.urlFor(name);
  return {
    issuer: base + mount,
    jwks_uri: at('jwks'),
    authorization_endpoint: at('authorization'),
    token_endpoint: at('token'),
    registration_endpoint: at('registration'),
    revocation_endpoint: at('revocation'),
    ...(jwt ? {} : { introspection_endpoint: at('introspection') }),
    management_endpoint: `${fhir}/metadata`,
    grant_types_supported: ['authorization_code', 'client_credentials'],
    token_endpoint_auth_methods_supported:
      ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS256', 'RS384', 'ES384'],
    scopes_supported: facts.scopes,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    capabilities: ['client-public', 'client-confidential-symmetric',
      'client-confidential-asymmetric', 'permission-patient', 'permission-user',
      'permission-offline', 'permission-v1', 'sso-openid-connect', 'authorize-post'],
  };
}
