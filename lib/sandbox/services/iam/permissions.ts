/** What the policies of a role say, for the few actions that the sandbox looks up. */
import type { Call } from '../../model.ts';
import { findPolicy, findRole } from './records.ts';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | string[];
  readonly NotAction?: string | string[];
  readonly Resource?: string | string[];
  readonly NotResource?: string | string[];
  readonly Condition?: unknown;
}

/**
 * Whether the inline and attached policies of a role allow an action on a resource: one statement allows it and none
 * denies it. Statements with conditions count when they deny and not when they allow, because conditions are not evaluated;
 * permissions boundaries, AWS managed policies and service control policies are not looked at.
 *
 * @param principalArn of a role (`…:role/path/name`) or of a session of one (`…:assumed-role/name/session`).
 */
export function roleAllows(call: Call, principalArn: string, action: string, resource: string): boolean {
  const name =
    /:assumed-role\/([^/]+)\//.exec(principalArn)?.[1] ?? /:role\/(?:.*\/)?([^/]+)$/.exec(principalArn)?.[1];
  const role = name === undefined ? undefined : findRole(name, call);
  if (role === undefined) return false;
  const attached = role.Attached.flatMap((arn) => findPolicy(arn, call)?.Document ?? []);
  const applying = [...Object.values(role.Inline), ...attached]
    .flatMap((document) => (JSON.parse(document) as { Statement: Statement | Statement[] }).Statement)
    .filter((statement) => applies(statement, action, resource));
  return (
    applying.some(({ Effect, Condition }) => Effect === 'Allow' && Condition === undefined) &&
    !applying.some(({ Effect }) => Effect === 'Deny')
  );
}

function applies(statement: Statement, action: string, resource: string): boolean {
  const { Action, NotAction, Resource, NotResource } = statement;
  const named = NotAction === undefined ? fits(Action, action, 'i') : !fits(NotAction, action, 'i');
  return named && (NotResource === undefined ? fits(Resource, resource) : !fits(NotResource, resource));
}

/** `*` stands for any text, `?` for one character. */
function fits(patterns: string | string[] | undefined, text: string, flags = ''): boolean {
  return [patterns ?? []].flat().some((pattern) => {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, flags).test(text);
  });
}
