import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** A CI system, as far as its ID tokens go: a real OpenID provider on a port of its own. */
export interface OidcIssuer {
  readonly url: string;
  /** The ID token of a job, which has these claims and no others but iss, aud, exp and iat. */
  idToken(claims: Readonly<Record<string, unknown>>, audience?: string): Promise<string>;
  /** Puts another key in the place of the one there was. */
  changeKey(kid: string, alg?: 'RS256' | 'ES256' | 'PS256'): Promise<void>;
  /** The process is gone: nothing listens there. */
  stop(): Promise<void>;
}

export async function startOidcIssuer(audiences: readonly [string, ...string[]]): Promise<OidcIssuer> {
  const child = fork(resolve(__dirname, 'oidc-issuer-process.mjs'), [], { execArgv: [], silent: true });
  await once(child, 'message');
  const serve = async (kid: string, alg?: string): Promise<string> => {
    const answered = once(child, 'message');
    child.send({ kid, alg, audiences });
    const [{ issuer }] = (await answered) as [{ issuer: string }];
    return issuer;
  };
  const url = await serve('first');
  return {
    url,
    idToken: async (claims, audience = audiences[0]) => {
      const answer = await fetch(`${url}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${encodeURIComponent(audience)}:runner`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'urn:test:job', claims: JSON.stringify(claims) }),
      });
      const body = (await answer.json()) as { id_token?: string };
      if (body.id_token === undefined) throw new Error(`no ID token: ${JSON.stringify(body)}`);
      return body.id_token;
    },
    changeKey: async (kid, alg) => void (await serve(kid, alg)),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
