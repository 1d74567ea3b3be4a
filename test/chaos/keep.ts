import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormationClient,
  paginateDescribeStackEvents,
  paginateListStacks,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import { Client } from 'pg';
import { sandboxDefaults } from '../../lib/config.ts';
import { components } from '../../lib/domain/release.ts';
import { stackNameFor } from '../../lib/domain/stack-plan.ts';
import type { Workspace } from '../bench/workspace.ts';
import type { Fleet } from './fleet.ts';
import type { Schedule } from './schedule.ts';

/** What is kept of a chaos that failed, and where to find out why. */
interface Failure {
  readonly workspace: Workspace;
  readonly fleet: Pick<Fleet, 'databaseUrl' | 'endpoint'>;
  readonly schedule: Schedule;
  readonly problems: readonly string[];
}

/** Who looks into it needs them, and the workspace is about to go. Answers the directory, and what could not be kept. */
export async function keep({
  workspace,
  fleet,
  schedule,
  problems,
}: Failure): Promise<{ readonly directory: string; readonly missing: readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-chaos-'));
  writeFileSync(join(directory, 'schedule.json'), JSON.stringify(schedule, null, 2));
  writeFileSync(join(directory, 'problems.txt'), problems.join('\n'));
  // The fleet may be what is broken.
  const missing: string[] = [];
  const attempt = async (what: string, act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      missing.push(`${what}: ${(error as Error).message}`);
    }
  };
  await attempt('the backup', () =>
    backUp(workspace, fleet.databaseUrl, join(directory, 'control-plane.backup')),
  );
  await attempt('the events of stacks', () => keepEvents(fleet, problems, join(directory, 'stack-events')));
  // Last: the backup has one too.
  cpSync(workspace.directory, directory, {
    recursive: true,
    filter: (path) => path === workspace.directory || path.endsWith('.log'),
  });
  return { directory, missing };
}

/** As `npm run backup`; `npm run restore` reads it. */
async function backUp(workspace: Workspace, databaseUrl: string, file: string): Promise<void> {
  const command = ['--import', 'tsx', join(workspace.root, 'bin', 'backup.ts'), '--out', file];
  await workspace.run('backup', command, { DATABASE_URL: databaseUrl });
}

/** What CloudFormation did for each practice that a problem names, to stacks that are gone as well: a file each, first things first. */
async function keepEvents(
  { databaseUrl, endpoint }: Failure['fleet'],
  problems: readonly string[],
  directory: string,
): Promise<void> {
  const concerned = await practicesIn(databaseUrl, problems.join('\n'));
  const events = await eventsOf(endpoint, concerned);
  mkdirSync(directory);
  for (const [practiceId, of] of events)
    writeFileSync(join(directory, `${practiceId}.json`), JSON.stringify(of, null, 2));
}

/** Practices that a text calls by their id, their name or one of their runs. */
async function practicesIn(databaseUrl: string, text: string): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; names: string[] }>(`
      select id, array[id, display_name] || array(select run.id::text from run where practice_id = practice.id) as names
      from practice order by id`);
    return rows.filter(({ names }) => names.some((name) => text.includes(name))).map(({ id }) => id);
  } finally {
    await client.end();
  }
}

async function eventsOf(
  endpoint: string,
  practices: readonly string[],
): Promise<ReadonlyMap<string, readonly StackEvent[]>> {
  const { region, credentials } = sandboxDefaults;
  const client = new CloudFormationClient({ region, endpoint, credentials });
  const owners = new Map(
    practices.flatMap((id) => components.map((component) => [stackNameFor(id, component), id] as const)),
  );
  const events = new Map<string, StackEvent[]>(practices.map((id) => [id, []]));
  try {
    for await (const { StackSummaries = [] } of paginateListStacks({ client }, {})) {
      for (const { StackName = '', StackId } of StackSummaries) {
        const own = events.get(owners.get(StackName) ?? '');
        if (own === undefined) continue;
        for await (const page of paginateDescribeStackEvents({ client }, { StackName: StackId }))
          own.push(...(page.StackEvents ?? []));
      }
    }
  } finally {
    client.destroy();
  }
  for (const own of events.values())
    own.sort((a, b) => (a.Timestamp?.getTime() ?? 0) - (b.Timestamp?.getTime() ?? 0));
  return events;
}
