/** `post2log completion SHELL`: completion scripts made from the commands themselves. */
import type { Command } from 'commander';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** True for the shells there are scripts for. */
export function isShell(name: string): name is Shell {
  return (shells as readonly string[]).includes(name);
}

/** What can follow a command; `path` is how it is called, `post2log dlq list`. */
interface Words {
  readonly path: string;
  readonly words: readonly string[];
}

function gather(command: Command, path: string): Words[] {
  const options = command.options
    .flatMap((option) => [option.long, option.short])
    .filter((name) => name !== undefined && name !== null);
  const children = command.commands.map((child) => child.name());
  const words = [
    ...children,
    ...(children.length > 0 ? ['help'] : []),
    ...(command.name() === 'completion' ? shells : []),
    ...options,
    '--help',
  ];
  return [{ path, words }, ...command.commands.flatMap((child) => gather(child, `${path} ${child.name()}`))];
}

/** The script to source. */
export function completionScript(program: Command, shell: Shell): string {
  const all = gather(program, program.name());
  switch (shell) {
    case 'bash':
    case 'zsh': {
      const paths = all.map(({ path }) => `'${path}'`).join(' | ');
      const cases = all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
      const head = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
      // A word that leads to no command is an option, an option's value or an argument. (`path` is taken in zsh.)
      return `${head}_post2log() {
  local called=post2log words= word
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "$called $word" in
    ${paths}) called="$called $word" ;;
    esac
  done
  case "$called" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _post2log post2log
`;
    }
    case 'fish':
      return all
        .map(({ path, words }) => {
          const called = path.split(' ').slice(1);
          const condition =
            called.length === 0
              ? '__fish_use_subcommand'
              : called.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
          return `complete -c post2log -n '${condition}' -a '${words.join(' ')}'`;
        })
        .join('\n')
        .concat('\n');
    default:
      return shell satisfies never;
  }
}
