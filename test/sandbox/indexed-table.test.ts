import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStackCommand, DescribeStacksCommand, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { indexedTable } from '../../lib/sandbox/indexed-table.ts';
import { openState } from '../../lib/sandbox/state.ts';
import { type Fixture, startFixture, topic } from './cloudformation-fixture.ts';

interface Visit {
  readonly note: string;
  readonly rooms: readonly string[];
}

describe('an indexed table', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sandbox-index-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const owner = '111122223333/us-east-1/';

  test('finds records by what is in them now, in the order of their terms, also those of before there was an index', async () => {
    const state = openState(directory);
    const name = 'visits';
    state.table<Visit>(name).put(`${owner}old`, { note: 'old', rooms: ['b'] });
    const visits = indexedTable<Visit>(state, {
      name,
      table: state.table(name),
      termsOf: ({ rooms }) => rooms.map((room) => `room:${room}`),
      version: 1,
    });
    const notesIn = (room: string) => visits.withTerm(owner, `room:${room}`).map(({ note }) => note);
    visits.put(`${owner}one`, { note: 'one', rooms: ['a', 'b'] });
    visits.put('111122223333/us-west-2/two', { note: 'elsewhere', rooms: ['b'] });
    expect(notesIn('b')).toEqual(['old', 'one']);
    visits.put(`${owner}one`, { note: 'moved', rooms: ['a', 'bc'] });
    expect(notesIn('b')).toEqual(['old']);
    expect(notesIn('a')).toEqual(['moved']);
    const places = [...visits.byTerm(owner, 'room:')];
    expect(places.map(([, { note }]) => note)).toEqual(['moved', 'old', 'moved']);
    expect([...visits.byTerm(owner, 'room:', places[0]?.[0])].map(([, { note }]) => note)).toEqual([
      'old',
      'moved',
    ]);
    // What the end of the process left behind is not shown.
    state.table<Visit>(name).put(`${owner}old`, { note: 'old', rooms: [] });
    expect(notesIn('b')).toEqual([]);
    visits.delete(`${owner}one`);
    expect(notesIn('a')).toEqual([]);
    await state.close();
  });
});

describe('many stacks', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture.stop());

  test('are described a hundred at a time, newest first, and listed by status, with the template that each was given', async () => {
    const TemplateBody = JSON.stringify({ Resources: { Topic: topic() } });
    const names = Array.from({ length: 101 }, (_, at) => `many-${at}`);
    const inProgress = new ListStacksCommand({ StackStatusFilter: ['CREATE_IN_PROGRESS'] });
    for (const StackName of names) await fixture.send(new CreateStackCommand({ StackName, TemplateBody }));
    while (((await fixture.send(inProgress)).StackSummaries ?? []).length > 0);
    const first = await fixture.send(new DescribeStacksCommand({}));
    const rest = await fixture.send(new DescribeStacksCommand({ NextToken: first.NextToken }));
    expect([first.Stacks?.length, rest.Stacks?.length, rest.NextToken]).toEqual([100, 1, undefined]);
    const described = [...(first.Stacks ?? []), ...(rest.Stacks ?? [])];
    expect(new Set(described.map(({ StackName }) => StackName))).toEqual(new Set(names));
    const times = described.map(({ CreationTime }) => CreationTime?.getTime() ?? 0);
    expect(times).toEqual(times.toSorted((one, other) => other - one));
    const { StackSummaries, NextToken } = await fixture.send(
      new ListStacksCommand({ StackStatusFilter: ['CREATE_COMPLETE', 'CREATE_IN_PROGRESS'] }),
    );
    expect([StackSummaries?.length, NextToken !== undefined]).toEqual([100, true]);
    expect(StackSummaries?.every(({ StackStatus }) => StackStatus === 'CREATE_COMPLETE')).toBe(true);
    await expect(fixture.send(new DescribeStacksCommand({ NextToken: 'made-up' }))).rejects.toThrow(
      'The marker is not one that this operation returned.',
    );
    const updated = await fixture.deploy('many-7', { Resources: { Topic: topic(), Second: topic() } });
    expect(updated.StackStatus).toBe('UPDATE_COMPLETE');
  });
});
