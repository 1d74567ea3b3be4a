/** One reason for which a resource changes ("ResourceChangeDetail", AWS CloudFormation API Reference). */
export interface PropertyChange {
  /** `Properties`, `Tags`, `Metadata`, `DeletionPolicy`, `UpdateReplacePolicy`, … */
  readonly attribute: string;
  /** The property, where the attribute is `Properties`. */
  readonly name: string | null;
  /** `Never`, `Conditionally`, `Always`. */
  readonly requiresRecreation: string;
  /** `Static`, or `Dynamic` where the value hangs on something that changes itself. */
  readonly evaluation: string;
  /** The parameter, resource or attribute that makes it change; null for the template's own text. */
  readonly causingEntity: string | null;
  /** Values as CloudFormation gives them, perhaps cut; null when not given. */
  readonly before: string | null;
  readonly after: string | null;
}

/** One resource in a change set ("Change" and "ResourceChange", AWS CloudFormation API Reference). */
export interface ResourceChange {
  /** `Add`, `Modify`, `Remove`, `Import`, `Dynamic`. */
  readonly action: string;
  readonly logicalId: string;
  readonly physicalId: string | null;
  readonly type: string;
  /** `True`, `False`, `Conditional`; null when the resource is added or removed. */
  readonly replacement: string | null;
  /** What becomes of a resource that is removed or replaced: `Delete`, `Retain`, `Snapshot`, …; null when not told. */
  readonly policyAction: string | null;
  readonly details: readonly PropertyChange[];
}
