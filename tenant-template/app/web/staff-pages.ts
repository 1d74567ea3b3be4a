import type { FastifyInstance, FastifyReply } from 'fastify';
import { may, roles } from '../access.ts';
import type { Member } from '../staff/sessions.ts';
import type { StaffLink, StaffMember, StaffMembers } from '../staff/staff-members.ts';
import { idParams, inviteForm, roleForm } from './forms.ts';
import { memberOf } from './guard.ts';
import { type Html, html } from './html.ts';
import { roleName, sendPage } from './page.ts';

export function staffPages(server: FastifyInstance, staff: StaffMembers): void {
  server.get('/staff', async (request, reply) => {
    const member = memberOf(request);
    const all = await staff.list(member, request.ip);
    return sendPage(reply, { title: 'Staff', member, body: staffBody(all, member) });
  });
  server.post('/staff', async (request, reply) => {
    const member = memberOf(request);
    const { email, role } = inviteForm.parse(request.body);
    return linkPage(reply, member, await staff.invite(member, request.ip, email, role));
  });
  server.post('/staff/:id/role', async (request, reply) => {
    const { id } = idParams.parse(request.params);
    await staff.changeRole(memberOf(request), request.ip, id, roleForm.parse(request.body).role);
    return reply.redirect('/staff', 303);
  });
  server.post('/staff/:id/disable', async (request, reply) => {
    await staff.disable(memberOf(request), request.ip, idParams.parse(request.params).id);
    return reply.redirect('/staff', 303);
  });
  server.post('/staff/:id/reset', async (request, reply) => {
    const member = memberOf(request);
    return linkPage(reply, member, await staff.reset(member, request.ip, idParams.parse(request.params).id));
  });
}

function linkPage(reply: FastifyReply, member: Member, { token, expiresAt }: StaffLink): FastifyReply {
  return sendPage(reply, {
    title: 'Hand over this link',
    member,
    body: html`<p>It works once, until ${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, and is shown this one time. Give it to
nobody else: whoever has it chooses the password. Add it to this site's address:</p>
<p><code>/invitation#${token}</code></p>
<p><a href="/staff">Back to the staff</a></p>`,
  });
}

function staffBody(all: readonly StaffMember[], by: Member): Html {
  const manages = may(by.role, 'staff.manage');
  const rows = all.map(
    (member) => html`<tr>
<th scope="row">${member.name ?? '(invited)'}<br>${member.email}</th>
<td>${roleName(member.role)}</td><td>${member.status}</td><td>${member.enrolled ? 'set up' : 'not yet'}</td>
<td>${manages && member.id !== by.id && actions(member)}</td>
</tr>`,
  );
  return html`<div class="scroll"><table>
<caption>Everybody who may sign in, or could</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Status</th><th scope="col">Authenticator</th><th scope="col">Change</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
${manages && inviteFormOf()}`;
}

function actions({ id, email, role, status }: StaffMember): Html {
  return html`<form method="post" action="/staff/${id}/role">${roleChoice(`role-${id}`, `Role of ${email}`, role)} <button>Give role</button></form>
<form method="post" action="/staff/${id}/reset"><button>New link<span class="skip"> for ${email}</span></button></form>
${status !== 'disabled' && html`<form method="post" action="/staff/${id}/disable"><button>Disable<span class="skip"> ${email}</span></button></form>`}`;
}

function inviteFormOf(): Html {
  return html`<form method="post" action="/staff">
<h2>Invite somebody</h2>
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" required maxlength="254" autocomplete="off">
<label for="role">Role</label>
${roleChoice('role', 'Role', 'therapist')}
<p><button>Make a link</button></p>
</form>`;
}

function roleChoice(id: string, label: string, chosen: string): Html {
  const options = roles.map(
    (role) => html`<option value="${role}"${role === chosen && html` selected`}>${roleName(role)}</option>`,
  );
  return html`<select id="${id}" name="role" aria-label="${label}">${options}</select>`;
}
