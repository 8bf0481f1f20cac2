# What the checks have in common. A check is a line on the console: ok, not ok or not tested.

export SUPERV_CONTROL=/run/superv/control.sock

ok() { echo "ok $1" >/dev/console; }
not_ok() { echo "not ok $1" >/dev/console; }
not_tested() { echo "not tested $1, because $2" >/dev/console; }

# check TITLE COMMAND…
check() {
  title=$1
  shift
  if "$@"; then ok "$title"; else not_ok "$title: $*"; fi
}

# within SECONDS COMMAND…: looks again until it is so.
within() {
  tries=$(($1 * 10))
  shift
  until "$@"; do
    tries=$((tries - 1))
    if [ $tries -le 0 ]; then return 1; fi
    sleep 0.1
  done
}

# One more agent: add_agent NAME <its section
add_agent() {
  cat >"/run/more/$1.conf"
  superv reload >/dev/null
}

# The last line that the machine has to say; then process 1 is asked to stop.
finish() {
  echo "end of checks" >/dev/console
  kill -"$1" 1
}

zombies() { grep -ls '^State:.Z' /proc/[0-9]*/status | wc -l; }
no_zombies() { [ "$(zombies)" -eq 0 ]; }

# Children that nobody waits for, each in a session of its own: throw COUNT
throw() {
  thrown=0
  while [ $thrown -lt "$1" ]; do
    (setsid sh -c 'sleep 0.2; exit 3' &)
    thrown=$((thrown + 1))
  done
}
orphans_left() { grep -ls '^Name:.sleep' /proc/[0-9]*/status | wc -l; }
