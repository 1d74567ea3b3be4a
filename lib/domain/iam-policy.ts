/** One statement of an IAM policy document ("IAM JSON policy elements reference"), lists made of single values. */
interface Statement {
  readonly effect: string;
  readonly principals: readonly string[];
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: readonly Condition[];
}

interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [String(value)]);

/**
 * Reads a policy the cautious way: what is not understood makes an Allow count as wider and a Deny as narrower than it may be.
 * @throws SyntaxError when it is not JSON.
 */
function statementsOf(policy: string): Statement[] {
  const { Statement: found = [] } = JSON.parse(policy) as { Statement?: unknown };
  return (Array.isArray(found) ? found : [found]).map((raw: Record<string, unknown>) => {
    const effect = String(raw['Effect']);
    const named = (element: string, opposite: string): string[] => {
      if (raw[element] !== undefined) return list(raw[element]);
      if (raw[opposite] === undefined) return [];
      return effect === 'Allow' ? ['*'] : [];
    };
    return {
      effect,
      principals: principalsOf(raw['Principal'], effect),
      actions: named('Action', 'NotAction'),
      resources: named('Resource', 'NotResource'),
      conditions: conditionsOf(raw['Condition']),
    };
  });
}

function principalsOf(principal: unknown, effect: string): string[] {
  if (principal === undefined) return effect === 'Allow' ? ['*'] : [];
  if (typeof principal === 'object' && principal !== null) return Object.values(principal).flatMap(list);
  return list(principal);
}

function conditionsOf(condition: unknown): Condition[] {
  return Object.entries((condition ?? {}) as Record<string, Record<string, unknown>>).flatMap(
    ([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => ({
        operator,
        key: key.toLowerCase(),
        values: list(values),
      })),
  );
}

/** `*` stands for any text and `?` for one character, as in IAM. */
function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${expression}$`, 'i').test(text);
}

/** Whether anybody may do anything by this policy: what an endpoint without a policy of its own has. */
export function allowsEverything(policy: string): boolean {
  return statementsOf(policy).some(
    ({ effect, actions, resources, conditions }) =>
      effect === 'Allow' && actions.includes('*') && resources.includes('*') && conditions.length === 0,
  );
}

/** Whether everybody is denied everything over a connection that is not encrypted (`aws:SecureTransport`). */
export function refusesPlainConnections(policy: string): boolean {
  return statementsOf(policy).some(
    ({ effect, principals, actions, conditions }) =>
      effect === 'Deny' &&
      principals.includes('*') &&
      actions.some((action) => action === '*' || action.toLowerCase() === 's3:*') &&
      conditions.length === 1 &&
      conditions.every(
        ({ operator, key, values }) =>
          operator === 'Bool' && key === 'aws:securetransport' && values.every((value) => value === 'false'),
      ),
  );
}

/**
 * Those of `actions` that the policy does not deny the role when it asks for them itself, whatever other policies may allow.
 * What a service asks on its behalf (`kms:ViaService`) is another question.
 */
export function notDenied(policy: string, roleArn: string, actions: readonly string[]): string[] {
  const denials = statementsOf(policy).filter(
    (statement) => statement.effect === 'Deny' && concerns(statement, roleArn),
  );
  return actions.filter(
    (action) => !denials.some((denial) => denial.actions.some((pattern) => matches(pattern, action))),
  );
}

function concerns({ principals, conditions }: Statement, roleArn: string): boolean {
  const account = roleArn.split(':').slice(0, 5).join(':');
  // An account as principal stands for everybody in it ("AWS JSON policy elements: Principal").
  const everybody = ['*', `${account}:root`, account.split(':')[4] ?? ''];
  if (!principals.some((principal) => everybody.includes(principal) || principal === roleArn)) return false;
  return conditions.every((condition) => holds(condition, roleArn));
}

/** Keys that a request has only when an AWS service makes it on somebody's behalf. */
const absentKeys = new Set(['kms:viaservice', 'kms:grantisforawsresource', 'aws:calledvia']);

/** Whether a condition holds for a request that the role makes itself; of a key that is not known here: no. */
function holds({ operator, key, values }: Condition, roleArn: string): boolean {
  // "IfExists", and every negated operator, hold for a key that is not in the request.
  if (absentKeys.has(key)) return operator.endsWith('IfExists') || /^(String|Arn)Not/.test(operator);
  if (key !== 'aws:principalarn') return false;
  if (/^StringEquals(IfExists)?$/.test(operator)) return values.includes(roleArn);
  return (
    /^(ArnLike|ArnEquals|StringLike)(IfExists)?$/.test(operator) &&
    values.some((value) => matches(value, roleArn))
  );
}
