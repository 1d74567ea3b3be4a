import type { Quota } from './capacity.ts';

/** A limit of AWS that a cell has run into: its name in Service Quotas, and what `lumenality cell limits` calls it, if it does. */
interface ReachedQuota {
  readonly name: string;
  readonly limit: Quota | null;
}

/**
 * How services say that a quota is used up, in an error's code or in the words that CloudFormation passes on. The first that fits
 * counts: general words come last ("Error codes for the Amazon EC2 API", "Common Errors" of RDS, IAM, Elastic Load Balancing, KMS).
 */
const quotas: readonly (readonly [RegExp, ReachedQuota])[] = [
  [/VpcLimitExceeded|maximum number of VPCs/i, { name: 'VPCs per Region', limit: 'vpcs' }],
  [/AddressLimitExceeded|maximum number of addresses/i, { name: 'EC2-VPC Elastic IPs', limit: 'elasticIps' }],
  [
    /InstanceQuotaExceeded|StorageQuotaExceeded|DB Instance quota exceeded|maximum number of DB instances/i,
    { name: 'DB instances', limit: 'databases' },
  ],
  // RDS keeps the backups of as many deleted instances as there may be instances ("Retaining automated backups").
  [
    /AutomatedBackupQuotaExceeded|quota for retained automated backups/i,
    { name: 'DB instances, by which RDS also counts retained automated backups', limit: null },
  ],
  [
    /SnapshotQuotaExceeded|Cannot create more than \d+ manual snapshots|maximum number of DB snapshots/i,
    { name: 'Manual DB instance snapshots', limit: 'databaseSnapshots' },
  ],
  [
    /DBSubnetGroupQuotaExceeded|DBParameterGroupQuotaExceeded/i,
    { name: 'DB subnet groups or parameter groups', limit: null },
  ],
  [
    /TooManyLoadBalancers|maximum number of load balancers/i,
    { name: 'Application Load Balancers per Region', limit: 'loadBalancers' },
  ],
  [/quota for RolesPerAccount/i, { name: 'Roles per account', limit: 'roles' }],
  [/quota for PoliciesPerAccount/i, { name: 'Customer managed policies in an AWS account', limit: null }],
  [
    /Limit for stack has been exceeded|stack limit|limit on (the )?number of stacks/i,
    { name: 'Stack count', limit: 'stacks' },
  ],
  [/VpcEndpointLimitExceeded/i, { name: 'Interface VPC endpoints per VPC', limit: null }],
  [/TooManyBuckets/i, { name: 'General purpose buckets', limit: null }],
  [
    /LimitExceeded|QuotaExceeded|quota exceeded|exceed(s|ed)? (the |your )?(quota|limit)|maximum number of|TooMany(?!Requests)/i,
    { name: 'a quota of this service', limit: null },
  ],
];

/** Words of services that have too much to do at the moment, which is no quota to be raised. */
const busy = /Throttl|Rate exceeded|RequestLimitExceeded|TooManyRequests/i;

/** The quota that is used up, by an error's code and AWS's words; undefined when they say nothing of one. */
function reachedQuota(said: string): ReachedQuota | undefined {
  if (busy.test(said)) return undefined;
  return quotas.find(([words]) => words.test(said))?.[1];
}

/** A call that a role was denied, as IAM words it: "User: … is not authorized to perform: … on resource: …". */
interface DeniedCall {
  /** ARN of the principal; null where AWS does not tell it. */
  readonly principal: string | null;
  /** `service:Operation`; null where AWS does not tell it. */
  readonly action: string | null;
}

/** Undefined when these words are no denial ("Troubleshoot access denied error messages", IAM User Guide). */
function deniedCall(said: string): DeniedCall | undefined {
  if (!/not ?authorized|access ?denied|UnauthorizedOperation/i.test(said)) return undefined;
  return {
    principal: /\bUser: (arn:\S+?)[,.]?(?= is not authorized)/.exec(said)?.[1] ?? null,
    action: /\bto perform:? ([a-z0-9-]+:[A-Za-z0-9]+)/.exec(said)?.[1] ?? null,
  };
}

/**
 * What an operator does about a refusal of AWS that no repetition makes pass: a used-up quota or a denied call. Undefined for any other words.
 * @param call what was asked of AWS, where the words do not say so themselves.
 */
export function remedyFor(said: string, call?: string): string | undefined {
  const denied = deniedCall(said);
  if (denied !== undefined) {
    const action = denied.action ?? call ?? 'the call';
    const principal =
      denied.principal ?? "the role that makes it (the control plane's own, or the deploy role)";
    return `Allow ${action} to ${principal}, also in the organisation's service control policies; then retry the run.`;
  }
  const quota = reachedQuota(said);
  if (quota === undefined) return undefined;
  const known =
    quota.limit === null ? '' : ` (and the cell's own limit ${quota.limit}: lumenality cell limits)`;
  return (
    `Raise the quota "${quota.name}" of the cell's account and Region in Service Quotas${known}, then retry the run. ` +
    'Until then drain the cell, so that nothing new is placed there (lumenality cell drain).'
  );
}
