#!/usr/bin/env bash
# Measures the Acquis that tools/with-acquis started: posting, getting, every filter, all at once.
#
#   tools/with-acquis tools/bench.sh [COUNT]
#
# COUNT statements (10000) are in the store before anything is read.
set -euo pipefail
cd "$(dirname "$0")/.."

bench() { "${ACQUIS:-bin/acquis}" bench "$@" --endpoint "$XAPI_ENDPOINT"; echo; }

bench load --count "${1:-10000}"
bench get
bench query --duration 5s
bench batch
bench single
bench mixed
