import fc from 'fast-check';
import { windowMinutes } from '../../tenant-template/database-windows.ts';
import {
  parameterOfSetting,
  type Settings,
  settingDescriptions,
  settingsSchemaFor,
} from '../../tenant-template/settings.ts';
import { instanceClasses } from '../../tenant-template/shape-table.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';

const shapes = ['solo', 'group', 'enterprise'];
const time = fc
  .integer({ min: 0, max: 24 * 60 - 1 })
  .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);
const sunday = (from: string, to: string): string => `sun:${from}-sun:${to}`;
/** Mostly what somebody might ask for, sometimes nonsense. */
const settings = fc.record<Settings>(
  {
    backupRetentionDays: fc.oneof(fc.integer({ min: 30, max: 2_600 }), fc.integer({ min: -5, max: 4_000 })),
    instanceClass: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...instanceClasses) },
      { weight: 1, arbitrary: fc.constantFrom('db.t3.micro', 'db.t4g.nano', '') },
    ),
    sessionTimeoutMinutes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(0.5, 600)),
    databaseMaintenanceWindow: fc.oneof(
      fc.constantFrom('tue:03:00-tue:04:00', 'sat:22:00-sat:23:30'),
      fc.tuple(time, time).map(([from, to]) => (from < to ? sunday(from, to) : sunday(to, from))),
      fc.tuple(time, time).map(([from, to]) => sunday(from, to)),
    ),
  },
  { requiredKeys: [] },
);

test('no settings that are accepted weaken a safeguard of the shape', () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...shapes), settings, (shape, chosen) => {
      if (!settingsSchemaFor(shape).safeParse(chosen).success) {
        expect(() => parametersForShape(shape, chosen)).toThrow(`do not fit the shape "${shape}"`);
        return;
      }
      accepted += 1;
      const base = parametersForShape(shape);
      const result = parametersForShape(shape, chosen);
      const size = (name: string) => instanceClasses.findIndex((each) => each === name);
      expect(Number(result.BackupRetentionDays)).toBeGreaterThanOrEqual(Number(base.BackupRetentionDays));
      expect(size(result.InstanceClass)).toBeGreaterThanOrEqual(size(base.InstanceClass));
      expect(Number(result.SessionTimeoutMinutes)).toBeLessThanOrEqual(30);
      expect(Number(result.SessionTimeoutMinutes)).toBeGreaterThanOrEqual(5);
      const [from = '', to = ''] = result.DatabaseMaintenanceWindow.split('-').map((end) => end.slice(4));
      expect(to <= '10:00' || from >= '13:00').toBe(true);
      expect(windowMinutes(result.DatabaseMaintenanceWindow)).toBeGreaterThanOrEqual(30);
      // What is not a setting is the plan's alone.
      const settable = new Set<string>(Object.values(parameterOfSetting));
      const others = Object.entries(base).filter(([name]) => !settable.has(name));
      expect(result).toMatchObject(Object.fromEntries(others));
    }),
    { numRuns: 600 },
  );
  expect(accepted).toBeGreaterThan(20);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['solo', { backupRetentionDays: 34 }, /may only be raised: it is at least 35/],
  ['enterprise', { backupRetentionDays: 89 }, /may only be raised: it is at least 90/],
  ['group', { instanceClass: 'db.t4g.micro' }, /never smaller than the plan's/],
  ['solo', { instanceClass: 'db.m5.large' }, /one of db\.t4g\.micro/],
  ['solo', { sessionTimeoutMinutes: 31 }, /at most 30/],
  ['solo', { sessionTimeoutMinutes: '15' }, /a whole number of minutes/],
  ['solo', { databaseMaintenanceWindow: 'sun:09:30-sun:10:30' }, /outside 10:00 to 13:00/],
  ['solo', { databaseMaintenanceWindow: 'sun:08:00-sun:08:10' }, /at least 30 minutes/],
  ['solo', { databaseMaintenanceWindow: 'sun:08:00-sun:07:00' }, /ends on the day it begins/],
  ['solo', { multiAz: false }, /Unrecognized key/],
])('a %s practice is told why it cannot set %j', (shape, chosen, reason) => {
  expect(() => parametersForShape(shape, chosen)).toThrow(reason);
});

test.each(shapes)("every setting of the shape '%s' is described, and its default is allowed", (shape) => {
  const described = settingDescriptions(shape);
  expect(described.map(({ name }) => name)).toEqual(Object.keys(parameterOfSetting));
  const defaults = Object.fromEntries(described.map(({ name, default: value }) => [name, value]));
  expect(settingsSchemaFor(shape).parse(defaults)).toEqual(defaults);
  expect(parametersForShape(shape, defaults)).toEqual(parametersForShape(shape));
  for (const { description, bounds, type, default: value } of described) {
    expect(description.length).toBeGreaterThan(20);
    expect(bounds).not.toBe('');
    expect(typeof value === 'number' ? 'integer' : 'text').toBe(type);
  }
});
