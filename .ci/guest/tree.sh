. /srv/lib.sh

check "superv is process 1" grep -q superv /proc/1/cmdline
check "the tree comes up" superv status --wait up --timeout 60s
check "doctor finds nothing missing" superv doctor /srv/tree.conf

throw 300
orphans_are_gone() { [ "$(orphans_left)" -le 5 ] && no_zombies; }
check "300 orphans come and go, and no zombie stays" within 60 orphans_are_gone

mkdir -p /run/more
printf '[agent:late]\ncommand = sleep 1000\nstartsecs = 0\n' >/run/more/late.conf
kill -HUP 1
late_runs() { superv status late | grep -q running; }
check "HUP reloads" within 30 late_runs
kill -USR1 1
kill -ALRM 1
check "signals that mean nothing do nothing" superv status

. /srv/contained.sh
. /srv/limits.sh
. /srv/sandbox.sh

finish TERM
