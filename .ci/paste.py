"""Runs the fenced commands (sh, python, javascript) of documents against a service.

Usage: paste.py ADDRESS DOCUMENT...; the documents write 127.0.0.1:8080 for the address.
"""

import os
import re
import subprocess
import sys

RUNNERS = {
    "sh": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What errors look like to clients that take any answer for one.
REFUSED = re.compile(r'"exception"|"about:blank"|"error":\{')
PATIENCE_SECONDS = 60


def fault(language, command):
    """Why a command did not do, if it did not."""
    environment = dict(os.environ, PATH=os.path.dirname(sys.executable) + ":" + os.environ["PATH"])
    try:
        done = subprocess.run(
            [*RUNNERS[language], command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {PATIENCE_SECONDS} s"
    if done.returncode != 0:
        return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    if REFUSED.search(done.stdout):
        return f"an error for an answer\n{done.stdout}"
    if not done.stdout.strip():
        return "no output"
    return None


def main():
    address, documents = sys.argv[1], sys.argv[2:]
    run = failed = 0
    for document in documents:
        with open(document, encoding="utf-8") as file:
            text = file.read()
        for language, command in FENCE.findall(text):
            if language not in RUNNERS:
                continue
            run += 1
            why = fault(language, command.replace("127.0.0.1:8080", address))
            if why:
                failed += 1
                print(f"{document}: {why}\n{command}")
    print(f"{run - failed} of {run} commands did what the documents say")
    if failed or not run:
        sys.exit(1)


main()
