import type { CloudPorts } from '../../lib/ports/cloud.ts';

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
  const faults = `${endpoint}/_sandbox/faults`;
  const rule = {
    resourceType,
    match: `lumenality-${practiceId}-`,
    times: 1,
    effect: { kind: 'fail', message: 'Made to fail by the test.' },
  };
  const answer = await fetch(faults, { method: 'POST', body: JSON.stringify(rule) });
  if (!answer.ok) throw new Error(`The sandbox refused the fault: ${await answer.text()}`);
  const { id: fault } = (await answer.json()) as { readonly id: string };
  return async () => {
    await fetch(`${faults}?id=${fault}`, { method: 'DELETE' });
  };
}

/** Whether a call begins an operation on resources. */
export const actsOnResources = (call: string): boolean =>
  call === 'stacks.executeChangeSet' || call === 'stacks.remove';
