import { setImmediate as turn } from 'node:timers/promises';
import { workOff } from '../../lib/reconcilers/work-off.ts';

test('what becomes due by work that ends while a claim is asked for is worked off too', async () => {
  const done: string[] = [];
  // The second stands behind the first: nothing is due until that has ended.
  const claims = [
    () => 'first',
    async () => {
      while (done.length === 0) await turn();
      return undefined;
    },
    () => 'second',
  ];
  await workOff({
    width: 2,
    claim: async () => claims.shift()?.(),
    work: async (claim) => {
      await turn();
      done.push(claim);
    },
  });
  expect(done).toEqual(['first', 'second']);
});

test('after a fault nothing more is taken up, and what is under way ends first', async () => {
  const claims = ['slow', 'faulty', 'never'];
  const ended: string[] = [];
  const working = workOff({
    width: 2,
    claim: async () => claims.shift(),
    work: async (claim) => {
      if (claim === 'faulty') throw new Error('as planned');
      for (let turns = 0; turns < 10; turns += 1) await turn();
      ended.push(claim);
    },
  });
  await expect(working).rejects.toThrow('as planned');
  expect(ended).toEqual(['slow']);
  expect(claims).toEqual(['never']);
});
