import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { createdTokenSchema, type Token } from '../../control-api/contracts/tokens.ts';
import { networkFault } from './api-client.ts';
import { commandError } from './command-error.ts';
import type { Session } from './session.ts';

const answerTimeoutMs = 30_000;

export interface LoginOptions {
  readonly idTokenFile?: string | undefined;
  readonly githubEnv?: boolean | undefined;
}

export interface SignedIn extends Token {
  readonly tokenFile: string;
}

/** Exchanges the job's ID token for an API token and keeps that in a file for the commands that follow; shows neither. */
export async function signIn(session: Session, options: LoginOptions): Promise<SignedIn> {
  session.requirePrivacy();
  const variables = options.githubEnv === true ? githubVariables(session) : undefined;
  const tokenFile = resolve(variables?.tokenFile ?? session.ciTokenFile);
  const created = await exchange(session, await idTokenOf(session, options));
  keep(tokenFile, created.token);
  if (variables !== undefined) appendFileSync(variables.path, `LUMENALITY_CI_TOKEN_FILE=${tokenFile}\n`);
  const { token: _secret, ...rest } = created;
  return { ...rest, tokenFile };
}

function exchange({ api }: Session, idToken: string) {
  return api.post('/v1/ci/token', createdTokenSchema, { body: { token: idToken }, authenticate: false });
}

/** Where GitHub takes variables for the steps that follow, and a file outside of the checkout, where no step packs or publishes it. */
function githubVariables({ world: { env } }: Session): { readonly path: string; readonly tokenFile: string } {
  const [path, directory] = [env['GITHUB_ENV'], env['RUNNER_TEMP']];
  if (!path || !directory) {
    throw commandError(
      'usage',
      '--github-env works in a GitHub Actions job only: GITHUB_ENV and RUNNER_TEMP are not set.',
    );
  }
  return { path, tokenFile: join(directory, 'lumenality-ci.token') };
}

/** For its owner alone; whoever reads it meanwhile reads the old or the new one. */
function keep(path: string, token: string): void {
  const fresh = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(fresh, `${token}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(fresh, path);
  } catch (cause) {
    throw commandError('usage', `The token cannot be kept in ${path}: ${reasonOf(cause)}.`, {
      hint: 'Name another file with LUMENALITY_CI_TOKEN_FILE.',
      cause,
    });
  }
}

async function idTokenOf(session: Session, { idTokenFile }: LoginOptions): Promise<string> {
  const { env } = session.world;
  if (idTokenFile !== undefined) return readIdToken(idTokenFile);
  if (env['LUMENALITY_ID_TOKEN']) return env['LUMENALITY_ID_TOKEN'];
  const github = githubRequest(env);
  if (github !== undefined) return askGithub(github, audienceOf(session));
  throw commandError('unauthenticated', 'There is no ID token to sign in with.', {
    hint: 'On GitHub give the job `permissions: id-token: write`; on GitLab `id_tokens: LUMENALITY_ID_TOKEN`; elsewhere name a file with --id-token-file. See docs/ci.md.',
  });
}

function readIdToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw commandError('unauthenticated', `The ID token in ${file} cannot be read: ${reasonOf(cause)}.`, {
      cause,
    });
  }
}

/** Whom GitHub's token is to be meant for: what the allow-list of the control plane says, by default its address. */
const audienceOf = ({ world, url }: Session): string => world.env['LUMENALITY_CI_AUDIENCE'] || url;

interface GithubRequest {
  readonly url: string;
  readonly token: string;
}

/** "OpenID Connect reference", docs.github.com: set for jobs that may ask for ID tokens. */
function githubRequest(env: Session['world']['env']): GithubRequest | undefined {
  const [url, token] = [env['ACTIONS_ID_TOKEN_REQUEST_URL'], env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
  return url && token ? { url, token } : undefined;
}

async function askGithub({ url, token }: GithubRequest, audience: string): Promise<string> {
  const address = new URL(url);
  address.searchParams.set('audience', audience);
  let response: Response;
  try {
    response = await fetch(address, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
  } catch (cause) {
    throw commandError('unreachable', `GitHub gave no ID token (${networkFault(cause).words}).`, { cause });
  }
  const body = z.object({ value: z.string() }).safeParse(await response.json().catch(() => undefined));
  if (response.ok && body.success) return body.data.value;
  throw commandError('unreachable', `GitHub gave no ID token: it answered ${response.status}.`, {
    hint: 'Start the job again; githubstatus.com tells whether GitHub has a fault.',
  });
}

const reasonOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

/** An API token of `ci login` lives 15 minutes; at this age another one is taken. */
const renewedAfterMs = 8 * 60_000;

/**
 * To be called now and then by what takes longer than the token of `ci login` lives: takes another in time. Does nothing for any
 * other token.
 */
export async function staySignedIn(session: Session): Promise<void> {
  if (!session.usesCiToken()) return;
  const path = session.ciTokenFile;
  if (Date.now() - statSync(path).mtimeMs < renewedAfterMs) return;
  const github = githubRequest(session.world.env);
  // GitHub gives a job as many ID tokens as it asks for; of other systems a job has one, which vouches for it to the end.
  const { token } =
    github === undefined
      ? await session.api.post('/v1/ci/token/renew', createdTokenSchema, {})
      : await exchange(session, await askGithub(github, audienceOf(session)));
  keep(path, token);
}
