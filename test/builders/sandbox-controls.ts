/** Asks a control of a sandbox (docs/sandbox.md, "Controls"). */
export async function control(
  endpoint: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  what: string,
  body?: object,
): Promise<Response> {
  const answer = await fetch(`${endpoint}/_sandbox/${what}`, {
    method,
    // A kept connection may just be closing when it is used again.
    headers: { connection: 'close' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`The sandbox answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

/** How often each operation was called so far, by service and name. */
export async function callsMade(endpoint: string): Promise<Readonly<Record<string, number>>> {
  const answer = await control(endpoint, 'GET', 'calls');
  return ((await answer.json()) as { calls: Record<string, number> }).calls;
}
