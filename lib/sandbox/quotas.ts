/**
 * Service quotas of an account and Region, and how each service refuses what goes beyond one. They are generous until
 * somebody sets them, and survive a restart with the rest of the state.
 */
import { recordKey } from './identifiers.ts';
import { AwsError, type Call, type Caller, type State } from './model.ts';

interface QuotaDefinition {
  /** The state table whose records count. */
  readonly table: string;
  /** Which of its records count, all unless told. */
  readonly counts?: (record: never) => boolean;
  /** Belongs to the account and to no Region. */
  readonly global?: boolean;
  readonly refusal: (limit: number) => AwsError;
}

/** Codes: the API reference of each service. Words: as AWS was seen to say them. */
const definitions = {
  vpcs: {
    table: 'ec2.vpc',
    refusal: () => new AwsError('VpcLimitExceeded', 'The maximum number of VPCs has been reached.'),
  },
  elasticIps: {
    table: 'ec2.elastic-ip',
    refusal: () => new AwsError('AddressLimitExceeded', 'The maximum number of addresses has been reached.'),
  },
  internetGateways: {
    table: 'ec2.internet-gateway',
    refusal: () =>
      new AwsError(
        'InternetGatewayLimitExceeded',
        'The maximum number of internet gateways has been reached.',
      ),
  },
  securityGroups: {
    table: 'ec2.security-group',
    refusal: () =>
      new AwsError('SecurityGroupLimitExceeded', 'The maximum number of security groups has been reached.'),
  },
  loadBalancers: {
    table: 'elbv2.load-balancers',
    refusal: () =>
      new AwsError('TooManyLoadBalancers', 'The maximum number of load balancers has been reached.'),
  },
  targetGroups: {
    table: 'elbv2.target-groups',
    refusal: () =>
      new AwsError('TooManyTargetGroups', 'The maximum number of target groups has been reached.'),
  },
  databases: {
    table: 'rds.instances',
    refusal: () => new AwsError('InstanceQuotaExceeded', 'DB Instance quota exceeded'),
  },
  dbSnapshots: {
    table: 'rds.snapshots',
    counts: ({ type }: { readonly type: string }) => type === 'manual',
    refusal: (limit) =>
      new AwsError('SnapshotQuotaExceeded', `Cannot create more than ${limit} manual snapshots`),
  },
  dbSubnetGroups: {
    table: 'rds.subnet-groups',
    refusal: () => new AwsError('DBSubnetGroupQuotaExceeded', 'DB subnet group quota exceeded'),
  },
  dbParameterGroups: {
    table: 'rds.parameter-groups',
    refusal: () => new AwsError('DBParameterGroupQuotaExceeded', 'DB parameter group quota exceeded'),
  },
  roles: {
    table: 'iam.roles',
    global: true,
    refusal: (limit) =>
      new AwsError('LimitExceeded', `Cannot exceed quota for RolesPerAccount: ${limit}`, 409),
  },
  stacks: {
    table: 'cloudformation.stack-names',
    refusal: () => new AwsError('LimitExceededException', 'Limit for stack has been exceeded'),
  },
} satisfies Record<string, QuotaDefinition>;

export type QuotaName = keyof typeof definitions;
const names = Object.keys(definitions) as QuotaName[];
const definitionOf = (name: QuotaName): QuotaDefinition => definitions[name];

const unlessSet = 10_000;

type Owner = Pick<Caller, 'accountId' | 'region'>;

const limits = (state: State) => state.table<number>('sandbox.quotas');

/** IAM has no Region: its keys say `aws-global`. */
const placeOf = (name: QuotaName, owner: Owner): Owner => ({
  accountId: owner.accountId,
  region: definitionOf(name).global ? 'aws-global' : owner.region,
});

const limitOf = (name: QuotaName, owner: Owner, state: State): number =>
  limits(state).get(recordKey(placeOf(name, owner), name)) ?? unlessSet;

function usedOf(name: QuotaName, owner: Owner, state: State): number {
  const { table, counts } = definitionOf(name);
  const prefix = recordKey(placeOf(name, owner));
  return counts === undefined
    ? state.table(table).count(prefix)
    : state.table<never>(table).list(prefix).filter(counts).length;
}

/** Asked before one more of these is recorded. @throws AwsError in the service's own words when the quota is used up. */
export function requireRoom(call: Owner & Pick<Call, 'cloud'>, name: QuotaName): void {
  const { state } = call.cloud;
  const limit = limitOf(name, call, state);
  if (usedOf(name, call, state) >= limit) throw definitionOf(name).refusal(limit);
}

/** The codes of those refusals. */
export const quotaCodes: ReadonlySet<string> = new Set(
  names.map((name) => definitionOf(name).refusal(0).code),
);

export interface QuotaUse extends Owner {
  readonly quota: QuotaName;
  readonly limit: number;
  readonly used: number;
}

export function listQuotas(owner: Owner, state: State): QuotaUse[] {
  return names.map((quota) => ({
    ...owner,
    quota,
    limit: limitOf(quota, owner, state),
    used: usedOf(quota, owner, state),
  }));
}

/** @throws AwsError `ValidationError` that says which field is wrong. */
export function setQuota(given: Record<string, unknown>, owner: Owner, state: State): QuotaUse {
  const { quota, limit } = given;
  const name = names.find((one) => one === quota);
  if (name === undefined)
    throw new AwsError('ValidationError', `"quota" must be one of ${names.join(', ')}.`);
  if (!(typeof limit === 'number' && Number.isInteger(limit) && limit >= 0))
    throw new AwsError('ValidationError', '"limit" must be a whole number, 0 or more.');
  limits(state).put(recordKey(placeOf(name, owner), name), limit);
  return { ...owner, quota: name, limit, used: usedOf(name, owner, state) };
}
