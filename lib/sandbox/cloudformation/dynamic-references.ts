import { AwsError, type Call } from '../model.ts';

const pattern = /\{\{resolve:([^:}]+):([^}]*)\}\}/g;

/**
 * Replaces `{{resolve:secretsmanager:…}}` by the secret's value ("Get a secret from Secrets Manager"). Only what a
 * handler is given is replaced: records keep the reference.
 *
 * @throws AwsError for a service that the sandbox cannot ask, and whatever Secrets Manager refuses.
 */
export async function resolveDynamicReferences(value: unknown, call: Call): Promise<unknown> {
  if (typeof value === 'string') return resolveText(value, call);
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolveDynamicReferences(item, call)));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(
    async ([key, item]) => [key, await resolveDynamicReferences(item, call)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function resolveText(text: string, call: Call): Promise<string> {
  let result = text;
  for (const [whole, service = '', reference = ''] of text.matchAll(pattern)) {
    if (service !== 'secretsmanager') {
      throw new AwsError(
        'ValidationError',
        `The sandbox cannot resolve dynamic references to ${service}: ${whole}`,
      );
    }
    const value = await secretValue(reference, call);
    // A function: in a replacement text the `$` of a password would have a meaning.
    result = result.replace(whole, () => value);
  }
  return result;
}

/** `secret-id:SecretString:json-key:version-stage:version-id`; the id may be an ARN. */
async function secretValue(reference: string, call: Call): Promise<string> {
  const at = reference.indexOf(':SecretString');
  const SecretId = at < 0 ? reference : reference.slice(0, at);
  const [, , jsonKey, VersionStage, VersionId] = (at < 0 ? '' : reference.slice(at)).split(':');
  const { SecretString } = await call.cloud.invoke<{ SecretString?: string }>(
    'secretsmanager',
    'GetSecretValue',
    { SecretId, ...(VersionStage && { VersionStage }), ...(VersionId && { VersionId }) },
    call,
  );
  if (SecretString === undefined) throw new AwsError('ValidationError', `Secret ${SecretId} holds no text.`);
  if (!jsonKey) return SecretString;
  const value = membersOf(SecretString, SecretId)[jsonKey];
  if (value === undefined)
    throw new AwsError(
      'ValidationError',
      `Could not find a value associated with JSONKey in SecretString: ${jsonKey}`,
    );
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function membersOf(text: string, secretId: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The parser's message would quote the secret.
    throw new AwsError('ValidationError', `Could not parse SecretString JSON of the secret ${secretId}`);
  }
}
