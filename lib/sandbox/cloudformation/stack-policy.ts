import { AwsError } from '../model.ts';

/** "Prevent updates to stack resources": one statement of a stack policy. */
interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | string[];
  readonly NotAction?: string | string[];
  readonly Resource?: string | string[];
  readonly NotResource?: string | string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>;
}

export type UpdateAction = 'Update:Modify' | 'Update:Replace' | 'Update:Delete';

const list = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

/** `*` stands for any text, `?` for one character. */
const matches = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(text);

/** @throws AwsError `ValidationError` for a document that is not a stack policy. */
export function parseStackPolicy(body: string): readonly Statement[] {
  const refuse = (why: string) => new AwsError('ValidationError', `Error validating stack policy: ${why}`);
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch (error) {
    throw refuse(`Malformed JSON. ${(error as Error).message}`);
  }
  const statements = (document as { Statement?: unknown } | null)?.Statement;
  if (statements === undefined) throw refuse('Invalid stack policy: it has no Statement.');
  const all = [statements].flat() as Array<Partial<Statement> & { Principal?: unknown }>;
  for (const [index, statement] of all.entries()) {
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
      throw refuse(`Statement [#${index + 1}] has no Effect Allow or Deny.`);
    if (statement.Principal !== '*') throw refuse(`Statement [#${index + 1}] must have the Principal "*".`);
    for (const action of [...list(statement.Action), ...list(statement.NotAction)]) {
      if (!/^Update:(\*|Modify|Replace|Delete)$/.test(action))
        throw refuse(`Statement [#${index + 1}] has the unknown action ${action}.`);
    }
    for (const operator of Object.keys(statement.Condition ?? {})) {
      if (operator !== 'StringEquals' && operator !== 'StringLike')
        throw refuse(`Statement [#${index + 1}] has the unknown condition ${operator}.`);
    }
  }
  return all as Statement[];
}

function applies(statement: Statement, action: UpdateAction, logicalId: string, type: string): boolean {
  const resource = `LogicalResourceId/${logicalId}`;
  const actionFits = statement.NotAction
    ? !list(statement.NotAction).some((pattern) => matches(pattern, action))
    : list(statement.Action).some((pattern) => matches(pattern, action));
  const resourceFits = statement.NotResource
    ? !list(statement.NotResource).some((pattern) => matches(pattern, resource))
    : list(statement.Resource ?? '*').some((pattern) => matches(pattern, resource));
  const conditionFits = Object.entries(statement.Condition ?? {}).every(([operator, { ResourceType }]) =>
    list(ResourceType).some((pattern) =>
      operator === 'StringLike' ? matches(pattern, type) : pattern === type,
    ),
  );
  return actionFits && resourceFits && conditionFits;
}

/**
 * Refuses an update that the policy denies, or does not allow: with a policy, everything not allowed is denied.
 *
 * @throws AwsError with the reason that the resource's event carries.
 */
export function checkStackPolicy(
  body: string | undefined,
  action: UpdateAction,
  logicalId: string,
  type: string,
): void {
  if (body === undefined) return;
  const statements = parseStackPolicy(body);
  const denying = statements.findIndex(
    (statement) => statement.Effect === 'Deny' && applies(statement, action, logicalId, type),
  );
  if (denying >= 0) {
    throw new AwsError(
      'ValidationError',
      `Action denied by stack policy: Statement [#${denying + 1}] does not allow [${action}] for resource [${logicalId}]`,
    );
  }
  if (
    !statements.some(
      (statement) => statement.Effect === 'Allow' && applies(statement, action, logicalId, type),
    )
  ) {
    throw new AwsError(
      'ValidationError',
      `Action denied by stack policy: no statement allows [${action}] for resource [${logicalId}]`,
    );
  }
}
