import type { RunEvent } from '../../control-api/contracts/runs.ts';
import type { Colours } from './output.ts';
import { countsOf, type RunProgress } from './run-progress.ts';
import { clean, duration } from './text.ts';

/**
 * One event as a line for a log; `undefined` for what would only be noise there. Time is UTC.
 * @param brief only steps and what failed: for several runs at once
 */
export function plainLine(
  event: RunEvent,
  progress: RunProgress,
  { colours, brief }: { readonly colours: Colours; readonly brief: boolean },
): string | undefined {
  if (brief && isDetail(event)) return undefined;
  const words = wordsOf(event, progress, colours);
  if (words === undefined) return undefined;
  return `${colours.dim(`${event.at.slice(11, 19)}Z`)} ${progress.practiceId}  ${words}`;
}

function isDetail(event: RunEvent): boolean {
  if (event.kind === 'resource') return !event.status.endsWith('_FAILED');
  return event.kind === 'check' && event.passed;
}

function wordsOf(event: RunEvent, progress: RunProgress, colours: Colours): string | undefined {
  switch (event.kind) {
    case 'run':
      return `run ${event.state}${event.message === undefined ? '' : `: ${clean(event.message)}`}`;
    case 'step':
      return stepWords(event, progress, colours);
    case 'resource': {
      if (event.status.endsWith('_IN_PROGRESS') || event.resourceType === 'AWS::CloudFormation::Stack')
        return undefined;
      const what = `${clean(event.logicalId)} (${clean(event.resourceType)}) ${clean(event.status)}`;
      if (!event.status.endsWith('_FAILED')) {
        return `${event.step}: ${what}, ${countsOf(progress.step(event.step))}`;
      }
      return colours.red(`${event.step}: ${what}: ${clean(event.reason ?? 'without a reason')}`);
    }
    case 'check':
      if (event.passed) return `ok    ${clean(event.title)}`;
      return colours.red(
        `fail  ${clean(event.title)}: expected ${clean(event.expected)}, observed ${clean(event.observed)}`,
      );
  }
}

function stepWords(
  event: Extract<RunEvent, { kind: 'step' }>,
  progress: RunProgress,
  colours: Colours,
): string {
  const { startedAt, finishedAt } = progress.step(event.step);
  const took =
    startedAt === undefined || finishedAt === undefined ? '' : ` after ${duration(finishedAt - startedAt)}`;
  const attempt = event.attempt > 1 ? ` (attempt ${event.attempt})` : '';
  const message = event.message === undefined ? '' : `: ${clean(event.message)}`;
  const words = `${event.step} ${event.state}${attempt}${took}${message}`;
  return event.state === 'failed' ? colours.red(words) : words;
}
