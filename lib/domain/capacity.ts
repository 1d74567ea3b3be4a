import { resourcesOf } from './cost/template.ts';
import { DomainError } from './errors.ts';
import { type Component, components } from './release.ts';

/**
 * What an account and Region has a limited number of, with what uses it up and how many AWS allows unless asked for more
 * ("Amazon VPC quotas", "Quotas and constraints for Amazon RDS", "IAM and AWS STS quotas", "CloudFormation quotas",
 * "Quotas for your Application Load Balancers", "AWS KMS resource quotas", "AWS Backup quotas"). The NAT gateways of all zones count as if they were in one.
 */
const table = {
  vpcs: { type: 'AWS::EC2::VPC', standard: 5 },
  stacks: { type: 'AWS::CloudFormation::Stack', standard: 2_000 },
  databases: { type: 'AWS::RDS::DBInstance', standard: 40 },
  databaseSubnetGroups: { type: 'AWS::RDS::DBSubnetGroup', standard: 50 },
  /** Room for the final snapshot that each database leaves: without it no practice could go. Those of AWS Backup do not count. */
  databaseSnapshots: { type: 'AWS::RDS::DBInstance', standard: 100 },
  roles: { type: 'AWS::IAM::Role', standard: 1_000 },
  elasticIps: { type: 'AWS::EC2::EIP', standard: 5 },
  natGateways: { type: 'AWS::EC2::NatGateway', standard: 5 },
  loadBalancers: { type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', standard: 50 },
  keys: { type: 'AWS::KMS::Key', standard: 100_000 },
  /** As many backup plans are allowed, and each silo has one of both. */
  backupVaults: { type: 'AWS::Backup::BackupVault', standard: 300 },
  /** Buckets that AWS Backup takes backups of; each silo's selection names one. */
  backedUpBuckets: { type: 'AWS::Backup::BackupSelection', standard: 100 },
} as const;

export type Quota = keyof typeof table;
/** In the order in which people are told of them. */
export const quotas = Object.keys(table) as readonly Quota[];

/** So many of each quota; a whole number, 0 or more. */
export type Amounts = Readonly<Record<Quota, number>>;

/** What AWS allows a new account. */
export const standardLimits: Amounts = amounts((quota) => table[quota].standard);

/** For the sandbox, which sets no limit of its own unless it is told to. */
export const generousLimits: Amounts = amounts(() => 100_000);

export function amounts(of: (quota: Quota) => number): Amounts {
  return Object.fromEntries(quotas.map((quota) => [quota, of(quota)])) as Record<Quota, number>;
}

/** Nothing of any. */
export const noAmounts: Amounts = amounts(() => 0);

/** What a silo is made from, as far as its demand depends on it. */
export interface SiloPlan {
  /** Templates as they are shipped. */
  readonly templates: Readonly<Record<Component, string>>;
  /** Values of their parameters; what only a deployment gives may be missing. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly region: string;
}

/**
 * How much of each quota a silo uses: its stacks and the resources whose conditions hold with these parameters.
 * @throws DomainError `configuration` when a template cannot be worked out: a demand that is not complete is none.
 */
export function demandOf({ templates, parameters, region }: SiloPlan): Amounts {
  const types = components.flatMap((component) =>
    typesOf(component, templates[component], { parameters, region }),
  );
  return amounts(
    (quota) =>
      types.filter((type) => type === table[quota].type).length +
      (quota === 'stacks' ? components.length : 0),
  );
}

/** What goes on counting after a silo is gone, until the last thing of its kind is: the rest is free at once. */
export function quotasOfKept(types: readonly string[], snapshot: boolean): readonly Quota[] {
  return quotas.filter((quota) =>
    quota === 'databaseSnapshots' ? snapshot : types.includes(table[quota].type),
  );
}

function typesOf(
  component: Component,
  body: string,
  deployment: { readonly region: string; readonly parameters: Readonly<Record<string, string>> },
): string[] {
  try {
    return resourcesOf(component, body, deployment).map(({ type }) => type);
  } catch (cause) {
    const why = cause instanceof Error ? ` ${cause.message}` : '';
    throw new DomainError(
      'configuration',
      `What the ${component} stack uses of a cell cannot be counted, so it is placed in none.${why} Publish a release whose templates can be worked out.`,
      { cause },
    );
  }
}

/** What is left of each quota; below 0 where more is in use than the limit says. */
export function freeOf(limits: Amounts, used: Amounts): Amounts {
  return amounts((quota) => limits[quota] - used[quota]);
}

/** Quotas of which less is free than is asked for; none when it fits. */
export function shortOf(free: Amounts, demand: Amounts): Quota[] {
  return quotas.filter((quota) => demand[quota] > Math.max(0, free[quota]));
}

/** A cell that a practice could be placed in, as far as placing it is concerned. */
export interface Candidate {
  readonly id: string;
  readonly limits: Amounts;
  readonly used: Amounts;
  /** What the practice would use there: conditions may depend on the Region. */
  readonly demand: Amounts;
}

/**
 * Where a practice is placed: of the cells that have room for it, the one that can take the most more like it, and of
 * equals the first by id. So cells fill evenly, and the choice depends on nothing but what is on record.
 */
export function chooseCell(candidates: readonly Candidate[]): Candidate | undefined {
  const [best] = candidates
    .filter(({ limits, used, demand }) => shortOf(freeOf(limits, used), demand).length === 0)
    .map((candidate) => ({ candidate, more: roomFor(candidate) }))
    .sort((one, other) => other.more - one.more || (one.candidate.id < other.candidate.id ? -1 : 1));
  return best?.candidate;
}

/** How many practices of one demand a cell has room for. Every practice uses stacks, so it is a finite number. */
export function roomFor({ limits, used, demand }: Omit<Candidate, 'id'>): number {
  const free = freeOf(limits, used);
  return Math.min(
    ...quotas
      .filter((quota) => demand[quota] > 0)
      .map((quota) => Math.floor(Math.max(0, free[quota]) / demand[quota])),
  );
}

/** Why a practice waits, in words for the operator. */
export function waitingReason(
  candidates: readonly Candidate[],
  others: ReadonlyArray<{ readonly id: string; readonly state: string }>,
): string {
  const full = candidates.map(
    ({ id, limits, used, demand }) =>
      `${id} has too little left of ${shortOf(freeOf(limits, used), demand).join(', ')}`,
  );
  const closed = others.map(({ id, state }) => `${id} is ${state}`);
  const why = [...full, ...closed].join('; ');
  return `No cell has room${why === '' ? ': there is none' : ` (${why})`}. Raise a limit (cell limits), add or activate a cell, or offboard a practice.`;
}
