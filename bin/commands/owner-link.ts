import { createHash, randomBytes } from 'node:crypto';
import type { OwnerInvitation } from '../../control-api/contracts/owner-invitation.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Output } from './output.ts';
import { fields } from './table.ts';

/** The token of a link with which somebody becomes a practice's first owner: made here, and sent nowhere but in the link. */
interface OwnerToken {
  readonly token: string;
  /** What the control plane and the app know of it. */
  readonly tokenSha256: string;
}

export function newOwnerToken(): OwnerToken {
  const token = randomBytes(32).toString('base64url');
  return { token, tokenSha256: createHash('sha256').update(token).digest('hex') };
}

/** An invitation with its link, for the one document or screen that ever shows it. */
export type OwnerLink = Pick<OwnerInvitation, 'email' | 'expiresAt'> & { readonly link: string };

/**
 * @param url where people reach the practice, null as long as it waits for a cell: the link is then without it. The token is a
 * fragment, which no log on the way sees (docs/silo.md, "The owner's link").
 */
export function ownerLink(
  url: string | null,
  { email, expiresAt }: Pick<OwnerInvitation, 'email' | 'expiresAt'>,
  { token }: OwnerToken,
): OwnerLink {
  const page = url === null ? '/invitation' : new URL('/invitation', url).href;
  return { email, expiresAt, link: `${page}#${token}` };
}

/** @param since from when on the link works, in words */
export function tellOwnerLink(output: Output, { email, expiresAt, link }: OwnerLink, since: string): void {
  output.line();
  output.line(
    fields(output, [
      ["First owner's link", link],
      ['For', email],
      ['Works', `once, ${since}, until ${expiresAt}`],
    ]),
  );
  if (link.startsWith('/')) {
    output.line(
      "Put the practice's address before it, as `practice show` tells it once a cell has room for the practice.",
    );
  }
  output.line(
    output.colours.yellow(
      'Nobody can show this link again. Hand it on privately: whoever has it first becomes the owner.',
    ),
  );
}

/**
 * Does what takes long and shows the link however that ends, because nobody can show it again.
 * @param work prints the one document of --json itself, with `beside` in it, unless it throws
 */
export async function showingLinkAtEnd(
  output: Output,
  ownerInvitation: OwnerLink,
  since: string,
  work: (beside: { readonly ownerInvitation: OwnerLink }) => Promise<ExitCode>,
): Promise<ExitCode> {
  let isDone = false;
  try {
    const exitCode = await work({ ownerInvitation });
    isDone = true;
    return exitCode;
  } finally {
    if (!isDone) output.document({ ownerInvitation });
    tellOwnerLink(output, ownerInvitation, since);
  }
}
