import { findPlan, offeredOn, type PlanRow } from '../db/plan-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { Day } from '../domain/plan/day.ts';
import { type Preview, preview } from '../domain/plan/preview.ts';
import type { Quantities } from '../domain/plan/terms.ts';
import type { Core } from './core.ts';

interface PreviewRequest extends Quantities {
  readonly plan: string;
  /** The one that is offered on `startsOn`, unless given. */
  readonly version?: number | undefined;
  readonly startsOn: Day;
  readonly timeZone: string;
  readonly months: number;
}

export interface PreviewedPlan extends Preview {
  readonly plan: string;
  readonly version: number;
}

/**
 * What a practice would be charged, and when, if it started on a day and nothing changed.
 * @throws DomainError `invalid_input` for an unknown plan or version, and for a day on which the plan is not offered
 */
export async function previewPlan(core: Core, request: PreviewRequest): Promise<PreviewedPlan> {
  const { plan: planId, startsOn, timeZone, months, clinicians, locations } = request;
  const plan = await findPlan(core.db, planId);
  if (plan === undefined) throw wrongField('/plan', 'must be the id of a plan; list them to find it');
  const { version, terms } = versionOf(plan, request);
  const quantities = { clinicians, locations };
  const found = preview({ planId, planVersion: version, terms, quantities, startsOn, timeZone, months });
  return { plan: planId, version, ...found };
}

function versionOf({ id, versions }: PlanRow, { version, startsOn }: PreviewRequest) {
  if (version !== undefined) {
    const named = versions.find((each) => each.version === version);
    if (named !== undefined) return named;
    throw wrongField('/version', `must be a version of plan ${id}, which has ${versions.length}`);
  }
  const offered = offeredOn(versions, startsOn);
  if (offered !== undefined) return offered;
  const [first] = versions;
  throw wrongField(
    '/startsOn',
    first === undefined
      ? `cannot be: plan ${id} has no version yet, so publish one first`
      : `must be ${first.effective_from} or later, the day from which plan ${id} is offered`,
  );
}

function wrongField(pointer: string, message: string): DomainError {
  return new DomainError('invalid_input', `There is nothing to preview: ${pointer} ${message}.`, {
    fields: [{ pointer, message }],
  });
}
