import { Command } from 'commander';

/** The one option of a command that reads or writes a file. Wrong usage ends the process with status 2, help with 0. */
export function fileOption(
  name: string,
  about: {
    readonly flag: `--${string} <file>`;
    readonly what: string;
    readonly description: string;
    readonly examples: readonly string[];
  },
): string {
  const program = new Command(name)
    .description(about.description)
    .requiredOption(about.flag, about.what)
    .addHelpText('after', `\nExamples:\n${about.examples.map((example) => `  ${example}\n`).join('')}`)
    .allowExcessArguments(false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse();
  return Object.values(program.opts<Record<string, string>>())[0] ?? '';
}
