"""Sees every rule of `docs.py` fail on documents that break it, and none on the documents as they are.

    python infra/checks/docs_test.py
"""

import copy
import sys

from docs import ARCHITECTURE, GLOSSARY, REFERENCE, RULES, THREATS, Documents, complaints, with_column

GOOD = Documents()
# What is broken, how, and what the complaint has to say.
BROKEN = []


def broken(complaint):
    def keep(how):
        BROKEN.append((how.__name__, how, complaint))
        return how

    return keep


def edit(d, path, old, new):
    assert old in d.texts[path], f"{path} has no {old}"
    d.texts[path] = d.texts[path].replace(old, new)


def add(d, path, text):
    d.texts[path] += text


def file_of(d, ending):
    return next(path for path in d.code() if path.endswith(ending))


@broken("links to nowhere.md, which is not there")
def link_to_nothing(d):
    add(d, "README.md", "\n[x](nowhere.md)\n")


@broken("links to runbook.md#no-such-title, where nothing is called so")
def link_to_no_title(d):
    add(d, THREATS, "\n[x](runbook.md#no-such-title)\n")


@broken("names shared/src/no_such_room/, which is not there")
def room_gone(d):
    add(d, ARCHITECTURE, "\nIt is in `shared/src/no_such_room/`.\n")


@broken("names functions/no-such-function/, which is not there")
def path_in_a_block(d):
    edit(d, "README.md", "functions/list-accounts/ ", "functions/no-such-function/ ")


@broken("names a file no_such_file.rs, which is not there")
def file_gone(d):
    add(d, ARCHITECTURE, "\nIt is in `no_such_file.rs`.\n")


@broken("docs/orphan.md: no way leads there")
def page_that_nobody_links(d):
    d.texts["docs/orphan.md"] = "# Orphan\n"


@broken("docs/decisions/README.md calls it something else")
def title_changed(d):
    d.texts["docs/decisions/sweep.md"] = "# Another title\n" + d.texts["docs/decisions/sweep.md"]


@broken("T999 is not in it")
def threat_that_nobody_knows(d):
    add(d, "tests/journeys/races.rs", "\n/// T999: what nobody wrote down.\n")


@broken("T998 is not in it")
def threat_in_a_name(d):
    add(d, "tests/journeys/races.rs", "\nasync fn t15_t998_both() {}\n")


@broken("nothing cites T997")
def threat_that_nobody_shows(d):
    add(d, THREATS, "\n| T997 | a threat | a defence | – |\n")


@broken("an id has two rows: ['T07']")
def threat_twice(d):
    add(d, THREATS, "\n| T07 | a threat | a defence | – |\n")


@broken("T07 is cited by")
def test_moved(d):
    d.texts["tests/journeys/elsewhere.rs"] = d.texts.pop("tests/journeys/linking.rs")


@broken("setting NEW_SETTING is missing")
def setting_untold(d):
    path = file_of(d, "/config.rs")
    edit(d, path, 'self.required("TABLE_NAME")', 'self.required("NEW_SETTING")')


@broken("there is no setting OLD_SETTING")
def setting_gone(d):
    edit(d, REFERENCE, "| `TABLE_NAME` |", "| `OLD_SETTING` |")


@broken("TICKET_TTL_SECONDS is from 1 to 300, by default 300")
def default_changed(d):
    edit(d, REFERENCE, "1 to 300, default 300", "1 to 600, default 300")


@broken("metric GuardBroken is missing")
def metric_untold(d):
    edit(d, file_of(d, "lapse-sweep/src/guard.rs"), '"GuardHolding"', '"GuardBroken"')


@broken("there is no metric GuardHeld")
def metric_gone(d):
    edit(d, REFERENCE, "| `GuardHolding` |", "| `GuardHeld` |")


@broken("metric TimeToHeal has the dimensions ['How'], not []")
def dimension_untold(d):
    edit(d, REFERENCE, "| `TimeToHeal` | `How` |", "| `TimeToHeal` | |")


@broken("log field brand_new is missing")
def log_field_untold(d):
    add(d, file_of(d, "/logging.rs"), '\nfn x() { info!(brand_new = f("a, b", 1), "message"); }\n')
    # Code stands before tests.
    path = file_of(d, "/logging.rs")
    d.texts[path] = d.texts[path].replace("#[cfg(test)]", "//")


@broken("there is no log field route_name")
def log_field_gone(d):
    edit(d, REFERENCE, "| `route` |", "| `route_name` |")


@broken("infra/openapi.yaml: the cause brand_new_cause is missing")
def cause_undescribed(d):
    new_cause(d)


@broken("infra/local/page/words.js: the cause brand_new_cause is missing")
def cause_without_a_title_on_the_page(d):
    new_cause(d)


@broken("docs/web-app/api.d.ts: the cause brand_new_cause is missing")
def cause_without_a_type(d):
    new_cause(d)


@broken("docs/reference.md: the cause brand_new_cause is missing")
def cause_without_a_row(d):
    new_cause(d)


@broken("tests/journeys/causes.rs: the cause brand_new_cause is missing")
def cause_without_a_journey(d):
    new_cause(d)


@broken("the order in causes.rs: the cause brand_new_cause is missing")
def cause_without_a_place(d):
    new_cause(d)


def new_cause(d):
    edit(d, file_of(d, "/causes.rs"), "    Unrecognised,\n}", "    Unrecognised,\n    BrandNewCause,\n}")


@broken("infra/local/page/words.js: consent_refused is no cause")
def cause_gone(d):
    edit(d, "infra/local/page/words.js", "  consent_denied:", "  consent_refused:")


@broken("which is above it")
def room_that_knows_one_above(d):
    path = next(path for path in d.code() if path.startswith("shared/src/tiktok/"))
    d.texts[path] = "use crate::http::Request;\n" + d.texts[path]


@broken("shared/src/attic.rs is in no room")
def file_in_no_room(d):
    d.texts["shared/src/attic.rs"] = "//! Nobody knows.\n"


@broken("nothing is called NoSuchName")
def word_that_the_code_lacks(d):
    add(d, GLOSSARY, "\n| x | `NoSuchName` |\n")


def copied():
    documents = copy.copy(GOOD)
    documents.texts = dict(GOOD.texts)
    return documents


def main():
    failed = [f"as it is: {wrong}" for wrong in complaints(GOOD)]
    noticed = set()
    for name, breaks, expected in BROKEN:
        documents = copied()
        breaks(documents)
        matching = [one for one in complaints(documents) if expected in one]
        if not matching:
            failed.append(f"{name}: nobody noticed ({expected})")
        noticed |= {one.split(":")[0] for one in matching}
    failed += [f"{rule.__name__}: never seen failing" for rule in RULES if rule.__name__ not in noticed]

    # `--write` puts the column right.
    documents = copied()
    test_moved(documents)
    documents.texts[THREATS] = with_column(documents)
    if any("T07" in one for one in complaints(documents)) or "tests/journeys/elsewhere.rs" not in documents.texts[THREATS]:
        failed.append("with_column: does not put a moved test right")

    print("\n".join(failed) or f"{len(BROKEN)} broken documents, each noticed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
