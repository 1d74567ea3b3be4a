/** Log groups under a KMS key ("Encrypt log data in CloudWatch Logs using AWS KMS"). */

import { parseArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { allowsService, statementsOf } from '../policies.ts';
import { groupArn, type LogGroupRecord } from './records.ts';

/** What CloudWatch Logs does with the key of a log group. */
const neededActions = ['kms:GenerateDataKey', 'kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'];

function inaccessible(group: string, reason: string): AwsError {
  return new AwsError(
    'AccessDeniedException',
    `The specified KMS key does not exist or is not allowed to be used with Arn '${group}'. (${reason})`,
  );
}

/**
 * Checks that the key is there, enabled, and that its policy lets CloudWatch Logs use it for this log group.
 * @throws AwsError InvalidParameterException, AccessDeniedException.
 */
export async function checkedKey(call: Call, groupName: string, keyArn: string): Promise<string> {
  if (parseArn(keyArn)?.service !== 'kms') {
    throw new AwsError(
      'InvalidParameterException',
      `The kmsKeyId has to be the ARN of a symmetric KMS key, not '${keyArn}'.`,
    );
  }
  const arn = groupArn(call, groupName);
  await refuseUnusable(call, arn, keyArn);
  const { Policy = '' } = await call.cloud.invoke<{ Policy?: string }>(
    'kms',
    'GetKeyPolicy',
    { KeyId: keyArn },
    call,
  );
  const principal = `logs.${call.region}.amazonaws.com`;
  const statements = statementsOf(Policy, 'InvalidParameterException');
  const context = { 'kms:EncryptionContext:aws:logs:arn': arn };
  const missing = neededActions.filter(
    (action) => !allowsService(statements, { principal, action, resource: keyArn, context }),
  );
  if (missing.length > 0)
    throw inaccessible(arn, `The key policy does not allow ${principal}: ${missing.join(', ')}`);
  return keyArn;
}

async function refuseUnusable(call: Call, arn: string, keyArn: string): Promise<void> {
  let state: string;
  try {
    const answer = await call.cloud.invoke<{ KeyMetadata: { KeyState: string } }>(
      'kms',
      'DescribeKey',
      { KeyId: keyArn },
      call,
    );
    state = answer.KeyMetadata.KeyState;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw inaccessible(arn, `KMS: ${error.code}, ${error.message}`);
  }
  if (state !== 'Enabled') throw inaccessible(arn, `The key's state is ${state}`);
}

/** What was written under a key can be read only while the key works. */
export async function refuseUnreadable(call: Call, group: LogGroupRecord): Promise<void> {
  if (group.kmsKeyArn !== undefined) await refuseUnusable(call, group.arn, group.kmsKeyArn);
}
