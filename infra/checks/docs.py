"""The documents agree with the code: paths, threats, settings, metrics, log fields, causes, words. `docs_test.py` sees each rule fail.

    python infra/checks/docs.py            # says what is wrong
    python infra/checks/docs.py --write    # writes the column "Shown by" of docs/threats.md anew
"""

import fnmatch
import functools
import posixpath
import re
import subprocess
import sys

from common import ROOT
from policy import metrics_counted, settings_by_method, slug

ARCHITECTURE, THREATS = "docs/architecture.md", "docs/threats.md"
REFERENCE, GLOSSARY = "docs/reference.md", "docs/glossary.md"
# What the changelog names may be gone by now.
HISTORY = {"CHANGELOG.md"}
TOP = r"(?:\.ci|\.github|docs|events|functions|infra|shared|tests)/"
FILE_NAME = re.compile(r"[\w.-]+\.(?:rs|py|js|ts|md|toml|yaml|yml|json|css|html)")
READ = (".rs", ".py", ".md", ".js", ".ts", ".yaml", ".yml", ".toml", ".json")


@functools.cache
def without_tests(rust):
    return re.split(r"^#\[cfg\(test\)\]", rust, maxsplit=1, flags=re.M)[0]


class Documents:
    """All that the rules are about: the text of every file that git keeps or would keep."""

    def __init__(self):
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        self.paths = {path for path in listed.stdout.splitlines() if (ROOT / path).is_file()}
        self.texts = {path: (ROOT / path).read_text() for path in self.paths if path.endswith(READ)}
        self.folders = {"/".join(parts[:n]) for parts in (path.split("/") for path in self.paths) for n in range(1, len(parts))}

    def pages(self):
        return {path: text for path, text in sorted(self.texts.items()) if path.endswith(".md") and path not in HISTORY}

    def code(self):
        """Rust of the crates that are deployed, without tests: path → text."""
        return {
            path: without_tests(text)
            for path, text in self.texts.items()
            if re.match(r"(?:functions/[\w-]+|shared(?:/\w+)?)/src/.*\.rs$", path) and not path.endswith("/tests.rs")
        }

    def defining(self, what):
        """The text of the one file of deployed code that has this line, wherever it lies."""
        found = [text for text in self.code().values() if what in text]
        assert len(found) == 1, f"{len(found)} files have {what}"
        return found[0]

    def exists(self, path):
        path = path.rstrip("/")
        if path in self.paths or path in self.folders:
            return True
        pattern = re.sub(r"<[^<>]*>|…", "*", path)
        return "*" in pattern and any(fnmatch.fnmatch(one, pattern) for one in self.paths | self.folders)


def links(text):
    """Targets of the links of a page, outside of blocks of code."""
    return re.findall(r"\]\(([^()\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S))


def paths_exist(documents):
    names = {path.rsplit("/", 1)[-1] for path in documents.paths}
    for page, text in documents.pages().items():
        folder = posixpath.dirname(page)
        for target in sorted(set(links(text))):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(folder, path)) if path else page
            if not documents.exists(path):
                yield f"{page}: links to {target}, which is not there"
            elif anchor and anchor not in {slug(title) for title in headings(documents.texts[path])}:
                yield f"{page}: links to {target}, where nothing is called so"
        for code in sorted(set(re.findall(r"`([^`\n]+)`", text))):
            words = code.split()
            for word in words if words and words[0].startswith(("python", "cargo", "npm", "just")) else [code]:
                word = re.sub(r":\d+$", "", word)
                inside = re.fullmatch(TOP + r"[\w./<>*{}…-]*", word)
                if inside and not any(documents.exists(one) for one in (word, posixpath.join(folder, word))):
                    yield f"{page}: names {word}, which is not there"
                if FILE_NAME.fullmatch(word) and word not in names:
                    yield f"{page}: names a file {word}, which is not there"
        for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.M | re.S):
            for word in sorted(set(re.findall(r"(?<![\w./-])" + TOP + r"[\w./<>*-]*[\w>/*]", block))):
                if not documents.exists(word):
                    yield f"{page}: names {word}, which is not there"


def headings(text):
    return re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)


def pages_are_linked(documents):
    seen, left = set(), ["README.md"]
    while left:
        page = left.pop()
        if page in seen or page not in documents.texts:
            continue
        seen.add(page)
        targets = [target.partition("#")[0] for target in links(documents.texts[page]) if not re.match(r"[a-z]+:", target)]
        left += [posixpath.normpath(posixpath.join(posixpath.dirname(page), target)) for target in targets if target.endswith(".md")]
    for page in sorted(documents.pages().keys() - seen):
        if page.startswith("docs/"):
            yield f"{page}: no way leads there from README.md"
    index = documents.texts["docs/decisions/README.md"]
    for page, text in documents.pages().items():
        title = re.match(r"# (.+)\n", text)
        if page.startswith("docs/") and not title:
            yield f"{page}: has no title"
        elif page.startswith("docs/decisions/") and not page.endswith("README.md"):
            if f"[{title[1]}]({posixpath.basename(page)})" not in index:
                yield f"{page}: docs/decisions/README.md calls it something else"


@functools.cache
def ids_in(text):
    """The ids that a text names, and those within ranges such as "T15 to T22", of which some may not exist."""
    named = set(re.findall(r"(?<![\w}])[TI]\d{1,3}\b(?!:\d)", text))
    for tests in re.findall(r"\bfn ((?:[ti]\d{1,3}_)+)", text):
        named |= set(tests.upper().strip("_").split("_"))
    ranges = re.findall(r"\bT(\d\d) to T(\d\d)\b", text)
    return named, {f"T{number:02}" for first, last in ranges for number in range(int(first), int(last) + 1)}


def cited(documents):
    """`T07` → the files that cite it: in a comment, or in the name of a test such as `t07_nobody_…`."""
    found, known = {}, set(defined(documents))
    for path, text in documents.texts.items():
        if not path.endswith((".rs", ".py")) or path.startswith("infra/checks/docs"):
            continue
        named, ranges = ids_in(text)
        for one in named | (ranges & known):
            found.setdefault(one, set()).add(path)
    return found


def defined(documents):
    """`T07` → what the last column says of it."""
    rows = re.findall(r"^\| ([TI]\d{1,3}) \|.*\| ([^|\n]*) \|$", documents.texts[THREATS], re.M)
    return dict(rows)


def shown_by(paths):
    return ", ".join(f"`{path}`" for path in sorted(paths))


def threats_are_defined(documents):
    used, table = cited(documents), defined(documents)
    for one in sorted(used.keys() - table.keys()):
        yield f"{THREATS}: {one} is not in it, and is cited by {shown_by(used[one])}"
    for one in sorted(table.keys() - used.keys()):
        yield f"{THREATS}: nothing cites {one}"
    for one in sorted(used.keys() & table.keys()):
        if table[one] != shown_by(used[one]):
            yield f"{THREATS}: {one} is cited by {shown_by(used[one])}; `python infra/checks/docs.py --write` puts it right"
    text = documents.texts[THREATS]
    order = re.findall(r"^\| ([TI]\d{1,3}) \|", text, re.M)
    if len(order) != len(set(order)):
        yield f"{THREATS}: an id has two rows: {sorted({one for one in order if order.count(one) > 1})}"


def with_column(documents):
    """The page of threats with its last column as it should be."""
    used = cited(documents)
    return re.sub(
        r"^(\| ([TI]\d{1,3}) \|.*\| )[^|\n]*( \|)$",
        lambda row: row[1] + (shown_by(used[row[2]]) if row[2] in used else "–") + row[3],
        documents.texts[THREATS],
        flags=re.M,
    )


def section(page, title):
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    return found[1] if found else ""


def first_cells(text):
    """Every `code` in the first cells of the tables, with the rest of its row."""
    rows = re.findall(r"^\| (`[^|]*) \|(.*)\|$", text, re.M)
    return [(code, rest) for first, rest in rows for code in re.findall(r"`([^`]+)`", first)]


def compare(where, what, told, there):
    for one in sorted(there - told):
        yield f"{where}: {what} {one} is missing"
    for one in sorted(told - there):
        yield f"{where}: there is no {what} {one}"


def settings_are_told(documents):
    config = documents.defining("impl Environment {")
    of_the_sdk = {name for text in documents.code().values() for name in re.findall(r'"(AWS_[A-Z0-9_]+)"', text)}
    read = set().union(*settings_by_method(config).values()) | of_the_sdk
    told = {name for name, _ in first_cells(section(documents.texts[REFERENCE], "Settings"))}
    yield from compare(REFERENCE, "setting", told, read)
    for name, text in re.findall(r'"([A-Z][A-Z0-9_]+)", (-?[\d_]+\.\.=[\d_]+, [\d_]+)\)', config):
        least, most, default = re.findall(r"\d+", text.replace("_", ""))
        row = next((rest for one, rest in first_cells(section(documents.texts[REFERENCE], "Settings")) if one == name), "")
        numbers = row.replace(",", "")
        if row and not re.search(rf"\b{least} to {most}\b.*\b{default}\b", numbers):
            yield f"{REFERENCE}: {name} is from {least} to {most}, by default {default}"


def metrics_are_told(documents):
    counted = {}
    for text in documents.code().values():
        counted.update({name: dimensions for name, dimensions in metrics_counted(text)})
    rows = first_cells(section(documents.texts[REFERENCE], "Metrics"))
    yield from compare(REFERENCE, "metric", {name for name, _ in rows}, set(counted))
    for name, rest in rows:
        told = frozenset(re.findall(r"`(\w+)`", rest.split("|")[0]))
        if name in counted and told != counted[name]:
            yield f"{REFERENCE}: metric {name} has the dimensions {sorted(counted[name])}, not {sorted(told)}"


def log_fields(rust):
    """Names of the fields of every record that a file logs."""
    for call in re.finditer(r"\b(?:info|warn|error|debug|trace)!\(", rust):
        for argument in arguments(rust, call.end()):
            if argument.startswith('"'):
                break
            name = re.fullmatch(r"([a-z][\w.]*)\s*=.*|[?%]?([a-z][\w.]*)", argument, re.S)
            if name:
                yield name[1] or name[2]


def arguments(rust, at):
    """The arguments of a call, split at its commas; nothing within brackets or text splits it."""
    depth, start, text = 1, at, False
    for place in range(at, len(rust)):
        letter = rust[place]
        if text:
            text = letter != '"' or rust[place - 1] == "\\"
        elif letter == '"':
            text = True
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if not text and (depth == 0 or (depth == 1 and letter == ",")):
            yield rust[start:place].strip()
            start = place + 1
            if depth == 0:
                return


def log_fields_are_told(documents):
    logged = {name for path, text in documents.code().items() for name in log_fields(text)}
    told = {name for name, _ in first_cells(section(documents.texts[REFERENCE], "Log fields"))}
    always = {"timestamp", "level", "message", "target", "span"}
    yield from compare(REFERENCE, "log field", told - always, logged - always)


def causes(documents):
    variants = re.search(r"pub enum CauseCode \{(.*?)\n\}", documents.defining("pub enum CauseCode {"), re.S)
    return [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in re.findall(r"^    (\w+),", variants[1], re.M)]


def causes_are_everywhere(documents):
    """A new cause is added in all its places. (What its words say and that a journey reaches it, tests in Rust look at.)"""
    catalogue = documents.defining("pub enum CauseCode {")
    variant = lambda name: "".join(part.capitalize() for part in name.split("_"))
    openapi, page = documents.texts["infra/openapi.yaml"], documents.texts["infra/local/page/words.js"]
    described = re.search(r"^    CauseCode:\n(.*?)(?=^    \w)", openapi, re.M | re.S)
    titles = re.search(r"export const CAUSES = \{(.*?)\n\};", page, re.S)
    types = re.search(r"^\s*CauseCode: (.*);$", documents.texts["docs/web-app/api.d.ts"], re.M)
    listed = section(documents.texts[REFERENCE], "Causes")
    places = {
        "the order in causes.rs": set(re.findall(r"Self::(\w+)", re.search(r"const ALL.*?= \[(.*?)\];", catalogue, re.S)[1])),
        "infra/openapi.yaml": set(re.findall(r"[a-z_]+", re.search(r"enum: *\[(.*?)\]", described[1], re.S)[1])),
        "infra/local/page/words.js": set(re.findall(r"^  (\w+):", titles[1], re.M)),
        "docs/web-app/api.d.ts": set(re.findall(r'"(\w+)"', types[1])),
        REFERENCE: {name for name, _ in first_cells(listed)},
        "tests/journeys/causes.rs": set(re.findall(r"^async fn (\w+)\(\)", documents.texts["tests/journeys/causes.rs"], re.M)),
    }
    known = causes(documents)
    for place, there in places.items():
        for name in known:
            if name not in there and variant(name) not in there:
                yield f"{place}: the cause {name} is missing"
        if place != "tests/journeys/causes.rs":
            for name in sorted(there - set(known) - {variant(name) for name in known}):
                yield f"{place}: {name} is no cause"


def rooms_point_down(documents):
    """`docs/architecture.md` lists the rooms of `shared` from top to bottom, and none knows one above it."""
    rows = re.findall(r"^\| [\w ]+ \| (`[^|]*) \|", section(documents.texts[ARCHITECTURE], "The rooms"), re.M)
    floors = [(path, floor) for floor, cell in enumerate(rows) for path in re.findall(r"`(shared/[^`]+)`", cell)]

    def floor_of(path):
        found = [(len(prefix), floor, prefix) for prefix, floor in floors if path == prefix or path.startswith(prefix.rstrip("/") + "/")]
        return max(found)[1:] if found else None

    for path, text in sorted(documents.code().items()):
        if not path.startswith("shared/") or path.endswith("src/lib.rs"):
            continue
        own = floor_of(path)
        if own is None:
            yield f"{ARCHITECTURE}: {path} is in no room"
            continue
        source = path[: path.index("/src/") + 5]
        for module in sorted(set(re.findall(r"\bcrate::([a-z_]+(?:::[a-z_]+)*)", re.sub(r"//.*", "", text)))):
            steps = module.split("::")
            ways = [source + "/".join(steps[:n]) + end for n in range(len(steps), 0, -1) for end in (".rs", "/mod.rs")]
            other = next((floor_of(way) for way in ways if way in documents.paths), None)
            if other and other[0] < own[0]:
                yield f"{ARCHITECTURE}: {path} uses {other[1]}, which is above it"


def words_are_ours(documents):
    """Every name of ours in the glossary is one that the code has."""
    code = "\n".join(text for path, text in documents.texts.items() if path.endswith((".rs", ".yaml", ".js", ".toml", ".json")))
    for name in sorted(set(re.findall(r"`([^`\n]+)`", documents.texts[GLOSSARY]))):
        if not re.match(r"(?:GET|POST) ", name) and "/" not in name and name not in code:
            yield f"{GLOSSARY}: nothing is called {name}"


RULES = [
    paths_exist, pages_are_linked, threats_are_defined, settings_are_told, metrics_are_told, log_fields_are_told,
    causes_are_everywhere, rooms_point_down, words_are_ours,
]


def complaints(documents):
    return [f"{rule.__name__}: {wrong}" for rule in RULES for wrong in rule(documents)]


if __name__ == "__main__":
    documents = Documents()
    if "--write" in sys.argv[1:]:
        (ROOT / THREATS).write_text(with_column(documents))
        documents = Documents()
    wrong = complaints(documents)
    print("\n".join(wrong) or f"The documents keep all {len(RULES)} rules")
    sys.exit(bool(wrong))
