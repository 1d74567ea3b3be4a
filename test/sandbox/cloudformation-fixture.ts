import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  type CreateChangeSetCommandInput,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  type Stack,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import { AwsError, type ResourceContext, type ResourceHandler } from '../../lib/sandbox/model.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';

/** What the topics and queues of these tests were asked to do, in order. */
interface Journal {
  readonly calls: string[];
  /** Physical ids that exist. */
  readonly alive: Set<string>;
  /** Makes the next calls on a logical id fail: `create Topic`, `delete Queue`. */
  readonly failing: Map<string, string>;
  /** Makes a call wait: until the promise settles, or its signal aborts. */
  readonly waiting: Map<string, Promise<void>>;
}

/** Two real resource types with a behaviour that a test can see and steer. */
function handlers(journal: Journal): ResourceHandler[] {
  const carryOut = async (verb: string, context: ResourceContext, detail: unknown) => {
    const step = `${verb} ${context.logicalId}`;
    journal.calls.push(`${step} ${JSON.stringify(detail)}`);
    const waiting = journal.waiting.get(step);
    if (waiting) {
      const aborted = new Promise<never>((_resolve, reject) => {
        context.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      await Promise.race([waiting, aborted]);
    }
    const failure = journal.failing.get(step);
    if (failure !== undefined) throw new AwsError('InvalidParameter', failure);
  };
  const handler = (type: string, arnOf: (id: string) => string, attribute: string): ResourceHandler => ({
    type,
    fidelity: type === 'AWS::SNS::Topic' ? 'behaves' : 'recorded',
    async create(properties, context) {
      const physicalId = arnOf(`${context.stackName}-${context.logicalId}-${context.token.slice(-6)}`);
      context.initiated?.(physicalId);
      journal.alive.add(physicalId);
      await carryOut('create', context, properties);
      return { physicalId, attributes: { [attribute]: physicalId } };
    },
    async update(physicalId, properties, _previous, context) {
      await carryOut('update', context, properties);
      return { physicalId, attributes: { [attribute]: physicalId } };
    },
    async delete(physicalId, _properties, context) {
      await carryOut('delete', context, physicalId);
      journal.alive.delete(physicalId);
    },
    async read(physicalId, properties, context) {
      await carryOut('read', context, physicalId);
      return journal.alive.has(physicalId) ? { ...properties } : undefined;
    },
  });
  return [
    handler('AWS::SNS::Topic', (id) => `topic:${id}`, 'TopicArn'),
    handler('AWS::SQS::Queue', (id) => `queue:${id}`, 'Arn'),
  ];
}

/** A sandbox of its own with topics and queues, and a client that talks to it over a socket. */
export interface Fixture {
  readonly client: CloudFormationClient;
  /** The client's own `send`. */
  readonly send: CloudFormationClient['send'];
  readonly journal: Journal;
  readonly sandbox: Sandbox;
  /** Asks one of the sandbox's own controls, for example `POST faults`; throws what it refuses. */
  control(request: string, body?: object): Promise<Record<string, unknown>>;
  /** Creates and executes a change set, and waits for the end of the operation. */
  deploy(stackName: string, template: object, options?: Partial<CreateChangeSetCommandInput>): Promise<Stack>;
  changeSet(
    stackName: string,
    template: object,
    options?: Partial<CreateChangeSetCommandInput>,
  ): ReturnType<typeof describeChangeSet>;
  settled(stackName: string): Promise<Stack>;
  /** Oldest first. */
  events(stackName: string): Promise<StackEvent[]>;
  stop(): Promise<void>;
}

const describeChangeSet = (client: CloudFormationClient, id: string) =>
  client.send(new DescribeChangeSetCommand({ ChangeSetName: id }));

/** One of the sandbox's own controls: `PUT quotas` and what goes with it. @throws Error what the sandbox refuses. */
export async function askControl(
  endpoint: string,
  request: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const [method = '', path = ''] = request.split(' ');
  const response = await fetch(`${endpoint}/_sandbox/${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  if (!response.ok) throw new Error(String(answer['message']));
  return answer;
}

export async function startFixture(): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'sandbox-cloudformation-'));
  const journal: Journal = { calls: [], alive: new Set(), failing: new Map(), waiting: new Map() };
  const sandbox = await startSandbox({
    port: 0,
    directory,
    dataPlane: false,
    resourceHandlers: handlers(journal),
  });
  const client = new CloudFormationClient({
    region: 'us-east-1',
    endpoint: sandbox.endpoint,
    credentials: { accessKeyId: '111122223333', secretAccessKey: 'any' },
  });
  let count = 0;

  const settled = async (StackName: string): Promise<Stack> => {
    for (;;) {
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
      const [stack] = Stacks;
      if (stack && !stack.StackStatus?.endsWith('IN_PROGRESS')) return stack;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const exists = async (StackName: string) =>
    client.send(new DescribeStacksCommand({ StackName })).then(
      ({ Stacks }) => Stacks?.[0]?.StackStatus !== 'REVIEW_IN_PROGRESS',
      () => false,
    );
  const createChangeSet = async (
    StackName: string,
    template: object,
    options: Partial<CreateChangeSetCommandInput>,
  ) => {
    const { Id = '' } = await client.send(
      new CreateChangeSetCommand({
        StackName,
        ChangeSetName: `change-${(count += 1)}`,
        ChangeSetType: (await exists(StackName)) ? 'UPDATE' : 'CREATE',
        TemplateBody: JSON.stringify(template),
        ...options,
      }),
    );
    return Id;
  };

  return {
    client,
    send: client.send.bind(client),
    journal,
    sandbox,
    settled,
    control: (request, body) => askControl(sandbox.endpoint, request, body),
    changeSet: async (stackName, template, options = {}) =>
      describeChangeSet(client, await createChangeSet(stackName, template, options)),
    async deploy(stackName, template, options = {}) {
      const ChangeSetName = await createChangeSet(stackName, template, options);
      await client.send(new ExecuteChangeSetCommand({ ChangeSetName }));
      return settled(stackName);
    },
    async events(StackName) {
      const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
      return StackEvents.toReversed();
    },
    async stop() {
      await sandbox.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

/** Template resources of the two types that the fixture handles. */
export const topic = (properties: object = {}, attributes: object = {}) => ({
  Type: 'AWS::SNS::Topic',
  Properties: properties,
  ...attributes,
});

export const queue = (properties: object = {}, attributes: object = {}) => ({
  Type: 'AWS::SQS::Queue',
  Properties: properties,
  ...attributes,
});
