. /srv/lib.sh

check "superv is process 1" grep -q superv /proc/1/cmdline
check "/proc is mounted as everybody mounts it" \
  grep -q '^proc /proc proc rw,nosuid,nodev,noexec' /proc/mounts
check "there is no /dev/null" test ! -e /dev/null
check "agents read nothing, and that ends" within 30 \
  grep -q 'nothing to read' /run/state/logs/reader.log
check "commands reach superv" superv status
check "doctor finds what is missing and nothing that is needed" superv doctor /srv/bare.conf
finish TERM
