import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type Tags } from 'yaml';

/** Tags of YAML 1.1 that CloudFormation does not read ("AWS CloudFormation template formats"). */
const unread = /:(binary|omap|pairs|set|timestamp|merge)$/;

/** Intrinsic functions that have a short form: `!Ref`, `!GetAtt`, … */
const shortForms = new Set(
  (
    'And Base64 Cidr Condition Equals FindInMap GetAtt GetAZs If ImportValue Join Length Not Or Ref Select Split ' +
    'Sub ToJsonString Transform'
  ).split(' '),
);

/**
 * Reads a template in YAML 1.1, with CloudFormation's short forms, as the value that its JSON form has.
 * @throws Error with the parser's words and the place.
 */
export function readYaml(body: string): unknown {
  const document = parseDocument(body, {
    schema: 'yaml-1.1',
    // A short form is a tag that the schema does not know: it stays on its node, and a warning is of no use.
    logLevel: 'error',
    customTags: (tags) => tags.filter((tag) => !isUnread(tag)),
  });
  const [error] = document.errors;
  if (error !== undefined) throw error;
  return valueOf(document.contents);
}

function isUnread(tag: Tags[number]): boolean {
  return unread.test(typeof tag === 'string' ? `:${tag}` : tag.tag);
}

function valueOf(node: unknown): unknown {
  if (isAlias(node)) throw new Error('YAML aliases are not allowed in CloudFormation templates.');
  const value = plainValueOf(node);
  const tag = (node as Node | null)?.tag;
  if (tag === undefined || !tag.startsWith('!')) return value;
  const name = tag.slice(1);
  if (!shortForms.has(name)) throw new Error(`Unrecognized tag ${tag}.`);
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  // `!GetAtt Key.Arn` and the list form mean the same.
  if (name === 'GetAtt' && typeof value === 'string') return { 'Fn::GetAtt': atFirstDot(value) };
  return { [`Fn::${name}`]: value };
}

function plainValueOf(node: unknown): unknown {
  if (isSeq(node)) return node.items.map(valueOf);
  if (isMap(node)) {
    return Object.fromEntries(node.items.map(({ key, value }) => [String(valueOf(key)), valueOf(value)]));
  }
  return isScalar(node) ? node.value : null;
}

function atFirstDot(text: string): string[] {
  const dot = text.indexOf('.');
  return dot === -1 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}
