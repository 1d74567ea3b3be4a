import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../db/database.ts';
import { hostNameOf, type PracticeRow } from '../db/practice-store.ts';
import { type DriftFindings, joinFindings, noFindings } from '../domain/drift.ts';
import { checkFindings } from '../domain/drift-checks.ts';
import { type ResourceDrift, resourceFindings, type ScalingBounds } from '../domain/drift-resources.ts';
import { type PromisedStack, stackFindings } from '../domain/drift-stacks.ts';
import { DomainError } from '../domain/errors.ts';
import { type Component, components, type Release } from '../domain/release.ts';
import { siloPromise } from '../domain/silo-promise.ts';
import {
  type Parameters,
  parametersFor,
  stackNameFor,
  stackTagsFor,
  taskBounds,
} from '../domain/stack-plan.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import { sha256 } from './deploy-stack.ts';
import { keptReleases } from './kept-releases.ts';
import { type StandingSources, standingOf } from './practice-parameters.ts';
import { passingFailure, readSilo } from './read-silo.ts';
import { recordedOutputs } from './recorded-stacks.ts';
import { inProgress } from './stack-progress.ts';
import { releaseOf } from './steps/prepare.ts';

export interface DriftSources extends Pick<StandingSources, 'cell' | 'shapes'> {
  readonly db: Db;
  readonly cloud: Pick<CloudPorts, 'stacks' | 'drift' | 'silo' | 'probe'>;
  /** Milliseconds until the first look at a detection under way; each later one waits longer. */
  readonly pollIntervalMs: number;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** Looks ten seconds apart at most: a detection takes a minute or two, and AWS allows few reads a second. */
const longestPollMs = 10_000;
const detectWithinMs = 900_000;

/**
 * Holds a practice's silo against its release and plan: each stack as it was deployed, each resource by CloudFormation's drift
 * detection, and the verification's own reads. Changes nothing.
 * @throws DomainError, `retryable`, when this is no time to look: a stack operation or another detection is under way, or AWS
 * has too much to do. What cannot be read for any other reason is a problem in the findings.
 */
export async function readDrift(sources: DriftSources, practice: PracticeRow): Promise<DriftFindings> {
  const { db } = sources;
  if (practice.release_id === null) {
    throw new DomainError(
      'wrong_state',
      `Practice ${practice.id} has no release yet to hold its silo against.`,
    );
  }
  const release = await releaseOf({ db }, practice.release_id);
  const standing = await standingOf(db, sources, practice, release.manifest);
  const outputs = await recordedOutputs(db, practice.id);
  const kept = await keptReleases(db, practice.id);
  const wanted = async (releaseId: string | undefined): Promise<Wanted> => {
    if (releaseId === undefined) return { release, standing };
    const other = await releaseOf({ db }, releaseId);
    return { release: other, standing: await standingOf(db, sources, practice, other.manifest) };
  };
  const [foundation, data] = [await wanted(kept?.foundation), await wanted(kept?.data)];
  const stacks = promisedStacks(practice.id, { foundation, data, service: { release, standing } }, outputs);
  const templates = { ...release.templates, data: data.release.templates.data };
  const bounds = taskBounds(standing);
  const readings = await Promise.allSettled([
    ...stacks.map((stack) => orProblem(sources, () => oneStack(sources, stack, bounds))),
    orProblem(sources, () =>
      checks(sources, practice, { release: { ...release, templates }, standing, outputs }),
    ),
  ]);
  // All have ended before the look is given up: one that went on unheard would be in the way of the next look.
  return joinFindings(
    readings.map((reading) => {
      if (reading.status === 'rejected') throw reading.reason;
      return reading.value;
    }),
  );
}

/** A read that failed for good leaves a problem behind, and the rest of the reading stands. */
async function orProblem(
  { signal }: DriftSources,
  read: () => Promise<DriftFindings>,
): Promise<DriftFindings> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DomainError) || error.retryable) throw error;
    return { ...noFindings, problems: [error.publicMessage] };
  }
}

type OutputsBy = Awaited<ReturnType<typeof recordedOutputs>>;

/** What one stack is held against: its release, and what is known of its parameters. */
interface Wanted {
  readonly release: Release;
  readonly standing: Parameters;
}

/** Each stack by the release that it is to be at: after a roll-back foundation and data are at a newer one than the service. */
function promisedStacks(
  practiceId: string,
  wanted: Readonly<Record<Component, Wanted>>,
  outputs: OutputsBy,
): PromisedStack[] {
  let earlier: Parameters = {};
  return components.map((component) => {
    const { release, standing } = wanted[component];
    const { manifest } = release;
    const promised = {
      component,
      name: stackNameFor(practiceId, component),
      templateSha256: manifest.templates[component].sha256,
      parameters: parametersFor(manifest, component, standing, earlier),
      tags: stackTagsFor(practiceId, component, manifest.id),
    };
    earlier = { ...earlier, ...outputs.get(component) };
    return promised;
  });
}

async function oneStack(
  sources: DriftSources,
  promised: PromisedStack,
  bounds: ScalingBounds,
): Promise<DriftFindings> {
  const { stacks } = sources.cloud;
  const stack = await stacks.describe(promised.name, sources.signal);
  if (stack === undefined || stack.status === 'DELETE_COMPLETE') return stackFindings(promised, undefined);
  if (inProgress(stack.status)) {
    throw new DomainError('cloud_failure', `Stack ${stack.name} is ${stack.status}.`, { retryable: true });
  }
  const templateSha256 = sha256(await stacks.template(stack.stackId, sources.signal));
  return joinFindings([
    stackFindings(promised, { ...stack, templateSha256 }),
    await resources(sources, promised, stack, bounds),
  ]);
}

async function resources(
  sources: DriftSources,
  { component }: PromisedStack,
  stack: StackView,
  bounds: ScalingBounds,
): Promise<DriftFindings> {
  const { drift } = sources.cloud;
  const id = await drift.begin(stack.stackId, sources.signal);
  const failure = await detected(sources, id);
  // A detection that failed for some resources has still compared the others.
  const found: ResourceDrift[] = await drift.resources(stack.stackId, sources.signal);
  const findings = resourceFindings(component, found, bounds);
  if (failure === undefined) return findings;
  const problem = `CloudFormation could not compare all of stack ${stack.name}: ${failure}`;
  return { ...findings, problems: [...findings.problems, problem] };
}

/** Waits for a detection's end; answers why it failed, if it did. */
async function detected(sources: DriftSources, id: string): Promise<string | undefined> {
  const deadline = performance.now() + detectWithinMs;
  for (let wait = sources.pollIntervalMs; ; wait = Math.min(wait * 1.5, longestPollMs)) {
    const { state, reason } = await sources.cloud.drift.outcome(id, sources.signal);
    if (state === 'complete') return undefined;
    if (state === 'failed') return reason ?? 'it gave no reason';
    if (performance.now() > deadline) return `no answer within ${detectWithinMs / 60_000} minutes`;
    await delay(wait, undefined, { signal: sources.signal });
  }
}

async function checks(
  { cloud, db, now, signal }: DriftSources,
  practice: PracticeRow,
  of: { readonly release: Release; readonly standing: Parameters; readonly outputs: OutputsBy },
): Promise<DriftFindings> {
  const { address, expectations } = siloPromise({
    practiceId: practice.id,
    hostName: hostNameOf(practice),
    release: of.release,
    standing: of.standing,
    outputs: Object.assign({}, ...of.outputs.values()) as Parameters,
  });
  const facts = await readSilo({ cloud, db, now, signal }, address);
  // An app that is down may be so for days: its health is watched apart.
  const { version: _version, readiness: _readiness, ...ofAws } = facts;
  const busy = passingFailure(Object.values(ofAws));
  if (busy !== undefined) throw new DomainError('cloud_failure', busy, { retryable: true });
  return checkFindings(facts, expectations);
}
