/** Key policies: read for the few decisions that the sandbox makes from them. IAM's full evaluation is not emulated. */
import { AwsError } from '../../model.ts';

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Action?: unknown;
}

const asList = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The policy's statements; refuses what is not a policy document. */
function statementsOf(policy: string): Statement[] {
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch (error) {
    throw new AwsError(
      'MalformedPolicyDocumentException',
      `Policy contains invalid JSON: ${(error as Error).message}`,
    );
  }
  const statements = isRecord(document) ? asList(document['Statement']) : [];
  if (statements.length === 0 || !statements.every(isRecord)) {
    throw new AwsError(
      'MalformedPolicyDocumentException',
      'Policy document must contain at least one statement.',
    );
  }
  return statements;
}

/** `*` and `?` as IAM policies use them. */
function matches(pattern: unknown, text: string): boolean {
  if (typeof pattern !== 'string') return false;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i').test(text);
}

function names(principal: unknown, kind: 'AWS' | 'Service', candidates: readonly string[]): boolean {
  if (principal === '*') return true;
  if (!isRecord(principal)) return false;
  return asList(principal[kind]).some(
    (named) => named === '*' || candidates.some((candidate) => named === candidate),
  );
}

/** The policy as it is kept; refuses one that would lock the account out of its own key, as AWS does unless told otherwise. */
export function checkedPolicy(policy: string, accountId: string, bypassLockoutCheck: boolean): string {
  const owners = [`arn:aws:iam::${accountId}:root`, accountId];
  const keepsControl = statementsOf(policy).some(
    (statement) =>
      statement.Effect === 'Allow' &&
      names(statement.Principal, 'AWS', owners) &&
      asList(statement.Action).some((pattern) => matches(pattern, 'kms:PutKeyPolicy')),
  );
  if (!keepsControl && !bypassLockoutCheck) {
    throw new AwsError(
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
  }
  return policy;
}
