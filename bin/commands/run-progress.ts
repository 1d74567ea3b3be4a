import type { Run, RunEvent } from '../../control-api/contracts/runs.ts';

type StepState = Run['steps'][number]['state'];

export interface ResourceProgress {
  readonly logicalId: string;
  readonly type: string;
  readonly status: string;
}

export interface StepProgress {
  readonly name: string;
  state: StepState;
  attempt: number;
  /** Milliseconds since the epoch. */
  startedAt: number | undefined;
  finishedAt: number | undefined;
  message: string | undefined;
  /** Of the attempt at hand, by stack and logical id. */
  readonly resources: Map<string, ResourceProgress>;
  readonly checks: Map<string, boolean>;
}

/** What is known of a run: what the API said at first, and each event since. */
export class RunProgress {
  readonly id: string;
  readonly practiceId: string;
  readonly workflow: string;
  state: Run['state'];
  readonly steps: StepProgress[];
  /** What the run waits for, while it does. */
  waitingFor: string | undefined;
  /** Whether the connection is lost at the moment, and why. */
  lost: string | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(run: Run) {
    this.id = run.id;
    this.practiceId = run.practiceId;
    this.workflow = run.workflow;
    this.state = run.state;
    this.waitingFor = run.waitingFor ?? undefined;
    this.steps = run.steps.map((step) => ({
      ...newStep(step.name),
      state: step.state,
      attempt: step.attempt,
      startedAt: epoch(step.startedAt),
      finishedAt: epoch(step.finishedAt),
    }));
  }

  /** Calls back after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  setLost(reason: string | undefined): void {
    this.lost = reason;
    this.#changed();
  }

  /** Brings the states in line with the run as the API tells it in the end. */
  settle(run: Run): void {
    this.state = run.state;
    this.waitingFor = run.waitingFor ?? undefined;
    for (const { name, state, attempt, finishedAt } of run.steps) {
      Object.assign(this.step(name), { state, attempt, finishedAt: epoch(finishedAt) });
    }
    this.#changed();
  }

  apply(event: RunEvent): void {
    switch (event.kind) {
      case 'run':
        this.state = event.state;
        this.waitingFor = event.state === 'waiting' ? event.message : undefined;
        break;
      case 'step':
        this.#applyStep(event);
        break;
      case 'resource':
        // The stack itself is among its events; it is no resource of its own.
        if (event.resourceType !== 'AWS::CloudFormation::Stack') {
          this.step(event.step).resources.set(`${event.stackName}/${event.logicalId}`, {
            logicalId: event.logicalId,
            type: event.resourceType,
            status: event.status,
          });
        }
        break;
      case 'change':
        break;
      case 'check':
        this.#running()?.checks.set(event.check, event.passed);
        break;
    }
    this.#changed();
  }

  /** The step of this name; one that was not announced is added at the end. */
  step(name: string): StepProgress {
    const known = this.steps.find((step) => step.name === name);
    if (known !== undefined) return known;
    const added = newStep(name);
    this.steps.push(added);
    return added;
  }

  #applyStep(event: Extract<RunEvent, { kind: 'step' }>): void {
    const step = this.step(event.step);
    if (event.state === 'running') {
      step.resources.clear();
      step.checks.clear();
      step.startedAt = Date.parse(event.at);
    }
    step.finishedAt = event.state === 'running' ? undefined : Date.parse(event.at);
    step.state = event.state;
    step.attempt = event.attempt;
    step.message = event.message;
  }

  #running(): StepProgress | undefined {
    return this.steps.find((step) => step.state === 'running');
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

const newStep = (name: string): StepProgress => ({
  name,
  state: 'pending',
  attempt: 0,
  startedAt: undefined,
  finishedAt: undefined,
  message: undefined,
  resources: new Map(),
  checks: new Map(),
});

const epoch = (time: string | null) => (time === null ? undefined : Date.parse(time));
const isDone = ({ status }: ResourceProgress) => status.endsWith('_COMPLETE');
const isGoing = ({ status }: ResourceProgress) => status.endsWith('_IN_PROGRESS');

/** How far a step is, in words: `12 of 17 resources`, `9 of 10 checks passed`; empty when it says nothing. */
export function countsOf(step: StepProgress): string {
  const resources = [...step.resources.values()];
  const checks = [...step.checks.values()];
  const parts = [];
  if (resources.length > 0) {
    parts.push(`${resources.filter(isDone).length} of ${resources.length} resources`);
  }
  if (checks.length > 0) parts.push(`${checks.filter(Boolean).length} of ${checks.length} checks passed`);
  return parts.join(', ');
}

/** What CloudFormation is working on. */
export const inProgress = (step: StepProgress): ResourceProgress[] =>
  [...step.resources.values()].filter(isGoing);
