#!/usr/bin/env bash
# Installs what the tests need, builds once, runs every suite, and closes with one line: "N passed, N failed".
#
#   tests/run.sh [--long] [--filter EXPRESSION]
#
#   --long     the soaks and the many seeds as well (tests with the trait Category=Long)
#   --filter   handed to `dotnet test`, such as "Requirement=2.16" or "Guarantee=G12"
set -euo pipefail
cd "$(dirname "$0")/.."

limit=60m
if [ "${DUPLEXITY_TESTS_TIMED:-}" != yes ]; then
  status=0
  DUPLEXITY_TESTS_TIMED=yes timeout --kill-after=30 "$limit" bash tests/run.sh "$@" || status=$?
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    echo "The run was stopped after $limit."
    echo "0 passed, 1 failed"
  fi
  exit "$status"
fi

# Debug: assertions run, and it is the build that a contributor has already, so that only what changed is built.
configuration=Debug
suites=(
  # project, its budget in seconds on two cores
  "Duplexity.Server.Tests 600"
  "Duplexity.EndToEnd.Tests 900"
)

long=no
filter=
while [ $# -gt 0 ]; do
  case "$1" in
    --long) long=yes ;;
    --filter) filter=${2:?--filter wants an expression}; shift ;;
    *) echo "usage: tests/run.sh [--long] [--filter EXPRESSION]" >&2; exit 2 ;;
  esac
  shift
done
if [ "$long" = no ]; then
  filter="Category!=Long${filter:+&($filter)}"
fi

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 MSBUILDDISABLENODEREUSE=1
# Hosts of the tests need not watch their settings: each watch is one of the few that a user may have.
export DOTNET_HOSTBUILDER__RELOADCONFIGONCHANGE=false
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# A step that is not a test: silent when it works, printed in full when it does not.
step() {
  local name=$1
  shift
  if ! "$@" > "$logs/step.log" 2>&1; then
    cat "$logs/step.log"
    echo "$name failed."
    echo "0 passed, 1 failed"
    exit 1
  fi
}

install_programs() {
  local missing=()
  have() { command -v "$1" > /dev/null || [ -x "/usr/sbin/$1" ]; }
  have nginx || missing+=(nginx-light)
  have sshd || missing+=(openssh-server)
  have ssh && have scp && have ssh-keygen || missing+=(openssh-client)
  have curl || missing+=(curl)
  have strace || missing+=(strace)
  have chromium || missing+=(chromium)
  have caddy || missing+=(caddy)
  have jq || missing+=(jq)
  have redis-server || missing+=(redis-server)
  have redis-sentinel || missing+=(redis-sentinel)
  have node || missing+=(nodejs)
  have npm || missing+=(npm)
  have git || missing+=(git)
  have litmus || missing+=(litmus)
  [ -x /usr/bin/python3 ] || missing+=(python3)
  have rsync || missing+=(rsync)
  compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null || missing+=(postgresql)
  local python=/usr/lib/python3/dist-packages
  [ -d "$python/httpbin" ] || missing+=(python3-httpbin)
  [ -d "$python/grpc" ] || missing+=(python3-grpcio)
  [ -d "$python/gunicorn" ] || missing+=(python3-gunicorn)
  have apache2 || missing+=(apache2-bin) # the program alone; apache2 would start a service
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

install_packages() {
  local folder=tests/Duplexity.EndToEnd.Tests/node
  [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund && touch node_modules/.package-lock.json)
}

command -v dotnet > /dev/null || { echo "The .NET SDK named in global.json is needed first."; echo "0 passed, 1 failed"; exit 1; }
step "Installing programs" install_programs
step "Installing npm packages" install_packages
# With CI=true the lock files are law and an audit finding is an error: Directory.Build.props says so.
step "Restoring" dotnet restore Duplexity.sln
step "Building" dotnet build Duplexity.sln --configuration "$configuration" --no-restore --verbosity quiet

passed=0 failed=0 skipped=0
# The first line of a results file that has the counters, attribute $2 of it.
counter() { sed -n "s/.*<Counters [^>]*\b$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1; }

for suite in "${suites[@]}"; do
  read -r name budget <<< "$suite"
  began=$SECONDS
  status=0
  dotnet test "tests/$name" --configuration "$configuration" --no-build --filter "$filter" \
    --results-directory "$logs" --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal" \
    --blame-hang-timeout 10m --blame-hang-dump-type none > "$logs/$name.log" 2>&1 || status=$?
  took=$((SECONDS - began))
  results="$logs/$name.trx"
  if [ -f "$results" ]; then
    total=$(counter "$results" total) executed=$(counter "$results" executed)
    p=$(counter "$results" passed)
    # Whatever ran and did not pass failed: errors, time-outs and aborts alike.
    f=$((executed - p)) s=$((total - executed))
  else
    p=0 f=0 s=0
  fi
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
    # The host died, or nothing could be run: that is a failure that no counter has.
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  [ "$f" -eq 0 ] || grep -v '^\s*$' "$logs/$name.log" || true
  over=
  [ "$took" -le "$budget" ] || over=", over its budget"
  echo "$name: $p passed, $f failed in $took s (budget $budget s$over)."
done

if [ $((passed + failed)) -eq 0 ]; then
  echo "No test matched."
  failed=1
fi
closing="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || closing="$closing, $skipped skipped"
echo "$closing"
[ "$failed" -eq 0 ]
