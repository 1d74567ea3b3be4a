/** What a script learns from the command's exit status. docs/cli.md lists them for people. */
export const exitCodes = {
  done: 0,
  /** The work itself failed: a run ended badly, a check of `doctor` failed, the control plane had an error. */
  failed: 1,
  usage: 2,
  notFound: 3,
  /** Refused because of the state that the thing is in, or because somebody else was faster. */
  conflict: 4,
  notAllowed: 5,
  unreachable: 6,
  timedOut: 7,
  /** A rollout that is watched paused: it waits for somebody. */
  paused: 8,
  /** A rollout that is watched ended otherwise than with success. */
  rolloutFailed: 9,
  /** 128 + SIGINT, as shells report it. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The code given to an error answer that is no problem+json. */
export const unexplained = 'unexplained';

/** The exit code for a problem that the control plane answered with. */
export function exitCodeOf(problem: { readonly status: number; readonly code: string }): ExitCode {
  if (problem.code.startsWith('idempotency_')) return exitCodes.conflict;
  switch (problem.status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return exitCodes.usage;
    case 401:
    case 403:
      return exitCodes.notAllowed;
    case 404:
      return exitCodes.notFound;
    case 409:
    case 412:
    case 428:
      return exitCodes.conflict;
    case 503:
      return exitCodes.unreachable;
    // A proxy's own answer; the control plane explains its 502s (the cloud failed).
    case 502:
    case 504:
      return problem.code === unexplained ? exitCodes.unreachable : exitCodes.failed;
    default:
      return exitCodes.failed;
  }
}
