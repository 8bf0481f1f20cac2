#!/bin/sh
# Limits that the kernel keeps: limits.sh SUPERV FOLDER
#
# For a machine whose cgroup v2 has the controllers memory, pids and cpu, and superv a control group
# to itself (or run as process 1). Starts the program SUPERV in an empty FOLDER, looks at what becomes
# of four agents, says so in lines of TAP, and stops it. Needs sh, sleep, tail, grep and awk.
superv=$1
cd "$2" || exit 2
export XDG_RUNTIME_DIR="$PWD"

cat > limits.conf <<'CONF'
[superv]
cgroups = require
[agent:eater]
command = tail /dev/zero
memory_max = 32MB
limits = require
restart = temporary
[agent:forker]
command = sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done; wait'
pids_max = 5
limits = require
restart = temporary
[agent:spinner]
command = sh -c 'while :; do :; done'
cpu_max = 0.2
limits = require
[agent:sleeper]
command = sleep 1000
memory_high = 16MB
memory_max = 32MB
cpu_max = 2
pids_max = 3
limits = require
CONF

failures=0
check() { # NAME COMMAND...
  name=$1
  shift
  if "$@"; then echo "ok - $name"; else echo "not ok - $name"; failures=$((failures + 1)); fi
}
eventually() { # SECONDS COMMAND...
  left=$1
  shift
  while ! "$@" > /dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 1
  done
}
event() { "$superv" events --json "$1" | grep -q "$2"; }
used() { awk '$1 == "usage_usec" { print $2 }' "$group/agent-spinner.0.1/cpu.stat"; }
limit() { [ "$(cat "$group/agent-sleeper.0.1/$1")" = "$2" ]; }

"$superv" start limits.conf || { echo "Bail out! superv does not start"; exit 1; }
group=$("$superv" status --json | sed 's/.*"cgroups":{[^}]*"path":"\([^"]*\)".*/\1/')

check "who eats too much is killed, and its end says so" eventually 60 event eater '"oom":true'
check "who forks too much cannot" eventually 60 sh -c \
  "[ \$(cat '$group'/agent-forker.0.1/pids.events 2>/dev/null | awk '{ print \$2 }') -gt 0 ] ||
   '$superv' logs forker | grep -qi fork"
before=$(used)
sleep 5
after=$(used)
# A fifth of five seconds, and half as much again.
check "who spins gets its share" [ $((after - before)) -lt 1500000 ]
check "and no less" [ $((after - before)) -gt 500000 ]
check "memory.max is set" limit memory.max 33554432
check "memory.high is set" limit memory.high 16777216
check "cpu.max is set" limit cpu.max "200000 100000"
check "pids.max is set" limit pids.max 3
check "status says that the kernel keeps them" sh -c \
  "'$superv' status --json | grep -q '\"kept_by\":\"kernel\"'"
"$superv" shutdown
check "no group of an agent is left" sh -c "! ls -d '$group'/agent-* 2> /dev/null"
exit "$failures"
