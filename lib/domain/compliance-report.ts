import { z } from 'zod';
import { parsedJson } from './json.ts';

/** The rule packs that every release is held against. */
export const ruleChecks = {
  nag: 'cdk-nag HIPAA Security',
  linter: 'CloudFormation Validate',
  hub: 'AWS Security Hub',
} as const;

const findingSchema = z.looseObject({
  source: z.string(),
  rule: z.string(),
  resource: z.string(),
  severity: z.string(),
});

/** `compliance/report.json`, as far as it decides about a release. */
export const complianceReportSchema = z.object({
  formatVersion: z.literal(1),
  checks: z.array(z.object({ name: z.string(), findings: z.number().int().nonnegative() })),
  counts: z.object({ findings: z.number(), acknowledged: z.number(), unexplained: z.number() }),
  acknowledged: z.array(findingSchema.extend({ reason: z.string() })),
  unexplained: z.array(findingSchema),
});

/**
 * Why a release with this report may not be published; nothing when it may.
 * @param acknowledged how many findings its manifest says were acknowledged
 */
export function complianceObjections(text: string, acknowledged: number): string[] {
  const parsed = complianceReportSchema.safeParse(parsedJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return [`is no compliance report of this version (/${issue?.path.join('/') ?? ''}: ${issue?.message})`];
  }
  const report = parsed.data;
  const all = [...report.acknowledged, ...report.unexplained];
  const counts = {
    findings: all.length,
    acknowledged: report.acknowledged.length,
    unexplained: report.unexplained.length,
  };
  const wrongCount = Object.entries(counts).find(
    ([name, count]) => report.counts[name as keyof typeof counts] !== count,
  );
  return [
    ...Object.values(ruleChecks).flatMap((name) => notRun(report, name)),
    ...report.unexplained.map((finding) => `has a finding that nobody explained: ${named(finding)}`),
    ...report.acknowledged
      .filter(({ reason }) => reason.trim() === '')
      .map((finding) => `acknowledges ${named(finding)} without a reason`),
    ...all
      .filter(({ source, severity }) => source === ruleChecks.linter && /^(error|fatal)$/i.test(severity))
      .map((finding) => `has an error of the template linter, which nothing excuses: ${named(finding)}`),
    ...(wrongCount === undefined
      ? []
      : [`counts its ${wrongCount[0]} findings wrongly: it lists ${wrongCount[1]}`]),
    ...(report.acknowledged.length === acknowledged
      ? []
      : [
          `acknowledges ${report.acknowledged.length} findings, but the manifest says that it were ${acknowledged}`,
        ]),
  ];
}

/** A check counts as run when the report names it with as many findings as it lists. */
function notRun(report: z.infer<typeof complianceReportSchema>, name: string): string[] {
  const check = report.checks.find((candidate) => candidate.name === name);
  if (check === undefined) return [`does not say that ${name} was run`];
  const listed = [...report.acknowledged, ...report.unexplained].filter(({ source }) => source === name);
  return listed.length === check.findings
    ? []
    : [`lists ${listed.length} findings of ${name}, which had ${check.findings}`];
}

const named = ({ rule, resource }: z.infer<typeof findingSchema>): string => `${rule} on ${resource}`;
