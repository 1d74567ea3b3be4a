import type { RunEvent } from '../../control-api/contracts/runs.ts';
import type { Colours } from './output.ts';
import { changeWords } from './run-changes.ts';
import { countsOf, inProgress, type RunProgress } from './run-progress.ts';
import { clean, duration } from './text.ts';

/** Between two counts of a step under way, by the events' own times. */
const countEveryMs = 5_000;

/** A run's events as lines for a log: its steps, what failed, and now and then how far a step is. Time is UTC. */
export class PlainLines {
  readonly #progress: RunProgress;
  readonly #colours: Colours;
  readonly #verbose: boolean;
  /** When something was last said of the step at hand, milliseconds since the epoch. */
  #said = 0;

  /** @param verbose a line for every resource and every check too */
  constructor(progress: RunProgress, colours: Colours, verbose: boolean) {
    this.#progress = progress;
    this.#colours = colours;
    this.#verbose = verbose;
  }

  /** `undefined` for what would only be noise. The event must have been applied to the progress already. */
  lineOf(event: RunEvent): string | undefined {
    const words = this.#wordsOf(event);
    if (words === undefined) return undefined;
    this.#said = Date.parse(event.at);
    return `${this.#colours.dim(`${event.at.slice(11, 19)}Z`)} ${this.#progress.practiceId}  ${words}`;
  }

  #wordsOf(event: RunEvent): string | undefined {
    switch (event.kind) {
      case 'run':
        return `run ${event.state}${event.message === undefined ? '' : `: ${clean(event.message)}`}`;
      case 'step':
        return this.#stepWords(event);
      case 'resource':
        return this.#resourceWords(event);
      case 'change':
        return this.#changeWords(event);
      case 'check':
        if (event.passed) return this.#verbose ? `ok    ${clean(event.title)}` : undefined;
        return this.#colours.red(
          `fail  ${clean(event.title)}: expected ${clean(event.expected)}, observed ${clean(event.observed)}`,
        );
    }
  }

  /** What is safe is for those who want every line; what interrupts, replaces, removes or was refused is for everybody. */
  #changeWords(event: Extract<RunEvent, { kind: 'change' }>): string | undefined {
    if (event.effect === 'safe' && !this.#verbose) return undefined;
    const words = `${event.step}: ${changeWords(event)}`;
    return event.verdict === 'refused' ? this.#colours.red(words) : words;
  }

  #resourceWords(event: Extract<RunEvent, { kind: 'resource' }>): string | undefined {
    const { step, status, resourceType } = event;
    if (status.endsWith('_IN_PROGRESS') || resourceType === 'AWS::CloudFormation::Stack') return undefined;
    const what = `${clean(event.logicalId)} (${clean(resourceType)}) ${clean(status)}`;
    if (status.endsWith('_FAILED')) {
      return this.#colours.red(`${step}: ${what}: ${clean(event.reason ?? 'without a reason')}`);
    }
    const known = this.#progress.step(step);
    if (this.#verbose) return `${step}: ${what}, ${countsOf(known)}`;
    // The last count comes with the end of the step.
    const isNews = Date.parse(event.at) - this.#said >= countEveryMs && inProgress(known).length > 0;
    return isNews ? `${step}: ${countsOf(known)}` : undefined;
  }

  #stepWords(event: Extract<RunEvent, { kind: 'step' }>): string {
    const step = this.#progress.step(event.step);
    const took =
      step.startedAt === undefined || step.finishedAt === undefined
        ? ''
        : ` after ${duration(step.finishedAt - step.startedAt)}`;
    const attempt = event.attempt > 1 ? ` (attempt ${event.attempt})` : '';
    const counts = event.state === 'succeeded' ? countsOf(step) : '';
    const message = event.message === undefined ? '' : `: ${clean(event.message)}`;
    const words = `${event.step} ${event.state}${attempt}${took}${counts && `, ${counts}`}${message}`;
    return event.state === 'failed' ? this.#colours.red(words) : words;
  }
}
