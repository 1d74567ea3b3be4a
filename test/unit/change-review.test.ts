import {
  protectStatefulResources,
  type ResourceChange,
  reviewChanges,
} from '../../lib/domain/change-review.ts';

const change = (over: Partial<ResourceChange>): ResourceChange => ({
  action: 'Modify',
  logicalId: 'DatabaseInstance',
  physicalId: 'db-1',
  type: 'AWS::RDS::DBInstance',
  replacement: 'False',
  policyAction: null,
  properties: [],
  ...over,
});

const stateful = [
  'AWS::KMS::Key',
  'AWS::RDS::DBInstance',
  'AWS::SecretsManager::Secret',
  'AWS::EC2::VPC',
  'AWS::S3::Bucket',
  'AWS::Backup::BackupVault',
];

test.each(stateful)('a %s is neither removed nor replaced, not even possibly', (type) => {
  expect(reviewChanges([change({ type, action: 'Remove', replacement: null })])).toHaveLength(1);
  expect(reviewChanges([change({ type, replacement: 'True' })])).toHaveLength(1);
  expect(reviewChanges([change({ type, replacement: 'Conditional' })])).toHaveLength(1);
  expect(reviewChanges([change({ type, action: 'Dynamic', replacement: null })])).toHaveLength(1);
});

test.each(stateful)('a %s may be added and changed in place', (type) => {
  expect(reviewChanges([change({ type, action: 'Add', replacement: null })])).toEqual([]);
  expect(reviewChanges([change({ type })])).toEqual([]);
});

test('what holds no state may be replaced and removed', () => {
  const type = 'AWS::ECS::TaskDefinition';
  expect(reviewChanges([change({ type, replacement: 'True' }), change({ type, action: 'Remove' })])).toEqual(
    [],
  );
});

test('the objection names resource, property and what would be lost', () => {
  const [objection] = reviewChanges([
    change({
      replacement: 'True',
      properties: [
        { name: 'KmsKeyId', requiresRecreation: 'Always' },
        { name: 'MultiAZ', requiresRecreation: 'Never' },
      ],
    }),
  ]);
  expect(objection?.message).toBe(
    "The change set would replace DatabaseInstance (AWS::RDS::DBInstance, db-1) because KmsKeyId would change: the practice's data lies in it.",
  );
});

test('the stack policy denies to CloudFormation what the review refuses', () => {
  const { Statement } = JSON.parse(protectStatefulResources) as {
    Statement: {
      Effect: string;
      Action: string[];
      Condition?: { StringEquals: { ResourceType: string[] } };
    }[];
  };
  const deny = Statement.find(({ Effect }) => Effect === 'Deny');
  expect(deny?.Action).toEqual(['Update:Replace', 'Update:Delete']);
  expect(deny?.Condition?.StringEquals.ResourceType).toEqual(expect.arrayContaining(stateful));
});
