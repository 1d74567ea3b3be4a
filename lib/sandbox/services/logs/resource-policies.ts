/** Resource policies of an account: which AWS services may write to its log groups. Recorded; nothing evaluates them. */
import type {
  DeleteResourcePolicyRequest,
  DescribeResourcePoliciesRequest,
  DescribeResourcePoliciesResponse,
  PutResourcePolicyRequest,
  PutResourcePolicyResponse,
  ResourcePolicy,
} from '@aws-sdk/client-cloudwatch-logs';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Operation, type ResourceHandler, type Table } from '../../model.ts';
import { textOf } from '../properties.ts';
import type { Owner } from './records.ts';

/** "CloudWatch Logs quotas": resource policies a Region, and bytes of one. */
const policyLimit = 10;
const byteLimit = 5_120;

interface PolicyRecord extends ResourcePolicy {
  readonly policyName: string;
}

const policies = (owner: Owner): Table<PolicyRecord> =>
  owner.cloud.state.table<PolicyRecord>('logs.resource-policies');

const invalid = (message: string) => new AwsError('InvalidParameterException', message);

function put(owner: Owner, policyName: string, policyDocument: string): PolicyRecord {
  try {
    JSON.parse(policyDocument);
  } catch (error) {
    throw invalid(`The policy document is not JSON: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(policyDocument) > byteLimit)
    throw invalid(`The policy document is longer than ${byteLimit} bytes.`);
  const table = policies(owner);
  const isNew = table.get(recordKey(owner, policyName)) === undefined;
  if (isNew && table.list(recordKey(owner)).length >= policyLimit)
    throw new AwsError('LimitExceededException', 'Resource limit exceeded.');
  const record = { policyName, policyDocument, lastUpdatedTime: owner.cloud.now().getTime() };
  table.put(recordKey(owner, policyName), record);
  return record;
}

export const resourcePolicyOperations: Record<string, Operation> = {
  PutResourcePolicy(input: PutResourcePolicyRequest, call: Call): PutResourcePolicyResponse {
    if (!input.policyName || !input.policyDocument)
      throw invalid('policyName and policyDocument are required.');
    return { resourcePolicy: put(call, input.policyName, input.policyDocument) };
  },
  /** All of them in one page: there are ten at most. */
  DescribeResourcePolicies(
    _input: DescribeResourcePoliciesRequest,
    call: Call,
  ): DescribeResourcePoliciesResponse {
    return { resourcePolicies: policies(call).list(recordKey(call)) };
  },
  DeleteResourcePolicy(input: DeleteResourcePolicyRequest, call: Call): void {
    const key = recordKey(call, input.policyName ?? '');
    if (policies(call).get(key) === undefined)
      throw new AwsError(
        'ResourceNotFoundException',
        `Policy with name [${input.policyName}] does not exist.`,
      );
    policies(call).delete(key);
  },
};

const outcomeOf = ({ policyName }: PolicyRecord) => ({ physicalId: policyName, attributes: {} });

export const resourcePolicyHandler: ResourceHandler = {
  type: 'AWS::Logs::ResourcePolicy',
  fidelity: 'recorded',
  create(properties, context) {
    const name = textOf(properties['PolicyName']) ?? '';
    const present = policies(context).get(recordKey(context, name));
    const document = textOf(properties['PolicyDocument']) ?? '';
    if (present !== undefined && present.policyDocument !== document)
      throw new AwsError('AlreadyExists', `Resource policy ${name} already exists.`);
    return outcomeOf(put(context, name, document));
  },
  update: (physicalId, properties, _previous, context) =>
    outcomeOf(put(context, physicalId, textOf(properties['PolicyDocument']) ?? '')),
  delete: (physicalId, _properties, context) => policies(context).delete(recordKey(context, physicalId)),
};
