import { AsyncLocalStorage } from 'node:async_hooks';
import { DomainError } from '../../lib/domain/errors.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import type { StepContext, StepDefinition, WorkflowDefinition } from '../../lib/runs/workflow.ts';
import {
  type Interruption,
  isChange,
  type Orders,
  type Place,
  type Report,
  type StepAddress,
  thrownBy,
} from './interruption.ts';

/** Interrupts steps where it was told to. It stands around definitions and ports: the code between them is the product's own. */
export interface Interrupter {
  workflow(definition: WorkflowDefinition): WorkflowDefinition;
  cloud(ports: CloudPorts): CloudPorts;
}

export interface Means {
  readonly orders: Orders;
  tell(report: Report): void;
  /** Cuts every connection of this process to the database. */
  cutDatabase(): Promise<void>;
  /** Lets the next action on a resource of this stack or change set fail; answers what takes that back. */
  failResource(
    practiceId: string,
    call: string,
    given: readonly unknown[],
    ports: CloudPorts,
  ): Promise<() => Promise<void>>;
}

/** One attempt of one step. */
interface Attempt extends StepAddress {
  readonly practiceId: string;
  /** Ends what a fault left behind. */
  readonly afterwards: (() => Promise<void>)[];
}

export function createInterrupter(means: Means): Interrupter {
  const attempts = new AsyncLocalStorage<Attempt>();
  const left = new Map(Object.entries(means.orders).map(([practiceId, orders]) => [practiceId, [...orders]]));

  const next = (attempt: Attempt): Interruption | undefined => {
    const [first] = left.get(attempt.practiceId) ?? [];
    return first?.workflow === attempt.workflow && first.step === attempt.step ? first : undefined;
  };
  /** The interruption that is due here; it will not be due again. */
  const due = (attempt: Attempt, isHere: (place: Place) => boolean): Interruption | undefined => {
    const interruption = next(attempt);
    if (interruption === undefined || !isHere(interruption.place)) return undefined;
    left.get(attempt.practiceId)?.shift();
    means.tell({ kind: 'reached', practiceId: attempt.practiceId, interruption });
    return interruption;
  };
  const strike = async ({ kind }: Interruption, call: string): Promise<void> => {
    // Whoever waits here dies here.
    if (kind === 'kill') return new Promise(() => undefined);
    if (kind === 'replay')
      throw new DomainError('cloud_failure', 'Forgotten by the test.', { retryable: true });
    if (kind === 'database-gone') return means.cutDatabase();
    throw thrownBy(kind, call);
  };

  const step = (definition: WorkflowDefinition, inner: StepDefinition): StepDefinition => {
    const attemptOf = ({ run }: StepContext): Attempt => ({
      practiceId: run.practiceId,
      workflow: definition.name,
      step: inner.name,
      afterwards: [],
    });
    return {
      ...inner,
      run: (context) => {
        const attempt = attemptOf(context);
        return attempts.run(attempt, async () => {
          const before = due(attempt, (place) => place === 'before');
          if (before !== undefined) await strike(before, '');
          try {
            return await inner.run(context);
          } finally {
            for (const undo of attempt.afterwards) await undo();
          }
        });
      },
      commit: async (trx, output, context) => {
        await inner.commit?.(trx, output, context);
        const attempt = attemptOf(context);
        const after = due(attempt, (place) => place === 'after');
        if (after !== undefined) await strike(after, '');
        for (let missed = next(attempt); missed !== undefined; missed = next(attempt)) {
          left.get(attempt.practiceId)?.shift();
          means.tell({ kind: 'missed', practiceId: attempt.practiceId, interruption: missed });
        }
      },
    };
  };

  const call = async (
    ports: CloudPorts,
    name: string,
    given: readonly unknown[],
    send: () => Promise<unknown>,
  ): Promise<unknown> => {
    const attempt = attempts.getStore();
    if (attempt === undefined) return send();
    const { practiceId, workflow, step } = attempt;
    means.tell({ kind: 'call', practiceId, workflow, step, call: name });
    const found = due(attempt, (place) => typeof place === 'object' && place.call === name);
    if (found === undefined) return send();
    if (found.kind === 'failed-resource') {
      attempt.afterwards.push(await means.failResource(practiceId, name, given, ports));
      return send();
    }
    // What a fault refuses does not happen; a lost answer, a dead process and a lost database come after the fact.
    if (['kill', 'replay', 'cut-after', 'database-gone'].includes(found.kind)) {
      const answer = await send();
      await strike(found, name);
      return answer;
    }
    return strike(found, name);
  };

  return {
    workflow: (definition) => ({
      ...definition,
      steps: definition.steps.map((inner) => step(definition, inner)),
    }),
    cloud: (ports) => watched(ports, '', (name, given, send) => call(ports, name, given, send)),
  };
}

type Around = (name: string, given: readonly unknown[], send: () => Promise<unknown>) => Promise<unknown>;

/** Every method of every port goes through `around`, and so do those of what a port makes for one practice. */
function watched<T extends object>(target: T, path: string, around: Around): T {
  return new Proxy(target, {
    get: (inner, name) => {
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof name !== 'string') return value;
      if (typeof value === 'object' && value !== null) return watched(value, `${path}${name}.`, around);
      if (typeof value !== 'function') return value;
      if (path !== '') {
        return (...given: unknown[]) =>
          around(`${path}${name}`, given, async () => value.apply(inner, given));
      }
      return (...given: unknown[]) => {
        const made: unknown = value.apply(inner, given);
        const isPort = typeof made === 'object' && made !== null && !(made instanceof Promise);
        return isPort ? watched(made, `${name}.`, around) : made;
      };
    },
  });
}

/** The calls to interrupt of those that a step makes: its changes, else the first of its looks. Each name once. */
export function callsToInterrupt(calls: readonly string[]): readonly string[] {
  const changes = [...new Set(calls.filter(isChange))];
  return changes.length > 0 ? changes : calls.slice(0, 1);
}
