/** Dashboards: a name and a body that CloudWatch could draw. */
import type * as sdk from '@aws-sdk/client-cloudwatch';
import { globalArn, recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import { pageOf } from '../../paging.ts';

interface DashboardRecord {
  readonly name: string;
  readonly body: string;
  readonly changedAt: Date;
  readonly madeBy?: string | undefined;
}

/** Dashboards have no Region. */
const keyOf = (call: Call, name = '') => recordKey({ accountId: call.accountId, region: 'aws-global' }, name);
const table = (call: Call): Table<DashboardRecord> => call.cloud.state.table('cloudwatch.dashboards');

export const findDashboard = (name: string, call: Call) => table(call).get(keyOf(call, name));

const widgetTypes = ['alarm', 'custom', 'explorer', 'log', 'metric', 'text'];

function checkBody(body: string): void {
  const refuse = (problem: string) =>
    new AwsError(
      'InvalidParameterInput',
      `The field DashboardBody must be a valid JSON object. (${problem})`,
    );
  let parsed: { widgets?: unknown };
  try {
    parsed = JSON.parse(body) as typeof parsed;
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (!Array.isArray(parsed?.widgets)) throw refuse('it has no list of widgets');
  for (const [at, widget] of (parsed.widgets as Array<{ type?: string; properties?: unknown }>).entries()) {
    if (!widgetTypes.includes(widget?.type ?? '') || typeof widget.properties !== 'object')
      throw refuse(`/widgets/${at} needs properties and a type of ${widgetTypes.join(', ')}`);
  }
}

export function putDashboard(name: string, body: string, call: Call, madeBy?: string): void {
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(name))
    throw new AwsError(
      'InvalidParameterValue',
      `The dashboard name '${name}' has more than letters, digits, '-' and '_'.`,
    );
  checkBody(body);
  table(call).put(keyOf(call, name), { name, body, changedAt: call.cloud.now(), madeBy });
}

export const eraseDashboard = (name: string, call: Call) => table(call).delete(keyOf(call, name));

const arnOf = (name: string, call: Call) => globalArn('cloudwatch', call, `dashboard/${name}`);

function getDashboard({ DashboardName = '' }: sdk.GetDashboardInput, call: Call) {
  const dashboard = findDashboard(DashboardName, call);
  if (dashboard === undefined)
    throw new AwsError('ResourceNotFound', `Dashboard ${DashboardName} does not exist`, 404);
  return { DashboardArn: arnOf(DashboardName, call), DashboardName, DashboardBody: dashboard.body };
}

function listDashboards(input: sdk.ListDashboardsInput, call: Call) {
  const { items, next } = pageOf(table(call).list(keyOf(call, input.DashboardNamePrefix)), {
    keyOf: (dashboard) => dashboard.name,
    marker: input.NextToken,
    limit: 1000,
    invalidMarkerCode: 'InvalidParameterValue',
  });
  const DashboardEntries = items.map(({ name, body, changedAt }) => ({
    DashboardName: name,
    DashboardArn: arnOf(name, call),
    LastModified: changedAt,
    Size: Buffer.byteLength(body),
  }));
  return { DashboardEntries, NextToken: next };
}

export const dashboardOperations = { GetDashboard: getDashboard, ListDashboards: listDashboards };
