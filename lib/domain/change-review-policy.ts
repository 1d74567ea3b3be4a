import type { ChangeOverride } from './change-review.ts';
import { statefulTypes } from './change-review-resources.ts';

const everything = { Effect: 'Allow', Action: 'Update:*', Principal: '*', Resource: '*' } as const;

/** CloudFormation's own guard against what the review refuses ("Prevent updates to stack resources"). */
export const protectStatefulResources = JSON.stringify({
  Statement: [
    everything,
    {
      Effect: 'Deny',
      Action: ['Update:Replace', 'Update:Delete'],
      Principal: '*',
      Resource: '*',
      Condition: { StringEquals: { ResourceType: Object.keys(statefulTypes) } },
    },
  ],
});

/**
 * The guard for one execution, relaxed for exactly what overrides allow. A statement cannot say "all but one resource" and a
 * type at once, so the resources that stay protected are named, each with what it stays protected from.
 * @param stateful logical ids of every stateful resource in the stack.
 */
export function relaxedStackPolicy(
  stateful: readonly string[],
  overrides: readonly Pick<ChangeOverride, 'logicalId' | 'effect'>[],
): string {
  const denied = (action: 'Update:Replace' | 'Update:Delete', effect: ChangeOverride['effect']) => {
    const allowed = new Set(overrides.filter((it) => it.effect === effect).map(({ logicalId }) => logicalId));
    const resources = stateful.filter((logicalId) => !allowed.has(logicalId));
    return resources.map((logicalId) => ({ action, resource: `LogicalResourceId/${logicalId}` }));
  };
  const statements = [
    ...byAction(denied('Update:Replace', 'replace')),
    ...byAction(denied('Update:Delete', 'remove')),
  ];
  return JSON.stringify({ Statement: [everything, ...statements] });
}

function byAction(denials: readonly { readonly action: string; readonly resource: string }[]) {
  const [first] = denials;
  if (first === undefined) return [];
  const Resource = denials.map(({ resource }) => resource);
  return [{ Effect: 'Deny', Action: first.action, Principal: '*', Resource }];
}
