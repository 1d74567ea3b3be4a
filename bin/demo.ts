import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Config, readConfig, sandboxDefaults } from '../lib/config.ts';
import { commandError } from './commands/command-error.ts';
import { type ExitCode, exitCodes } from './commands/exit-codes.ts';
import { openSession, type Session } from './commands/session.ts';
import { type DemoOptions, requireSandbox, runDemo, world } from './demo-command.ts';
import { type DemoControlPlane, startControlPlane } from './demo-control-plane.ts';
import { askApp, newestEvidence, provision, signUpFixtures } from './demo-practices.ts';
import { type CloudAccess, proveIsolation } from './demo-proof.ts';
import { heading, type PracticeReport, reportNext, reportPractice, reportProof } from './demo-report.ts';

const usage = `Usage: npm run demo -- [options]

Signs up three fictional practices, provisions a silo for each at once, and proves that they share nothing: on this
machine, in the sandbox cloud. It stays up until Ctrl-C.

  --exit      end after the summary; status 0 only if every practice is active and every proof held
  --json      print one JSON document instead of tables
  --no-color  print without colours (also NO_COLOR)
  --help      this text

PORT, SANDBOX_PORT and LUMENALITY_DATA_DIR (8080, 4566, .lumenality) say where; a second demo shows what is there.`;

/** How the demo reaches the sandbox. */
function cloudOf(config: Config): CloudAccess {
  const { endpoint, port } = requireSandbox(config);
  if (config.port === 0) throw commandError('usage', 'The demo needs a port that it knows: set PORT to one.');
  return {
    region: config.cell.region,
    endpoint: endpoint ?? `http://127.0.0.1:${port}`,
    credentials: sandboxDefaults.credentials,
  };
}

async function examine(session: Session): Promise<PracticeReport[]> {
  const { output } = session;
  const approved = await signUpFixtures(session);
  heading(output, 'Sign up and approve');
  for (const { displayName, practiceId, isNew } of approved) {
    output.line(`  ${displayName} is practice ${practiceId}${isNew ? '' : ' (since an earlier demo)'}`);
  }
  heading(output, 'Provision and verify, all at once');
  const provisioned = await provision(session, approved);
  return Promise.all(
    provisioned.map(async ({ practice, run }, place) => ({
      practice,
      run,
      evidence: await newestEvidence(session, practice.id),
      version: practice.state === 'active' ? await askApp(practice, '/version') : null,
      ownerLink: approved[place]?.ownerLink ?? null,
    })),
  );
}

/** @returns whether every practice is active, verified and apart from the others */
async function present(
  session: Session,
  cloud: CloudAccess,
): Promise<{ reports: PracticeReport[]; ok: boolean }> {
  const { output } = session;
  const started = Date.now();
  const reports = await examine(session);
  for (const [place, report] of reports.entries()) reportPractice(output, report, place === 0);
  const active = reports.filter(
    ({ practice, evidence }) =>
      practice.state === 'active' && evidence.length > 0 && evidence.every(({ passed }) => passed),
  );
  const isAllActive = active.length === reports.length;
  const proof = isAllActive
    ? await proveIsolation(
        reports.map(({ practice }) => practice),
        cloud,
      )
    : null;
  if (proof !== null) reportProof(output, proof);
  const ok = isAllActive && proof?.held === true;
  const seconds = Math.round((Date.now() - started) / 1_000);
  output.document({ ok, seconds, practices: reports, proof });
  output.line();
  output.line(
    ok
      ? output.colours.green(`${reports.length} practices are active and share nothing. ${seconds} s.`)
      : output.colours.red(
          `${active.length} of ${reports.length} practices are active${proof?.held === false ? ', and a proof did not hold' : ''}.`,
        ),
  );
  return { reports, ok };
}

async function demo(options: DemoOptions, interrupt: AbortSignal): Promise<ExitCode> {
  const config = readConfig();
  const cloud = cloudOf(config);
  const say = (text: string) => (options.json ? undefined : world.stdout.write(`${text}\n`));
  say(`Starting the control plane and the sandbox cloud (data in ${config.dataDirectory}) …`);
  if (!existsSync(join(config.dataDirectory, 'release'))) {
    say('The first start builds a release of the silo, which takes some seconds.');
  }
  const controlPlane: DemoControlPlane = await startControlPlane(config, interrupt);
  try {
    const { url, tokenFile, died, isOurs } = controlPlane;
    say(isOurs ? `Ready at ${url}.` : `It is up already at ${url}: using it.`);
    const session = openSession(world, { ...options, url, tokenFile, allowPlainHttp: true });
    const interrupted = new Promise<void>((resolve) => {
      interrupt.addEventListener('abort', () => resolve(), { once: true });
    });
    const { reports, ok } = await Promise.race([
      present(session, cloud),
      died.then(diedError),
      interrupted.then((): never => {
        throw interrupt.reason;
      }),
    ]);
    if (!options.exit && isOurs) {
      reportNext(session.output, reports, { url, setting: settingFor(url, config) });
      await Promise.race([interrupted, died.then(diedError)]);
    }
    return ok ? exitCodes.done : exitCodes.failed;
  } finally {
    if (controlPlane.isOurs) say('Stopping …');
    await controlPlane.stop();
  }
}

/** What the command line must be told when the demo does not run on its defaults. */
function settingFor(url: string, { dataDirectory }: Config): string | undefined {
  const settings = [
    ...(url === 'http://127.0.0.1:8080' ? [] : [`LUMENALITY_URL=${url}`]),
    ...(dataDirectory === resolve('.lumenality') ? [] : [`LUMENALITY_DATA_DIR=${dataDirectory}`]),
  ];
  return settings.length === 0 ? undefined : `export ${settings.join(' ')}`;
}

function diedError(reason: string): never {
  throw commandError('internal', 'The control plane is gone.', { hint: reason });
}

await runDemo({ usage, interrupted: 'What is under way goes on at the next start: npm run demo' }, demo);
