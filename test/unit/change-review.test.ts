import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import fc from 'fast-check';
import { type ChangeOverride, reviewChanges } from '../../lib/domain/change-review.ts';
import { protectStatefulResources, relaxedStackPolicy } from '../../lib/domain/change-review-policy.ts';
import { isStateful, statefulTypes, whyNeverOverridden } from '../../lib/domain/change-review-resources.ts';
import type { PropertyChange, ResourceChange } from '../../lib/domain/resource-change.ts';
import { checkStackPolicy } from '../../lib/sandbox/cloudformation/stack-policy.ts';

const detail = (over: Partial<PropertyChange>): PropertyChange => ({
  attribute: 'Properties',
  name: 'Some',
  requiresRecreation: 'Never',
  evaluation: 'Static',
  causingEntity: null,
  before: null,
  after: null,
  ...over,
});
const change = (over: Partial<ResourceChange>): ResourceChange => ({
  action: 'Modify',
  logicalId: 'DatabaseInstance',
  physicalId: 'db-1',
  type: 'AWS::RDS::DBInstance',
  replacement: 'False',
  policyAction: null,
  details: [],
  ...over,
});
const verdicts = (changes: readonly ResourceChange[], overrides: readonly ChangeOverride[] = []) =>
  reviewChanges(changes, overrides).changes.map(({ effect, verdict }) => [effect, verdict]);

const stateful = Object.keys(statefulTypes);

/** Every way in which a change set can say, or fail to say, that a resource does not stay what it is. */
const waysToLose: readonly (readonly [string, Partial<ResourceChange>])[] = [
  ['removal', { action: 'Remove', replacement: null }],
  ['removal that retains', { action: 'Remove', replacement: null, policyAction: 'Retain' }],
  ['certain replacement', { replacement: 'True' }],
  ['replacement that snapshots', { replacement: 'True', policyAction: 'ReplaceAndSnapshot' }],
  ['conditional replacement without a cause', { replacement: 'Conditional' }],
  [
    'conditional replacement',
    {
      replacement: 'Conditional',
      details: [detail({ name: 'Engine', requiresRecreation: 'Conditionally' })],
    },
  ],
  [
    'replacement that hangs on another resource',
    {
      replacement: 'Conditional',
      details: [
        detail({
          name: 'KmsKeyId',
          requiresRecreation: 'Always',
          evaluation: 'Dynamic',
          causingEntity: 'Key.Arn',
        }),
      ],
    },
  ],
  [
    'replacement behind a harmless one',
    {
      replacement: 'Conditional',
      details: [
        detail({ name: 'MultiAZ', requiresRecreation: 'Conditionally' }),
        detail({ name: 'Engine', requiresRecreation: 'Conditionally' }),
      ],
    },
  ],
  ['contradiction', { details: [detail({ requiresRecreation: 'Always' })] }],
  ['replacement not told', { replacement: null }],
  ['replacement in an unknown word', { replacement: 'Perhaps' }],
  ['change not determined yet', { action: 'Dynamic', replacement: null }],
  ['action of an unknown name', { action: 'SyncWithActual', replacement: 'False' }],
  ['action left out', { action: 'unknown', replacement: null }],
  [
    'end of its keeping',
    { details: [detail({ attribute: 'DeletionPolicy', name: null, before: 'Retain', after: 'Delete' })] },
  ],
  ['end of its keeping, untold', { details: [detail({ attribute: 'UpdateReplacePolicy', name: null })] }],
];

test.each(stateful.flatMap((type) => waysToLose.map(([way, over]) => [type, way, over] as const)))(
  'of a %s, no %s slips past',
  (type, _way, over) => {
    const { objections, changes } = reviewChanges([change({ type, ...over })]);
    expect(changes).toMatchObject([{ verdict: 'refused' }]);
    expect(objections).toMatchObject([
      { logicalId: 'DatabaseInstance', type, message: expect.stringContaining(type) },
    ]);
  },
);

test('every type that the CloudFormation resource specification calls stateful is under guard', () => {
  const resources = [...loadAwsServiceSpecSync().all('resource')];
  const unguarded = resources.filter(
    ({ isStateful: is, cloudFormationType }) => is && !isStateful(cloudFormationType),
  );
  expect(unguarded.map(({ cloudFormationType }) => cloudFormationType)).toEqual([]);
});

test.each(stateful)('a %s may be added, imported and changed in place', (type) => {
  const changes = [
    change({ type, action: 'Add', replacement: null }),
    change({ type, action: 'Import', replacement: null }),
    change({ type, details: [detail({ attribute: 'Tags', name: null })] }),
    change({
      type,
      details: [detail({ attribute: 'DeletionPolicy', name: null, after: 'RetainExceptOnCreate' })],
    }),
  ];
  expect(verdicts(changes)).toEqual(changes.map(() => ['safe', 'allowed']));
});

test('what holds no state may be replaced and removed, and is classified all the same', () => {
  const type = 'AWS::ECS::TaskDefinition';
  expect(verdicts([change({ type, replacement: 'True' }), change({ type, action: 'Remove' })])).toEqual([
    ['replaces', 'allowed'],
    ['removes', 'allowed'],
  ]);
});

test.each([
  ['BackupRetentionPeriod', '7', '35', 'restarts'],
  ['BackupRetentionPeriod', '35', '7', 'weakens'],
  ['MultiAZ', 'false', 'true', 'restarts'],
  ['StorageType', 'gp2', 'gp3', 'restarts'],
  ['StorageType', 'standard', 'gp3', 'replaces'],
  ['StorageType', null, null, 'replaces'],
  ['PreferredMaintenanceWindow', 'sun:07:00-sun:08:00', 'sat:07:00-sat:08:00', 'restarts'],
  ['DBParameterGroupName', null, null, 'restarts'],
  ['DBSnapshotIdentifier', null, 'snapshot', 'replaces'],
  ['Engine', 'postgres', 'mysql', 'replaces'],
  ['AvailabilityZone', 'us-east-1a', 'us-east-1b', 'replaces'],
] as const)('a database whose %s goes from %s to %s: %s', (name, before, after, effect) => {
  const details = [detail({ name, before, after, requiresRecreation: 'Conditionally' })];
  const verdict = effect === 'restarts' ? 'allowed' : 'refused';
  expect(verdicts([change({ replacement: 'Conditional', details })])).toEqual([[effect, verdict]]);
});

test.each([
  ['AWS::RDS::DBInstance', 'DeletionProtection', 'false'],
  ['AWS::RDS::DBInstance', 'DeletionProtection', null],
  ['AWS::RDS::DBInstance', 'PubliclyAccessible', 'true'],
  ['AWS::KMS::Key', 'EnableKeyRotation', 'false'],
  ['AWS::KMS::Key', 'Enabled', 'false'],
])('a %s does not lose its safeguard when %s becomes %s', (type, name, after) => {
  expect(verdicts([change({ type, details: [detail({ name, after })] })])).toEqual([['weakens', 'refused']]);
});

test('a larger instance and a new task definition are said to interrupt', () => {
  const { changes } = reviewChanges([
    change({
      details: [
        detail({
          name: 'DBInstanceClass',
          before: 'db.t4g.micro',
          after: 'db.t4g.small',
          causingEntity: 'InstanceClass',
        }),
      ],
    }),
    change({ type: 'AWS::ECS::Service', details: [detail({ name: 'TaskDefinition' })] }),
  ]);
  expect(changes.map(({ effect, reason }) => [effect, reason])).toEqual([
    ['restarts', 'DBInstanceClass would change from "db.t4g.micro" to "db.t4g.small", by InstanceClass'],
    ['restarts', 'TaskDefinition would change'],
  ]);
});

test('what a container is told of the first owner is not told to whoever follows the run', () => {
  const task = change({
    logicalId: 'ServiceTaskDefinition',
    type: 'AWS::ECS::TaskDefinition',
    replacement: 'True',
    details: [
      detail({
        name: 'ContainerDefinitions',
        requiresRecreation: 'Always',
        causingEntity: 'OwnerEmail',
        before: '',
        after: 'dana@sunrise-aba.example.com',
      }),
    ],
  });
  expect(reviewChanges([task]).changes).toMatchObject([
    { effect: 'replaces', verdict: 'allowed', reason: 'ContainerDefinitions would change, by OwnerEmail' },
  ]);
});

test('the objection names resource, property, the reason that CloudFormation gave, and what would be lost', () => {
  const { objections } = reviewChanges([
    change({
      replacement: 'True',
      details: [
        detail({
          name: 'DBName',
          requiresRecreation: 'Always',
          before: 'practice',
          after: 'other',
          causingEntity: 'DatabaseName',
        }),
        detail({ name: 'MultiAZ' }),
      ],
    }),
    change({ action: 'Remove', policyAction: 'Retain' }),
  ]);
  expect(objections.map(({ message }) => message)).toEqual([
    'The change set would replace DatabaseInstance (AWS::RDS::DBInstance, db-1) because DBName would change from "practice" to "other", by DatabaseName: the practice\'s data lies in it.',
    "The change set would remove DatabaseInstance (AWS::RDS::DBInstance, db-1) because the template no longer has it (then: Retain): the practice's data lies in it.",
  ]);
});

describe('an override', () => {
  const override = (effect: 'replace' | 'remove', logicalId = 'DatabaseInstance'): ChangeOverride => ({
    id: 'o-1',
    logicalId,
    effect,
  });
  const replaced = change({ replacement: 'True' });
  const removed = change({ action: 'Remove' });

  test('lets exactly its change of exactly its resource pass', () => {
    expect(verdicts([replaced], [override('replace')])).toEqual([['replaces', 'overridden']]);
    expect(verdicts([removed], [override('remove')])).toEqual([['removes', 'overridden']]);
    expect(verdicts([removed], [override('replace')])).toEqual([['removes', 'refused']]);
    expect(verdicts([replaced], [override('remove')])).toEqual([['replaces', 'refused']]);
    expect(verdicts([replaced], [override('replace', 'Other')])).toEqual([['replaces', 'refused']]);
    expect(reviewChanges([change({})], [override('replace')]).used).toEqual([]);
  });

  test.each(['AWS::KMS::Key', 'AWS::Backup::BackupVault'])('never reaches a %s', (type) => {
    expect(whyNeverOverridden(type)).toBeDefined();
    const changes = [change({ type, replacement: 'True' }), change({ type, action: 'Remove' })];
    const { objections } = reviewChanges(changes, [override('replace'), override('remove')]);
    expect(objections).toHaveLength(2);
  });

  test('never lets pass what is not known, or takes a safeguard away', () => {
    const changes = [
      change({ action: 'Dynamic', replacement: null }),
      change({ details: [detail({ name: 'DeletionProtection', after: 'false' })] }),
    ];
    expect(reviewChanges(changes, [override('replace'), override('remove')]).objections).toHaveLength(2);
  });
});

const anyChange: fc.Arbitrary<ResourceChange> = fc.record({
  action: fc.constantFrom('Add', 'Modify', 'Remove', 'Import', 'Dynamic', 'Other'),
  logicalId: fc.constantFrom('A', 'B', 'C'),
  physicalId: fc.option(fc.string()),
  type: fc.constantFrom(...stateful, 'AWS::ECS::Service', 'AWS::IAM::Role'),
  replacement: fc.constantFrom('True', 'False', 'Conditional', null),
  policyAction: fc.constantFrom('Delete', 'Retain', null),
  details: fc.array(
    fc.record({
      attribute: fc.constantFrom('Properties', 'Tags', 'DeletionPolicy'),
      name: fc.constantFrom('MultiAZ', 'KmsKeyId', 'DBInstanceClass', 'StorageType', null),
      requiresRecreation: fc.constantFrom('Never', 'Conditionally', 'Always'),
      evaluation: fc.constantFrom('Static', 'Dynamic'),
      causingEntity: fc.constantFrom('Parameter', null),
      before: fc.constantFrom('gp2', 'x', null),
      after: fc.constantFrom('gp3', 'x', 'Retain', null),
    }),
    { maxLength: 4 },
  ),
});
const anyOverride: fc.Arbitrary<ChangeOverride> = fc.record({
  id: fc.uuid(),
  logicalId: fc.constantFrom('A', 'B', 'C'),
  effect: fc.constantFrom('replace', 'remove'),
});

test('each change is judged once and by itself, and no stateful one is lost without an override', () => {
  fc.assert(
    fc.property(
      fc.array(anyChange, { maxLength: 6 }),
      fc.array(anyOverride, { maxLength: 3 }),
      (changes, overrides) => {
        const review = reviewChanges(changes, overrides);
        expect(review.changes.map(({ logicalId }) => logicalId)).toEqual(
          changes.map(({ logicalId }) => logicalId),
        );
        expect(review.objections).toHaveLength(
          review.changes.filter(({ verdict }) => verdict === 'refused').length,
        );
        expect(changes.flatMap((each) => reviewChanges([each], overrides).changes)).toEqual(review.changes);
        for (const [place, each] of changes.entries()) {
          const judged = review.changes[place];
          const isLost =
            each.action === 'Remove' ||
            (each.action === 'Modify' && each.replacement === 'True') ||
            each.action === 'Dynamic';
          if (!isStateful(each.type) || !isLost) continue;
          expect(judged?.verdict).not.toBe('allowed');
          if (judged?.verdict === 'overridden') {
            expect(overrides.some(({ logicalId }) => logicalId === each.logicalId)).toBe(true);
            expect(whyNeverOverridden(each.type)).toBeUndefined();
          }
        }
      },
    ),
  );
});

describe('the stack policy', () => {
  const denies = (
    policy: string,
    action: 'Update:Replace' | 'Update:Delete',
    logicalId: string,
    type: string,
  ) => {
    try {
      checkStackPolicy(policy, action, logicalId, type);
      return false;
    } catch {
      return true;
    }
  };
  const actions = ['Update:Replace', 'Update:Delete'] as const;

  test.each(stateful)('denies to CloudFormation what the review refuses of a %s', (type) => {
    for (const action of actions) expect(denies(protectStatefulResources, action, 'Any', type)).toBe(true);
    expect(() => checkStackPolicy(protectStatefulResources, 'Update:Modify', 'Any', type)).not.toThrow();
  });

  test('protects nothing that the review lets pass', () => {
    const { Statement } = JSON.parse(protectStatefulResources) as {
      Statement: { Condition?: { StringEquals: { ResourceType: string[] } } }[];
    };
    expect(Statement[1]?.Condition?.StringEquals.ResourceType).toEqual(stateful);
  });

  test('is relaxed for exactly what an override allows, as long as the change is executed', () => {
    const policy = relaxedStackPolicy(
      ['Key', 'Database', 'Group'],
      [{ logicalId: 'Database', effect: 'replace' }],
    );
    const types = {
      Key: 'AWS::KMS::Key',
      Database: 'AWS::RDS::DBInstance',
      Group: 'AWS::RDS::DBSubnetGroup',
    };
    const denied = Object.entries(types).flatMap(([logicalId, type]) =>
      actions
        .filter((action) => denies(policy, action, logicalId, type))
        .map((action) => `${action} ${logicalId}`),
    );
    expect(denied.toSorted()).toEqual([
      'Update:Delete Database',
      'Update:Delete Group',
      'Update:Delete Key',
      'Update:Replace Group',
      'Update:Replace Key',
    ]);
  });
});
