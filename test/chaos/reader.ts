import {
  CloudFormationClient,
  paginateDescribeStacks,
  paginateListStacks,
  type StackSummary,
} from '@aws-sdk/client-cloudformation';
import { EC2Client, paginateDescribeVpcs } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { paginateDescribeDBInstances, RDSClient } from '@aws-sdk/client-rds';
import {
  paginateGetResources,
  ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import { Client } from 'pg';
import { sandboxDefaults } from '../../lib/config.ts';
import { components } from '../../lib/domain/release.ts';
import { stackNameFor } from '../../lib/domain/stack-plan.ts';
import type { Acknowledged } from './operators.ts';
import { rolloutImpossible } from './rollout-reader.ts';

/** What is so in the end, read from PostgreSQL and from AWS's own API, past every store and port of the product. */
export interface Findings {
  /** Practices by state. */
  readonly states: ReadonlyMap<string, number>;
  readonly problems: readonly string[];
}

interface EndState {
  readonly databaseUrl: string;
  readonly endpoint: string;
  readonly acknowledged: readonly Acknowledged[];
  /** Practices that were to be signed up. */
  readonly expected: number;
}

/** States whose practice has a whole silo. */
const standing = new Set(['active', 'suspended', 'offboarding']);
/** States in which a life may end; a failed one has to say why. */
const ends = new Set([...standing, 'deprovisioned', 'provisioning_failed', 'provisioning_cancelled']);

export async function readEndState({
  databaseUrl,
  endpoint,
  acknowledged,
  expected,
}: EndState): Promise<Findings> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const rows = async <T>(text: string): Promise<T[]> => (await client.query(text)).rows as T[];
  try {
    const practices = await rows<Practice>(
      'select id, state, release_id, sign_up_id::text from practice order by id',
    );
    const cloud = await readCloud(endpoint);
    const problems = [
      ...countProblems(practices, acknowledged, expected),
      ...(await recordProblems(rows)),
      ...(await auditProblems(rows, acknowledged)),
      ...cloudProblems(practices, cloud),
      ...(await releaseProblems(rows, cloud)),
      ...(await capacityProblems(rows, cloud)),
    ];
    const states = new Map<string, number>();
    for (const { state } of practices) states.set(state, (states.get(state) ?? 0) + 1);
    return { states, problems };
  } finally {
    await client.end();
  }
}

type Rows = <T>(text: string) => Promise<T[]>;

interface Practice {
  readonly id: string;
  readonly state: string;
  readonly release_id: string | null;
  readonly sign_up_id: string;
}

function countProblems(
  practices: readonly Practice[],
  acknowledged: readonly Acknowledged[],
  expected: number,
): string[] {
  const known = new Map(practices.map((practice) => [practice.id, practice]));
  return [
    ...(practices.length === expected ? [] : [`${practices.length} practices instead of ${expected}`]),
    ...acknowledged
      .filter(({ practiceId, signUpId }) => known.get(practiceId)?.sign_up_id !== signUpId)
      .map(({ practiceId }) => `${practiceId} was acknowledged and is not on record`),
    ...practices.filter(({ state }) => !ends.has(state)).map(({ id, state }) => `${id} ended as ${state}`),
  ];
}

interface Wrong {
  readonly what: string;
}

/** Each query finds what must not be. */
const impossible: readonly string[] = [
  `select 'run ' || id || ' (' || workflow || ' of ' || practice_id || ') is still ' || state as what
    from run where state not in ('succeeded', 'failed', 'cancelled')`,
  `select 'run ' || id || ' failed without a reason or a next action' as what from run
    where state = 'failed' and (error ->> 'message' is null or error ->> 'nextAction' is null)`,
  `select 'run ' || run.id || ' succeeded without its step ' || run_step.name as what
    from run join run_step on run_step.run_id = run.id where run.state = 'succeeded' and run_step.state <> 'succeeded'`,
  `select practice.id || ' failed and its last run does not say why' as what from practice
    where practice.state = 'provisioning_failed' and not exists
      (select 1 from run where run.practice_id = practice.id and run.state = 'failed')`,
  `select practice.id || ' is ' || practice.state || ' and has no release' as what from practice
    where practice.state in ('active', 'suspended') and practice.release_id is null`,
  // Verified: of the last run that verified, the last word on every check.
  `select what from (
    select distinct on (practice.id, check_id) practice.id || ' is active and failed ' || check_id as what, evidence.passed
    from practice join run on run.practice_id = practice.id and run.state = 'succeeded'
      and run.workflow in ('provision-practice', 'update-practice', 'resume-practice', 'roll-back-practice')
    join evidence on evidence.run_id = run.id where practice.state = 'active'
    order by practice.id, check_id, run.created_at desc, evidence.id desc) last where not last.passed`,
  `select practice.id || ' is ' || practice.state || ' and its offboarding is at ' || coalesce(stage, 'nothing') as what
    from practice left join offboarding on offboarding.practice_id = practice.id and stage <> 'cancelled'
    where coalesce(not case practice.state
      when 'offboarding' then stage in ('grace', 'cancelling', 'deprovisioning')
      when 'deprovisioned' then stage = 'retention'
      else coalesce(stage, 'closing') = 'closing' end, true)`,
  `select practice.id || ' is active and was never verified' as what from practice where practice.state = 'active'
    and not exists (select 1 from evidence where evidence.practice_id = practice.id and evidence.passed)`,
  `select 'run ' || run_id || ' tells of event ' || (body ->> 'eventId') || ' ' || count(*) || ' times' as what
    from run_event where body ->> 'eventId' is not null group by run_id, body ->> 'eventId' having count(*) > 1`,
  `select 'run ' || run_id || ' told of its success ' || count(*) || ' times' as what
    from run_event where kind = 'run' and body ->> 'state' = 'succeeded' group by run_id having count(*) > 1`,
  `select practice_id || ' was deployed twice by run ' || run_id as what
    from deployment group by practice_id, run_id having count(*) > 1`,
  `select npi || ' signed up ' || count(*) || ' times' as what from sign_up group by npi having count(*) > 1`,
  ...rolloutImpossible,
];

async function recordProblems(rows: Rows): Promise<string[]> {
  const found: string[] = [];
  for (const query of impossible) found.push(...(await rows<Wrong>(query)).map(({ what }) => what));
  return found;
}

/** The row that each workflow leaves when it has succeeded. */
const done: Readonly<Record<string, string>> = {
  'provision-practice': 'practice.activated',
  'update-practice': 'practice.updated',
  'roll-back-practice': 'practice.rolled_back',
  'suspend-practice': 'practice.suspended',
  'resume-practice': 'practice.resumed',
  'offboard-practice': 'practice.offboarding_began',
  'deprovision-practice': 'practice.deprovisioned',
};

interface RunCounts {
  readonly id: string;
  readonly workflow: string;
  readonly state: string;
  readonly generation: number;
  readonly failures: number;
  readonly begun: number;
  readonly completed: number;
  readonly failed_rows: number;
  readonly cancelled_rows: number;
  readonly asked_again: number;
}

/** Each thing that happened has one row in the trail: not none, not two. */
async function auditProblems(rows: Rows, acknowledged: readonly Acknowledged[]): Promise<string[]> {
  const completed = Object.entries(done)
    .map(([workflow, action]) => `(run.workflow = '${workflow}' and action = '${action}')`)
    .join(' or ');
  const runs = await rows<RunCounts>(`
    select run.id::text, run.workflow, run.state, run.generation,
      (select count(*)::int from run_event where run_id = run.id and kind = 'run' and body ->> 'state' = 'failed') as failures,
      (select count(*)::int from audit where details ->> 'runId' = run.id::text
        and (action in ('sign_up.approved', 'practice.offboarding_advanced', 'rollout.practice_started', 'rollout.practice_going_back')
          or action like 'practice.%_requested')) as begun,
      (select count(*)::int from audit where details ->> 'runId' = run.id::text and (${completed})) as completed,
      (select count(*)::int from audit where details ->> 'runId' = run.id::text and action like 'practice.%_failed') as failed_rows,
      (select count(*)::int from audit where details ->> 'runId' = run.id::text and action like 'practice.%_cancelled'
        -- A resumption that takes an offboarding back cancels that and not itself.
        and not (run.workflow = 'resume-practice' and action = 'practice.offboarding_cancelled')) as cancelled_rows,
      (select count(*)::int from audit where subject_type = 'run' and subject_id = run.id::text
        and action in ('run.retried', 'run.cancel_requested')) as asked_again
    from run`);
  const problems = runs.flatMap(({ id, workflow, state, generation, ...found }) => {
    const must = {
      begun: 1,
      completed: state === 'succeeded' ? 1 : 0,
      cancelled_rows: state === 'cancelled' ? 1 : 0,
      asked_again: generation - 1,
    };
    const wrong = Object.entries(must).flatMap(([name, count]) => {
      const is = found[name as keyof typeof must];
      return is === count ? [] : [`${is} rows instead of ${count} for ${name}`];
    });
    // A removal that fails leaves a failed run and no failed practice.
    if (found.failed_rows > found.failures)
      wrong.push(`${found.failed_rows} rows of ${found.failures} failures`);
    return wrong.map((what) => `audit of run ${id} (${workflow}, ${state}): ${what}`);
  });
  const asked = new Map(runs.map((run) => [run.id, run]));
  for (const { runId, asked: answered } of acknowledged.flatMap((each) => each.runs)) {
    const rowsOf = asked.get(runId)?.asked_again ?? 0;
    if (rowsOf < answered.length)
      problems.push(`run ${runId}: ${answered.length} requests were accepted, ${rowsOf} are on record`);
  }
  const signUps =
    await rows<Wrong>(`select 'sign-up ' || id || ' has ' || count(audit.seq) || ' rows of its submission' as what
    from sign_up left join audit on audit.subject_id = sign_up.id::text and action = 'sign_up.submitted'
    group by sign_up.id having count(audit.seq) <> 1`);
  return [...problems, ...signUps.map(({ what }) => what)];
}

interface Cloud {
  readonly stacks: readonly StackSummary[];
  /** The release in each service stack's parameters, by the stack's name. */
  readonly releases: ReadonlyMap<string, string>;
  /** Practices of the tag `lumenality:practice`, once for each VPC or database instance. */
  readonly vpcs: readonly string[];
  readonly databases: readonly string[];
  readonly tagged: readonly { readonly practiceId: string; readonly arn: string }[];
}

const practiceTag = 'lumenality:practice';

async function readCloud(endpoint: string): Promise<Cloud> {
  const at = { region: sandboxDefaults.region, endpoint, credentials: sandboxDefaults.credentials };
  const clients = [
    new CloudFormationClient(at),
    new EC2Client(at),
    new RDSClient(at),
    new ResourceGroupsTaggingAPIClient(at),
    new KMSClient(at),
  ] as const;
  const [cloudFormation, ec2, rds, tagging, kms] = clients;
  const stacks: StackSummary[] = [];
  for await (const page of paginateListStacks({ client: cloudFormation }, {}))
    stacks.push(...(page.StackSummaries ?? []));
  const releases = new Map<string, string>();
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: cloudFormation }, {})) {
    for (const { StackName = '', Parameters = [] } of Stacks) {
      const release = Parameters.find(({ ParameterKey }) => ParameterKey === 'ReleaseId')?.ParameterValue;
      if (release !== undefined) releases.set(StackName, release);
    }
  }
  const vpcs: string[] = [];
  for await (const { Vpcs = [] } of paginateDescribeVpcs({ client: ec2 }, {})) {
    vpcs.push(...Vpcs.filter(({ IsDefault }) => IsDefault !== true).map(({ Tags }) => practiceOf(Tags)));
  }
  const databases: string[] = [];
  for await (const { DBInstances = [] } of paginateDescribeDBInstances({ client: rds }, {})) {
    databases.push(...DBInstances.map(({ TagList }) => practiceOf(TagList)));
  }
  const tagged: { practiceId: string; arn: string }[] = [];
  const TagFilters = [{ Key: practiceTag }];
  for await (const { ResourceTagMappingList = [] } of paginateGetResources(
    { client: tagging },
    { TagFilters },
  )) {
    for (const { ResourceARN: arn = '', Tags } of ResourceTagMappingList) {
      if (await isKeyOnItsWayOut(kms, arn)) continue;
      tagged.push({ practiceId: practiceOf(Tags), arn });
    }
  }
  for (const client of clients) client.destroy();
  return { stacks, releases, vpcs, databases, tagged };
}

/** A key that is pending deletion costs nothing. */
async function isKeyOnItsWayOut(kms: KMSClient, arn: string): Promise<boolean> {
  if (!/^arn:aws:kms:[^:]*:\d+:key\//.test(arn)) return false;
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: arn }));
  return KeyMetadata?.KeyState === 'PendingDeletion';
}

function practiceOf(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] = [],
): string {
  return tags.find(({ Key }) => Key === practiceTag)?.Value ?? 'nobody';
}

function cloudProblems(practices: readonly Practice[], cloud: Cloud): string[] {
  const problems: string[] = [];
  const live = cloud.stacks.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE');
  const count = (of: readonly string[], id: string): number => of.filter((each) => each === id).length;
  for (const { id, state } of practices) {
    const own = live.filter(({ StackName = '' }) =>
      components.some((component) => StackName === stackNameFor(id, component)),
    );
    const unfinished = own.filter(
      ({ StackStatus = '' }) => !/^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(StackStatus),
    );
    const [vpcs, databases] = [count(cloud.vpcs, id), count(cloud.databases, id)];
    if (standing.has(state)) {
      if (own.length !== components.length) problems.push(`${id} is ${state} and has ${own.length} stacks`);
      problems.push(
        ...unfinished.map(
          ({ StackName, StackStatus }) => `${id} is ${state} and ${StackName} is ${StackStatus}`,
        ),
      );
      if (vpcs !== 1 || databases !== 1)
        problems.push(`${id} is ${state} with ${vpcs} VPCs and ${databases} databases`);
    } else if (vpcs > 1 || databases > 1) {
      problems.push(`${id} is ${state} with ${vpcs} VPCs and ${databases} databases`);
    }
    if (state !== 'provisioning_cancelled' && state !== 'deprovisioned') continue;
    problems.push(
      ...own.map(({ StackName, StackStatus }) => `${id} is ${state} and ${StackName} is ${StackStatus}`),
    );
    const left = cloud.tagged.filter(({ practiceId, arn }) => practiceId === id && !isStackOf(arn));
    if (state === 'deprovisioned') problems.push(...keptProblems(id, left));
    else problems.push(...left.map(({ arn }) => `${id} was cancelled and left ${arn}`));
  }
  const known = new Set(practices.map(({ id }) => id));
  const orphans = cloud.tagged.filter(({ practiceId }) => !known.has(practiceId));
  const untagged = count(cloud.vpcs, 'nobody') + count(cloud.databases, 'nobody');
  return [
    ...problems,
    ...orphans.map(({ arn }) => `${arn} belongs to no practice`),
    ...(untagged === 0 ? [] : [`${untagged} VPCs or databases belong to nobody`]),
  ];
}

/** What the retention keeps: one final snapshot and its key, which is not on its way out, and nothing that runs. */
function keptProblems(id: string, left: Cloud['tagged']): string[] {
  const count = (pattern: RegExp): number => left.filter(({ arn }) => pattern.test(arn)).length;
  const [snapshots, keys] = [count(/:snapshot:lumenality-.*-final-/), count(/^arn:aws:kms:.*:key\//)];
  const running = left.filter(({ arn }) =>
    /^arn:aws:(ec2|ecs|elasticloadbalancing|secretsmanager):|:db:/.test(arn),
  );
  return [
    ...(snapshots === 1 && keys === 1
      ? []
      : [`${id} is deprovisioned with ${snapshots} final snapshots and ${keys} keys`]),
    ...running.map(({ arn }) => `${id} is deprovisioned and left ${arn}`),
  ];
}

/** What a practice runs is what its record says, once the last that was deployed has come to its end. */
async function releaseProblems(rows: Rows, { releases }: Cloud): Promise<string[]> {
  const settled = await rows<{ id: string; release_id: string }>(`
    select practice.id, practice.release_id from practice join lateral
      (select state, workflow from run where practice_id = practice.id order by created_at desc limit 1) newest on true
    where practice.state = 'active' and newest.state = 'succeeded'
      and newest.workflow in ('provision-practice', 'update-practice', 'roll-back-practice')`);
  return settled.flatMap(({ id, release_id: recorded }) => {
    const there = releases.get(stackNameFor(id, 'service'));
    return there === recorded ? [] : [`${id} runs ${there}, and its record says ${recorded}`];
  });
}

const isStackOf = (arn: string): boolean => arn.startsWith('arn:aws:cloudformation:');

/** The ledger's sums against what there is. */
async function capacityProblems(rows: Rows, cloud: Cloud): Promise<string[]> {
  const sums = await rows<{ practice_id: string; state: string; quota: string; amount: number }>(`
    select practice_id, practice.state, quota, sum(amount)::int as amount from capacity_ledger
    join practice on practice.id = practice_id group by practice_id, practice.state, quota`);
  const used: Readonly<Record<string, readonly string[]>> = { vpcs: cloud.vpcs, databases: cloud.databases };
  return sums.flatMap(({ practice_id: id, state, quota, amount }) => {
    const there = used[quota]?.filter((each) => each === id).length;
    if (amount < 0) return [`${id} gave back more ${quota} than it took`];
    if (state === 'provisioning_cancelled' && amount !== 0)
      return [`${id} was cancelled and still holds ${amount} ${quota}`];
    if (there === undefined || state === 'provisioning_failed' || there === amount) return [];
    return [`${id} is ${state}: the ledger says ${amount} ${quota}, there are ${there}`];
  });
}
