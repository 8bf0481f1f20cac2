#!/bin/sh
# A shell agent: says every five seconds how busy the machine is.

stop() {
  echo "heartbeat: stopping"
  exit 0
}
trap stop TERM INT

echo "heartbeat: started as incarnation $SUPERV_INCARNATION of $SUPERV_AGENT"
while :; do
  read -r one five _ </proc/loadavg
  echo "load $one over a minute, $five over five"
  # In the background: a shell runs its traps while it waits, and not before a sleep has ended.
  sleep 5 &
  wait $!
done
