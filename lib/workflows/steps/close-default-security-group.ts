import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { describeGroupRule } from '../../domain/network-checks.ts';
import type { SiloActions } from '../../ports/silo-actions.ts';
import type { SiloReads } from '../../ports/silo-reads.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { readOnceVisible } from '../visibility.ts';
import { outputsBefore } from './deploy-component.ts';

export interface CloseParts {
  readonly cloud: {
    readonly silo: Pick<SiloReads, 'defaultSecurityGroup'>;
    readonly actions: Pick<SiloActions, 'revokeRules'>;
  };
}

const closed = {
  name: 'close-default-security-group',
  output: z.object({
    securityGroupId: z.string(),
    /** The rules that this attempt found and took away, in words; none when the group was closed already. */
    revoked: z.array(z.string()),
  }),
};

/** Once to revoke, and again should somebody else be revoking or adding rules at the same moment. */
const rounds = 3;

/** EC2 may show a rule for a moment after it is gone ("Eventual consistency in the Amazon EC2 API"): each further round waits a little longer. */
const pauseMs = 400;

/**
 * Takes every rule out of the group that the VPC was born with: EC2 puts whatever names no group into it, and no template
 * can reach it. Proven by reading the group again; a repeated step finds it closed and changes nothing.
 * @throws DomainError `verification_failed` when rules keep coming back.
 */
export function closeDefaultSecurityGroup({
  cloud,
}: CloseParts): StepDefinition<z.infer<typeof closed.output>> {
  return {
    ...closed,
    run: async (context) => {
      const vpcId = vpcOf(context);
      const revoked = new Set<string>();
      for (let round = 0; ; round += 1) {
        if (round > 1) await delay(pauseMs * (round - 1), undefined, { signal: context.signal });
        const group = await readOnceVisible(context, () =>
          cloud.silo.defaultSecurityGroup(vpcId, context.signal),
        );
        if (group.rules.length === 0) return { securityGroupId: group.id, revoked: [...revoked] };
        if (round === rounds) throw stillOpen(group.id, group.rules.map(describeGroupRule));
        await context.checkpoint();
        await cloud.actions.revokeRules(group, context.signal);
        for (const rule of group.rules) revoked.add(describeGroupRule(rule));
      }
    },
  };
}

function vpcOf(context: StepContext): string {
  const { VpcId } = outputsBefore(context, 'data');
  if (VpcId !== undefined && VpcId !== '') return VpcId;
  throw new DomainError(
    'deployment_failed',
    'The foundation stack gave out no VpcId: its VPC cannot be closed.',
  );
}

function stillOpen(groupId: string, rules: readonly string[]): DomainError {
  return new DomainError(
    'verification_failed',
    `The default security group ${groupId} still has rules after ${rounds} attempts to revoke them: ${rules.join('; ')}.`,
    {
      context: {
        nextAction: 'Find out in CloudTrail who adds rules to this group and stop it, then retry the run.',
      },
    },
  );
}
