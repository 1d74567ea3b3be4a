import { dirname } from 'node:path';
import type { Output } from './commands/output.ts';
import { type Cell, fields, table } from './commands/table.ts';
import { clean } from './commands/text.ts';
import { localTime } from './commands/window-text.ts';
import { heading } from './demo-report.ts';
import type { AcceleratedControlPlane } from './demo-rollout-control-plane.ts';
import type { Fact, FaultyReport, GoodReport, Outcome, Standing } from './demo-rollout-facts.ts';
import type { Member } from './demo-rollout-fleet.ts';

const mark = (ok: boolean, { colours }: Output): Cell =>
  ok ? { text: 'yes', paint: colours.green } : { text: 'NO', paint: colours.red };

/** Who may be updated when, before anything is. */
export function reportFleet(output: Output, fleet: readonly Member[]): void {
  output.line(
    table(
      output,
      ['PRACTICE', 'RING', 'WINDOW', 'NEXT'],
      fleet.map(({ practice, schedule: { ring, window }, windows: [next] }) => [
        practice.id,
        ring,
        window.inWords,
        next === undefined ? '-' : localTime(next.startsAt, window.timeZone),
      ]),
    ),
  );
}

export function reportGood(output: Output, { release, outcomes, facts }: GoodReport): void {
  heading(output, `The good release, ${release.id}, app ${release.appVersion}`);
  output.line(
    table(
      output,
      ['PRACTICE', 'RING', 'WINDOW', 'UPDATE STARTED', 'INSIDE', 'APP SAYS', 'HEALTH'],
      outcomes.map(({ member, run, window, standing }) => [
        member.practice.id,
        member.schedule.ring,
        member.schedule.window.inWords,
        startOf(member, run),
        mark(window !== null, output),
        `${standing.app.releaseId}, ${standing.app.appVersion}`,
        standing.health,
      ]),
    ),
  );
  reportFacts(output, facts);
}

export function reportFaulty(output: Output, report: FaultyReport): void {
  const { release, followed, canary, rollBack, others, facts } = report;
  heading(output, `The faulty release, ${release.id}, app ${release.appVersion}`);
  const { member, target, run, standing } = canary;
  output.line(
    fields(output, [
      ['canary', `${member.practice.id}, ${member.schedule.window.inWords}`],
      ['started', startOf(member, run)],
      ['failed because', clean(target.note ?? '-')],
      ['rolled back to', standing.recordedRelease ?? '-'],
      ['rolled back at', endOf(member, rollBack)],
      ['app says', `${standing.app.releaseId}, ${standing.app.appVersion}`],
      ['rollout', followed.rollout.state],
      ['paused because', clean(followed.rollout.pausedBecause ?? '-')],
      ['others', others.map(standingWords).join('; ')],
    ]),
  );
  reportFacts(output, facts);
}

function reportFacts(output: Output, facts: readonly Fact[]): void {
  output.line();
  for (const { words, held } of facts) {
    const { text, paint } = held
      ? { text: 'yes', paint: output.colours.green }
      : { text: 'NO ', paint: output.colours.red };
    output.line(`  ${paint(text)}  ${words}`);
  }
}

/** Where to look further while it stays up. */
export function reportNext(
  output: Output,
  { url, tokenFile }: Pick<AcceleratedControlPlane, 'url' | 'tokenFile'>,
  [canary]: readonly Member[],
): void {
  heading(output, 'It stays up. In another terminal, try');
  output.line(`  export LUMENALITY_URL=${url} LUMENALITY_DATA_DIR=${dirname(tokenFile)}`);
  output.line('  npx lumenality rollout list');
  output.line('  npx lumenality release list');
  if (canary !== undefined) output.line(`  npx lumenality practice window ${canary.practice.id}`);
  output.line('  npx lumenality audit list');
  output.line('Ctrl-C stops it all; the next start makes everything anew.');
}

/** What a script is told of a practice. */
export function outcomeDocument({ member, target, run, window, standing }: Outcome) {
  const { practice, schedule } = member;
  return {
    practiceId: practice.id,
    ring: schedule.ring,
    window: schedule.window,
    opened: window,
    startedAt: run?.startedAt ?? null,
    finishedAt: run?.finishedAt ?? null,
    target,
    standing,
  };
}

const startOf = ({ schedule }: Member, run: Outcome['run']): string =>
  run?.startedAt == null ? '-' : localTime(run.startedAt, schedule.window.timeZone);

const endOf = ({ schedule }: Member, run: Outcome['run']): string =>
  run?.finishedAt == null ? '-' : localTime(run.finishedAt, schedule.window.timeZone);

const standingWords = ({ practiceId, app }: Standing): string => `${practiceId} ${app.appVersion}`;
