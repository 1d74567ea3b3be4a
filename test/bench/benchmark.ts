import type { Outcome } from './figures.ts';
import type { Workspace } from './workspace.ts';

/** What a benchmark works with. */
export interface Bench {
  /** Processes and directories of this benchmark alone; all of them are gone when it has ended. */
  readonly workspace: Workspace;
  /** Small sizes, to see that it runs; the figures mean little. */
  readonly quick: boolean;
  /** The directory of a release of this checkout, built once for all benchmarks. */
  readonly release: () => Promise<string>;
  /** Path of the CDK command line's program. */
  readonly cdk: string;
  /** One line for the person who waits. */
  readonly say: (line: string) => void;
}

export interface Benchmark {
  readonly name: string;
  /** One line that says what is measured against what. */
  readonly title: string;
  /** Throws an Error with a message for people when it cannot run. */
  readonly run: (bench: Bench) => Promise<Outcome>;
}
