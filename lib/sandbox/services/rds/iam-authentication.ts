/** "IAM database authentication for MariaDB, MySQL, and PostgreSQL", Amazon RDS User Guide: what a token has to prove. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { issuedAccessKey } from '../../access-keys.ts';
import { regionalArn } from '../../identifiers.ts';
import { roleAllows } from '../iam/permissions.ts';
import { serviceCall } from './encryption.ts';
import type { InstanceRecord, Owner } from './records.ts';

const longestLifetimeSeconds = 900;
/** How far ahead of the sandbox's clock a signer's may be. */
const clockSkewMs = 5 * 60_000;

/**
 * Why a token does not sign `username` in, or undefined when it does: it is a request presigned with Signature
 * Version 4 for `rds-db`, to this instance's endpoint and for this user, at most 15 minutes old, with a key that this sandbox
 * issued (a task's, or one from AssumeRole) to a role that is allowed `rds-db:connect`. Of the keys that callers make up
 * the sandbox knows no secret, so what they sign proves nothing.
 */
export function tokenProblem(
  owner: Owner,
  instance: InstanceRecord,
  token: string,
  username: string,
): string | undefined {
  const url = URL.canParse(`https://${token}`) ? new URL(`https://${token}`) : undefined;
  const host = token.slice(0, token.indexOf('/'));
  const { address, port } = instance.endpoint ?? {};
  if (url === undefined || url.pathname !== '/') return 'it is not an authentication token';
  if (host !== `${address}:${port}`) return `it is for ${host}, not for ${address}:${port}`;
  const query = url.searchParams;
  const text = (name: string): string => query.get(name) ?? '';
  if (text('Action') !== 'connect' || text('DBUser') !== username)
    return `it is for the user ${text('DBUser')}`;
  const signedAt = Date.parse(
    text('X-Amz-Date').replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  const lifetime = Number(text('X-Amz-Expires'));
  const now = owner.cloud.machineTime();
  if (!(lifetime > 0 && lifetime <= longestLifetimeSeconds) || Number.isNaN(signedAt))
    return 'it does not say when it was signed and for how long';
  if (signedAt > now.getTime() + clockSkewMs) return 'it was signed in the future';
  if (signedAt + lifetime * 1000 <= now.getTime()) return 'it has expired';
  const [keyId = '', day = '', region = '', service = ''] = text('X-Amz-Credential').split('/');
  const key = issuedAccessKey(owner.cloud.state, keyId, now);
  if (key === undefined)
    return `the access key ${keyId} is not one that this sandbox issued, or it has expired`;
  if (key.accountId !== instance.accountId || region !== instance.region || service !== 'rds-db')
    return 'it is for another account, Region or service';
  const signature = signatureOf(host, query, [day, region, service], key.secretAccessKey);
  if (key.sessionToken !== text('X-Amz-Security-Token') || !isEqual(signature, text('X-Amz-Signature')))
    return 'its signature is wrong';
  const resource = regionalArn('rds-db', owner, `dbuser:${instance.resourceId}/${username}`);
  if (!roleAllows(serviceCall(owner), key.principalArn, 'rds-db:connect', resource))
    return `${key.principalArn} is not allowed rds-db:connect on ${resource}`;
  return undefined;
}

/** "Create a signed AWS API request", AWS General Reference, for `GET /` with an empty body and the host header alone. */
function signatureOf(
  host: string,
  query: URLSearchParams,
  [day, region, service]: readonly [string, string, string],
  secret: string,
): string {
  const canonicalQuery = [...query.entries()]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&');
  const canonical = ['GET', '/', canonicalQuery, `host:${host}`, '', 'host', sha256('')].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', query.get('X-Amz-Date') ?? '', scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(
    (derived, part) => createHmac('sha256', derived).update(part).digest(),
    Buffer.from(`AWS4${secret}`),
  );
  return createHmac('sha256', key).update(toSign).digest('hex');
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** RFC 3986, which leaves fewer characters alone than `encodeURIComponent`. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
