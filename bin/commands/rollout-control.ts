import type { Command } from 'commander';
import {
  type ControlledRollout,
  controlledRolloutSchema,
  controlledTargetSchema,
} from '../../control-api/contracts/rollout-control.ts';
import { findPractice, findRollout } from './find.ts';
import { act, type Invocation, type Session } from './session.ts';
import { clean } from './text.ts';

interface Reason {
  readonly reason: string;
}

const which = 'id, or a unique start of it';

/** What somebody tells a rollout that is there (docs/rollouts.md). */
export function rolloutControlCommands(group: Command, invocation: Invocation): void {
  const begin = group
    .command('begin')
    .argument('<rollout>', which)
    .description('Begin a rollout that was stored as planned');
  act(begin, invocation, async (session, _options, [text = '']) => {
    const id = await findRollout(session.api, text);
    const answer = await session.api.post(path(id, 'start'), controlledRolloutSchema, {});
    return told(session, answer, 'Practices are updated as their windows open.');
  });

  for (const { verb, description, question, next } of changes) {
    const command = reasoned(group.command(verb).argument('<rollout>', which).description(description));
    act<Reason>(command, invocation, async (session, { reason }, [text = '']) => {
      const id = await findRollout(session.api, text);
      if (question !== undefined) await session.confirm(question);
      const answer = await session.api.post(path(id, verb), controlledRolloutSchema, { body: { reason } });
      return told(session, answer, next);
    });
  }

  for (const { verb, description, next } of targetChanges) {
    const command = group.command(verb).argument('<rollout>', which);
    reasoned(
      command.argument('<practice>', 'id or name, or a unique start of either').description(description),
    );
    act<Reason>(command, invocation, async (session, { reason }, [rollout = '', text = '']) => {
      const { api, output } = session;
      const id = await findRollout(api, rollout);
      const { id: practiceId } = await findPractice(api, text);
      const where = path(id, `targets/${practiceId}/${verb}`);
      const target = await api.post(where, controlledTargetSchema, { body: { reason } });
      output.document(target);
      output.line(`Practice ${practiceId} is ${target.state}. ${next(target.startsAt)}`);
      return undefined;
    });
  }
}

const changes: readonly {
  readonly verb: 'pause' | 'resume' | 'abort' | 'promote';
  readonly description: string;
  /** Asked before what cannot be undone. */
  readonly question?: string;
  readonly next: string;
}[] = [
  {
    verb: 'pause',
    description: 'Start nobody for now; what has begun comes to its end',
    next: 'What has begun comes to its end.',
  },
  {
    verb: 'resume',
    description: 'Go on with a paused rollout',
    next: 'Practices are updated as their windows open.',
  },
  {
    verb: 'abort',
    description: 'End a rollout: whom it has not begun with is skipped',
    question: 'Abort the rollout? Whom it has not begun with keeps the release that it has.',
    next: 'What has begun comes to its end.',
  },
  {
    verb: 'promote',
    description: 'Go past the bake time and the gate of the wave at work',
    question: 'Promote the rollout? Practices that bake count as updated without a look at their figures.',
    next: 'Who has not had its turn goes on with the next wave.',
  },
];

const targetChanges = [
  {
    verb: 'retry',
    description: 'Give a practice another turn that failed, went back, was missed or skipped',
    next: (startsAt: string) => `It is updated from ${startsAt} on, once the rollout runs.`,
  },
  {
    verb: 'skip',
    description: 'Leave a practice out; one that failed no longer counts against the failure budget',
    next: () => 'It keeps the release that it has.',
  },
] as const;

const reasoned = (command: Command): Command =>
  command.requiredOption('--reason <text>', 'why, for the audit trail');

const path = (id: string, verb: string): string => `/v1/rollouts/${encodeURIComponent(id)}/${verb}`;

function told({ output }: Session, rollout: ControlledRollout, next: string): undefined {
  output.document(rollout);
  const why = rollout.pausedBecause === null ? '' : ` (${clean(rollout.pausedBecause)})`;
  output.line(`Rollout ${rollout.id} of release ${rollout.releaseId} is ${rollout.state}${why}. ${next}`);
}
