#!/usr/bin/env bash
# Types the README's first command, and asks the server what the README asks it.
set -euo pipefail
command=$(sed -n '/<!-- first command -->/,/```$/p' README.md | grep '^cargo ')
log=$(mktemp)
# shellcheck disable=SC2086
$command --port 0 >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 600); do
  port=$(grep -o 'localhost:[0-9]*' "$log" | head -n 1 | cut -d: -f2) || true
  [ -n "${port:-}" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
  sleep 0.5
done
answer=$(curl -fsS "http://localhost:$port/")
[ "$answer" = "Hello from Isolane!" ] || { echo "unexpected answer: $answer"; exit 1; }
echo "$command: $answer"
