# superv as process 1 of pid namespaces, as a container has it. Sourced by tree.sh.

# A read-only root without /run and /tmp, no privileges, nothing to be executed from /data; without
# open descriptors where CLOSED is set.
# Becomes it: contained COMMAND…
contained() {
  exec unshare -m -p -f sh -c '
    mount --make-rprivate /
    mount --bind / /box
    mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs /data
    mount --bind /data /box/data
    mount -t proc proc /box/proc
    mount -t tmpfs -o mode=755 tmpfs /box/dev
    cp -a /dev/null /dev/console /box/dev
    mount -o remount,bind,ro /box/dev
    mount -o remount,bind,ro /box
    if [ -n "$CLOSED" ]; then exec <&- >&- 2>&-; fi
    exec chroot /box env -i PATH=/bin setpriv --nnp \
      start-stop-daemon -S -c somebody:somebody -x /bin/superv -- "$@"' contained "$@"
}

# Starts one in the background: its process 1 is $inside, and $outside ends as it does.
open_container() {
  contained "$@" &
  outside=$!
  within 10 has_child $outside || return 1
  inside=$(child_of $outside)
}
child_of() { cat /proc/"$1"/task/"$1"/children | tr -d ' '; }
has_child() { [ -n "$(child_of "$1")" ]; }

ends_with() {
  wait $outside
  [ $? -eq "$1" ]
}

box() { echo /proc/"$inside"/root/data; }
box_log_says() { grep -qs "$1" "$(box)/state/logs/$2.log"; }
box_zombies() {
  grep -ls '^State:.Z' "/proc/$inside/root/proc"/[0-9]*/status | wc -l
}
box_has_no_zombies() { [ "$(box_zombies)" -eq 0 ]; }
status_field() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$inside/status"; }

open_container start /srv/small.conf
check "a container without privileges starts" within 30 box_log_says thrown thrower
check "it is nobody's user" test "$(status_field Uid | cut -f 1)" = 12345
check "it has no capabilities" test "$(status_field CapEff)" = 0000000000000000
check "it cannot write to its root" sh -c "! touch /proc/$inside/root/x 2>/dev/null"
check "its orphans leave no zombie" within 30 box_has_no_zombies
kill -TERM "$inside"
check "it stops when asked, with status 0" ends_with 0

for signal in INT QUIT PWR 37; do
  open_container start /srv/small.conf
  within 30 box_log_says thrown thrower
  kill -$signal "$inside"
  check "signal $signal stops a container, with status 0" ends_with 0
done

CLOSED=yes open_container start /srv/small.conf
check "one whose standard descriptors are closed starts" within 30 box_log_says thrown thrower
for number in 0 1 2; do
  check "its descriptor $number is /dev/null" \
    test "$(readlink "/proc/$inside/fd/$number")" = /box/dev/null
done
kill -TERM "$inside"
check "it stops when asked, with status 0 as well" ends_with 0
