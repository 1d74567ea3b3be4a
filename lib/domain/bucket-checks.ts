import { refusesPlainConnections } from './iam-policy.ts';
import { type Check, check, safeguards } from './silo-check.ts';

export const bucketChecks: readonly Check[] = [
  check({
    id: 'bucket-encrypted-with-key',
    title: "The bucket encrypts with exactly the practice's key",
    safeguards: safeguards.atRest,
    source: 's3:GetBucketEncryption',
    fact: 'bucket',
    expected: ({ keyArn }) => `aws:kms, ${keyArn}`,
    observed: ({ encryption, keyArn }) => `${encryption ?? 'none'}, ${keyArn ?? "AWS's own key"}`,
  }),
  check({
    id: 'bucket-not-public',
    title: 'Nothing in the bucket can be made public',
    safeguards: safeguards.access,
    source: 's3:GetBucketPublicAccessBlock',
    fact: 'bucket',
    expected: () => 'public access blocked',
    observed: ({ publicAccessBlocked }) => `public access ${publicAccessBlocked ? 'blocked' : 'possible'}`,
  }),
  check({
    id: 'bucket-tls-only',
    title: 'The bucket refuses connections without TLS',
    safeguards: safeguards.inTransit,
    source: 's3:GetBucketPolicy',
    fact: 'bucket',
    expected: () => 'denied without TLS',
    observed: ({ policy }) => {
      if (policy === null) return 'no policy';
      return refusesPlainConnections(policy) ? 'denied without TLS' : 'not denied without TLS';
    },
  }),
  check({
    id: 'bucket-versioned',
    title: 'The bucket keeps what is overwritten or deleted',
    safeguards: [...safeguards.backup, '45 CFR 164.312(c)(1)'],
    source: 's3:GetBucketVersioning',
    fact: 'bucket',
    expected: () => 'versions kept',
    observed: ({ versioned }) => (versioned ? 'versions kept' : 'versions not kept'),
  }),
];
