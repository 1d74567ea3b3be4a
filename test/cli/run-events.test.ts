import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ApiClient } from '../../bin/commands/api-client.ts';
import { followRun } from '../../bin/commands/run-events.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const event = {
  seq: 1,
  runId: '8f14e45f-ceea-467f-a8b1-6f2d3c4b5a69',
  at: '2026-11-22T12:00:00Z',
  kind: 'run',
  state: 'running',
};

test('a watch that waits for events is left at once, however long it has waited', async () => {
  const streams: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    streams.push(response.writeHead(200, { 'content-type': 'text/event-stream' }));
    response.write(`id: 1\nevent: run\ndata: ${JSON.stringify(event)}\n\n`);
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const leaving = new AbortController();
    const api = new ApiClient(url, () => 'token', undefined);
    const events = followRun(api, event.runId, { signal: leaving.signal });
    expect((await events.next()).value).toEqual({ kind: 'event', event });
    const next = events.next();
    // What nobody holds is gone after that: Node 20 forgets by what a request is to be ended.
    for (let turns = 0; turns < 5; turns += 1) {
      collectGarbage();
      await new Promise((turn) => setImmediate(turn));
    }
    leaving.abort(new Error('left'));
    await expect(next).rejects.toThrow('left');
    await new Promise<void>((closed) => {
      if (streams[0]?.closed === true) closed();
      else streams[0]?.once('close', closed);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}, 20_000);
