import type { Release } from '../control-api/contracts/releases.ts';
import { demonstrate } from './accelerated-demo.ts';
import type { Session } from './commands/session.ts';
import { runDemo } from './demo-command.ts';
import { heading } from './demo-report.ts';
import { type AcceleratedControlPlane, startAccelerated } from './demo-rollout-control-plane.ts';
import {
  examineFaulty,
  examineGood,
  type Fact,
  type FaultyReport,
  type GoodReport,
  standingsOf,
} from './demo-rollout-facts.ts';
import { makeFleet } from './demo-rollout-fleet.ts';
import { type Following, rollOut } from './demo-rollout-follow.ts';
import { answersWithErrors, publish } from './demo-rollout-releases.ts';
import { outcomeDocument, reportFaulty, reportFleet, reportGood, reportNext } from './demo-rollout-report.ts';

const usage = `Usage: npm run demo:rollout -- [options]

Rolls a good release and a faulty one out over six fictional practices in six time zones: on this machine, in the sandbox
cloud. Everything is real but the time, which jumps to the next moment at which something happens. It stays up until Ctrl-C.

  --exit      end after the report; status 0 only if the good release reached everyone inside their windows, and the
              faulty one stopped at the canary and was taken back
  --json      print one JSON document instead of tables
  --no-color  print without colours (also NO_COLOR)
  --help      this text

Its data is in rollout-demo below LUMENALITY_DATA_DIR (.lumenality) and made anew at each start; its ports are free ones.`;

async function show(session: Session, controlPlane: AcceleratedControlPlane, interrupt: AbortSignal) {
  const { output } = session;
  const { clock } = controlPlane;
  const begun = performance.now();
  const from = clock.now();
  heading(output, 'Six practices: sign up, provision, verify');
  const fleet = await makeFleet(session);
  heading(output, 'When they may be updated');
  reportFleet(output, fleet);

  const following = { session, clock, fleet, interrupt };
  const good = await showGood(following, controlPlane);
  // A faulty release proves nothing over a fleet that did not get the good one.
  const faulty = allHeld(good.facts) ? await showFaulty(following, controlPlane, good.release) : null;
  reportGood(output, good);
  if (faulty !== null) reportFaulty(output, faulty);

  const ok = faulty !== null && allHeld(faulty.facts);
  const seconds = Math.round((performance.now() - begun) / 1_000);
  const days = Math.round((clock.now().getTime() - from.getTime()) / 8_640_000) / 10;
  output.document({
    ok,
    seconds,
    days,
    good: { ...good, outcomes: good.outcomes.map(outcomeDocument) },
    faulty: faulty && { ...faulty, canary: outcomeDocument(faulty.canary) },
  });
  output.line();
  const { green, red } = output.colours;
  output.line(
    ok
      ? green(
          `The good release reached all ${fleet.length} practices inside their windows; the faulty one stopped at the canary and was taken back. ${days} days in ${seconds} s.`,
        )
      : red('Not everything was seen as it should be: see each NO above.'),
  );
  return { ok, reportNext: () => reportNext(output, controlPlane, fleet) };
}

const allHeld = (facts: readonly Fact[]): boolean => facts.every(({ held }) => held);

async function showGood(following: Following, controlPlane: AcceleratedControlPlane): Promise<GoodReport> {
  heading(following.session.output, 'Roll out a good release');
  const release = await publish(controlPlane, 'good', {
    appVersion: '1.1.0',
    notes: 'A release that does well',
  });
  const followed = await rollOut(following, release.id, 'Demo: everybody gets the good release');
  return examineGood(following, release, followed);
}

async function showFaulty(
  following: Following,
  controlPlane: AcceleratedControlPlane,
  good: Release,
): Promise<FaultyReport> {
  heading(
    following.session.output,
    'Roll out a faulty release: every second answer is an error, which no health check shows',
  );
  const before = await standingsOf(following, following.fleet);
  const release = await publish(controlPlane, 'faulty', {
    appVersion: '1.2.0',
    notes: 'A release that answers with errors',
    before: answersWithErrors,
  });
  const followed = await rollOut(
    following,
    release.id,
    'Demo: nobody but the canary gets the faulty release',
  );
  return examineFaulty(following, { release, good, followed }, before);
}

await runDemo(
  {
    usage,
    interrupted: 'Nothing is left running; the next start makes everything anew: npm run demo:rollout',
  },
  (options, interrupt) =>
    demonstrate({ folder: 'rollout-demo', start: startAccelerated, show }, options, interrupt),
);
