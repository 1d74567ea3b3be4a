import { StartRefusal } from '../../tenant-template/app/start-refusal.ts';
import { withPatience } from '../../tenant-template/app/transient.ts';

const fault = (fields: object) => Object.assign(new Error('a fault'), fields);

describe('a dependency that does not answer at the start', () => {
  test.each([
    ['the network', { code: 'ECONNREFUSED' }],
    ['a database that is starting', { code: '57P03' }],
    ['AWS being busy', { name: 'ThrottlingException' }],
    ['a defect of AWS', { $metadata: { httpStatusCode: 503 } }],
  ])('is asked again when the fault passes: %s', async (_what, fields) => {
    let calls = 0;
    const answer = await withPatience('It', 10_000, async () => {
      calls += 1;
      if (calls === 1) throw fault(fields);
      return 'answer';
    });
    expect([answer, calls]).toEqual(['answer', 2]);
  });

  test('is given up after the time allowed, with the exit code for "unavailable"', async () => {
    const refused = withPatience('The database', 300, () => Promise.reject(fault({ code: 'ECONNREFUSED' })));
    await expect(refused).rejects.toThrow(/^The database did not answer for .* ECONNREFUSED/);
    await expect(refused).rejects.toMatchObject({ exitCode: 69 });
  });

  test.each([
    ['a refusal of the app', new StartRefusal(77, 'not ours')],
    ['a wrong password', fault({ code: '28P01' })],
    ['a denied call', fault({ name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } })],
  ])('is not asked again after a definite answer: %s', async (_what, error) => {
    let calls = 0;
    const work = async () => {
      calls += 1;
      throw error;
    };
    await expect(withPatience('It', 10_000, work)).rejects.toBe(error);
    expect(calls).toBe(1);
  });
});
