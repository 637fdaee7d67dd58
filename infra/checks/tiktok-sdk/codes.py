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


def complaints(sdk, table, named):
    """Whatever the SDK lists is on a row of our table and named in its test, and no row claims to be the SDK's that is not."""
    ours = {code for first, last, _, _ in table for code in range(first, last + 1)}
    of_sdk = {code for first, last, _, source in table if source == "Sdk" for code in range(first, last + 1)}
    claimed = of_sdk - sdk.keys() - set(SERVICES)
    return [
        *(f"{code} {sdk[code]} is not in {TABLE}" for code in sorted(sdk.keys() - ours)),
        *(f"{code} {sdk[code]} is not in {TESTS}" for code in sorted(sdk.keys() - set(named))),
        *(f"{code} is in {TESTS}, but not in {TABLE}" for code in sorted(set(named) - ours)),
        *(f"{code} is in {TABLE} as the SDK's, which does not have it" for code in sorted(claimed)),
    ]


def compare(sdk):
    table, named = rows(), in_our_test()
    found = complaints(sdk, table, named)
    assert not found, "\n".join(found)
    return (f"{len(sdk)} codes in the SDK beside success, all in our table of {len(table)} rows; "
            f"{len(named)} are named in its test: these and {sorted(set(named) - sdk.keys())}")


def faults_are_noticed(sdk):
    """The comparison can fail: a code that only the SDK has, a row that is gone, a name that is gone, a row too many."""
    table, named = rows(), in_our_test()
    broken = [
        ({**sdk, 40999: "ERROR_CODE_MADE_UP"}, table, named),
        (sdk, [row for row in table if row[0] != 40105], named),
        (sdk, table, [code for code in named if code != 40105]),
        (sdk, [*table, (40999, 40999, "Unrecognised", "Sdk")], named),
    ]
    for one in broken:
        assert complaints(*one), "a broken table is taken for a whole one"
    return f"{len(broken)} times the codes were made to differ, and each was noticed"
