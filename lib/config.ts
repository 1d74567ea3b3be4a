import { join, resolve } from 'node:path';
import { z } from 'zod';
import { awsCallRates, type CallKind, callKinds, sandboxCallRates } from './domain/call-budget.ts';
import { generousLimits, standardLimits } from './domain/capacity.ts';
import { type ConfiguredCell, namedLimitsSchema } from './domain/cell.ts';
import { DomainError } from './domain/errors.ts';

const wholeNumber = (least: number, most: number) =>
  z.coerce
    .number(`must be a whole number from ${least} to ${most}`)
    .int(`must be a whole number from ${least} to ${most}`)
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);
const port = wholeNumber(0, 65_535);
const text = z.string().min(1);
const regionPattern = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** `vpcs=200,databases=100` as an object; a part that is no such pair is kept whole, so that it is named as what is wrong. */
function limitsIn(text: string): Record<string, unknown> {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [, name, count] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
      return name === undefined ? [part, Number.NaN] : [name, Number(count)];
    }),
  );
}

/** Whether every percent sign of a URL begins an encoded byte of UTF-8. */
function isPercentEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}

const environmentSchema = z.object({
  HOST: text.default('127.0.0.1'),
  PORT: port.default(8080),
  LUMENALITY_DATA_DIR: text.default('.lumenality'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres:// or postgresql://')
    .optional(),
  LUMENALITY_CLOUD: z.enum(['sandbox', 'aws']).default('sandbox'),
  SANDBOX_PORT: wholeNumber(1, 65_535).default(4566),
  AWS_ENDPOINT_URL: z.url('must be a URL').optional(),
  AWS_REGION: z.string().regex(regionPattern, 'must be a Region such as us-east-1').optional(),
  LUMENALITY_DOMAIN: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a domain name in lower case')
    .optional(),
  LUMENALITY_HOSTED_ZONE_ID: text.optional(),
  LUMENALITY_IMAGE_REGISTRY: text.optional(),
  LUMENALITY_S3_PREFIX_LIST_ID: z
    .string()
    .regex(/^pl-[0-9a-f]{8,17}$/, 'must be the id of a prefix list, pl-…')
    .optional(),
  LUMENALITY_BACKUP_COPY_REGION: z
    .string()
    .regex(regionPattern, 'must be a Region such as us-west-2')
    .default('us-west-2'),
  LUMENALITY_ALARM_EMAIL: z.email('must be an e-mail address').optional(),
  LUMENALITY_CELL_LIMITS: z.string().transform(limitsIn).pipe(namedLimitsSchema).optional(),
  LUMENALITY_RELEASE_DIR: text.optional(),
  LUMENALITY_RELEASE_KEYS: text.optional(),
  LUMENALITY_CI_TRUST: text.optional(),
  LUMENALITY_TRUST_PROXY: text.optional(),
  LUMENALITY_DRAIN_SECONDS: wholeNumber(0, 600).optional(),
  LUMENALITY_WORKER_CONCURRENCY: wholeNumber(1, 200).default(25),
  LUMENALITY_CALL_RATES: text.optional(),
  LUMENALITY_DRIFT_INTERVAL_MINUTES: wholeNumber(5, 10_080).default(60),
  LUMENALITY_SIGNUP_RATE: wholeNumber(1, 100_000).default(20),
  LUMENALITY_SECOND_APPROVAL_CENTS: wholeNumber(0, 100_000_000).default(50_000),
  LUMENALITY_BILLING_DIR: text.optional(),
  LUMENALITY_STRIPE_KEY: z
    .string()
    .regex(/^rk_(test|live)_[A-Za-z0-9]+$/, 'must be a restricted key of Stripe, rk_test_… or rk_live_…')
    .optional(),
  LUMENALITY_STRIPE_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_\S+$/, "must be the secret of Stripe's webhook endpoint, whsec_…")
    .optional(),
  LUMENALITY_STRIPE_URL: z
    .url({
      protocol: /^http$/,
      hostname: /^(localhost|127(\.\d+){3})$/,
      error: 'must be http:// on this machine',
    })
    .optional(),
  LUMENALITY_SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: "must be smtps://… or smtp://… with the server's name" })
    .refine(isPercentEncoded, 'must have its user name and password percent-encoded')
    .optional(),
  LUMENALITY_MAIL_FROM: z
    .string()
    .regex(
      /^([^<>@\p{Cc}]+ <[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u,
      'must be Name <address> or an address',
    )
    .optional(),
  LUMENALITY_TERMS_KEY: text.optional(),
  LUMENALITY_NOTICE_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be 32 random bytes in base64')
    .optional(),
  LUMENALITY_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
});

/** What the sandbox gives where AWS needs to be told (docs/sandbox.md). */
export const sandboxDefaults = {
  region: 'us-east-1',
  domain: 'practices.localhost',
  hostedZoneId: 'Z0SANDBOXPRACTICES',
  imageRegistry: '000000000000.dkr.ecr.us-east-1.amazonaws.com',
  credentials: { accessKeyId: '000000000000', secretAccessKey: 'sandbox' },
} as const;

/** The Region whose prefix list for S3 is the templates' default (stacks/foundation-stack.ts). */
const prefixListRegion = 'us-east-1';

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  /** Absent: the embedded database in the data directory. */
  readonly databaseUrl: string | undefined;
  readonly cloud:
    | { readonly kind: 'sandbox'; readonly port: number; readonly endpoint: string | undefined }
    | { readonly kind: 'aws'; readonly endpoint: string | undefined };
  readonly cell: ConfiguredCell;
  /** A directory that `release:build` wrote, published at start if it is new. */
  readonly releaseDirectory: string | undefined;
  /** A PEM file with the public keys that may sign releases. */
  readonly releaseKeysFile: string | undefined;
  /** A JSON file: which pipelines may sign in with an ID token (docs/ci.md). */
  readonly ciTrustFile: string | undefined;
  /** Addresses of our own proxies, comma-separated: what they say in X-Forwarded-For is believed. */
  readonly trustProxy: string | undefined;
  /**
   * Asked to stop, the process answers `/readyz` with 503 and still serves for so long, until load balancers have noticed; no time
   * where nothing else could take over.
   */
  readonly drainSeconds: number;
  readonly workerConcurrency: number;
  /** Calls a second, at most, that all replicas together make to one cell's CloudFormation. */
  readonly callRates: Readonly<Record<CallKind, number>>;
  /** How often each silo is held against its release. */
  readonly driftIntervalMinutes: number;
  /** Sign-ups a minute that one address may send. */
  readonly signUpRate: number;
  /** What of a practice's money one person alone decides, in cents of its currency; more takes a second one. */
  readonly secondApprovalCents: number;
  /** Without a server, mails are files in the data directory. `from` is `Name <address>` or an address. */
  readonly mail: { readonly server: URL | undefined; readonly from: string };
  /** What secrets of notice endpoints are sealed with, 32 bytes; absent with the embedded database, which has a key of its own. */
  readonly noticeKey: Buffer | undefined;
  /** A PEM file with the private key that signs the terms of members; absent: one in the data directory, which the first start makes. */
  readonly termsKeyFile: string | undefined;
  /** Where statements are written that nobody else takes. */
  readonly billingDirectory: string;
  /** Absent: statements are files. `address` is a stand-in for Stripe on this machine. */
  readonly stripe: { readonly key: string; readonly address: URL | undefined } | undefined;
  /** What Stripe signs its events with; absent where none are taken. */
  readonly stripeWebhookSecret: string | undefined;
  readonly logLevel: string;
}

/**
 * Reads the whole configuration from the environment: the one place that does.
 * @throws DomainError `configuration`, naming every variable that is wrong or missing.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  // An empty variable counts as unset, as in most shells' scripts.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    throw refusal(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
  }
  const env = parsed.data;
  return {
    host: env.HOST,
    port: env.PORT,
    dataDirectory: resolve(env.LUMENALITY_DATA_DIR),
    databaseUrl: env.DATABASE_URL,
    cloud:
      env.LUMENALITY_CLOUD === 'sandbox'
        ? { kind: 'sandbox', port: env.SANDBOX_PORT, endpoint: env.AWS_ENDPOINT_URL }
        : { kind: 'aws', endpoint: env.AWS_ENDPOINT_URL },
    cell: cellOf(env),
    releaseDirectory: env.LUMENALITY_RELEASE_DIR,
    releaseKeysFile: env.LUMENALITY_RELEASE_KEYS,
    ciTrustFile: env.LUMENALITY_CI_TRUST,
    trustProxy: env.LUMENALITY_TRUST_PROXY,
    drainSeconds: env.LUMENALITY_DRAIN_SECONDS ?? (env.DATABASE_URL === undefined ? 0 : 5),
    workerConcurrency: env.LUMENALITY_WORKER_CONCURRENCY,
    callRates: callRatesOf(env),
    driftIntervalMinutes: env.LUMENALITY_DRIFT_INTERVAL_MINUTES,
    signUpRate: env.LUMENALITY_SIGNUP_RATE,
    secondApprovalCents: env.LUMENALITY_SECOND_APPROVAL_CENTS,
    mail: mailOf(env),
    noticeKey:
      env.LUMENALITY_NOTICE_KEY === undefined ? undefined : Buffer.from(env.LUMENALITY_NOTICE_KEY, 'base64'),
    termsKeyFile: env.LUMENALITY_TERMS_KEY,
    billingDirectory: resolve(env.LUMENALITY_BILLING_DIR ?? join(env.LUMENALITY_DATA_DIR, 'billing')),
    stripe: stripeOf(env),
    stripeWebhookSecret: env.LUMENALITY_STRIPE_WEBHOOK_SECRET,
    logLevel: env.LUMENALITY_LOG_LEVEL,
  };
}

function cellOf(env: z.infer<typeof environmentSchema>): ConfiguredCell {
  const given = {
    AWS_REGION: env.AWS_REGION,
    LUMENALITY_DOMAIN: env.LUMENALITY_DOMAIN,
    LUMENALITY_HOSTED_ZONE_ID: env.LUMENALITY_HOSTED_ZONE_ID,
    LUMENALITY_IMAGE_REGISTRY: env.LUMENALITY_IMAGE_REGISTRY,
  };
  if (env.LUMENALITY_CLOUD === 'aws') {
    const missing = Object.entries(given).filter(([, value]) => value === undefined);
    if (env.AWS_REGION !== prefixListRegion && env.LUMENALITY_S3_PREFIX_LIST_ID === undefined) {
      missing.push(['LUMENALITY_S3_PREFIX_LIST_ID', undefined]);
    }
    if (missing.length > 0) {
      throw refusal(missing.map(([name]) => `${name} must be set when LUMENALITY_CLOUD is aws`));
    }
  }
  const region = given.AWS_REGION ?? sandboxDefaults.region;
  if (env.LUMENALITY_BACKUP_COPY_REGION === region) {
    throw refusal([
      `LUMENALITY_BACKUP_COPY_REGION must be another Region than the silos' own (${region}): a copy beside the original is lost with it`,
    ]);
  }
  return {
    region,
    domain: given.LUMENALITY_DOMAIN ?? sandboxDefaults.domain,
    hostedZoneId: given.LUMENALITY_HOSTED_ZONE_ID ?? sandboxDefaults.hostedZoneId,
    imageRegistry: given.LUMENALITY_IMAGE_REGISTRY ?? sandboxDefaults.imageRegistry,
    s3PrefixListId: env.LUMENALITY_S3_PREFIX_LIST_ID,
    backupCopyRegion: env.LUMENALITY_BACKUP_COPY_REGION,
    alarmEmail: env.LUMENALITY_ALARM_EMAIL,
    limits: env.LUMENALITY_CELL_LIMITS ?? {},
    standardLimits: env.LUMENALITY_CLOUD === 'aws' ? standardLimits : generousLimits,
  };
}

/** Servers refuse mails from nobody, so whoever names one says who writes. */
function mailOf(env: z.infer<typeof environmentSchema>): Config['mail'] {
  const { LUMENALITY_SMTP_URL: server, LUMENALITY_MAIL_FROM: from } = env;
  if (server !== undefined && from === undefined) {
    throw refusal(['LUMENALITY_MAIL_FROM must be set beside LUMENALITY_SMTP_URL']);
  }
  return {
    server: server === undefined ? undefined : new URL(server),
    from: from ?? 'Lumenality <notices@localhost>',
  };
}

/** Neither a stand-in for Stripe nor the sandbox, whose practices are made up, ever gets a key that moves money. */
function stripeOf(env: z.infer<typeof environmentSchema>): Config['stripe'] {
  const { LUMENALITY_STRIPE_KEY: key, LUMENALITY_STRIPE_URL: address, LUMENALITY_CLOUD: cloud } = env;
  if (address !== undefined && !(key ?? '').startsWith('rk_test_')) {
    throw refusal(['LUMENALITY_STRIPE_URL goes with a LUMENALITY_STRIPE_KEY that begins with rk_test_']);
  }
  if (key === undefined) return undefined;
  if (cloud === 'sandbox' && key.startsWith('rk_live_')) {
    throw refusal([
      'LUMENALITY_STRIPE_KEY must begin with rk_test_ while LUMENALITY_CLOUD is sandbox, whose practices are made up',
    ]);
  }
  return { key, address: address === undefined ? undefined : new URL(address) };
}

/** Kinds that are not named keep their rate: `describe-stacks=2,read=5`. */
function callRatesOf({
  LUMENALITY_CALL_RATES: given = '',
  LUMENALITY_CLOUD: cloud,
}: z.infer<typeof environmentSchema>): Config['callRates'] {
  const rates = { ...(cloud === 'aws' ? awsCallRates : sandboxCallRates) };
  for (const part of given.split(',').filter((text) => text !== '')) {
    const [name = '', value = ''] = part.split('=');
    const kind = callKinds.find((known) => known === name.trim());
    const rate = Number(value);
    if (kind === undefined || !(rate > 0 && rate <= 10_000)) {
      throw refusal([
        `LUMENALITY_CALL_RATES has "${part}": it is a list such as describe-stacks=2,read=5 of calls a second, above 0, for ${callKinds.join(', ')}`,
      ]);
    }
    rates[kind] = rate;
  }
  return rates;
}

function refusal(problems: readonly string[]): DomainError {
  return new DomainError(
    'configuration',
    `The configuration is not usable:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}
