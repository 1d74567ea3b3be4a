import type { SiloExpectations } from '../../lib/domain/silo-check.ts';
import { checksFor, componentOfCheck, judgeSilo } from '../../lib/domain/silo-checks.ts';
import { at, expectations, read, sound, type Values } from '../builders/sound-silo.ts';

const closed: SiloExpectations = { ...expectations, access: 'closed', desiredCount: 0, maxCount: 0 };
const host = 'sunrise-aba.example';

/** What is read of a practice whose access is closed, while nothing of what it keeps has changed. */
function soundAndClosed(): Values {
  return {
    ...sound(),
    rules: [
      { priority: '1', hosts: [host], narrower: false, actions: ['fixed-response 503'] },
      { priority: '2', hosts: [host], narrower: false, actions: ['forward'] },
      { priority: 'default', hosts: [], narrower: false, actions: ['fixed-response 404'] },
    ],
    address: { status: 503, tls: 'TLSv1.3' },
    service: { ...sound().service, desired: 0, running: 0 },
    tasks: [],
  };
}

const failing = (values: Values): string[] =>
  judgeSilo(read(values), closed)
    .filter(({ passed }) => !passed)
    .map(({ check }) => check);

test('a closed silo passes although its app answers nothing', () => {
  const error = 'GET /readyz answered status 503';
  const facts = { ...read(soundAndClosed()), readiness: { at, error }, version: { at, error } };
  expect(judgeSilo(facts, closed).filter(({ passed }) => !passed)).toEqual([]);
});

test('a silo that is open is not closed, and a closed one is not open', () => {
  expect(failing(sound())).toEqual(['closed-address', 'closed-entrance', 'closed-service', 'closed-tasks']);
  const asOpen = judgeSilo(read(soundAndClosed()), expectations).filter(({ passed }) => !passed);
  expect(asOpen.map(({ check }) => check)).toContain('service-steady');
});

test.each<[string, (values: Values) => unknown, string]>([
  ['an address that still answers', (v) => (v.address.status = 200), 'closed-address'],
  ['an address that answers 404', (v) => (v.address.status = 404), 'closed-address'],
  ['a task that is still wanted', (v) => (v.service.desired = 1), 'closed-service'],
  ['a task that still runs', (v) => (v.service.running = 1), 'closed-service'],
  ['a task that nobody counts', (v) => (v.tasks = sound().tasks), 'closed-tasks'],
  ['a database that was deleted', (v) => (v.database.status = 'deleting'), 'database-available'],
  [
    'a database without protection',
    (v) => (v.database.deletionProtection = false),
    'database-deletion-protected',
  ],
  ['a disabled key', (v) => (v.key.state = 'Disabled'), 'key-enabled'],
  ['backups that nobody keeps', (v) => (v.backupPlan.rules = []), 'backup-kept-and-copied'],
])('%s is seen', (_what, spoil, check) => {
  const values = soundAndClosed();
  spoil(values);
  expect(failing(values)).toContain(check);
});

test.each<[string, Values['rules']]>([
  [
    'a rule before it leads one path to the app',
    [
      { priority: '1', hosts: [host], narrower: true, actions: ['forward'] },
      { priority: '2', hosts: [host], narrower: false, actions: ['fixed-response 503'] },
    ],
  ],
  [
    'another host name leads to the app',
    [
      { priority: '1', hosts: [host], narrower: false, actions: ['fixed-response 503'] },
      { priority: '2', hosts: ['back-door.example'], narrower: false, actions: ['forward'] },
    ],
  ],
  [
    'only one path is closed',
    [
      { priority: '1', hosts: [host], narrower: true, actions: ['fixed-response 503'] },
      { priority: '2', hosts: [host], narrower: false, actions: ['forward'] },
    ],
  ],
  ['requests are sent elsewhere', [{ priority: '1', hosts: [host], narrower: false, actions: ['redirect'] }]],
])('the entrance is not closed when %s', (_what, rules) => {
  expect(failing({ ...soundAndClosed(), rules })).toEqual(['closed-entrance']);
});

test('every check of a closed silo belongs to a stack, and none but the app’s differs from an open one’s', () => {
  const ids = (access: 'open' | 'closed') => checksFor(access).map(({ id }) => id);
  expect(new Set(ids('closed')).size).toBe(ids('closed').length);
  for (const id of ids('closed')) expect(componentOfCheck(id)).toMatch(/^(foundation|data|service)$/);
  const missing = ids('open').filter((id) => !ids('closed').includes(id));
  expect(new Set(missing.map(componentOfCheck))).toEqual(new Set(['service']));
});
