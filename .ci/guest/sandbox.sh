# What an old kernel can keep agents from, and what superv says of the rest. Sourced by tree.sh.

cat >/tmp/sandbox.conf <<'CONF'
[superv]
runtime_dir = /tmp/sandbox
state_dir = /tmp/sandbox
[agent:strict]
command = sleep 1000
sandbox = require
[agent:lax]
command = sleep 1000
CONF
superv doctor /tmp/sandbox.conf >/tmp/doctor.txt
says() { grep -q "^agent $1 *$2.*$3" /tmp/doctor.txt; }
if grep -q '^landlock  *in force .*not from signals' /tmp/doctor.txt; then
  check "doctor tries, and says what this kernel cannot" \
    says lax "not available" "looking into them.*not kept from signalling.*Linux 6.12"
  check "and who will not be started" says strict MISSING "Linux 6.12"
else
  not_tested "what an older Landlock lacks" "this kernel has another one"
fi

mkdir -p /tmp/mine
add_agent strict <<'CONF'
[agent:strict]
command = sleep 1000
startsecs = 0
sandbox = require
CONF
was_refused_at_start() { superv why strict | grep -q 'sandbox = require'; }
if says strict MISSING ""; then
  check "sandbox = require does not start it" within 10 was_refused_at_start
fi

add_agent jailed <<'CONF'
[agent:jailed]
command = sh -c 'echo x >/tmp/mine/x; echo x >/tmp/other; echo tried >>/tmp/mine/x; exec sleep 1000'
startsecs = 0
sandbox.write = /tmp/mine
CONF
has_tried() { grep -q tried /tmp/mine/x; }
check "an agent writes below sandbox.write" within 10 has_tried
check "and nowhere else" test ! -e /tmp/other
