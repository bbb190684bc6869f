import { Argument, Command } from 'commander';
import type { Terminal } from './terminal.ts';

type Shell = 'bash' | 'zsh' | 'fish';

export function command(terminal: Terminal): Command {
  return new Command('completion')
    .description(
      'Print the script by which your shell completes commands, options, their values, and names of schedules, tracks, ' +
        'watchlists, alerts, channels and tenants.',
    )
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', HELP)
    .action((shell: Shell) => terminal.print(SCRIPTS[shell].trimEnd()));
}

const HELP = `
bash, in ~/.bashrc:                 source <(dpf completion bash)
zsh, in ~/.zshrc after compinit:    source <(dpf completion zsh)
fish, once:                         dpf completion fish > ~/.config/fish/completions/dpf.fish

dpf must be on the PATH, as after npm install --global. Names are read from the Redis of REDIS_URL. While it does not answer
there are none.`;

/** Bash takes words apart at `=` and `:`, and replaces only the last part. Its version 3.2, of macOS, has no `compopt`. */
const BASH = `# Completion of dpf for bash: source <(dpf completion bash)
_dpf_complete() {
  local -a words=()
  local i last=-1 joins= word value cut=
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((last >= 0)) && [[ $joins || $word == [=:]* ]]; then
      words[last]+=$word
    else
      last=$((last + 1))
      words[last]=$word
    fi
    joins=
    [[ $word == [=:] ]] && joins=1
  done
  local current=\${words[last]}
  [[ $current == --*=* && $current != "\${COMP_WORDS[COMP_CWORD]}" ]] && cut=\${current%%=*}=
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    if [[ $value == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "\${current#"$cut"}")
    else
      COMPREPLY+=("\${value#"$cut"}")
    fi
  done < <("$1" completion -- "\${words[@]}" 2>/dev/null)
}
complete -F _dpf_complete dpf dropship-product-finder
`;

/** It may be sourced, or lie in a folder of `fpath`. */
const ZSH = `#compdef dpf dropship-product-finder
# Completion of dpf for zsh: source <(dpf completion zsh)
compdef _dpf dpf dropship-product-finder
_dpf() {
  local line
  local -a found
  for line in "\${(@f)$("$words[1]" completion -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
    elif [[ -n $line ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( $#found )) && _describe dpf found
}
[[ $funcstack[1] == _dpf ]] && _dpf
true
`;

const FISH = `# Completion of dpf for fish: dpf completion fish > ~/.config/fish/completions/dpf.fish
function __dpf_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $before[1] completion -- $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c dpf -f -a '(__dpf_complete)'
complete -c dropship-product-finder -f -a '(__dpf_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
