#!/usr/bin/env bash
# Runs the official xAPI suite against both versions, each on an Acquis of its own.
#
#   tools/conformance.sh [--mongo] SUITE_DIR [VERSION...]
#
# With --mongo on the MongoDB store (tools/with-acquis --mongo).
# SUITE_DIR is a checkout of adlnet/lrs-conformance-test-suite after npm install (docs/conformance.md).
# Prints passed/total of each version; fails unless all tests passed.
set -euo pipefail
cd "$(dirname "$0")/.."

store=()
if [ "${1:-}" = --mongo ]; then store=(--mongo); shift; fi
suite=${1:-}
if [ ! -f "$suite/bin/console_runner.js" ] || [ ! -d "$suite/node_modules" ]; then
  echo >&2 "conformance: ${suite:-SUITE_DIR} is not the official suite after npm install: see docs/conformance.md"
  exit 2
fi
suite=$(cd "$suite" && pwd)
shift
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(1.0.3 2.0.0)

# run_suite VERSION: runs beside the server; the suite writes its log file and names it at the end.
run_suite() {
  cd "$suite"
  node bin/console_runner.js -e "$XAPI_ENDPOINT" -a -u "$ACQUIS_ROOT_KEY" -p "$ACQUIS_ROOT_SECRET" -x "$1"
}
export -f run_suite
export suite

# summary LOG: prints passed/total, then the failed tests; fails unless all passed.
summary() {
  node -e '
    const log = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const { passed, total } = log.summary;
    console.log(`${passed}/${total}`);
    const show = (test, path) => {
      if (!test) return;
      const at = path.concat(test.title);
      const parts = test.tests || [];
      if (parts.length === 0 && test.status !== "passed") console.log(`  ${at.slice(1).join(" > ")}: ${test.error || test.status || "not run"}`);
      parts.forEach((part) => show(part, at));
    };
    if (passed !== total || !(total > 0)) {
      show(log.log, []);
      process.exit(1);
    }' "$1"
}

failed=0
for version in "${versions[@]}"; do
  case $version in
    1.0.3) order=1.0.3,2.0.0 ;;
    2.0.0) order=2.0.0,1.0.3 ;;
    *) echo >&2 "conformance: there is no version $version: name 1.0.3 or 2.0.0"; exit 2 ;;
  esac
  output=$(mktemp)
  # The suite's own status is the number of failures modulo 256: the log decides instead.
  ACQUIS_XAPI_VERSIONS=$order tools/with-acquis "${store[@]}" bash -c "run_suite $version" >"$output" 2>&1 || true
  log=$(sed -n 's/^Full run log written to //p' "$output" | tail -n 1)
  printf 'xAPI %s: ' "$version"
  if [ -z "$log" ]; then
    echo "the suite did not end; its output ends with:"
    tail -n 20 "$output"
    failed=1
  elif ! summary "$log"; then
    failed=1
  fi
  rm -f "$output"
done
exit "$failed"
