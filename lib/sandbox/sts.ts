import * as sdk from '@aws-sdk/client-sts';
import { accountOfAccessKey, issueAccessKey } from './access-keys.ts';
import { AwsError, type Call, type ServiceEmulation } from './model.ts';
import { roleByArn } from './services/iam/records.ts';
import { trusts } from './services/policies.ts';

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

/**
 * The role has to be there, in whatever account its ARN names, and its trust policy has to let the caller in, with the
 * external id that it asks for. What the caller's own policies say is not judged.
 *
 * @throws AwsError AccessDenied (403), in the same words for a role that is not there.
 */
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
  if (input.ExternalId !== undefined && !/^[\w+=,.@:/-]{2,1224}$/.test(input.ExternalId)) {
    throw new AwsError(
      'ValidationError',
      "1 validation error detected: Value at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
    );
  }
  const role = roleByArn(input.RoleArn ?? '', { ...call, accountId });
  const assumption = {
    principalArn: call.principalArn,
    accountId: call.accountId,
    roleArn: input.RoleArn ?? '',
    sessionName: session,
    externalId: input.ExternalId,
    tags: Object.fromEntries((input.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
  if (!role || !trusts(role.AssumeRolePolicyDocument, assumption)) {
    throw new AwsError(
      'AccessDenied',
      `User: ${call.principalArn} is not authorized to perform: sts:AssumeRole on resource: ${input.RoleArn}`,
      403,
    );
  }
  if (lifetimeSeconds > (role.MaxSessionDuration ?? 3600)) {
    throw new AwsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  const principalArn = `arn:aws:sts::${accountId}:assumed-role/${roleName}/${session}`;
  const issued = issueAccessKey(
    call.cloud.state,
    { accountId, principalArn, lifetimeSeconds },
    call.cloud.machineTime(),
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
