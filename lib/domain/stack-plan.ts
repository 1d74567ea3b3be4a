import { DomainError } from './errors.ts';
import { type Component, components, type ReleaseManifest } from './release.ts';

export type Parameters = Readonly<Record<string, string>>;

/** Whether a practice's app can be reached, as the service template's parameter `Access` says it. */
export type Access = 'open' | 'closed';

const accessName = 'Access';

/** What a workflow adds to the chosen parameters of a practice whose access it closes or opens. */
export const accessParameters = (access: Access): Parameters => ({ [accessName]: access });

/** A silo whose parameters say nothing about it is open. */
export const accessIn = (standing: Parameters): Access =>
  standing[accessName] === 'closed' ? 'closed' : 'open';

/** How many tasks a silo is to run, at least and at most: none while it is closed. */
export function taskBounds(standing: Parameters): {
  readonly desiredCount: number;
  readonly maxCount: number;
} {
  if (accessIn(standing) === 'closed') return { desiredCount: 0, maxCount: 0 };
  return { desiredCount: Number(standing['DesiredCount']), maxCount: Number(standing['MaxCount']) };
}

/** What a stack's parameters are filled from, before any stack is there. */
export interface ParameterSources {
  readonly practice: { readonly id: string; readonly hostName: string };
  /** What the practice's plan, settings and record decide: instance class, task size, … */
  readonly chosen: Parameters;
  readonly release: ReleaseManifest;
  readonly cell: {
    readonly hostedZoneId: string;
    readonly imageRegistry: string;
    /** The Region's managed prefix list for S3, where it is not the templates' default. */
    readonly s3PrefixListId?: string | undefined;
    /** Where second copies of backups go, where it is not the templates' default. */
    readonly backupCopyRegion?: string | undefined;
    /** Who is told about alarms; absent: nobody. */
    readonly alarmEmail?: string | undefined;
  };
}

/** CloudFormation's name for the stack of one component of a practice's silo. */
export function stackNameFor(practiceId: string, component: Component): string {
  return `lumenality-${practiceId}-${component}`;
}

/** Tags of a silo's stack; CloudFormation passes them on to every resource that takes tags. */
export function stackTagsFor(practiceId: string, component: Component, releaseId: string): Parameters {
  return {
    'lumenality:practice': practiceId,
    'lumenality:component': component,
    'lumenality:release': releaseId,
  };
}

/** The values that are known before anything is deployed, by parameter name. */
export function standingParameters({ practice, chosen, release, cell }: ParameterSources): Parameters {
  return {
    ...chosen,
    PracticeId: practice.id,
    HostName: practice.hostName,
    HostedZoneId: cell.hostedZoneId,
    ReleaseId: release.id,
    ...(cell.s3PrefixListId === undefined ? {} : { S3PrefixListId: cell.s3PrefixListId }),
    ...(cell.backupCopyRegion === undefined ? {} : { BackupCopyRegion: cell.backupCopyRegion }),
    ...(cell.alarmEmail === undefined ? {} : { AlarmEmail: cell.alarmEmail }),
    ImageUri: `${cell.imageRegistry}/${release.image.repository}@${release.image.digest}`,
  };
}

/**
 * Checks, before anything is deployed, that every parameter of every template can be filled: by a standing value, by
 * an output of an earlier stack, or by the template's own default.
 * @throws DomainError `configuration` that names each parameter nobody fills and each value a template forbids, and refuses to close
 * a practice by a release that cannot.
 */
export function requireFillable(release: ReleaseManifest, standing: Parameters): void {
  const outputs = new Set<string>();
  const complaints: string[] = [];
  for (const component of components) {
    const template = release.templates[component];
    for (const parameter of template.parameters) {
      if (outputs.has(parameter.name)) continue;
      const value = standing[parameter.name];
      if (value === undefined) {
        if (parameter.default === undefined) complaints.push(`${component}.${parameter.name} has no value`);
        continue;
      }
      const { allowedPattern, allowedValues } = parameter;
      // CloudFormation anchors a pattern to the whole value ("Parameters", AllowedPattern).
      const misses = allowedPattern !== undefined && !new RegExp(`^(?:${allowedPattern})$`).test(value);
      if (misses || (allowedValues !== undefined && !allowedValues.includes(value))) {
        complaints.push(`${component}.${parameter.name} does not allow its value`);
      }
    }
    for (const output of template.outputs) outputs.add(output);
  }
  // Without the parameter the stack would stay open, and nobody would be told.
  const knowsAccess = release.templates.service.parameters.some(({ name }) => name === accessName);
  if (accessIn(standing) === 'closed' && !knowsAccess)
    complaints.push(
      `its service template has no parameter ${accessName}, so it cannot close a practice; update the practice to a newer release first`,
    );
  if (complaints.length === 0) return;
  throw new DomainError(
    'configuration',
    `Release ${release.id} cannot be deployed: ${complaints.join('; ')}.`,
    {
      context: {
        releaseId: release.id,
        nextAction:
          'Nothing was deployed. Give the cell or the shape what is missing, or publish a release whose templates ask for what there is; then retry.',
      },
    },
  );
}

/** Whether every parameter of one stack has a value by now; one that a release adds may wait for an output of a stack before it. */
export function isFillable(
  release: ReleaseManifest,
  component: Component,
  standing: Parameters,
  earlierOutputs: Parameters,
): boolean {
  return release.templates[component].parameters.every(
    ({ name, default: standard }) => (earlierOutputs[name] ?? standing[name] ?? standard) !== undefined,
  );
}

/**
 * The parameters of one stack: an output of an earlier stack of the same practice comes before a standing value, and that before the
 * template's default. The default is given too, so that a stack whose value nobody asks for any more (an address for alarms that the
 * cell had) is seen to differ.
 * @throws DomainError `deployment_failed` when an earlier stack did not give out what its template promises.
 */
export function parametersFor(
  release: ReleaseManifest,
  component: Component,
  standing: Parameters,
  earlierOutputs: Parameters,
): Parameters {
  const filled: Record<string, string> = {};
  for (const parameter of release.templates[component].parameters) {
    const value = earlierOutputs[parameter.name] ?? standing[parameter.name] ?? parameter.default;
    if (value === undefined) {
      throw new DomainError(
        'deployment_failed',
        `The ${component} stack needs ${parameter.name}, which no earlier stack has given out.`,
        { context: { component, parameter: parameter.name } },
      );
    }
    filled[parameter.name] = value;
  }
  return filled;
}
