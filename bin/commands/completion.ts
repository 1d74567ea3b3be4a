import { Argument, type Command } from 'commander';
import type { Invocation } from './session.ts';

/** Words that may follow each command path, `''` being the program itself. */
type Words = ReadonlyMap<string, readonly string[]>;

export function completionCommand(command: Command, { world }: Invocation): void {
  command
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nFor bash: eval "$(npx lumenality completion bash)"')
    .action((shell: 'bash' | 'zsh' | 'fish') => {
      const words = wordsOf(command.parent ?? command);
      world.stdout.write(shell === 'fish' ? fish(words) : bash(words, shell));
    });
}

function wordsOf(program: Command): Words {
  const words = new Map<string, string[]>();
  const visit = (command: Command, path: string) => {
    const options = [...command.options, ...(command === program ? [] : program.options)];
    words.set(path, [
      ...command.commands.map((child) => child.name()),
      ...options.flatMap(({ long }) => (long === null || long === undefined ? [] : [long])),
    ]);
    for (const child of command.commands) visit(child, `${path} ${child.name()}`.trim());
  };
  visit(program, '');
  return words;
}

/** zsh understands bash's completion after `bashcompinit`. */
function bash(words: Words, shell: 'bash' | 'zsh'): string {
  const cases = [...words].map(([path, list]) => `    ${JSON.stringify(path)}) words="${list.join(' ')}" ;;`);
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_lumenality() {
  local path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) [[ "$path" != *" "* ]] && path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _lumenality lumenality
`;
}

function fish(words: Words): string {
  return [...words]
    .flatMap(([path, list]) => {
      const [group, verb] = path.split(' ');
      const condition = [group, verb]
        .filter((part) => part !== undefined && part !== '')
        .map((part) => `__fish_seen_subcommand_from ${part}`);
      const when = condition.length === 0 ? '__fish_use_subcommand' : condition.join('; and ');
      return list.map((word) =>
        word.startsWith('--')
          ? `complete -c lumenality -n '${when}' -l ${word.slice(2)}`
          : `complete -c lumenality -f -n '${when}' -a ${word}`,
      );
    })
    .join('\n')
    .concat('\n');
}
