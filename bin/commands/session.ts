import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { ApiClient } from './api-client.ts';
import { commandError } from './command-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { createOutput, type Output, type World } from './output.ts';
import { clean } from './text.ts';

/** Options that every command has; `program.ts` declares them. */
interface GlobalOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly allowPlainHttp?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
  readonly wide?: boolean;
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
}

/** One start of the command line, from its arguments to its exit code. */
export interface Invocation {
  readonly world: World;
  /** The command that runs, once it is known. */
  command: Command | undefined;
  exitCode: ExitCode;
}

/** What a command works with: the API, the screen, and a person to ask, if there is one. */
export interface Session {
  readonly world: World;
  readonly api: ApiClient;
  readonly output: Output;
  readonly url: string;
  readonly token: () => string;
  /** Throws when what is sent to the control plane could be read on the way and nobody allowed that. */
  readonly requirePrivacy: () => void;
  /** Where `ci login` keeps its token. */
  readonly ciTokenFile: string;
  /** Whether that is the token in use. */
  readonly usesCiToken: () => boolean;
  /** Whether the command repeats one that may have been carried out already (--idempotency-key). */
  readonly isRepeat: boolean;
  /** Returns when the person agrees or --yes was given; throws otherwise, and where there is nobody to ask. */
  readonly confirm: (question: string) => Promise<void>;
  /**
   * For what a yes is said to too soon: returns when the practice's id was given with --confirm, or the person types it; throws
   * otherwise.
   */
  readonly confirmById: (question: string, id: string, given: string | undefined) => Promise<void>;
}

type Handler<Options> = (
  session: Session,
  options: Options,
  args: readonly string[],
) => Promise<ExitCode | undefined>;

/** Lets a command do `handler`; its answer is the exit code, `undefined` meaning done. */
export function act<Options>(command: Command, invocation: Invocation, handler: Handler<Options>): Command {
  return command.action(async () => {
    invocation.command = command;
    const session = openSession(invocation.world, command.optsWithGlobals<GlobalOptions>());
    invocation.exitCode = (await handler(session, command.opts() as Options, command.args)) ?? exitCodes.done;
  });
}

/** @throws CommandError when the address is none */
export function openSession(world: World, options: GlobalOptions): Session {
  const url = addressOf(options.url ?? world.env['LUMENALITY_URL'] ?? 'http://127.0.0.1:8080');
  const requirePrivacy = () => {
    if (options.allowPlainHttp !== true) refusePlainHttp(url);
  };
  const token = () => {
    requirePrivacy();
    return findToken(world, options.tokenFile);
  };
  return {
    world,
    url,
    token,
    requirePrivacy,
    ciTokenFile: ciTokenFileOf(world.env),
    usesCiToken: () =>
      !world.env['LUMENALITY_TOKEN'] &&
      tokenFileOf(world.env, options.tokenFile) === ciTokenFileOf(world.env),
    api: new ApiClient(url, token, options.idempotencyKey),
    output: createOutput(world, {
      json: options.json === true,
      color: options.color,
      wide: options.wide === true,
    }),
    isRepeat: options.idempotencyKey !== undefined,
    confirm: async (question) => {
      if (options.yes === true) return;
      const answer = await ask(world, `${question} [y/N]`, question, 'repeat the command with --yes');
      if (!/^y(es)?$/i.test(answer)) throw declined();
    },
    confirmById: async (question, id, given) => {
      if (given === id) return;
      if (given !== undefined) {
        throw commandError(
          'usage',
          `--confirm says ${given}, and the practice that is meant is ${id}: nothing was changed.`,
        );
      }
      const prompted = `${question} Type ${id} to go on:`;
      const answer = await ask(world, prompted, question, `confirm it with --confirm ${id}`);
      if (answer !== id) throw declined();
    },
  };
}

function addressOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw commandError(
      'usage',
      `${text} is not an address of a control plane: give one such as http://127.0.0.1:8080.`,
    );
  }
  return text.replace(/\/+$/, '');
}

/** A token is as good as a password: it does not leave this machine unencrypted. */
function refusePlainHttp(url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return;
  throw commandError('usage', `${url} would carry the token unencrypted over the network: use https.`, {
    hint: 'Inside a network that you trust, say so with --allow-plain-http.',
  });
}

/** From --token-file, LUMENALITY_TOKEN, `ci login` or the control plane's data directory, whichever comes first. */
function findToken({ env }: World, tokenFile: string | undefined): string {
  if (tokenFile === undefined && env['LUMENALITY_TOKEN']) return env['LUMENALITY_TOKEN'];
  const file = tokenFileOf(env, tokenFile);
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw commandError(
      'unauthenticated',
      `There is no token to sign in with: ${file} cannot be read (${reason}).`,
      {
        hint: 'Set LUMENALITY_TOKEN, name a file with --token-file, or start this where the data directory is. If all tokens are lost: npm run recover-token.',
        cause,
      },
    );
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw commandError(
    'unauthenticated',
    `${file} does not hold a token: one line without spaces is expected.`,
  );
}

type Environment = World['env'];

function tokenFileOf(env: Environment, tokenFile: string | undefined): string {
  if (tokenFile !== undefined) return tokenFile;
  const ofCi = ciTokenFileOf(env);
  const isMeant = Boolean(env['LUMENALITY_CI_TOKEN_FILE']) || existsSync(ofCi);
  return isMeant ? ofCi : inDataDirectory(env, 'admin.token');
}

function ciTokenFileOf(env: Environment): string {
  return env['LUMENALITY_CI_TOKEN_FILE'] || inDataDirectory(env, 'ci.token');
}

function inDataDirectory(env: Environment, name: string): string {
  return join(env['LUMENALITY_DATA_DIR'] || '.lumenality', name);
}

async function ask(world: World, prompted: string, question: string, otherwise: string): Promise<string> {
  if (world.stdin.isTTY !== true || world.stderr.isTTY !== true) {
    throw commandError('usage', `${question} There is no terminal to ask on: ${otherwise}.`);
  }
  const prompt = createInterface({ input: world.stdin, output: world.stderr });
  const interrupted = new AbortController();
  prompt.on('SIGINT', () => interrupted.abort());
  try {
    return (await prompt.question(`${clean(prompted)} `, { signal: interrupted.signal })).trim();
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    world.stderr.write('\n');
    throw declined(error);
  } finally {
    prompt.close();
  }
}

function declined(cause?: unknown) {
  return commandError('interrupted', 'Nothing was changed.', { cause });
}
