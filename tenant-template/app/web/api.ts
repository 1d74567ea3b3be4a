import type { FastifyInstance } from 'fastify';
import { permissions } from '../access.ts';
import type { StaffMembers } from '../staff/staff-members.ts';
import {
  auditQuery,
  clientForm,
  idParams,
  inviteForm,
  noteForm,
  notesQuery,
  pageQuery,
  roleForm,
} from './forms.ts';
import { askerOf, memberOf } from './guard.ts';
import type { RecordRoutes } from './record-pages.ts';

/** The same acts as the pages', in JSON, for programs that run with a member's session. */
export function api(
  server: FastifyInstance,
  { pool, clients, notes, audit, staff }: RecordRoutes & { readonly staff: StaffMembers },
): void {
  server.get('/api/me', async (request) => {
    const member = memberOf(request);
    return { ...member, permissions: permissions[member.role] };
  });

  server.get('/api/clients', async (request) =>
    clients.list(askerOf(request), pageQuery.parse(request.query).cursor),
  );
  server.post('/api/clients', async (request, reply) => {
    const id = await clients.create(askerOf(request), clientForm.parse(request.body));
    return reply.code(201).header('location', `/api/clients/${id}`).send({ id });
  });
  server.get('/api/clients/:id', async (request) =>
    clients.read(askerOf(request), idParams.parse(request.params).id),
  );
  server.put('/api/clients/:id', async (request, reply) => {
    const { id } = idParams.parse(request.params);
    await clients.correct(askerOf(request), id, clientForm.parse(request.body));
    return reply.code(204).send();
  });
  server.get('/api/clients/:id/notes', async (request) =>
    notes.list(askerOf(request), idParams.parse(request.params).id, notesQuery.parse(request.query).before),
  );
  server.post('/api/clients/:id/notes', async (request, reply) => {
    const { id: clientId } = idParams.parse(request.params);
    const id = await notes.write(askerOf(request), clientId, noteForm.parse(request.body));
    return reply.code(201).send({ id });
  });

  server.get('/api/staff', async (request) => ({ items: await staff.list(memberOf(request), request.ip) }));
  server.post('/api/staff', async (request, reply) => {
    const { email, role } = inviteForm.parse(request.body);
    return reply.code(201).send(await staff.invite(memberOf(request), request.ip, email, role));
  });
  server.put('/api/staff/:id/role', async (request, reply) => {
    const { id } = idParams.parse(request.params);
    await staff.changeRole(memberOf(request), request.ip, id, roleForm.parse(request.body).role);
    return reply.code(204).send();
  });
  server.post('/api/staff/:id/disable', async (request, reply) => {
    await staff.disable(memberOf(request), request.ip, idParams.parse(request.params).id);
    return reply.code(204).send();
  });
  server.post('/api/staff/:id/reset', async (request) =>
    staff.reset(memberOf(request), request.ip, idParams.parse(request.params).id),
  );

  server.get('/api/audit', async (request) => {
    const { events, next } = await audit.read(pool, askerOf(request), auditQuery.parse(request.query).before);
    return { items: events, next };
  });
}
