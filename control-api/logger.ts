import { type DestinationStream, type Logger, pino } from 'pino';

/** Tokens of ours, wherever they turn up in a text. */
const tokens = /lum_([a-z2-7]{16})_[A-Za-z0-9_-]+/g;

/** The control plane's log: JSON lines. Bodies and credentials never reach it, and a token in an error's text is cut. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { name: 'control-plane' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'authorization',
        'token',
        'password',
        'secret',
        '*.authorization',
        '*.token',
        '*.password',
        '*.secret',
      ],
      censor: '[redacted]',
    },
    serializers: { err: (error: unknown) => describeError(error) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

/** Of an error, only what finds its place: database drivers attach rows and parameters to theirs. */
function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: 'thrown value that is no Error' };
  const { code } = error as Error & { code?: unknown };
  return {
    type: error.name,
    message: withoutTokens(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: withoutTokens(error.stack) }),
    ...(error.cause === undefined || depth >= 4 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

function withoutTokens(text: string): string {
  return text.replace(tokens, 'lum_$1_[redacted]');
}
