"""What the checks have in common: reading the template, the API description and the Rust code."""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra/template.yaml"
OPENAPI = ROOT / "infra/openapi.yaml"
TABLE = ROOT / "infra/local/table.json"
FUNCTIONS = ROOT / "functions"
RUNBOOK = ROOT / "docs/runbook.md"
METHODS = ("get", "put", "post", "patch", "delete", "head", "options")


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their long ones: `!Ref A` is `{"Ref": "A"}`."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


def load(path):
    return yaml.load(Path(path).read_text(), Loader)


class Project:
    """All that the rules are about. The self-test gives them a broken one."""

    def __init__(self):
        self.template = load(TEMPLATE)
        self.openapi = yaml.safe_load(OPENAPI.read_text())
        self.table = json.loads(TABLE.read_text())
        self.runbook = RUNBOOK.read_text() if RUNBOOK.exists() else ""
        self.shared = sources(ROOT / "shared/src")
        folders = [folder for folder in sorted(FUNCTIONS.iterdir()) if (folder / "Cargo.toml").exists()]
        self.functions = {folder.name: sources(folder / "src") for folder in folders}

    @property
    def resources(self):
        return self.template["Resources"]

    def of_type(self, kind):
        return {name: one for name, one in self.resources.items() if one["Type"] == kind}

    def lambdas(self):
        """Logical id and properties of every function, by the name of its folder."""
        found = {}
        for logical_id, one in self.of_type("AWS::Serverless::Function").items():
            folder = one["Properties"]["CodeUri"].rstrip("/").rsplit("/", 1)[-1]
            found[folder] = (logical_id, one["Properties"])
        return found


def routes_of(openapi):
    """`GET /ad-accounts` → (function, scopes); no scopes where anybody may call."""
    routes = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                scopes = [scope for one in operation["security"] for scope in one.get("jwt", [])]
                routes[f"{method.upper()} {path}"] = (operation["x-reconnect-function"], scopes)
    return routes


def sources(folder):
    """Every Rust file of a folder, without its tests."""
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.rs"))}
    return {name: re.split(r"^#\[cfg\(test\)\]", text, maxsplit=1, flags=re.M)[0] for name, text in files.items()}
