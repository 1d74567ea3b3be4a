/** One statement of an IAM policy, as its document says it. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: object;
}

function statement(
  Sid: string,
  Effect: Statement['Effect'],
  Action: readonly string[],
  Resource: string | readonly string[],
  Condition?: object,
): Statement {
  return { Sid, Effect, Action, Resource, ...(Condition !== undefined && { Condition }) };
}

export const allow = (
  sid: string,
  actions: readonly string[],
  resource: string | readonly string[],
  condition?: object,
): Statement => statement(sid, 'Allow', actions, resource, condition);

/** Denies actions everywhere but on one resource. */
export const denyElsewhere = (sid: string, actions: readonly string[], except: string): Statement => ({
  Sid: sid,
  Effect: 'Deny',
  Action: actions,
  NotResource: except,
});

export const deny = (
  sid: string,
  actions: readonly string[],
  resource: string | readonly string[],
  condition?: object,
): Statement => statement(sid, 'Deny', actions, resource, condition);
