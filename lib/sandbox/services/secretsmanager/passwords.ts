/** Random passwords as GetRandomPassword and GenerateSecretString make them. */
import { randomInt } from 'node:crypto';
import type { GetRandomPasswordRequest, GetRandomPasswordResponse } from '@aws-sdk/client-secrets-manager';
import { AwsError } from '../../model.ts';

const lowerCase = 'abcdefghijklmnopqrstuvwxyz';
const upperCase = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const numbers = '0123456789';
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

const pick = (letters: string): string => letters.charAt(randomInt(letters.length));

/** @throws AwsError InvalidParameterException for a length or exclusions that leave nothing to choose from. */
export function randomPassword(rules: GetRandomPasswordRequest): string {
  const excluded = new Set(rules.ExcludeCharacters ?? '');
  const kinds = [
    rules.ExcludeLowercase === true ? '' : lowerCase,
    rules.ExcludeUppercase === true ? '' : upperCase,
    rules.ExcludeNumbers === true ? '' : numbers,
    rules.ExcludePunctuation === true ? '' : punctuation,
    rules.IncludeSpace === true ? ' ' : '',
  ]
    .map((letters) =>
      Array.from(letters)
        .filter((letter) => !excluded.has(letter))
        .join(''),
    )
    .filter((letters) => letters !== '');
  const required = rules.RequireEachIncludedType === false ? [] : kinds;
  const length = rules.PasswordLength ?? 32;
  if (kinds.length === 0 || length < Math.max(1, required.length) || length > 4096) {
    throw new AwsError(
      'InvalidParameterException',
      `A password of ${length} characters cannot be made from the character types that remain.`,
    );
  }
  const all = kinds.join('');
  const letters = [
    ...required.map(pick),
    ...Array.from({ length: length - required.length }, () => pick(all)),
  ];
  return shuffled(letters).join('');
}

/** Fisher and Yates, so that the required letters may stand anywhere. */
function shuffled(letters: string[]): string[] {
  const result = [...letters];
  for (let at = result.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [result[at], result[other]] = [result[other] as string, result[at] as string];
  }
  return result;
}

export function getRandomPassword(input: GetRandomPasswordRequest): GetRandomPasswordResponse {
  return { RandomPassword: randomPassword(input) };
}
