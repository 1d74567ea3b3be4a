import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsError } from './model.ts';
import { throttlingError } from './throttling.ts';

/** What a fault does to the calls or resources that it hits. */
type FaultEffect =
  | { readonly kind: 'throttle' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status: number }
  /** Resource types only: the resource's creation, update or deletion fails with this reason. */
  | { readonly kind: 'fail'; readonly message: string }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Ends the connection without an answer: `before` the operation is carried out, or `after` it. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' };

/** `work` does what was asked, `rollback` undoes it, `cleanup` deletes what an update or its rollback left over. */
type OperationPhase = 'work' | 'rollback' | 'cleanup';

/** A resource that a stack's operation is about to create, update or delete. */
interface ResourceStep {
  readonly type: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly during: OperationPhase;
  /** What `match` looks into. */
  readonly subject: unknown;
}

interface FaultRule {
  readonly id: string;
  /** Signing name, for example `cloudformation`; with `operation` it says which calls are hit. */
  readonly service?: string;
  /** All of the service's operations unless told. */
  readonly operation?: string;
  /** CloudFormation resource type, instead of a service. */
  readonly resourceType?: string;
  /** Resource types only: the action that is hit, every one unless told. */
  readonly action?: 'create' | 'update' | 'delete';
  /** Resource types only: the part of the stack's operation that is hit, every one unless told. */
  readonly during?: OperationPhase;
  /** Only hits where this text occurs in the input (calls), or in stack name, logical id or properties (resources). */
  readonly match?: string;
  /** How many more times it hits; until removed unless told. */
  readonly times?: number;
  readonly effect: FaultEffect;
}

/** Faults on demand, for tests and drills. They live in memory: a restarted sandbox has none. */
export interface Faults {
  /** @throws AwsError `ValidationError` that says which field of the rule is wrong. */
  add(rule: unknown): FaultRule;
  list(): FaultRule[];
  remove(id: string): boolean;
  clear(): void;
  /** Throws, waits or asks for a cut connection where rules hit this call. */
  onCall(
    service: string,
    operation: string,
    input: () => unknown,
  ): Promise<'cut-before' | 'cut-after' | undefined>;
  /** Throws or waits where rules hit this resource. */
  onResource(step: ResourceStep, signal: AbortSignal): Promise<void>;
}

export function createFaults(): Faults {
  let rules: FaultRule[] = [];

  const hit = (candidates: (rule: FaultRule) => boolean, subject: () => unknown): FaultRule[] => {
    let text: string | undefined;
    const hits = rules.filter((rule) => {
      if (!candidates(rule)) return false;
      text ??= JSON.stringify(subject());
      return rule.match === undefined || text.includes(rule.match);
    });
    const spent = new Map(
      hits.map((rule) => [rule.id, { ...rule, ...(rule.times !== undefined && { times: rule.times - 1 }) }]),
    );
    rules = rules.map((rule) => spent.get(rule.id) ?? rule).filter((rule) => rule.times !== 0);
    return hits;
  };

  return {
    add(rule) {
      const added = { id: randomUUID(), ...checkedRule(rule) };
      rules = [...rules, added];
      return added;
    },
    list: () => rules,
    remove(id) {
      const before = rules.length;
      rules = rules.filter((rule) => rule.id !== id);
      return rules.length < before;
    },
    clear() {
      rules = [];
    },
    async onCall(service, operation, input) {
      const isHit = (rule: FaultRule) =>
        rule.service === service && (rule.operation === undefined || rule.operation === operation);
      let cut: 'cut-before' | 'cut-after' | undefined;
      for (const { effect } of hit(isHit, input)) {
        if (effect.kind === 'cut') cut = effect.when === 'before' ? 'cut-before' : 'cut-after';
        else await apply(effect, service);
      }
      return cut;
    },
    async onResource({ type, action, during, subject }, signal) {
      const isHit = (rule: FaultRule) =>
        rule.resourceType === type &&
        (rule.action === undefined || rule.action === action) &&
        (rule.during === undefined || rule.during === during);
      for (const { effect } of hit(isHit, () => subject)) await apply(effect, type, signal);
    },
  };
}

async function apply(effect: FaultEffect, subject: string, signal?: AbortSignal): Promise<void> {
  switch (effect.kind) {
    case 'throttle':
      throw throttlingError(subject);
    case 'error':
      throw new AwsError(effect.code, effect.message, effect.status);
    case 'fail':
      throw new AwsError('InternalFailure', effect.message, 500);
    case 'delay':
      await sleep(effect.ms, undefined, signal ? { signal } : {});
      return;
    case 'cut':
      return;
  }
}

const refuse = (message: string) => new AwsError('ValidationError', `Fault rule: ${message}`);

function checkedRule(rule: unknown): Omit<FaultRule, 'id'> {
  if (typeof rule !== 'object' || rule === null) throw refuse('must be a JSON object.');
  const { service, operation, resourceType, action, during, match, times, effect, ...others } =
    rule as Record<string, unknown>;
  const stranger = Object.keys(others)[0];
  if (stranger !== undefined) throw refuse(`unknown field "${stranger}".`);
  for (const [name, value] of Object.entries({ service, operation, resourceType, match })) {
    if (value !== undefined && typeof value !== 'string') throw refuse(`"${name}" must be a string.`);
  }
  if ((service === undefined) === (resourceType === undefined)) {
    throw refuse('give either "service" (with "operation") or "resourceType".');
  }
  if (action !== undefined && !['create', 'update', 'delete'].includes(action as string)) {
    throw refuse('"action" must be create, update or delete.');
  }
  if (during !== undefined && !['work', 'rollback', 'cleanup'].includes(during as string)) {
    throw refuse('"during" must be work, rollback or cleanup.');
  }
  if (service !== undefined && (action !== undefined || during !== undefined)) {
    throw refuse('"action" and "during" go with "resourceType" only.');
  }
  if (times !== undefined && !(Number.isInteger(times) && (times as number) > 0)) {
    throw refuse('"times" must be a positive whole number.');
  }
  const checked = checkedEffect(effect);
  if (checked.kind === 'cut' && service === undefined)
    throw refuse('only a call can be cut, not a resource.');
  return {
    ...Object.fromEntries(
      Object.entries({ service, operation, resourceType, action, during, match, times }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
    effect: checked,
  };
}

function checkedEffect(effect: unknown): FaultEffect {
  const { kind, code, message, status, ms, when } = (
    typeof effect === 'object' && effect !== null ? effect : {}
  ) as Record<string, unknown>;
  switch (kind) {
    case 'throttle':
      return { kind };
    case 'error':
      if (typeof code !== 'string') throw refuse('effect "error" needs a "code".');
      return {
        kind,
        code,
        message: typeof message === 'string' ? message : 'Injected by a fault rule of the sandbox.',
        status: typeof status === 'number' ? status : 400,
      };
    case 'fail':
      return {
        kind,
        message: typeof message === 'string' ? message : 'Injected by a fault rule of the sandbox.',
      };
    case 'delay':
      if (typeof ms !== 'number' || !(ms >= 0)) throw refuse('effect "delay" needs "ms", 0 or more.');
      return { kind, ms };
    case 'cut':
      return { kind, when: when === 'after' ? 'after' : 'before' };
    default:
      throw refuse('"effect" must have a "kind": throttle, error, fail, delay or cut.');
  }
}
