#!/bin/sh
# Counts to itself, and removes its file when it is asked to stop.

file=$(mktemp)
stop() {
  rm -f "$file"
  echo "removed $file"
  exit 0
}
trap stop TERM INT

count=0
while :; do
  count=$((count + 1))
  echo "$count" >"$file"
  echo "count $count"
  # In the background: a shell runs its traps while it waits, and not before a sleep has ended.
  sleep 3 &
  wait $!
done
