import type { FastifyInstance } from 'fastify';
import { Refusal } from '../refusal.ts';
import type { Enrolment, NewAuthenticator } from '../staff/enrolment.ts';
import type { Invitations } from '../staff/invitations.ts';
import { SHORTEST_PASSWORD } from '../staff/passwords.ts';
import type { SignIn } from '../staff/sign-in.ts';
import { orAgain } from './answers.ts';
import { givePending, giveSession, pendingOf, sessionOf, takeSession } from './cookies.ts';
import { codeForm, invitationForm, signInForm } from './forms.ts';
import { memberOf } from './guard.ts';
import { html } from './html.ts';
import { firstPlaceOf, problemBox, sendPage } from './page.ts';
import { qrCode } from './qr-code.ts';

interface SignInRoutes {
  readonly signIn: SignIn;
  readonly enrolment: Enrolment;
  readonly invitations: Invitations;
}

/** What a person sees before there is a session, and when it ends. */
export function signInPages(server: FastifyInstance, { signIn, enrolment, invitations }: SignInRoutes): void {
  server.get('/', async (request, reply) => reply.redirect(firstPlaceOf(memberOf(request)), 303));

  server.get('/sign-in', async (_request, reply) => sendPage(reply, signInPage()));
  server.post('/sign-in', async (request, reply) => {
    const { email, password } = signInForm.parse(request.body);
    return orAgain(reply, signInPage, async () => {
      const { token, next } = await signIn.withPassword(email, password, request.ip);
      givePending(reply, token);
      return reply.redirect(next === 'code' ? '/sign-in/code' : '/enrolment', 303);
    });
  });

  server.get('/sign-in/code', async (request, reply) => {
    await signIn.expectsCode(pendingOf(request));
    return sendPage(reply, codePage());
  });
  server.post('/sign-in/code', async (request, reply) => {
    const { code } = codeForm.parse(request.body);
    return orAgain(reply, codePage, async () => {
      giveSession(reply, await signIn.withCode(pendingOf(request), code, request.ip));
      return reply.redirect('/', 303);
    });
  });

  server.get('/enrolment', async (request, reply) =>
    sendPage(reply, enrolmentPage(await enrolment.show(pendingOf(request)))),
  );
  server.post('/enrolment', async (request, reply) => {
    const { code } = codeForm.parse(request.body);
    const authenticator = await enrolment.show(pendingOf(request));
    return orAgain(
      reply,
      (message) => enrolmentPage(authenticator, message),
      async () => {
        const { session, backupCodes } = await enrolment.complete(pendingOf(request), code, request.ip);
        giveSession(reply, session);
        return sendPage(reply, backupCodesPage(backupCodes));
      },
    );
  });

  server.get('/invitation', async (_request, reply) => sendPage(reply, invitationPage()));
  server.post('/invitation', async (request, reply) => {
    const { token, name, password, repeated } = invitationForm.parse(request.body);
    const again = (message: string) => invitationPage(message, token, name);
    return orAgain(reply, again, async () => {
      refuseDifferent({ password, repeated });
      givePending(reply, await invitations.accept({ token, name, password }, request.ip));
      return reply.redirect('/enrolment', 303);
    });
  });

  server.post('/sign-out', async (request, reply) => {
    await signIn.signOut(sessionOf(request) ?? '', memberOf(request).id, request.ip);
    takeSession(reply);
    return reply.redirect('/sign-in', 303);
  });
}

export function refuseDifferent({ password, repeated }: Record<'password' | 'repeated', string>): void {
  if (password !== repeated) throw new Refusal('invalid', 'The two passwords are not the same.');
}

function signInPage(message?: string) {
  return {
    title: 'Sign in',
    body: html`${problemBox(message)}
<form method="post" action="/sign-in">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required maxlength="254">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<p><button>Continue</button></p>
</form>`,
  };
}

function codePage(message?: string) {
  return {
    title: 'Enter your code',
    body: html`${problemBox(message)}
<form method="post" action="/sign-in/code">
<label for="code">Six digits of your authenticator app, or a backup code</label>
<input id="code" name="code" autocomplete="one-time-code" required maxlength="40" autofocus>
<p><button>Sign in</button></p>
</form>
<p><a href="/sign-in">Start again</a></p>`,
  };
}

function enrolmentPage({ secret, uri }: NewAuthenticator, message?: string) {
  return {
    title: 'Set up your authenticator',
    body: html`${problemBox(message)}
<p>Scan the picture with an authenticator app. If you cannot, type the key below it into the app.</p>
<div class="qr" role="img" aria-label="The key as a QR code">${qrCode(uri)}</div>
<p>Key: <code>${secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}</code></p>
<form method="post" action="/enrolment">
<label for="code">Six digits that the app shows</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="10">
<p><button>Confirm</button></p>
</form>`,
  };
}

function backupCodesPage(codes: readonly string[]) {
  return {
    title: 'Keep your backup codes',
    body: html`<p>Each of these signs you in once without the authenticator. They are shown this one time: print them, or write them
down, and keep them where your telephone is not.</p>
<ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<p><a href="/">I have kept them: continue</a></p>`,
  };
}

function invitationPage(message?: string, token = '', name = '') {
  return {
    title: 'Accept your invitation',
    script: '/assets/invitation.js',
    body: html`${problemBox(message)}
<form method="post" action="/invitation" autocomplete="off">
<label for="token">Invitation (the part of the link after #)</label>
<input id="token" name="token" value="${token}" required maxlength="100">
<label for="name">Your name, as colleagues know it</label>
<input id="name" name="name" value="${name}" autocomplete="name" required maxlength="100">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required minlength="${SHORTEST_PASSWORD}" aria-describedby="password-hint">
<p class="hint" id="password-hint">At least ${SHORTEST_PASSWORD} characters; four words are good.</p>
<label for="repeated">The same password again</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>
<p><button>Continue</button></p>
</form>`,
  };
}
