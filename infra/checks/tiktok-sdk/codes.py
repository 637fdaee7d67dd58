"""TikTok's codes as its SDK lists them, and as our table of them does."""

import re
from pathlib import Path

from business_api_client.tiktok_business.tiktok_code import NumericErrorCodes

TABLE = Path("shared/src/tiktok/codes.rs")
TESTS = Path("shared/src/tiktok/codes/tests.rs")
# Of which the SDK names some and TikTok's services have thousands more.
SERVICES = range(50_000, 60_000)


def of_the_sdk():
    """All codes but the one for success, with their names."""
    named = {value: name for name, value in vars(NumericErrorCodes).items() if name.startswith("ERROR_CODE_")}
    assert named.pop(0) == "ERROR_CODE_OK"
    return named


def between(text, begin, end):
    assert text.count(begin) == 1, f"{begin!r} is there once"
    return text.split(begin)[1].split(end)[0]


def rows():
    """The rows of our table: (first code, last code, meaning, source)."""
    table = between(TABLE.read_text(), "const CODES:", "\n];")
    found = re.findall(r"^    \((\d+)\.\.=(\d+), Refusal::(\w+), (\w+)\),$", table, re.MULTILINE)
    assert found and len(found) == table.count("\n    ("), "every row is read"
    return [(int(first), int(last), meaning, source) for first, last, meaning, source in found]


def in_our_test():
    """The codes that the table's test names one by one."""
    return [int(code) for code in re.findall(r"\b\d{5}\b", between(TESTS.read_text(), "const KNOWN:", "\n];"))]


def compare(sdk):
    """Every code of the SDK is on a row of our table, and named in its test; whatever else is there does not claim to be the SDK's."""
    table = rows()

    def on_a_row(code):
        return any(first <= code <= last for first, last, _, _ in table)

    missing = [f"{code} {name}" for code, name in sorted(sdk.items()) if not on_a_row(code)]
    assert not missing, f"not in {TABLE}: {missing}"
    named = in_our_test()
    untested = sorted(sdk.keys() - set(named))
    assert not untested, f"not in {TESTS}: {untested}"
    invented = [
        code for first, last, _, source in table if source == "Sdk" for code in range(first, last + 1)
        if code not in sdk and code not in SERVICES
    ]
    assert not invented, f"{TABLE} says that the SDK has {invented}"
    others = sorted(set(named) - sdk.keys())
    covered = sum(last - first + 1 for first, last, _, _ in table)
    return (f"{len(sdk)} codes beside success in the SDK, all on the {len(table)} rows of our table ({covered} codes, "
            f"{sum(not on_a_row(code) for code in named)} of its test without a row); its test names {len(set(named))}: these and {others}")
