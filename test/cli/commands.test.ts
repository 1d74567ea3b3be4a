import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { problemSchema } from '../../control-api/contracts/common.ts';
import { costSchema, practiceCostSchema } from '../../control-api/contracts/cost.ts';
import { practicePageSchema } from '../../control-api/contracts/practices.ts';
import { approvalSchema, signUpPageSchema, signUpSchema } from '../../control-api/contracts/sign-ups.ts';
import { signUpRequestSchema } from '../../lib/domain/sign-up.ts';
import { publishTestRelease } from '../builders/database.ts';
import { freshNpi, signUpRequest } from '../builders/sign-up.ts';
import { shippedTemplates } from '../builders/templates.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Answer, launcher, startCli } from './run-cli.ts';
import { runHere } from './run-here.ts';

const fixtures = resolve(__dirname, '../fixtures/practices');

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(async () => {
  await plane.close();
});

type Runner = (args: readonly string[], env?: Record<string, string>, stdin?: string) => Promise<Answer>;
const given = (env = {}, stdin = '') => ({
  env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token, ...env },
  stdin,
});
/** One command as an administrator, unless the environment says otherwise. */
const cli: Runner = (args, env, stdin) => runHere(args, given(env, stdin));
/** The same in a process of its own. */
const cliProcess: Runner = (args, env, stdin) => startCli(args, given(env, stdin)).ended;

async function stateOf(signUpId: string): Promise<string> {
  const answer = await plane.api.call({ method: 'GET', url: `/v1/signups/${signUpId}` });
  return signUpSchema.parse(answer.json()).state;
}

const submit = (request: object) => cli(['signup', 'submit', '--file', '-'], {}, JSON.stringify(request));

describe('cost', () => {
  test('lines, dearest first, and a sum that says what it is and is not', async () => {
    await publishTestRelease(plane.api.database, 'c', new Date(), shippedTemplates());
    const shown = await cli(['cost', '--shape', 'solo', '--release', 'r-cccccccccccc']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/^ITEM +RESOURCE +QUANTITY +UNIT PRICE +USD A MONTH +BASIS$/m);
    expect(shown.stdout).toMatch(/^Load balancer +EntranceLoadBalancer +730 hour +0\.0225 +16\.43 +fixed$/m);
    expect(shown.stdout).toMatch(/A solo silo in release r-c{12}: \d+\.\d\d USD a month/);
    expect(shown.stdout).toContain('Not a bill');

    const document = await cli(['cost', '--shape', 'solo', '--release', 'r-cccccccccccc', '--json']);
    expect(costSchema.parse(JSON.parse(document.stdout)).shape).toBe('solo');

    const { practiceId } = await plane.approved('Priced Speech');
    const practice = await cli(['practice', 'cost', 'priced', '--json']);
    expect(practiceCostSchema.parse(JSON.parse(practice.stdout)).practiceId).toBe(practiceId);
  });

  test('a shape that is not there is a typing error that lists those that are', async () => {
    const answer = await cli(['cost', '--shape', 'huge']);
    expect(answer.code).toBe(2);
    expect(answer.stderr).toContain('solo, group, enterprise');
  });
});

describe('from sign-up to practice', () => {
  test('a file is signed up without a token, found by name and approved', async () => {
    const file = join(fixtures, 'sunrise-aba.json');
    const submitted = await cliProcess(['signup', 'submit', '--file', file], { LUMENALITY_TOKEN: '' });
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    expect(submitted.stdout).toContain('Next: npx lumenality signup approve');

    const shown = await cliProcess(['signup', 'show', 'sunrise-aba']);
    expect(shown.stdout).toContain('Sunrise Applied Behavior Analysis LLC');

    const approved = await cliProcess(['signup', 'approve', 'Sunrise ABA', '--reason', 'checked', '--json']);
    expect(approved).toMatchObject({ code: 0, stderr: '' });
    expect(approvalSchema.parse(JSON.parse(approved.stdout)).practiceId).toBe('sunrise-aba');

    const again = await cliProcess(['signup', 'approve', 'sunrise-aba', '--reason', 'checked']);
    expect(again.code).toBe(4);
    expect(again.stderr).toContain('approved already');
  });

  test('flags set single fields over a file, and a missing agreement is recorded later', async () => {
    const { agreement: _, ...request } = signUpRequest({ displayName: 'Before' });
    const args = [
      'signup',
      'submit',
      '--file',
      '-',
      '--display-name',
      'Lakeside PT',
      '--disciplines',
      'physical',
    ];
    const submitted = await cli(args, {}, JSON.stringify(request));
    expect(submitted.stdout).toContain('npx lumenality signup agree');

    const early = await cli(['signup', 'approve', 'lakeside-pt', '--reason', 'checked']);
    expect(early.code).toBe(4);

    const agreed = await cli([
      'signup',
      'agree',
      'lakeside-pt',
      '--accepted-by',
      'Lee Moss',
      '--agreement-version',
      '2026-01',
      '--json',
    ]);
    expect(signUpSchema.parse(JSON.parse(agreed.stdout))).toMatchObject({
      disciplines: ['physical'],
      agreement: { acceptedBy: 'Lee Moss' },
    });
  });

  test('each wrong field is one line that names the flag, and nothing is on stdout', async () => {
    const request = { ...signUpRequest(), npi: '1234567890', extra: true };
    const args = ['signup', 'submit', '--file', '-', '--contact-phone', '555-0100'];
    const [told, json] = await Promise.all([
      cliProcess(args, {}, JSON.stringify(request)),
      cliProcess([...args, '--json'], {}, JSON.stringify(request)),
    ]);
    expect(told).toMatchObject({ code: 2, stdout: '' });
    expect(told.stderr).toMatch(/^ {2}--npi \(\/npi\): must be a National Provider Identifier/m);
    expect(told.stderr).toMatch(/^ {2}--contact-phone \(\/contact\/phone\): must be a phone number/m);
    expect(told.stderr).toMatch(/^ {2}\/extra: is not a field/m);
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expect(problemSchema.parse(JSON.parse(json.stderr)).errors).toHaveLength(3);
  });

  test('an idempotency key makes a repeat the same sign-up; without one it conflicts', async () => {
    const text = JSON.stringify(signUpRequest({ displayName: 'Twice' }));
    const args = ['signup', 'submit', '--file', '-', '--json', '--idempotency-key', `cli-${freshNpi()}`];
    const first = await cli(args, {}, text);
    const second = await cli(args, {}, text);
    expect(second).toEqual(first);
    expect((await cli(['signup', 'submit', '--file', '-'], {}, text)).code).toBe(4);
  });

  test('a file that is no JSON, or not there, is told before anything is sent', async () => {
    const [text, list, missing] = await Promise.all([
      cli(['signup', 'submit', '--file', '-'], {}, '{"npi":'),
      cli(['signup', 'submit', '--file', '-'], {}, '[]'),
      cli(['signup', 'submit', '--file', 'nowhere.json']),
    ]);
    expect([text.code, list.code, missing.code]).toEqual([2, 2, 2]);
    expect(text.stderr).toContain('- is no JSON');
    expect(list.stderr).toContain('must hold one JSON object');
    expect(missing.stderr).toContain('nowhere.json cannot be read');
  });
});

test('it starts from a checkout without a build', async () => {
  const { code, stdout } = await startCli(['--version'], { program: launcher }).ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: '0.1.0\n' });
});

describe('what cannot be undone', () => {
  test('is refused without a terminal and without --yes, and nothing happens', async () => {
    const id = await plane.signUp('Doubtful');
    const asked = await cliProcess(['signup', 'reject', id, '--reason', 'not a practice']);
    expect(asked).toMatchObject({ code: 2, stdout: '' });
    expect(asked.stderr).toContain('repeat the command with --yes');
    expect(await stateOf(id)).toBe('requested');

    const sure = await cli(['signup', 'reject', id, '--reason', 'not a practice', '--yes']);
    expect(sure.code).toBe(0);
    expect(await stateOf(id)).toBe('rejected');
  });
});

describe('finding things', () => {
  test('a start of an id is enough when it is unique; an ambiguous one lists what it fits', async () => {
    const ids = await Promise.all([
      plane.signUp('Prefix One'),
      plane.signUp('Same Name'),
      plane.signUp('Same Name'),
    ]);
    const byStart = await cli(['signup', 'show', (ids[0] ?? '').slice(0, 13), '--json']);
    expect(JSON.parse(byStart.stdout)).toMatchObject({ id: ids[0] });
    const ambiguous = await cli(['signup', 'show', 'same-name']);
    expect(ambiguous.code).toBe(2);
    for (const id of ids.slice(1)) expect(ambiguous.stderr).toContain((id ?? '').slice(0, 8));
  });

  test('so is a start of a name; an ambiguous one changes nothing', async () => {
    const ids = await Promise.all([
      plane.signUp('Quillwort Speech'),
      plane.signUp('Quincy Counseling'),
      plane.signUp('Quincy Counseling'),
    ]);
    const ambiguous = await cli(['signup', 'approve', 'qui', '--reason', 'checked']);
    expect(ambiguous.code).toBe(2);
    expect(ambiguous.stderr).toContain('Quillwort Speech (requested)');
    expect(ambiguous.stderr).toContain('Quincy Counseling (requested)');
    expect(await Promise.all(ids.map((id) => stateOf(id)))).toEqual(['requested', 'requested', 'requested']);
    expect((await cli(['signup', 'approve', '', '--reason', 'checked'])).code).toBe(3);

    const approved = await cli(['signup', 'approve', 'quill', '--reason', 'checked', '--json']);
    expect(approvalSchema.parse(JSON.parse(approved.stdout)).practiceId).toBe('quillwort-speech');
    const run = await cli(['run', 'show', 'Quillw', '--json']);
    expect(JSON.parse(run.stdout)).toMatchObject({ practiceId: 'quillwort-speech' });

    // A practice that signs up again after a rejection is meant by its open sign-up.
    await cli(['signup', 'reject', ids[1] ?? '', '--reason', 'wrong NPI', '--yes']);
    const open = await cli(['signup', 'show', 'quinc', '--json']);
    expect(JSON.parse(open.stdout)).toMatchObject({ id: ids[2] });
  });

  test('what is not there is exit code 3, whatever it is', async () => {
    const answers = await Promise.all([
      cli(['signup', 'show', 'nobody']),
      cli(['practice', 'show', 'nobody']),
      cli(['run', 'show', 'nobody']),
      cli(['run', 'watch', 'abcd']),
      cli(['token', 'revoke', 'nobody', '--yes']),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([3, 3, 3, 3, 3]);
  });

  test('pages end at --limit and say so; --all reads to the end', async () => {
    await Promise.all([plane.signUp('Page A'), plane.signUp('Page B'), plane.signUp('Page C')]);
    const [some, all, told] = await Promise.all([
      cli(['signup', 'list', '--limit', '2', '--json']),
      cli(['signup', 'list', '--all', '--json']),
      cli(['signup', 'list', '--limit', '2']),
    ]);
    const first = signUpPageSchema.parse(JSON.parse(some.stdout));
    expect(first.items).toHaveLength(2);
    const rest = await cli(['signup', 'list', '--all', '--json', '--cursor', first.nextCursor ?? '']);
    const everything = signUpPageSchema.parse(JSON.parse(all.stdout));
    expect(everything.nextCursor).toBeNull();
    expect(signUpPageSchema.parse(JSON.parse(rest.stdout)).items).toHaveLength(everything.items.length - 2);
    expect(told.stdout).toContain('There are more');
  });
});

describe('screens', () => {
  test('tables wrap into the screen and lose nothing; in a pipe a row is a line', async () => {
    const name = 'The Very Long Name of a Practice That Takes More Than One Line of Any Table';
    const { practiceId } = await plane.approved(name);
    await plane.evidence(practiceId, 'database-encrypted-with-exactly-the-key-of-this-practice', true);
    const answers = await Promise.all([
      cli(['signup', 'list'], { COLUMNS: '80' }),
      cli(['practice', 'list'], { COLUMNS: '80' }),
      cli(['practice', 'evidence', practiceId, '--full'], { COLUMNS: '80' }),
      cli(['run', 'list'], { COLUMNS: '80' }),
      cli(['audit', 'list'], { COLUMNS: '80' }),
      cli(['release', 'list'], { COLUMNS: '80' }),
    ]);
    for (const { code, stdout } of answers) {
      expect(code).toBe(0);
      expect(stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('Next'))).toEqual([]);
    }
    expect(answers[5]?.stdout).toMatch(/r-a{12} .* sha256:a{8}…/);
    const squeezed = (answers[0]?.stdout ?? '').replace(/\s/g, '');
    expect(squeezed).toContain('TheVeryLong');
    expect((await cli(['signup', 'list'])).stdout).toContain(name);
  });

  test('ARNs are short where expected and observed agree, and whole where they differ or with --wide', async () => {
    const { practiceId } = await plane.approved('Abbreviated');
    const key = 'arn:aws:kms:us-east-1:000000000000:key/52003237-4d93-4b96-b48b-639e8d00ebf4';
    await plane.evidence(practiceId, 'secret-under-key', true, key);
    const agreed = await cli(['practice', 'evidence', practiceId]);
    expect(agreed.stdout).toMatch(/secret-under-key +key\/52003237… +key\/52003237… +yes/);
    expect((await cli(['practice', 'evidence', practiceId, '--wide'])).stdout).toContain(`${key}  ${key}`);
    const replicable = 'arn:aws:kms:us-east-1:000000000000:key/mrk-52003237aaaabbbbccccddddeeeeffff';
    await plane.evidence(practiceId, 'vault-under-key', true, replicable);
    await plane.evidence(practiceId, 'database-encrypted-with-key', false, key);
    const differing = await cli(['practice', 'evidence', practiceId]);
    expect(differing.stdout).toMatch(new RegExp(`database-encrypted-with-key +${key} +disabled`));
    expect(differing.stdout).toMatch(/vault-under-key +key\/mrk-52003237… /);
  });

  test('a failed check makes evidence exit with 1 and stand out', async () => {
    const { practiceId } = await plane.approved('Checked');
    await plane.evidence(practiceId, 'key-enabled', true);
    await plane.evidence(practiceId, 'key-rotation', false);
    const answer = await cli(['practice', 'evidence', practiceId]);
    expect(answer.code).toBe(1);
    expect(answer.stdout).toMatch(/key-rotation +enabled +disabled +NO/);
    expect(answer.stdout).toContain('1 of 2 checks passed');
  });

  test('a check that was mended counts by its last word; --all shows the first one too', async () => {
    const { practiceId } = await plane.approved('Mended');
    await plane.evidence(practiceId, 'key-enabled', false);
    await plane.evidence(practiceId, 'key-enabled', true);
    const newest = await cli(['practice', 'evidence', practiceId]);
    expect([newest.code, newest.stdout]).toEqual([0, expect.stringContaining('1 of 1 checks passed')]);
    const all = await cli(['practice', 'evidence', practiceId, '--all']);
    expect([all.code, all.stdout]).toEqual([1, expect.stringContaining('1 of 2 checks passed')]);
  });

  test('an empty list says what to do next', async () => {
    const answer = await cli(['practice', 'list', '--state', 'quarantined']);
    expect(answer).toMatchObject({ code: 0, stdout: 'No practice is quarantined.\n' });
    const json = await cli(['practice', 'list', '--state', 'quarantined', '--json']);
    expect(practicePageSchema.parse(JSON.parse(json.stdout)).items).toEqual([]);
  });

  test('a typing error is answered with what was probably meant', async () => {
    const [group, state, help] = await Promise.all([
      cli(['practise', 'list']),
      cli(['practice', 'list', '--state', 'broken']),
      cli(['--help']),
    ]);
    expect([group.code, state.code, help.code]).toEqual([2, 2, 0]);
    expect(group.stderr).toContain('Did you mean practice?');
    expect(state.stderr).toContain('provisioning_failed');
    expect(help.stdout).toContain('Usage: lumenality');
  });
});

describe('signing in', () => {
  test('no token, a wrong one, and one without the role are exit code 5 and say what to do', async () => {
    const id = await plane.signUp('Guarded');
    const viewer = await plane.api.tokenWith(['viewer']);
    const [none, wrong, weak] = await Promise.all([
      cli(['practice', 'list'], { LUMENALITY_TOKEN: '' }),
      cli(['practice', 'list'], { LUMENALITY_TOKEN: 'lum_nobody_nothing' }),
      cli(['signup', 'approve', id, '--reason', 'checked'], { LUMENALITY_TOKEN: viewer.token }),
    ]);
    expect([none.code, wrong.code, weak.code]).toEqual([5, 5, 5]);
    expect(none.stderr).toContain('--token-file');
    expect(weak.stderr).toContain('operator');
    expect(await stateOf(id)).toBe('requested');
  });

  test('a token is not sent unencrypted to another machine', async () => {
    const answer = await cli(['practice', 'list'], { LUMENALITY_URL: 'http://control.example.com' });
    expect(answer.code).toBe(2);
    expect(answer.stderr).toContain('use https');
  });

  test('a created token is all there is on stdout, works, and stops working when revoked', async () => {
    const created = await cli(['token', 'create', '--name', 'night shift', '--roles', 'viewer']);
    expect(created).toMatchObject({ code: 0 });
    const token = created.stdout.trimEnd();
    expect(token).toMatch(/^lum_\S+$/);
    expect((await cli(['plan', 'list'], { LUMENALITY_TOKEN: token })).code).toBe(0);
    expect((await cli(['token', 'revoke', 'night shift', '--yes'])).code).toBe(0);
    expect((await cli(['plan', 'list'], { LUMENALITY_TOKEN: token })).code).toBe(5);
  });

  test('a control plane that is not there is exit code 6 and says how to start it', async () => {
    const answer = await cli(['practice', 'list'], { LUMENALITY_URL: 'http://127.0.0.1:1' });
    expect(answer).toMatchObject({ code: 6, stdout: '' });
    expect(answer.stderr).toContain('npm start');
  });
});

describe('doctor', () => {
  test('says ok for each part, or what to do about the one that is not', async () => {
    const well = await cli(['doctor', '--json']);
    expect(JSON.parse(well.stdout)).toMatchObject({ ok: true });
    plane.cloud.answers = false;
    try {
      const ill = await cli(['doctor'], { LUMENALITY_TOKEN: 'lum_nobody_nothing' });
      expect(ill.code).toBe(1);
      expect(ill.stdout).toMatch(/^database +ok/m);
      expect(ill.stdout).toMatch(/^cloud +fail/m);
      expect(ill.stdout).toMatch(/^token +fail/m);
    } finally {
      plane.cloud.answers = true;
    }
    const away = await cli(['doctor'], { LUMENALITY_URL: 'http://127.0.0.1:1' });
    expect(away.code).toBe(1);
    expect(away.stdout).toMatch(/^control plane +fail/m);
  });

  test('fails for what works and not as anybody would want it, and says what to do', async () => {
    const warning = { part: 'mails', found: 'no practice gets any', advice: 'Set LUMENALITY_SMTP_URL.' };
    const warned = await startControlPlane({ warnings: [warning] });
    const answer = await cli(['doctor'], { LUMENALITY_URL: warned.url, LUMENALITY_TOKEN: warned.token });
    expect(answer.code).toBe(1);
    expect(answer.stdout).toMatch(/^mails +fail +no practice gets any/m);
    expect(answer.stdout).toContain('mails: Set LUMENALITY_SMTP_URL.');
    await warned.close();
  });
});

describe('the fixture practices', () => {
  test('are valid, fictional and unlike each other', () => {
    const practices = readdirSync(fixtures).map((file) =>
      signUpRequestSchema.parse(JSON.parse(readFileSync(join(fixtures, file), 'utf8'))),
    );
    expect(practices).toHaveLength(3);
    for (const { contact } of practices) {
      // 555-0100 to 555-0199 and example.com are set aside for fiction (NANPA; RFC 2606).
      expect(contact.phone).toMatch(/^\+1\d{3}55501\d\d$/);
      expect(contact.email).toMatch(/\.example\.com$/);
    }
    for (const field of ['usState', 'timeZone', 'npi', 'displayName'] as const) {
      expect(new Set(practices.map((practice) => practice[field])).size).toBe(3);
    }
  });
});

test('a sign-up over the limit of the body is told as such', async () => {
  const answer = await submit({ ...signUpRequest(), legalName: 'x'.repeat(20_000) });
  expect(answer.code).toBe(2);
  expect(answer.stderr).toContain('larger');
});
