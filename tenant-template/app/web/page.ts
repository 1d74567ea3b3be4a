import type { FastifyReply } from 'fastify';
import { may } from '../access.ts';
import type { Member } from '../staff/sessions.ts';
import { type Html, html } from './html.ts';

/** No page runs or loads anything from elsewhere, or is framed; one loads a script of the app's own. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface Page {
  /** Names nobody: browsers keep it in their history. */
  readonly title: string;
  /** The heading, where it is not the title. */
  readonly heading?: string;
  readonly body: Html;
  readonly member?: Member | undefined;
  readonly status?: number;
  /** The path of a script of the app's own. */
  readonly script?: string;
}

export function sendPage(
  reply: FastifyReply,
  { title, heading = title, body, member, status = 200, script }: Page,
) {
  return reply
    .code(status)
    .header('content-security-policy', script ? `${PAGE_POLICY}; script-src 'self'` : PAGE_POLICY)
    .type('text/html; charset=utf-8')
    .send(
      html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="/assets/app.css">
${script && html`<script src="${script}" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${member && banner(member)}
<main id="main">
<h1>${heading}</h1>
${body}
</main>
</body>
</html>`.text,
    );
}

const PLACES = [
  ['/clients', 'Clients', 'clients.read'],
  ['/staff', 'Staff', 'staff.read'],
  ['/audit', 'Audit trail', 'audit.read'],
] as const;

/** The first place that a role may go to. Every role has one. */
export function firstPlaceOf(member: Member): string {
  return PLACES.find(([, , permission]) => may(member.role, permission))?.[0] ?? '/sign-in';
}

function banner(member: Member): Html {
  const places = PLACES.filter(([, , permission]) => may(member.role, permission));
  return html`<header>
<nav aria-label="Main"><ul>${places.map(([path, name]) => html`<li><a href="${path}">${name}</a></li>`)}</ul></nav>
<form method="post" action="/sign-out"><a href="/account">${member.name}</a>, ${roleName(member.role)} <button>Sign out</button></form>
</header>`;
}

export function roleName(role: string): string {
  return role === 'it_administrator' ? 'IT administrator' : role.replaceAll('_', ' ');
}

/** A message that a screen reader reads out at once. */
export function problemBox(message: string | undefined): Html | undefined {
  return message === undefined ? undefined : html`<p class="problem" role="alert">${message}</p>`;
}
