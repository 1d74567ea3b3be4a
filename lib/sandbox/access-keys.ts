import { randomBytes, randomInt } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AwsError, type Caller, type State } from './model.ts';

/** The account of every access key that names no other one. */
export const defaultAccountId = '000000000000';

export interface IssuedAccessKey {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: Date;
}

/** An issued key as its issuer knows it: whose it is, and what signatures made with it are checked against. */
export interface AccessKeyRecord {
  readonly accountId: string;
  readonly principalArn: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** What a signed request says of its caller. The signature itself is not checked: anybody may make up a key. */
export interface SignedCaller {
  readonly caller: Caller;
  /** The service that the request was signed for, for example `kms`. */
  readonly signingName: string;
}

const keysOf = (state: State) => state.table<AccessKeyRecord>('access-keys');

/**
 * Reads the credential scope of a request, from its Authorization header or from a presigned address
 * (AWS Signature Version 4: `<access key id>/<date>/<region>/<service>/aws4_request`).
 *
 * @returns undefined for a request without a signature.
 * @throws AwsError `ExpiredToken` for an issued key past its time, `IncompleteSignature` for a scope of another form.
 */
export function callerOf(
  request: { readonly headers: IncomingHttpHeaders; readonly query: URLSearchParams },
  state: State,
  now: Date,
): SignedCaller | undefined {
  const authorization = request.headers.authorization;
  const credential =
    authorization === undefined
      ? request.query.get('X-Amz-Credential')
      : /Credential=([^,\s]+)/.exec(authorization)?.[1];
  if (credential === null) return undefined;
  const [accessKeyId, , region, signingName, terminator] = credential?.split('/') ?? [];
  if (!accessKeyId || !region || !signingName || terminator !== 'aws4_request') {
    throw new AwsError(
      'IncompleteSignature',
      'Authorization header requires a Credential of the form <access key id>/<date>/<region>/<service>/aws4_request (Signature Version 4).',
      400,
    );
  }
  return { caller: { region, ...principalOf(accessKeyId, state, now) }, signingName };
}

function principalOf(accessKeyId: string, state: State, now: Date): Omit<Caller, 'region'> {
  const issued = keysOf(state).get(accessKeyId);
  if (issued) {
    if (issued.expiration <= now) {
      throw new AwsError('ExpiredToken', 'The security token included in the request is expired', 403);
    }
    return { accountId: issued.accountId, principalArn: issued.principalArn };
  }
  const accountId = accountOfAccessKey(accessKeyId, state);
  return { accountId, principalArn: `arn:aws:iam::${accountId}:root` };
}

/** The account that an access key id belongs to: issued keys know theirs, twelve digits name it, others have the default. */
export function accountOfAccessKey(accessKeyId: string, state: State): string {
  return (
    keysOf(state).get(accessKeyId)?.accountId ??
    (/^\d{12}$/.test(accessKeyId) ? accessKeyId : defaultAccountId)
  );
}

/** A key that the sandbox issued and that has not expired. Of keys that callers make up nothing is known. */
export function issuedAccessKey(state: State, accessKeyId: string, now: Date): AccessKeyRecord | undefined {
  const issued = keysOf(state).get(accessKeyId);
  return issued !== undefined && issued.expiration > now ? issued : undefined;
}

const keyAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const lifetimeSeconds = 6 * 3600;

/** Issues temporary credentials for a role (or another principal) of one account. `Expiration` is 6 h ahead unless told. */
export function issueAccessKey(
  state: State,
  principal: {
    readonly accountId: string;
    readonly principalArn: string;
    readonly region?: string;
    readonly lifetimeSeconds?: number;
  },
  now: Date = new Date(),
): IssuedAccessKey {
  const AccessKeyId = `ASIA${Array.from({ length: 16 }, () => keyAlphabet[randomInt(keyAlphabet.length)]).join('')}`;
  const Expiration = new Date(now.getTime() + (principal.lifetimeSeconds ?? lifetimeSeconds) * 1000);
  const keys = keysOf(state);
  for (const [id, record] of keys.entries()) if (record.expiration <= now) keys.delete(id);
  const SecretAccessKey = randomBytes(30).toString('base64');
  const Token = randomBytes(96).toString('base64');
  keys.put(AccessKeyId, {
    accountId: principal.accountId,
    principalArn: principal.principalArn,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiration: Expiration,
  });
  return { AccessKeyId, SecretAccessKey, Token, Expiration };
}
