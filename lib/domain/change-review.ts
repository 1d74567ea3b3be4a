/** One resource in a change set ("Change" and "ResourceChange", AWS CloudFormation API Reference). */
export interface ResourceChange {
  readonly action: string;
  readonly logicalId: string;
  readonly physicalId: string | null;
  readonly type: string;
  /** `True`, `False`, `Conditional`; null when the resource is added or removed. */
  readonly replacement: string | null;
  /** What becomes of a resource that is removed or replaced: `Delete`, `Retain`, `Snapshot`, …; null when not told. */
  readonly policyAction: string | null;
  /** The properties that change, with whether that makes a new resource: `Never`, `Conditionally`, `Always`. */
  readonly properties: readonly { readonly name: string; readonly requiresRecreation: string }[];
}

/** A change that would lose or orphan what a practice keeps, in words. */
export interface Objection {
  readonly logicalId: string;
  readonly type: string;
  readonly message: string;
}

/** Types whose replacement or removal loses data, or the means to read it, or cuts a silo from its network. */
const statefulTypes: Readonly<Record<string, string>> = {
  'AWS::KMS::Key': 'what it has encrypted could never be read again',
  'AWS::RDS::DBInstance': "the practice's data lies in it",
  'AWS::RDS::DBCluster': "the practice's data lies in it",
  'AWS::SecretsManager::Secret': 'the database would lock out its app',
  'AWS::EC2::VPC': 'the database and the app live in it',
  'AWS::S3::Bucket': 'objects of the practice lie in it',
  'AWS::Backup::BackupVault': 'backups of the practice lie in it',
};

export function isStateful(resourceType: string): boolean {
  return resourceType in statefulTypes;
}

/** Whether records of a practice may lie in a resource of this type, even in one whose stack never came to be. */
export function holdsData(resourceType: string): boolean {
  return isStateful(resourceType) && !['AWS::EC2::VPC', 'AWS::KMS::Key'].includes(resourceType);
}

/**
 * Reads a change set before it is executed and objects to every replacement or removal of a stateful resource, also to
 * one that CloudFormation calls only possible (`Conditional`): it may turn out either way. Adding is always allowed.
 */
export function reviewChanges(changes: readonly ResourceChange[]): Objection[] {
  return changes.flatMap((change) => {
    const loss = statefulTypes[change.type];
    const harm = harmOf(change);
    if (loss === undefined || harm === undefined) return [];
    const name = `${change.logicalId} (${change.type}${change.physicalId === null ? '' : `, ${change.physicalId}`})`;
    return [
      {
        logicalId: change.logicalId,
        type: change.type,
        message: `The change set would ${harm} ${name}${reasonOf(change)}: ${loss}.`,
      },
    ];
  });
}

function harmOf(change: ResourceChange): string | undefined {
  if (change.action === 'Remove') return 'remove';
  if (change.replacement === 'True') return 'replace';
  if (change.replacement === 'Conditional') return 'possibly replace';
  // CloudFormation cannot tell yet ("Dynamic"), or a word that is not known here: not known to be harmless.
  if (!['Add', 'Modify', 'Import'].includes(change.action))
    return `do something unknown (${change.action}) to`;
  return undefined;
}

function reasonOf(change: ResourceChange): string {
  const causes = change.properties
    .filter((property) => property.requiresRecreation !== 'Never')
    .map((property) => property.name);
  if (change.action === 'Remove') {
    return ` because the template no longer has it${change.policyAction === null ? '' : ` (then: ${change.policyAction})`}`;
  }
  return causes.length === 0 ? '' : ` because ${causes.join(', ')} would change`;
}

/** CloudFormation's own guard against the same losses ("Prevent updates to stack resources"). */
export const protectStatefulResources = JSON.stringify({
  Statement: [
    { Effect: 'Allow', Action: 'Update:*', Principal: '*', Resource: '*' },
    {
      Effect: 'Deny',
      Action: ['Update:Replace', 'Update:Delete'],
      Principal: '*',
      Resource: '*',
      Condition: { StringEquals: { ResourceType: Object.keys(statefulTypes) } },
    },
  ],
});
