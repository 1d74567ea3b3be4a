import type { Command } from 'commander';
import { changedSettingsSchema, type Settings, settingsSchema } from '../../control-api/contracts/changes.ts';
import { deploymentSchema } from '../../control-api/contracts/practices.ts';
import { commandError } from './command-error.ts';
import { findPractice } from './find.ts';
import { type Change, changing, follow } from './follow.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';

const which = 'id or name, or a unique start of either';

/** What changes a practice that is active already. */
export function practiceChangeCommands(group: Command, invocation: Invocation): void {
  const update = changing(
    group
      .command('update')
      .argument('<practice>', which)
      .description('Bring a practice to a release; it stays active')
      .requiredOption('--release <id>', 'a published release, as `release list` shows them'),
  );
  act<Change & { release: string }>(update, invocation, updatePractice);

  const settings = group
    .command('settings')
    .argument('<practice>', which)
    .description('Show what a practice may set, and has set');
  act(settings, invocation, async (session, _options, [text = '']) => {
    const { id } = await findPractice(session.api, text);
    const answer = await session.api.get(`/v1/practices/${id}/settings`, settingsSchema);
    session.output.document(answer);
    showSettings(session, answer);
    return undefined;
  });

  const set = changing(
    group
      .command('set')
      .argument('<practice>', which)
      .argument('<settings...>', 'name=value; name=default goes back to what the plan has')
      .description('Change settings of a practice and bring its silo to them'),
  );
  act<Change>(set, invocation, changeSettings);
}

async function updatePractice(
  session: Session,
  { release, ...change }: Change & { readonly release: string },
  [text = '']: readonly string[],
) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const body = { releaseId: release, reason: change.reason };
  const deployment = await api.post(`/v1/practices/${id}/deployments`, deploymentSchema, { body });
  output.line(`Practice ${id} is to be updated to ${deployment.releaseId}.`);
  return follow(session, deployment.runId, deployment, change);
}

async function changeSettings(session: Session, change: Change, [text = '', ...pairs]: readonly string[]) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const path = `/v1/practices/${id}/settings`;
  const { body: before, etag } = await api.getTagged(path, settingsSchema);
  const settings = merged(before, pairs);
  const body = { settings, reason: change.reason };
  const after = await api.put(path, changedSettingsSchema, { body, etag });
  if (after.runId === null) {
    output.document(after);
    output.line(`The silo of ${id} has these settings already: nothing was begun.`);
    return undefined;
  }
  showSettings(session, after);
  return follow(session, after.runId, after, change);
}

/** What the practice has set, with the pairs of the command line over it. @throws CommandError for what is no setting */
function merged(before: Settings, pairs: readonly string[]): Record<string, string | number> {
  const set = new Map(before.settings.flatMap(({ name, value, isSet }) => (isSet ? [[name, value]] : [])));
  for (const pair of pairs) {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    const known = before.settings.find((setting) => setting.name === name);
    if (known === undefined) {
      throw commandError('usage', `${pair} is no setting: give name=value.`, {
        hint: `The settings are ${before.settings.map((setting) => setting.name).join(', ')}.`,
      });
    }
    if (value === 'default') set.delete(name);
    else set.set(name, known.type === 'integer' ? wholeNumberOf(name, value) : value);
  }
  return Object.fromEntries(set);
}

function wholeNumberOf(name: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw commandError('usage', `${name} takes a whole number, not ${value}.`);
}

function showSettings({ output }: Session, { settings }: Settings): void {
  output.line(
    table(
      output,
      ['SETTING', 'VALUE', 'DEFAULT', 'ALLOWED', 'MEANING'],
      settings.map((setting) => [
        setting.name,
        setting.isSet ? { text: String(setting.value), paint: output.colours.bold } : String(setting.value),
        String(setting.default),
        setting.bounds,
        setting.description,
      ]),
    ),
  );
}
