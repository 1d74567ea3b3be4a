import { SMTPServer } from 'smtp-server';
import { smtpMailer } from '../../lib/notices/mailers.ts';
import type { Mail } from '../../lib/ports/notice-ports.ts';

describe('mail servers', () => {
  const mail: Mail = { id: 'delivery-1', to: 'ana@example.com', subject: 'Update', text: 'An update.\n' };
  const messages: { from: string; to: string[]; text: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _session, done) => {
      const code = { 'full@example.com': 452, 'nobody@example.com': 550 }[address];
      done(code === undefined ? null : Object.assign(new Error(`no: ${address}`), { responseCode: code }));
    },
    onData: (stream, { envelope }, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        messages.push({ from, to: envelope.rcptTo.map(({ address }) => address), text });
        done();
      });
    },
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((listening) => {
      server.listen(0, '127.0.0.1', listening);
    });
    port = (server.server.address() as { port: number }).port;
  });
  afterAll(() => new Promise<void>((closed) => server.close(() => closed())));
  const mailer = () => smtpMailer(new URL(`smtp://127.0.0.1:${port}`), 'Lumenality <help@lumenality.test>');

  test('take mails by SMTP', async () => {
    await mailer().send(mail);
    const [message] = messages;
    expect(message).toMatchObject({ from: 'help@lumenality.test', to: ['ana@example.com'] });
    expect(message?.text).toContain('Message-ID: <delivery-1@lumenality.test>');
    expect(message?.text).toContain('Auto-Submitted: auto-generated');
  });

  test('refuse an address for now or for good, and no refusal repeats the address', async () => {
    const refusal = async (to: string) =>
      mailer()
        .send({ ...mail, to })
        .catch((error: unknown) => error);
    expect(await refusal('full@example.com')).toMatchObject({ retryable: true });
    expect(await refusal('nobody@example.com')).toMatchObject({ retryable: false });
    expect(((await refusal('nobody@example.com')) as Error).message).not.toContain('nobody@');
  });

  test.each([
    ['subject', 'Update\r\nBcc: victim@example.com'],
    ['to', 'ana@example.com\nBcc: victim@example.com'],
    ['id', 'x\r\nBcc: victim@example.com'],
  ])('a %s of more than one line is refused', async (field, value) => {
    const before = messages.length;
    const sending = mailer().send({ ...mail, [field]: value });
    await expect(sending).rejects.toMatchObject({ code: 'invalid_input' });
    expect(messages).toHaveLength(before);
  });

  test('a comma makes no second recipient', async () => {
    const before = messages.length;
    await expect(mailer().send({ ...mail, to: 'ana@example.com, victim@example.com' })).rejects.toThrow(
      '501',
    );
    expect(messages).toHaveLength(before);
  });
});
