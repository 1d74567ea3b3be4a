import type { CloudPorts } from '../../lib/ports/cloud.ts';
import { control } from '../builders/sandbox-controls.ts';

/**
 * Lets one resource of the operation that this call is about to begin fail, once (docs/sandbox.md, "Faults"). Answers what takes
 * that back where the operation never came to the resource.
 */
export async function failResource(
  endpoint: string,
  practiceId: string,
  call: string,
  given: readonly unknown[],
  { stacks }: Pick<CloudPorts, 'stacks'>,
): Promise<() => Promise<void>> {
  const id = String(given[0]);
  const types =
    call === 'stacks.executeChangeSet'
      ? (await stacks.describeChangeSet(id)).changes.map(({ type }) => type)
      : (await stacks.resources(id)).map(({ type }) => type);
  // Not the first: some resources are there by then and have to be rolled back.
  const resourceType = types[Math.floor(types.length / 2)];
  const rule = {
    resourceType,
    match: `lumenality-${practiceId}-`,
    times: 1,
    effect: { kind: 'fail', message: 'Made to fail by the test.' },
  };
  const answer = await control(endpoint, 'POST', 'faults', rule);
  const { id: fault } = (await answer.json()) as { readonly id: string };
  return async () => {
    // One that has hit is gone already, and its control says so.
    await fetch(`${endpoint}/_sandbox/faults?id=${fault}`, { method: 'DELETE' });
  };
}

/** Whether a call begins an operation on resources. */
export const actsOnResources = (call: string): boolean =>
  call === 'stacks.executeChangeSet' || call === 'stacks.remove';
