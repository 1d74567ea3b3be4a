import type { FastifyInstance } from 'fastify';
import type { Account } from '../staff/account.ts';
import { SHORTEST_PASSWORD } from '../staff/passwords.ts';
import type { Member } from '../staff/sessions.ts';
import { orAgain } from './answers.ts';
import { givePending, sessionOf } from './cookies.ts';
import { authenticatorForm, passwordForm } from './forms.ts';
import { memberOf } from './guard.ts';
import { html } from './html.ts';
import { type Page, problemBox, sendPage } from './page.ts';
import { refuseDifferent } from './sign-in-pages.ts';

/** What each member may change of the own account. */
export function accountPages(server: FastifyInstance, account: Account): void {
  server.get('/account', async (request, reply) => sendPage(reply, accountPage(memberOf(request))));

  server.post('/account/authenticator', async (request, reply) => {
    const member = memberOf(request);
    const { current } = authenticatorForm.parse(request.body);
    return orAgain(
      reply,
      (message) => accountPage(member, message),
      async () => {
        givePending(reply, await account.renewAuthenticator(member, current, request.ip));
        return reply.redirect('/enrolment', 303);
      },
    );
  });

  server.post('/account/password', async (request, reply) => {
    const member = memberOf(request);
    const form = passwordForm.parse(request.body);
    return orAgain(
      reply,
      (message) => accountPage(member, message),
      async () => {
        refuseDifferent(form);
        await account.changePassword(member, sessionOf(request) ?? '', form, request.ip);
        return reply.redirect('/account', 303);
      },
    );
  });
}

function accountPage(member: Member, message?: string): Page {
  // Tells password managers whose password it is.
  const username = html`<input hidden name="username" autocomplete="username" value="${member.email}">`;
  return {
    title: 'Your account',
    member,
    body: html`${problemBox(message)}
<p>You sign in as ${member.email}.</p>
<form method="post" action="/account/authenticator">
${username}
<h2>Another authenticator and new backup codes</h2>
<p class="hint">For a new telephone, or when few backup codes are left. The old ones work until the new one is confirmed.</p>
<label for="for-authenticator">Current password</label>
<input id="for-authenticator" name="current" type="password" autocomplete="current-password" required>
<p><button>Set up</button></p>
</form>
<form method="post" action="/account/password">
${username}
<h2>Another password</h2>
<label for="current">Current password</label>
<input id="current" name="current" type="password" autocomplete="current-password" required>
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required minlength="${SHORTEST_PASSWORD}">
<label for="repeated">The new password again</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>
<p><button>Change</button></p>
</form>`,
  };
}
