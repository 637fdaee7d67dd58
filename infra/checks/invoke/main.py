"""Invokes the functions with every event, and holds their answers against events/answers.yaml. `run` prepares what this needs.

    python main.py <port of cargo lambda watch>
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import yaml

EVENTS = Path(__file__).resolve().parents[3] / "events"


def invoke(port, function, case):
    """What `cargo lambda invoke` prints: the answer, or the type of error with which the event was refused."""
    command = ["cargo", "lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", port]
    command += [function, "--data-file", EVENTS / function / f"{case}.json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if ran.returncode == 0:
        return json.loads(ran.stdout)
    return {"error": ran.stderr.partition("\n")[0].removeprefix("Error: ")}


def at(value, place):
    """What stands there in JSON; nothing, if nothing does."""
    for key in place.split("/")[1:]:
        if isinstance(value, list):
            value = dict(enumerate(value)).get(int(key))
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def told(answer, expected):
    """Of an answer, what the expected one tells."""
    body = answer
    if "statusCode" in answer:
        text = answer.get("body") or ""
        body = json.loads(text) if text.startswith("{") else {}
    known = {
        "status": lambda _: answer.get("statusCode"),
        "problem": lambda _: body.get("type", "").removeprefix("/problems/"),
        # A ticket is another one each time.
        "fragment": lambda begins: urlsplit(answer["headers"].get("location", "")).fragment[: len(begins)],
        "refused": lambda _: len(answer.get("refused", [])),
        "error": lambda _: answer.get("error"),
        "at": lambda place: place,
        "is": lambda _: at(body, expected["at"]),
    }
    return {key: known[key](value) if key in known else answer.get(key) for key, value in expected.items()}


def main(port):
    wrong = []
    for function, cases in yaml.safe_load((EVENTS / "answers.yaml").read_text()).items():
        started = time.monotonic()
        before = len(wrong)
        for case, expected in cases.items():
            # What arrives at the bus is for those who can see it.
            expected.pop("delivered", None)
            answer = invoke(port, function, case)
            found = told(answer, expected)
            if found != expected:
                wrong.append(case)
                print(f"✗ {function}/{case}: {found} instead of {expected}\n  {json.dumps(answer)[:1000]}")
        right = len(cases) - len(wrong) + before
        print(f"{right} of {len(cases)} events of {function} in {time.monotonic() - started:.0f} s", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
