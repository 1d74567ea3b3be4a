import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checksFor, siloChecks } from '../../lib/domain/silo-checks.ts';
import { acknowledgements } from '../../stacks/acknowledgements.ts';
import { controls, judgeTemplates } from '../../stacks/compliance/fsbp.ts';
import { synthesise } from '../../stacks/release/synthesis.ts';
import { controlsDocument } from './controls-document.ts';
import type { Properties, Template } from './template.ts';

const root = join(__dirname, '..', '..');
const { templates } = synthesise();
const shipped = () =>
  Object.fromEntries(
    Object.entries(templates).map(([name, { body }]) => [name, JSON.parse(body) as Template]),
  ) as Record<'foundation' | 'data' | 'service', Template>;
const found = (silo: Record<string, Template>) =>
  judgeTemplates(silo).map(({ control, resource }) => `${control.id} on ${resource}`);
const standing = found(shipped());

/** Each edit takes one protection away, as a mistake in a construct would. */
const mistakes: ReadonlyArray<
  [
    rule: string,
    component: 'foundation' | 'data' | 'service',
    resource: string,
    edit: (p: Properties) => void,
  ]
> = [
  ['RDS.2', 'data', 'DatabaseInstance', (p) => set(p, 'PubliclyAccessible', true)],
  ['RDS.3', 'data', 'DatabaseInstance', (p) => set(p, 'StorageEncrypted', { Ref: 'Encrypted' })],
  ['RDS.6', 'data', 'DatabaseInstance', (p) => set(p, 'MonitoringInterval', 0)],
  ['RDS.8', 'data', 'DatabaseInstance', (p) => set(p, 'DeletionProtection', false)],
  ['RDS.9', 'data', 'DatabaseInstance', (p) => set(p, 'EnableCloudwatchLogsExports', ['upgrade'])],
  ['RDS.10', 'data', 'DatabaseInstance', (p) => set(p, 'EnableIAMDatabaseAuthentication', false)],
  ['RDS.11', 'data', 'DatabaseInstance', (p) => set(p, 'BackupRetentionPeriod', { Ref: 'Days' })],
  ['RDS.13', 'data', 'DatabaseInstance', (p) => set(p, 'AutoMinorVersionUpgrade', false)],
  ['RDS.17', 'data', 'DatabaseInstance', (p) => set(p, 'CopyTagsToSnapshot', false)],
  ['RDS.25', 'data', 'DatabaseInstance', (p) => set(p, 'MasterUsername', 'postgres')],
  ['RDS.38', 'data', 'DatabaseParameterGroup', (p) => set(p, 'Parameters', { 'rds.force_ssl': '0' })],
  ['Backup.1', 'data', 'BackupVault', (p) => set(p, 'EncryptionKeyArn', undefined)],
  ['KMS.1', 'data', 'BackupRolePolicy', (p) => set(p, 'PolicyDocument', allowing('kms:Decrypt'))],
  ['IAM.21', 'data', 'BackupRolePolicy', (p) => set(p, 'PolicyDocument', allowing('s3:*'))],
  ['IAM.1', 'service', 'AppTaskRolePolicy', (p) => set(p, 'PolicyDocument', allowing('*'))],
  ['KMS.2', 'service', 'AppTaskRole', (p) => set(p, 'Policies', [])],
  ['ECS.2', 'service', 'ServiceService', (p) => set(p, 'NetworkConfiguration', {})],
  ['ECS.4', 'service', 'ServiceTaskDefinition', (p) => set(container(p), 'Privileged', true)],
  ['ECS.5', 'service', 'ServiceTaskDefinition', (p) => set(container(p), 'ReadonlyRootFilesystem', false)],
  [
    'ECS.8',
    'service',
    'ServiceTaskDefinition',
    (p) => set(container(p), 'Environment', [{ Name: 'DB_PASSWORD' }]),
  ],
  ['ECS.9', 'service', 'ServiceTaskDefinition', (p) => set(container(p), 'LogConfiguration', undefined)],
  ['ECS.10', 'service', 'ServiceService', (p) => set(p, 'PlatformVersion', '1.3.0')],
  ['ECS.20', 'service', 'ServiceTaskDefinition', (p) => set(container(p), 'User', '0:0')],
  ['CloudWatch.15', 'service', 'AlarmsAppCpu', (p) => set(p, 'AlarmActions', [])],
  ['CloudWatch.17', 'service', 'AlarmsAppCpu', (p) => set(p, 'ActionsEnabled', false)],
  ['ELB.21', 'service', 'ServiceTargetGroup', (p) => set(p, 'HealthCheckProtocol', 'HTTP')],
  ['ELB.22', 'service', 'ServiceTargetGroup', (p) => set(p, 'Protocol', 'HTTP')],
  ['KMS.4', 'foundation', 'Key', (p) => set(p, 'EnableKeyRotation', false)],
  ['KMS.5', 'foundation', 'Key', (p) => set(p, 'KeyPolicy', allowing('kms:Decrypt', '*'))],
  ['EC2.6', 'foundation', 'NetworkRecordFlowLog', (p) => set(p, 'ResourceId', 'vpc-other')],
  ['EC2.15', 'foundation', 'NetworkAppSubnet1', (p) => set(p, 'MapPublicIpOnLaunch', true)],
  ['EC2.18', 'foundation', 'FirewallApp', (p) => set(p, 'SecurityGroupIngress', [open(22)])],
  ['EC2.19', 'foundation', 'FirewallAppToDatabaseIngress', (p) => Object.assign(p, open(5432))],
  ['EC2.55', 'foundation', 'EndpointsEcrApi', (p) => set(p, 'ServiceName', 'com.amazonaws.us-east-1.sqs')],
  ['ELB.1', 'foundation', 'EntranceHttpListener', (p) => set(p, 'DefaultActions', [{ Type: 'forward' }])],
  ['ELB.5', 'foundation', 'EntranceLoadBalancer', (p) => set(p, 'LoadBalancerAttributes', [])],
  ['ELB.6', 'foundation', 'EntranceLoadBalancer', (p) => set(p, 'LoadBalancerAttributes', [])],
  [
    'ELB.13',
    'foundation',
    'EntranceLoadBalancer',
    (p) => set(p, 'Subnets', [{ Ref: 'NetworkPublicSubnet1' }]),
  ],
  ['ELB.17', 'foundation', 'EntranceHttpsListener', (p) => set(p, 'SslPolicy', 'ELBSecurityPolicy-2016-08')],
  ['WAF.10', 'foundation', 'WebFirewall', (p) => set(p, 'Rules', [])],
  ['S3.5', 'foundation', 'BucketPolicy', (p) => set(p, 'PolicyDocument', { Statement: [] })],
  [
    'S3.8',
    'foundation',
    'Bucket',
    (p) => set(p, 'PublicAccessBlockConfiguration', { BlockPublicAcls: true }),
  ],
  ['S3.2', 'foundation', 'BucketPolicy', (p) => set(p, 'PolicyDocument', allowing('s3:GetObject', '*'))],
  ['SNS.1', 'foundation', 'AlarmTopic', (p) => set(p, 'KmsMasterKeyId', undefined)],
  ['CloudWatch.16', 'foundation', 'AppLogGroup', (p) => set(p, 'RetentionInDays', 30)],
  ['EC2.56', 'foundation', 'EndpointsEcrDocker', (p) => set(p, 'VpcId', 'vpc-other')],
  ['ACM.2', 'foundation', 'EntranceCertificate', (p) => set(p, 'KeyAlgorithm', 'RSA_1024')],
  ['ELB.4', 'foundation', 'EntranceLoadBalancer', (p) => set(p, 'LoadBalancerAttributes', [])],
  ['ELB.12', 'foundation', 'EntranceLoadBalancer', (p) => set(p, 'LoadBalancerAttributes', [])],
  ['ELB.16', 'foundation', 'EntranceWebFirewall', (p) => set(p, 'ResourceArn', 'another load balancer')],
  ['WAF.11', 'foundation', 'WebFirewallLogging', (p) => set(p, 'ResourceArn', 'another web ACL')],
  ['WAF.12', 'foundation', 'WebFirewall', (p) => set(p, 'VisibilityConfig', {})],
  ['S3.3', 'foundation', 'BucketPolicy', (p) => set(p, 'PolicyDocument', allowing('s3:PutObject', '*'))],
  ['S3.6', 'foundation', 'BucketPolicy', (p) => set(p, 'PolicyDocument', allowing('s3:PutBucketPolicy'))],
  ['S3.12', 'foundation', 'LogBucket', (p) => set(p, 'OwnershipControls', undefined)],
  ['S3.13', 'foundation', 'Bucket', (p) => set(p, 'LifecycleConfiguration', undefined)],
  ['S3.14', 'foundation', 'Bucket', (p) => set(p, 'VersioningConfiguration', { Status: 'Suspended' })],
  ['KMS.3', 'foundation', 'Key', (p) => set(p, 'PendingWindowInDays', 7)],
  ['SNS.4', 'foundation', 'AlarmTopicPolicy', (p) => set(p, 'PolicyDocument', allowing('sns:Publish', '*'))],
  ['RDS.26', 'data', 'BackupSelection', (p) => set(p, 'BackupSelection', {})],
  ['RDS.36', 'data', 'DatabaseInstance', (p) => set(p, 'EnableCloudwatchLogsExports', ['upgrade'])],
  ['ECS.1', 'service', 'ServiceTaskDefinition', (p) => set(p, 'NetworkMode', 'host')],
  ['ECS.3', 'service', 'ServiceTaskDefinition', (p) => set(p, 'PidMode', 'host')],
];

/** What a silo has none of, as it would stand in a template if somebody brought it. */
const newcomers: ReadonlyArray<[rule: string, type: string, properties: Properties]> = [
  ['EC2.16', 'AWS::EC2::NetworkAcl', {}],
  ['EC2.21', 'AWS::EC2::NetworkAclEntry', { RuleAction: 'allow', CidrBlock: '0.0.0.0/0' }],
  ['RDS.20', 'AWS::RDS::EventSubscription', { SourceType: 'db-instance', EventCategories: ['failure'] }],
  ['IAM.2', 'AWS::IAM::User', {}],
];

const set = (target: Properties, name: string, value: unknown): void => {
  target[name] = value;
};
const allowing = (action: string, principal?: string): object => ({
  Statement: [
    {
      Effect: 'Allow',
      Action: action,
      Resource: '*',
      ...(principal !== undefined && { Principal: principal }),
    },
  ],
});
const open = (port: number): object => ({
  IpProtocol: 'tcp',
  FromPort: port,
  ToPort: port,
  CidrIp: '0.0.0.0/0',
});
const container = (properties: Properties): Properties =>
  (properties['ContainerDefinitions'] as Properties[])[0] ?? {};

test.each(mistakes)('%s finds its mistake in %s/%s', (rule, component, id, edit) => {
  const silo = shipped();
  const properties = silo[component].Resources[id]?.Properties;
  if (properties === undefined) throw new Error(`There is no ${component}/${id} to edit.`);
  edit(properties);
  const fresh = found(silo).filter((finding) => !standing.includes(finding));
  expect(fresh.some((finding) => finding.startsWith(`${rule} on ${component}/`))).toBe(true);
});

test.each(newcomers)('%s finds its mistake in a %s that a silo does not have', (rule, Type, Properties) => {
  const fresh = found({ foundation: { ...shipped().foundation, Resources: { New: { Type, Properties } } } });
  expect(fresh).toContain(`${rule} on foundation/New`);
});

test('every judgement has found a mistake: one of those above, or what a silo is built with nevertheless', () => {
  const proven = new Set([
    ...mistakes.map(([rule]) => rule),
    ...newcomers.map(([rule]) => rule),
    ...standing.map((finding) => finding.split(' on ')[0]),
  ]);
  expect(controls.filter((each) => 'judge' in each && !proven.has(each.id)).map(({ id }) => id)).toEqual([]);
});

test('what the templates do not keep is explained by name, and nothing else is', () => {
  const explained = acknowledgements.flatMap(({ rule, resources }) =>
    rule.startsWith('SecurityHub.')
      ? resources.map((each) => `${rule.slice('SecurityHub.'.length)} on ${each}`)
      : [],
  );
  expect(standing.toSorted()).toEqual(explained.toSorted());
});

describe('every control', () => {
  test('has an id of its own', () => {
    const ids = controls.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(controls.map((control) => [control.id, control] as const))(
    '%s names files and checks that exist',
    (_, { construct, test: file, checks = [] }) => {
      expect(existsSync(join(root, construct))).toBe(true);
      if (file !== undefined) expect(existsSync(join(root, file))).toBe(true);
      const known = siloChecks.map(({ id }) => id);
      expect(checks.filter((id) => !known.includes(id))).toEqual([]);
    },
  );

  test('that judges a type of resource either meets it in a silo or says that a silo has none', () => {
    const types = new Set(
      Object.values(shipped()).flatMap(({ Resources }) => Object.values(Resources).map(({ Type }) => Type)),
    );
    const idle = controls.filter((each) => 'judge' in each && !each.types.some((type) => types.has(type)));
    expect(idle.map(({ id }) => id)).toEqual(newcomers.map(([rule]) => rule));
    expect(idle.filter(({ absent }) => absent !== true)).toEqual([]);
    expect(controls.filter(({ absent }) => absent === true)).toHaveLength(newcomers.length);
  });
});

test('docs/controls.md says what the code says: if not, run node --import tsx .ci/write-controls.mjs', () => {
  const document = readFileSync(join(root, 'docs', 'controls.md'), 'utf8');
  expect(controlsDocument(document)).toBe(document);
  for (const { id } of [...controls, ...siloChecks, ...checksFor('closed')]) expect(document).toContain(id);
});
