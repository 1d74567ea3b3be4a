import type {
  AddressFacts,
  BackupPlanFacts,
  BackupVaultFacts,
  BucketFacts,
  DatabaseFacts,
  EndpointFacts,
  IngressRule,
  KeyFacts,
  ListenerFacts,
  ListenerRuleFacts,
  LoadBalancerFacts,
  LogGroupFacts,
  NetworkConnection,
  OpeningFacts,
  ReadinessFacts,
  RouteTableFacts,
  SecretFacts,
  SecurityGroupFacts,
  ServiceFacts,
  TargetGroupFacts,
  TaskDefinitionFacts,
  TaskFacts,
  VersionFacts,
  WebAclFacts,
} from './silo-facts.ts';
import type { Access } from './stack-plan.ts';

/** The outcome of one read: what was seen, or why nothing could be seen and whether that may pass by itself; and when. */
export type Reading<T> = { readonly at: string } & (
  | { readonly value: T }
  | { readonly error: string; readonly mayPass?: boolean }
);

/** Everything that is read of a silo before its practice may be active. */
export interface SiloFacts {
  readonly key: Reading<KeyFacts>;
  /** Other practices whose recorded stacks have the same key. */
  readonly keySharedWith: Reading<readonly string[]>;
  readonly database: Reading<DatabaseFacts>;
  /** `rds.force_ssl` in the instance's parameter group. */
  readonly forceTls: Reading<string | undefined>;
  /** By security group of the database instance. */
  readonly databaseIngress: Reading<Readonly<Record<string, readonly IngressRule[]>>>;
  readonly secret: Reading<SecretFacts>;
  readonly vpcTags: Reading<Readonly<Record<string, string>>>;
  readonly vpcSharedWith: Reading<readonly string[]>;
  readonly networkConnections: Reading<readonly NetworkConnection[]>;
  readonly openings: Reading<OpeningFacts>;
  readonly defaultSecurityGroup: Reading<SecurityGroupFacts>;
  readonly routeTables: Reading<readonly RouteTableFacts[]>;
  readonly endpoints: Reading<readonly EndpointFacts[]>;
  readonly loadBalancer: Reading<LoadBalancerFacts>;
  /** Undefined when no web ACL stands in front of the load balancer. */
  readonly webAcl: Reading<WebAclFacts | undefined>;
  readonly bucket: Reading<BucketFacts>;
  readonly backupVault: Reading<BackupVaultFacts>;
  readonly backupPlan: Reading<BackupPlanFacts>;
  /** Those of the practice, by their names. */
  readonly logGroups: Reading<readonly LogGroupFacts[]>;
  readonly listener: Reading<ListenerFacts>;
  /** What the HTTPS listener does, in the order in which it looks, its default last. */
  readonly rules: Reading<readonly ListenerRuleFacts[]>;
  /** What anybody gets who asks for the practice's address. */
  readonly address: Reading<AddressFacts>;
  /** All that the load balancer forwards to. */
  readonly targetGroups: Reading<readonly TargetGroupFacts[]>;
  readonly service: Reading<ServiceFacts>;
  /** The one that the service runs by now. */
  readonly taskDefinition: Reading<TaskDefinitionFacts>;
  readonly tasks: Reading<readonly TaskFacts[]>;
  readonly version: Reading<VersionFacts>;
  readonly readiness: Reading<ReadinessFacts>;
}

/** What the release, the plan and the silo's own stacks promise. */
export interface SiloExpectations {
  readonly practiceId: string;
  readonly releaseId: string;
  /** `sha256:…` */
  readonly imageDigest: string;
  readonly keyArn: string;
  readonly vpcId: string;
  readonly loadBalancerArn: string;
  readonly appSecurityGroupId: string;
  readonly databaseSecretArn: string;
  readonly databaseSubnetIds: readonly string[];
  readonly appSubnetIds: readonly string[];
  readonly databaseInstanceArn: string;
  /** As the release's template pins it, for example `18.1` or `18`. */
  readonly engineVersion: string;
  readonly multiAz: boolean;
  /** How long the vault keeps a recovery point at least. */
  readonly backupRetentionDays: number;
  readonly backupVaultName: string;
  readonly bucketName: string;
  readonly appLogGroupName: string;
  readonly webAclArn: string;
  /** Whether the app is to be reached; a closed silo is judged by other checks of its service. */
  readonly access: Access;
  /** Tasks of the service: so many always run, and autoscaling may start so many; none while access is closed. */
  readonly desiredCount: number;
  readonly maxCount: number;
}

/** One thing that must be true of a silo, and which safeguards it supports. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly safeguards: readonly string[];
  readonly source: string;
  /** What it judges. */
  readonly fact: keyof SiloFacts;
  judge(facts: SiloFacts, expectations: SiloExpectations): Judgement;
}

interface Judgement {
  readonly expected: string;
  readonly observed: string;
  readonly passed: boolean;
  readonly observedAt: string;
}

type ValueOf<R> = R extends { readonly value: infer T } ? T : never;

/** A check on one reading. A reading that failed is a failed check with the error as what was observed: never a pass. */
export function check<F extends keyof SiloFacts>(definition: {
  readonly id: string;
  readonly title: string;
  readonly safeguards: readonly string[];
  readonly source: string;
  readonly fact: F;
  readonly expected: (expectations: SiloExpectations) => string;
  readonly observed: (value: ValueOf<SiloFacts[F]>, expectations: SiloExpectations) => string;
  /** Unless told: what is observed reads exactly as what is expected. */
  readonly passes?: (value: ValueOf<SiloFacts[F]>, expectations: SiloExpectations) => boolean;
}): Check {
  const { id, title, safeguards, source, fact } = definition;
  return {
    id,
    title,
    safeguards,
    source,
    fact,
    judge: (facts, expectations) => {
      const reading = facts[fact];
      const expected = definition.expected(expectations);
      if ('error' in reading) {
        return {
          expected,
          observed: `not read: ${reading.error}`,
          passed: false,
          observedAt: reading.at,
        };
      }
      const value = reading.value as ValueOf<SiloFacts[F]>;
      const observed = definition.observed(value, expectations);
      const passed = definition.passes?.(value, expectations) ?? observed === expected;
      return { expected, observed, passed, observedAt: reading.at };
    },
  };
}

// Ids of NIST SP 800-53r5 controls and paragraphs of 45 CFR 164 as NIST SP 800-66r2 maps them.
const atRest = ['45 CFR 164.312(a)(2)(iv)', 'NIST SP 800-53r5 SC-28'];
/** What a check supports, by what it protects. */
export const safeguards = {
  atRest,
  keys: [...atRest, 'NIST SP 800-53r5 SC-12'],
  inTransit: ['45 CFR 164.312(e)(1)', 'NIST SP 800-53r5 SC-8'],
  backup: ['45 CFR 164.308(a)(7)(ii)(A)', 'NIST SP 800-53r5 CP-9'],
  operation: ['45 CFR 164.308(a)(7)(ii)(C)', 'NIST SP 800-53r5 CP-10'],
  credentials: ['45 CFR 164.312(d)', 'NIST SP 800-53r5 IA-5'],
  integrity: ['45 CFR 164.312(c)(1)', 'NIST SP 800-53r5 CM-2', 'NIST SP 800-53r5 SI-7'],
  access: ['45 CFR 164.312(a)(1)', 'NIST SP 800-53r5 AC-3'],
  audit: ['45 CFR 164.312(b)', 'NIST SP 800-53r5 AU-2', 'NIST SP 800-53r5 AU-9'],
  boundary: ['45 CFR 164.312(e)(1)', 'NIST SP 800-53r5 SC-7', 'NIST SP 800-53r5 SI-10'],
  leastPrivilege: ['45 CFR 164.312(a)(1)', 'NIST SP 800-53r5 AC-6', 'NIST SP 800-53r5 CM-7'],
  isolation: ['45 CFR 164.308(a)(4)', 'NIST SP 800-53r5 AC-4', 'NIST SP 800-53r5 SC-7'],
} as const;

export const listed = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '));
