// npm's oidc-provider, a certified OpenID provider, with its own defaults: the claims of the scopes email and
// profile are in userinfo only, and its development pages let anybody in.
//
// node oidc_provider.js '{"port": 9500, "client": {...}, "configuration": {...}}'
// `client` is registered as it is, `configuration` goes over what is here.

import { generateKeyPairSync } from 'node:crypto';

import Provider from 'oidc-provider';

const { port, client, configuration } = JSON.parse(process.argv[2]);

const key = (alg, ...options) => ({
  ...generateKeyPairSync(...options).privateKey.export({ format: 'jwk' }),
  alg, kid: `for-${alg}`, use: 'sig',
});

const algorithms = ['RS256', 'PS256', 'ES256', 'Ed25519', 'EdDSA'];
const provider = new Provider(`http://localhost:${port}`, {
  clients: [client],
  jwks: {
    keys: [
      key('RS256', 'rsa', { modulusLength: 2048 }),
      key('PS256', 'rsa', { modulusLength: 2048 }),
      key('ES256', 'ec', { namedCurve: 'P-256' }),
      key('EdDSA', 'ed25519'),
    ],
  },
  enabledJWA: { idTokenSigningAlgValues: algorithms, userinfoSigningAlgValues: algorithms },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: 'Ada Lovelace' }),
  }),
  // It refuses to call loopback addresses, unless it has another dispatcher.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['not a secret'] },
  ...configuration,
});

for (const event of ['server_error', 'backchannel.error', 'grant.error', 'authorization.error']) {
  provider.on(event, (_, error) => console.error(event, error.message, error.error_description ?? error.cause ?? ''));
}
provider.on('backchannel.success', () => console.log('backchannel.success'));
provider.listen(port, '127.0.0.1');
