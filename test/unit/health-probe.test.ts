import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { healthProbe } from '../../lib/aws/health-probe.ts';
import { openCertificateAuthority } from '../../lib/sandbox/data-plane/certificate-authority.ts';
import { builtEntry } from '../builders/built-entries.ts';
import { start } from '../builders/process.ts';

const name = 'harbor-speech.practices.localhost';

describe('the health probe over TLS', () => {
  let directory: string;
  let authority: string;
  let server: Server;
  let port: number;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lumenality-probe-'));
    const issuer = await openCertificateAuthority(directory);
    authority = issuer.certificatePath;
    const { certificate, privateKey } = await issuer.issue([name]);
    server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
      if (request.url === '/silent') return;
      response.end(request.url === '/endless' ? 'x'.repeat(70_000) : 'here');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });

  /** Asks in a process that trusts the authority: Node reads NODE_EXTRA_CA_CERTS at its start. */
  async function answerTo(hostName: string, path: string): Promise<string> {
    const source = await builtEntry('lib/aws/health-probe');
    const ask = `import(${JSON.stringify(source)}).then(({ healthProbe }) =>
      healthProbe({ scheme: 'https', port: ${port}, timeoutMs: 3000 }).get('${hostName}', '${path}'))
      .then(JSON.stringify, (error) => error.code + ' ' + error.retryable + ' ' + error.message).then(console.log)`;
    const asked = start(process.execPath, ['-e', ask], { NODE_EXTRA_CA_CERTS: authority });
    await asked.ended;
    return asked.output();
  }

  test('answers with status, body and protocol when the certificate is right', async () => {
    const answer = JSON.parse(await answerTo(name, '/healthz'));
    expect(answer).toMatchObject({ status: 200, body: 'here', tls: 'TLSv1.3' });
  });

  test.each([
    ['the certificate is another name’s', 'other.practices.localhost', '/healthz', 'altnames'],
    ['no answer comes', name, '/silent', 'no answer in time'],
    ['the answer does not end', name, '/endless', 'longer than'],
  ])('takes no answer when %s', async (_, hostName, path, why) => {
    const said = await answerTo(hostName, path);
    expect(said).toContain('cloud_failure true');
    expect(said).toContain(why);
  });

  test('takes no answer from a server whose authority nobody vouches for', async () => {
    await expect(healthProbe({ scheme: 'https', port }).get(name, '/healthz')).rejects.toMatchObject({
      code: 'cloud_failure',
      retryable: true,
    });
  });
});

test('a probe that its caller gives up ends at once, and keeps nothing of a signal that lives on', async () => {
  const giving = new AbortController();
  const silent = createHttpServer(() => giving.abort(new Error('given up')));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const probe = healthProbe({ scheme: 'http', port: (silent.address() as AddressInfo).port });
  await expect(probe.get('localhost', '/healthz', giving.signal)).rejects.toThrow('given up');
  expect(getEventListeners(giving.signal, 'abort')).toEqual([]);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
});
