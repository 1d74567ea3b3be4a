import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { AwsError, type State, type Table } from './model.ts';

/**
 * Eventual consistency on demand: what was made a moment ago is not seen by reads yet, each of which then answers with
 * its service's own not-found error or a list without it. Only calls over the wire that read are blind; what makes the
 * resource, CloudFormation among it, sees it at once.
 */
export interface Consistency {
  /** @throws AwsError `ValidationError` that says which field of the rule is wrong. */
  add(rule: unknown): ConsistencyRule;
  list(): readonly ConsistencyRule[];
  remove(id: string): boolean;
  clear(): void;
  /** The state as calls see it. */
  over(state: State): State;
  /** Carries out one call over the wire. */
  during<T>(operation: string, work: () => Promise<T>): Promise<T>;
}

interface ConsistencyRule {
  readonly id: string;
  /** For example `AWS::KMS::Key`. */
  readonly resourceType: string;
  /** Only this operation is blind, every one that reads unless told. */
  readonly operation?: string;
  /** How long a new resource stays unseen, … */
  readonly ms?: number;
  /** … or how many reads that would show it pass before one does. */
  readonly reads?: number;
}

/** Where the records of a resource type lie, by which they are found. */
const tablesOf: Readonly<Record<string, readonly string[]>> = {
  'AWS::CertificateManager::Certificate': ['acm.certificates'],
  'AWS::CloudFormation::ChangeSet': ['cloudformation.change-sets'],
  'AWS::CloudFormation::Stack': ['cloudformation.stacks', 'cloudformation.stack-names'],
  'AWS::EC2::SecurityGroup': ['ec2.security-group'],
  'AWS::EC2::Subnet': ['ec2.subnet'],
  'AWS::EC2::VPC': ['ec2.vpc'],
  'AWS::EC2::VPCEndpoint': ['ec2.vpc-endpoint'],
  'AWS::ECS::Cluster': ['ecs.clusters'],
  'AWS::ECS::Service': ['ecs.services'],
  'AWS::ECS::TaskDefinition': ['ecs.task-definitions'],
  'AWS::ElasticLoadBalancingV2::Listener': ['elbv2.listeners'],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': ['elbv2.load-balancers'],
  'AWS::ElasticLoadBalancingV2::TargetGroup': ['elbv2.target-groups'],
  'AWS::IAM::ManagedPolicy': ['iam.policies'],
  'AWS::IAM::Role': ['iam.roles'],
  'AWS::KMS::Alias': ['kms.aliases'],
  'AWS::KMS::Key': ['kms.keys'],
  'AWS::Logs::LogGroup': ['logs.groups'],
  'AWS::RDS::DBInstance': ['rds.instances'],
  'AWS::RDS::DBParameterGroup': ['rds.parameter-groups'],
  'AWS::RDS::DBSnapshot': ['rds.snapshots'],
  'AWS::RDS::DBSubnetGroup': ['rds.subnet-groups'],
  'AWS::S3::Bucket': ['s3.buckets'],
  'AWS::SecretsManager::Secret': ['secretsmanager.secrets'],
};

/** Of the names of AWS's operations; a role that nobody sees yet cannot be assumed either. */
const isRead = (operation: string) => /^(Describe|Get|List|Head|AssumeRole)/.test(operation);

/** A record that some rule hides. */
interface Birth {
  readonly rule: ConsistencyRule;
  readonly at: number;
  readsLeft: number;
}

/** One call that reads: what it did not get to see counts as one read of it, however often it looked. */
interface Read {
  readonly operation: string;
  readonly missed: Set<Birth>;
}

export function createConsistency(milliseconds: () => number = () => performance.now()): Consistency {
  const reading = new AsyncLocalStorage<Read>();
  const births = new Map<string, Birth>();
  let rules: readonly ConsistencyRule[] = [];

  const noteBirth = (table: string, key: string) => {
    const rule = rules.find(({ resourceType }) => tablesOf[resourceType]?.includes(table));
    if (rule) births.set(`${table} ${key}`, { rule, at: milliseconds(), readsLeft: rule.reads ?? 0 });
  };
  const isHidden = (table: string, key: string): boolean => {
    if (births.size === 0) return false;
    const read = reading.getStore();
    const birth = read && births.get(`${table} ${key}`);
    if (!birth) return false;
    const { ms, operation } = birth.rule;
    if ((operation ?? read.operation) !== read.operation) return false;
    const isNew = ms === undefined ? birth.readsLeft > 0 : milliseconds() - birth.at < ms;
    if (isNew) read.missed.add(birth);
    else births.delete(`${table} ${key}`);
    return isNew;
  };
  const forgetAll = (rule?: ConsistencyRule) => {
    for (const [key, birth] of births) if (rule === undefined || birth.rule === rule) births.delete(key);
  };

  return {
    add(given) {
      const rule = { id: randomUUID(), ...checkedRule(given) };
      rules = [...rules, rule];
      return rule;
    },
    list: () => rules,
    remove(id) {
      const rule = rules.find((one) => one.id === id);
      if (!rule) return false;
      rules = rules.filter((one) => one !== rule);
      forgetAll(rule);
      return true;
    },
    clear() {
      rules = [];
      forgetAll();
    },
    over(state) {
      const views = new Map<string, { readonly of: Table<unknown>; readonly view: Table<unknown> }>();
      return {
        transaction: (work) => state.transaction(work),
        table<T>(name: string): Table<T> {
          const of = state.table<unknown>(name);
          let known = views.get(name);
          // A table that was opened in a transaction which was undone is opened anew.
          if (known?.of !== of) views.set(name, (known = { of, view: viewOf(name, of) }));
          return known.view as Table<T>;
        },
      };
    },
    async during(operation, work) {
      if (births.size === 0 || !isRead(operation)) return work();
      const read: Read = { operation, missed: new Set() };
      try {
        return await reading.run(read, work);
      } finally {
        for (const birth of read.missed) birth.readsLeft -= 1;
      }
    },
  };

  function viewOf(name: string, table: Table<unknown>): Table<unknown> {
    if (!Object.values(tablesOf).some((names) => names.includes(name))) return table;
    const shown = (prefix?: string) => table.entries(prefix).filter(([key]) => !isHidden(name, key));
    return {
      get: (key) => (isHidden(name, key) ? undefined : table.get(key)),
      put(key, value) {
        if (rules.length > 0 && table.get(key) === undefined) noteBirth(name, key);
        table.put(key, value);
      },
      delete(key) {
        births.delete(`${name} ${key}`);
        table.delete(key);
      },
      list: (prefix) => (births.size === 0 ? table.list(prefix) : shown(prefix).map(([, value]) => value)),
      entries: (prefix) => (births.size === 0 ? table.entries(prefix) : shown(prefix)),
      *scan(prefix, after) {
        for (const entry of table.scan(prefix, after)) if (!isHidden(name, entry[0])) yield entry;
      },
      count: (prefix) => table.count(prefix),
    };
  }
}

const refuse = (message: string) => new AwsError('ValidationError', `Consistency rule: ${message}`);

function checkedRule(given: unknown): Omit<ConsistencyRule, 'id'> {
  const { resourceType, operation, ms, reads, ...others } = given as Record<string, unknown>;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) throw refuse(`unknown field "${stranger}".`);
  if (typeof resourceType !== 'string' || !Object.hasOwn(tablesOf, resourceType))
    throw refuse(`"resourceType" must be one of ${Object.keys(tablesOf).join(', ')}.`);
  if (operation !== undefined && !(typeof operation === 'string' && isRead(operation)))
    throw refuse('"operation" must be one that reads, for example DescribeKey.');
  const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
  if ((ms === undefined) === (reads === undefined)) throw refuse('give either "ms" or "reads".');
  const wanted = ms ?? reads;
  if (!isCount(wanted)) throw refuse('"ms" and "reads" must be whole numbers, 1 or more.');
  return {
    resourceType,
    ...(operation !== undefined && { operation }),
    ...(ms === undefined ? { reads: wanted } : { ms: wanted }),
  };
}
