import { priceList, priceOf } from './cost/prices/index.ts';
import { hoursPerMonth } from './cost/usage.ts';
import { isSiloGone, type PracticeState } from './practice.ts';

/** A resource that carries the tag `lumenality:practice`, as AWS lists it (Resource Groups Tagging API, GetResources). */
export interface TaggedResource {
  readonly arn: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What the control plane has on record of the practice that a resource is tagged with. */
export interface Owner {
  readonly id: string;
  readonly state: PracticeState;
  /** The cell that its silo is in; null while it is in none. */
  readonly cellId: string | null;
  /** A run that has not ended: whatever it makes or removes is its own. */
  readonly openRunId: string | null;
  /** What a cancellation or an offboarding left standing on purpose, with the reason, in words that name it. */
  readonly kept: readonly string[];
}

/** What is known of a resource beyond its tags, where it is cheap to ask. */
export interface ResourceFacts {
  readonly createdAt: string | null;
  /** When KMS deletes a key that is pending deletion. */
  readonly deletionAt: string | null;
}

export interface OrphanFinding {
  /** `orphan`: nobody needs it. `kept`: on purpose, for the reason given. */
  readonly verdict: 'orphan' | 'kept';
  readonly cellId: string;
  readonly arn: string;
  /** Service and type, as in the ARN: `rds:db`. */
  readonly kind: string;
  /** The resource's own name or id. */
  readonly name: string;
  readonly practiceId: string;
  readonly reason: string;
  readonly nextAction: string;
  /** RFC 3339; null where AWS does not tell it in a list. */
  readonly createdAt: string | null;
  /** List price of a month in nano-USD, where it depends on nothing but that the resource is there; null otherwise. */
  readonly monthlyNanoUsd: number | null;
}

/** `arn:partition:service:region:account:type/name`; S3 has no type, and CloudWatch Logs separates with a colon. */
export function parseArn(arn: string): { readonly kind: string; readonly name: string } {
  const [, , service = '', , , ...rest] = arn.split(':');
  const resource = rest.join(':');
  const cut = resource.search(/[:/]/);
  if (cut === -1) return { kind: service === 's3' ? 's3:bucket' : service, name: resource };
  return { kind: `${service}:${resource.slice(0, cut)}`, name: resource.slice(cut + 1).replace(/:\*$/, '') };
}

const hourly = (price: string): number => priceOf(priceList, price).nanoUsd * hoursPerMonth;
const monthly = (price: string): number => priceOf(priceList, price).nanoUsd;

/** What a resource of a kind costs a month by being there; kinds that are not listed cost nothing, or by use or size. */
const standing: Readonly<Record<string, () => number>> = {
  'cloudwatch:alarm': () => monthly('alarmMonth'),
  'cloudwatch:dashboard': () => monthly('dashboardMonth'),
  'ec2:elastic-ip': () => hourly('publicAddressHour'),
  'ec2:natgateway': () => hourly('natGatewayHour'),
  'elasticloadbalancing:loadbalancer': () => hourly('loadBalancerHour'),
  'kms:key': () => monthly('keyMonth'),
  'secretsmanager:secret': () => monthly('secretMonth'),
  'wafv2:regional': () => monthly('webAclMonth'),
};

/** Kinds that cost nothing, or nothing to speak of, whatever their use. */
const free: ReadonlySet<string> = new Set([
  'acm:certificate',
  'cloudformation:stack',
  'ec2:internet-gateway',
  'ec2:network-interface',
  'ec2:route-table',
  'ec2:security-group',
  'ec2:security-group-rule',
  'ec2:subnet',
  'ec2:vpc',
  'ec2:vpc-flow-log',
  'ecs:cluster',
  'ecs:service',
  'ecs:task-definition',
  'elasticloadbalancing:listener',
  'elasticloadbalancing:listener-rule',
  'elasticloadbalancing:targetgroup',
  'iam:policy',
  'iam:role',
  'rds:pg',
  'rds:subgrp',
  'sns',
]);

function costOf(kind: string, { deletionAt }: ResourceFacts): number | null {
  if (free.has(kind) || deletionAt !== null) return 0;
  return standing[kind]?.() ?? null;
}

/** Kinds that services make by themselves of a practice's resources, with its tags and without a stack's. */
const madeByServices: ReadonlySet<string> = new Set([
  'backup:recovery-point',
  'ec2:network-interface',
  'ec2:security-group-rule',
  'ecs:task',
  'ecs:task-definition',
  'rds:auto-backup',
  'rds:snapshot',
  'secretsmanager:secret',
]);

const stackTag = 'aws:cloudformation:stack-id';

/** The id of the stack that made a resource, by CloudFormation's own tag. */
export const stackIdOf = ({ tags }: TaggedResource): string | undefined => tags[stackTag];

/** What a resource is judged by beside itself. */
interface Circumstances {
  readonly cellId: string;
  readonly practiceId: string;
  /** Undefined when no practice has this id, and none ever had. */
  readonly owner: Owner | undefined;
  /** Whether the stack that made the resource, by its tag, still exists. */
  readonly stackExists: boolean;
  readonly facts: ResourceFacts;
}

/** Judges one tagged resource of a cell; undefined when it is where it belongs, or when a run is at work on its silo. */
export function judgeResource(resource: TaggedResource, about: Circumstances): OrphanFinding | undefined {
  const { cellId, practiceId, owner, facts } = about;
  const { kind, name } = parseArn(resource.arn);
  const finding = (verdict: OrphanFinding['verdict'], reason: string, nextAction: string): OrphanFinding => ({
    verdict,
    cellId,
    arn: resource.arn,
    kind,
    name,
    practiceId,
    reason,
    nextAction,
    createdAt: facts.createdAt,
    monthlyNanoUsd: costOf(kind, facts),
  });

  if (owner !== undefined && owner.openRunId !== null) return undefined;
  const whyOrphan = reasonOf(resource, kind, about);
  if (whyOrphan === undefined) return undefined;
  const kept = keptBecause(kind, name, owner, facts);
  if (kept !== undefined) return finding('kept', kept.reason, kept.nextAction);
  return finding(
    'orphan',
    whyOrphan,
    owner === undefined
      ? 'Find out who made it and tagged it (CloudTrail); delete it when nobody needs it.'
      : `See what its practice's run left and why (lumenality run list --practice ${practiceId}); delete the resource when nobody needs it.`,
  );
}

/** Why a resource belongs to nobody; undefined when it belongs to its practice. */
function reasonOf(
  resource: TaggedResource,
  kind: string,
  { cellId, practiceId, owner, stackExists }: Circumstances,
): string | undefined {
  if (owner === undefined) return `There is no practice ${practiceId} on this record.`;
  if (isSiloGone(owner.state)) return `Practice ${practiceId} is ${owner.state}.`;
  if (owner.cellId !== cellId) {
    return `Practice ${practiceId} is in ${owner.cellId === null ? 'no cell' : `cell ${owner.cellId}`}, not in this one.`;
  }
  if (stackExists) return undefined;
  // Only its own run makes a stack with this tag.
  if (kind === 'cloudformation:stack') return undefined;
  const madeBy = stackIdOf(resource);
  if (madeBy !== undefined) return `The stack that made it is gone (${stackName(madeBy)}).`;
  return madeByServices.has(kind) ? undefined : 'No stack of its practice made it.';
}

const stackName = (stackId: string): string => stackId.split('/')[1] ?? stackId;

/** `AWS::S3::Bucket logs-1: nobody has emptied it.` beside the name: `Nobody has emptied it.` */
function withoutName(said: string, name: string): string {
  const [, reason] = said.split(`${name}: `);
  return reason ? `${reason.charAt(0).toUpperCase()}${reason.slice(1)}` : said;
}

function keptBecause(
  kind: string,
  name: string,
  owner: Owner | undefined,
  { deletionAt }: ResourceFacts,
): { readonly reason: string; readonly nextAction: string } | undefined {
  if (deletionAt !== null) {
    return {
      reason: `KMS deletes it on ${deletionAt.slice(0, 10)}.`,
      nextAction: 'Nothing; until that day kms:CancelKeyDeletion keeps it.',
    };
  }
  const said = owner?.kept.find((text) => text.includes(name));
  if (said !== undefined)
    return { reason: withoutName(said, name), nextAction: 'Nothing while this reason holds.' };
  if (kind === 'ecs:task-definition') {
    return { reason: 'ECS remembers task definitions that are not in use.', nextAction: 'Nothing.' };
  }
  // AWS Backup's snapshots of a database are recovery points under RDS's own ARNs.
  if (kind === 'backup:recovery-point' || (kind === 'rds:snapshot' && name.startsWith('awsbackup:'))) {
    return {
      reason: 'The lock of its vault keeps a recovery point until its time is over.',
      nextAction: 'Nothing; AWS Backup removes it then.',
    };
  }
  if (kind === 'rds:auto-backup' || (kind === 'rds:snapshot' && name.startsWith('rds:'))) {
    return {
      reason: 'RDS keeps its own backups of a deleted database until they expire, 35 days at most.',
      nextAction: 'Nothing; RDS removes them then.',
    };
  }
  return undefined;
}
