import type { Command } from 'commander';
import { type LoginOptions, signIn } from './ci-login.ts';
import { act, type Invocation, type Session } from './session.ts';
import { clean, relative } from './text.ts';

export function ciCommands(group: Command, invocation: Invocation): void {
  const login = group
    .command('login')
    .description('Sign a CI job in with its ID token: the commands that follow find the token')
    .option(
      '--id-token-file <path>',
      "file that holds the job's ID token (default: LUMENALITY_ID_TOKEN, then GitHub)",
    )
    .option('--github-env', 'sign in for the steps of a GitHub job that follow, in whatever directory')
    .addHelpText(
      'after',
      `
Examples:
  npx lumenality ci login --github-env         in a GitHub job with id-token: write
  npx lumenality ci login                      in a GitLab job with id_tokens: LUMENALITY_ID_TOKEN
The token has the role ci and lives 15 minutes; --wait and watch renew it. See docs/ci.md.`,
    );
  act<LoginOptions>(login, invocation, signInJob);
}

async function signInJob(session: Session, options: LoginOptions) {
  const { output } = session;
  const signedIn = await signIn(session, options);
  output.document(signedIn);
  output.line(
    `Signed in as ${clean(signedIn.name)}; the token in ${signedIn.tokenFile} expires ${relative(signedIn.expiresAt, new Date())}.`,
  );
  return undefined;
}
