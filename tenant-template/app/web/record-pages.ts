import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { may, type Role } from '../access.ts';
import type { AuditTrail, RecordedEvent } from '../audit.ts';
import type { Client, Clients, ListedClient, Page } from '../records/clients.ts';
import type { Note, Notes } from '../records/notes.ts';
import { auditQuery, clientForm, idParams, noteForm, notesQuery, pageQuery } from './forms.ts';
import { askerOf, memberOf } from './guard.ts';
import { type Html, html } from './html.ts';
import { sendPage } from './page.ts';

export interface RecordRoutes {
  readonly pool: Pool;
  readonly clients: Clients;
  readonly notes: Notes;
  readonly audit: AuditTrail;
}

export function recordPages(server: FastifyInstance, { pool, clients, notes, audit }: RecordRoutes): void {
  server.get('/clients', async (request, reply) => {
    const member = memberOf(request);
    const page = await clients.list(askerOf(request), pageQuery.parse(request.query).cursor);
    const body = html`${may(member.role, 'clients.write') && newClientForm}${clientTable(page)}`;
    return sendPage(reply, { title: 'Clients', member, body });
  });
  server.post('/clients', async (request, reply) => {
    const id = await clients.create(askerOf(request), clientForm.parse(request.body));
    return reply.redirect(`/clients/${id}`, 303);
  });
  server.get('/clients/:id', async (request, reply) => {
    const member = memberOf(request);
    const { id } = idParams.parse(request.params);
    const { before } = notesQuery.parse(request.query);
    const client = await clients.read(askerOf(request), id);
    const written = may(member.role, 'notes.read')
      ? await notes.list(askerOf(request), id, before)
      : undefined;
    const body = clientBody(client, written, member.role);
    return sendPage(reply, { title: 'Client', heading: client.name, member, body });
  });
  server.post('/clients/:id', async (request, reply) => {
    const { id } = idParams.parse(request.params);
    await clients.correct(askerOf(request), id, clientForm.parse(request.body));
    return reply.redirect(`/clients/${id}`, 303);
  });
  server.post('/clients/:id/notes', async (request, reply) => {
    const { id } = idParams.parse(request.params);
    await notes.write(askerOf(request), id, noteForm.parse(request.body));
    return reply.redirect(`/clients/${id}`, 303);
  });
  server.get('/audit', async (request, reply) => {
    const { before } = auditQuery.parse(request.query);
    const { events, next } = await audit.read(pool, askerOf(request), before);
    return sendPage(reply, {
      title: 'Audit trail',
      member: memberOf(request),
      body: auditTable(events, next),
    });
  });
}

const newClientForm = html`<form method="post" action="/clients">
<h2>Add a client</h2>
${clientFields()}
<p><button>Add</button></p>
</form>`;

function correctionForm(client: Client): Html {
  return html`<details><summary>Correct name or date of birth</summary>
<form method="post" action="/clients/${client.id}">
${clientFields(client)}
<p><button>Correct</button></p>
</form>
</details>`;
}

function clientFields({ name, dateOfBirth } = { name: '', dateOfBirth: '' }): Html {
  return html`<label for="name">Name</label>
<input id="name" name="name" value="${name}" required maxlength="200" autocomplete="off">
<label for="born">Date of birth</label>
<input id="born" name="dateOfBirth" type="date" value="${dateOfBirth}" required>`;
}

function clientTable({ items, next }: Page<ListedClient>): Html {
  if (items.length === 0) return html`<p>There are no clients here.</p>`;
  const rows = items.map(
    ({ id, name, createdAt }) =>
      html`<tr><th scope="row"><a href="/clients/${id}">${name}</a></th><td>${time(createdAt)}</td></tr>`,
  );
  return html`<div class="scroll"><table>
<caption>Newest first</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Added</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
${next !== undefined && html`<p><a href="/clients?cursor=${encodeURIComponent(next)}">Older</a></p>`}`;
}

function clientBody(client: Client, notes: Page<Note> | undefined, role: Role): Html {
  return html`<p>Born <time datetime="${client.dateOfBirth}">${client.dateOfBirth}</time></p>
${may(role, 'clients.write') && correctionForm(client)}
${notes && notesOf(client.id, notes)}
${may(role, 'notes.write') && noteFormOf(client.id, notes?.items ?? [])}`;
}

function notesOf(clientId: string, { items, next }: Page<Note>): Html {
  return html`<h2>Notes</h2>
${items.length === 0 ? html`<p>None here.</p>` : html`<p class="hint">Newest first</p>`}
${items.map((note) => noteOf(note, items))}
${next !== undefined && html`<p><a href="/clients/${clientId}?before=${next}">Older notes</a></p>`}`;
}

function noteOf(note: Note, shown: readonly Note[]): Html {
  const { amends, amendsNumber } = note;
  // On an older page when it is not on this one.
  const page = shown.some(({ id }) => id === amends) ? '' : `?before=${(amendsNumber ?? 0) + 1}`;
  return html`<article id="note-${note.id}">
<h3>Note ${note.number}</h3>
<p>${note.authorName}, ${time(note.createdAt)}${amends !== null && html`, amends <a href="${page}#note-${amends}">note ${amendsNumber ?? ''}</a>`}</p>
<p class="text">${note.text}</p>
</article>`;
}

function noteFormOf(clientId: string, notes: readonly Note[]): Html {
  const options = notes.map(({ id, number }) => html`<option value="${id}">Amends note ${number}</option>`);
  return html`<form method="post" action="/clients/${clientId}/notes">
<h2>Write a note</h2>
<p class="hint">A note cannot be changed afterwards. To correct one, write another that amends it.</p>
<label for="text">Text</label>
<textarea id="text" name="text" required maxlength="20000"></textarea>
<label for="amends">This is</label>
<select id="amends" name="amends"><option value="">A new note</option>${options}</select>
<p><button>Write</button></p>
</form>`;
}

function auditTable(events: readonly RecordedEvent[], next: string | undefined): Html {
  const rows = events.map(
    (event) => html`<tr>
<td>${time(event.occurredAt)}</td><td>${event.actorName ?? event.actor}</td><td>${event.action}</td>
<td>${event.recordType ?? ''} ${event.recordId ?? ''}</td><td>${event.address ?? ''}</td><td>${JSON.stringify(event.details)}</td>
</tr>`,
  );
  return html`<div class="scroll"><table>
<caption>Newest first. Times are UTC.</caption>
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Record</th><th scope="col">From</th><th scope="col">Details</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
${next !== undefined && html`<p><a href="/audit?before=${next}">Older</a></p>`}`;
}

function time(at: Date): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;
}
