import { judgeResource, type Owner, parseArn, type TaggedResource } from '../../lib/domain/orphans.ts';

const stackId = 'arn:aws:cloudformation:us-east-1:111122223333:stack/lumenality-oak-foundation/1';
const vpc: TaggedResource = {
  arn: 'arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1',
  tags: { 'lumenality:practice': 'oak', 'aws:cloudformation:stack-id': stackId },
};
const key: TaggedResource = {
  arn: 'arn:aws:kms:us-east-1:111122223333:key/mrk-1',
  tags: { 'lumenality:practice': 'oak', 'aws:cloudformation:stack-id': stackId },
};
const oak: Owner = { id: 'oak', state: 'active', cellId: 'main', openRunId: null, kept: [] };

const judge = (
  resource: TaggedResource,
  owner: Owner | undefined,
  also: { readonly stackExists?: boolean; readonly deletionAt?: string } = {},
) =>
  judgeResource(resource, {
    cellId: 'main',
    practiceId: 'oak',
    owner,
    stackExists: also.stackExists ?? true,
    facts: { createdAt: null, deletionAt: also.deletionAt ?? null },
  });

test('what a stack of its own practice made belongs to it', () => {
  expect(judge(vpc, oak)).toBeUndefined();
});

test.each([
  ['of no practice', undefined, {}, /no practice oak on this record/],
  [
    'of a cancelled practice',
    { ...oak, state: 'provisioning_cancelled' as const },
    {},
    /provisioning_cancelled/,
  ],
  ['of a deprovisioned practice', { ...oak, state: 'deprovisioned' as const }, {}, /deprovisioned/],
  ['of a practice in another cell', { ...oak, cellId: 'west' }, {}, /cell west, not in this one/],
  ['whose stack is gone', oak, { stackExists: false }, /lumenality-oak-foundation/],
])('a resource %s is an orphan', (_, owner, also, reason) => {
  expect(judge(vpc, owner, also)).toMatchObject({
    verdict: 'orphan',
    kind: 'ec2:vpc',
    name: 'vpc-1',
    reason: expect.stringMatching(reason),
    monthlyNanoUsd: 0,
  });
});

test('what a run is at work on is nobody else’s business', () => {
  expect(judge(vpc, { ...oak, openRunId: 'run-1' }, { stackExists: false })).toBeUndefined();
});

test('what a service made of a practice’s resources needs no stack, anything else does', () => {
  const made = (arn: string) =>
    judge({ arn, tags: { 'lumenality:practice': 'oak' } }, oak, { stackExists: false });
  expect(made('arn:aws:rds:us-east-1:111122223333:snapshot:rds:oak-2026')).toBeUndefined();
  expect(made('arn:aws:ec2:us-east-1:111122223333:natgateway/nat-1')).toMatchObject({
    verdict: 'orphan',
    monthlyNanoUsd: expect.any(Number),
  });
});

test('what is kept on purpose is told with its reason, and a key on its way out costs nothing', () => {
  const gone: Owner = { ...oak, state: 'deprovisioned' };
  expect(judge(key, gone)).toMatchObject({ verdict: 'orphan', monthlyNanoUsd: 1_000_000_000 });
  expect(judge(key, gone, { deletionAt: '2026-12-24T00:00:00Z' })).toMatchObject({
    verdict: 'kept',
    reason: 'KMS deletes it on 2026-12-24.',
    monthlyNanoUsd: 0,
  });
  const said = 'KMS key mrk-1 stays: somebody may have entered something.';
  expect(judge(key, { ...gone, kept: [said] })).toMatchObject({ verdict: 'kept', reason: said });
  const named = 'KMS key mrk-1: its practice keeps it.';
  expect(judge(key, { ...gone, kept: [named] })).toMatchObject({ reason: 'Its practice keeps it.' });
});

test.each([
  ['recovery-point:4c', 'backup', /lock of its vault/],
  ['snapshot:awsbackup:job-1', 'rds', /lock of its vault/],
  ['snapshot:rds:lumenality-oak-data-1', 'rds', /RDS keeps its own backups/],
  ['auto-backup:ab-1', 'rds', /RDS keeps its own backups/],
])(
  'the backup %s that AWS lets expire by itself is none of a deprovisioned practice’s orphans',
  (name, service, reason) => {
    const arn = `arn:aws:${service}:us-east-1:111122223333:${name}`;
    const resource = { arn, tags: { 'lumenality:practice': 'oak' } };
    expect(judge(resource, { ...oak, state: 'deprovisioned' })).toMatchObject({
      verdict: 'kept',
      reason: expect.stringMatching(reason),
    });
  },
);

test.each([
  ['arn:aws:s3:::lumenality-oak-bucket', 's3:bucket', 'lumenality-oak-bucket'],
  ['arn:aws:logs:us-east-1:1:log-group:/lumenality/oak/app', 'logs:log-group', '/lumenality/oak/app'],
  ['arn:aws:rds:us-east-1:1:db:oak-1', 'rds:db', 'oak-1'],
])('%s is %s', (arn, kind, name) => {
  expect(parseArn(arn)).toEqual({ kind, name });
});
