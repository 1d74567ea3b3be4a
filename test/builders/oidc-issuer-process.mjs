/**
 * An OpenID provider (oidc-provider) for `oidc-issuer.ts`, in a process of its own because the package is an ES module. As a CI system
 * does, it makes ID tokens for jobs: a grant type of its own takes the claims that are asked for.
 */
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const grantType = 'urn:test:job';
const handlers = new Map();
const server = createServer((request, response) => handlers.get('now')(request, response));

async function newKey(kid, alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
}

/** A provider whose one key is new, for each audience a client. */
async function serve(issuer, { kid, alg = 'RS256', audiences }) {
  const provider = new Provider(issuer, {
    jwks: { keys: [await newKey(kid, alg)] },
    clients: audiences.map((audience) => ({
      client_id: audience,
      client_secret: 'runner',
      grant_types: [grantType],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: alg,
    })),
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'PS256'] },
    features: { devInteractions: { enabled: false } },
    ttl: { IdToken: 1_200 },
  });
  const job = async (context) => {
    const token = new provider.IdToken({}, { ctx: context });
    for (const [name, value] of Object.entries(JSON.parse(context.oidc.params.claims)))
      token.set(name, value);
    context.body = { id_token: await token.issue({ use: 'idtoken' }) };
  };
  provider.registerGrantType(grantType, job, ['claims'], []);
  handlers.set('now', provider.callback());
}

process.on('message', (order) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  // A refusal ends this process, which its parent sees.
  void serve(issuer, order).then(() => process.send({ issuer }));
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send({ listening: true }));
