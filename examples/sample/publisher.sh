#!/bin/sh
# Publishes what the reviewer has approved, and keeps the last twenty.

stop() {
  echo "publisher: stopping"
  exit 0
}
trap stop TERM INT

mkdir -p "$WORK_DIR/approved" "$WORK_DIR/published"
echo "publisher: waiting for approved drafts"
while :; do
  for file in "$WORK_DIR"/approved/*.json; do
    [ -e "$file" ] || continue
    mv "$file" "$WORK_DIR/published/"
    echo "$(basename "$file" .json): published"
  done
  ls "$WORK_DIR/published" | head -n -20 | while read -r old; do rm "$WORK_DIR/published/$old"; done
  # In the background: a shell runs its traps while it waits, and not before a sleep has ended.
  sleep 2 &
  wait $!
done
