#!/bin/bash
# The two probes of the image `mariadb` that are asked for: a connection over TCP, and InnoDB.
ask() { mariadb --defaults-file=/var/lib/mysql/.my-healthcheck.cnf --skip-column-names -e "$1"; }
for probe in "$@"; do
    case $probe in
    --connect) ask "SELECT 1" >/dev/null || exit 1 ;;
    --innodb_initialized)
        [ "$(ask "SELECT 1 FROM information_schema.ENGINES WHERE engine='innodb' AND support IN ('YES','DEFAULT','ENABLED')")" = 1 ] || exit 1 ;;
    *) echo "unknown probe $probe" >&2; exit 1 ;;
    esac
done
