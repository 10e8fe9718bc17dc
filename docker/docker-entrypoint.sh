#!/bin/sh
# Starts what the container is asked for, with the habits of the official Redis image:
#   - "docker run IMAGE --maxmemory 1gb" and "docker run IMAGE /etc/my.conf" mean chestbox-server with these arguments;
#   - a container started as root gives /data to the user chestbox and goes on as that user; "--user" works as well;
#   - what the server writes is for its user alone;
#   - protected mode is off unless a configuration file or the arguments say otherwise: the container's own network is
#     the wall, and behind a published port every client looks like a stranger.
set -eu

case "${1:-}" in
  -* | *.conf) set -- chestbox-server "$@" ;;
esac

if [ "${1:-}" = chestbox-server ]; then
  if [ "$(id -u)" = 0 ]; then
    # Only what is not ours yet: /data may hold many files.
    for directory in "${CHESTBOX_DATA:-/data}" "${CHESTBOX_RUN:-/run/chestbox}"; do
      [ ! -d "$directory" ] || find "$directory" ! -user chestbox -exec chown chestbox:chestbox {} +
    done
    exec setpriv --reuid=chestbox --regid=chestbox --init-groups "$0" "$@"
  fi
  configured=no
  for argument in "$@"; do
    case "$argument" in
      *.conf | --protected-mode | --protected-mode=* | -) configured=yes ;;
    esac
  done
  [ "$configured" = yes ] || set -- "$@" --protected-mode no
  umask 0077
fi

exec "$@"
