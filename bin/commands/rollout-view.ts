import type { Rollout } from '../../control-api/contracts/rollouts.ts';
import { type LiveTask, taskList } from './live-view.ts';
import type { Output } from './output.ts';
import { countWords, hasTrouble, sizeOf, waveName } from './rollout-words.ts';
import { clean } from './text.ts';

export interface RolloutView {
  show(rollout: Rollout): void;
  /** The connection broke off, for this reason; undefined when it is back. */
  lost(reason: string | undefined): void;
  /** Leaves the screen as it stands. */
  close(): Promise<void>;
}

const barWidth = 24;

/** A view that redraws itself: a bar for each wave. */
export function drawRollout(first: Rollout, output: Output): RolloutView {
  const waves = first.waves.map((_wave, index) => new LiveWave(first, index));
  const list = taskList(
    waves.map((wave) => wave.task()),
    output,
    { concurrent: true, exitOnError: false },
  );
  // How the rollout ended is read from the API: a task's failure here only marks the wave.
  const drawn = list.run().catch(() => undefined);
  return {
    show: (rollout) => {
      for (const wave of waves) wave.show(rollout);
    },
    lost: (reason) => {
      for (const wave of waves) wave.lost(reason);
    },
    close: async () => {
      for (const wave of waves) wave.leave();
      await drawn;
    },
  };
}

/** One wave as a task that settles when all its practices have come to an end. */
class LiveWave {
  readonly #index: number;
  #rollout: Rollout;
  #lost: string | undefined;
  #standing: 'going' | 'left' = 'going';
  #draw: () => void = () => {};

  constructor(rollout: Rollout, index: number) {
    this.#rollout = rollout;
    this.#index = index;
  }

  task(): LiveTask {
    return {
      title: this.#title(),
      task: (_, task) =>
        new Promise<void>((resolve, reject) => {
          this.#draw = () => {
            task.title = this.#title();
            task.output =
              this.#lost === undefined ? '' : `lost the control plane (${clean(this.#lost)}); trying again`;
            const { done, total } = sizeOf(this.#counts());
            if (done < total && this.#standing === 'going') return;
            // A task that has settled is not to be drawn again.
            this.#draw = () => {};
            if (hasTrouble(this.#counts())) reject(new Error(this.#title()));
            else {
              if (done < total) task.skip(this.#title());
              resolve();
            }
          };
          this.#draw();
        }),
    };
  }

  show(rollout: Rollout): void {
    this.#rollout = rollout;
    this.#draw();
  }

  lost(reason: string | undefined): void {
    this.#lost = reason;
    this.#draw();
  }

  leave(): void {
    this.#standing = 'left';
    this.#draw();
  }

  #counts() {
    return this.#rollout.waves[this.#index]?.practices ?? {};
  }

  #title(): string {
    const { done, total } = sizeOf(this.#counts());
    const filled = total === 0 ? 0 : Math.floor((done / total) * barWidth);
    const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
    return `${bar} ${waveName(this.#rollout, this.#index)} · ${countWords(this.#counts())}`;
  }
}
