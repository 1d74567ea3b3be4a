/** Tells attempts at the second step from others: only who knows the password gets there, so they have a limit of their own. */
export const signInCodes = {
  number: 7,
  name: 'sign-in-codes',
  sql: `
ALTER TABLE sign_in_attempt ADD COLUMN is_code boolean NOT NULL DEFAULT false;
`,
};
