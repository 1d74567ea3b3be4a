import {
  actionsOf,
  type Control,
  companions,
  demand,
  isPublic,
  type Properties,
  requirements,
  statementsOf,
} from './control.ts';

const { access, audit, backup, credentials, inTransit, keys } = requirements;
const database = 'stacks/constructs/database.ts';
const bucket = 'stacks/constructs/practice-bucket.ts';
const key = 'stacks/constructs/practice-key.ts';
const buckets = ['AWS::S3::Bucket'];

/** What S3.6 calls actions that no other account should have. */
const administration = [
  's3:DeleteBucketPolicy',
  's3:PutBucketAcl',
  's3:PutBucketPolicy',
  's3:PutEncryptionConfiguration',
  's3:PutObjectAcl',
];

export const storageControls: readonly Control[] = [
  ...['SecretsManager.1', 'SecretsManager.2', 'SecretsManager.4'].map(
    (id): Control => ({
      id,
      asks:
        {
          'SecretsManager.1': 'Secrets are rotated by themselves.',
          'SecretsManager.2': 'Their rotation succeeds.',
        }[id] ?? 'They are rotated within 90 days.',
      requirement: credentials,
      construct: database,
      checks: ['secret-owned-by-rds'],
      outside:
        'The only secret is the one that RDS keeps and rotates every seven days; the app reads it at each new connection.',
    }),
  ),
  {
    id: 'SecretsManager.3',
    asks: 'No secret lies unused.',
    requirement: credentials,
    construct: database,
    checks: ['secret-of-this-database'],
    outside: 'The only secret belongs to the database and goes with it.',
  },
  {
    id: 'S3.1',
    asks: 'The account blocks public access to buckets.',
    requirement: access,
    construct: bucket,
    checks: ['bucket-not-public'],
    outside: 'A setting of the account. Each bucket of a silo blocks public access itself (S3.8).',
  },
  ...(['S3.2', 'S3.3'] as const).map(
    (id): Control => ({
      id,
      asks: `Nobody without an account may ${id === 'S3.2' ? 'read' : 'write'}.`,
      requirement: access,
      construct: bucket,
      checks: ['bucket-not-public'],
      types: ['AWS::S3::BucketPolicy'],
      judge: ({ properties }) =>
        statementsOf(properties['PolicyDocument']).some(isPublic) ? 'Its policy lets anybody in.' : undefined,
    }),
  ),
  {
    id: 'S3.5',
    asks: 'A bucket answers over TLS only.',
    requirement: inTransit,
    construct: bucket,
    checks: ['bucket-tls-only'],
    types: buckets,
    judge: (subject) => {
      const denials = companions(subject, 'AWS::S3::BucketPolicy')
        // Not the policy of another bucket that names this one.
        .filter(({ properties }) => (properties['Bucket'] as Properties)['Ref'] === subject.id)
        .flatMap(({ properties }) => statementsOf(properties['PolicyDocument']))
        .filter(({ Effect, Condition }) => Effect === 'Deny' && Condition !== undefined);
      return denials.some(({ Condition }) =>
        JSON.stringify(Condition).includes('"aws:SecureTransport":"false"'),
      )
        ? undefined
        : 'No policy refuses plain HTTP.';
    },
  },
  {
    id: 'S3.6',
    asks: 'No other account administers a bucket.',
    requirement: access,
    construct: bucket,
    types: ['AWS::S3::BucketPolicy'],
    judge: ({ properties }) => {
      const given = statementsOf(properties['PolicyDocument'])
        .filter(({ Effect }) => Effect === 'Allow')
        .flatMap(actionsOf)
        .filter((action) => action === 's3:*' || administration.includes(action));
      return given.length === 0 ? undefined : `Its policy gives away ${given.join(', ')}.`;
    },
  },
  {
    id: 'S3.8',
    asks: 'A bucket blocks public access.',
    requirement: access,
    construct: bucket,
    checks: ['bucket-not-public'],
    types: buckets,
    judge: ({ properties }) => {
      const block = (properties['PublicAccessBlockConfiguration'] ?? {}) as Properties;
      const wanted = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'];
      const open = wanted.filter((name) => block[name] !== true);
      return open.length === 0 ? undefined : `${open.join(', ')} is not on.`;
    },
  },
  {
    id: 'S3.9',
    asks: 'Access to a bucket is logged.',
    requirement: audit,
    construct: bucket,
    types: buckets,
    judge: ({ properties }) =>
      properties['LoggingConfiguration'] === undefined ? 'Nothing logs who reads it.' : undefined,
  },
  {
    id: 'S3.12',
    asks: 'ACLs decide nothing.',
    requirement: access,
    construct: bucket,
    types: buckets,
    judge: ({ properties }) =>
      JSON.stringify(properties['OwnershipControls'] ?? '').includes('"BucketOwnerEnforced"')
        ? undefined
        : 'ACLs are in force.',
  },
  {
    id: 'S3.13',
    asks: 'A bucket has lifecycle rules.',
    requirement: backup,
    construct: bucket,
    types: buckets,
    judge: ({ properties }) =>
      properties['LifecycleConfiguration'] === undefined ? 'It has no lifecycle rule.' : undefined,
  },
  {
    id: 'S3.14',
    asks: 'A bucket keeps versions.',
    requirement: backup,
    construct: bucket,
    checks: ['bucket-versioned'],
    types: buckets,
    judge: ({ properties }) =>
      (properties['VersioningConfiguration'] as Properties | undefined)?.['Status'] === 'Enabled'
        ? undefined
        : 'What is overwritten is lost.',
  },
  {
    id: 'KMS.3',
    asks: 'No key is on its way to deletion by mistake.',
    requirement: keys,
    construct: key,
    test: 'test/stacks/templates.test.ts',
    checks: ['key-enabled'],
    types: ['AWS::KMS::Key'],
    judge: ({ properties }) =>
      Number(properties['PendingWindowInDays'] ?? 30) >= 30
        ? undefined
        : 'Its deletion takes less than 30 days.',
  },
  {
    id: 'KMS.4',
    asks: 'A key is rotated.',
    requirement: keys,
    construct: key,
    test: 'test/stacks/templates.test.ts',
    checks: ['key-rotation-enabled'],
    types: ['AWS::KMS::Key'],
    judge: demand('EnableKeyRotation', true),
  },
  {
    id: 'KMS.5',
    asks: 'A key is nobody else’s to use.',
    requirement: keys,
    construct: key,
    test: 'test/stacks/templates.test.ts',
    checks: ['key-customer-managed', 'key-denied-to-control-plane'],
    types: ['AWS::KMS::Key'],
    judge: ({ properties }) =>
      statementsOf(properties['KeyPolicy']).some(isPublic) ? 'Its policy lets anybody use it.' : undefined,
  },
];
