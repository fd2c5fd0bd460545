#!/bin/sh
# Runs the suite as the owner of the folder of results, so that they belong to that user. A folder
# that `docker run -v` has just made belongs to root: then it is given to the user `conformance`.
set -eu
results=${OPENEMR_CONFORMANCE_RESULTS:-/results}

# Not root, by `--user`; or root of a user namespace, which is an ordinary user outside of it.
if [ "$(id -u)" != 0 ] || ! grep -q '^ *0 *0 ' /proc/self/uid_map; then
    exec openemr-conformance "$@"
fi
if [ "$(stat -c %u "$results")" = 0 ]; then
    chown -R conformance:conformance "$results" 2>/dev/null || true
    user=$(id -u conformance) group=$(id -g conformance)
else
    user=$(stat -c %u "$results") group=$(stat -c %g "$results")
fi
export HOME=/tmp
exec setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs -- \
    openemr-conformance "$@"
