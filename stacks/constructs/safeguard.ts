/**
 * A protection that is on unless somebody wrote down why not. The reason ends up in the release's compliance report,
 * so write it for an auditor.
 */
export type Safeguard = { readonly enabled: true } | { readonly enabled: false; readonly reason: string };

/** @throws Error when a protection is off without a reason that says something. */
export function isEnabled(name: string, safeguard: Safeguard): boolean {
  if (!safeguard.enabled && safeguard.reason.trim().length < 20) {
    throw new Error(
      `${name} is switched off without a reason: write one that an auditor can accept, in stacks/acknowledgements.ts.`,
    );
  }
  return safeguard.enabled;
}
