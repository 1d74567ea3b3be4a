import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { responseExamples } from '../../control-api/response-examples.ts';
import { runHere } from './run-here.ts';

/** What a control plane of another version reads as this one does, and answers otherwise to what is taken back. */
const answers: Readonly<Record<string, unknown>> = {
  'GET /v1/practices/sunrise-aba': responseExamples['Practice'],
  'GET /v1/practices/sunrise-aba/owner-invitation': responseExamples['OwnerInvitation'],
  'DELETE /v1/practices/sunrise-aba/pin': {},
  'DELETE /v1/practices/sunrise-aba/owner-invitation': {},
  'DELETE /v1/practices/sunrise-aba/subscription/cancellation': {},
};

let server: Server;
beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = answers[`${request.method} ${request.url}`];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

test.each([
  ['practice unpin sunrise-aba'],
  ['subscription keep sunrise-aba'],
  ['practice revoke-invitation sunrise-aba --yes'],
])('`%s` says that the other side is of another version', async (line) => {
  const { port } = server.address() as AddressInfo;
  const answer = await runHere(line.split(' '), {
    env: { LUMENALITY_URL: `http://127.0.0.1:${port}`, LUMENALITY_TOKEN: 'token' },
  });
  expect(answer).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/answered something that this version does not understand[^]*doctor/),
  });
});
