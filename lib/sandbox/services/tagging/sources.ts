/** Where each taggable resource's tags lie. What is deleted, or only still described, has none here. */

import type { Cluster } from '@aws-sdk/client-ecs';
import type { Tag } from '@aws-sdk/client-elastic-load-balancing-v2';
import { recordKey, regionalArn } from '../../identifiers.ts';
import type { Call } from '../../model.ts';
import type { CertificateRecord } from '../acm/index.ts';
import type { PlanRecord, VaultRecord } from '../backup/records.ts';
import type { AlarmRecord } from '../cloudwatch/alarms.ts';
// Registers the kinds of EC2 resources.
import '../ec2/kinds.ts';
import { allKinds } from '../ec2/records.ts';
import type { ServiceRecord, TaskDefinitionRecord, TaskRecord } from '../ecs/records.ts';
import type { PolicyRecord } from '../iam/records.ts';
import type { KeyRecord } from '../kms/records.ts';
import type { LogGroupRecord } from '../logs/records.ts';
import type {
  InstanceRecord,
  ParameterGroupRecord,
  SnapshotRecord,
  SubnetGroupRecord,
} from '../rds/records.ts';
import type { BucketRecord } from '../s3/records.ts';
import type { SecretRecord } from '../secretsmanager/records.ts';
import type { TopicRecord } from '../sns/topics.ts';
import type { WebAclRecord } from '../wafv2/records.ts';

/** Tags as services keep them: a map, or a list in one of two spellings. */
export type KeptTags =
  | Readonly<Record<string, string>>
  | ReadonlyArray<{
      readonly Key?: string | undefined;
      readonly Value?: string | undefined;
      readonly key?: string | undefined;
      readonly value?: string | undefined;
    }>
  | undefined;

interface Tagged {
  readonly arn: string | undefined;
  readonly tags: KeptTags;
}

/** One table of tagged records. */
export interface Source {
  readonly table: string;
  /** What the keys of the caller's own records begin with. */
  readonly prefix: (call: Call) => string;
  /** Undefined for a record that is none of the caller's resources. */
  readonly read: (record: never, call: Call, key: string) => Tagged | undefined;
}

// oxlint-disable-next-line no-unnecessary-type-parameters -- each use names the record that its table keeps
function source<T>(
  table: string,
  read: (record: T, call: Call, key: string) => Tagged | undefined,
  prefix: Source['prefix'] = (call) => recordKey(call),
): Source {
  return { table, prefix, read };
}

/** Resources without a Region are found in us-east-1 ("GetResources"). */
const globalPrefix = (call: Call) =>
  recordKey({ accountId: call.accountId, region: call.region === 'us-east-1' ? 'aws-global' : 'none' });

interface StackTags {
  readonly stackId: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

const ofArn = ({ arn, tags }: { readonly arn: string; readonly tags: KeptTags }): Tagged => ({ arn, tags });

/** IAM's roles and users are not among them ("Services that support the Resource Groups Tagging API"). */
export const sources: readonly Source[] = [
  source<CertificateRecord>('acm.certificates', (one) => ({ arn: one.CertificateArn, tags: one.Tags })),
  source<PlanRecord>('backup.plans', ofArn),
  source<VaultRecord>('backup.vaults', ofArn),
  source<StackTags>('cloudformation.stacks', (one) =>
    one.status === 'DELETE_COMPLETE' ? undefined : { arn: one.stackId, tags: one.tags },
  ),
  source<AlarmRecord>('cloudwatch.alarms', (one) => ({ arn: one.AlarmArn, tags: one.Tags })),
  ...allKinds().map(({ resourceType, idOf }) =>
    source<{ readonly Tags?: Tag[] }>(`ec2.${resourceType}`, (one, call) => ({
      arn: regionalArn('ec2', call, `${resourceType}/${idOf(one)}`),
      tags: one.Tags,
    })),
  ),
  source<Cluster>('ecs.clusters', (one) =>
    one.status === 'ACTIVE' ? { arn: one.clusterArn, tags: one.tags } : undefined,
  ),
  source<ServiceRecord>('ecs.services', (one) =>
    one.status === 'INACTIVE' ? undefined : { arn: one.serviceArn, tags: one.tags },
  ),
  source<TaskDefinitionRecord>('ecs.task-definitions', (one) =>
    one.status === 'ACTIVE' ? { arn: one.taskDefinitionArn, tags: one.Tags } : undefined,
  ),
  source<TaskRecord>('ecs.tasks', (one) =>
    one.lastStatus === 'STOPPED' ? undefined : { arn: one.taskArn, tags: one.tags },
  ),
  source<Tag[]>('elbv2.tags', (tags, call, key) => ({ arn: key.slice(recordKey(call).length), tags })),
  source<PolicyRecord>('iam.policies', (one) => ({ arn: one.Arn, tags: one.Tags }), globalPrefix),
  source<KeyRecord>('kms.keys', (one, call) =>
    one.deletionAt !== undefined && call.cloud.now().getTime() >= one.deletionAt ? undefined : ofArn(one),
  ),
  source<LogGroupRecord>('logs.groups', ({ arn, tags }) => ({ arn: arn.replace(/:\*$/, ''), tags })),
  source<InstanceRecord>('rds.instances', ofArn),
  source<ParameterGroupRecord>('rds.parameter-groups', ofArn),
  source<SnapshotRecord>('rds.snapshots', ofArn),
  source<SubnetGroupRecord>('rds.subnet-groups', ofArn),
  source<BucketRecord>(
    's3.buckets',
    ({ name, accountId, region, tags }, call) =>
      accountId === call.accountId && region === call.region
        ? { arn: `arn:aws:s3:::${name}`, tags }
        : undefined,
    () => '',
  ),
  source<SecretRecord>('secretsmanager.secrets', (one) => (one.deletion ? undefined : ofArn(one))),
  source<TopicRecord>('sns.topics', ofArn),
  source<WebAclRecord>('wafv2.web-acls', (one) => ({ arn: one.ARN, tags: one.Tags })),
];
