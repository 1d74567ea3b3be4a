/** One difference between a resource as its template has it and as it is ("PropertyDifference", CloudFormation API Reference). */
export interface Difference {
  /** JSON pointer. */
  readonly path: string;
  /** `ADD` and `REMOVE` are about the live resource: it has more, or less, than the template says. */
  readonly type: 'ADD' | 'REMOVE' | 'NOT_EQUAL';
  /** As CloudFormation prints them: scalars as text, the rest as JSON, `null` for what is not there. */
  readonly expected: string;
  readonly actual: string;
}

type Properties = Readonly<Record<string, unknown>>;

/**
 * Compares a resource's live properties with those of its template ("Detect unmanaged configuration changes to stacks and
 * resources with drift detection"): only what the template sets counts, and only what the resource's service can tell.
 * The order of a list's members does not count, because AWS's own lists come back in any.
 *
 * @param actual a property that is absent cannot be read; one that is undefined is not there.
 */
export function differencesBetween(expected: Properties, actual: Properties): Difference[] {
  return Object.keys(expected)
    .filter((name) => Object.hasOwn(actual, name))
    .flatMap((name) => compare(`/${name}`, expected[name], actual[name]));
}

function compare(path: string, expected: unknown, actual: unknown): Difference[] {
  // A secret's value is nowhere recorded, so nobody can compare it.
  if (typeof expected === 'string' && expected.includes('{{resolve:')) return [];
  if (actual === undefined || actual === null) return [difference(path, 'REMOVE', expected, undefined)];
  if (Array.isArray(expected) && Array.isArray(actual)) return compareLists(path, expected, actual);
  if (isObject(expected) && isObject(actual)) {
    return Object.keys(expected).flatMap((name) =>
      compare(`${path}/${escaped(name)}`, expected[name], actual[name]),
    );
  }
  return printed(expected) === printed(actual) ? [] : [difference(path, 'NOT_EQUAL', expected, actual)];
}

/** Pairs equal members off first; what is left over differs in place, or is too many or too few. */
function compareLists(path: string, expected: readonly unknown[], actual: readonly unknown[]): Difference[] {
  const unmatched = [...actual.entries()];
  const missing = [...expected.entries()].filter(([, member]) => {
    const at = unmatched.findIndex(([, candidate]) => compare('', member, candidate).length === 0);
    if (at >= 0) unmatched.splice(at, 1);
    return at < 0;
  });
  return Array.from({ length: Math.max(missing.length, unmatched.length) }, (_, at) => {
    const [wanted, found] = [missing[at], unmatched[at]];
    if (wanted && found) return compare(`${path}/${wanted[0]}`, wanted[1], found[1]);
    if (wanted) return [difference(`${path}/${wanted[0]}`, 'REMOVE', wanted[1], undefined)];
    return [difference(`${path}/${found?.[0]}`, 'ADD', undefined, found?.[1])];
  }).flat();
}

const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const printed = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');

const difference = (
  path: string,
  type: Difference['type'],
  expected: unknown,
  actual: unknown,
): Difference => ({ path, type, expected: printed(expected), actual: printed(actual) });
