import pc from 'picocolors';
import type { CommandError } from './command-error.ts';
import { clean } from './text.ts';

/** What the process gives a command; tests and the demo bring their own. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** Version of this command line. */
  readonly version: string;
}

type Screen = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

export type Colours = ReturnType<typeof pc.createColors>;

/** One document for a script or lines for people: never both. */
export interface Output {
  readonly json: boolean;
  /** Whether a person watches: the screen may be redrawn and questions asked. */
  readonly live: boolean;
  readonly colours: Colours;
  /** Columns that a table may take; without end where nobody watches, so that a row stays a line for grep. */
  readonly width: number;
  /** Whether ids and ARNs are shown in full and rows never wrap. */
  readonly wide: boolean;
  /** A line for people on stdout; nothing with --json. */
  line(text?: string): void;
  /** The answer as JSON on stdout with --json; nothing otherwise. */
  document(value: unknown): void;
}

export function createOutput(
  world: World,
  options: { json: boolean; color: boolean; wide: boolean },
): Output {
  const { stdout, env } = world;
  const terminal = stdout.isTTY === true && env['TERM'] !== 'dumb';
  // https://no-color.org: any value but the empty one switches colours off.
  const coloured = options.color && terminal && !env['NO_COLOR'];
  return {
    json: options.json,
    live: terminal && !options.json && !env['CI'],
    colours: pc.createColors(coloured),
    width: options.wide ? Number.POSITIVE_INFINITY : widthOf(world),
    wide: options.wide,
    line(text = '') {
      if (!options.json) stdout.write(`${text}\n`);
    },
    document(value) {
      if (options.json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
  };
}

/** `COLUMNS` where it is set, as with other tools; shells keep it to themselves unless it is exported. */
function widthOf({ stdout, env }: World): number {
  const width = Number(
    env['COLUMNS'] || (stdout.isTTY === true ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY),
  );
  return width > 0 ? Math.max(60, width) : 80;
}

/** Says on stderr why a command ended badly; `flagOf` names the flag that sets a field (RFC 6901 pointer). */
export function reportError(
  error: CommandError,
  world: World,
  options: { json: boolean; color: boolean; flagOf?: (pointer: string) => string | undefined },
): void {
  if (options.json) {
    world.stderr.write(`${JSON.stringify(error.problem, null, 2)}\n`);
    return;
  }
  const colours = pc.createColors(options.color && world.stderr.isTTY === true && !world.env['NO_COLOR']);
  const lines = [`${colours.red('error:')} ${clean(error.problem.detail)}`];
  for (const { pointer, message } of error.problem.errors ?? []) {
    const flag = options.flagOf?.(pointer);
    const field = flag === undefined ? pointer || 'the whole input' : `${flag} (${pointer})`;
    lines.push(`  ${colours.bold(field)}: ${clean(message)}`);
  }
  if (error.hint !== undefined) lines.push(error.hint);
  if (error.problem.instance !== undefined && (error.problem.status ?? 0) >= 500) {
    lines.push(`Request: ${clean(error.problem.instance)}`);
  }
  world.stderr.write(`${lines.join('\n')}\n`);
}
