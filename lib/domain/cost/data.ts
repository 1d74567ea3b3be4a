import { byUse, type Charge, fixed, only, type Pricing, type Silo } from './charge.ts';
import { type CostResource, isList, isRecord, Undeployed, type Value } from './template.ts';
import { backedUpGb, hoursPerMonth, keptGb, monthlyChangeGb, type SiloUsage } from './usage.ts';

/** What CloudWatch Logs keeps is compressed to about this part of what came in ("Amazon CloudWatch pricing", examples). */
const compressed = 0.15;
/** Of log groups that RDS makes and nobody gives a retention: six years, as long as anybody may ask. */
const withoutRetentionDays = 2_192;
/** RDS keeps point-in-time recovery for so long unless the template says otherwise. */
const defaultBackupDays = 1;

function logCharges(name: string, monthlyGb: number, days: number): Charge[] {
  return [
    byUse(`${name}: taken in`, 'logIngestion', monthlyGb),
    byUse(`${name}: kept for ${days} days`, 'logStorage', keptGb(monthlyGb, days) * compressed),
  ];
}

/** Which assumption a log group falls under, by how its name ends or begins. */
const logs: ReadonlyArray<readonly [pattern: RegExp, name: string, of: keyof SiloUsage['logGb']]> = [
  [/\/app$/, "App's log", 'app'],
  [/\/network$/, 'Flow log', 'network'],
  [/^aws-waf-logs-/, "Firewall's log", 'firewall'],
];

/** Where data lies, and its keys. */
export const dataPricing: Readonly<Record<string, Pricing>> = {
  'AWS::KMS::Key': (key, { usage }) => {
    if ((key.value('KeySpec') ?? 'SYMMETRIC_DEFAULT') !== 'SYMMETRIC_DEFAULT')
      throw key.uncovered('only symmetric keys are priced');
    const rotates = key.flag('EnableKeyRotation', false);
    return [
      fixed('Key', 'keyMonth', 1),
      // Each year's key material is kept; the first two rotations are billed ("AWS KMS pricing").
      ...(rotates ? [fixed('Key material of earlier years', 'keyMonth', 2)] : []),
      byUse('Uses of the key', 'keyRequest', usage.keyRequests),
    ];
  },

  'AWS::SecretsManager::Secret': (_secret, { usage }) => secretCharges(usage),

  'AWS::Logs::LogGroup': (group, { usage }) => {
    const groupName = group.text('LogGroupName');
    const known = logs.find(([pattern]) => pattern.test(groupName));
    if (known === undefined) throw group.uncovered(`no usage is assumed for the log ${groupName}`);
    const [, name, of] = known;
    const days =
      group.value('RetentionInDays') === undefined ? withoutRetentionDays : group.number('RetentionInDays');
    return logCharges(name, usage.logGb[of], days);
  },

  'AWS::RDS::DBInstance': databaseCharges,

  'AWS::S3::Bucket': (bucket, { usage, resources }) => {
    // The bucket that others write their access logs to holds logs; the other one holds the practice's objects.
    const isForLogs = resources.some((other) => namesAsLogTarget(other, bucket.logicalId));
    if (isForLogs) {
      const monthlyGb = (usage.requests + usage.objectWrites + usage.objectReads) * 0.3e-6;
      return [
        byUse('Access logs: kept', 'objectStorage', keptGb(monthlyGb, withoutRetentionDays)),
        // The load balancer's two nodes write a file every 5 minutes, S3 a few an hour.
        byUse('Access logs: written', 'objectWrite', 20_000),
      ];
    }
    return [
      byUse('Objects: kept, with earlier versions', 'objectStorage', usage.objectGb),
      byUse('Objects: written', 'objectWrite', usage.objectWrites),
      byUse('Objects: read', 'objectRead', usage.objectReads),
    ];
  },

  'AWS::Backup::BackupPlan': backupCharges,
};

function secretCharges(usage: SiloUsage): Charge[] {
  return [
    fixed('Secret', 'secretMonth', 1),
    byUse('Reads of the secret', 'secretRequest', usage.secretRequests),
  ];
}

function databaseCharges(database: CostResource, { usage }: Silo): Charge[] {
  if (database.text('Engine') !== 'postgres') throw database.uncovered('only PostgreSQL is priced');
  if (database.text('StorageType') !== 'gp3') throw database.uncovered('only gp3 storage is priced');
  if (database.value('Iops') !== undefined || database.value('StorageThroughput') !== undefined)
    throw database.uncovered('IOPS and throughput beyond those of gp3 are not priced');
  if ((database.value('DatabaseInsightsMode') ?? 'standard') !== 'standard')
    throw database.uncovered('advanced Database Insights are not priced');
  const insightsDays =
    database.value('PerformanceInsightsRetentionPeriod') === undefined
      ? 7
      : database.number('PerformanceInsightsRetentionPeriod');
  // Seven days are free ("Performance Insights pricing").
  if (insightsDays > 7) throw database.uncovered('Performance Insights beyond 7 days are not priced');
  const instances = database.flag('MultiAZ', false) ? 2 : 1;
  const allocatedGb = database.number('AllocatedStorage');
  const backupDays =
    database.value('BackupRetentionPeriod') === undefined
      ? defaultBackupDays
      : database.number('BackupRetentionPeriod');
  const instanceClass = database.text('DBInstanceClass');
  // RDS keeps backups as large as the allocated storage free of charge ("Amazon RDS pricing", backup storage).
  const chargedBackupGb = Math.max(0, backedUpGb(usage.databaseGb, usage, backupDays) - allocatedGb);
  const exportsLogs = database.list('EnableCloudwatchLogsExports').length > 0;
  const monitors =
    database.value('MonitoringInterval') !== undefined && database.number('MonitoringInterval') > 0;
  return [
    fixed(
      instances === 2 ? `Database ${instanceClass} and its standby` : `Database ${instanceClass}`,
      `database:${instanceClass}`,
      instances * hoursPerMonth,
    ),
    fixed(
      instances === 2 ? 'Storage of the database and of its standby' : 'Storage of the database',
      'databaseStorage',
      instances * allocatedGb,
    ),
    byUse(
      `Point-in-time recovery of ${backupDays} days beyond the free storage`,
      'databaseBackup',
      chargedBackupGb,
    ),
    ...(database.flag('ManageMasterUserPassword', false) ? secretCharges(usage) : []),
    // RDS makes the log group itself and gives it no retention.
    ...(exportsLogs ? logCharges("Database's log", usage.logGb.database, withoutRetentionDays) : []),
    // RDSOSMetrics keeps 30 days ("Viewing OS metrics using CloudWatch Logs").
    ...(monitors ? logCharges('Enhanced monitoring', usage.logGb.operatingSystem, 30) : []),
  ];
}

/** Backups of the database and of the practice's objects by each rule of a plan, and their second copies. */
function backupCharges(plan: CostResource, silo: Silo): Charge[] {
  const { usage } = silo;
  only(silo, 'AWS::RDS::DBInstance', plan);
  const body = plan.value('BackupPlan');
  const rules = isRecord(body) ? body['BackupPlanRule'] : undefined;
  if (!isList(rules)) throw plan.uncovered('it has no list of rules');
  const selections = silo.resources.filter(({ type }) => type === 'AWS::Backup::BackupSelection').length;
  if (selections === 0) return [];
  return rules.flatMap((rule) => {
    if (!isRecord(rule)) throw plan.uncovered('a rule of it is none');
    const copies = rule['CopyActions'];
    return [
      ...vaultCharges('Backups', usage, daysOf(plan, rule)),
      ...(isList(copies) ? copies : []).flatMap((copy) => [
        ...vaultCharges('Second copies', usage, daysOf(plan, copy)),
        byUse(
          'Second copies: transfer to their Region',
          'regionTransfer',
          monthlyChangeGb(usage.databaseGb + usage.objectGb, usage),
        ),
      ]),
    ];
  });
}

function vaultCharges(name: string, usage: SiloUsage, days: number): Charge[] {
  return [
    byUse(
      `${name} of the database, ${days} days`,
      'databaseBackup',
      backedUpGb(usage.databaseGb, usage, days),
    ),
    byUse(`${name} of the objects, ${days} days`, 'objectBackup', backedUpGb(usage.objectGb, usage, days)),
  ];
}

function daysOf(plan: CostResource, rule: Value): number {
  const lifecycle = isRecord(rule) ? rule['Lifecycle'] : undefined;
  const value = isRecord(lifecycle) ? lifecycle['DeleteAfterDays'] : undefined;
  if (isRecord(lifecycle) && lifecycle['MoveToColdStorageAfterDays'] !== undefined)
    throw plan.uncovered('cold storage is not priced');
  const days = Number(value);
  if (value !== undefined && Number.isInteger(days) && days > 0) return days;
  throw plan.uncovered('a rule does not say how many days a backup is kept');
}

function namesAsLogTarget(resource: CostResource, logicalId: string): boolean {
  if (resource.type !== 'AWS::S3::Bucket') return false;
  const logging = resource.value('LoggingConfiguration');
  const target = isRecord(logging) ? logging['DestinationBucketName'] : undefined;
  return target instanceof Undeployed && target.what === logicalId;
}
