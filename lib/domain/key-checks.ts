import { notDenied } from './iam-policy.ts';
import { type Check, check, listed, safeguards } from './silo-check.ts';

/** Roles of the cell (docs/silo.md), which reach every silo of it. */
const cellRoles = ['role/lumenality-cell/control-plane', 'role/lumenality-cell/deploy'];
/** Every way to what a key has encrypted, or to letting somebody else there. */
const useOfKey = [
  'kms:Decrypt',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
  'kms:CreateGrant',
];

/** A role in the key's own account. */
function roleArnBeside(keyArn: string, role: string): string {
  const [, partition, , , account] = keyArn.split(':');
  return `arn:${partition}:iam::${account}:${role}`;
}

/** KMS takes a year as the standard period; a safeguard may be stricter, not weaker. */
const longestRotationDays = 365;

export const keyChecks: readonly Check[] = [
  check({
    id: 'key-enabled',
    title: 'The key can be used',
    safeguards: safeguards.keys,
    source: 'kms:DescribeKey',
    fact: 'key',
    expected: () => 'Enabled',
    observed: (key) => key.state,
  }),
  check({
    id: 'key-customer-managed',
    title: 'The key is managed by the customer, not by AWS',
    safeguards: safeguards.keys,
    source: 'kms:DescribeKey',
    fact: 'key',
    expected: () => 'CUSTOMER',
    observed: (key) => key.manager,
  }),
  check({
    id: 'key-rotation-enabled',
    title: 'The key is rotated at least once a year',
    safeguards: safeguards.keys,
    source: 'kms:GetKeyRotationStatus',
    fact: 'key',
    expected: () => `every ${longestRotationDays} days or sooner`,
    observed: (key) => (key.rotating ? `every ${key.rotationPeriodDays ?? 'unknown'} days` : 'not rotated'),
    passes: (key) => key.rotating && (key.rotationPeriodDays ?? Infinity) <= longestRotationDays,
  }),
  check({
    id: 'key-belongs-to-practice',
    title: 'The key is tagged for this practice',
    safeguards: safeguards.keys,
    source: 'kms:ListResourceTags',
    fact: 'key',
    expected: ({ practiceId }) => practiceId,
    observed: (key) => key.tags['lumenality:practice'] ?? 'no practice tag',
  }),
  check({
    id: 'key-denied-to-control-plane',
    title: 'The key refuses itself to the control plane and to the role that deploys',
    safeguards: [...safeguards.keys, ...safeguards.isolation],
    source: 'kms:GetKeyPolicy',
    fact: 'key',
    expected: () => `use denied to ${listed(cellRoles)}`,
    observed: ({ policy }, { keyArn }) => {
      const open = cellRoles.flatMap((role) => {
        const actions = notDenied(policy, roleArnBeside(keyArn, role), useOfKey);
        return actions.length === 0 ? [] : [`${role}: ${actions.join(' ')}`];
      });
      return open.length === 0 ? `use denied to ${listed(cellRoles)}` : `not denied to ${listed(open)}`;
    },
  }),
  check({
    id: 'key-not-shared',
    title: 'No other practice uses the key',
    safeguards: [...safeguards.keys, ...safeguards.isolation],
    source: 'control plane: stacks of all practices',
    fact: 'keySharedWith',
    expected: () => 'no other practice',
    observed: (others) => (others.length === 0 ? 'no other practice' : listed(others)),
  }),
];
