/** Lifecycle rules: S3 itself expires what is old. In the sandbox it does so when somebody wants the bucket deleted. */
import type * as sdk from '@aws-sdk/client-s3';
import { AwsError, type Call } from '../../model.ts';
import { numberOf } from '../properties.ts';
import {
  type BucketRecord,
  eraseVersion,
  existingBucket,
  putBucket,
  type VersionRecord,
  versionsUnder,
} from './records.ts';

type Rule = BucketRecord['lifecycleRules'][number];

const dayMs = 86_400_000;

/** What the sandbox evaluates of a rule; any other part would be a promise that nobody keeps. */
const evaluated = new Set([
  'ID',
  'Status',
  'Filter',
  'Expiration',
  'NoncurrentVersionExpiration',
  'AbortIncompleteMultipartUpload',
]);

export function putBucketLifecycleConfiguration(
  input: sdk.PutBucketLifecycleConfigurationRequest,
  call: Call,
): void {
  const given = input.LifecycleConfiguration?.Rules ?? [];
  if (given.length === 0)
    throw new AwsError('MalformedXML', 'A lifecycle configuration has at least one rule.');
  putBucket({ ...existingBucket(input.Bucket, call), lifecycleRules: given.map(ruleIn) }, call);
}

/** A rule of the API in CloudFormation's words, in which the bucket keeps it. */
function ruleIn(rule: sdk.LifecycleRule): Rule {
  const stranger = Object.keys(rule).find((name) => !evaluated.has(name));
  const { Prefix, ...otherFilters } = rule.Filter ?? {};
  const { Days, ExpiredObjectDeleteMarker, Date: onDay } = rule.Expiration ?? {};
  if (stranger !== undefined || Object.keys(otherFilters).length > 0 || onDay !== undefined)
    throw new AwsError(
      'NotImplemented',
      `The sandbox does not evaluate ${stranger ?? 'that'} of a lifecycle rule.`,
      501,
    );
  const words = {
    Id: rule.ID,
    Status: rule.Status,
    Prefix,
    ExpirationInDays: Days,
    ExpiredObjectDeleteMarker,
    NoncurrentVersionExpiration: rule.NoncurrentVersionExpiration,
    AbortIncompleteMultipartUpload: rule.AbortIncompleteMultipartUpload,
  };
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined));
}

export function getBucketLifecycleConfiguration(
  { Bucket }: sdk.GetBucketLifecycleConfigurationRequest,
  call: Call,
): sdk.GetBucketLifecycleConfigurationOutput {
  const { lifecycleRules } = existingBucket(Bucket, call);
  if (lifecycleRules.length === 0)
    throw new AwsError('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist', 404);
  const Rules = lifecycleRules.map((rule) => {
    const { Id, Status, Prefix, ExpirationInDays, ExpiredObjectDeleteMarker, ...rest } = rule as Words;
    const expires = ExpirationInDays !== undefined || ExpiredObjectDeleteMarker !== undefined;
    const Expiration = { Days: numberOf(ExpirationInDays), ExpiredObjectDeleteMarker };
    return { ID: Id, Status, Filter: { Prefix: Prefix ?? '' }, ...(expires && { Expiration }), ...rest };
  });
  return { Rules: Rules as sdk.LifecycleRule[] };
}

interface Words extends Readonly<Record<string, unknown>> {
  readonly Id?: string;
  readonly Status?: string;
  readonly Prefix?: string;
  readonly ExpirationInDays?: number | string;
  readonly ExpiredObjectDeleteMarker?: boolean;
  readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays?: number | string };
}

/**
 * Erases what the bucket's rules have let go by now ("Lifecycle configuration elements", Amazon S3 User Guide). AWS does so once a day, after
 * midnight UTC; the sandbox on the minute.
 */
export function expireObjects(bucket: BucketRecord, call: Call): void {
  const now = call.cloud.now();
  const isVersioned = bucket.versioning !== undefined;
  const byKey = new Map<string, VersionRecord[]>();
  for (const version of versionsUnder(bucket.name, '', call))
    byKey.set(version.key, [...(byKey.get(version.key) ?? []), version]);
  for (const [key, versions] of byKey) {
    const rules = (bucket.lifecycleRules as readonly Words[]).filter(
      ({ Status, Prefix = '' }) => Status === 'Enabled' && key.startsWith(Prefix),
    );
    for (const version of expired(versions, rules, { now, isVersioned }))
      eraseVersion(bucket.name, version, call);
  }
}

/** @param versions of one object, oldest first */
function expired(
  versions: readonly VersionRecord[],
  rules: readonly Words[],
  { now, isVersioned }: { readonly now: Date; readonly isVersioned: boolean },
): readonly VersionRecord[] {
  const current = least(rules.map(({ ExpirationInDays }) => numberOf(ExpirationInDays)));
  // What a bucket without versions lets go is gone at once.
  const older = !isVersioned
    ? 0
    : least(rules.map((rule) => numberOf(rule.NoncurrentVersionExpiration?.NoncurrentDays)));
  const last = versions.at(-1);
  // A mark takes the place of a current version that expires; of a mark nothing expires.
  const replacedAt = last?.content === undefined ? undefined : inDays(last.at, current);
  const gone = versions.filter((version, place) => {
    const since = versions[place + 1]?.at ?? replacedAt;
    return version.content !== undefined && since !== undefined && inDays(since, older) <= now;
  });
  const onlyMarksLeft = versions.every((version) => version.content === undefined || gone.includes(version));
  const forgetsMarks = rules.some(({ ExpiredObjectDeleteMarker }) => ExpiredObjectDeleteMarker === true);
  return onlyMarksLeft && forgetsMarks ? versions : gone;
}

const least = (days: readonly (number | undefined)[]): number =>
  Math.min(...days.filter((each) => each !== undefined));
/** Never, for `Infinity` days. */
const inDays = (start: Date, days: number): Date =>
  days === Infinity ? new Date(8.64e15) : new Date(start.getTime() + days * dayMs);
