import { type Random, randomFrom } from './random.ts';

/** What happens to the machine: replicas are numbered from 0. */
export type Disturbance =
  | { readonly kind: 'kill' | 'stop'; readonly replica: number; readonly backAfterMs: number }
  | { readonly kind: 'pause'; readonly replica: number; readonly forMs: number }
  | { readonly kind: 'kill-sandbox'; readonly backAfterMs: number }
  | { readonly kind: 'kill-database' }
  /** Fault rules of the sandbox (docs/sandbox.md, "Faults"); they are taken back after `forMs` if they have not hit as often as they may. */
  | { readonly kind: 'fault'; readonly rules: readonly object[]; readonly forMs: number }
  /** No more of this is to be had. */
  | { readonly kind: 'quota'; readonly quota: Quota; readonly forMs: number }
  /** CloudFormation takes so many of these calls a second. */
  | { readonly kind: 'rate'; readonly operation: string; readonly perSecond: number; readonly forMs: number };

const quotas = ['vpcs', 'databases', 'loadBalancers', 'roles', 'dbSnapshots'] as const;
type Quota = (typeof quotas)[number];

type Timed = Disturbance & { readonly atMs: number };

/** What an operator asks of a practice, one after the other. `leave` is an offboarding without a grace period, to its deprovisioning. */
export type Wish = 'update' | 'suspend' | 'resume' | 'offboard' | 'take-back' | 'leave';

export interface Life {
  readonly name: string;
  readonly ring: 'canary' | 'general';
  readonly beginsAtMs: number;
  readonly wishes: readonly Wish[];
  /** Calls the provisioning off so long after it was approved; null: never. */
  readonly cancelAfterMs: number | null;
  /** Calls the first update off so long after it was asked for. */
  readonly cancelUpdateAfterMs: number | null;
  /** What is done about a run that fails while disturbances go on: this often it is cancelled, else retried. */
  readonly givesUp: boolean;
}

/** A release that is rolled out over the practices that are active when some of them are. */
export interface RolloutWish {
  /** Begins once so many practices are active, or all lives are over. */
  readonly whenActive: number;
  /** Is paused so long after its start, and resumed so long after that; null: never. */
  readonly pause: { readonly afterMs: number; readonly forMs: number } | null;
}

export interface Schedule {
  readonly disturbances: readonly Timed[];
  readonly lives: readonly Life[];
  readonly rollout: RolloutWish;
}

export interface ScheduleSize {
  readonly seed: number;
  /** How long disturbances go on. */
  readonly forMs: number;
  readonly practices: number;
  readonly replicas: number;
}

/** Between two disturbances, on average. */
const everyMs = 3_000;
/** The machine gets this long to begin. */
const quietMs = 1_500;

/** Everything that a seed decides. The same seed and size is the same schedule. */
export function scheduleOf(size: ScheduleSize): Schedule {
  const random = randomFrom(size.seed);
  const disturbances: Timed[] = [];
  for (let atMs = quietMs; atMs < size.forMs; atMs += random.whole(everyMs / 3, (everyMs * 5) / 3)) {
    disturbances.push({ atMs, ...disturbance(random, size) });
  }
  const lives = Array.from({ length: size.practices }, (_, number) => lifeOf(random, number + 1, size.forMs));
  return { disturbances, lives, rollout: rolloutOf(random, size) };
}

function rolloutOf(random: Random, { practices }: ScheduleSize): RolloutWish {
  const pause = { afterMs: random.whole(0, 20_000), forMs: random.whole(1_000, 10_000) };
  return {
    whenActive: Math.max(1, Math.floor(practices * 0.3)),
    pause: random.chance(0.5) ? pause : null,
  };
}

function disturbance(random: Random, { replicas }: ScheduleSize): Disturbance {
  const replica = random.whole(0, replicas - 1);
  const kind = random.next();
  if (kind < 0.2) return { kind: 'kill', replica, backAfterMs: random.whole(200, 4_000) };
  if (kind < 0.28) return { kind: 'stop', replica, backAfterMs: random.whole(200, 2_000) };
  // Longer than a claim lasts without a heartbeat, or shorter.
  if (kind < 0.38) return { kind: 'pause', replica, forMs: random.whole(2_000, 22_000) };
  if (kind < 0.42) return { kind: 'kill-sandbox', backAfterMs: random.whole(200, 2_000) };
  if (kind < 0.46) return { kind: 'kill-database' };
  const forMs = random.whole(2_000, 10_000);
  if (kind < 0.49) return { kind: 'quota', quota: random.pick(quotas), forMs };
  if (kind < 0.52)
    return { kind: 'rate', operation: random.pick(rated), perSecond: random.whole(1, 4), forMs };
  return { kind: 'fault', rules: faultRules(random), forMs };
}

const services = [
  'cloudformation',
  'cloudformation',
  'ec2',
  'rds',
  'kms',
  'ecs',
  'elasticloadbalancing',
  'secretsmanager',
  'sts',
] as const;

const resourceTypes = [
  'AWS::EC2::VPC',
  'AWS::EC2::SecurityGroup',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::RDS::DBInstance',
  'AWS::ECS::Service',
  'AWS::IAM::Role',
  'AWS::CloudWatch::Alarm',
] as const;

const rated = ['DescribeStacks', 'ListStacks', 'DescribeStackEvents', 'CreateChangeSet'] as const;

const changes = ['CreateChangeSet', 'ExecuteChangeSet', 'DeleteStack', 'SetStackPolicy'] as const;

function faultRules(random: Random): readonly object[] {
  const kind = random.whole(0, 9);
  return kind === 8 ? failedRollBack(random) : [faultRule(random, kind)];
}

/** An update fails, and so does its roll-back: once, or also when it is continued. */
function failedRollBack(random: Random): readonly object[] {
  const resourceType = random.pick(['AWS::ECS::Service', 'AWS::RDS::DBInstance', 'AWS::EC2::VPC']);
  const rule = { resourceType, action: 'update', effect: { kind: 'fail', message: 'chaos' } };
  return [
    { ...rule, during: 'work', times: 1 },
    { ...rule, during: 'rollback', times: random.whole(1, 2) },
  ];
}

function faultRule(random: Random, kind: number): object {
  const service = random.pick(services);
  const times = random.whole(3, 40);
  switch (kind) {
    case 0:
      return { service, times, effect: { kind: 'throttle' } };
    case 1:
      return {
        service,
        times,
        effect: { kind: 'error', code: 'InternalFailure', message: 'chaos', status: 500 },
      };
    case 2:
      return { service, times, effect: { kind: 'cut', when: 'before' } };
    case 3:
      return { service, times, effect: { kind: 'cut', when: 'after' } };
    case 4:
      return { service, times, effect: { kind: 'delay', ms: random.whole(100, 3_000) } };
    case 5:
      return {
        service: 'cloudformation',
        operation: random.pick(changes),
        times: 1,
        effect: { kind: 'error', code: 'AccessDenied', message: 'chaos', status: 403 },
      };
    case 6:
      return {
        resourceType: 'AWS::EC2::VPC',
        action: 'create',
        times: 1,
        effect: { kind: 'fail', message: 'The maximum number of VPCs has been reached. (VpcLimitExceeded)' },
      };
    case 9:
      return {
        resourceType: random.pick(resourceTypes),
        action: 'delete',
        times: 1,
        effect: { kind: 'fail', message: 'chaos' },
      };
    default:
      return {
        resourceType: random.pick(resourceTypes),
        times: 1,
        effect: { kind: 'fail', message: 'chaos' },
      };
  }
}

function lifeOf(random: Random, number: number, forMs: number): Life {
  const wishes: Wish[] = [];
  if (random.chance(0.6)) wishes.push('update');
  if (random.chance(0.5)) wishes.push('suspend');
  if (wishes.includes('suspend') && random.chance(0.7)) wishes.push('resume');
  if (random.chance(0.15)) wishes.push('leave');
  else if (random.chance(0.2)) wishes.push('offboard');
  if (wishes.includes('offboard') && random.chance(0.7)) wishes.push('take-back');
  return {
    name: `Practice ${String(number).padStart(3, '0')}`,
    // Each wave takes a minute at least, which a short chaos has not.
    ring: number % 5 === 1 && forMs >= 120_000 ? 'canary' : 'general',
    // Most of the time is left for what comes after the approval.
    beginsAtMs: random.whole(0, Math.floor(forMs * 0.6)),
    wishes,
    cancelAfterMs: random.chance(0.15) ? random.whole(0, 8_000) : null,
    cancelUpdateAfterMs: random.chance(0.15) ? random.whole(0, 4_000) : null,
    givesUp: random.chance(0.2),
  };
}
