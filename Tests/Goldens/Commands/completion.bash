# bash completion for superv; made by: superv completion bash
# The names of instances have a colon, at which bash would break words.
COMP_WORDBREAKS=${COMP_WORDBREAKS//:}
_superv_names() { superv names 2>/dev/null; }
_superv() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case ${COMP_WORDS[index]} in
      --socket|--timeout) ((index++)) ;;
      -*) ;;
      *) command=${COMP_WORDS[index]}; break ;;
    esac
  done
  COMPREPLY=()
  case $command:$before in
    *:--socket) COMPREPLY=($(compgen -f -- "$word")); return ;;
    *:--timeout) :; return ;;
    start:--wait) COMPREPLY=($(compgen -W "up ready" -- "$word")); return ;;
    import:-o|import:--output) COMPREPLY=($(compgen -f -- "$word")); return ;;
    import:--from) COMPREPLY=($(compgen -W "supervisord procfile" -- "$word")); return ;;
    status:--wait) COMPREPLY=($(compgen -W "up ready" -- "$word")); return ;;
    events:--since) :; return ;;
    logs:-n|logs:--lines) :; return ;;
    logs:--since) :; return ;;
    logs:--until) :; return ;;
    logs:--stream) COMPREPLY=($(compgen -W "out err log" -- "$word")); return ;;
    logs:--grep) :; return ;;
    chaos:--seed) :; return ;;
    chaos:--for) :; return ;;
    chaos:--agents) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")); return ;;
    chaos:--report) COMPREPLY=($(compgen -f -- "$word")); return ;;
    soak:--for) :; return ;;
    soak:--agents) :; return ;;
    soak:--restarts) :; return ;;
    soak:--calls) :; return ;;
    soak:--lines) :; return ;;
    soak:--probes) :; return ;;
    soak:--report) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case $command:$word in
    :-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help --version" -- "$word")) ;;
    :*) COMPREPLY=($(compgen -W "start run shutdown upgrade reload check import doctor status tree why events logs health up down restart signal hold call notify chaos soak help completion version" -- "$word")) ;;
    start:-*) COMPREPLY=($(compgen -W "--wait --json --socket --timeout --no-color --help" -- "$word")) ;;
    start:*) COMPREPLY=($(compgen -f -- "$word")) ;;
    run:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    run:*) COMPREPLY=($(compgen -f -- "$word")) ;;
    shutdown:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    upgrade:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    upgrade:*) COMPREPLY=($(compgen -f -- "$word")) ;;
    reload:-*) COMPREPLY=($(compgen -W "--plan --json --socket --timeout --no-color --help" -- "$word")) ;;
    check:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    check:*) COMPREPLY=($(compgen -f -- "$word")) ;;
    import:-*) COMPREPLY=($(compgen -W "--output --force --from --json --socket --timeout --no-color --help" -- "$word")) ;;
    import:*) COMPREPLY=($(compgen -f -- "$word")) ;;
    doctor:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    doctor:*) COMPREPLY=($(compgen -f -- "$word")) ;;
    status:-*) COMPREPLY=($(compgen -W "--wait --json --socket --timeout --no-color --help" -- "$word")) ;;
    status:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    tree:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    why:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    why:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    events:-*) COMPREPLY=($(compgen -W "--follow --since --json --socket --timeout --no-color --help" -- "$word")) ;;
    events:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    logs:-*) COMPREPLY=($(compgen -W "--follow --lines --since --until --stream --grep --json --socket --timeout --no-color --help" -- "$word")) ;;
    logs:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    health:-*) COMPREPLY=($(compgen -W "--live --json --socket --timeout --no-color --help" -- "$word")) ;;
    up:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    up:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    down:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    down:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    restart:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    restart:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    signal:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    signal:*) if [[ $before == signal ]]; then COMPREPLY=($(compgen -W "HUP INT QUIT TERM USR1 USR2 CONT STOP KILL" -- "$word"))
      else COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")); fi ;;
    hold:-*) COMPREPLY=($(compgen -W "--off --json --socket --timeout --no-color --help" -- "$word")) ;;
    hold:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    call:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    call:*) COMPREPLY=($(compgen -W "$(_superv_names)" -- "$word")) ;;
    notify:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    notify:*) COMPREPLY=($(compgen -W "ready not-ready status heartbeat" -- "$word")) ;;
    chaos:-*) COMPREPLY=($(compgen -W "--seed --for --agents --report --dry-run --json --socket --timeout --no-color --help" -- "$word")) ;;
    chaos:*) if [[ $before == chaos ]]; then COMPREPLY=($(compgen -W "run" -- "$word"))
      else COMPREPLY=($(compgen -f -- "$word")); fi ;;
    soak:-*) COMPREPLY=($(compgen -W "--for --agents --restarts --calls --lines --probes --report --json --socket --timeout --no-color --help" -- "$word")) ;;
    help:-*) COMPREPLY=($(compgen -W "--man --json --socket --timeout --no-color --help" -- "$word")) ;;
    help:*) COMPREPLY=($(compgen -W "start run shutdown upgrade reload check import doctor status tree why events logs health up down restart signal hold call notify chaos soak help completion version" -- "$word")) ;;
    completion:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
    completion:*) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")) ;;
    version:-*) COMPREPLY=($(compgen -W "--json --socket --timeout --no-color --help" -- "$word")) ;;
  esac
}
complete -o filenames -F _superv superv
