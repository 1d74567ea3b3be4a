import { NormalizedSchema } from '@smithy/core/schema';

type SchemaReference = Parameters<typeof NormalizedSchema.of>[0];

export type ProtocolKind = 'json' | 'query' | 'ec2' | 'rest-xml' | 'rest-json';

export interface OperationModel {
  readonly name: string;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** For REST protocols: method, path pattern such as `/2013-04-01/hostedzone/{Id}`, and status of the answer. */
  readonly http: { readonly method: string; readonly pattern: string; readonly status: number } | undefined;
}

interface ErrorModel {
  /** The code on the wire: query services name an error otherwise than its shape (`DBInstanceNotFound`). */
  readonly code: string;
  readonly status: number | undefined;
}

/** One service's published model, as its `@aws-sdk/client-*` package carries it. */
export interface ServiceModel {
  readonly signingName: string;
  readonly protocol: ProtocolKind;
  /** API version, for example `2010-05-15`; empty for JSON services, which name a target instead. */
  readonly version: string;
  readonly xmlNamespace: string;
  /** Prefix of `X-Amz-Target`, for example `TrentService`. */
  readonly targetPrefix: string;
  readonly operations: ReadonlyMap<string, OperationModel>;
  /** By shape name and by the code on the wire. */
  readonly errors: ReadonlyMap<string, ErrorModel>;
}

const protocolKinds: Readonly<Record<string, ProtocolKind>> = {
  'aws.protocols#awsJson1_0': 'json',
  'aws.protocols#awsJson1_1': 'json',
  'aws.protocols#awsQuery': 'query',
  'aws.protocols#ec2Query': 'ec2',
  'aws.protocols#restXml': 'rest-xml',
  'aws.protocols#restJson1': 'rest-json',
};

/** What the sandbox reads of a client's configured protocol. */
interface ClientProtocol {
  getShapeId(): string;
  readonly serviceTarget?: string;
  readonly options: {
    readonly version?: string;
    readonly xmlNamespace?: string;
    readonly serviceTarget?: string;
  };
}

type ClientClass = new (
  configuration: object,
) => {
  readonly config: { readonly protocol: ClientProtocol };
  destroy(): void;
};

/** First elements of the SDK's static schemas that matter here ("operation" and "error"). */
const operationSchema = 9;
const errorSchema = -3;

/**
 * Reads the model of one service out of its SDK client package: the exported schemas give the operations and errors,
 * the client class the protocol that it speaks. No request is sent.
 */
export function serviceModel(signingName: string, sdk: Readonly<Record<string, unknown>>): ServiceModel {
  const protocol = protocolOf(signingName, sdk);
  const operations = new Map<string, OperationModel>();
  const errors = new Map<string, ErrorModel>();
  for (const exported of Object.values(sdk)) {
    if (!Array.isArray(exported)) continue;
    const name = exported[2] as string;
    if (exported[0] === operationSchema) {
      operations.set(name, operationModel(exported));
    } else if (exported[0] === errorSchema) {
      const traits = NormalizedSchema.of(exported as unknown as SchemaReference).getMergedTraits();
      const queryError =
        protocol.protocol === 'query' ? (traits['awsQueryError'] as [string, number]) : undefined;
      const [code, status] = queryError ?? [name, traits['httpError'] as number | undefined];
      errors.set(name, { code, status });
      errors.set(code, { code, status });
    }
  }
  return { signingName, operations, errors, ...protocol };
}

/** @param schema `[9, namespace, name, traits, input, output]` */
function operationModel(schema: unknown[]): OperationModel {
  const [, , name, traits, input, output] = schema as [
    number,
    string,
    string,
    unknown,
    SchemaReference,
    SchemaReference,
  ];
  const http =
    (traits as { http?: [method: string, pattern: string, status: number] } | 0 | undefined) || undefined;
  const [method, pattern, status] = http?.http ?? [];
  return {
    name,
    input: NormalizedSchema.of(input),
    output: NormalizedSchema.of(output),
    http: method && pattern && status ? { method, pattern, status } : undefined,
  };
}

function protocolOf(
  signingName: string,
  sdk: Readonly<Record<string, unknown>>,
): Pick<ServiceModel, 'protocol' | 'version' | 'xmlNamespace' | 'targetPrefix'> {
  const Client = Object.entries(sdk).find(([name]) => /^[A-Z]\w*Client$/.test(name))?.[1] as
    | ClientClass
    | undefined;
  if (!Client) throw new Error(`The SDK package given for "${signingName}" exports no client class.`);
  const client = new Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'unused', secretAccessKey: 'unused' },
  });
  const { protocol } = client.config;
  client.destroy();
  const kind = protocolKinds[protocol.getShapeId()];
  if (!kind) throw new Error(`The sandbox does not speak ${protocol.getShapeId()} ("${signingName}").`);
  return {
    protocol: kind,
    version: protocol.options.version ?? '',
    xmlNamespace: protocol.options.xmlNamespace ?? '',
    targetPrefix: protocol.serviceTarget ?? protocol.options.serviceTarget ?? '',
  };
}
