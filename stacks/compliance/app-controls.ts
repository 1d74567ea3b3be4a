import {
  actionsOf,
  type Control,
  isPublic,
  type Properties,
  requirements,
  said,
  statementsOf,
} from './control.ts';

const {
  access,
  atRest,
  audit,
  credentials,
  inTransit,
  integrity,
  isolation,
  leastPrivilege,
  maintenance,
  monitoring,
} = requirements;
const service = 'stacks/constructs/app-service.ts';
const roles = 'stacks/constructs/scoped-role.ts';
const test = 'test/stacks/service-stack.test.ts';
const taskDefinition = ['AWS::ECS::TaskDefinition'];
const policies = ['AWS::IAM::ManagedPolicy'];
/** What `task-hardened` reads of a container in the live silo; the test of the service stack looks at one thing more. */
const readByVerification = ['ECS.4', 'ECS.5', 'ECS.20'];
const provenBeside = [...readByVerification, 'ECS.8'];

export const appControls: readonly Control[] = [
  containerControl('ECS.1', 'Containers do not share the host’s network as root.', isolation, (_, task) =>
    task['NetworkMode'] === 'awsvpc' ? undefined : `NetworkMode is ${said(task['NetworkMode'])}.`,
  ),
  {
    id: 'ECS.2',
    asks: 'A service has no public addresses.',
    requirement: isolation,
    construct: service,
    test,
    // Without a route to the internet, an address would lead nowhere.
    checks: ['routes-stay-in-silo', 'only-entrance-open'],
    types: ['AWS::ECS::Service', 'AWS::ECS::TaskSet'],
    judge: ({ properties }) =>
      JSON.stringify(properties['NetworkConfiguration'] ?? '').includes('"AssignPublicIp":"DISABLED"')
        ? undefined
        : 'Its tasks may get public addresses.',
  },
  {
    id: 'ECS.3',
    asks: 'Tasks do not share the host’s processes.',
    requirement: isolation,
    construct: service,
    types: taskDefinition,
    judge: ({ properties }) =>
      properties['PidMode'] === 'host' ? 'It sees the host’s processes.' : undefined,
  },
  containerControl('ECS.4', 'Containers are not privileged.', leastPrivilege, ({ Privileged }) =>
    Privileged === false ? undefined : `Privileged is ${said(Privileged)}.`,
  ),
  containerControl('ECS.5', 'The root file system is read-only.', integrity, ({ ReadonlyRootFilesystem }) =>
    ReadonlyRootFilesystem === true
      ? undefined
      : `ReadonlyRootFilesystem is ${said(ReadonlyRootFilesystem)}.`,
  ),
  containerControl('ECS.8', 'No secret is an environment variable.', credentials, ({ Environment }) => {
    const names = ((Environment ?? []) as readonly Properties[]).map(({ Name }) => said(Name));
    const secrets = names.filter((name) =>
      /ACCESS_KEY|AUTH_DATA|PASSWORD|TOKEN$|SECRET$|SECRET_KEY/.test(name),
    );
    return secrets.length === 0 ? undefined : `${secrets.join(', ')} looks like a secret.`;
  }),
  containerControl('ECS.9', 'A container logs.', audit, ({ LogConfiguration }) =>
    LogConfiguration === undefined ? 'What it writes is lost.' : undefined,
  ),
  {
    id: 'ECS.10',
    asks: 'Fargate runs its newest platform.',
    requirement: maintenance,
    construct: service,
    types: ['AWS::ECS::Service'],
    judge: ({ properties }) =>
      ['LATEST', '1.4.0'].includes(said(properties['PlatformVersion'] ?? 'LATEST'))
        ? undefined
        : `PlatformVersion is ${said(properties['PlatformVersion'])}.`,
  },
  {
    id: 'ECS.12',
    asks: 'Container Insights is on.',
    requirement: monitoring,
    construct: service,
    types: ['AWS::ECS::Cluster'],
    judge: ({ properties }) =>
      /"containerInsights","Value":"(enabled|enhanced)"/.test(
        JSON.stringify(properties['ClusterSettings'] ?? ''),
      )
        ? undefined
        : 'Container Insights is off.',
  },
  containerControl('ECS.20', 'Containers have a user that is not root.', leastPrivilege, ({ User }) =>
    typeof User === 'string' && /^(?!0+(:|$)|root(:|$))[\w-]+/.test(User)
      ? undefined
      : `User is ${said(User)}.`,
  ),
  ...(['ELB.21', 'ELB.22'] as const).map(
    (id): Control => ({
      id,
      asks: id === 'ELB.21' ? 'Health checks are encrypted.' : 'The load balancer speaks TLS to the app.',
      requirement: inTransit,
      construct: service,
      test,
      checks: ['app-behind-tls'],
      types: ['AWS::ElasticLoadBalancingV2::TargetGroup'],
      judge: ({ properties }) => {
        const protocol = properties[id === 'ELB.21' ? 'HealthCheckProtocol' : 'Protocol'];
        return protocol === 'HTTPS' ? undefined : `The protocol is ${said(protocol)}.`;
      },
    }),
  ),
  ...(['ECR.1', 'ECR.2', 'ECR.3'] as const).map(
    (id): Control => ({
      id,
      asks: {
        'ECR.1': 'Images are scanned.',
        'ECR.2': 'Tags cannot be moved.',
        'ECR.3': 'Old images expire.',
      }[id],
      requirement: integrity,
      construct: service,
      test,
      checks: ['task-image-by-digest'],
      outside:
        'The registry belongs to the cell, not to a silo; a silo names its image by digest, which no tag can move.',
    }),
  ),
  {
    id: 'IAM.1',
    asks: 'No policy allows everything.',
    requirement: leastPrivilege,
    construct: roles,
    test,
    types: policies,
    judge: ({ properties }) =>
      allowed(properties).some((statement) => actionsOf(statement).includes('*'))
        ? 'It allows every action.'
        : undefined,
  },
  {
    id: 'IAM.2',
    asks: 'No policy hangs on a user.',
    requirement: leastPrivilege,
    construct: roles,
    types: ['AWS::IAM::User', 'AWS::IAM::UserPolicy'],
    absent: true,
    judge: () => 'A silo has roles, not users.',
  },
  {
    id: 'IAM.21',
    asks: 'No policy allows all actions of a service.',
    requirement: leastPrivilege,
    construct: roles,
    test,
    types: policies,
    judge: ({ properties }) => {
      const wide = allowed(properties)
        .flatMap(actionsOf)
        .filter((action) => /^[\w-]+:\*$/.test(action));
      return wide.length === 0 ? undefined : `It allows ${wide.join(', ')}.`;
    },
  },
  {
    id: 'KMS.1',
    asks: 'No policy decrypts with every key.',
    requirement: leastPrivilege,
    construct: roles,
    test,
    types: policies,
    judge: ({ properties }) =>
      allowed(properties).some(
        (statement) =>
          actionsOf(statement).some((action) =>
            /^kms:(\*|Decrypt|ReEncryptFrom|ReEncrypt\*)$/.test(action),
          ) && /^("\*"|.*:key\/\*"])/.test(JSON.stringify(statement.Resource)),
      )
        ? 'It decrypts with keys that it does not name.'
        : undefined,
  },
  {
    id: 'KMS.2',
    asks: 'No inline policy decrypts with every key.',
    requirement: leastPrivilege,
    construct: roles,
    test,
    types: ['AWS::IAM::Role', 'AWS::IAM::Policy'],
    judge: ({ type, properties }) =>
      type === 'AWS::IAM::Policy' || properties['Policies'] !== undefined
        ? 'It has an inline policy; a silo’s roles have managed ones.'
        : undefined,
  },
  {
    id: 'SNS.1',
    asks: 'A topic is encrypted.',
    requirement: atRest,
    construct: 'stacks/constructs/alarm-topic.ts',
    types: ['AWS::SNS::Topic'],
    judge: ({ properties }) => (properties['KmsMasterKeyId'] === undefined ? 'It has no key.' : undefined),
  },
  {
    id: 'SNS.4',
    asks: 'A topic is not public.',
    requirement: access,
    construct: 'stacks/constructs/alarm-topic.ts',
    types: ['AWS::SNS::TopicPolicy'],
    judge: ({ properties }) =>
      statementsOf(properties['PolicyDocument']).some(isPublic) ? 'Its policy lets anybody in.' : undefined,
  },
  {
    id: 'CloudWatch.15',
    asks: 'An alarm tells somebody.',
    requirement: monitoring,
    construct: 'stacks/constructs/alarm.ts',
    test,
    types: ['AWS::CloudWatch::Alarm'],
    judge: ({ properties }) =>
      ((properties['AlarmActions'] ?? []) as readonly unknown[]).length > 0 ? undefined : 'It tells nobody.',
  },
  {
    id: 'CloudWatch.16',
    asks: 'Logs are kept for a year or more.',
    requirement: audit,
    construct: 'stacks/constructs/encrypted-log-group.ts',
    checks: ['logs-kept', 'logs-under-key'],
    types: ['AWS::Logs::LogGroup'],
    judge: ({ properties }) =>
      Number(properties['RetentionInDays'] ?? Infinity) >= 365
        ? undefined
        : `RetentionInDays is ${said(properties['RetentionInDays'])}.`,
  },
  {
    id: 'CloudWatch.17',
    asks: 'An alarm’s actions are not switched off.',
    requirement: monitoring,
    construct: 'stacks/constructs/alarm.ts',
    types: ['AWS::CloudWatch::Alarm'],
    judge: ({ properties }) => (properties['ActionsEnabled'] === false ? 'Its actions are off.' : undefined),
  },
];

/** A rule about each container of a task definition. */
function containerControl(
  id: string,
  asks: string,
  requirement: Control['requirement'],
  judge: (container: Properties, task: Properties) => string | undefined,
): Control {
  return {
    id,
    asks,
    requirement,
    construct: service,
    ...(provenBeside.includes(id) && { test }),
    checks: readByVerification.includes(id) ? ['task-hardened'] : [],
    types: taskDefinition,
    judge: ({ properties }) => {
      const containers = (properties['ContainerDefinitions'] ?? []) as readonly Properties[];
      const wrong = containers.flatMap((container) => judge(container, properties) ?? []);
      return wrong.length === 0 ? undefined : wrong.join(' ');
    },
  };
}

function allowed(properties: Properties) {
  return statementsOf(properties['PolicyDocument']).filter(({ Effect }) => Effect === 'Allow');
}
