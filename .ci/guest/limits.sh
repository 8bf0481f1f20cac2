# Limits that the controllers of cgroup v2 keep. Sourced by tree.sh.

# The folder of an agent's cgroup, by a process of its own.
group_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(cat "/tmp/$1.pid")/cgroup")"; }
holds() { [ "$(cat "$(group_of "$1")/$2" 2>/dev/null)" = "$3" ]; }
exists() { [ -s "$1" ]; }

add_agent eater <<'CONF'
[agent:eater]
command = sh -c 'echo $$ >/tmp/eater.pid; sleep 5; dd if=/dev/zero of=/dev/null bs=200M count=1; exit 0'
restart = temporary
startsecs = 0
memory_max = 64MB
CONF
within 30 exists /tmp/eater.pid
check "memory_max is in memory.max" within 10 holds eater memory.max 67108864
was_killed() { superv events --json --since 0 eater | grep -q '"agent.exited".*"signal":9'; }
says_oom() { superv why eater | grep -qi 'memory'; }
check "an agent above memory_max is killed" within 60 was_killed
check "superv why says that it was the memory" within 10 says_oom
check "nobody else was" superv status

add_agent forker <<'CONF'
[agent:forker]
command = sh -c 'echo $$ >/tmp/forker.pid; sleep 5; sh /srv/fork.sh; exec sleep 1000'
restart = temporary
startsecs = 0
pids_max = 10
CONF
within 30 exists /tmp/forker.pid
check "pids_max is in pids.max" within 10 holds forker pids.max 10
was_refused() { grep -q '^max [1-9]' "$(group_of forker)/pids.events"; }
check "a fork above pids_max is refused" within 30 was_refused

add_agent spinner <<'CONF'
[agent:spinner]
command = sh -c 'echo $$ >/tmp/spinner.pid; while :; do :; done'
startsecs = 0
cpu_max = 0.2
CONF
within 30 exists /tmp/spinner.pid
share() { cut -d ' ' -f 1 "$(group_of spinner)/cpu.max"; }
period() { cut -d ' ' -f 2 "$(group_of spinner)/cpu.max"; }
is_a_fifth() { [ $(($(share) * 5)) -eq "$(period)" ]; }
check "cpu_max is in cpu.max" within 10 is_a_fifth
is_throttled() { grep -q '^nr_throttled [1-9]' "$(group_of spinner)/cpu.stat"; }
check "an agent above cpu_max waits" within 30 is_throttled
