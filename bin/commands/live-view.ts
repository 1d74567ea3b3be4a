import { DefaultRenderer, Listr, ListrDefaultRendererLogLevels, type ListrTask } from 'listr2';
import type { Output } from './output.ts';
import { countsOf, inProgress, type RunProgress, type StepProgress } from './run-progress.ts';
import { clean, duration } from './text.ts';

export type LiveTask = ListrTask<unknown, typeof DefaultRenderer>;

type TaskWrapper = Parameters<LiveTask['task']>[1];
type TaskState = 'going' | 'succeeded' | 'failed' | 'skipped';

interface Shown {
  readonly title: () => string;
  readonly below: () => string;
  readonly state: () => TaskState;
}

export interface LiveView {
  /** The run has ended: its steps take their final marks. */
  ended(progress: RunProgress): void;
  /** Leaves the screen as it stands. */
  close(): Promise<void>;
}

const tickMs = 250;
const shownResources = { alone: 6, among: 2 };

/**
 * A view that redraws itself: of one run each step with what CloudFormation works on under the one that runs; of
 * several runs one line each, so that they fit on a screen.
 */
export function drawLive(runs: readonly RunProgress[], output: Output): LiveView {
  const isAlone = runs.length === 1;
  const lives = runs.map((progress) => new LiveRun(progress));
  const list = taskList(
    lives.flatMap((live) => (isAlone ? live.stepTasks() : [live.runTask()])),
    output,
    { concurrent: !isAlone, exitOnError: isAlone },
  );
  // How a run ended is read from the API: a task's failure here only marks the step.
  const drawn = list.run().catch(() => undefined);
  return {
    ended: (progress) => lives[runs.indexOf(progress)]?.end(),
    async close() {
      for (const live of lives) live.leave();
      await drawn;
    },
  };
}

/** Tasks on a screen that is drawn anew at each change, without colours where there are to be none. */
export function taskList(
  tasks: LiveTask[],
  output: Output,
  how: { readonly concurrent: boolean; readonly exitOnError: boolean },
): { run(): Promise<unknown> } {
  return new Listr(tasks, {
    ...how,
    // Ctrl-C is the watcher's: it says how to come back.
    registerSignalListeners: false,
    renderer: DefaultRenderer,
    rendererOptions: {
      suffixSkips: false,
      formatOutput: 'truncate',
      ...(output.colours.isColorSupported ? {} : { color: withoutColours() }),
    },
  });
}

const withoutColours = () =>
  Object.fromEntries(Object.values(ListrDefaultRendererLogLevels).map((level) => [level, String]));

/** One run as tasks that settle when its steps, or it as a whole, do. */
class LiveRun {
  readonly #progress: RunProgress;
  readonly #listeners = new Set<() => void>();
  #standing: 'going' | 'ended' | 'left' = 'going';

  constructor(progress: RunProgress) {
    this.#progress = progress;
    progress.onChange(() => this.#changed());
  }

  /** A task for each step. */
  stepTasks(): LiveTask[] {
    return this.#progress.steps.map((step) => ({
      title: step.name,
      enabled: () => this.#standing !== 'left',
      task: (_, task) =>
        this.#follow(task, {
          title: () => this.#titleOf(step),
          below: () => this.#below(step, shownResources.alone),
          state: () => this.#stateOf(step),
        }),
    }));
  }

  /** One task for the whole run, which tells of the step at hand. */
  runTask(): LiveTask {
    const { practiceId, steps } = this.#progress;
    const current = () => steps.findLast(({ state }) => state !== 'pending') ?? steps[0];
    return {
      title: practiceId,
      task: (_, task) =>
        this.#follow(task, {
          title: () => {
            const step = current();
            if (step === undefined) return practiceId;
            if (this.#runState() === 'succeeded') return `${practiceId} · succeeded${this.#took()}`;
            return `${practiceId} · ${steps.indexOf(step) + 1} of ${steps.length}: ${this.#titleOf(step)}`;
          },
          below: () => {
            const step = current();
            return step === undefined ? '' : this.#below(step, shownResources.among);
          },
          state: () => this.#runState(),
        }),
    };
  }

  end(): void {
    this.#standing = 'ended';
    this.#changed();
  }

  leave(): void {
    if (this.#standing === 'going') this.#standing = 'left';
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Keeps a task's lines up to date until what it shows is settled. */
  #follow(task: TaskWrapper, shown: Shown): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const update = () => {
        task.title = shown.title();
        task.output = shown.below();
        const state = shown.state();
        if (state === 'going') return;
        clearInterval(ticking);
        this.#listeners.delete(update);
        if (state === 'failed') reject(new Error(shown.title()));
        else {
          if (state === 'skipped') task.skip(shown.title());
          resolve();
        }
      };
      const ticking = setInterval(update, tickMs);
      this.#listeners.add(update);
      update();
    });
  }

  /** A failed step is settled only with its run: it may be tried again. */
  #stateOf(step: StepProgress): TaskState {
    if (step.state === 'succeeded' || step.state === 'skipped') return step.state;
    return this.#unsettled();
  }

  #runState(): TaskState {
    return this.#standing === 'ended' && this.#progress.state === 'succeeded'
      ? 'succeeded'
      : this.#unsettled();
  }

  #took(): string {
    const { steps } = this.#progress;
    const [from, to] = [steps[0]?.startedAt, steps.at(-1)?.finishedAt];
    return from === undefined || to === undefined ? '' : ` · ${duration(to - from)}`;
  }

  #unsettled(): TaskState {
    if (this.#standing === 'going') return 'going';
    return this.#standing === 'left' ? 'skipped' : 'failed';
  }

  #titleOf(step: StepProgress): string {
    const { startedAt, finishedAt, state } = step;
    const time = startedAt === undefined ? '' : duration((finishedAt ?? Date.now()) - startedAt);
    const standing = state === 'failed' ? 'failed' : this.#standing === 'left' ? 'still going' : '';
    const attempt = step.attempt > 1 ? `attempt ${step.attempt}` : '';
    const parts = [time, standing, attempt, state === 'pending' ? '' : countsOf(step)].filter(Boolean);
    return [step.name, ...parts].join(' · ');
  }

  #below(step: StepProgress, most: number): string {
    const { lost, waitingFor } = this.#progress;
    if (lost !== undefined) return `lost the control plane (${clean(lost)}); trying again`;
    if (waitingFor !== undefined) return `waiting: ${clean(waitingFor)}`;
    if (this.#progress.state === 'cancelling') return 'cancelling: removing what is safe to remove';
    if (step.state === 'failed') return `${clean(step.message ?? 'failed')}; it may be tried again`;
    const resources = inProgress(step);
    const lines = resources
      .slice(0, most)
      .map(({ logicalId, type, status }) => `${clean(logicalId)} (${clean(type)}) ${clean(status)}`);
    if (resources.length > most) lines.push(`and ${resources.length - most} more`);
    return lines.join('\n');
  }
}
