#!/usr/bin/env bash
# Plots of a running cluster, until ^C. See `serve.sh --help`; `tools/dev dashboard` installs and builds what it needs, and
# runs it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"

usage() {
  cat <<'USAGE'
serve.sh [FLAG...]: Prometheus, with Fairlead's rules, alerts and console page, of the members of one cluster

  --registry=HOST:PORT          the cluster; default 127.0.0.1:7100
  --registry_metrics=HOST:PORT  where the registry serves its metrics; default 127.0.0.1:7101
  --listen=HOST:PORT            of Prometheus; port 0 takes a free one; default 127.0.0.1:9090
  --interval=5s                 between scrapes
  --fairleadctl=PATH            the program that asks for the members
USAGE
}

say() { printf 'dashboard: %s\n' "$*"; }

registry=127.0.0.1:7100
registry_metrics=127.0.0.1:7101
listen=127.0.0.1:9090
interval=5s
fairleadctl=fairleadctl
for argument in "$@"; do
  value="${argument#*=}"
  case "$argument" in
    --registry=*) registry="$value" ;;
    --registry_metrics=*) registry_metrics="$value" ;;
    --listen=*) listen="$value" ;;
    --interval=*) interval="$value" ;;
    --fairleadctl=*) fairleadctl="$value" ;;
    -h | --help) usage; exit 0 ;;
    *) say "\"$argument\" is no flag of this" >&2; usage >&2; exit 1 ;;
  esac
done

folder="$(mktemp -d)"
server=""
# shellcheck disable=SC2317  # a trap calls it
end() {
  if [[ -n "$server" ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' INT TERM

cp -rL "$here/prometheus/." "$folder"
chmod -R u+w "$folder"
mkdir "$folder/targets"
sed -i "s/^  \(scrape\|evaluation\)_interval: [^ ]*/  \1_interval: $interval/" "$folder/prometheus.yml"

# As one step, so that Prometheus never reads half of it.
write_targets() {
  "$fairleadctl" members --json --registry="$registry" --timeout=30s >"$folder/members.json" &&
    "$here/targets.py" --registry_metrics="$registry_metrics" <"$folder/members.json" >"$folder/targets.new" &&
    mv "$folder/targets.new" "$folder/targets/fairlead.json"
}
write_targets

log="$folder/prometheus.log"
: >"$log"
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" --web.listen-address="$listen" \
  --web.console.templates="$folder/consoles" --web.console.libraries="$folder/console_libraries" 2>"$log" &
server=$!
until grep -q 'msg="Server is ready' "$log"; do
  if ! kill -0 "$server" 2>/dev/null; then
    say "Prometheus did not start:" >&2
    grep -E 'level=error|^prometheus' "$log" >&2 || cat "$log" >&2
    exit 1
  fi
  sleep 0.1
done
address="$(sed -n 's/.*msg="Listening on" address=\([^ ]*\).*/\1/p' "$log" | head -n 1)"
say "http://$address/consoles/fairlead.html (any query: http://$address/graph); ^C ends it"

# Who joins later is scraped too. While the registry is away, the members that it had stay targets.
while kill -0 "$server" 2>/dev/null; do
  sleep 5 &
  wait $! || true
  write_targets 2>/dev/null || true
done
say "Prometheus ended by itself:" >&2
tail -n 3 "$log" >&2
exit 1
