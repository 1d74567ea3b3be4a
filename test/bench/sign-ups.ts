import { join } from 'node:path';
import { z } from 'zod';
import { signUpRequest } from '../builders/sign-up.ts';
import type { Bench, Benchmark } from './benchmark.ts';
import { startControlPlane } from './control-plane.ts';
import { median, type Outcome } from './figures.ts';
import { connections, post } from './http-load.ts';
import { startPostgres } from './postgres-process.ts';
import { startSandboxProcess } from './sandbox-process.ts';
import { nextMessage } from './workspace.ts';

interface Size {
  readonly signUps: number;
  readonly runs: number;
}

/** Where one of the two contestants keeps its rows: each gets an empty database of its own. */
interface Places {
  readonly controlPlane: string | undefined;
  readonly bare: string;
}

/** On the embedded database, as `npm start` runs without configuration. */
export const signUps: Benchmark = {
  name: 'sign-ups',
  title: 'sign-ups over HTTP against the bare insert they end in, embedded database (PGlite)',
  run: async (bench) =>
    compare(bench, { controlPlane: undefined, bare: join(bench.workspace.directory, 'bare-data') }),
};

/** The same on a PostgreSQL server of this machine. */
export const signUpsOnPostgres: Benchmark = {
  name: 'sign-ups-postgresql',
  title: 'sign-ups over HTTP against the bare insert they end in, PostgreSQL server',
  run: async (bench) =>
    compare(bench, { controlPlane: await postgresFor(bench), bare: await postgresFor(bench) }),
};

async function compare(bench: Bench, places: Places): Promise<Outcome> {
  const size = bench.quick ? { signUps: 100, runs: 1 } : { signUps: 1_000, runs: 5 };
  bench.say('bare inserts');
  const bare = await bareInserts(bench, places.bare, size);
  bench.say('sign-ups over HTTP');
  const http = await overHttp(bench, places.controlPlane, size);
  return {
    figures: [
      { name: 'sign-ups over HTTP', value: http, unit: '1/s' },
      { name: 'bare inserts', value: bare, unit: '1/s' },
      { name: 'bare inserts for each sign-up', value: bare / http, unit: '×' },
    ],
    notes: [
      `Median of ${size.runs} runs of ${size.signUps} after a warm-up; ${connections} kept-alive connections, or ${connections} writers. ` +
        'A sign-up is parsed and checked, and its transaction also takes the Idempotency-Key, looks the plan up, writes the audit row and keeps the answer: ' +
        'five statements where the bare insert has one. The load generator shares the cores with the control plane.',
    ],
  };
}

async function overHttp(bench: Bench, databaseUrl: string | undefined, size: Size): Promise<number> {
  const { workspace } = bench;
  const release = await bench.release();
  const { endpoint } = await startSandboxProcess(workspace, 'sandbox', { release, dataPlane: false });
  const controlPlane = await startControlPlane(workspace, 'bin/control-api.ts', {
    endpoint,
    release,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  const url = `${controlPlane.url}/v1/signups`;
  await post(url, bodies(Math.ceil(size.signUps / 4)));
  const rates: number[] = [];
  for (let run = 0; run < size.runs; run += 1) {
    rates.push(size.signUps / (await post(url, bodies(size.signUps))));
  }
  return median(rates);
}

function bodies(count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.from(JSON.stringify(signUpRequest())));
}

const secondsSchema = z.object({ seconds: z.array(z.number()).nonempty() });

async function bareInserts({ workspace }: Bench, place: string, size: Size): Promise<number> {
  const started = workspace.startEntry('bare-inserts', 'test/bench/processes/bare-inserts.ts', {
    args: [place, String(size.signUps), String(size.runs)],
  });
  const { seconds } = await nextMessage(started, (message) => secondsSchema.safeParse(message).data);
  return median(seconds.map((each) => size.signUps / each));
}

async function postgresFor({ workspace, say }: Bench): Promise<string> {
  say('a PostgreSQL server');
  return (await startPostgres(workspace)).url;
}
