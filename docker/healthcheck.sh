#!/bin/sh
# Healthy: the server answers PING, on its socket where the container has one (CHESTBOX_SOCKET), else on port 6379. An error
# that only a serving server gives (a password is needed) is an answer as well.
set -eu
if [ -n "${CHESTBOX_SOCKET:-}" ]; then
  answer=$(redis-cli -s "$CHESTBOX_SOCKET" ping 2>&1) || true
else
  answer=$(redis-cli -h 127.0.0.1 -p "${CHESTBOX_PORT:-6379}" ping 2>&1) || true
fi
case "$answer" in
  PONG | NOAUTH*) exit 0 ;;
esac
echo "$answer"
exit 1
