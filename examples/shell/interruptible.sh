#!/bin/sh
# A program that knows SIGINT only.

trap '' TERM
trap 'echo "interrupted"; exit 0' INT

echo "waiting for SIGINT"
while :; do
  sleep 5 &
  wait $!
done
