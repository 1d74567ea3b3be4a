import type { SecurityGroupFacts } from '../../lib/domain/silo-facts.ts';
import type { StepContext } from '../../lib/runs/workflow.ts';
import { closeDefaultSecurityGroup } from '../../lib/workflows/steps/close-default-security-group.ts';

type Rule = SecurityGroupFacts['rules'][number];

const rule = (id: string, outbound: boolean): Rule => ({
  id,
  outbound,
  protocol: '-1',
  fromPort: null,
  toPort: null,
  peer: outbound ? '0.0.0.0/0' : 'sg-default',
});

/** A VPC's default group that behaves like EC2's; `revoke` is what a call to revoke does to its rules. */
function vpc(first: Rule[], revoke: (asked: readonly Rule[], rules: Rule[]) => Rule[]) {
  let rules = first;
  const calls: string[] = [];
  const step = closeDefaultSecurityGroup({
    cloud: {
      silo: {
        defaultSecurityGroup: async () => {
          calls.push('read');
          return { id: 'sg-default', name: 'default', rules: [...rules] };
        },
      },
      actions: {
        revokeRules: async (group) => {
          calls.push('revoke');
          rules = revoke(group.rules, rules);
        },
      },
    },
  });
  const context = {
    outputOf: () => ({ outputs: { VpcId: 'vpc-1' } }),
    checkpoint: async () => void calls.push('checkpoint'),
    signal: new AbortController().signal,
  };
  return { run: () => step.run(context as unknown as StepContext), calls };
}

const asked = (rules: readonly Rule[], all: Rule[]) =>
  all.filter(({ id }) => !rules.some((each) => each.id === id));

test('revokes what is there, fenced, and reads the group again before it says so', async () => {
  const { run, calls } = vpc([rule('sgr-1', false), rule('sgr-2', true)], asked);
  expect(await run()).toEqual({
    securityGroupId: 'sg-default',
    revoked: ['in: -1 all-all from sg-default', 'out: -1 all-all to 0.0.0.0/0'],
  });
  expect(calls).toEqual(['read', 'checkpoint', 'revoke', 'read']);
});

test('a group that is closed already, as after a crash, is left alone', async () => {
  const { run, calls } = vpc([], asked);
  expect(await run()).toEqual({ securityGroupId: 'sg-default', revoked: [] });
  expect(calls).toEqual(['read']);
});

test('a rule that comes while it revokes is revoked too', async () => {
  let raced = false;
  const { run } = vpc([rule('sgr-1', false)], (rules, all) => {
    const left = asked(rules, all);
    if (raced) return left;
    raced = true;
    return [...left, rule('sgr-2', true)];
  });
  expect((await run()).revoked).toHaveLength(2);
});

test('rules that keep coming back end the step with their names, never with success', async () => {
  const { run, calls } = vpc([rule('sgr-1', true)], (_rules, all) => all);
  await expect(run()).rejects.toMatchObject({
    code: 'verification_failed',
    publicMessage: expect.stringContaining('out: -1 all-all to 0.0.0.0/0'),
    context: { nextAction: expect.stringContaining('CloudTrail') },
  });
  expect(calls.filter((call) => call === 'revoke')).toHaveLength(3);
});
