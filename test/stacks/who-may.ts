import { runSimulation, type Simulation } from '@cloud-copilot/iam-simulate';
import { type CellStacks, cellStacks } from '../../stacks/cell/cell-app.ts';
import { type Component, synthesise, synthesiseStacks } from '../../stacks/release/synthesis.ts';
import { resolved } from './resolved.ts';
import type { Properties, Template } from './template.ts';

/** Every policy of a cell with two practices, sunrise and harbor, as CloudFormation would put it into force. */
const accountId = '111122223333';
const region = 'us-east-1';
const copyRegion = 'us-west-2';
/** What the control plane runs as, in an account of its own. */
export const controlPlaneProcess = 'arn:aws:iam::999988887777:role/control-plane-task';
const ownVpc = (practice: string): string => `vpc-${practice}`;

const templates = synthesise().templates;
const cellTemplates = synthesiseStacks<keyof CellStacks['stacks'], CellStacks>((outdir) =>
  cellStacks({ outdir }),
).templates;
const parsed = (body: string): Template => JSON.parse(body) as Template;

export const arnsOf = (practice: string) => ({
  key: `arn:aws:kms:${region}:${accountId}:key/${practice}`,
  secret: `arn:aws:secretsmanager:${region}:${accountId}:secret:rds!db-${practice}`,
  bucket: `arn:aws:s3:::lumenality-${practice}-foundation-bucket`,
  object: `arn:aws:s3:::lumenality-${practice}-foundation-bucket/documents/1`,
  log: `arn:aws:logs:${region}:${accountId}:log-group:/lumenality/${practice}/app:log-stream:app/app/1`,
  database: `arn:aws:rds-db:${region}:${accountId}:dbuser:db-${practice}/practice_app`,
  topic: `arn:aws:sns:${region}:${accountId}:lumenality-${practice}-foundation-AlarmTopic`,
});

function silo(practice: string): Template['Resources'] {
  const arns = arnsOf(practice);
  const values = {
    PracticeId: practice,
    NetworkVpc: ownVpc(practice),
    'Key.Arn': arns.key,
    KeyArn: arns.key,
    VpcId: ownVpc(practice),
    'AppLogGroup.Arn': `arn:aws:logs:${region}:${accountId}:log-group:/lumenality/${practice}/app:*`,
    'NetworkRecordLogGroup.Arn': `arn:aws:logs:${region}:${accountId}:log-group:/lumenality/${practice}/network:*`,
    AppLogGroupName: `/lumenality/${practice}/app`,
    Bucket: `lumenality-${practice}-foundation-bucket`,
    BucketName: `lumenality-${practice}-foundation-bucket`,
    'Bucket.Arn': arns.bucket,
    LogBucket: `lumenality-${practice}-foundation-logbucket`,
    'LogBucket.Arn': `arn:aws:s3:::lumenality-${practice}-foundation-logbucket`,
    AlarmTopic: arns.topic,
    DatabaseSecretArn: arns.secret,
    DatabaseResourceId: `db-${practice}`,
    FirewallEndpoints: 'sg-1',
    'FirewallEndpoints.GroupId': 'sg-1',
    NetworkAppRouteTable: 'rtb-1',
    NetworkAppSubnet1: 'subnet-1',
    NetworkAppSubnet2: 'subnet-2',
    EndpointZones: 'one',
    'BackupVault.BackupVaultArn': `arn:aws:backup:${region}:${accountId}:backup-vault:lumenality-${practice}-data`,
    AppExecutionRolePolicy: 'AppExecutionRolePolicy',
    AppTaskRolePolicy: 'AppTaskRolePolicy',
    BackupRolePolicy: 'BackupRolePolicy',
    NetworkRecordRolePolicy: 'NetworkRecordRolePolicy',
  };
  const of = (component: Component) => resolved(parsed(templates[component].body), values).Resources;
  return { ...of('foundation'), ...of('data'), ...of('service') };
}

const bucketAbac = parsed(templates.foundation.body).Resources['Bucket']?.Properties?.['AbacStatus'];
const silos = new Map(['sunrise', 'harbor'].map((practice) => [practice, silo(practice)] as const));
const cellPolicyIds = Object.entries(parsed(cellTemplates['lumenality-cell'].body).Resources)
  .filter(([, { Type }]) => Type === 'AWS::IAM::ManagedPolicy')
  .map(([id]) => [id, id]);
const cell = resolved(parsed(cellTemplates['lumenality-cell'].body), {
  ...Object.fromEntries(cellPolicyIds),
  HostedZoneId: 'Z1',
  ControlPlanePrincipalArn: controlPlaneProcess,
  ExternalId: 'the-external-id-of-this-cell',
  'ControlPlaneRole.Arn': `arn:aws:iam::${accountId}:role/lumenality-cell/control-plane`,
  KeyPolicyChangesUntil: '2026-11-01T12:00:00Z',
}).Resources;

const copies = resolved(parsed(cellTemplates['lumenality-cell-copies'].body), {
  'AWS::Region': copyRegion,
  'Key.Arn': `arn:aws:kms:${copyRegion}:${accountId}:key/copies`,
}).Resources;

const document = (resources: Template['Resources'], id: string, property: string): Properties => {
  const found = resources[id]?.Properties?.[property];
  if (found === undefined) throw new Error(`No template has ${id}.${property}.`);
  return found as Properties;
};

/** Somebody who asks: a role of a practice or of the cell, a person of the account, a service. */
export interface Principal {
  readonly arn: string;
  /** What `aws:PrincipalArn` says: a role's ARN has its path. Absent for a service. */
  readonly roleArn?: string;
  readonly policies: readonly Properties[];
  readonly boundary?: Properties;
  readonly practice?: string;
}

function role(
  resources: Template['Resources'],
  id: string,
  path: string,
  boundary?: Properties,
): Omit<Principal, 'practice'> {
  const attached = document(resources, id, 'ManagedPolicyArns') as unknown as readonly string[];
  return {
    // A session's ARN has the role's name without its path.
    arn: `arn:aws:sts::${accountId}:assumed-role/${path.split('/').at(-1)}/session`,
    roleArn: `arn:aws:iam::${accountId}:role${path}`,
    policies: attached.map((policy) => document(resources, policy, 'PolicyDocument')),
    ...(boundary !== undefined && { boundary }),
  };
}

export function roleOf(practice: string, id: string): Principal {
  const boundary = document(cell, 'PracticeBoundary', 'PolicyDocument');
  return { ...role(silos.get(practice) ?? {}, id, `/lumenality/${practice}/${id}`, boundary), practice };
}

export const controlPlane: Principal = role(cell, 'ControlPlaneRole', '/lumenality-cell/control-plane');
/** The control plane once it has become the role that removes silos, for one practice. */
export const retiring = (practice: string): Principal => ({
  ...role(cell, 'RetireRole', '/lumenality-cell/retire'),
  practice,
});
export const deployment: Principal = role(cell, 'DeployRole', '/lumenality-cell/deploy');

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

/** The same identity after somebody attached AdministratorAccess to it. */
export const madeAdministrator = (principal: Principal): Principal => ({
  ...principal,
  policies: [...principal.policies, everything],
});

/** The same identity with its own policies, and the denials in them, taken away. */
export const onlyAdministrator = (principal: Principal): Principal => ({
  ...principal,
  policies: [everything],
});

export const administrator: Principal = {
  arn: `arn:aws:sts::${accountId}:assumed-role/Administrator/session`,
  roleArn: `arn:aws:iam::${accountId}:role/Administrator`,
  policies: [everything],
};

/** A role that a template makes under a practice's path with all rights and trust in anybody; the boundary is on it. */
export const intruder = (practice: string): Principal => onlyAdministrator(roleOf(practice, 'AppTaskRole'));

export const service = (name: string): Principal => ({ arn: name, policies: [] });

/** All actions that the policies of a role, of a practice or of the cell, allow. */
export const actionsOf = (principal: Principal): string[] =>
  principal.policies.flatMap((policy) =>
    (policy['Statement'] as { Effect: string; Action: string | string[] }[])
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => Action),
  );

/** Every type of resource that a practice's templates hold. */
export const practiceTypes = (): string[] => [
  ...new Set(
    Object.values(templates).flatMap(({ template }) =>
      Object.values(template.Resources).map(({ Type }) => Type),
    ),
  ),
];

/** Every managed policy of the cell, by logical id. */
export const cellPolicies = (): [id: string, policy: Properties][] =>
  cellPolicyIds.map(([id = '']) => [id, document(cell, id, 'PolicyDocument')]);

export interface Question {
  readonly who: Principal;
  readonly action: string;
  readonly resource: string;
  /** The practice that the resource belongs to, by its tag and by its own policy. */
  readonly of: string;
  /** From inside this practice's VPC, by its endpoint. */
  readonly from?: string;
  /** Through this AWS service, which acts for the caller. */
  readonly via?: string;
  readonly context?: Readonly<Record<string, string>>;
}

const endpoints: Readonly<Record<string, string>> = {
  kms: 'EndpointsKms',
  logs: 'EndpointsLogs',
  s3: 'EndpointsS3',
  secretsmanager: 'EndpointsSecretsManager',
};

/** The role of the cell that an ARN names, by its logical id. */
const trusting = (arn: string): string =>
  arn.endsWith('/retire') ? 'RetireRole' : arn.endsWith('/deploy') ? 'DeployRole' : 'ControlPlaneRole';

/** The policy that the resource itself has; `copies` stands for the second copies of all practices. */
function resourcePolicy(prefix: string, practice: string, resource: string): Properties | undefined {
  const resources = practice === 'copies' ? copies : (silos.get(practice) ?? {});
  if (prefix === 'kms') return document(resources, 'Key', 'KeyPolicy');
  if (prefix === 's3') return document(resources, 'BucketPolicy', 'PolicyDocument');
  if (prefix === 'sts') return document(cell, trusting(resource), 'AssumeRolePolicyDocument');
  if (prefix === 'sns') return document(resources, 'AlarmTopicPolicy', 'PolicyDocument');
  return undefined;
}

function contextOf({ who, action, of, from, via, context }: Question): Record<string, string> {
  const isService = who.roleArn === undefined;
  const isKms = action.startsWith('kms:');
  return {
    'aws:CurrentTime': '2026-11-22T12:00:00Z',
    'aws:SecureTransport': 'true',
    'aws:PrincipalIsAWSService': String(isService),
    ...(who.roleArn !== undefined && { 'aws:PrincipalArn': who.roleArn, 'aws:PrincipalAccount': accountId }),
    ...(who.practice !== undefined && { 'aws:PrincipalTag/lumenality:practice': who.practice }),
    ...(isKms && of !== 'copies' && { 'aws:ResourceTag/lumenality:practice': of }),
    ...(isKms && !isService && { 'kms:CallerAccount': accountId }),
    ...(from !== undefined && { 'aws:SourceVpc': ownVpc(from) }),
    ...(via !== undefined && {
      'kms:ViaService': `${via}.${of === 'copies' ? copyRegion : region}.amazonaws.com`,
    }),
    ...context,
  };
}

/** The evaluator drops keys that end in a name of the caller's own, so this one travels under the name of another. */
const knownKeys = (simulation: Simulation): Simulation =>
  JSON.parse(
    JSON.stringify(simulation).replaceAll('kms:EncryptionContext:aws:logs:arn', 'kms:RequestAlias'),
  ) as Simulation;

/** IAM's answer with every policy in force: identity, boundary, resource, endpoint. */
export async function decision(question: Question): Promise<string> {
  const { who, action, resource, of, from } = question;
  const [prefix = ''] = action.split(':');
  const owned = resourcePolicy(prefix, of, resource);
  const simulation: Simulation = {
    request: {
      principal: who.arn,
      action,
      resource: { resource, accountId },
      contextVariables: contextOf(question),
    },
    identityPolicies: who.policies.map((policy, index) => ({ name: String(index), policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(owned !== undefined && { resourcePolicy: owned }),
    ...(who.boundary !== undefined && {
      permissionBoundaryPolicies: [{ name: 'boundary', policy: who.boundary }],
    }),
    ...(from !== undefined && {
      vpcEndpointPolicies: [
        {
          name: 'endpoint',
          policy: document(silos.get(from) ?? {}, endpoints[prefix] ?? '', 'PolicyDocument'),
        },
      ],
    }),
  };
  if (prefix === 's3')
    simulation.additionalSettings = { s3: { bucketAbacEnabled: bucketAbac === 'Enabled' } };
  const answer = await runSimulation(knownKeys(simulation), {});
  if (answer.resultType !== 'single')
    throw new Error(`${action} on ${resource} cannot be judged: ${JSON.stringify(answer)}`);
  // What the evaluator leaves out of the request would make a condition look kept, or broken, that was never judged.
  const ignored = answer.result.ignoredContextKeys?.filter((key) => question.context?.[key] !== undefined);
  if (ignored !== undefined && ignored.length > 0)
    throw new Error(`${action} does not know ${ignored.join(', ')}: the answer would mean nothing.`);
  return answer.overallResult;
}
