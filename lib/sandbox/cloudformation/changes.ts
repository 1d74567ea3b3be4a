import { AwsError, type Cloud } from '../model.ts';
import { changedValues, contextText, maskOf } from './change-values.ts';
import { type Dependencies, mentions } from './graph.ts';
import { evaluate, Unresolved } from './intrinsics.ts';
import {
  type ChangeScope,
  isPresent,
  type PlannedChange,
  type PlannedDetail,
  type ResourceRecord,
  resourcesOf,
  type StackContent,
  type StackRecord,
} from './records.ts';
import { type BoundTemplate, bindTemplate } from './scope.ts';
import { conform, isSame, recreationOf, tagProperty } from './specification.ts';
import { deletionPolicyOf, parseTemplate, type ResourceDefinition, type Template } from './template.ts';

/** What becoming `target` would do to each resource of a stack. */
export interface Plan {
  readonly changes: readonly PlannedChange[];
  /** Whether the stack's outputs are written otherwise than before; that alone is a change, too. */
  readonly outputsChange: boolean;
  /** What the resource specification says against the properties, by resource. */
  readonly problems: ReadonlyArray<{ readonly logicalId: string; readonly problems: readonly string[] }>;
}

/**
 * Computes a change set ("Change sets" in the AWS CloudFormation User Guide): every resource in the order of its
 * dependencies, with values that later resources take from changing ones left open. Such a value makes a property's
 * change `Dynamic`, and a replacement that hangs on it `Conditional`.
 *
 * @throws AwsError `ValidationError` for a template that cannot be evaluated.
 */
export function planChanges(cloud: Cloud, stack: StackRecord, target: StackContent, isNew: boolean): Plan {
  const bound = bindTemplate(cloud, stack, parseTemplate(target.templateBody), target.parameters);
  const before = isNew ? undefined : parseTemplate(stack.templateBody);
  const records = new Map(
    resourcesOf(cloud, stack.stackId)
      .filter(isPresent)
      .map((record) => [record.logicalId, record]),
  );
  const planner = createPlanner(bound, before, records, stack, target);
  for (const logicalId of topological(bound.dependencies)) planner.plan(logicalId);
  for (const record of records.values()) {
    if (!bound.isActive(bound.template.Resources[record.logicalId])) planner.remove(record);
  }
  return {
    changes: [...planner.changes.values()].sort((a, b) => a.logicalId.localeCompare(b.logicalId)),
    outputsChange: !isSame(before?.Outputs, bound.template.Outputs) || planner.outputsChange(),
    problems: planner.problems,
  };
}

function topological(order: Dependencies): string[] {
  const sorted = new Set<string>();
  const visit = (node: string) => {
    if (sorted.has(node)) return;
    for (const dependency of order.get(node) ?? []) visit(dependency);
    sorted.add(node);
  };
  for (const node of order.keys()) visit(node);
  return [...sorted];
}

function createPlanner(
  bound: BoundTemplate,
  before: Template | undefined,
  records: ReadonlyMap<string, ResourceRecord>,
  stack: StackRecord,
  target: StackContent,
) {
  const changes = new Map<string, PlannedChange>();
  const problems: Array<{ logicalId: string; problems: readonly string[] }> = [];
  const mask = maskOf(stack, target);
  const changedParameters = new Set(
    Object.keys(target.parameters).filter((name) => target.parameters[name] !== stack.parameters[name]),
  );

  const scope = bound.scope({
    reference(logicalId) {
      const change = changes.get(logicalId);
      const isKept = change === undefined || (change.action === 'Modify' && change.replacement === 'False');
      return isKept ? requireRecord(logicalId).physicalId : new Unresolved('ResourceReference', logicalId);
    },
    attribute(logicalId, attribute) {
      const change = changes.get(logicalId);
      const isKept =
        change === undefined || (change.action === 'Modify' && !change.scope.includes('Properties'));
      return isKept
        ? requireRecord(logicalId).attributes[attribute]
        : new Unresolved('ResourceAttribute', `${logicalId}.${attribute}`);
    },
  });

  function requireRecord(logicalId: string): ResourceRecord {
    const record = records.get(logicalId);
    if (!record) {
      throw new AwsError(
        'ValidationError',
        `Template format error: Unresolved resource dependencies [${logicalId}] in the Resources block of the template`,
      );
    }
    return record;
  }

  function plan(logicalId: string): void {
    const definition = bound.template.Resources[logicalId] as ResourceDefinition;
    const record = records.get(logicalId);
    const checked = conform(
      definition.Type,
      evaluate(definition.Properties ?? {}, scope) as Record<string, unknown>,
    );
    if (checked.problems.length > 0) problems.push({ logicalId, problems: checked.problems });
    if (!record) {
      const added = { action: 'Add' as const, logicalId, type: definition.Type, scope: [], details: [] };
      changes.set(logicalId, { ...added, afterContext: afterContext(definition, checked.properties) });
      return;
    }
    if (record.type !== definition.Type) {
      throw new AwsError(
        'ValidationError',
        `Update of resource type is not permitted. The new template modifies resource type of the following resources: [${logicalId}]`,
      );
    }
    const details = [
      ...propertyDetails(definition, record, checked.properties),
      ...attributeDetails(definition, before?.Resources[logicalId], record),
    ];
    if (details.length === 0) return;
    changes.set(logicalId, {
      ...modification(definition, record, details),
      beforeContext: beforeContext(record),
      afterContext: afterContext(definition, checked.properties),
    });
  }

  function propertyDetails(
    definition: ResourceDefinition,
    record: ResourceRecord,
    properties: Readonly<Record<string, unknown>>,
  ): PlannedDetail[] {
    const names = new Set([...Object.keys(record.properties), ...Object.keys(properties)]);
    const raw = before?.Resources[record.logicalId]?.Properties ?? {};
    return [...names].sort().flatMap((name): PlannedDetail[] => {
      const [was, becomes] = [record.properties[name], properties[name]];
      if (isSame(was, becomes)) return [];
      const isTags = tagProperty(record.type) === name;
      const common = {
        attribute: isTags ? ('Tags' as const) : ('Properties' as const),
        ...(!isTags && { name }),
        requiresRecreation: isTags ? ('Never' as const) : recreationOf(record.type, name, was, becomes),
        ...changedValues(`/Properties/${name}`, was, becomes, mask),
      };
      return causes(raw[name], definition.Properties?.[name], becomes).map((cause) => ({
        ...common,
        ...cause,
      }));
    });
  }

  /** Why a property changes: what it takes from changing resources and parameters, or its own text. */
  function causes(
    rawBefore: unknown,
    rawAfter: unknown,
    value: unknown,
  ): Array<Pick<PlannedDetail, 'evaluation' | 'source' | 'causingEntity'>> {
    const mentioned = mentions(rawAfter, bound.condition);
    const dynamic = unresolvedIn(value).map(({ source, entity }) => ({
      evaluation: 'Dynamic' as const,
      source,
      causingEntity: entity,
    }));
    const byParameter = mentioned
      .filter(({ kind, name }) => kind === 'reference' && changedParameters.has(name))
      .map(({ name }) => ({
        evaluation: 'Static' as const,
        source: 'ParameterReference' as const,
        causingEntity: name,
      }));
    const found = [...dynamic, ...byParameter];
    if (isSame(rawBefore, rawAfter) && found.length > 0) return found;
    return [...found, { evaluation: 'Static', source: 'DirectModification' }];
  }

  function attributeDetails(
    definition: ResourceDefinition,
    previous: ResourceDefinition | undefined,
    record: ResourceRecord,
  ): PlannedDetail[] {
    const own = (attribute: ChangeScope, path: string, was: unknown, becomes: unknown): PlannedDetail => ({
      attribute,
      requiresRecreation: 'Never',
      evaluation: 'Static',
      source: 'DirectModification',
      ...changedValues(path, was, becomes, mask),
    });
    const details: PlannedDetail[] = [];
    for (const attribute of ['Metadata', 'DeletionPolicy', 'UpdateReplacePolicy'] as const) {
      const [was, becomes] = [previous?.[attribute], definition[attribute]];
      if (!isSame(was, becomes)) details.push(own(attribute, `/${attribute}`, was, becomes));
    }
    const tags = tagProperty(record.type);
    if (tags !== undefined && !isSame(record.stackTags, target.tags))
      details.push(own('Tags', `/Properties/${tags}`, record.stackTags, target.tags));
    return details;
  }

  function modification(
    definition: ResourceDefinition,
    record: ResourceRecord,
    details: readonly PlannedDetail[],
  ): PlannedChange {
    const certain = details.some(
      (detail) => detail.requiresRecreation === 'Always' && detail.evaluation === 'Static',
    );
    const possible = details.some((detail) => detail.requiresRecreation !== 'Never');
    const policy = definition.UpdateReplacePolicy ?? 'Delete';
    return {
      action: 'Modify',
      logicalId: record.logicalId,
      type: record.type,
      physicalId: record.physicalId,
      replacement: certain ? 'True' : possible ? 'Conditional' : 'False',
      ...(certain && { policyAction: `ReplaceAnd${policy as 'Delete' | 'Retain' | 'Snapshot'}` as const }),
      scope: [...new Set(details.map((detail) => detail.attribute))],
      details,
    };
  }

  function beforeContext({ properties, deletionPolicy, updateReplacePolicy }: ResourceRecord): string {
    return contextText(
      properties,
      { DeletionPolicy: deletionPolicy, UpdateReplacePolicy: updateReplacePolicy },
      mask,
    );
  }

  function afterContext(
    definition: ResourceDefinition,
    properties: Readonly<Record<string, unknown>>,
  ): string {
    const { Metadata, UpdateReplacePolicy = 'Delete' } = definition;
    const attributes = { Metadata, DeletionPolicy: deletionPolicyOf(definition), UpdateReplacePolicy };
    return contextText(properties, attributes, mask);
  }

  function remove(record: ResourceRecord): void {
    const policyAction =
      record.deletionPolicy === 'RetainExceptOnCreate'
        ? 'Retain'
        : (record.deletionPolicy as 'Delete' | 'Retain' | 'Snapshot');
    changes.set(record.logicalId, {
      action: 'Remove',
      logicalId: record.logicalId,
      type: record.type,
      physicalId: record.physicalId,
      policyAction,
      scope: [],
      details: [],
      beforeContext: beforeContext(record),
    });
  }

  /** Whether an output's value differs, or hangs on what changes. */
  function outputsChange(): boolean {
    return Object.entries(bound.template.Outputs).some(([key, output]) => {
      if (!bound.isActive(output)) return stack.outputs.some((recorded) => recorded.key === key);
      const value = evaluate(output.Value, scope);
      return (
        value instanceof Unresolved ||
        stack.outputs.find((recorded) => recorded.key === key)?.value !== String(value)
      );
    });
  }

  return { changes, problems, plan, remove, outputsChange };
}

function unresolvedIn(value: unknown): Unresolved[] {
  if (value instanceof Unresolved) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(unresolvedIn);
}
