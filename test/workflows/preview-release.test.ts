import { siloShapes } from '../../bin/silo-shapes.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { components, type Release } from '../../lib/domain/release.ts';
import { previewRelease, type SiloOf } from '../../lib/use-cases/preview-release.ts';
import { provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { updatePractice } from '../../lib/workflows/update-practice.ts';
import { type CoreWithWorker, startCoreWithWorker, withoutApp } from '../builders/core-with-worker.ts';
import { type SmallCloud, smallRelease, startSmallCloud } from '../builders/small-silo.ts';

const first = smallRelease({});
const inPlace = smallRelease({ retentionDays: 60 });
const replacing = smallRelease({ records: 'two' });
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

let cloud: SmallCloud;
let plane: CoreWithWorker;
let siloOf: SiloOf;

beforeAll(async () => {
  cloud = await startSmallCloud();
  const parts = { ports: cloud.ports, shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 20 };
  siloOf = async () => parts;
  plane = await startCoreWithWorker({
    definitions: [provisionPractice(parts), updatePractice(parts)].map(
      withoutApp('close-default-security-group'),
    ),
    releases: [first, inPlace, replacing],
  });
  await plane.provision('linden');
});
afterAll(async () => {
  await plane.stop();
  await cloud.stop();
});

const preview = (
  release: Release,
  signal: AbortSignal = new AbortController().signal,
  silo: SiloOf = siloOf,
  practiceId = 'linden',
) =>
  previewRelease(plane.core, { siloOf: silo, log }, { releaseId: release.manifest.id, practiceId }, signal);
const nothingIsLeft = async () => {
  for (const component of components) {
    const stack = `lumenality-linden-${component}`;
    expect(await cloud.openChangeSets(stack)).toEqual([]);
    expect(await cloud.templateOf(stack)).toBe(first.templates[component]);
  }
};

test('shows each change as the update would judge it, and changes nothing', async () => {
  const { from, stacks } = await preview(inPlace);
  expect(from).toBe(first.manifest.id);
  expect(stacks.map(({ component }) => component)).toEqual([...components]);
  const data = stacks.find(({ component }) => component === 'data');
  expect(data?.state).toBe('changed');
  expect(data?.changes).toContainEqual(
    expect.objectContaining({ logicalId: 'Records', effect: 'safe', verdict: 'allowed' }),
  );
  await nothingIsLeft();
});

test('shows what the update would refuse', async () => {
  const { stacks } = await preview(replacing);
  const data = stacks.find(({ component }) => component === 'data');
  expect(data?.state).toBe('refused');
  expect(data?.changes).toContainEqual(
    expect.objectContaining({
      logicalId: 'Records',
      verdict: 'refused',
      reason: expect.stringContaining('LogGroupName would change'),
    }),
  );
  await nothingIsLeft();
});

test('the release that the practice has changes nothing', async () => {
  expect((await preview(first)).stacks.map(({ state }) => state)).toEqual(components.map(() => 'unchanged'));
});

test('who asked may go: no change set stays behind', async () => {
  const gone = new AbortController();
  const silo = await siloOf('linden');
  const { stacks } = silo.ports;
  const leaving: SiloOf = async () => ({
    ...silo,
    ports: {
      stacks: {
        ...stacks,
        describeChangeSet: async (id, signal) => {
          expect(await cloud.openChangeSets('lumenality-linden-foundation')).toHaveLength(1);
          gone.abort();
          return stacks.describeChangeSet(id, signal);
        },
      },
    },
  });
  await expect(preview(inPlace, gone.signal, leaving)).rejects.toThrow();
  await nothingIsLeft();
});

test('a run of the practice that is open, or begins meanwhile, is named', async () => {
  await plane.provision('rowan');
  const silo = await siloOf('rowan');
  const { stacks } = silo.ports;
  let runId = '';
  const overtaken: SiloOf = async () => ({
    ...silo,
    ports: {
      stacks: {
        ...stacks,
        createChangeSet: async () => {
          runId = await plane.ask('rowan', inPlace);
          throw new Error('the stack is being updated');
        },
      },
    },
  });
  const refused = expect.objectContaining({ code: 'wrong_state', message: expect.stringContaining('Run ') });
  await expect(preview(inPlace, undefined, overtaken, 'rowan')).rejects.toEqual(refused);
  await expect(preview(inPlace, undefined, siloOf, 'rowan')).rejects.toEqual(refused);
  expect((await plane.ended(runId)).error).toBeNull();
});
