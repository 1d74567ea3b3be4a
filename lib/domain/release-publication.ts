import { z } from 'zod';

export const releaseKinds = ['feature', 'fix', 'security'] as const;
export type ReleaseKind = (typeof releaseKinds)[number];

export const severities = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof severities)[number];

/** What stands on record; that a release is superseded follows from a newer one. */
export type RecordedReleaseState = 'published' | 'halted';

/** What is said of a release when it is published, for people and for the planning of rollouts. */
export interface Publication {
  readonly kind: ReleaseKind;
  /** Of a security release, as its deadline; null of any other. */
  readonly severity: Severity | null;
  /** Until then every practice shall have it. */
  readonly deadline: Date | null;
  readonly notes: string;
  readonly changelogUrl: string | null;
}

/** A release that the control plane brought itself, of which nobody said more. */
export const ownPublication: Publication = {
  kind: 'feature',
  severity: null,
  deadline: null,
  notes: '',
  changelogUrl: null,
};

const base64 = z.base64().min(1);

/** A DSSE envelope ("DSSE: Dead Simple Signing Envelope", protocol.md), with its bytes as base64. */
export const dsseEnvelopeSchema = z.strictObject({
  payloadType: z.string().max(200),
  payload: base64,
  signatures: z
    .array(z.strictObject({ keyid: z.string().max(200), sig: base64 }))
    .min(1)
    .max(10),
});
export type DsseEnvelope = z.infer<typeof dsseEnvelopeSchema>;
