import { verify } from 'node:crypto';
import { sql } from 'kysely';
import {
  type ReleaseUploadBody,
  releasePageSchema,
  releaseSchema,
} from '../../control-api/contracts/releases.ts';
import { migrate } from '../../lib/db/database.ts';
import { systemActor } from '../../lib/domain/access.ts';
import { ruleChecks } from '../../lib/domain/compliance-report.ts';
import { sha256 } from '../../lib/domain/release-content.ts';
import { preAuthenticationEncoding } from '../../lib/domain/release-signature.ts';
import { publishRelease } from '../../lib/use-cases/publish-release.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { openEmptyDatabase, publishTestRelease } from '../builders/database.ts';
import {
  complianceReport,
  envelopeOf,
  newReleaseKey,
  signedUpload,
  smallRelease,
} from '../builders/signed-release.ts';

const key = newReleaseKey();
const stranger = newReleaseKey();
const fix = { kind: 'fix', notes: 'Repairs the sign-in on old tablets.' } as const;
const security = {
  kind: 'security',
  severity: 'high',
  deadline: '2026-12-04T00:00:00Z',
  notes: 'Closes a session that stayed open.',
  changelogUrl: 'https://lumenality.example/changelog',
} as const;
let api: TestApi;

beforeAll(async () => {
  api = await startTestApi({ releaseKeys: async () => [newReleaseKey(), key] });
});
afterAll(() => api.close());

const publish = (payload: unknown, idempotencyKey = freshKey()) =>
  api.call({
    method: 'POST',
    url: '/v1/releases',
    headers: { 'idempotency-key': idempotencyKey },
    payload: payload as object,
  });
const read = async (id: string) =>
  releaseSchema.parse((await api.call({ url: `/v1/releases/${id}` })).json());
const auditOf = async (id: string) =>
  (await api.call({ url: `/v1/audit?subjectType=release&subjectId=${id}` }))
    .json<{ items: { action: string; details: Record<string, unknown> }[] }>()
    .items.map(({ action, details }) => [action, details['reason'] ?? details['kind']]);

describe('publishing', () => {
  test('a signed release is kept as it was said, once', async () => {
    const upload = signedUpload(key, smallRelease('2.0.0'), security);
    const idempotencyKey = freshKey();
    const answer = await publish(upload, idempotencyKey);
    expect(answer.statusCode).toBe(201);
    expect(releaseSchema.parse(answer.json())).toMatchObject({
      id: upload.manifest.id,
      ...security,
      deadline: '2026-12-04T00:00:00.000Z',
      state: 'published',
      signedBy: [key.keyId],
    });
    const again = await publish(upload, idempotencyKey);
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([201, 'true']);
    expect((await publish(upload)).statusCode).toBe(200);
    expect(await auditOf(upload.manifest.id)).toEqual([['release.published', 'security']]);
    const { templates } = await api.database.db
      .selectFrom('release')
      .select('templates')
      .where('id', '=', upload.manifest.id)
      .executeTakeFirstOrThrow();
    expect(templates).toEqual(upload.templates);
  });

  test('a security release may be handed in again after its deadline, and is refused where it would be new', async () => {
    const upload = signedUpload(key, smallRelease('2.0.2'), security);
    await publish(upload);
    const before = api.clock.at;
    api.clock.at = new Date('2026-12-05T00:00:00Z');
    const answers = [
      await publish(upload),
      await publish(signedUpload(key, smallRelease('2.0.3'), security)),
    ];
    api.clock.at = before;
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 400]);
  });

  test('the same content cannot be published in other words', async () => {
    const release = smallRelease('2.0.1');
    await publish(signedUpload(key, release));
    const answer = await publish(signedUpload(key, release, security));
    expect([answer.statusCode, answer.json().detail]).toEqual([
      409,
      expect.stringMatching(/published already, as a fix release and in other words/),
    ]);
    expect(await read(release.manifest.id)).toMatchObject({ kind: 'fix', deadline: null });
  });

  test('releases are ordered as they were published; a newer one supersedes', async () => {
    const [older, newer] = [smallRelease('2.1.0'), smallRelease('2.1.1')];
    await publish(signedUpload(key, older));
    const before = await read(older.manifest.id);
    expect(before.state).toBe('published');
    await publish(signedUpload(key, newer));
    const after = await read(older.manifest.id);
    expect(after.state).toBe('superseded');
    expect((await read(newer.manifest.id)).ordinal).toBeGreaterThan(before.ordinal);
    const url = `/v1/releases/${newer.manifest.id}/halt`;
    await api.call({ method: 'POST', url, payload: { reason: 'sign-in fails' } });
    expect((await read(older.manifest.id)).state).toBe('published');
    const page = releasePageSchema.parse((await api.call({ url: '/v1/releases' })).json());
    expect(page.items.find(({ id }) => id === newer.manifest.id)?.state).toBe('halted');
  });

  test('what was published never changes, not even in the database', async () => {
    const release = smallRelease('2.1.2');
    await publish(signedUpload(key, release));
    const rows = api.database.db.updateTable('release').where('id', '=', release.manifest.id);
    await expect(rows.set({ notes: 'other' }).execute()).rejects.toThrow(/is immutable/);
    await expect(
      api.database.db.deleteFrom('release').where('id', '=', release.manifest.id).execute(),
    ).rejects.toThrow(/is immutable/);
  });

  test('a control plane that trusts no key says so', async () => {
    const other = await startTestApi({}, undefined, api.database);
    const answer = await other.app.inject({
      method: 'POST',
      url: '/v1/releases',
      headers: { authorization: `Bearer ${api.administrator}`, 'idempotency-key': freshKey() },
      payload: signedUpload(key, smallRelease('2.1.3')),
    });
    await other.app.close();
    expect(answer.json().detail).toMatch(/trusts no key.*LUMENALITY_RELEASE_KEYS/);
  });
});

describe('what is not right is refused, and nothing is kept', () => {
  const whole = smallRelease('3.0.0');
  const changed = (change: (upload: ReleaseUploadBody) => object): unknown => {
    const upload = signedUpload(key, whole);
    return { ...upload, ...change(upload) };
  };
  const withManifest = (over: Partial<ReleaseUploadBody['manifest']>): unknown =>
    signedUpload(key, { ...whole, manifest: { ...whole.manifest, ...over } });
  const withReport = (...report: Parameters<typeof complianceReport>): unknown =>
    signedUpload(key, smallRelease('3.0.0', complianceReport(...report)));
  const { foundation } = whole.manifest.templates;
  const withFoundation = (over: Partial<typeof foundation>): unknown =>
    withManifest({
      templates: { ...whole.manifest.templates, foundation: { ...foundation, ...over } },
    });
  const finding = {
    source: ruleChecks.linter,
    rule: 'E3002',
    resource: 'data/Database',
    severity: 'error',
    reason: 'We think it is fine.',
  };

  test.each<[string, unknown, string, RegExp]>([
    [
      'a template that was changed',
      changed(({ templates }) => ({ templates: { ...templates, data: `${templates.data} ` } })),
      '/templates/data',
      /not the template whose hash/,
    ],
    [
      'a parameter that the manifest does not name',
      withFoundation({ parameters: [] }),
      '/templates/foundation',
      /parameters PracticeId/,
    ],
    [
      'an output that the template does not have',
      withFoundation({ outputs: ['KeyArn', 'SecretArn'] }),
      '/templates/foundation',
      /outputs SecretArn/,
    ],
    ['a wrong size', withFoundation({ bytes: 7 }), '/templates/foundation', /has \d+ bytes/],
    ['another image', withManifest({ migration: '0002-more' }), '/manifest/contentHash', /is not the hash/],
    ['an id of another release', withManifest({ id: 'r-000000000000' }), '/manifest/id', /does not follow/],
    [
      'a report that was changed',
      changed(({ compliance }) => ({ compliance: compliance.replace('HTTPS', 'HTTP') })),
      '/compliance',
      /not the report whose hash/,
    ],
    [
      'an unexplained finding',
      withReport([{ ...finding, source: ruleChecks.nag, reason: undefined as never }]),
      '/compliance',
      /nobody explained: E3002 on data\/Database/,
    ],
    ['an error of the linter', withReport([finding]), '/compliance', /template linter.*E3002/],
    [
      'a finding excused with nothing',
      withReport([{ ...finding, source: ruleChecks.hub, reason: ' ' }]),
      '/compliance',
      /without a reason/,
    ],
    [
      'a check that was not run',
      withReport([], { checks: [] }),
      '/compliance',
      /does not say that .* was run/,
    ],
    ['a report of another form', withReport([], { formatVersion: 2 }), '/compliance', /no compliance report/],
    [
      'a deadline of a fix',
      signedUpload(key, whole, { ...fix, deadline: security.deadline }),
      '/deadline',
      /is for a security release/,
    ],
    [
      'a security release without severity',
      signedUpload(key, whole, { ...fix, kind: 'security', deadline: security.deadline }),
      '/severity',
      /must be given/,
    ],
    [
      'a deadline that is over',
      signedUpload(key, whole, { ...security, deadline: '2026-11-20T11:59:59Z' }),
      '/deadline',
      /in the future/,
    ],
    [
      'a key that nobody trusts',
      signedUpload(stranger, whole),
      '/signature',
      /which this control plane does not trust/,
    ],
    [
      'a key that claims to be another',
      changed(({ signature: { signatures, ...rest } }) => ({
        signature: {
          ...rest,
          signatures: envelopeOf(stranger, whole.manifest, fix).signatures.map(({ sig }) => ({
            sig,
            keyid: signatures[0]?.keyid ?? '',
          })),
        },
      })),
      '/signature',
      /does not fit/,
    ],
    [
      'a signature that was cut off',
      changed(({ signature: { signatures, ...rest } }) => ({
        signature: {
          ...rest,
          signatures: signatures.map(({ keyid, sig }) => ({
            keyid,
            sig: Buffer.from(sig, 'base64').subarray(0, 40).toString('base64'),
          })),
        },
      })),
      '/signature',
      /cut off, changed/,
    ],
    [
      'one good signature beside a stranger’s',
      changed(({ signature }) => ({
        signature: {
          ...signature,
          signatures: [...signature.signatures, ...envelopeOf(stranger, whole.manifest, fix).signatures],
        },
      })),
      '/signature',
      /does not trust/,
    ],
    [
      'words that were not signed',
      changed(() => ({ notes: 'Nothing.' })),
      '/signature',
      /over another notes/,
    ],
    [
      'a signature for another kind',
      { ...signedUpload(key, whole, security), signature: envelopeOf(key, whole.manifest, fix) },
      '/signature',
      /over another .*deadline, kind, .*severity/,
    ],
    [
      'a signature for another release',
      changed(() => ({ signature: envelopeOf(key, smallRelease('3.0.1').manifest, fix) })),
      '/signature',
      /over another manifest/,
    ],
    [
      'a signature over something else',
      changed(({ signature }) => ({ signature: { ...signature, payloadType: 'application/json' } })),
      '/signature',
      /payload type is application\/json/,
    ],
  ])('%s', async (_what, payload, pointer, message) => {
    const answer = await publish(payload);
    expect(answer.statusCode).toBe(400);
    const { errors } = answer.json<{ errors: { pointer: string; message: string }[] }>();
    expect(errors).toContainEqual({ pointer, message: expect.stringMatching(message) });
    expect((await api.call({ url: `/v1/releases/${whole.manifest.id}` })).statusCode).toBe(404);
    expect(await auditOf(whole.manifest.id)).toEqual([]);
  });

  test('and one of the same kind, as it should be, is taken', async () => {
    expect((await publish(signedUpload(key, smallRelease('3.0.9')))).statusCode).toBe(201);
  });
});

test('releases from before have the order of their times, and new ones come after them', async () => {
  const database = await openEmptyDatabase();
  const { db } = database;
  await migrate(db, '0008-schedules');
  for (const [id, at] of [
    ['r-newer', '2026-02-01T00:00:00Z'],
    ['r-older', '2026-01-01T00:00:00Z'],
  ]) {
    await sql`insert into release (id, content_hash, manifest, templates, published_by, published_at)
      values (${id}, ${id}, '{}', '{}', 'test', ${at})`.execute(db);
  }
  await migrate(db);
  const id = await publishTestRelease(database, '7', new Date('2026-03-01T00:00:00Z'));
  const rows = await db.selectFrom('release').select(['id', 'ordinal', 'kind']).orderBy('ordinal').execute();
  await database.close();
  expect(rows).toEqual([
    { id: 'r-older', ordinal: 1, kind: 'feature' },
    { id: 'r-newer', ordinal: 2, kind: 'feature' },
    { id, ordinal: 3, kind: 'feature' },
  ]);
});

test('the bytes that are signed are those of the DSSE protocol', () => {
  // The test vector of protocol.md in github.com/secure-systems-lab/dsse.
  const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
  expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  const { signature } = signedUpload(key, smallRelease('3.0.2'));
  const payload = Buffer.from(signature.payload, 'base64');
  const sig = Buffer.from(signature.signatures[0]?.sig ?? '', 'base64');
  expect(verify('sha256', preAuthenticationEncoding(signature.payloadType, payload), key.key, sig)).toBe(
    true,
  );
});

test('the compliance report is kept and read as it was signed; of older releases nobody has it', async () => {
  const upload = signedUpload(key, smallRelease('3.1.0'));
  const { compliance } = releaseSchema.parse((await publish(upload)).json());
  const answer = await api.call({ url: `/v1/releases/${upload.manifest.id}/compliance` });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([
    200,
    'application/json; charset=utf-8',
  ]);
  expect(answer.body).toBe(upload.compliance);
  expect(compliance).toEqual({ sha256: sha256(answer.body), acknowledged: 1 });
  const rows = api.database.db.updateTable('release').where('id', '=', upload.manifest.id);
  await expect(rows.set({ compliance: '{}' }).execute()).rejects.toThrow(/is immutable/);

  const older = await publishTestRelease(api.database, '8', api.clock.at);
  const missing = await api.call({ url: `/v1/releases/${older}/compliance` });
  expect([missing.statusCode, missing.json().detail]).toEqual([404, expect.stringContaining('was not kept')]);
  expect((await api.call({ url: '/v1/releases/r-ffffffffffff/compliance' })).json().detail).toContain(
    'no such release',
  );
});

test("a release of the control plane's own is not published once more, and the answer says what can be", async () => {
  const own = smallRelease('3.1.1');
  await publishRelease(api.core, own, systemActor);
  expect((await api.call({ url: `/v1/releases/${own.manifest.id}/compliance` })).body).toBe(own.compliance);
  const answer = await publish(signedUpload(key, own));
  expect([answer.statusCode, answer.json().detail]).toEqual([
    409,
    expect.stringMatching(/is this control plane's own.*can deploy it as it is.*other content/),
  ]);
});

test('a preview is asked of a published release and an active practice', async () => {
  const id = await publishTestRelease(api.database, '6', api.clock.at);
  const preview = (release: string, practice: string) =>
    api.call({ url: `/v1/releases/${release}/preview?practice=${practice}` });
  const missing = await Promise.all([
    preview('r-ffffffffffff', 'nobody'),
    preview(id, 'nobody'),
    preview(id, 'X'),
  ]);
  expect(missing.map(({ statusCode }) => statusCode)).toEqual([404, 404, 400]);
  expect(missing.map((answer) => answer.json().detail)).toEqual([
    expect.stringContaining('no such release'),
    expect.stringContaining('no such practice'),
    expect.any(String),
  ]);
});
