/** Key policies: read for the few decisions that the sandbox makes from them. IAM's full evaluation is not emulated. */
import { AwsError } from '../../model.ts';

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Action?: unknown;
  readonly Condition?: unknown;
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

/** Whether the conditions that speak of the encryption context hold; other condition keys are not judged. */
function contextHolds(condition: unknown, context: Readonly<Record<string, string>>): boolean {
  if (!isRecord(condition)) return true;
  const prefix = 'kms:EncryptionContext:';
  return Object.values(condition)
    .filter(isRecord)
    .flatMap((operands) => Object.entries(operands))
    .filter(([key]) => key.startsWith(prefix))
    .every(([key, patterns]) =>
      asList(patterns).some((pattern) => matches(pattern, context[key.slice(prefix.length)] ?? '')),
    );
}

/** Whether a key policy lets an AWS service use the key in this encryption context. */
export function allowsServicePrincipal(
  policy: string,
  principal: string,
  action: string,
  context: Readonly<Record<string, string>>,
): boolean {
  const applies = (statement: Statement): boolean =>
    names(statement.Principal, 'Service', [principal]) &&
    asList(statement.Action).some((pattern) => matches(pattern, action)) &&
    contextHolds(statement.Condition, context);
  const statements = statementsOf(policy).filter(applies);
  return (
    statements.some(({ Effect }) => Effect === 'Allow') && !statements.some(({ Effect }) => Effect === 'Deny')
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
