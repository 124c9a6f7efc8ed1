/** `post2log completion SHELL`: completion scripts made from the commands themselves. */
import type { Command } from 'commander';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** True for the shells there are scripts for. */
export function isShell(name: string): name is Shell {
  return (shells as readonly string[]).includes(name);
}

interface Words {
  readonly path: string;
  readonly words: readonly string[];
}

function gather(command: Command, path: string): Words[] {
  const options = command.options
    .flatMap((option) => [option.long, option.short])
    .filter((name) => name !== undefined && name !== null);
  const words = [...command.commands.map((child) => child.name()), ...options, '--help'];
  return [{ path, words }, ...command.commands.flatMap((child) => gather(child, `${path} ${child.name()}`))];
}

/** The script to source. */
export function completionScript(program: Command, shell: Shell): string {
  const all = gather(program, program.name());
  switch (shell) {
    case 'bash':
    case 'zsh': {
      const cases = all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
      const head = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
      return `${head}_post2log() {
  local path=post2log words= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do case $word in -*) ;; *) path="$path $word" ;; esac; done
  case "$path" in
${cases}
    *) COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _post2log post2log
`;
    }
    case 'fish':
      return all
        .map(({ path, words }) => {
          const parts = path.split(' ').slice(1);
          const condition =
            parts.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${parts.at(-1)}`;
          return `complete -c post2log -n '${condition}' -f -a '${words.join(' ')}'`;
        })
        .join('\n')
        .concat('\n');
    default:
      return shell satisfies never;
  }
}
