import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  GetStackPolicyCommand,
  paginateDescribeStackEvents,
  paginateListStacks,
} from '@aws-sdk/client-cloudformation';
import {
  paginateGetResources,
  ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import { type RawBuilder, sql } from 'kysely';
import { sandboxDefaults } from '../../lib/config.ts';
import type { Db } from '../../lib/db/database.ts';
import { components } from '../../lib/domain/release.ts';

/**
 * What is on record of a practice and what the sandbox has of it, as lines that can be compared: names, ids and times that no two
 * practices share are taken out. Read past the product: from the tables and from AWS's own API.
 */
export interface Picture {
  readonly records: readonly string[];
  readonly audit: readonly string[];
  readonly cloud: readonly string[];
}

export interface Photographer {
  of(practiceId: string): Promise<Picture>;
  close(): void;
}

export function photographer(db: Db, endpoint: string): Photographer {
  const at = { region: sandboxDefaults.region, endpoint, credentials: sandboxDefaults.credentials };
  const clients = { stacks: new CloudFormationClient(at), tags: new ResourceGroupsTaggingAPIClient(at) };
  return {
    of: async (practiceId) => {
      const [records, audit, cloud] = await Promise.all([
        recordsOf(db, practiceId),
        auditOf(db, practiceId),
        cloudOf(clients, practiceId),
      ]);
      return { records, audit, cloud };
    },
    close: () => {
      clients.stacks.destroy();
      clients.tags.destroy();
    },
  };
}

/** Tables that know practices: what a picture shows, and what no workflow writes. */
const shown = [
  'run',
  'deployment',
  'silo_stack',
  'evidence',
  'offboarding',
  'capacity_ledger',
  'subscription',
  'subscription_fact',
];
const unconcerned = [
  'sign_up',
  'change_override',
  'owner_invitation',
  'drift_watch',
  'drift_record',
  'practice_schedule',
  'update_freeze',
  'practice_calendar',
  'notice',
  'notice_endpoint',
  'practice_contact',
  'rollout_target',
  'subscription_link',
  'subscription_notice',
  'ledger_transaction',
  'closed_period',
  'subscription_approval',
  'charge_export',
  'stripe_customer',
];

/** Tables with a practice of which nobody has said whether a picture has to show them. */
export async function unknownTables(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select table_name as name from information_schema.columns
    where column_name = 'practice_id' and table_schema = current_schema() order by 1`.execute(db);
  return rows.map(({ name }) => name).filter((name) => ![...shown, ...unconcerned].includes(name));
}

/** How often a step looked or found something done already tells of its way, not of where it came to. */
const ofTheWay = new Set(['changed', 'attempts', 'revoked', 'durationMs']);

async function recordsOf(db: Db, practiceId: string): Promise<string[]> {
  const ask = (query: RawBuilder<Record<string, unknown>>) =>
    query.execute(db).then(({ rows }) => rows.map((row) => line(practiceId, row)));
  const of = sql`practice_id = ${practiceId}`;
  const parts = await Promise.all([
    ask(
      sql`select 'practice' as is, state, release_id, host_name, settings, cell_id from practice where id = ${practiceId}`,
    ),
    ask(sql`select 'run' as is, workflow, state, error, kept from run where ${of} order by created_at, id`),
    ask(sql`select 'step' as is, run.workflow, step.name, step.state, step.output, step.error
      from run_step step join run on run.id = step.run_id where ${of} order by run.created_at, run.id, step.ordinal`),
    ask(
      sql`select 'deployment' as is, release_id, state, reason, error from deployment where ${of} order by started_at, id`,
    ),
    ask(
      sql`select 'stack' as is, component, stack_name, status, template_sha256, outputs from silo_stack where ${of} order by component`,
    ),
    // Every attempt's evidence is kept: what counts is what was found in the end. Closing does not wait for what it does not concern.
    ask(sql`select distinct on (run.workflow, run.created_at, check_id) 'evidence' as is, run.workflow, check_id, expected, passed
      from evidence join run on run.id = evidence.run_id where evidence.${of}
        and (check_id like 'closed-%' or run.workflow not in ('suspend-practice', 'offboard-practice'))
      order by run.workflow, run.created_at, check_id, evidence.id desc`),
    ask(sql`select 'offboarding' as is, stage, came_from, grace_days, retention_days, final_snapshot, key_arn, kept,
      run_id is null as idle from offboarding where ${of}`),
    ask(
      sql`select 'capacity' as is, quota, sum(amount)::int as amount from capacity_ledger where ${of} group by quota order by quota`,
    ),
    ask(sql`select 'subscription' as is, plan_id, state from subscription where ${of}`),
    ask(sql`select 'fact' as is, kind, actor, reason from subscription_fact where ${of} order by seq`),
  ]);
  return parts.flat();
}

/** Every row of the trail about the practice, its sign-up and its runs, in the order of writing. */
async function auditOf(db: Db, practiceId: string): Promise<string[]> {
  const { rows } = await sql<Record<string, unknown>>`
    select actor_name, action, subject_type, details from audit
    where (subject_type = 'practice' and subject_id = ${practiceId})
      or (subject_type = 'sign_up' and subject_id = (select sign_up_id::text from practice where id = ${practiceId}))
      or (subject_type = 'run' and subject_id in (select id::text from run where practice_id = ${practiceId}))
    order by seq`.execute(db);
  return rows.map((row) => line(practiceId, row));
}

interface Clients {
  readonly stacks: CloudFormationClient;
  readonly tags: ResourceGroupsTaggingAPIClient;
}

async function cloudOf({ stacks, tags }: Clients, practiceId: string): Promise<string[]> {
  const lines: string[] = [];
  const named = `lumenality-${practiceId}-`;
  for await (const { StackSummaries = [] } of paginateListStacks({ client: stacks }, {})) {
    for (const { StackName = '', StackId, StackStatus } of StackSummaries) {
      if (!isOf(StackName, named)) continue;
      // A stack of which there was only a change set never came to be, and is made anew.
      if (StackStatus === 'DELETE_COMPLETE' && !(await wasCreated(stacks, StackId))) continue;
      lines.push(line(practiceId, { is: 'stack ever made', StackName, StackStatus }));
      if (StackStatus === 'DELETE_COMPLETE') continue;
      const { Stacks = [] } = await stacks.send(new DescribeStacksCommand({ StackName: StackId }));
      for (const { Parameters = [], Tags = [], EnableTerminationProtection } of Stacks) {
        const { StackPolicyBody } = await stacks.send(new GetStackPolicyCommand({ StackName }));
        lines.push(
          line(practiceId, {
            is: 'stack',
            StackName,
            parameters: Parameters.map((each) => `${each.ParameterKey}=${each.ParameterValue}`).sort(),
            tags: Tags.map((each) => `${each.Key}=${each.Value}`).sort(),
            EnableTerminationProtection,
            StackPolicyBody,
          }),
        );
      }
      const { StackResources = [] } = await stacks.send(
        new DescribeStackResourcesCommand({ StackName: StackId }),
      );
      lines.push(
        ...StackResources.map(({ LogicalResourceId, ResourceType, ResourceStatus }) =>
          // Created or updated: which of both was its last depends on the way.
          line(practiceId, {
            is: 'resource',
            StackName,
            LogicalResourceId,
            ResourceType,
            whole: ResourceStatus?.endsWith('_COMPLETE'),
          }),
        ),
      );
    }
  }
  const TagFilters = [{ Key: 'lumenality:practice', Values: [practiceId] }];
  for await (const { ResourceTagMappingList = [] } of paginateGetResources(
    { client: tags },
    { TagFilters },
  )) {
    lines.push(
      ...ResourceTagMappingList.map(({ ResourceARN }) => line(practiceId, { is: 'tagged', ResourceARN })),
    );
  }
  return lines.sort();
}

async function wasCreated(client: CloudFormationClient, StackName: string | undefined): Promise<boolean> {
  for await (const { StackEvents = [] } of paginateDescribeStackEvents({ client }, { StackName })) {
    if (StackEvents.some(({ ResourceStatus }) => ResourceStatus === 'CREATE_IN_PROGRESS')) return true;
  }
  return false;
}

/** Another practice's name may begin like this one's. */
const isOf = (stackName: string, named: string): boolean =>
  components.some((component) => stackName === `${named}${component}`);

/** Names that CloudFormation makes up, keys, ids of EC2 and ELB; hashes and releases stay, for they are the same for all. */
const madeUp = /(?<!\br-)\b(?=[a-z0-9]*\d)(?=[a-z0-9]*[a-z])[a-z0-9]{12,36}\b/gi;
/** Hexadecimal: one of two thousand has no letter. */
const idOfElb = /\/[0-9a-f]{16}\b/g;
const suffix = /-[A-Za-z0-9]{12,13}(?=["/:.,*])/g;

function line(practiceId: string, row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(row, (key, value: unknown) => (ofTheWay.has(key) ? undefined : value))
    .replaceAll(practiceId, '<practice>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replace(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, '<time>')
    .replace(madeUp, '<random>')
    .replace(idOfElb, '/<random>')
    .replace(suffix, '-<random>')
    .replace(/-final-[0-9a-f]{8}/g, '-final-<random>')
    .replace(/[\w<>-]+(?=\.[a-z0-9-]+\.elb\.)/g, '<load balancer>')
    .replace(/<id>-[A-Za-z0-9]{6}\b/g, '<id>-<random>')
    .replace(/(task-definition\/[^":]*):\d+/g, '$1:<revision>');
}
