import { recordKey } from '../identifiers.ts';
import { AwsError, type Cloud } from '../model.ts';
import { liveScope, type Run } from './deployment.ts';
import { evaluate } from './intrinsics.ts';
import { type OutputRecord, requireStack, type StackRecord, tables } from './records.ts';
import { type BoundTemplate, exportsOf } from './scope.ts';
import { isScalar } from './specification.ts';

/**
 * The outputs of a stack whose resources are all there, and the exports of other stacks that its template uses.
 *
 * @throws AwsError `ValidationError` for an output that is no text and for an export that another stack makes.
 */
export function evaluateOutputs(
  run: Run,
  bound: BoundTemplate,
): { outputs: OutputRecord[]; imports: string[] } {
  const imports = new Set<string>();
  const live = liveScope(run, bound);
  const scope = {
    ...live,
    importValue(name: string) {
      imports.add(name);
      return live.importValue(name);
    },
  };
  for (const resource of Object.values(bound.template.Resources)) {
    if (bound.isActive(resource)) evaluate(resource.Properties ?? {}, scope); // Notes what it imports.
  }
  const others = exportsOf(run.cloud, requireStack(run.cloud, run.stackId)).filter(
    ({ stack }) => stack.stackId !== run.stackId,
  );
  const outputs = Object.entries(bound.template.Outputs).flatMap(([key, output]): OutputRecord[] => {
    if (!bound.isActive(output)) return [];
    const value = evaluate(output.Value, scope);
    if (!isScalar(value)) {
      throw new AwsError(
        'ValidationError',
        `Template format error: Output ${key} is malformed. The Value field of every Outputs member must evaluate to a String.`,
      );
    }
    const exportName = output.Export === undefined ? undefined : String(evaluate(output.Export.Name, scope));
    const other = others.find(({ name }) => name === exportName);
    if (other) {
      throw new AwsError(
        'ValidationError',
        `Export with name ${exportName} is already exported by stack ${other.stack.name}. Rename the export and retry.`,
      );
    }
    return [{ key, value: String(value), description: output.Description, exportName }];
  });
  return { outputs, imports: [...imports] };
}

/** Why a stack cannot be deleted yet: another one imports what it exports. */
export function exportInUse(cloud: Cloud, stack: StackRecord): string | undefined {
  const names = stack.outputs.flatMap(({ exportName }) => (exportName === undefined ? [] : [exportName]));
  for (const name of names) {
    const users = tables(cloud.state).stacks.withTerm(recordKey(stack), `imports:${name}`);
    const user = users.find((other) => other.stackId !== stack.stackId);
    if (user) return `Export ${name} cannot be deleted as it is in use by ${user.name}`;
  }
  return undefined;
}
