#!/usr/bin/env bash
# Alternates wrk between servers and tells, for each round, requests a second and the server's own CPU
# microseconds a request: the latter repeats even where the machine is shared.
#   run.sh ROUNDS SECONDS SCRIPT NAME=PID=URL...
# STATISTICS and the like for the script come from the environment; see peek.lua.
set -euo pipefail
rounds=$1 seconds=$2 script=$3
shift 3

# utime and stime in clock ticks.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

hertz=$(getconf CLK_TCK)
for ((round = 1; round <= rounds; round++)); do
  for server in "$@"; do
    IFS='=' read -r name pid url <<<"$server"
    before=$(ticks "$pid")
    line=$(wrk -t1 -c64 -d"${seconds}s" -s "$script" "$url" | grep '^requests ')
    after=$(ticks "$pid")
    awk -v name="$name" -v ticks=$((after - before)) -v hertz="$hertz" '{
      printf "%-12s %9.0f requests/s %7.2f CPU us/request  %d faults\n",
        name, $2 / $4, ticks / hertz * 1e6 / $2, $6
    }' <<<"$line"
  done
done
