/**
 * The recorded life cycle of a practice. What the cloud shows (`observed`) and whether the app answers (`health`)
 * are fields of their own: a practice is never one free-text status.
 */
export const practiceStates = [
  'waiting',
  'provisioning',
  'active',
  'provisioning_failed',
  'provisioning_cancelled',
  'suspended',
  'quarantined',
  'offboarding',
  'deprovisioned',
] as const;
export type PracticeState = (typeof practiceStates)[number];

const withoutSilo: readonly PracticeState[] = ['provisioning_cancelled', 'deprovisioned'];

/** Whether nothing of a practice's silo is left but what is kept on purpose. */
export const isSiloGone = (state: PracticeState): boolean => withoutSilo.includes(state);

export const healthStates = ['unknown', 'healthy', 'unhealthy'] as const;
export type HealthState = (typeof healthStates)[number];

export const shapes = ['solo', 'group', 'enterprise'] as const;
export type Shape = (typeof shapes)[number];

/** A practice's id: a slug, unique for ever; it names stacks, host and log groups. */
export const practiceIdPattern = /^[a-z][a-z0-9-]{2,30}$/;

/** Ids that would collide with names of the platform itself. */
const reservedIds = new Set([
  'api',
  'app',
  'www',
  'admin',
  'console',
  'status',
  'docs',
  'mail',
  'lumenality',
  'localhost',
  'sandbox',
]);

/**
 * The id to try for a display name: `candidate` 1 is the plain slug, 2 and up carry a number (`sunrise-aba-2`).
 * Accents fall away, anything else that is no letter or digit becomes one hyphen.
 */
export function practiceIdFor(displayName: string, candidate = 1): string {
  const suffix = candidate === 1 ? '' : `-${candidate}`;
  const words = displayName
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 31 - suffix.length)
    .replace(/-+$/, '');
  const base =
    words.length >= 3 && !reservedIds.has(words)
      ? words
      : `practice-${words || 'x'}`.slice(0, 31 - suffix.length);
  return `${base}${suffix}`;
}
