import {
  approveRequest,
  declineRequest,
  listApprovals,
  readApproval,
  type StoredApproval,
} from '../../lib/use-cases/subscription-approvals.ts';
import {
  approvalPageSchema,
  approvalQuerySchema,
  approvalSchema,
  approveRequestSchema,
  declineRequestSchema,
} from '../contracts/subscription-approvals.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toApproval } from '../serialise-ledger.ts';
import { type Routes, uuidParams } from './types.ts';

const tags = ['ledger'];

/** What one plan administrator asks for and another approves. */
export function subscriptionApprovalRoutes(app: Routes, { core }: AppDeps): void {
  const shown = (approval: StoredApproval) => toApproval(approval, core.clock.now());

  app.route({
    method: 'GET',
    url: '/v1/subscription-approvals',
    schema: {
      summary: 'List what was asked of a second person, newest first',
      tags,
      querystring: approvalQuerySchema,
      response: { 200: approvalPageSchema },
    },
    handler: async (request) => {
      const { open, ...page } = request.query;
      return toPage(await listApprovals(core, { ...page, open: open === 'true' }), shown);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/subscription-approvals/:id',
    schema: {
      summary: 'One request for approval',
      tags,
      params: uuidParams,
      response: { 200: approvalSchema },
    },
    handler: async (request, reply) => {
      const approval = await readApproval(core, request.params.id);
      setRevision(reply, approval.revision);
      return shown(approval);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/subscription-approvals/:id/approve',
    schema: {
      summary: 'Approve what somebody else has asked for: it is carried out at once',
      description:
        'Takes another token than the one that asked. What cannot be done any more is refused as when it is asked for, and the request stays.',
      tags,
      params: uuidParams,
      headers: revisionHeadersSchema,
      body: approveRequestSchema.meta({ examples: [{ reason: 'As agreed on the phone' }] }),
      response: { 200: approvalSchema },
    },
    handler: async (request, reply) => {
      const decision = { ...request.body, id: request.params.id, revision: revisionsOf(request) };
      const approval = await approveRequest(core, decision, actorOf(request));
      setRevision(reply, approval.revision);
      return shown(approval);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/subscription-approvals/:id/decline',
    schema: {
      summary: 'Turn a request down, or take back your own',
      tags,
      params: uuidParams,
      headers: revisionHeadersSchema,
      body: declineRequestSchema.meta({ examples: [{ reason: 'The outage was planned and announced' }] }),
      response: { 200: approvalSchema },
    },
    handler: async (request, reply) => {
      const decision = { ...request.body, id: request.params.id, revision: revisionsOf(request) };
      const approval = await declineRequest(core, decision, actorOf(request));
      setRevision(reply, approval.revision);
      return shown(approval);
    },
  });
}
