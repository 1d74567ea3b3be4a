export type Properties = Readonly<Record<string, unknown>>;

/** One resource of a template as it will be shipped, with what stands beside it. */
export interface Subject {
  readonly id: string;
  readonly type: string;
  readonly properties: Properties;
  /** The resources of the same template, this one among them. */
  readonly beside: readonly Subject[];
}

/** Ids that evidence uses, too: paragraphs of 45 CFR 164 and the NIST SP 800-53r5 controls that NIST SP 800-66r2 maps them to. */
interface Requirement {
  readonly cfr: readonly string[];
  readonly nist: readonly string[];
}

/**
 * One rule of AWS Security Hub's "AWS Foundational Security Best Practices", or of its NIST SP 800-53 standard where that asks more of a
 * resource type that a silo has.
 */
export type Control = {
  /** As Security Hub calls it. */
  readonly id: string;
  /** What it asks. */
  readonly asks: string;
  readonly requirement: Requirement;
  /** Source file of the construct that keeps it. */
  readonly construct: string;
  /** Test that proves more than the rule itself asks, or proves it where the rule cannot look. */
  readonly test?: string;
  /** Checks of the verification that read it in the live silo (lib/domain/silo-checks.ts). */
  readonly checks?: readonly string[];
} & (
  | {
      readonly types: readonly string[];
      /** No template has a resource of these types: the rule watches that none comes in unjudged. */
      readonly absent?: boolean;
      /** What is wrong with the resource, if anything. A value that only a parameter or a condition decides is not right. */
      readonly judge: (subject: Subject) => string | undefined;
    }
  | {
      /** Why no template can tell, and what holds instead. */
      readonly outside: string;
      readonly absent?: never;
    }
);

export const requirements = {
  access: { cfr: ['164.312(a)(1)'], nist: ['AC-3'] },
  leastPrivilege: { cfr: ['164.308(a)(4)'], nist: ['AC-6'] },
  isolation: { cfr: ['164.308(a)(4)'], nist: ['AC-4', 'SC-7'] },
  atRest: { cfr: ['164.312(a)(2)(iv)'], nist: ['SC-28'] },
  keys: { cfr: ['164.312(a)(2)(iv)'], nist: ['SC-12', 'SC-28'] },
  inTransit: { cfr: ['164.312(e)(1)'], nist: ['SC-8'] },
  audit: { cfr: ['164.312(b)'], nist: ['AU-2', 'AU-12'] },
  monitoring: { cfr: ['164.308(a)(1)(ii)(D)'], nist: ['AU-6', 'SI-4'] },
  backup: { cfr: ['164.308(a)(7)(ii)(A)'], nist: ['CP-9'] },
  operation: { cfr: ['164.308(a)(7)(ii)(C)'], nist: ['CP-10'] },
  credentials: { cfr: ['164.312(d)'], nist: ['IA-5'] },
  integrity: { cfr: ['164.312(c)(1)'], nist: ['CM-2', 'SI-7'] },
  maintenance: { cfr: ['164.308(a)(5)(ii)(B)'], nist: ['SI-2'] },
} as const satisfies Record<string, Requirement>;

/** For a property that has to have one literal value. */
export function demand(name: string, value: unknown): (subject: Subject) => string | undefined {
  return ({ properties }) => {
    const seen = properties[name];
    return seen === value ? undefined : `${name} is ${said(seen)} and has to be ${said(value)}.`;
  };
}

/** A value in a message: literals as they are, anything else by what decides it. */
export function said(value: unknown): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? `decided by ${JSON.stringify(value)}` : JSON.stringify(value);
}

/** A resource of the same template that has the type and refers to the subject by `Ref` or `Fn::GetAtt`. */
export function companions({ id, beside }: Subject, type: string): readonly Subject[] {
  const reference = new RegExp(`("Ref":"${id}"|"Fn::GetAtt":\\["${id}",)`);
  return beside.filter((other) => other.type === type && reference.test(JSON.stringify(other.properties)));
}

export interface Statement {
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Condition?: unknown;
}

/** The statements of a policy document, whatever property carries it. */
export function statementsOf(policy: unknown): readonly Statement[] {
  return (policy as { readonly Statement?: readonly Statement[] } | undefined)?.Statement ?? [];
}

export const actionsOf = ({ Action }: Statement): readonly string[] => [Action].flat();

/** Whether a statement lets in anybody at all. */
export function isPublic({ Effect, Principal, Condition }: Statement): boolean {
  const anybody = Principal === '*' || (Principal as { AWS?: unknown } | undefined)?.AWS === '*';
  return Effect === 'Allow' && anybody && Condition === undefined;
}
