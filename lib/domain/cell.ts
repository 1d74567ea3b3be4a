import { z } from 'zod';
import { type Amounts, amounts, type Quota, quotas, standardLimits } from './capacity.ts';
import { DomainError } from './errors.ts';

/**
 * `pending → active ⇄ draining`: nothing is placed in a cell that the control plane has not yet been let into, nor in
 * one that is to become empty. Practices that are there already stay in any state.
 */
export const cellStates = ['pending', 'active', 'draining'] as const;
export type CellState = (typeof cellStates)[number];

/** The cell that the control plane's own configuration describes: reached with its own credentials, without a role. */
export const configuredCellId = 'main';

/** One AWS account and Region that holds many silos. */
export interface Cell {
  /** A slug, unique for ever. */
  readonly id: string;
  readonly accountId: string;
  readonly region: string;
  /** The role in that account that the control plane assumes; null for its own credentials. */
  readonly roleArn: string | null;
  /** Sent with each AssumeRole (IAM User Guide, "Access to AWS accounts owned by third parties"); null without a role. */
  readonly externalId: string | null;
  /** Its practices answer at `<id>.<domain>`. */
  readonly domain: string;
  /** The Route 53 zone of `domain`. */
  readonly hostedZoneId: string;
  /** Where `lumenality/practice-app` lies, without the repository's name. */
  readonly imageRegistry: string;
  /** The Region's managed prefix list for S3; null where it is the templates' default. */
  readonly s3PrefixListId: string | null;
  /** Another Region, where the second copy of each backup goes. */
  readonly backupCopyRegion: string;
  /** Who is told about practices' alarms; null: nobody. */
  readonly alarmEmail: string | null;
  /** What silos may use of each quota, in all. */
  readonly limits: Amounts;
  readonly state: CellState;
  /** Grows by one at each change: the ETag. */
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const regionPattern = /^[a-z]{2}(-[a-z]+)+-\d$/;

const limitSchema = z
  .number('must be a whole number')
  .int('must be a whole number')
  .min(0, 'must be at least 0')
  .max(1_000_000, 'must be at most 1000000');

/** Limits of some quotas; what is not named stays as it is, or as AWS has it for a new account. */
export const namedLimitsSchema = z.strictObject(
  Object.fromEntries(quotas.map((quota) => [quota, limitSchema.optional()])) as Record<
    Quota,
    z.ZodOptional<typeof limitSchema>
  >,
  {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? `must be name=number with the names ${quotas.join(', ')}` : undefined,
  },
);
export type NamedLimits = z.infer<typeof namedLimitsSchema>;

/** Limits with some of them changed. */
export function limitsWith(standard: Amounts, named: NamedLimits): Amounts {
  return amounts((quota) => named[quota] ?? standard[quota]);
}

/** The cell `main`, as the environment describes it. */
export interface ConfiguredCell
  extends Pick<Cell, 'region' | 'domain' | 'hostedZoneId' | 'imageRegistry' | 'backupCopyRegion'> {
  /** Undefined where it is the templates' default, that of us-east-1. */
  readonly s3PrefixListId: string | undefined;
  /** Undefined: nobody is told. */
  readonly alarmEmail: string | undefined;
  /** Limits that the environment names: they hold whatever was set by hand. */
  readonly limits: NamedLimits;
  /** What holds for the others until somebody sets them (`cell limits`). */
  readonly standardLimits: Amounts;
}

/** What an administrator tells of a new cell; what is left out is as in the configured cell. */
export const newCellSchema = z.strictObject({
  id: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{1,30}$/,
      'must be 2 to 31 lower-case letters, digits and hyphens, a letter first',
    ),
  accountId: z.string().regex(/^\d{12}$/, 'must be the 12 digits of an AWS account'),
  region: z.string().regex(regionPattern, 'must be a Region such as us-west-2'),
  domain: z
    .string()
    // With a practice's id of 31 characters and a dot it is still a name of 253.
    .max(221, 'must have at most 221 characters')
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a domain name in lower case'),
  hostedZoneId: z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'must be the id of a Route 53 hosted zone, Z…'),
  imageRegistry: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9.:/-]{3,254}$/,
      'must be a registry such as 111122223333.dkr.ecr.us-west-2.amazonaws.com',
    )
    .optional(),
  s3PrefixListId: z
    .string()
    .regex(/^pl-[0-9a-f]{8,17}$/, 'must be the id of a prefix list, pl-…')
    .optional(),
  backupCopyRegion: z.string().regex(regionPattern, 'must be a Region such as us-east-2').optional(),
  alarmEmail: z.email('must be an e-mail address').optional(),
  limits: namedLimitsSchema.default({}),
});
export type NewCell = z.infer<typeof newCellSchema>;

/** The prefix lists `com.amazonaws.<region>.s3` of the Regions in the United States ("AWS-managed prefix lists", Amazon VPC). */
const s3PrefixLists: Readonly<Record<string, string>> = {
  'us-east-1': 'pl-63a5400a',
  'us-east-2': 'pl-7ba54012',
  'us-west-1': 'pl-6ba54002',
  'us-west-2': 'pl-68a54001',
};

type Place = Pick<
  Cell,
  | 'accountId'
  | 'region'
  | 'roleArn'
  | 'domain'
  | 'hostedZoneId'
  | 'imageRegistry'
  | 's3PrefixListId'
  | 'backupCopyRegion'
  | 'alarmEmail'
  | 'limits'
>;

/**
 * A new cell beside the configured one, as far as it is decided by what both have.
 * @throws DomainError `invalid_input` when copies of backups would lie beside the originals, or a Region's prefix list is not known.
 */
export function placeOf(asked: NewCell, configured: Cell): Place {
  const { accountId, region, domain, hostedZoneId } = asked;
  const s3PrefixListId = asked.s3PrefixListId ?? s3PrefixLists[region];
  if (s3PrefixListId === undefined) {
    throw invalid(
      '/s3PrefixListId',
      `must be given for ${region}: see \`aws ec2 describe-managed-prefix-lists --region ${region} --filters Name=prefix-list-name,Values=com.amazonaws.${region}.s3\``,
    );
  }
  if (asked.backupCopyRegion === region) {
    throw invalid(
      '/backupCopyRegion',
      'must be another Region than the cell: a copy beside the original is lost with it',
    );
  }
  const copyRegion = configured.backupCopyRegion === region ? configured.region : configured.backupCopyRegion;
  return {
    accountId,
    region,
    domain,
    hostedZoneId,
    roleArn: `arn:${partitionOf(region)}:iam::${accountId}:role/lumenality-cell/control-plane`,
    imageRegistry: asked.imageRegistry ?? configured.imageRegistry,
    s3PrefixListId,
    backupCopyRegion: asked.backupCopyRegion ?? copyRegion,
    alarmEmail: asked.alarmEmail ?? configured.alarmEmail,
    limits: limitsWith(standardLimits, asked.limits),
  };
}

function invalid(pointer: string, message: string): DomainError {
  return new DomainError('invalid_input', 'The cell cannot be added as it was described.', {
    fields: [{ pointer, message }],
  });
}

/** AWS General Reference, "Amazon Resource Names". */
function partitionOf(region: string): string {
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  return region.startsWith('cn-') ? 'aws-cn' : 'aws';
}

/**
 * What an administrator of the cell's account runs to let the control plane in, as docs/cell.md has it.
 * @param principalArn what the control plane is to AWS
 */
export function setUpCommands(cell: Cell, principalArn: string): string[] {
  const parameters = [
    `HostedZoneId=${cell.hostedZoneId}`,
    `ControlPlanePrincipalArn=${principalArn}`,
    ...(cell.externalId === null ? [] : [`ExternalId=${cell.externalId}`]),
  ];
  return [
    'npm run cell:build -- --out build/cell',
    `aws cloudformation deploy --region ${cell.region} --stack-name lumenality-cell --template-file build/cell/lumenality-cell.template.json ` +
      `--capabilities CAPABILITY_NAMED_IAM --parameter-overrides ${parameters.join(' ')}`,
    `aws cloudformation deploy --region ${cell.backupCopyRegion} --stack-name lumenality-cell-copies --template-file build/cell/lumenality-cell-copies.template.json`,
  ];
}
