/**
 * Identifiers as AWS shapes them. Ids made for a CloudFormation resource are derived from the token of its creation:
 * an attempt that is repeated after a restart arrives at the same id and finds what the first attempt made.
 */
import { createHash } from 'node:crypto';
import type { Caller } from './model.ts';

const lowerCase = 'abcdefghijklmnopqrstuvwxyz0123456789';
const upperCase = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const mixedCase = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** The letters that the part after the prefix is made of. */
export type IdAlphabet = 'hex' | 'lower' | 'upper' | 'mixed';

const alphabets: Readonly<Record<IdAlphabet, string>> = {
  hex: '0123456789abcdef',
  lower: lowerCase,
  upper: upperCase,
  mixed: mixedCase,
};

/**
 * `prefix` and `length` characters that follow from `token` and the prefix, for example
 * `generatedId(context.token, 'vpc-', 17)` → `vpc-0f3c…`. An operation that is called directly passes a random token.
 */
export function generatedId(
  token: string,
  prefix: string,
  length: number,
  alphabet: IdAlphabet = 'hex',
): string {
  const letters = alphabets[alphabet];
  let text = '';
  for (let block = 0; text.length < length; block += 1) {
    // Two bytes a letter keep the bias of the remainder negligible.
    const digest = createHash('sha256').update(`${block}\0${prefix}\0${token}`).digest();
    for (let at = 0; at < digest.length && text.length < length; at += 2) {
      text += letters[digest.readUInt16BE(at) % letters.length];
    }
  }
  return prefix + text;
}

/** A version 4-shaped UUID (RFC 9562) that follows from `token` and what it names, for example `kms-key`. */
export function generatedUuid(token: string, purpose: string): string {
  const bytes = createHash('sha256').update(`${purpose}\0${token}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** `logicalId` as CloudFormation names what a template leaves unnamed: `<stack>-<logical id>-<12 characters>`. */
export function generatedName(
  context: { readonly stackName: string; readonly logicalId: string; readonly token: string },
  limit: number,
  alphabet: IdAlphabet = 'mixed',
): string {
  const suffix = generatedId(context.token, '-', 12, alphabet);
  const room = limit - suffix.length;
  const logicalId = context.logicalId.slice(0, Math.ceil(room / 2) - 1);
  const stackName = context.stackName.slice(0, room - logicalId.length - 1);
  return `${stackName}-${logicalId}${suffix}`;
}

/** `arn:aws:<service>:<region>:<account>:<resource>`, for what lives in one Region of one account. */
export function regionalArn(
  service: string,
  owner: Pick<Caller, 'accountId' | 'region'>,
  resource: string,
): string {
  return `arn:aws:${service}:${owner.region}:${owner.accountId}:${resource}`;
}

/** `arn:aws:<service>::<account>:<resource>`, for what has no Region (IAM). */
export function globalArn(service: string, owner: Pick<Caller, 'accountId'>, resource: string): string {
  return `arn:aws:${service}::${owner.accountId}:${resource}`;
}

export interface ArnParts {
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  readonly resource: string;
}

/** The parts of an ARN, or undefined for what is not one. */
export function parseArn(text: string): ArnParts | undefined {
  const match = /^arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|):(.+)$/s.exec(text);
  if (match === null) return undefined;
  const [, service = '', region = '', accountId = '', resource = ''] = match;
  return { service, region, accountId, resource };
}

/** The key of a record that belongs to one account and Region. */
export function recordKey(owner: Pick<Caller, 'accountId' | 'region'>, id = ''): string {
  return `${owner.accountId}/${owner.region}/${id}`;
}
