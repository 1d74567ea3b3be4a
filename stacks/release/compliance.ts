import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CloudFormationValidatePlugin, type PolicyValidationPluginReport } from 'aws-cdk-lib';
import { HIPAASecurityChecks } from 'cdk-nag';
import { ruleChecks } from '../../lib/domain/compliance-report.ts';
import type { Acknowledgement } from '../acknowledgements.ts';
import { judgeTemplates } from '../compliance/fsbp.ts';
import { ReleaseError } from './release-error.ts';
import { resourceNames, type Synthesised } from './synthesis.ts';

/** One rule that one resource (or, for a rule about a whole template, one component) does not keep. */
export interface Finding {
  readonly source: (typeof ruleChecks)[keyof typeof ruleChecks];
  readonly rule: string;
  /** `<component>/<logical id>`, or `<component>/Parameters/<name>` and the like. */
  readonly resource: string;
  readonly severity: string;
  readonly description: string;
}

interface AcknowledgedFinding extends Finding {
  readonly reason: string;
}

/** `compliance/report.json`: evidence of what was checked, found and accepted. */
export interface ComplianceReport {
  readonly formatVersion: 1;
  readonly checks: ReadonlyArray<{ readonly name: string; readonly findings: number }>;
  readonly counts: { readonly findings: number; readonly acknowledged: number; readonly unexplained: number };
  readonly acknowledged: readonly AcknowledgedFinding[];
  readonly unexplained: readonly Finding[];
}

/** One for the process: its engine takes seconds to start, at the first use. */
const validator = new CloudFormationValidatePlugin();

/**
 * Runs the rule pack on the constructs, and AWS's template validation and the rules of Security Hub on the templates as they will be
 * shipped.
 */
export function check(synthesis: Synthesised<string>): Finding[] {
  return [...hipaaFindings(synthesis), ...templateFindings(synthesis), ...hubFindings(synthesis)].sort(
    (a, b) => compare(a.resource, b.resource) || compare(a.rule, b.rule),
  );
}

function hipaaFindings(synthesis: Synthesised<string>): Finding[] {
  const names = resourceNames(synthesis.stacks);
  return flatten(
    ruleChecks.nag,
    new HIPAASecurityChecks(synthesis.app).validateScope(synthesis.app),
    ({ constructPath = '' }) => {
      return names.get(constructPath) ?? constructPath;
    },
  );
}

function templateFindings(synthesis: Synthesised<string>): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'lumenality-templates-'));
  try {
    const stackTemplates = Object.entries(synthesis.templates).map(([name, { body }]) => {
      const templatePath = join(folder, name);
      writeFileSync(templatePath, body);
      return { stackConstructPath: name, templatePath, accountId: undefined, region: undefined };
    });
    const report = validator.validate({
      appConstruct: synthesis.app,
      stackTemplates,
      templatePaths: stackTemplates.map(({ templatePath }) => templatePath),
    });
    return flatten(ruleChecks.linter, report, ({ templatePath = '', resourceLogicalId, locations }) => {
      return `${basename(templatePath)}/${resourceLogicalId ?? locations[0] ?? 'template'}`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function hubFindings({ templates }: Synthesised<string>): Finding[] {
  const shipped = Object.entries(templates).map(([name, { body }]) => [name, JSON.parse(body)] as const);
  return judgeTemplates(Object.fromEntries(shipped)).map(({ control, resource, problem }) => ({
    source: ruleChecks.hub,
    rule: `SecurityHub.${control.id}`,
    resource,
    severity: 'error',
    description: `${control.asks} ${problem}`,
  }));
}

type Violation = PolicyValidationPluginReport['violations'][number];

function flatten(
  source: Finding['source'],
  report: PolicyValidationPluginReport,
  name: (resource: Violation['violatingResources'][number]) => string,
): Finding[] {
  return report.violations.flatMap(({ ruleName, severity = 'error', description, violatingResources }) =>
    violatingResources.map((resource) => ({
      source,
      rule: ruleName,
      resource: name(resource),
      severity,
      description,
    })),
  );
}

/**
 * Holds every finding against the acknowledgements.
 * @throws ReleaseError for an acknowledgement that fits no finding: what it excused was repaired or renamed.
 */
export function judge(
  findings: readonly Finding[],
  acknowledgements: readonly Acknowledgement[],
): ComplianceReport {
  const reasons = new Map(
    acknowledgements.flatMap(({ rule, resources, reason }) =>
      resources.map((resource) => [key(rule, resource), reason] as const),
    ),
  );
  const acknowledged: AcknowledgedFinding[] = [];
  const unexplained: Finding[] = [];
  const unused = new Set(reasons.keys());
  for (const finding of findings) {
    const id = key(finding.rule, finding.resource);
    const reason = reasons.get(id);
    unused.delete(id);
    if (reason === undefined) unexplained.push(finding);
    else acknowledged.push({ ...finding, reason });
  }
  if (unused.size > 0) {
    throw new ReleaseError(
      `These acknowledgements in stacks/acknowledgements.ts fit no finding; remove or correct them:\n${[...unused].map((id) => `  ${id}`).join('\n')}`,
    );
  }
  return {
    formatVersion: 1,
    checks: Object.values(ruleChecks).map((name) => ({
      name,
      findings: findings.filter(({ source }) => source === name).length,
    })),
    counts: { findings: findings.length, acknowledged: acknowledged.length, unexplained: unexplained.length },
    acknowledged,
    unexplained,
  };
}

const key = (rule: string, resource: string): string => `${rule} on ${resource}`;
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
