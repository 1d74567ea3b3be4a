import { DomainError } from '../domain/errors.ts';
import { type Access, accessIn, accessParameters, stackNameFor } from '../domain/stack-plan.ts';
import { type DeployedStack, deployStack, isWhole, sha256 } from './deploy-stack.ts';
import { withRollBackContinued } from './roll-back.ts';
import { settled } from './stack-progress.ts';
import type { Removal } from './stack-removal.ts';

/**
 * Closes or opens a practice's entrance and changes nothing else: the service stack is updated to the template, the parameters and the
 * tags that it has, whatever release they are of, with another value of `Access`. One that is so already is left alone. A roll-back that failed is
 * continued first: nobody could close the practice otherwise, nor call that off.
 * @throws DomainError `deployment_failed` when there is no whole service stack; `configuration` when its release cannot be closed.
 */
export async function bringEntranceTo(watch: Removal, access: Access): Promise<DeployedStack> {
  const { context, stacks } = watch;
  const name = stackNameFor(context.run.practiceId, 'service');
  const found = await settled(watch, name);
  const stack = found === undefined ? undefined : await withRollBackContinued(watch, found);
  if (stack === undefined || !isWhole(stack)) throw notThere(name, stack?.status);
  if (accessIn(stack.parameters) === access) return { stack, changed: false };
  const parameters = { ...stack.parameters, ...accessParameters(access) };
  if (Object.keys(parameters).length !== Object.keys(stack.parameters).length) throw notClosable(name);
  const templateBody = await stacks.template(stack.stackId, context.signal);
  const templateSha256 = sha256(templateBody);
  return deployStack(watch, {
    component: 'service',
    name,
    templateBody,
    templateSha256,
    parameters,
    tags: stack.tags,
  });
}

function notThere(name: string, status: string | undefined): DomainError {
  return new DomainError(
    'deployment_failed',
    status === undefined
      ? `There is no stack ${name}, so there is no entrance to close or open.`
      : `Stack ${name} is ${status} and cannot be changed now.`,
    {
      context: {
        nextAction:
          'Bring the service back with an update of the practice or by hand in CloudFormation, then retry the run; or cancel it.',
      },
    },
  );
}

function notClosable(name: string): DomainError {
  return new DomainError(
    'configuration',
    `Stack ${name} is of a release whose template has no parameter Access, so it cannot be closed.`,
    {
      context: {
        nextAction:
          'Nothing was changed. Cancel the run, update the practice to a newer release, then ask again.',
      },
    },
  );
}
