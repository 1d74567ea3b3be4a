import * as sdk from '@aws-sdk/client-sts';
import { accountOfAccessKey, issueAccessKey } from './access-keys.ts';
import { AwsError, type Call, type ServiceEmulation } from './model.ts';

const roleArn = /^arn:aws[\w-]*:iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]+)$/;

function getCallerIdentity(_input: sdk.GetCallerIdentityRequest, call: Call): sdk.GetCallerIdentityResponse {
  const session = call.principalArn.split('/').at(-1);
  const isRoot = call.principalArn.endsWith(':root');
  return {
    Account: call.accountId,
    Arn: call.principalArn,
    UserId: isRoot ? call.accountId : `AROASANDBOX:${session}`,
  };
}

/** Trust policies are not evaluated: any caller may assume any role, in whatever account its ARN names. */
function assumeRole(input: sdk.AssumeRoleRequest, call: Call): sdk.AssumeRoleResponse {
  const [, accountId, roleName] = roleArn.exec(input.RoleArn ?? '') ?? [];
  if (!accountId) throw new AwsError('ValidationError', `${input.RoleArn} is invalid`);
  const session = input.RoleSessionName ?? '';
  if (!/^[\w+=,.@-]{2,64}$/.test(session)) {
    throw new AwsError(
      'ValidationError',
      `1 validation error detected: Value '${session}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
    );
  }
  const lifetimeSeconds = input.DurationSeconds ?? 3600;
  if (lifetimeSeconds < 900 || lifetimeSeconds > 43_200) {
    throw new AwsError(
      'ValidationError',
      'The requested DurationSeconds must be between 900 and 43200 seconds.',
    );
  }
  const principalArn = `arn:aws:sts::${accountId}:assumed-role/${roleName}/${session}`;
  const issued = issueAccessKey(
    call.cloud.state,
    { accountId, principalArn, lifetimeSeconds },
    call.cloud.now(),
  );
  return {
    Credentials: {
      AccessKeyId: issued.AccessKeyId,
      SecretAccessKey: issued.SecretAccessKey,
      SessionToken: issued.Token,
      Expiration: issued.Expiration,
    },
    AssumedRoleUser: { Arn: principalArn, AssumedRoleId: `AROASANDBOX:${session}` },
  };
}

function getAccessKeyInfo(input: sdk.GetAccessKeyInfoRequest, call: Call): sdk.GetAccessKeyInfoResponse {
  return { Account: accountOfAccessKey(input.AccessKeyId ?? '', call.cloud.state) };
}

/** AWS Security Token Service: who calls, and keys for roles of any account. */
export const sts: ServiceEmulation = {
  signingName: 'sts',
  sdk,
  operations: {
    GetCallerIdentity: getCallerIdentity,
    AssumeRole: assumeRole,
    GetAccessKeyInfo: getAccessKeyInfo,
  },
};
