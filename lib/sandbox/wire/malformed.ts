import { AwsError } from '../model.ts';
import type { ProtocolKind } from './service-model.ts';

type Problem =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'type'; readonly expected: string; readonly found: string };

/** A request that does not fit its operation's schema. */
export class MalformedRequest extends Error {
  /** Where in the input, for example `Tags.2.Key`. */
  readonly path: string;
  readonly problem: Problem;

  constructor(path: string, problem: Problem) {
    super(`${problem.kind} at ${path}`);
    this.name = 'MalformedRequest';
    this.path = path;
    this.problem = problem;
  }

  /** The same in the words and codes of the protocol's services. */
  toAwsError(protocol: ProtocolKind): AwsError {
    const { path, problem } = this;
    switch (problem.kind) {
      case 'missing':
        return protocol === 'ec2'
          ? new AwsError('MissingParameter', `The request must contain the parameter ${path}`)
          : new AwsError(
              codes[protocol].validation,
              `1 validation error detected: Value null at '${lowerFirst(path)}' failed to satisfy constraint: Member must not be null`,
            );
      case 'unknown':
        return protocol === 'ec2'
          ? new AwsError('UnknownParameter', `The parameter ${path} is not recognized`)
          : new AwsError(codes[protocol].malformed, `The parameter ${path} is not recognized`);
      case 'type':
        return new AwsError(
          protocol === 'ec2' ? 'InvalidParameterValue' : codes[protocol].malformed,
          `Invalid value at '${path}': ${problem.found} can not be converted to ${problem.expected}`,
        );
    }
  }
}

const codes = {
  json: { validation: 'ValidationException', malformed: 'SerializationException' },
  query: { validation: 'ValidationError', malformed: 'MalformedInput' },
  ec2: { validation: 'MissingParameter', malformed: 'UnknownParameter' },
  'rest-xml': { validation: 'InvalidInput', malformed: 'MalformedXML' },
  'rest-json': { validation: 'ValidationException', malformed: 'SerializationException' },
} as const;

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
