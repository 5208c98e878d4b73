# Sourced: a demo of the debug build on a port of its own, for tests that need a running service.
# `start_demo` sets DEMO (its address); `stop_demo` ends it, and fails if it had ended by itself.

DEMO_PID=
start_demo() {
  local folder=target/ci/$1
  rm -rf "$folder"
  mkdir -p "$folder"
  target/debug/peekd demo --listen 127.0.0.1:0 --store "$folder/store" \
    </dev/null >"$folder/out" 2>"$folder/log" &
  DEMO_PID=$!
  trap 'kill "$DEMO_PID" 2>/dev/null || true' EXIT
  local tries
  for tries in $(seq 300); do
    DEMO=$(sed -n 's|.*http://\([0-9.:]*\) .*|\1|p' "$folder/out" | head -1)
    [ -n "$DEMO" ] && return
    kill -0 "$DEMO_PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "the demo did not start:"
  cat "$folder/out" "$folder/log"
  return 1
}

stop_demo() {
  trap - EXIT
  if ! kill -TERM "$DEMO_PID"; then
    echo "the demo ended by itself"
    return 1
  fi
  wait "$DEMO_PID"
}

# Installs a Debian package unless the tool is there; a tool that cannot be had is a failure.
need() {
  command -v "$1" >/dev/null && return
  apt-get install -y --no-install-recommends "$2" >/dev/null 2>&1 ||
    { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$2" >/dev/null; }
  command -v "$1" >/dev/null
}

# Python's packages as .ci/requirements.txt pins them, in an environment under target/. Sets VENV.
# An environment knows its place by absolute paths and its interpreter by version: one that was moved,
# or outlived its interpreter, is made anew.
need_python() {
  need python3 python3
  VENV=$(realpath -m target/ci/venv)
  local made_of
  made_of=$(echo "$VENV"; cat .ci/requirements.txt)
  if [ "$(cat "$VENV/installed" 2>/dev/null)" = "$made_of" ] && "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
    return
  fi
  rm -rf "$VENV"
  if ! python3 -m venv "$VENV"; then
    apt-get update >/dev/null
    apt-get install -y --no-install-recommends python3-venv >/dev/null
    python3 -m venv "$VENV"
  fi
  "$VENV/bin/pip" install --quiet --disable-pip-version-check -r .ci/requirements.txt
  echo "$made_of" >"$VENV/installed"
}
