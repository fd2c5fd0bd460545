#!/bin/bash
# MariaDB from Debian packages, outwardly as the image `mariadb` on Docker Hub.
set -eo pipefail
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
say() { echo "$(date +'%Y-%m-%d %H:%M:%S%:z') [$1] [Entrypoint]: $2" >&2; }

[ "${1:0:1}" = "-" ] && set -- mariadbd "$@"
if [ "$1" != mariadbd ]; then exec "$@"; fi
shift
mkdir -p /run/mysqld && chown mysql /run/mysqld "$data"
say Note "Entrypoint script for MariaDB Server started."
if [ ! -d "$data/mysql" ]; then
    password=${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}
    if [ -z "$password" ]; then
        say ERROR "Database is uninitialized and password option is not specified"
        echo "	You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD_HASH, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD" >&2
        exit 1
    fi
    say Note "Initializing database files"
    mariadb-install-db --no-defaults --user=mysql --datadir="$data" --skip-test-db \
        --auth-root-authentication-method=normal >/dev/null
    say Note "Starting temporary server"
    mariadbd --no-defaults --user=mysql --datadir="$data" --socket="$socket" --skip-networking "$@" &
    server=$!
    until mariadb --no-defaults --socket="$socket" -e 'SELECT 1' >/dev/null 2>&1; do
        kill -0 "$server" || exit 1
        sleep 0.1
    done
    health=$(head -c 18 /dev/urandom | base64 | tr -d '/+=')
    mariadb --no-defaults --socket="$socket" <<SQL
CREATE USER 'healthcheck'@'127.0.0.1' IDENTIFIED BY '$health';
CREATE USER 'healthcheck'@'localhost' IDENTIFIED BY '$health';
CREATE USER 'root'@'%' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';
SQL
    printf '[mariadb-client]\nport=3306\nsocket=%s\nuser=healthcheck\npassword=%s\nprotocol=tcp\nhost=127.0.0.1\n' \
        "$socket" "$health" > "$data/.my-healthcheck.cnf"
    say Note "Stopping temporary server"
    MYSQL_PWD=$password mariadb-admin --no-defaults --socket="$socket" -uroot shutdown
    wait "$server"
    say Note "MariaDB init process done. Ready for start up."
fi
exec mariadbd --no-defaults --user=mysql --datadir="$data" --socket="$socket" --bind-address=0.0.0.0 \
    --character-set-server=utf8mb4 "$@"
