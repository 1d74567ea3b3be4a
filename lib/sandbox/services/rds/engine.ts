/** What RDS offers for PostgreSQL: versions, families, their parameters, certificates. Source: "Amazon RDS User Guide" and the release calendar. */

/** Newest minor version of each major one, newest first; a request that names only the major version gets it. */
const newestMinor: Readonly<Record<number, number>> = { 18: 3, 17: 9, 16: 13, 15: 17, 14: 22 };
/** PostgreSQL 18.0, 17.0 … were previews or withdrawn; minor versions are offered from .1 on. */
const oldestMinor = 1;

export const engine = 'postgres';
export const engineDescription = 'PostgreSQL';

export const engineVersions: readonly string[] = Object.entries(newestMinor)
  .map(([major, newest]) => ({ major: Number(major), newest }))
  .sort((a, b) => a.major - b.major)
  .flatMap(({ major, newest }) => Array.from({ length: newest }, (_, at) => `${major}.${at + oldestMinor}`));

export function majorVersion(version: string): number {
  return Number(version.split('.')[0]);
}

export function familyOf(version: string): string {
  return `${engine}${majorVersion(version)}`;
}

export const families: readonly string[] = [...new Set(engineVersions.map(familyOf))];

/** The full version that a request means, or undefined when RDS does not offer it. No version means the newest one. */
export function resolveVersion(asked: string | undefined): string | undefined {
  if (asked === undefined) return engineVersions.at(-1);
  if (!/^\d+$/.test(asked)) return engineVersions.find((version) => version === asked);
  const minor = newestMinor[Number(asked)];
  return minor === undefined ? undefined : `${asked}.${minor}`;
}

export interface EngineParameter {
  readonly name: string;
  readonly defaultValue: string | undefined;
  readonly applyType: 'static' | 'dynamic';
  readonly dataType: 'boolean' | 'integer' | 'float' | 'string' | 'list';
  /** As RDS writes it: `0,1`, `1-100`, `a,b,c`, or undefined for any text. */
  readonly allowedValues: string | undefined;
  readonly modifiable: boolean;
}

type Row = readonly [
  name: string,
  dataType: EngineParameter['dataType'],
  defaultValue?: string | undefined,
  allowedValues?: string,
];

const logLevels = 'debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic';
const bit = '0,1';
const anyInteger = '-1-2147483647';

/** Take effect at once. */
const dynamicRows: readonly Row[] = [
  ['rds.force_ssl', 'boolean', undefined, bit],
  ['rds.log_retention_period', 'integer', '4320', '1440-10080'],
  ['rds.force_admin_logging_level', 'string', undefined, `disabled,${logLevels}`],
  ['rds.restrict_password_commands', 'boolean', '0', bit],
  ['ssl_min_protocol_version', 'string', undefined, 'TLSv1.2,TLSv1.3'],
  ['ssl_max_protocol_version', 'string', undefined, 'TLSv1.2,TLSv1.3'],
  ['password_encryption', 'string', 'scram-sha-256', 'md5,scram-sha-256'],
  ['log_connections', 'string', undefined, '0,1,all,receipt,authentication,authorization,setup_durations'],
  ['log_disconnections', 'boolean', undefined, bit],
  ['log_hostname', 'boolean', '0', bit],
  ['log_duration', 'boolean', undefined, bit],
  ['log_lock_waits', 'boolean', undefined, bit],
  ['log_checkpoints', 'boolean', '1', bit],
  ['log_statement', 'string', undefined, 'none,ddl,mod,all'],
  ['log_min_duration_statement', 'integer', undefined, anyInteger],
  ['log_min_duration_sample', 'integer', undefined, anyInteger],
  ['log_min_error_statement', 'string', undefined, logLevels],
  ['log_min_messages', 'string', undefined, logLevels],
  ['log_error_verbosity', 'string', undefined, 'terse,default,verbose'],
  ['log_parameter_max_length', 'integer', undefined, '-1-1073741823'],
  ['log_parameter_max_length_on_error', 'integer', undefined, '-1-1073741823'],
  ['log_temp_files', 'integer', undefined, anyInteger],
  ['log_autovacuum_min_duration', 'integer', '10000', anyInteger],
  ['log_statement_stats', 'boolean', undefined, bit],
  ['log_rotation_age', 'integer', '60', '1-1440'],
  ['client_min_messages', 'string', undefined, 'debug5,debug4,debug3,debug2,debug1,log,notice,warning,error'],
  [
    'pgaudit.log',
    'list',
    undefined,
    'ddl,function,misc,read,role,write,none,all,-ddl,-function,-misc,-read,-role,-write',
  ],
  ['pgaudit.log_catalog', 'boolean', undefined, bit],
  ['pgaudit.log_parameter', 'boolean', undefined, bit],
  ['pgaudit.log_relation', 'boolean', undefined, bit],
  ['pgaudit.log_statement_once', 'boolean', undefined, bit],
  ['pgaudit.role', 'string', undefined, 'rds_pgaudit'],
  ['auto_explain.log_min_duration', 'integer', undefined, anyInteger],
  ['statement_timeout', 'integer', undefined, '0-2147483647'],
  ['lock_timeout', 'integer', undefined, '0-2147483647'],
  ['idle_in_transaction_session_timeout', 'integer', '86400000', '0-2147483647'],
  ['idle_session_timeout', 'integer', undefined, '0-2147483647'],
  ['transaction_timeout', 'integer', undefined, '0-2147483647'],
  ['authentication_timeout', 'integer', undefined, '1-600'],
  ['tcp_keepalives_idle', 'integer', '300', '0-2147483647'],
  ['tcp_keepalives_interval', 'integer', '30', '0-2147483647'],
  ['tcp_keepalives_count', 'integer', '2', '0-2147483647'],
  ['timezone', 'string', 'UTC'],
  ['work_mem', 'integer', undefined, '64-2147483647'],
  ['maintenance_work_mem', 'integer', undefined, '1024-2147483647'],
  ['effective_cache_size', 'integer', undefined, '1-2147483647'],
  ['random_page_cost', 'float', undefined, '0-1.79769e+308'],
  ['checkpoint_timeout', 'integer', undefined, '30-3600'],
  ['max_wal_size', 'integer', undefined, '128-201326592'],
  ['autovacuum', 'boolean', '1', bit],
  ['autovacuum_naptime', 'integer', '15', '1-2147483'],
  ['autovacuum_vacuum_scale_factor', 'float', '0.1', '0-100'],
  ['autovacuum_analyze_scale_factor', 'float', '0.05', '0-100'],
  ['track_io_timing', 'boolean', '1', bit],
  ['track_functions', 'string', undefined, 'none,pl,all'],
  ['search_path', 'string'],
  ['row_security', 'boolean', undefined, bit],
  [
    'default_transaction_isolation',
    'string',
    undefined,
    'serializable,repeatable read,read committed,read uncommitted',
  ],
  ['pg_stat_statements.track', 'string', 'top', 'none,top,all'],
];

/** Take effect at the next restart of the engine. */
const staticRows: readonly Row[] = [
  [
    'shared_preload_libraries',
    'list',
    'pg_stat_statements',
    'auto_explain,orafce,pgaudit,pglogical,pg_bigm,pg_cron,pg_hint_plan,pg_prewarm,pg_similarity,pg_stat_statements,pg_tle,pg_transport,plprofiler,plrust',
  ],
  ['max_connections', 'integer', 'LEAST({DBInstanceClassMemory/9531392},5000)', '6-262143'],
  ['shared_buffers', 'integer', '{DBInstanceClassMemory/32768}', '16-1073741823'],
  ['max_wal_senders', 'integer', '35', '5-100'],
  ['max_replication_slots', 'integer', '20', '5-100'],
  ['max_worker_processes', 'integer', 'GREATEST(${DBInstanceVCPU*2},8)', '0-262143'],
  ['max_prepared_transactions', 'integer', '0', '0-262143'],
  ['max_locks_per_transaction', 'integer', '64', '10-2147483647'],
  ['track_activity_query_size', 'integer', '4096', '100-1048576'],
  ['track_commit_timestamp', 'boolean', undefined, bit],
  ['huge_pages', 'string', 'on', 'on,off'],
  ['rds.logical_replication', 'boolean', '0', bit],
  ['rds.rds_superuser_reserved_connections', 'integer', '2', '0-8388607'],
  ['pg_stat_statements.max', 'integer', undefined, '100-2147483647'],
];

/** Set by RDS, not by its users. */
const fixedRows: readonly Row[] = [
  ['ssl', 'boolean', '1', bit],
  ['fsync', 'boolean', '1', bit],
  ['log_destination', 'string', 'stderr', 'stderr,csvlog'],
  ['port', 'integer', '{EndPointPort}', '1-65535'],
];

/** TLS is forced by default from PostgreSQL 15 on ("Using SSL with a PostgreSQL DB instance"). */
function defaultOf(name: string, family: string, listed: string | undefined): string | undefined {
  if (name === 'rds.force_ssl') return Number(family.slice(engine.length)) >= 15 ? '1' : '0';
  return listed;
}

function rowsToParameters(
  family: string,
  rows: readonly Row[],
  applyType: 'static' | 'dynamic',
  modifiable: boolean,
): EngineParameter[] {
  return rows.map(([name, dataType, listed, allowedValues]) => ({
    name,
    dataType,
    defaultValue: defaultOf(name, family, listed),
    allowedValues,
    applyType,
    modifiable,
  }));
}

/** The parameters of a family by name: the ones that matter to operators, not all 400. */
export function parametersOf(family: string): ReadonlyMap<string, EngineParameter> {
  const all = [
    ...rowsToParameters(family, dynamicRows, 'dynamic', true),
    ...rowsToParameters(family, staticRows, 'static', true),
    ...rowsToParameters(family, fixedRows, 'static', false),
  ];
  return new Map(
    all.sort((a, b) => (a.name < b.name ? -1 : 1)).map((parameter) => [parameter.name, parameter]),
  );
}

/** Whether RDS takes `value` for a parameter. */
export function allows(parameter: EngineParameter, value: string): boolean {
  const allowed = parameter.allowedValues;
  if (allowed === undefined) return value.length > 0;
  // A formula over the instance's class ("Specifying DB parameters") is taken as it is.
  if (/^(LEAST|GREATEST|SUM)\(|\{DBInstance/.test(value)) return parameter.dataType === 'integer';
  const range = /^(-?[\d.]+)-(-?[\d.e+]+)$/.exec(allowed);
  if (range !== null) {
    const number = Number(value);
    const whole = parameter.dataType !== 'integer' || Number.isInteger(number);
    return value.trim() !== '' && whole && number >= Number(range[1]) && number <= Number(range[2]);
  }
  const choices = allowed.split(',');
  const chosen = parameter.dataType === 'list' ? value.split(',') : [value];
  return chosen.every((one) => choices.includes(one.trim()));
}

/** "Using SSL/TLS to encrypt a connection to a DB instance": the authorities that RDS offers, and until when. */
export const certificates: ReadonlyArray<{
  readonly id: string;
  readonly validFrom: string;
  readonly validTill: string;
}> = [
  { id: 'rds-ca-rsa2048-g1', validFrom: '2021-05-25T22:34:57Z', validTill: '2061-05-25T23:34:57Z' },
  { id: 'rds-ca-rsa4096-g1', validFrom: '2021-05-25T22:38:35Z', validTill: '2121-05-25T23:38:35Z' },
  { id: 'rds-ca-ecc384-g1', validFrom: '2021-05-25T22:41:55Z', validTill: '2121-05-25T23:41:55Z' },
];
export const defaultCertificate = 'rds-ca-rsa2048-g1';

/** Log types that a PostgreSQL instance can publish. */
export const logTypes: readonly string[] = ['postgresql', 'upgrade', 'iam-db-auth-error'];
