import type { STSClient } from '@aws-sdk/client-sts';
import { deployRole } from '../../lib/aws/deploy-role.ts';

/** STS as far as the deploy role asks it: each answer is given once, in order. */
function sts(...answers: (string | Error)[]) {
  const asked: object[] = [];
  const client = {
    send: (command: object) => {
      asked.push(command);
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ Arn: answer });
    },
  };
  return { client: client as unknown as STSClient, asked };
}

test("the deploy role is the one of the caller's own account and partition, asked once", async () => {
  const { client, asked } = sts('arn:aws-us-gov:sts::111122223333:assumed-role/control-plane/worker');
  const arn = deployRole(client);
  expect(await arn()).toBe('arn:aws-us-gov:iam::111122223333:role/lumenality-cell/deploy');
  expect(await arn()).toBe('arn:aws-us-gov:iam::111122223333:role/lumenality-cell/deploy');
  expect(asked).toHaveLength(1);
});

test('a failure is told and not remembered', async () => {
  const { client } = sts(new Error('ExpiredToken'), 'arn:aws:iam::111122223333:root');
  const arn = deployRole(client);
  await expect(arn()).rejects.toMatchObject({ code: 'cloud_failure' });
  expect(await arn()).toBe('arn:aws:iam::111122223333:role/lumenality-cell/deploy');
});

test('a caller without an account gets no role', async () => {
  await expect(deployRole(sts('nobody').client)()).rejects.toThrow(/names no account: "nobody"/);
});
