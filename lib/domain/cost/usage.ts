import type { Shape } from '../practice.ts';

/** What a silo is assumed to see and to keep in a month of 730 hours, once it has been in use for years. */
export interface SiloUsage {
  readonly clinicians: number;
  /** HTTP requests from outside, wanted or not. */
  readonly requests: number;
  /** Answers, to the internet. */
  readonly responseGb: number;
  /** Taken in, by log. */
  readonly logGb: {
    readonly app: number;
    readonly network: number;
    readonly firewall: number;
    readonly database: number;
    readonly operatingSystem: number;
  };
  readonly keyRequests: number;
  readonly secretRequests: number;
  /** Through the interface endpoints, by the service behind them. */
  readonly endpointGb: Readonly<Record<string, number>>;
  /** Between app and database or endpoints in different zones, each direction counted. */
  readonly zoneTransferGb: number;
  /** Data in the database, of the storage that is allocated to it. */
  readonly databaseGb: number;
  readonly objectGb: number;
  readonly objectWrites: number;
  readonly objectReads: number;
  /** Part of what is kept that a day changes: what an incremental backup adds. */
  readonly dailyChange: number;
  readonly alarmEmails: number;
  /** Hours of tasks beyond DesiredCount, started by autoscaling and by deployments. */
  readonly extraTaskHours: number;
}

export const hoursPerMonth = 730;
const daysPerMonth = hoursPerMonth / 24;

/** Who works in a practice of each shape: the middle of what a plan is sold for. */
const clinicians: Readonly<Record<Shape, number>> = { solo: 5, group: 25, enterprise: 100 };

/** What one clinician causes in a month: 22 working days with 6 sessions, each opened, written up and billed. */
const clinician = {
  /** 100 requests a session: pages, their parts, autosaves. */
  requests: 13_200,
  /** A year of notes, schedules and their audit trail is about 100 MB; six years are kept (45 CFR 164.316(b)(2)(i)). */
  databaseGb: 0.6,
  /** Scanned referrals, consents and exports, six years of them. */
  objectGb: 1,
  objectWrites: 200,
  objectReads: 1_000,
  /** Beyond DesiredCount, when a practice is busy. */
  extraTaskHours: 1,
} as const;

/** What every silo has, whoever works in it. */
const silo = {
  /** Scanners try every public address; the firewall sees, counts and logs them. */
  strayRequests: 50_000,
  /** Flow records of health checks and idle connections among some ten network interfaces. */
  networkLogGb: 0.4,
  /** Connections, checkpoints and the audit extension's lines for the app's own housekeeping. */
  databaseLogGb: 0.1,
  /** Enhanced monitoring at 60 s: 43,800 documents of 6 KB. */
  operatingSystemLogGb: 0.26,
  databaseGb: 2,
  objectWrites: 5_000,
  /** Rotations, encrypted logs, queues and the readiness probe's real use of the key. */
  keyRequests: 10_000,
  /** The secret is read at each new connection as the master user. */
  secretRequests: 2_000,
  alarmEmails: 30,
  /** A deployment a week runs old and new tasks side by side for a quarter of an hour. */
  extraTaskHours: 2,
} as const;

/** What one request causes. */
const request = {
  responseGb: 20e-6,
  /** One request line and one audit event. */
  appLogGb: 1e-6,
  /** "Log fields for web ACL traffic": about 1.5 KB a request. */
  firewallLogGb: 1.5e-6,
  /** Five audited statements without their values. */
  databaseLogGb: 1.5e-6,
  /** A handful of encrypted fields, some of whose data keys are at hand. */
  keyRequests: 2,
  /** Rows, key material and log lines; half of it meets the other zone. */
  zoneTransferGb: 40e-6,
} as const;

/** The usage that a shape's price is worked out for; each figure follows from the constants above. */
export function usageOf(shape: Shape): SiloUsage {
  const people = clinicians[shape];
  const wanted = people * clinician.requests;
  const requests = wanted + silo.strayRequests;
  const logGb = {
    app: requests * request.appLogGb,
    network: silo.networkLogGb + requests * request.appLogGb,
    firewall: requests * request.firewallLogGb,
    database: silo.databaseLogGb + wanted * request.databaseLogGb,
    operatingSystem: silo.operatingSystemLogGb,
  };
  const keyRequests = silo.keyRequests + wanted * request.keyRequests;
  return {
    clinicians: people,
    requests,
    responseGb: requests * request.responseGb,
    logGb,
    keyRequests,
    secretRequests: silo.secretRequests,
    endpointGb: {
      // A request and its answer are 2 KB at most.
      kms: keyRequests * 2e-6,
      secretsmanager: silo.secretRequests * 2e-6,
      logs: logGb.app,
      // Manifests and tokens; image layers come from S3, whose endpoint costs nothing.
      'ecr.api': 0.01,
      'ecr.dkr': 0.01,
    },
    zoneTransferGb: wanted * request.zoneTransferGb,
    databaseGb: silo.databaseGb + people * clinician.databaseGb,
    objectGb: people * clinician.objectGb,
    objectWrites: silo.objectWrites + people * clinician.objectWrites,
    objectReads: people * clinician.objectReads,
    dailyChange: 0.01,
    alarmEmails: silo.alarmEmails,
    extraTaskHours: silo.extraTaskHours + people * clinician.extraTaskHours,
  };
}

/** What is kept when so much comes in a month and stays for so many days. */
export const keptGb = (monthlyGb: number, days: number): number => (monthlyGb * days) / daysPerMonth;

/** What daily incremental backups hold: the whole once, and each day's change for as long as it is kept. */
export const backedUpGb = (dataGb: number, { dailyChange }: SiloUsage, days: number): number =>
  dataGb * (1 + dailyChange * days);

/** What daily incremental backups send to another place in a month. */
export const monthlyChangeGb = (dataGb: number, { dailyChange }: SiloUsage): number =>
  dataGb * dailyChange * daysPerMonth;
