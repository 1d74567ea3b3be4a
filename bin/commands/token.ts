import type { Command } from 'commander';
import { createdTokenSchema, type Token, tokenPageSchema } from '../../control-api/contracts/tokens.ts';
import { commandError } from './command-error.ts';
import { type ListingOptions, listing, pageRequest, sayMore, wholeNumber } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { clean, relative } from './text.ts';

interface CreateOptions {
  readonly name: string;
  readonly roles: string[];
  readonly expiresInDays?: number;
}

export function tokenCommands(group: Command, invocation: Invocation): void {
  const create = group
    .command('create')
    .description('Create a token; it is shown this once')
    .requiredOption('--name <name>', 'who or what uses it; appears in the audit trail')
    .requiredOption(
      '--roles <list>',
      'viewer, operator, release_manager, plan_admin, security_admin, ci; comma-separated',
      (list: string) => list.split(',').map((each) => each.trim()),
    )
    .option('--expires-in-days <days>', '', wholeNumber(0, 100_000), 90);
  act<CreateOptions>(create, invocation, createToken);

  const list = listing(group.command('list').description('List tokens (never the tokens themselves)'));
  act<ListingOptions>(list, invocation, listTokens);

  const revoke = group
    .command('revoke')
    .argument('<token>', 'id, start of an id, or name')
    .description('Revoke a token: it stops working at once');
  act(revoke, invocation, revokeToken);
}

async function createToken({ api, output, world }: Session, options: CreateOptions) {
  const created = await api.post('/v1/tokens', createdTokenSchema, { body: { ...options } });
  output.document(created);
  output.line(created.token);
  if (!output.json) {
    // Beside stdout, so that `token create … > file` holds the token and nothing else.
    world.stderr.write(
      `Created ${clean(created.name)} (${created.id}: ${created.roles.join(', ')}), expires ${created.expiresAt ?? 'never'}.\n` +
        'Keep it safe: it cannot be shown again. Use it as LUMENALITY_TOKEN or with --token-file.\n',
    );
  }
  return undefined;
}

async function listTokens({ api, output }: Session, options: ListingOptions) {
  const page = await api.list('/v1/tokens', tokenPageSchema, pageRequest(options));
  output.document(page);
  if (page.items.length === 0) {
    output.line('No tokens. Create one with: npx lumenality token create --name … --roles operator');
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['ID', 'NAME', 'ROLES', 'STATE', 'EXPIRES', 'LAST USED'],
      page.items.map((token) => [
        token.id,
        token.name,
        token.roles.join(', '),
        standing(token, now),
        relative(token.expiresAt, now),
        relative(token.lastUsedAt, now),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function standing({ revokedAt, expiresAt }: Token, now: Date): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= now.getTime() ? 'expired' : 'valid';
}

async function revokeToken(
  { api, output, confirm }: Session,
  _options: unknown,
  [text = '']: readonly string[],
) {
  const { items } = await api.list('/v1/tokens', tokenPageSchema, { limit: undefined });
  const token = findToken(text, items);
  await confirm(`Revoke the token ${clean(token.name)} (${token.id})? What uses it stops working at once.`);
  await api.delete(`/v1/tokens/${token.id}`);
  output.document({ id: token.id, revoked: true });
  output.line(`Revoked ${clean(token.name)} (${token.id}).`);
  return undefined;
}

function findToken(text: string, tokens: readonly Token[]): Token {
  const exact = tokens.filter(({ id, name }) => id === text || name === text);
  const fits = exact.length > 0 ? exact : tokens.filter(({ id }) => id.startsWith(text));
  const [first, ...others] = fits;
  if (first === undefined) {
    throw commandError('not_found', `There is no token ${text}.`, {
      hint: 'See `npx lumenality token list --all`.',
    });
  }
  if (others.length === 0) return first;
  throw commandError('usage', `${text} fits ${fits.length} tokens: name one by its id.`, {
    hint: fits.map(({ id, name }) => `  ${id}  ${clean(name)}`).join('\n'),
  });
}
