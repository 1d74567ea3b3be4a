import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts';

/** RFC 9457. `status` and `instance` are missing when the command itself, not the control plane, found the problem. */
export interface CommandProblem {
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly status?: number | undefined;
  readonly instance?: string | undefined;
  readonly state?: string | undefined;
  readonly errors?: ReadonlyArray<{ readonly pointer: string; readonly message: string }> | undefined;
}

interface ErrorOptions {
  /** What to do next, one line; only people see it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The one way in which a command ends badly: what to say, what to do about it, and the exit code. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly problem: CommandProblem;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, problem: CommandProblem, options: ErrorOptions = {}) {
    super(problem.detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.problem = problem;
    this.hint = options.hint;
  }
}

const kinds = {
  usage: { exitCode: exitCodes.usage, title: 'Wrong usage' },
  not_found: { exitCode: exitCodes.notFound, title: 'Not found' },
  wrong_state: { exitCode: exitCodes.conflict, title: 'Wrong state' },
  unauthenticated: { exitCode: exitCodes.notAllowed, title: 'Not signed in' },
  unreachable: { exitCode: exitCodes.unreachable, title: 'Control plane unreachable' },
  timed_out: { exitCode: exitCodes.timedOut, title: 'Timed out' },
  interrupted: { exitCode: exitCodes.interrupted, title: 'Interrupted' },
  /** An answer that the contract does not know: another version, or something else listens there. */
  unexpected_answer: { exitCode: exitCodes.failed, title: 'Unexpected answer' },
  internal: { exitCode: exitCodes.failed, title: 'Internal error' },
} as const;

/** A problem that the command itself found. */
export function commandError(
  code: keyof typeof kinds,
  detail: string,
  options: ErrorOptions = {},
): CommandError {
  const { exitCode, title } = kinds[code];
  return new CommandError(exitCode, { type: `urn:lumenality:problem:${code}`, title, detail, code }, options);
}

/** A problem that the control plane answered with. */
export function refusedError(problem: CommandProblem & { readonly status: number }): CommandError {
  return new CommandError(exitCodeOf(problem), problem);
}
