#!/bin/sh
# The shell as a subject of run.py. What is tested is `superv notify` and `superv call`; python3 only
# carries the commands in from the script's socket, as `set --` lines, and the answers out.
set -u
LC_ALL=C # so that a length is in bytes
superv=${SUPERV:-superv}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 0' TERM
mkfifo "$folder/commands" "$folder/answers"

python3 -c '
import json, os, shlex, socket, sys, threading

script = socket.socket(socket.AF_UNIX)
script.connect(os.environ["CONFORMANCE_SOCKET"])
commands, answers = open(sys.argv[1], "w"), open(sys.argv[2], "rb")

def carry_out():
    for line in answers:
        number, status, length = map(int, line.split())
        text = answers.read(length).decode()
        answer = {"n": number}
        if status == 0:
            answer["ok"] = json.loads(text) if text.strip() else None
        else:
            answer["error"] = {"status": status, "message": text}
        script.sendall((json.dumps(answer) + "\n").encode())

threading.Thread(target=carry_out, daemon=True).start()
for line in script.makefile():
    command = json.loads(line)
    words = [command.pop("n"), command.pop("do")]
    if words[1] == "call":
        words += [command["to"], command["method"], json.dumps(command.get("params")),
                  "%dms" % command["timeout_ms"]]
    else:
        words += [value for value in command.values() if value is not None]
    print("set --", *(shlex.quote(str(word)) for word in words), file=commands, flush=True)
' "$folder/commands" "$folder/answers" &

exec 3<"$folder/commands" 4>"$folder/answers"
while read -r line <&3; do
  eval "$line"
  number=$1 command=$2
  shift 2
  case $command in
    ready) output=$("$superv" notify ready 2>&1) ;;
    not_ready) output=$("$superv" notify not-ready "$@" 2>&1) ;;
    status) output=$("$superv" notify status "$@" 2>&1) ;;
    heartbeat) output=$("$superv" notify heartbeat "$@" 2>&1) ;;
    call) output=$("$superv" call "$1" "$2" "$3" --timeout "$4" 2>&1) ;;
    exit) exit "$1" ;;
    *) output="sh cannot $command" && false ;;
  esac
  status=$?
  printf '%d %d %d\n%s' "$number" "$status" "${#output}" "$output" >&4
done
