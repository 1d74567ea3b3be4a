import { cloudFailure } from '../../lib/aws/errors.ts';
import type { Workflow } from '../../lib/domain/run.ts';

/** What AWS, the network or the database does to a step at one of its calls. */
export const faultKinds = [
  'throttle',
  'server-error',
  'cut-before',
  'cut-after',
  'access-denied',
  'failed-resource',
  'database-gone',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One step of one workflow. */
export interface StepAddress {
  readonly workflow: Workflow;
  readonly step: string;
}

/**
 * Where in a step: `before` it did anything; `after` it did everything, in the transaction that would record it; or as soon as a
 * call of this name has been answered, before anybody learned so.
 */
export type Place = 'before' | 'after' | { readonly call: string };

/** `kill`: the process dies there. `replay`: what the step did is forgotten there, and it runs again. */
export interface Interruption extends StepAddress {
  readonly kind: 'kill' | 'replay' | FaultKind;
  readonly place: Place;
}

export function tellInterruption({ workflow, step, kind, place }: Interruption): string {
  return `${workflow} / ${step}: ${kind} ${typeof place === 'string' ? place : `at ${place.call}`}`;
}

export const sameInterruption = (a: Interruption, b: Interruption): boolean =>
  tellInterruption(a) === tellInterruption(b);

/** What the harness tells a worker process when it starts: for each practice, what is to happen to it, in this order. */
export interface Orders {
  readonly [practiceId: string]: readonly Interruption[];
}

/** What a worker process tells the harness. */
export type Report =
  | { readonly kind: 'ready' }
  /** A call that a step made, in order: a reference run shows what there is to interrupt. */
  | ({ readonly kind: 'call'; readonly practiceId: string; readonly call: string } & StepAddress)
  /** It is there; a `kill` waits for its end from now on. */
  | { readonly kind: 'reached'; readonly practiceId: string; readonly interruption: Interruption }
  /** The step came to its end and never was at that place. */
  | { readonly kind: 'missed'; readonly practiceId: string; readonly interruption: Interruption };

/** What the SDK would throw; whatever speaks for an app has no AWS errors, only a connection that breaks. */
export function thrownBy(kind: FaultKind, call: string): Error {
  const [port = '', operation = ''] = call.split('.');
  const sdk = (name: string, more: object): Error =>
    cloudFailure(Object.assign(new Error('made by the test'), { name, ...more }), port, operation);
  if (port === 'probe') return sdk('Error', { code: 'ECONNRESET' });
  switch (kind) {
    case 'throttle':
      return sdk('Throttling', { $fault: 'client', $metadata: { httpStatusCode: 400 } });
    case 'server-error':
      return sdk('InternalFailure', { $fault: 'server', $metadata: { httpStatusCode: 500 } });
    case 'access-denied':
      return sdk('AccessDenied', { $fault: 'client', $metadata: { httpStatusCode: 403 } });
    case 'cut-before':
    case 'cut-after':
    case 'failed-resource':
    case 'database-gone':
      return sdk('Error', { code: 'ECONNRESET' });
  }
}

/** Methods of the ports that change something on AWS; the others only look. */
export function isChange(call: string): boolean {
  return /\.(create|execute|delete|remove|set|schedule|cancel|revoke|allow|begin|release|continue|put|modify|let|start|stop|enable|disable)[A-Z]?/.test(
    call,
  );
}
