import { generateKeyPairSync } from 'node:crypto';
import {
  signerWith,
  signTerms,
  type TermsKey,
  type TermsStatement,
  termsObjection,
} from '../../../lib/domain/plan/terms-signature.ts';
import { foundingTerms } from '../../builders/plan-terms.ts';

const newSigner = () => signerWith(generateKeyPairSync('ed25519').privateKey);
const keyOf = ({ keyId, publicKey }: ReturnType<typeof newSigner>): TermsKey => ({ id: keyId, publicKey });

const [ours, theirs] = [newSigner(), newSigner()];
const statement: TermsStatement = {
  practice: 'juniper-ot',
  plan: 'founding',
  planVersion: 1,
  from: '2026-11-20',
  terms: foundingTerms,
};
const envelope = signTerms(statement, ours);

test('a signature is good by any key that is registered, whatever the order of the fields', () => {
  const { terms, ...rest } = statement;
  expect(termsObjection(envelope, { terms, ...rest }, [keyOf(theirs), keyOf(ours)])).toBeUndefined();
});

test.each<[string, Partial<TermsStatement>]>([
  ['practice', { practice: 'cedar' }],
  ['plan', { plan: 'standard' }],
  ['version', { planVersion: 2 }],
  ['day', { from: '2026-11-21' }],
  ['terms', { terms: { ...foundingTerms, freeDays: 91 } }],
])('it is over one %s and no other', (_name, change) => {
  expect(termsObjection(envelope, { ...statement, ...change }, [keyOf(ours)])).toContain(
    'not those that were signed',
  );
});

test('a key that is not registered, or registered under the id of another, signs nothing', () => {
  expect(termsObjection(envelope, statement, [keyOf(theirs)])).toContain('not registered');
  const swapped = { id: ours.keyId, publicKey: theirs.publicKey };
  expect(termsObjection(signTerms(statement, { ...theirs, keyId: ours.keyId }), statement, [swapped])).toBe(
    `What is registered as key ${ours.keyId} is another key.`,
  );
  const broken = { id: ours.keyId, publicKey: 'no key' };
  expect(termsObjection(envelope, statement, [broken])).toContain('is another key');
});

test('an envelope whose signatures were taken out is no signature', () => {
  const bare = { ...envelope, signatures: [] };
  expect(termsObjection(bare, statement, [keyOf(ours)])).toContain('has no signature');
});

test('an envelope of something else is no signature of terms', () => {
  const other = { ...envelope, payloadType: 'application/vnd.lumenality.release+json' };
  expect(termsObjection(other, statement, [keyOf(ours)])).toContain('not terms');
  expect(termsObjection(null, statement, [keyOf(ours)])).toBe('The terms were not signed.');
});
