import { momentOf, ruleOf } from '../../bin/commands/window-text.ts';
import { freezePageSchema, freezeSchema, scheduleSchema } from '../../control-api/contracts/schedules.ts';
import { checkWindow } from '../../lib/domain/maintenance-window.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
const id = 'juniper-ot';

const cli = (args: readonly string[], token = plane.token): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: token } });
const said = async (args: readonly string[]): Promise<string> => {
  const answer = await cli(args);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return answer.stdout;
};
const asDocument = async (args: readonly string[]): Promise<unknown> =>
  JSON.parse(await said([...args, '--json']));

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.approved('Juniper OT');
});
afterAll(() => plane.close());

test.each([
  ['Sundays 02:00', 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0'],
  ['saturday and Sunday 1:30', 'FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=30'],
  ['Mondays, Wednesdays and Fridays 22:00', 'FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=22;BYMINUTE=0'],
  ['first Sunday 02:00', 'FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2;BYMINUTE=0'],
  ['second Sunday and last Sunday 02:00', 'FREQ=MONTHLY;BYDAY=2SU,-1SU;BYHOUR=2;BYMINUTE=0'],
  ['daily 03:15', 'FREQ=DAILY;BYHOUR=3;BYMINUTE=15'],
])('--set "%s" is %s', (text, rule) => {
  expect(ruleOf(text)).toBe(rule);
  checkWindow({ rule, durationMinutes: 240, timeZone: 'America/Chicago' });
});

test.each([
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['2027-01-04T06:00Z', '2027-01-04T06:00:00.000Z'],
  ['2027-01-04T06:00:00.5-06:00', '2027-01-04T12:00:00.500Z'],
])('the time %s is %s', (text, at) => {
  expect(momentOf(text)).toBe(at);
});

test.each(['2027-02-29', '2027-06-31T00:00:00Z', '2027-01-04T06:00:00', 'tomorrow', '3w'])(
  'the time %s is none',
  (text) => {
    expect(() => momentOf(text)).toThrow('such as 2027-01-04T06:00:00Z');
  },
);

test('--set does not guess which Sundays "first Saturday and Sunday 02:00" means', () => {
  expect(() => ruleOf('first Saturday and Sunday 02:00')).toThrow('"first Saturday and first Sunday 02:00"');
});

test.each(['Mon, Tuesdays 22:00', 'whenever', 'Sundays 2'])('--set "%s" is nothing', (text) => {
  expect(() => ruleOf(text)).toThrow('such as "Sundays 02:00"');
});

test('a window is shown in words and set by words, and what is left out stays', async () => {
  const shown = await said(['practice', 'window', 'juniper', '--limit', '2']);
  expect(shown).toMatch(
    /Sundays 02:00 for 4 h, America\/Los_Angeles; (next:|open until) Sun, .* P[SD]T \(in/,
  );
  expect(shown.match(/^Sun, /gm)).toHaveLength(2);
  const set = [
    'practice',
    'window',
    id,
    '--set',
    'Saturdays 22:30',
    '--duration',
    '1h30m',
    '--ring',
    'early',
  ];
  expect(await said(set)).toContain('Saturdays 22:30 for 1 h 30 min, America/Los_Angeles; ');
  expect(await said(['practice', 'window', id, '--zone', 'America/Phoenix'])).toContain(
    'Saturdays 22:30 for 1 h 30 min, America/Phoenix',
  );
  const back = scheduleSchema.parse(await asDocument(['practice', 'window', id, '--default']));
  expect(back).toMatchObject({
    ring: 'early',
    window: { inWords: 'Sundays 02:00 for 4 h, America/Los_Angeles' },
  });
});

test('what is wrong is named by its flag, and nothing is kept', async () => {
  const refused = async (...args: string[]) => {
    const answer = await cli(['practice', 'window', id, ...args]);
    expect(answer).toMatchObject({ code: 2, stdout: '' });
    return answer.stderr;
  };
  expect(await refused('--set', 'FREQ=HOURLY;BYHOUR=2')).toContain(
    '--set (/window/rule): must open once a day',
  );
  expect(await refused('--duration', '10m')).toContain('--duration (/window/durationMinutes)');
  expect(await refused('--zone', 'Chicago')).toContain('--zone (/window/timeZone)');
  expect(await refused('--set', 'now and then')).toContain('such as "Sundays 02:00"');
  expect(await refused('--default', '--zone', 'America/Phoenix')).toContain('cannot be used with');
  expect(await refused('--reason', 'for nothing')).toContain('nothing that it is for');
});

test('a practice is pinned and deferred, and both are taken back', async () => {
  const { id: release } = await plane.api.database.db
    .selectFrom('release')
    .select('id')
    .executeTakeFirstOrThrow();
  const pinned = await said([
    'practice',
    'pin',
    id,
    '--release',
    release,
    '--until',
    '30d',
    '--reason',
    'audit season',
  ]);
  expect(pinned).toMatch(new RegExp(`Pin +${release} until .* \\(in 30 d\\): audit season`));
  const deferred = await said(['practice', 'defer', id, '--until', '14d', '--reason', 'moves house']);
  expect(deferred).toMatch(/Deferral +until .* \(in 14 d\): moves house/);
  expect(await said(['practice', 'window', id])).toMatch(/ pin, deferral$/m);
  expect(await said(['practice', 'unpin', id])).toMatch(/Pin +none/);
  const free = scheduleSchema.parse(await asDocument(['practice', 'undefer', id]));
  expect(free).toMatchObject({ pin: null, deferral: null });
  const tooLong = await cli(['practice', 'defer', id, '--until', '61d', '--reason', 'moves house']);
  expect(tooLong).toMatchObject({ code: 2, stderr: expect.stringContaining('--until (/until)') });
});

test('freezes are added, listed, renewed and lifted', async () => {
  expect(await said(['freeze', 'list'])).toBe('There is no freeze.\n');
  const nobody = await cli(['freeze', 'add', '--until', '7d', '--reason', 'holiday']);
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('--fleet') });
  const unasked = await cli(['freeze', 'add', '--fleet', '--until', '7d', '--reason', 'holiday']);
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  const fleet = freezeSchema.parse(
    await asDocument(['freeze', 'add', '--fleet', '--until', '7d', '--reason', 'holiday', '--yes']),
  );
  expect(await said(['freeze', 'add', id, '--until', '7d', '--reason', 'moves'])).toContain(
    `Practice ${id} is frozen`,
  );
  expect(await said(['practice', 'window', id])).toMatch(/Freeze +of the fleet .*holiday/);
  const renew = ['freeze', 'renew', fleet.id.slice(0, 8), '--until', '20d', '--reason', 'forensics', '--yes'];
  expect(await said(renew)).toContain('The fleet is frozen until');
  expect(await said(['freeze', 'list', '--practice', id])).toMatch(
    /the fleet +in_force .*renewed .*forensics/,
  );
  const { items } = freezePageSchema.parse(await asDocument(['freeze', 'list']));
  expect(items).toHaveLength(2);
  for (const freeze of items)
    expect(await said(['freeze', 'lift', freeze.id])).toBe('The freeze is lifted.\n');
  expect(await said(['freeze', 'list'])).toBe('There is no freeze.\n');
  expect(await said(['freeze', 'list', '--past'])).toMatch(/lifted/);
  expect(await cli(['freeze', 'lift', '12345678'])).toMatchObject({ code: 3 });
});

test('a calendar gets an address that answers, until it gets another', async () => {
  const first = (await said(['practice', 'calendar', id, '--yes'])).split('\n')[0] ?? '';
  expect((await fetch(first)).status).toBe(200);
  expect(await (await fetch(first)).text()).toContain('BEGIN:VEVENT');
  const second = (await asDocument(['practice', 'calendar', id, '--yes'])) as { url: string };
  expect([(await fetch(first)).status, (await fetch(second.url)).status]).toEqual([404, 200]);
});
