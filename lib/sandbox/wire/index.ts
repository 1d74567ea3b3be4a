import { AwsError } from '../model.ts';
import { fromJson, fromQuery } from './decode.ts';
import { element, escapeXml, toJson, toXml } from './encode.ts';
import { MalformedRequest } from './malformed.ts';
import { matchOperation, parseJson, type RestRequest, readRest, writeRest } from './rest.ts';
import type { OperationModel, ProtocolKind, ServiceModel } from './service-model.ts';

/** One HTTP request, read to its end. */
export type WireRequest = RestRequest;

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** What a request asks for, before its input is read. */
export interface Ask {
  readonly protocol: ProtocolKind;
  readonly operation: string;
  /** Query protocols: the API version asked for. JSON protocols: the target's prefix. */
  readonly edition: string;
  readonly labels: ReadonlyMap<string, string>;
}

const formType = 'application/x-www-form-urlencoded';

/** The form of a query request: from the body of a POST, from the address of a GET. */
function queryParameters(request: WireRequest): URLSearchParams {
  const isForm = request.headers['content-type']?.startsWith(formType) ?? false;
  return isForm ? new URLSearchParams(request.body.toString('utf8')) : request.query;
}

/**
 * Finds the operation that a request names, by the marks of each protocol: `X-Amz-Target` (JSON), `Action` and
 * `Version` (query, EC2 query), method and path (REST).
 *
 * @param model the service when the request's signature named it.
 */
export function askOf(request: WireRequest, model: ServiceModel | undefined): Ask {
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    const [edition = '', operation = ''] = target.split('.', 2);
    return { protocol: 'json', operation, edition, labels: new Map() };
  }
  if (model?.protocol === 'rest-xml' || model?.protocol === 'rest-json') {
    const match = matchOperation(request, model);
    return {
      protocol: model.protocol,
      operation: match?.operation ?? '',
      edition: model.version,
      labels: match?.labels ?? new Map(),
    };
  }
  const parameters = queryParameters(request);
  const action = parameters.get('Action');
  if (action !== null) {
    const protocol = model?.protocol === 'ec2' ? 'ec2' : 'query';
    return { protocol, operation: action, edition: parameters.get('Version') ?? '', labels: new Map() };
  }
  return {
    protocol: model?.protocol ?? 'query',
    operation: '',
    edition: '',
    labels: new Map(),
  };
}

/** AWS's answer to an operation that a service does not have; the message says when only the sandbox lacks it. */
export function unknownOperation(ask: Ask, reason?: string): AwsError {
  const code =
    ask.protocol === 'query' || ask.protocol === 'ec2' ? 'InvalidAction' : 'UnknownOperationException';
  const named =
    ask.operation === ''
      ? 'The request names no operation'
      : `The action ${ask.operation} is not valid for this web service`;
  return new AwsError(
    code,
    reason === undefined ? `${named}.` : `${named}: ${reason}`,
    ask.protocol.startsWith('rest-') ? 404 : 400,
  );
}

/** Reads an operation's input. @throws AwsError, in the protocol's words, for what does not fit the schema. */
export async function decodeInput(
  request: WireRequest,
  ask: Ask,
  operation: OperationModel,
): Promise<object> {
  try {
    return await readInput(request, ask, operation);
  } catch (error) {
    throw error instanceof MalformedRequest ? error.toAwsError(ask.protocol) : error;
  }
}

async function readInput(request: WireRequest, ask: Ask, operation: OperationModel): Promise<object> {
  switch (ask.protocol) {
    case 'json':
      return fromJson(operation.input, parseJson(request.body)) as object;
    case 'query':
    case 'ec2': {
      const ignored = (name: string) => name === 'Action' || name === 'Version' || name.startsWith('X-Amz-');
      const parameters = [...queryParameters(request)].filter(([name]) => !ignored(name));
      return fromQuery(operation.input, parameters, ask.protocol);
    }
    case 'rest-xml':
    case 'rest-json':
      return readRest(ask.protocol, request, ask.labels, operation.input);
  }
}

/** The answer to a successful call. */
export function encodeOutput(
  model: ServiceModel,
  ask: Ask,
  operation: OperationModel,
  output: unknown,
  requestId: string,
): WireAnswer {
  const schema = operation.output;
  const value = output ?? {};
  const xmlns = ` xmlns="${model.xmlNamespace}"`;
  switch (ask.protocol) {
    case 'json':
      return json(200, JSON.stringify(toJson(schema, value)), requestId);
    case 'query': {
      const result = schema.isUnitSchema() ? '' : element(`${operation.name}Result`, toXml(schema, value));
      const metadata = element('ResponseMetadata', element('RequestId', requestId));
      return xml(200, element(`${operation.name}Response`, result + metadata, xmlns), requestId);
    }
    case 'ec2': {
      const content = schema.isUnitSchema() ? element('return', 'true') : toXml(schema, value);
      return xml(
        200,
        element(`${operation.name}Response`, element('requestId', requestId) + content, xmlns),
        requestId,
      );
    }
    case 'rest-xml':
    case 'rest-json': {
      const answer = writeRest(ask.protocol, model, operation, value);
      return { ...answer, headers: { ...answer.headers, ...requestIdHeaders(requestId) } };
    }
  }
}

/** The answer to a failed call, with the code and the status that the service's model gives the error. */
export function encodeError(
  protocol: ProtocolKind,
  model: ServiceModel | undefined,
  error: AwsError,
  requestId: string,
): WireAnswer {
  const known = model?.errors.get(error.code);
  const code = known?.code ?? error.code;
  const status = known?.status ?? error.status;
  const detail = element('Code', escapeXml(code)) + element('Message', escapeXml(error.message));
  switch (protocol) {
    case 'json':
    case 'rest-json': {
      const answer = json(status, JSON.stringify({ __type: code, message: error.message }), requestId);
      return { ...answer, headers: { ...answer.headers, 'x-amzn-errortype': code } };
    }
    case 'ec2':
      return xml(
        status,
        element('Response', element('Errors', element('Error', detail)) + element('RequestID', requestId)),
        requestId,
      );
    case 'query':
    case 'rest-xml': {
      // Amazon S3's error is the document itself ("Error responses", Amazon S3 API Reference).
      if (model?.signingName === 's3')
        return xml(status, element('Error', detail + element('RequestId', requestId)), requestId);
      const type = element('Type', status < 500 ? 'Sender' : 'Receiver');
      const xmlns = model ? ` xmlns="${model.xmlNamespace}"` : '';
      return xml(
        status,
        element('ErrorResponse', element('Error', type + detail) + element('RequestId', requestId), xmlns),
        requestId,
      );
    }
  }
}

/** S3's SDKs read the second one. */
const requestIdHeaders = (requestId: string) => ({
  'x-amzn-requestid': requestId,
  'x-amz-request-id': requestId,
});

const json = (status: number, body: string, requestId: string): WireAnswer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', ...requestIdHeaders(requestId) },
  body,
});

const xml = (status: number, body: string, requestId: string): WireAnswer => ({
  status,
  headers: { 'content-type': 'text/xml', ...requestIdHeaders(requestId) },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
});
