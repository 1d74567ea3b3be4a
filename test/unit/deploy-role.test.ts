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
  const arn = deployRole(client, '111122223333');
  expect(await arn()).toBe('arn:aws-us-gov:iam::111122223333:role/lumenality-cell/deploy');
  expect(await arn()).toBe('arn:aws-us-gov:iam::111122223333:role/lumenality-cell/deploy');
  expect(asked).toHaveLength(1);
});

test('a failure is told and not remembered', async () => {
  const { client } = sts(new Error('ExpiredToken'), 'arn:aws:iam::111122223333:root');
  const arn = deployRole(client, '111122223333');
  await expect(arn()).rejects.toMatchObject({ code: 'cloud_failure' });
  expect(await arn()).toBe('arn:aws:iam::111122223333:role/lumenality-cell/deploy');
});

test('a caller without an account gets no role', async () => {
  await expect(deployRole(sts('nobody').client, '111122223333')()).rejects.toThrow(
    /names no account: "nobody"/,
  );
});

test('in another account than the cell nothing is deployed', async () => {
  const { client } = sts('arn:aws:sts::999988887777:assumed-role/control-plane/worker');
  await expect(deployRole(client, '111122223333')()).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining('The cell is account 111122223333'),
  });
});
