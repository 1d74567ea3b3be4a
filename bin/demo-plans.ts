import { dayIn, startOfDay } from '../lib/domain/plan/day.ts';
import { demonstrate } from './accelerated-demo.ts';
import type { Session } from './commands/session.ts';
import { runDemo } from './demo-command.ts';
import { dayOf, idOf, type Stage } from './demo-plans-acts.ts';
import { type DailyControlPlane, startDaily } from './demo-plans-control-plane.ts';
import { checkIndependently, standing, storyFacts } from './demo-plans-facts.ts';
import { reportFacts, reportMembers, reportNext, reportYears, yearsOf } from './demo-plans-report.ts';
import { lastDay, people, story } from './demo-plans-story.ts';
import { heading } from './demo-report.ts';

const usage = `Usage: npm run demo:plans -- [options]

Three years of founding members on this machine, day by day: 102 fictional practices sign up, are provisioned in the sandbox cloud, have
their free days and locks, change, pay late, leave, and are charged; prices rise twice. Then every charge is recomputed from the terms by a
program that shares nothing with the one that made them. The days go by as fast as their work is done. It stays up until Ctrl-C.

  --exit      end after the report; status 0 only if everything was as the terms promise, to the cent
  --json      print one JSON document instead of tables
  --no-color  print without colours (also NO_COLOR)
  --help      this text

Silos are recorded, without databases and apps in them (npm run demo has those). Its data is in plans-demo below LUMENALITY_DATA_DIR
(.lumenality) and made anew at each start; its ports are free ones.`;

async function show(session: Session, controlPlane: DailyControlPlane, interrupt: AbortSignal) {
  const { output } = session;
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 1_000);
  const firstDay = dayIn('UTC', new Date(controlPlane.clock.now().getTime() + dayMs));
  const stage: Stage = { session, controlPlane, firstDay, members: [], waited: [], asked: [] };
  heading(output, `Three years from ${firstDay} on, day by day`);
  await play(stage, interrupt, seconds);

  const stands = await standing(stage);
  const checked = await checkIndependently(controlPlane, interrupt);
  const facts = await storyFacts(stage, stands, checked);
  const years = yearsOf(stands, firstDay);
  reportMembers(output, stands);
  reportYears(output, years);
  reportFacts(output, checked, facts);
  const ok = checked.ok && facts.every(({ held }) => held);
  output.document({ ok, seconds: seconds(), days: lastDay, years, facts, checked });
  output.line();
  const { green, red } = output.colours;
  output.line(
    ok
      ? green(`Every promise was kept, and every charge is right to the cent. Three years in ${seconds()} s.`)
      : red('Not everything was seen as it should be: see each NO above.'),
  );
  return { ok, reportNext: () => reportNext(output, controlPlane, idOf(stage, people.unreachable)) };
}

const dayMs = 86_400_000;
const noonMs = dayMs / 2;
const daysBetweenSigns = 91;

/** Each day at noon UTC, which is a time of the same date in every zone of the story: first what is due, then what people do. */
async function play(stage: Stage, interrupt: AbortSignal, seconds: () => number): Promise<void> {
  const { controlPlane, session } = stage;
  const { output } = session;
  for (let day = 0; day <= lastDay; day += 1) {
    interrupt.throwIfAborted();
    const date = dayOf(stage, day);
    await controlPlane.clock.jumpTo(new Date(startOfDay('UTC', date).getTime() + noonMs));
    await controlPlane.settle();
    const scenes = story.filter((scene) => scene.day === day);
    for (const { words, play: act } of scenes) {
      if (words !== undefined) output.line(`${date}  ${words}`);
      await act(stage).catch((error: unknown) => {
        if (!interrupt.aborted) output.line(`${date}  here it stopped`);
        throw error;
      });
    }
    if (scenes.length > 0) await controlPlane.settle();
    if (day > 0 && day % daysBetweenSigns === 0)
      output.line(output.colours.dim(`${date}  day ${day} of ${lastDay}, after ${seconds()} s`));
  }
}

await runDemo(
  {
    usage,
    interrupted: 'Nothing is left running; the next start makes everything anew: npm run demo:plans',
  },
  (options, interrupt) => demonstrate({ folder: 'plans-demo', start: startDaily, show }, options, interrupt),
);
