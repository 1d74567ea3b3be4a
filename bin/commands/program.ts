import { Command, CommanderError } from 'commander';
import { CommandError, commandError } from './command-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { reportError, type World } from './output.ts';
import type { Invocation } from './session.ts';

interface Group {
  readonly description: string;
  /** Loaded only when it is asked for, so that --help is quick. */
  readonly load: () => Promise<(group: Command, invocation: Invocation) => void>;
}

const groups: Readonly<Record<string, Group>> = {
  signup: {
    description: 'Take sign-ups and decide on them',
    load: async () => (await import('./signup.ts')).signUpCommands,
  },
  practice: {
    description: 'Look at practices, their silos and the evidence',
    load: async () => (await import('./practice.ts')).practiceCommands,
  },
  override: {
    description: 'Allow single changes that the change review refuses',
    load: async () => (await import('./override.ts')).overrideCommands,
  },
  freeze: {
    description: 'Keep updates from practices for a time',
    load: async () => (await import('./freeze.ts')).freezeCommands,
  },
  run: {
    description: 'Follow runs; retry or cancel them',
    load: async () => (await import('./run.ts')).runCommands,
  },
  cell: {
    description: 'Look at the AWS accounts that hold silos; add, activate and drain them, set limits',
    load: async () => (await import('./cell.ts')).cellCommands,
  },
  orphans: {
    description: 'Look in the cells for resources that no practice owns; exit code 1 when there are any',
    load: async () => (await import('./orphans.ts')).orphansCommand,
  },
  notice: {
    description: 'See what practices and other systems are told; manage where webhooks go',
    load: async () => (await import('./notice.ts')).noticeCommands,
  },
  token: {
    description: 'Create, list and revoke API tokens',
    load: async () => (await import('./token.ts')).tokenCommands,
  },
  ci: {
    description: 'Sign a CI job in without a stored secret',
    load: async () => (await import('./ci.ts')).ciCommands,
  },
  release: {
    description: 'Publish, look at and halt releases',
    load: async () => (await import('./release.ts')).releaseCommands,
  },
  rollout: {
    description: 'Bring a release to the fleet, each practice in its own window; follow it',
    load: async () => (await import('./rollout.ts')).rolloutCommands,
  },
  fleet: {
    description: 'Show which releases the fleet runs and how long updates take to it',
    load: async () => (await import('./fleet.ts')).fleetCommands,
  },
  cost: {
    description: 'Show what a silo of one shape costs a month at list prices, by line item',
    load: async () => (await import('./cost.ts')).costCommand,
  },
  plan: {
    description: 'Look at plans, publish versions of them, preview what they cost',
    load: async () => (await import('./plan.ts')).planCommands,
  },
  subscription: {
    description: "Look at practices' subscriptions, and change them",
    load: async () => (await import('./subscription.ts')).subscriptionCommands,
  },
  audit: {
    description: 'Read who did what',
    load: async () => (await import('./records.ts')).auditCommands,
  },
  doctor: {
    description: 'Check this machine, the control plane and the token',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  completion: {
    description: 'Print a completion script for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
};

/** The tree of commands; of the groups only those that `argv` names are filled, or all of them for `completion`. */
async function buildProgram(argv: readonly string[], invocation: Invocation): Promise<Command> {
  const { world } = invocation;
  const program = new Command('lumenality')
    .description('Operate the Lumenality control plane: a silo of its own for every practice.')
    .version(world.version, '-V, --version', 'print the version')
    .option('--url <address>', 'the control plane (LUMENALITY_URL; default http://127.0.0.1:8080)')
    .option('--token-file <path>', 'file that holds the token (default: LUMENALITY_TOKEN, then admin.token)')
    .option('--allow-plain-http', 'send the token over http to another machine')
    .option('--json', 'print one JSON document for scripts')
    .option('--wide', 'print ids and ARNs in full and never wrap a row')
    .option('--no-color', 'print without colours (also NO_COLOR)')
    .option('--yes', 'do not ask before what cannot be undone')
    .option('--idempotency-key <key>', 'for a repeat after a broken connection (default: random)')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => world.stderr.write(text),
      // Reported by `main`, once, in the form that was asked for.
      outputError: () => {},
      getOutHelpWidth: () => world.stdout.columns ?? 80,
      getErrHelpWidth: () => world.stderr.columns ?? 80,
    })
    .exitOverride()
    .addHelpText('afterAll', ({ command }) =>
      command.parent === null
        ? '\nStart with `lumenality doctor`. Exit codes and examples: docs/cli.md'
        : '\nOptions of every command: `lumenality --help`',
    );
  const everything = argv.includes('completion');
  for (const [name, { description, load }] of Object.entries(groups)) {
    const group = program.command(name).description(description);
    if (everything || argv.includes(name)) (await load())(group, invocation);
  }
  return program;
}

/** Runs one command line; what goes wrong is reported on stderr and told by the exit code. */
export async function main(argv: readonly string[], world: World): Promise<ExitCode> {
  const invocation: Invocation = { world, command: undefined, exitCode: exitCodes.done };
  try {
    const program = await buildProgram(argv, invocation);
    await program.parseAsync(argv, { from: 'user' });
    return invocation.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    // Commander has printed the help already: that is the answer to a group without a verb.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    const failure = asCommandError(error);
    reportError(failure, world, {
      json: argv.includes('--json'),
      color: !argv.includes('--no-color'),
      flagOf: (pointer) => flagOf(invocation.command, pointer),
    });
    return failure.exitCode;
  }
}

function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof CommanderError) {
    return commandError('usage', error.message.replace(/^error: /, ''), {
      hint: 'See `npx lumenality --help`, or put --help behind any command.',
    });
  }
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return commandError('internal', `This is a fault of the command line itself: ${words}`, { cause: error });
}

/** Fields whose flags have shorter names than theirs. */
const shortNames: Readonly<Record<string, string>> = {
  'release-id': 'release',
  'logical-id': 'resource',
  'account-id': 'account',
  'hosted-zone-id': 'hosted-zone',
  's3-prefix-list-id': 's3-prefix-list',
  limits: 'limit',
  'changelog-url': 'changelog',
  signature: 'sign-with',
  'window-rule': 'set',
  'window-duration-minutes': 'duration',
  'window-time-zone': 'zone',
  'effective-from': 'from',
  version: 'plan-version',
};

/** Flags are named after the fields they set: `/contact/phone` is `--contact-phone`, if the command has it. */
function flagOf(command: Command | undefined, pointer: string): string | undefined {
  const name = pointer
    .split('/')
    .filter((part) => part !== '' && !/^\d+$/.test(part))
    .map((part) => part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
    .join('-')
    .replace(/^terms-(rates-)?/, '');
  return [`--${shortNames[name] ?? name}`, `--agreement-${name}`].find((flag) =>
    command?.options.some((option) => option.long === flag),
  );
}
