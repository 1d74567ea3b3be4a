import { randomUUID } from 'node:crypto';
import { accessTable, type Role } from '../../tenant-template/app/access.ts';
import {
  Browser,
  becomeOwner,
  hire,
  type Person,
  type Practice,
  type Practices,
  startPractices,
} from './practice.ts';

let practices: Practices;
beforeAll(async () => {
  practices = await startPractices();
});
afterAll(() => practices.stop());

const CHILD = { name: 'Ada Okafor-Lindqvist', dateOfBirth: '2019-04-30' };
const NOTE = 'Produced /r/ in 7 of 10 trials.';

async function addClient(person: Person, client: object = CHILD): Promise<string> {
  const added = await person.browser.api('POST', '/api/clients', client);
  expect(added.statusCode).toBe(201);
  return added.json<{ id: string }>().id;
}

describe('the records', () => {
  let practice: Practice;
  let owner: Person;
  beforeAll(async () => {
    practice = await practices.open();
    owner = await becomeOwner(practice);
  });
  const lastEvents = async (count: number) => {
    const { rows } = await practice.master.query(
      'SELECT action, actor, record_type, record_id, address, details FROM audit_event ORDER BY id DESC LIMIT $1',
      [count],
    );
    return rows.reverse() as Array<Record<string, unknown>>;
  };

  test('are read as they were written, by program and by page, and are ciphertext in the database', async () => {
    const id = await addClient(owner);
    const written = await owner.browser.api('POST', `/api/clients/${id}/notes`, { text: NOTE });
    expect(written.statusCode).toBe(201);
    const read = (await owner.browser.api('GET', `/api/clients/${id}`)).json<object>();
    expect(read).toMatchObject({ id, ...CHILD });
    const page = (await owner.browser.get(`/clients/${id}`)).body;
    expect(page).toContain('<h1>Ada Okafor-Lindqvist</h1>');
    // Browsers keep titles in their history.
    expect(page).toContain('<title>Client</title>');
    expect(page).toContain(NOTE);

    const { rows } = await practice.master.query<{ client: Buffer; born: Buffer; note: Buffer }>(
      'SELECT c.name AS client, c.date_of_birth AS born, n.text AS note FROM client c JOIN note n ON n.client_id = c.id WHERE c.id = $1',
      [id],
    );
    const stored = Buffer.concat(Object.values(rows[0] ?? {})).toString('latin1');
    for (const plain of ['Ada', 'Okafor', '2019-04-30', '/r/', 'trials']) expect(stored).not.toContain(plain);
    const trail = await practice.master.query('SELECT * FROM audit_event');
    const told = JSON.stringify(trail.rows) + practice.logged.join('');
    for (const plain of ['Okafor', '2019-04-30', 'trials']) expect(told).not.toContain(plain);
  });

  test('leave an event for each change and each read: who, what, which record, from where', async () => {
    const { id: actor } = (await owner.browser.api('GET', '/api/me')).json<{ id: string }>();
    const by = { actor, address: '203.0.113.7' };
    const id = await addClient(owner);
    const client = { record_type: 'client', record_id: id };
    expect(await lastEvents(1)).toMatchObject([{ action: 'client.created', ...by, ...client }]);
    const first = (await owner.browser.api('POST', `/api/clients/${id}/notes`, { text: NOTE })).json<{
      id: string;
    }>();
    const second = (
      await owner.browser.api('POST', `/api/clients/${id}/notes`, { text: 'It was 8.', amends: first.id })
    ).json<{ id: string }>();
    expect(await lastEvents(2)).toMatchObject([
      { action: 'note.written', ...by, record_type: 'note', record_id: first.id, details: { client: id } },
      { action: 'note.amended', record_id: second.id, details: { client: id, amends: first.id } },
    ]);
    await owner.browser.get(`/clients/${id}`);
    expect(await lastEvents(2)).toMatchObject([
      { action: 'client.read', ...by, ...client },
      { action: 'notes.read', ...by, ...client, details: { notes: [second.id, first.id] } },
    ]);
    await owner.browser.get('/clients');
    expect(await lastEvents(1)).toMatchObject([
      { action: 'client.listed', details: { clients: expect.arrayContaining([id]) } },
    ]);
    await owner.browser.get('/audit');
    expect(await lastEvents(1)).toMatchObject([{ action: 'audit.read', ...by }]);
    const shown = (await owner.browser.api('GET', '/api/audit')).json<{
      items: Array<{ actorName: string }>;
    }>();
    expect(shown.items[0]).toMatchObject({ action: 'audit.read', actorName: 'The owner' });
  });

  test('of a client can be corrected, by program and by page', async () => {
    const id = await addClient(owner, { ...CHILD, name: 'Ada Okafar' });
    const corrected = await owner.browser.api('PUT', `/api/clients/${id}`, { ...CHILD, name: 'Ada Okafor' });
    expect(corrected.statusCode).toBe(204);
    expect(await lastEvents(1)).toMatchObject([{ action: 'client.corrected', record_id: id }]);
    expect((await owner.browser.get(`/clients/${id}`)).body).toContain('value="Ada Okafor"');
    const form = { name: 'Ada Okafor', dateOfBirth: '2019-04-29' };
    expect((await owner.browser.post(`/clients/${id}`, form)).headers.location).toBe(`/clients/${id}`);
    expect((await owner.browser.api('GET', `/api/clients/${id}`)).json()).toMatchObject(form);
    expect((await owner.browser.api('PUT', `/api/clients/${randomUUID()}`, CHILD)).statusCode).toBe(404);
  });

  test('are not answered, and not changed, when the event cannot be written', async () => {
    const id = await addClient(owner);
    await practice.master.query('REVOKE INSERT ON audit_event FROM practice_app');
    try {
      const client = `/api/clients/${id}`;
      for (const url of [client, `${client}/notes`, '/api/clients', '/api/staff', '/api/audit']) {
        const read = await owner.browser.api('GET', url);
        expect([url, read.statusCode, read.body.includes('Okafor')]).toEqual([url, 500, false]);
      }
      const change = await owner.browser.api('POST', `/api/clients/${id}/notes`, { text: NOTE });
      expect(change.statusCode).toBe(500);
    } finally {
      await practice.master.query(
        'GRANT INSERT (actor, action, release_id, record_type, record_id, address, details) ON audit_event TO practice_app',
      );
    }
    const { rows } = await practice.master.query('SELECT FROM note WHERE client_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  test('do not decrypt in another place than they were written for, or when they were altered', async () => {
    const [ada, ben] = [await addClient(owner), await addClient(owner, { ...CHILD, name: 'Ben Marsh' })];
    const read = (id: string) => owner.browser.api('GET', `/api/clients/${id}`);
    // Another row's, another column's, and a changed byte.
    const damages = [
      'UPDATE client SET name = (SELECT name FROM client WHERE id = $2) WHERE id = $1',
      'UPDATE client SET name = date_of_birth WHERE id = $1 AND $2::uuid IS NOT NULL',
      'UPDATE client SET name = set_byte(name, length(name) - 40, get_byte(name, length(name) - 40) # 1) WHERE id = $1 AND $2::uuid IS NOT NULL',
    ];
    for (const damage of damages) {
      const { rows } = await practice.master.query('SELECT name FROM client WHERE id = $1', [ada]);
      await practice.master.query(damage, [ada, ben]);
      const answer = await read(ada);
      expect([answer.statusCode, answer.body]).toEqual([
        500,
        expect.stringContaining('not what this app wrote'),
      ]);
      expect(answer.body).not.toContain('Ben');
      await practice.master.query('UPDATE client SET name = $2 WHERE id = $1', [ada, rows[0].name]);
    }
    expect((await read(ada)).json()).toMatchObject({ name: CHILD.name });
    expect((await read(ben)).json()).toMatchObject({ name: 'Ben Marsh' });
  });

  test('cannot be read or written from the moment the key is disabled, and can again when it is enabled', async () => {
    const id = await addClient(owner);
    await practice.disableKey();
    for (const url of [`/api/clients/${id}`, '/api/clients']) {
      const answer = await owner.browser.api('GET', url);
      expect([answer.statusCode, answer.json()]).toEqual([
        503,
        expect.objectContaining({ detail: expect.stringContaining('key cannot be used') }),
      ]);
    }
    expect((await owner.browser.api('POST', '/api/clients', CHILD)).statusCode).toBe(503);
    await practice.enableKey();
    expect((await owner.browser.api('GET', `/api/clients/${id}`)).json()).toMatchObject(CHILD);
  });

  test('are listed a page at a time, newest first, each once', async () => {
    const listed = await practices.open();
    const person = await becomeOwner(listed);
    const added: string[] = [];
    for (let count = 0; count < 28; count += 1) {
      // Some at the same moment: the id decides then.
      if (count % 3 === 0) listed.clock.now = new Date(listed.clock.now.getTime() + 1);
      added.push(await addClient(person, { ...CHILD, name: `Child ${count}` }));
    }
    interface List {
      readonly items: ReadonlyArray<{ id: string; dateOfBirth?: string }>;
      readonly next?: string;
    }
    const first = (await person.browser.api('GET', '/api/clients')).json<List>();
    const second = (await person.browser.api('GET', `/api/clients?cursor=${first.next}`)).json<List>();
    expect([first.items.length, second.items.length, second.next]).toEqual([25, 3, undefined]);
    const seen = [...first.items, ...second.items];
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set(added));
    expect(added.slice(-3)).toContain(seen[0]?.id);
    // What is not needed to find somebody is not decrypted.
    expect(seen.some(({ dateOfBirth }) => dateOfBirth !== undefined)).toBe(false);
    for (const cursor of ['1.2', `1.${'-'.repeat(36)}`]) {
      expect((await person.browser.api('GET', `/api/clients?cursor=${cursor}`)).statusCode).toBe(400);
    }
  });

  test('on a client are shown a page of notes at a time, newest first, under numbers that stay', async () => {
    const id = await addClient(owner);
    const notes = `/api/clients/${id}/notes`;
    const write = async (note: object) =>
      (await owner.browser.api('POST', notes, note)).json<{ id: string }>().id;
    const first = await write({ text: 'Note the first' });
    for (let count = 2; count < 27; count += 1) await write({ text: `Note ${count}` });
    await write({ text: 'It was another one', amends: first });
    interface List {
      readonly items: ReadonlyArray<{ number: number; text: string; amendsNumber: number | null }>;
      readonly next?: string;
    }
    const newest = (await owner.browser.api('GET', notes)).json<List>();
    expect(newest.items.map(({ number }) => number)).toEqual(Array.from({ length: 25 }, (_, at) => 27 - at));
    expect(newest.items[0]).toMatchObject({ text: 'It was another one', amendsNumber: 1 });
    const oldest = (await owner.browser.api('GET', `${notes}?before=${newest.next}`)).json<List>();
    expect(oldest).toMatchObject({ items: [{ number: 2 }, { number: 1, text: 'Note the first' }] });
    expect(oldest.next).toBeUndefined();
    // Who reads no more than a page has not read the rest, and the trail says so.
    expect((await lastEvents(1))[0]).toMatchObject({ details: { notes: [expect.anything(), first] } });
    const page = (await owner.browser.get(`/clients/${id}`)).body;
    expect(page).toContain(`<a href="?before=2#note-${first}">note 1</a>`);
    expect(page).toContain(`<a href="/clients/${id}?before=3">Older notes</a>`);
    expect((await owner.browser.api('GET', `${notes}?before=all`)).statusCode).toBe(400);
  });

  test('show what people typed as text, never as a page', async () => {
    const id = await addClient(owner, { ...CHILD, name: `<script>alert('x')</script> & "Sons"` });
    const { body } = await owner.browser.get(`/clients/${id}`);
    expect(body).not.toContain('<script>');
    expect(body).toContain('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;Sons&quot;');
  });

  test.each([
    ['no name', { ...CHILD, name: '  ' }, /name: must not be empty/],
    ['a date that is none', { ...CHILD, dateOfBirth: '2019-02-30' }, /dateOfBirth: must be a date/],
    ['nothing', {}, /name: .*; dateOfBirth: /],
    ['a date to come', { ...CHILD, dateOfBirth: '2026-11-22' }, /lies in the future/],
    ['a name that turns round', { ...CHILD, name: 'Ada\u202enosirroM' }, /name: must not hold control/],
    ['half a name', { ...CHILD, name: 'Ada\u0000' }, /name: must not hold control/],
  ])('refuse a client with %s, and say what is wrong', async (_what, client, message) => {
    const answer = await owner.browser.api('POST', '/api/clients', client);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ status: 400, detail: expect.stringMatching(message) });
  });
});

describe('the role that requests run as', () => {
  test.each([
    "UPDATE audit_event SET actor = 'nobody'",
    'DELETE FROM audit_event',
    'TRUNCATE audit_event',
    "INSERT INTO audit_event (occurred_at, actor, action, release_id) VALUES ('1999-01-01', 'nobody', 'x', 'r-1')",
    "INSERT INTO audit_event (id, actor, action, release_id) OVERRIDING SYSTEM VALUE VALUES (1, 'nobody', 'x', 'r-1')",
    'DELETE FROM owner_link',
    "UPDATE note SET text = ''",
    'DELETE FROM note',
    'DELETE FROM client',
    'DELETE FROM staff',
    'UPDATE staff SET email = lower(email)',
    'SELECT wrapped_data_key FROM silo_identity',
    'SELECT * FROM schema_migration',
    'CREATE TABLE mine (id int)',
    'CREATE TEMPORARY TABLE mine (id int)',
    'ALTER TABLE note DISABLE TRIGGER note_is_append_only',
    'DROP TABLE session',
    'CREATE ROLE mine',
    'SET ROLE lumenality',
    'SET session_replication_role = replica',
    "COPY client TO PROGRAM 'cat'",
  ])('may not %s', async (statement) => {
    const { appPool } = await anyPractice();
    await expect(appPool.query(statement)).rejects.toMatchObject({
      code: '42501',
      // By its rights alone, and not by a trigger that somebody may drop.
      message: expect.stringMatching(/permission denied|must be owner/),
    });
  });

  test('owns nothing', async () => {
    const { master } = await anyPractice();
    const { rows } = await master.query(
      "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'practice_app'",
    );
    expect(rows).toEqual([]);
  });

  let opened: Promise<Practice> | undefined;
  function anyPractice(): Promise<Practice> {
    opened ??= practices.open();
    return opened;
  }
});

describe('who may do what', () => {
  /** Said here once more, by role, so that a change of access.ts is noticed. */
  const expected: Readonly<Record<Role, readonly string[]>> = {
    owner: [
      'clients.read',
      'clients.write',
      'notes.read',
      'notes.write',
      'staff.read',
      'staff.manage',
      'audit.read',
    ],
    practice_manager: ['clients.read', 'clients.write', 'staff.read', 'audit.read'],
    therapist: ['clients.read', 'notes.read', 'notes.write'],
    intake: ['clients.read', 'clients.write'],
    billing: ['clients.read'],
    it_administrator: ['staff.read', 'staff.manage', 'audit.read'],
  };
  const routes = Object.entries(accessTable).map(([route, access]) => {
    const [method = '', url = ''] = route.split(' ');
    return { route, method: method as 'GET' | 'POST' | 'PUT', url: url.replace(':id', randomUUID()), access };
  });
  const guarded = routes.filter(({ access }) => access !== 'public');

  let practice: Practice;
  const people = new Map<string, Person>();
  beforeAll(async () => {
    practice = await practices.open();
    const owner = await becomeOwner(practice);
    people.set('owner', owner);
    for (const role of Object.keys(expected).filter((role) => role !== 'owner')) {
      people.set(role, await hire(practice, owner, role));
    }
  });

  test('nobody without a session gets past a route that is not public', async () => {
    const stranger = new Browser(practice);
    stranger.cookies.set('__Host-session', 'made-up');
    for (const { route, method, url } of guarded) {
      const { statusCode } = await stranger.api(method, url, method === 'GET' ? undefined : {});
      expect([route, statusCode]).toEqual([route, 401]);
    }
  });

  test.each(Object.entries(expected))('%s', async (role, allowed) => {
    const { browser } = people.get(role) as Person;
    for (const { route, method, url, access } of guarded.filter(({ route }) => route !== 'POST /sign-out')) {
      const { statusCode } = await browser.api(method, url, method === 'GET' ? undefined : {});
      const refused = access !== 'signed-in' && !allowed.includes(access);
      expect([route, statusCode === 403]).toEqual([route, refused]);
    }
    const { rows } = await practice.master.query("SELECT FROM audit_event WHERE action = 'access.refused'");
    if (role === 'billing') expect(rows.length).toBeGreaterThan(5);
  });
});
