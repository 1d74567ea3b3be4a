import type { Command } from 'commander';
import { healthSchema, readinessSchema } from '../../control-api/contracts/health.ts';
import { meSchema } from '../../control-api/contracts/tokens.ts';
import { CommandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { clean } from './text.ts';

/** AWS refuses requests that are 5 minutes off; well before that, times on screen and token ends mislead. */
const skewLimitSeconds = 30;
const leastNode = [20, 19] as const;

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do when it is not ok. */
  readonly advice?: string;
}

export function doctorCommand(command: Command, invocation: Invocation): void {
  act(command, invocation, async (session) => {
    const findings = await examine(session);
    const ok = findings.every((finding) => finding.ok);
    session.output.document({ ok, findings });
    tell(session, findings);
    return ok ? undefined : exitCodes.failed;
  });
}

async function examine(session: Session): Promise<Finding[]> {
  const reached = await examineHealth(session);
  const isReached = reached.every(({ check, ok }) => ok || check !== 'control plane');
  if (!isReached) return [nodeVersion(), ...reached];
  return [nodeVersion(), ...reached, ...(await examineReadiness(session)), await examineToken(session)];
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  return {
    check: 'node',
    ok,
    found: process.version,
    advice: `Install Node ${leastNode.join('.')} or newer.`,
  };
}

async function examineHealth({ api, url, world }: Session): Promise<Finding[]> {
  const asked = Date.now();
  let response: Response;
  try {
    response = await api.request('GET', '/healthz', { authenticate: false });
  } catch (error) {
    return [failure('control plane', error)];
  }
  const answered = Date.now();
  const health = healthSchema.safeParse(await response.json().catch(() => undefined));
  if (!health.success) {
    return [
      {
        check: 'control plane',
        ok: false,
        found: `something else answers at ${url}`,
        advice: 'Name the control plane with --url or LUMENALITY_URL.',
      },
    ];
  }
  const { version } = health.data;
  return [
    { check: 'control plane', ok: true, found: `${url} answers in ${answered - asked} ms` },
    {
      check: 'version',
      ok: version.split('.')[0] === world.version.split('.')[0],
      found: `control plane ${version}, command line ${world.version}`,
      advice: "Use the command line of the control plane's own version.",
    },
    clockSkew(response.headers.get('date'), (asked + answered) / 2),
  ];
}

function clockSkew(date: string | null, now: number): Finding {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) {
    return {
      check: 'clock',
      ok: false,
      found: 'the control plane tells no time',
      advice: 'Look at the proxy between.',
    };
  }
  // The Date header has whole seconds, so half a second is taken for what it leaves out.
  const skew = Math.abs(theirs + 500 - now) / 1_000;
  return {
    check: 'clock',
    ok: skew <= skewLimitSeconds,
    found: skew < 1 ? 'both clocks agree' : `${Math.round(skew)} s apart`,
    advice: 'Set both clocks by NTP: AWS refuses requests that are signed with a wrong time.',
  };
}

/** /readyz answers 503 with the same document when a part is missing, so it is read past the usual refusal. */
async function examineReadiness({ url }: Session): Promise<Finding[]> {
  const body: unknown = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(30_000) })
    .then((response) => response.json())
    .catch(() => undefined);
  const readiness = readinessSchema.safeParse(body);
  if (!readiness.success) {
    return [
      { check: 'ready', ok: false, found: 'it does not say', advice: "Look into the control plane's log." },
    ];
  }
  const { parts, warnings } = readiness.data;
  return [
    ...parts.map(({ part, ready }) => ({
      check: part,
      ok: ready,
      found: ready ? 'answers' : 'does not answer',
      advice: `Look for "${part}" in the control plane's log.`,
    })),
    ...warnings.map(({ part, found, advice }) => ({ check: part, ok: false, found, advice })),
  ];
}

async function examineToken({ api }: Session): Promise<Finding> {
  try {
    const me = await api.get('/v1/me', meSchema);
    return { check: 'token', ok: true, found: `${clean(me.name)}: ${me.roles.join(', ')}` };
  } catch (error) {
    return failure('token', error);
  }
}

function failure(check: string, error: unknown): Finding {
  if (!(error instanceof CommandError)) throw error;
  return {
    check,
    ok: false,
    found: clean(error.problem.detail),
    advice: error.hint ?? 'See docs/cli.md for how the command line signs in.',
  };
}

function tell({ output }: Session, findings: readonly Finding[]): void {
  const { colours } = output;
  output.line(
    table(
      output,
      ['CHECK', '', 'FOUND'],
      findings.map(({ check, ok, found }) => [
        check,
        ok ? { text: 'ok', paint: colours.green } : { text: 'fail', paint: colours.red },
        found,
      ]),
    ),
  );
  const failed = findings.filter(({ ok }) => !ok);
  output.line();
  if (failed.length === 0) output.line('All is well.');
  for (const { check, advice } of failed) output.line(`${check}: ${advice ?? ''}`);
}
