import dns from 'node:dns';
import { isPublic, lookupPublic } from '../../lib/notices/public-addresses.ts';
import { standardWebhooks } from '../../lib/notices/standard-webhooks.ts';

describe('where webhooks may go on AWS', () => {
  const webhooks = standardWebhooks({ publicOnly: true });

  test.each([
    ['http://hooks.example.com/', 'must begin with https://'],
    ['https://user:password@hooks.example.com/', 'must not hold a user name'],
    ['https://localhost/', 'public'],
    ['https://127.1/', 'public'],
    ['https://0x7f000001/', 'public'],
    ['https://169.254.169.254/latest/meta-data', 'public'],
    ['https://10.0.0.1/', 'public'],
    ['https://[::1]/', 'public'],
    ['https://[fd00:ec2::254]/', 'public'],
    ['https://[::ffff:169.254.169.254]/', 'public'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'public'],
    ['file:///etc/passwd', 'must begin with https://'],
  ])('%s is refused', async (address, why) => {
    expect(webhooks.objectionTo(address)).toContain(why);
    const message = { url: address, id: 'x', body: '{}', secrets: [webhooks.newSecret()] };
    await expect(webhooks.post(message)).rejects.toThrow(why);
  });

  test('a public one is right, also outside AWS, where this machine is right too', () => {
    for (const address of ['https://hooks.example.com:8443/x?y=1', 'https://93.184.215.14/']) {
      expect(webhooks.objectionTo(address)).toBeUndefined();
    }
    expect(standardWebhooks({ publicOnly: false }).objectionTo('http://127.0.0.1:80/')).toBeUndefined();
    expect(standardWebhooks({ publicOnly: false }).objectionTo('http://10.0.0.1/')).toContain('https');
    expect(isPublic('2606:4700::1111')).toBe(true);
    expect(isPublic('2002:a9fe:a9fe::')).toBe(false);
  });

  test('a name is judged by what is connected to', async () => {
    const lookup = jest.spyOn(dns, 'lookup').mockImplementation(((
      _name: string,
      _options: unknown,
      callback: (error: null, found: dns.LookupAddress[]) => void,
    ) =>
      callback(null, [
        { address: '93.184.215.14', family: 4 },
        { address: '169.254.169.254', family: 4 },
      ])) as never);
    try {
      const message = {
        url: 'https://rebinding.example.com/',
        id: 'x',
        body: '{}',
        secrets: [webhooks.newSecret()],
      };
      await expect(webhooks.post(message)).rejects.toThrow('169.254.169.254, which is not public');
    } finally {
      lookup.mockRestore();
    }
  });

  test('what a name stands for is asked of the system', async () => {
    const answer = await new Promise((resolve) => {
      lookupPublic('localhost', {}, (error) => resolve(error?.message));
    });
    expect(answer).toMatch(/localhost has the address (127\.0\.0\.1|::1), which is not public/);
  });
});
