import type { ReleaseManifest } from '../../lib/domain/release.ts';
import {
  accessParameters,
  isFillable,
  parametersFor,
  requireFillable,
  standingParameters,
  taskBounds,
} from '../../lib/domain/stack-plan.ts';

type TemplateParameter = ReleaseManifest['templates']['data']['parameters'][number];

const template = (parameters: TemplateParameter[], outputs: string[]) => ({
  file: 'templates/x.json',
  sha256: 'a'.repeat(64),
  bytes: 100,
  parameters,
  outputs,
});
const text = (name: string, over: Partial<TemplateParameter> = {}): TemplateParameter => ({
  name,
  type: 'String',
  ...over,
});

const release = (over: Partial<ReleaseManifest['templates']> = {}): ReleaseManifest => ({
  formatVersion: 1,
  id: 'r-0123456789ab',
  contentHash: '0123456789ab'.padEnd(64, '0'),
  appVersion: '1.0.0',
  migration: '0001-start',
  image: { repository: 'lumenality/practice-app', digest: `sha256:${'c'.repeat(64)}` },
  templates: {
    foundation: template(
      [text('PracticeId'), text('HostName'), text('PrefixList', { default: 'pl-1' })],
      ['KeyArn'],
    ),
    data: template(
      [text('KeyArn'), text('InstanceClass', { allowedPattern: 'db\\.[a-z0-9.]+' })],
      ['Endpoint'],
    ),
    service: template([text('KeyArn'), text('Endpoint'), text('ImageUri')], []),
    ...over,
  },
  compliance: { file: 'c.json', sha256: 'd'.repeat(64), acknowledged: 0, unexplained: 0 },
});

const standing = (
  manifest: ReleaseManifest,
  chosen: Record<string, string> = { InstanceClass: 'db.t4g.micro' },
) =>
  standingParameters({
    practice: { id: 'sunrise-aba', hostName: 'sunrise-aba.example.com' },
    chosen,
    release: manifest,
    cell: { hostedZoneId: 'Z1', imageRegistry: '1.dkr.ecr.us-east-1.amazonaws.com' },
  });

test('parameters come from practice, shape, release and cell, and from earlier outputs before anything else', () => {
  const manifest = release();
  requireFillable(manifest, standing(manifest));
  expect(parametersFor(manifest, 'foundation', standing(manifest), {})).toEqual({
    PracticeId: 'sunrise-aba',
    HostName: 'sunrise-aba.example.com',
    PrefixList: 'pl-1',
  });
  expect(
    parametersFor(
      manifest,
      'service',
      { ...standing(manifest), KeyArn: 'wrong' },
      { KeyArn: 'arn:key', Endpoint: 'db' },
    ),
  ).toEqual({
    KeyArn: 'arn:key',
    Endpoint: 'db',
    ImageUri: `1.dkr.ecr.us-east-1.amazonaws.com/lumenality/practice-app@sha256:${'c'.repeat(64)}`,
  });
});

test('a parameter that nobody can fill is named before anything is deployed', () => {
  const manifest = release({
    service: template([text('KeyArn'), text('QuotaCode'), text('Later')], ['Later']),
  });
  expect(() => requireFillable(manifest, standing(manifest))).toThrow(
    /service\.QuotaCode has no value; service\.Later has no value/,
  );
});

test('a value that its template forbids is named too, and not shown', () => {
  const manifest = release();
  expect(() => requireFillable(manifest, standing(manifest, { InstanceClass: 'secret-looking' }))).toThrow(
    /^Release r-0123456789ab cannot be deployed: data\.InstanceClass does not allow its value\.$/,
  );
});

test('a practice is closed by a release whose service template can do it, and by no other', () => {
  const closed = {
    InstanceClass: 'db.t4g.micro',
    DesiredCount: '2',
    MaxCount: '4',
    ...accessParameters('closed'),
  };
  expect(() => requireFillable(release(), standing(release(), closed))).toThrow(
    /no parameter Access, so it cannot close a practice; update the practice to a newer release first/,
  );
  const able = release({
    service: template(
      [text('KeyArn'), text('Access', { default: 'open', allowedValues: ['open', 'closed'] })],
      [],
    ),
  });
  requireFillable(able, standing(able, closed));
  expect(parametersFor(able, 'service', standing(able, closed), { KeyArn: 'k' })['Access']).toBe('closed');
  expect(taskBounds(closed)).toEqual({ desiredCount: 0, maxCount: 0 });
  expect(taskBounds({ ...closed, ...accessParameters('open') })).toEqual({ desiredCount: 2, maxCount: 4 });
});

test('an output that its stack did not give out stops the next stack', () => {
  expect(() => parametersFor(release(), 'data', standing(release()), {})).toThrow(/needs KeyArn/);
});

test('a stack whose parameter waits for an output that does not exist yet cannot be reviewed yet', () => {
  const manifest = release({
    service: template([text('Endpoint'), text('New'), text('Later', { default: '' })], []),
  });
  const outputs = { KeyArn: 'arn:key', Endpoint: 'db' };
  expect(isFillable(manifest, 'service', standing(manifest), outputs)).toBe(false);
  expect(isFillable(manifest, 'service', standing(manifest), { ...outputs, New: 'there' })).toBe(true);
});
