import fc from 'fast-check';
import { practiceIdFor, practiceIdPattern } from '../../lib/domain/practice.ts';

test.each([
  ['Sunrise ABA', 'sunrise-aba'],
  ["Zoë's Speech & Play", 'zoes-speech-play'],
  ['  42 Steps  ', 'steps'],
  ['A1', 'practice-a1'],
  ['Admin', 'practice-admin'],
  ['A very long name of a practice that nobody could ever type', 'a-very-long-name-of-a-practice'],
])('%s becomes %s', (name, id) => {
  expect(practiceIdFor(name)).toBe(id);
});

test('every name gives an id that names stacks, hosts and log groups, whatever its candidate number', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.integer({ min: 1, max: 9_999 }),
      (name, candidate) => {
        const id = practiceIdFor(name, candidate);
        expect(id).toMatch(practiceIdPattern);
        expect(id).not.toMatch(/--|-$/);
      },
    ),
  );
});

test('candidates of one name differ', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (name) => {
      const ids = [1, 2, 3, 10, 11, 100].map((candidate) => practiceIdFor(name, candidate));
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});
