import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormationClient,
  GetStackPolicyCommand,
  GetTemplateCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { sandboxDefaults } from '../../lib/config.ts';
import { components, type Release, releaseManifestSchema } from '../../lib/domain/release.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import { startSandbox } from '../../lib/sandbox/server.ts';
import { sandboxPorts } from './sandbox-cell.ts';
import { control } from './sandbox-controls.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** What a test decides of a small release. */
export interface SmallTemplates {
  /** Part of the name of the log group that stands for what a practice must never lose: another one replaces it. */
  readonly records?: string;
  readonly retentionDays?: number;
  /** Whether the template still has the log group. */
  readonly hasRecords?: boolean;
}

/**
 * A release of three stacks that deploy within a second: a key, a log group for records, a role. What a workflow does with
 * stacks can be seen on it as on a whole silo.
 */
export function smallRelease({
  records = 'one',
  retentionDays = 30,
  hasRecords = true,
}: SmallTemplates): Release {
  const practiceId = { PracticeId: { Type: 'String' } };
  const kept = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };
  const bodies = {
    foundation: {
      Parameters: practiceId,
      Resources: {
        Key: {
          Type: 'AWS::KMS::Key',
          ...kept,
          Properties: { KeyPolicy: keyPolicy, EnableKeyRotation: true },
        },
      },
      Outputs: { KeyArn: { Value: { 'Fn::GetAtt': ['Key', 'Arn'] } } },
    },
    data: {
      Parameters: { ...practiceId, KeyArn: { Type: 'String' } },
      Resources: {
        ...(hasRecords ? { Records: recordsGroup(records, retentionDays, kept) } : {}),
        Other: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: retentionDays } },
      },
      Outputs: { OtherName: { Value: { Ref: 'Other' } } },
    },
    service: {
      Parameters: { ...practiceId, Access: { Type: 'String', Default: 'open' } },
      Resources: {
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: { AssumeRolePolicyDocument: trust, Description: { Ref: 'Access' } },
        },
      },
      Outputs: { RoleName: { Value: { Ref: 'Role' } } },
    },
  };
  const templates = {
    foundation: JSON.stringify(bodies.foundation),
    data: JSON.stringify(bodies.data),
    service: JSON.stringify(bodies.service),
  };
  const contentHash = sha256(JSON.stringify(templates));
  const manifest = releaseManifestSchema.parse({
    formatVersion: 1,
    id: `r-${contentHash.slice(0, 12)}`,
    contentHash,
    appVersion: '1.0.0',
    migration: '0001-start',
    image: { repository: 'lumenality/practice-app', digest: `sha256:${contentHash}` },
    templates: Object.fromEntries(
      components.map((component) => [
        component,
        {
          file: `templates/${component}.json`,
          sha256: sha256(templates[component]),
          bytes: templates[component].length,
          parameters: Object.keys(bodies[component].Parameters).map((name) => ({ name, type: 'String' })),
          outputs: Object.keys(bodies[component].Outputs),
        },
      ]),
    ),
    compliance: { file: 'compliance/report.json', sha256: contentHash, acknowledged: 0, unexplained: 0 },
  });
  return { manifest, templates };
}

const keyPolicy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' }],
};
const trust = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
  ],
};

function recordsGroup(name: string, RetentionInDays: number, kept: object): object {
  const LogGroupName = { 'Fn::Sub': `/records/\${PracticeId}/${name}` };
  return { Type: 'AWS::Logs::LogGroup', ...kept, Properties: { LogGroupName, RetentionInDays } };
}

/** What a deployment and a removal ask of a cell: the roles that CloudFormation and the control plane act with (docs/silo.md, "The cell"). */
async function makeRoles(iam: IAMClient): Promise<void> {
  for (const [RoleName, Principal] of Object.entries(assumers)) {
    const Statement = [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }];
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new CreateRoleCommand({ Path: '/lumenality-cell/', RoleName, AssumeRolePolicyDocument }));
  }
  iam.destroy();
}

const assumers = {
  deploy: { Service: 'cloudformation.amazonaws.com' },
  retire: { AWS: sandboxDefaults.credentials.accessKeyId },
};

/** A sandbox cloud in this process, without databases and tasks, and what a test asks of it behind the control plane's back. */
export interface SmallCloud {
  readonly ports: CloudPorts;
  readonly cloudFormation: CloudFormationClient;
  /** Adds a fault (docs/sandbox.md, "Faults"). */
  fault(rule: object): Promise<void>;
  policyOf(stackName: string): Promise<string | undefined>;
  templateOf(stackName: string): Promise<string | undefined>;
  /** Names of the change sets that nobody has executed or deleted. */
  openChangeSets(stackName: string): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startSmallCloud(): Promise<SmallCloud> {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-small-'));
  const sandbox = await startSandbox({ port: 0, directory, dataPlane: false, log: () => undefined });
  const { endpoint } = sandbox;
  const at = { region: sandboxDefaults.region, endpoint, credentials: sandboxDefaults.credentials };
  const cloudFormation = new CloudFormationClient(at);
  await makeRoles(new IAMClient(at));
  const ports = sandboxPorts(endpoint);
  return {
    ports,
    cloudFormation,
    fault: async (rule) => {
      await control(endpoint, 'POST', 'faults', rule);
    },
    policyOf: async (StackName) =>
      (await cloudFormation.send(new GetStackPolicyCommand({ StackName }))).StackPolicyBody,
    templateOf: async (StackName) =>
      (await cloudFormation.send(new GetTemplateCommand({ StackName, TemplateStage: 'Original' })))
        .TemplateBody,
    openChangeSets: async (StackName) => {
      const { Summaries = [] } = await cloudFormation.send(new ListChangeSetsCommand({ StackName }));
      return Summaries.flatMap((each) =>
        each.ExecutionStatus === 'AVAILABLE' ? [each.ChangeSetName ?? ''] : [],
      );
    },
    stop: async () => {
      cloudFormation.destroy();
      ports.close();
      await sandbox.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
