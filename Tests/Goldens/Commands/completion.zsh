#compdef superv
# zsh completion for superv; made by: superv completion zsh
_superv_names() {
  local -a names
  names=(${(f)"$(superv names 2>/dev/null)"})
  compadd -a names
}
_superv_commands() {
  local -a commands
  commands=(
    'start:Start a daemon and its tree in the background'
    'run:Run a daemon and its tree in the foreground'
    'shutdown:Stop every agent, then the daemon'
    'upgrade:Go on with another superv, under running agents'
    'reload:Read the configuration again and change what differs'
    'check:Say everything that is wrong with a configuration'
    'import:Make a configuration of supervisord'\''s or a Procfile superv'\''s own'
    'doctor:Say what the machine or container gives superv'
    'status:Show agents and supervisors as a table'
    'tree:Draw the supervision tree'
    'why:Say why an agent or a supervisor is in its phase'
    'events:Show what happened, or follow what happens'
    'logs:Show or follow what agents have written'
    'health:Say whether the daemon and its agents are well'
    'up:Start agents and wish them up'
    'down:Stop agents and wish them down'
    'restart:Stop agents and start them again'
    'signal:Send a signal to agents'
    'hold:Keep superv'\''s hands off agents, for a debugger'
    'call:Call a method of an agent'
    'notify:Say how this agent is, from a script'
    'chaos:Break a running tree on purpose, and see that it holds'
    'soak:Load a tree of superv'\''s own for a while, and say what grows'
    'help:Show what a command does'
    'completion:Write a completion script for a shell'
    'version:Show the version'
  )
  _describe command commands
}
_superv() {
  local context state line
  _arguments -C \
    '--json[Write JSON for programs instead of text for people]' \
    '--socket[The control socket of the daemon]:PATH:_files' \
    '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
    '--no-color[Write no colors]' \
    '--help[Show the help text of the command]' \
    '-h[Show the help text of the command]' \
    '--version[Show the version]' '1:command:_superv_commands' '*::word:->words'
  [[ $state == words ]] || return
  case $line[1] in
    start) _arguments \
      '--wait[Return once every agent is up, or ready, or has failed]:WHAT:(up ready)' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:FILE:_files' ;;
    run) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:FILE:_files' ;;
    shutdown) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' ;;
    upgrade) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:BINARY:_files' ;;
    reload) _arguments \
      '--plan[Say what would change, and change nothing]' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' ;;
    check) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:FILE:_files' ;;
    import) _arguments \
      '--output[The file to write; it must not be there]:OUT:_files' \
      '-o[The file to write; it must not be there]:OUT:_files' \
      '--force[Replace OUT where it is there]' \
      '--from[What FILE is]:KIND:(supervisord procfile)' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:FILE:_files' ;;
    doctor) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:FILE:_files' ;;
    status) _arguments \
      '--wait[Answer once every agent that is to run is up, or ready, or has failed]:WHAT:(up ready)' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:NAME:_superv_names' ;;
    tree) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' ;;
    why) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:NAME:_superv_names' ;;
    events) _arguments \
      '--follow[Go on with events as they happen]' \
      '-f[Go on with events as they happen]' \
      '--since[Only events after this number]:SEQ: ' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:NAME:_superv_names' ;;
    logs) _arguments \
      '--follow[Go on with lines as they are written]' \
      '-f[Go on with lines as they are written]' \
      '--lines[Only the last N lines]:N: ' \
      '-n[Only the last N lines]:N: ' \
      '--since[Only lines since then: RFC 3339, or how long ago (10m)]:TIME: ' \
      '--until[Only lines until then]:TIME: ' \
      '--stream[Only standard output, standard error, or what the agent logs itself]:STREAM:(out err log)' \
      '--grep[Only lines that contain TEXT]:TEXT: ' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '*:NAME:_superv_names' ;;
    health) _arguments \
      '--live[Only whether superv itself turns, as /livez says]' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' ;;
    up) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '*:NAME:_superv_names' ;;
    down) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '*:NAME:_superv_names' ;;
    restart) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '*:NAME:_superv_names' ;;
    signal) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:SIGNAL:(HUP INT QUIT TERM USR1 USR2 CONT STOP KILL)' \
      '*:NAME:_superv_names' ;;
    hold) _arguments \
      '--off[End the hold]' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '*:NAME:_superv_names' ;;
    call) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:AGENT:_superv_names' \
      '2:METHOD: ' \
      '3:JSON: ' ;;
    notify) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:WHAT:(ready not-ready status heartbeat)' \
      '2:TEXT: ' ;;
    chaos) _arguments \
      '--seed[The same order of faults for the same number, plan and tree]:N: ' \
      '--for[How long]:DURATION: ' \
      '--agents[Hit only these agents, instances or supervisors, separated by commas]:NAMES:_superv_names' \
      '--report[Write the report to BASE.md and BASE.json as well]:BASE:_files' \
      '--dry-run[Say what would be done when, and do nothing]' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:ACTION:(run)' \
      '2:PLAN:_files' ;;
    soak) _arguments \
      '--for[How long; under 2m it says nothing]:DURATION: ' \
      '--agents[How many agents]:N: ' \
      '--restarts[How often agents end: N, N/s, N/m or N/h]:RATE: ' \
      '--calls[How often they call each other]:RATE: ' \
      '--lines[How many lines they print]:RATE: ' \
      '--probes[How often they are probed]:RATE: ' \
      '--report[Where soak.md, soak.json and soak.svg are written]:DIR:_files' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' ;;
    help) _arguments \
      '--man[Write the manual page, for man(1), instead]' \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:COMMAND:_superv_commands' ;;
    completion) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' \
      '1:SHELL:(bash zsh fish)' ;;
    version) _arguments \
      '--json[Write JSON for programs instead of text for people]' \
      '--socket[The control socket of the daemon]:PATH:_files' \
      '--timeout[Give up after this long, with status 4; 0 waits for ever]:DURATION: ' \
      '--no-color[Write no colors]' \
      '--help[Show the help text of the command]' \
      '-h[Show the help text of the command]' ;;
  esac
}
_superv "$@"
