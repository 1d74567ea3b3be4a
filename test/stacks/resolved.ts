import type { Template } from './template.ts';

type Values = Readonly<Record<string, string>>;

const noValue = 'AWS::NoValue';

const pseudo: Values = {
  'AWS::AccountId': '111122223333',
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
};

/**
 * A template with its intrinsic functions worked out, as far as policies use them.
 * @param values parameters by name, resources by logical id, attributes as `<logical id>.<attribute>`
 * @throws Error for a reference that `values` does not know, so that no policy is judged with a hole in it
 */
export function resolved(template: Template, values: Values): Template {
  const known: Values = { ...pseudo, ...values };
  const lookUp = (name: string): string => {
    const value = known[name] ?? template.Parameters[name]?.Default;
    if (value === undefined) throw new Error(`The test gives no value for ${name}.`);
    return value;
  };
  const holds = (condition: unknown): boolean => {
    const [name, [first, second]] = Object.entries(condition as object)[0] as [string, [unknown, unknown]];
    if (name === 'Fn::Equals') return work(first) === work(second);
    if (name === 'Fn::Not') return !holds(first);
    throw new Error(`The test cannot judge ${name}.`);
  };
  const functions: Readonly<Record<string, (operand: never) => unknown>> = {
    Ref: (name: string) => (name === noValue ? undefined : lookUp(name)),
    'Fn::GetAtt': (path: readonly string[]) => lookUp(path.join('.')),
    'Fn::Join': ([separator, parts]: readonly [string, readonly unknown[]]) =>
      parts.map(work).join(separator),
    'Fn::If': ([condition, yes, no]: readonly [string, unknown, unknown]) =>
      work(holds(template.Conditions?.[condition]) ? yes : no),
  };
  const work = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(work);
    if (typeof value !== 'object' || value === null) return value;
    const [[name, operand] = []] = Object.entries(value);
    const apply = Object.keys(value).length === 1 ? functions[name ?? ''] : undefined;
    if (apply !== undefined) return apply(operand as never);
    const parts = Object.entries(value).map(([key, part]) => [key, work(part)] as const);
    return Object.fromEntries(parts.filter(([, part]) => part !== undefined));
  };
  const policies = new Set([
    'AWS::EC2::VPCEndpoint',
    'AWS::IAM::ManagedPolicy',
    'AWS::IAM::Role',
    'AWS::KMS::Key',
    'AWS::Logs::ResourcePolicy',
    'AWS::S3::BucketPolicy',
    'AWS::SNS::TopicPolicy',
  ]);
  return {
    ...template,
    Resources: Object.fromEntries(
      Object.entries(template.Resources)
        .filter(([, { Type }]) => policies.has(Type))
        .map(([id, resource]) => [id, work(resource)]),
    ) as Template['Resources'],
  };
}
