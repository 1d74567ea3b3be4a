import type { Contacts, Endpoint, Notice } from './contracts/notices.ts';

const practiceId = 'sunrise-aba';
const at = '2026-11-20T16:00:00.000Z';
const delivery: Notice['deliveries'][number] = {
  id: '0d4f3f9e-7a52-4a0b-b9c4-2f6b8c1d7e10',
  channel: 'webhook',
  endpointId: 'b2f6a6a0-3c51-4d0a-9c57-6a1f0e9d8c33',
  address: null,
  state: 'delivered',
  attempts: 1,
  dueAt: null,
  lastError: null,
  finishedAt: '2026-11-20T16:00:01.000Z',
};
const notice: Notice = {
  id: '5c1d2f47-6f1c-4b8c-8d3a-0b7f3c2e9a64',
  kind: 'update_scheduled',
  practiceId,
  subject: { type: 'rollout', id: '9a7b3d51-2b7e-4f37-9f0c-4a1c5e6d7f80' },
  data: {
    rolloutId: '9a7b3d51-2b7e-4f37-9f0c-4a1c5e6d7f80',
    releaseId: 'r-0123456789ab',
    startsAt: '2026-11-29T08:00:00.000Z',
    latestStartAt: '2026-11-29T11:30:00.000Z',
  },
  createdAt: at,
  deliveries: [delivery],
};
const endpoint: Endpoint = {
  id: 'b2f6a6a0-3c51-4d0a-9c57-6a1f0e9d8c33',
  url: 'https://status.example.com/hooks/lumenality',
  practice: null,
  kinds: ['update_failed', 'rollout_paused'],
  previousSecretUntil: null,
  createdBy: 'night shift',
  createdAt: at,
};
const contacts: Contacts = {
  practiceId,
  contacts: [
    {
      name: 'Dana Reyes',
      email: 'dana@sunrise-aba.example.com',
      notices: ['update_scheduled', 'update_failed'],
    },
  ],
  chosen: true,
};

/** Of routes/notices.ts, by the schema's name. */
export const noticeExamples: Readonly<Record<string, unknown>> = {
  Notice: notice,
  NoticeEndpoint: endpoint,
  NoticeEndpointWithSecret: { ...endpoint, secret: 'whsec_<base64>' },
  PracticeContacts: contacts,
};
