import type { EvidenceRow, Practice } from '../control-api/contracts/practices.ts';
import type { Run } from '../control-api/contracts/runs.ts';
import { addressOf } from './commands/find.ts';
import type { Output } from './commands/output.ts';
import type { OwnerLink } from './commands/owner-link.ts';
import { type Cell, fields, table } from './commands/table.ts';
import { brief } from './commands/text.ts';
import { explain } from './commands/watch.ts';
import type { Proof } from './demo-proof.ts';

/** What the demo found of one practice. */
export interface PracticeReport {
  readonly practice: Practice;
  readonly run: Run;
  readonly evidence: readonly EvidenceRow[];
  /** The app's answer to /version through the load balancer; null when the practice is not active. */
  readonly version: unknown;
  /** With which somebody becomes the first owner, where this demo has made one. */
  readonly ownerLink: OwnerLink | null;
}

const mark = (ok: boolean, { colours }: Output): Cell =>
  ok ? { text: 'yes', paint: colours.green } : { text: 'NO', paint: colours.red };

export function heading(output: Output, text: string): void {
  output.line();
  output.line(output.colours.bold(text));
}

/** @param isFirst whether to print the evidence row by row; of the others only when a check failed */
export function reportPractice(
  output: Output,
  { practice, run, evidence, version }: PracticeReport,
  isFirst: boolean,
): void {
  heading(output, `${practice.displayName} is ${practice.state}`);
  if (practice.state !== 'active') {
    output.line(explain(run));
    return;
  }
  const passed = evidence.filter((row) => row.passed).length;
  const isWhole = isFirst || passed < evidence.length;
  const where = isWhole ? '' : `: npx lumenality practice evidence ${practice.id}`;
  output.line(
    fields(output, [
      ['address', addressOf(practice)],
      ['app', JSON.stringify(version)],
      ['evidence', `${passed} of ${evidence.length} checks passed${where}`],
    ]),
  );
  if (!isWhole) return;
  output.line();
  output.line(
    table(
      output,
      ['CHECK', 'EXPECTED', 'OBSERVED', 'OK'],
      evidence.map(({ check, expected, observed, passed }) => [
        check,
        passed ? brief(expected) : expected,
        observed === expected ? 'the same' : passed ? brief(observed) : observed,
        mark(passed, output),
      ]),
    ),
  );
}

export function reportProof(output: Output, { silos, distinct, decryptions, plainText }: Proof): void {
  heading(output, 'What the practices share: nothing');
  output.line(
    table(
      output,
      ['PRACTICE', 'KEY', 'DATABASE', 'VPC'],
      silos.map(({ practiceId, keyArn, databaseArn, vpcId }) => [
        practiceId,
        afterSlash(keyArn),
        databaseArn.split(':').at(-1) ?? databaseArn,
        vpcId,
      ]),
    ),
  );
  output.line(
    `${silos.length} practices: ${distinct.keys} keys, ${distinct.databases} databases, ${distinct.vpcs} VPCs.`,
  );

  heading(output, 'What one key encrypts, no other decrypts (AWS KMS)');
  output.line(
    table(
      output,
      ['CIPHERTEXT OF', ...silos.map(({ practiceId }) => `KEY OF ${practiceId}`)],
      silos.map(({ practiceId }) => [
        practiceId,
        ...decryptions
          .filter(({ encryptedFor }) => encryptedFor === practiceId)
          .map(({ opened, refusal, held }): Cell => {
            const text = opened ? 'decrypts' : refusal === null ? 'another plain text' : 'refused';
            return { text, paint: held ? output.colours.green : output.colours.red };
          }),
      ]),
    ),
  );
  const refused = decryptions.find(({ refusal }) => refusal !== null);
  if (refused !== undefined) output.line(`AWS's own words: ${refused.refusal}`);

  heading(output, `Without TLS, the database of ${plainText.practiceId} takes no connection`);
  output.line(plainText.refusal ?? output.colours.red('It did take one.'));
}

/** @param setting shell commands that point the command line at this control plane, where the defaults do not */
export function reportNext(
  output: Output,
  reports: readonly PracticeReport[],
  { url, setting }: { readonly url: string; readonly setting: string | undefined },
): void {
  const [first] = reports;
  heading(output, 'It stays up. In another terminal, try');
  if (setting !== undefined) output.line(`  ${setting}`);
  output.line('  npx lumenality practice list');
  if (first !== undefined) {
    output.line(`  npx lumenality practice evidence ${first.practice.id} --full`);
    const address = addressOf(first.practice);
    const { hostname, port } = new URL(address);
    const resolve = hostname.endsWith('.localhost') ? `--resolve ${hostname}:${port || 443}:127.0.0.1 ` : '';
    output.line(`  curl ${resolve}${new URL('/readyz', address).href}`);
  }
  output.line('  npx lumenality audit list');
  const invited = reports.find(({ ownerLink }) => ownerLink !== null);
  if (invited?.ownerLink) {
    output.line(`  ${invited.ownerLink.link}`);
    output.line(
      `    makes you the first owner of ${invited.practice.displayName}, once, until ${invited.ownerLink.expiresAt}`,
    );
  } else if (first !== undefined) {
    output.line(`  npx lumenality practice invite ${first.practice.id} --reason "to look at the app" --wait`);
  }
  output.line(`  ${url}/docs is the API`);
  output.line('Ctrl-C stops it all; the next start goes on where this one ended.');
}

const afterSlash = (arn: string) => arn.split('/').at(-1) ?? arn;
