/** AWS::SecretsManager::Secret. */

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { GetRandomPasswordRequest } from '@aws-sdk/client-secrets-manager';
import { generatedId, generatedUuid } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler } from '../../model.ts';
import { flagOf, numberOf, tagsOf, textOf } from '../properties.ts';
import { randomPassword } from './passwords.ts';
import { findLiveSecret, forgetSecret, listSecretRecords, type SecretValue, saveSecret } from './records.ts';
import { makeSecret } from './secrets.ts';
import { addVersion, changeSecret } from './values.ts';

type Properties = Record<string, unknown>;

/** What the template asks the secret to hold: a given text, or a generated one in a JSON template or by itself. */
function valueFrom(properties: Properties): SecretValue | undefined {
  const rules = properties['GenerateSecretString'] as Properties | undefined;
  const text = textOf(properties['SecretString']);
  if (rules !== undefined && text !== undefined) {
    throw new AwsError('InvalidRequest', 'SecretString and GenerateSecretString cannot both be specified.');
  }
  if (rules === undefined) return text === undefined ? undefined : { SecretString: text };
  const password = randomPassword(passwordRules(rules));
  const template = textOf(rules['SecretStringTemplate']);
  const key = textOf(rules['GenerateStringKey']);
  if ((template === undefined) !== (key === undefined)) {
    throw new AwsError(
      'InvalidRequest',
      'SecretStringTemplate and GenerateStringKey must be specified together.',
    );
  }
  if (template === undefined || key === undefined) return { SecretString: password };
  return { SecretString: JSON.stringify({ ...parseTemplate(template), [key]: password }) };
}

function parseTemplate(template: string): object {
  try {
    return JSON.parse(template) as object;
  } catch (error) {
    throw new AwsError(
      'InvalidRequest',
      `SecretStringTemplate is not valid JSON: ${(error as Error).message}`,
    );
  }
}

function passwordRules(rules: Properties): GetRandomPasswordRequest {
  return {
    PasswordLength: numberOf(rules['PasswordLength']),
    ExcludeCharacters: textOf(rules['ExcludeCharacters']),
    ExcludeLowercase: flagOf(rules['ExcludeLowercase']),
    ExcludeNumbers: flagOf(rules['ExcludeNumbers']),
    ExcludePunctuation: flagOf(rules['ExcludePunctuation']),
    ExcludeUppercase: flagOf(rules['ExcludeUppercase']),
    IncludeSpace: flagOf(rules['IncludeSpace']),
    RequireEachIncludedType: flagOf(rules['RequireEachIncludedType']),
  };
}

/** A generated value stays as it is unless the rules for it change. */
function newValue(properties: Properties, previous: Properties): SecretValue | undefined {
  const asked = ({ SecretString, GenerateSecretString }: Properties): unknown[] => [
    SecretString,
    GenerateSecretString,
  ];
  return isDeepStrictEqual(asked(properties), asked(previous)) ? undefined : valueFrom(properties);
}

function refuseReplicas(properties: Properties): void {
  if (properties['ReplicaRegions'] !== undefined) {
    throw new AwsError(
      'InvalidRequest',
      'The sandbox does not replicate secrets into other Regions: leave ReplicaRegions out.',
    );
  }
}

const secretHandler: ResourceHandler = {
  type: 'AWS::SecretsManager::Secret',
  fidelity: 'behaves',
  async create(properties: Properties, context: ResourceContext) {
    refuseReplicas(properties);
    const secret = await makeSecret(context, {
      name: textOf(properties['Name']) ?? generatedId(context.token, `${context.logicalId}-`, 12, 'mixed'),
      value: valueFrom(properties),
      description: textOf(properties['Description']),
      kmsKeyId: textOf(properties['KmsKeyId']),
      tags: tagsOf(properties, context),
      token: context.token,
      versionId: generatedUuid(context.token, 'secret-version'),
    });
    return { physicalId: secret.arn, attributes: { Id: secret.arn } };
  },
  async update(physicalId, properties, previous, context) {
    refuseReplicas(properties);
    const secret = findLiveSecret(context, physicalId);
    const change = {
      description: textOf(properties['Description']),
      kmsKeyId: textOf(properties['KmsKeyId']),
    };
    saveSecret(context, {
      ...(await changeSecret(context, secret, change)),
      tags: tagsOf(properties, context),
    });
    const value = newValue(properties, previous);
    if (value !== undefined)
      await addVersion(context, physicalId, value, { id: randomUUID(), stages: ['AWSCURRENT'] });
    return { physicalId, attributes: { Id: physicalId } };
  },
  /** As CloudFormation does it: without a recovery window. */
  delete(physicalId, _properties, context) {
    const secret = listSecretRecords(context).find(({ arn }) => arn === physicalId);
    if (secret !== undefined) forgetSecret(context, secret);
  },
};

export const resources: ResourceHandler[] = [secretHandler];
