import fc from 'fast-check';
import { isNpi } from '../../lib/domain/sign-up.ts';

test("the example of CMS's own specification is valid", () => {
  expect(isNpi('1234567893')).toBe(true);
});

test.each([
  '123456789',
  '12345678930',
  '1234567890',
  '123456789X',
  ' 1234567893',
  '１２３４５６７８９３',
  '',
])('%j is refused', (value) => {
  expect(isNpi(value)).toBe(false);
});

test('of ten last digits exactly one is right, and one mistyped digit never goes through', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^\d{9}$/),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      (digits, place, shift) => {
        const valid = '0123456789'
          .split('')
          .map((last) => digits + last)
          .filter(isNpi);
        expect(valid).toHaveLength(1);
        const npi = valid[0] as string;
        const mistyped = npi
          .split('')
          .map((digit, index) => (index === place ? String((Number(digit) + shift) % 10) : digit))
          .join('');
        expect(isNpi(mistyped)).toBe(false);
      },
    ),
  );
});
