import { subscribedPractices } from '../db/plan-report-store.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import { newestRelease, readReleaseTemplates } from '../db/release-store.ts';
import { priceList } from '../domain/cost/prices/index.ts';
import { type SiloCost, siloCost } from '../domain/cost/silo-cost.ts';
import { type SiloUsage, usageOf } from '../domain/cost/usage.ts';
import { DomainError } from '../domain/errors.ts';
import type { SiloCostFinding } from '../domain/plan/margin-report.ts';
import { isSiloGone, type Shape } from '../domain/practice.ts';
import type { Release } from '../domain/release.ts';
import { practiceParameters, siloParameters } from '../workflows/practice-parameters.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { notFound, wrongState } from './refusals.ts';

/** A monthly list price with what it was worked out from. */
export interface QuotedCost extends SiloCost {
  readonly shape: Shape;
  readonly releaseId: string;
  readonly region: string;
  /** The day of the price list (ISO 8601). */
  readonly pricesAsOf: string;
  readonly usage: Pick<SiloUsage, 'clinicians' | 'requests'>;
}

/** Which silo; the stacks' names and hosts do not change what they cost. */
const anyPractice = { PracticeId: 'practice' };

/**
 * What a silo of this shape costs a month in this release, or in the newest one.
 * @throws DomainError `not_found`; `conflict` when no release is published; `configuration` when something in the release has no price.
 */
export async function readShapeCost(
  core: Core,
  request: { readonly shape: Shape; readonly releaseId?: string | undefined },
): Promise<QuotedCost> {
  const releaseId = request.releaseId ?? (await newestReleaseId(core));
  const parameters = core.shapes.parametersForShape(request.shape);
  return quote(core, { shape: request.shape, releaseId, parameters: { ...anyPractice, ...parameters } });
}

/**
 * What a practice's silo costs a month: its shape with its own settings, in the release that it runs; in the newest one while
 * none of its deployments was verified yet.
 * @throws DomainError `not_found`; `wrong_state` when its silo is gone; `conflict`; `configuration`.
 */
export async function readPracticeCost(core: Core, id: string): Promise<QuotedCost> {
  const practice = await readPractice(core, id);
  if (isSiloGone(practice.state))
    throw wrongState(
      practice.state,
      `Practice ${id} is ${practice.state}: it has no silo that could cost anything.`,
    );
  const releaseId = practice.release_id ?? (await newestReleaseId(core));
  const parameters = await practiceParameters(core.db, core.shapes, practice);
  return quote(core, { shape: practice.shape, releaseId, parameters: { ...parameters, PracticeId: id } });
}

/**
 * What the silo of each practice with a subscription costs a month, as `readPracticeCost` says, or why that is not known. Each release
 * is read once, and silos that are alike are worked out once.
 */
export async function findSiloCosts(core: Core): Promise<ReadonlyMap<string, SiloCostFinding>> {
  const newestId = (await newestRelease(core.db))?.id;
  const practices = await subscribedPractices(core.db);
  const releases = new Map<string, Release>();
  for (const id of new Set(practices.map(({ release_id: own }) => own ?? newestId))) {
    if (id !== undefined) releases.set(id, await requireTemplates(core, id));
  }
  const found = new Map<string, SiloCostFinding>();
  const costs = new Map<string, SiloCostFinding>();
  for (const { id, ...practice } of practices) {
    const kind = JSON.stringify(practice);
    const finding =
      found.get(kind) ?? findCost(core, practice, releases.get(practice.release_id ?? newestId ?? ''));
    found.set(kind, finding);
    costs.set(id, finding);
  }
  return costs;
}

/** Something in a release may have no price: that is a finding, not a failure of the report. */
function findCost(
  core: Core,
  practice: Pick<PracticeRow, 'shape' | 'settings' | 'state'>,
  release: Release | undefined,
): SiloCostFinding {
  const { state, shape } = practice;
  if (isSiloGone(state)) return { reason: `The practice is ${state}: it has no silo.` };
  if (release === undefined) return { reason: 'No release is published.' };
  const parameters = { ...siloParameters(core.shapes, practice), ...anyPractice };
  try {
    const usage = usageOf(shape);
    const { templates } = release;
    return { monthlyNanoUsd: siloCost({ templates, parameters, usage, prices: priceList }).monthlyNanoUsd };
  } catch (error) {
    if (error instanceof DomainError && error.code === 'configuration') return { reason: error.message };
    throw error;
  }
}

async function quote(
  core: Core,
  silo: {
    readonly shape: Shape;
    readonly releaseId: string;
    readonly parameters: Readonly<Record<string, string>>;
  },
): Promise<QuotedCost> {
  const release = await requireTemplates(core, silo.releaseId);
  const usage = usageOf(silo.shape);
  const cost = siloCost({
    templates: release.templates,
    parameters: silo.parameters,
    usage,
    prices: priceList,
  });
  return {
    ...cost,
    shape: silo.shape,
    releaseId: silo.releaseId,
    region: priceList.region,
    pricesAsOf: priceList.asOf,
    usage: { clinicians: usage.clinicians, requests: usage.requests },
  };
}

/** @throws DomainError `not_found` */
async function requireTemplates(core: Core, releaseId: string): Promise<Release> {
  const release = await readReleaseTemplates(core.db, releaseId);
  if (release === undefined) throw notFound('release');
  return release;
}

async function newestReleaseId(core: Core): Promise<string> {
  const release = await newestRelease(core.db);
  if (release !== undefined) return release.id;
  throw new DomainError(
    'conflict',
    'No release is published, so there is nothing to price. Publish a release first.',
  );
}
