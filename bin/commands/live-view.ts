import { DefaultRenderer, Listr, ListrDefaultRendererLogLevels, type ListrTask } from 'listr2';
import type { Output } from './output.ts';
import { countsOf, inProgress, type RunProgress, type StepProgress } from './run-progress.ts';
import { clean, duration } from './text.ts';

type LiveTask = ListrTask<unknown, typeof DefaultRenderer>;

export interface LiveView {
  /** The run has ended: its steps take their final marks. */
  ended(progress: RunProgress): void;
  /** Leaves the screen as it stands. */
  close(): Promise<void>;
}

const tickMs = 250;
const shownResources = 6;

/** A list of each run's steps that redraws itself: what CloudFormation works on is under the step that runs. */
export function drawLive(runs: readonly RunProgress[], output: Output): LiveView {
  const [only, ...others] = runs;
  const lives = new Map(runs.map((progress) => [progress, new LiveRun(progress)]));
  const liveOf = (progress: RunProgress) => lives.get(progress) ?? new LiveRun(progress);
  const tasks: LiveTask[] =
    only !== undefined && others.length === 0
      ? liveOf(only).tasks()
      : runs.map((progress) => ({
          title: progress.practiceId,
          task: (_, task) => task.newListr(liveOf(progress).tasks(), { exitOnError: true }),
        }));
  const list = new Listr(tasks, {
    concurrent: others.length > 0,
    exitOnError: others.length === 0,
    // Ctrl-C is the watcher's: it says how to come back.
    registerSignalListeners: false,
    renderer: DefaultRenderer,
    rendererOptions: {
      collapseSubtasks: false,
      suffixSkips: false,
      formatOutput: 'truncate',
      ...(output.colours.isColorSupported ? {} : { color: withoutColours() }),
    },
  });
  // How a run ended is read from the API: a task's failure here only marks the step.
  const drawn = list.run().catch(() => undefined);
  return {
    ended: (progress) => liveOf(progress).end(),
    async close() {
      for (const live of lives.values()) live.leave();
      await drawn;
    },
  };
}

const withoutColours = () =>
  Object.fromEntries(Object.values(ListrDefaultRendererLogLevels).map((level) => [level, String]));

/** The steps of one run as tasks that settle when the steps do. */
class LiveRun {
  readonly #progress: RunProgress;
  readonly #listeners = new Set<() => void>();
  #standing: 'going' | 'ended' | 'left' = 'going';

  constructor(progress: RunProgress) {
    this.#progress = progress;
    progress.onChange(() => this.#changed());
  }

  tasks(): LiveTask[] {
    return this.#progress.steps.map((step) => ({
      title: step.name,
      enabled: () => this.#standing !== 'left',
      task: (_, task) =>
        new Promise<void>((resolve, reject) => {
          const update = () => {
            task.title = this.#title(step);
            task.output = this.#below(step);
            if (!this.#isSettled(step)) return;
            clearInterval(ticking);
            this.#listeners.delete(update);
            if (step.state === 'succeeded') resolve();
            else if (step.state === 'skipped' || this.#standing === 'left') {
              task.skip(this.#title(step));
              resolve();
            } else reject(new Error(this.#title(step)));
          };
          const ticking = setInterval(update, tickMs);
          this.#listeners.add(update);
          update();
        }),
    }));
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

  /** A failed step is settled only with its run: it may be tried again. */
  #isSettled(step: StepProgress): boolean {
    return step.state === 'succeeded' || step.state === 'skipped' || this.#standing !== 'going';
  }

  #title(step: StepProgress): string {
    const { startedAt, finishedAt, state } = step;
    const time = startedAt === undefined ? '' : duration((finishedAt ?? Date.now()) - startedAt);
    const attempt = step.attempt > 1 ? `attempt ${step.attempt}` : '';
    const standing = state === 'failed' ? 'failed' : this.#standing === 'left' ? 'still going' : '';
    const parts = [time, standing, attempt, state === 'pending' ? '' : countsOf(step)].filter(Boolean);
    return [step.name, ...parts].join(' · ');
  }

  #below(step: StepProgress): string {
    const { lost } = this.#progress;
    if (lost !== undefined) return `lost the control plane (${clean(lost)}); trying again`;
    if (this.#progress.state === 'cancelling') return 'cancelling: removing what is safe to remove';
    if (step.state === 'failed') return `${clean(step.message ?? 'failed')}; it may be tried again`;
    const resources = inProgress(step);
    const lines = resources
      .slice(0, shownResources)
      .map(({ logicalId, type, status }) => `${clean(logicalId)} (${clean(type)}) ${clean(status)}`);
    if (resources.length > shownResources) lines.push(`and ${resources.length - shownResources} more`);
    return lines.join('\n');
  }
}
