# More processes than the agent may have: the shell that is refused one ends.
for i in $(seq 30); do sleep 1000 & done
