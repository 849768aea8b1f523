#!/usr/bin/env bash
# Measures the Acquis that tools/with-acquis started: posting, getting, every filter, all at once.
#
#   tools/with-acquis tools/bench.sh [COUNT]
#
# COUNT statements (10000) more are in the store before anything is read.
set -euo pipefail
cd "$(dirname "$0")/.."

acquis=${ACQUIS:-bin/acquis}
bench() { "$acquis" bench "$@" --endpoint "$XAPI_ENDPOINT"; echo; }

# What steals from this machine steals from all rows alike only when they are measured close to
# each other: the ceiling is taken right before and after what is compared with it.
"$acquis" bench raw
bench batch
"$acquis" bench raw
bench single
bench load --count "${1:-10000}"
bench get
bench query --duration 5s
bench mixed
