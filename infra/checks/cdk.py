"""Is what the CDK app synthesizes the template, with its code as assets and nothing else changed?

    python infra/checks/cdk.py <folder of the synthesized app>
"""

import copy
import json
import sys
from pathlib import Path

from common import TEMPLATE, load
from transform import transformed

# What the CDK adds to every stack, for its own deployment.
ADDED = {"Parameters": {"BootstrapVersion"}, "Rules": {"CheckBootstrapVersion"}}


def plain(value):
    """One spelling for what may be spelt in two ways."""
    if isinstance(value, dict):
        if list(value) == ["Fn::GetAtt"] and isinstance(value["Fn::GetAtt"], str):
            value = {"Fn::GetAtt": value["Fn::GetAtt"].split(".", 1)}
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def differences(wanted, made, assets):
    wanted, made = copy.deepcopy(plain(wanted)), copy.deepcopy(plain(made))
    for name, one in wanted["Resources"].items():
        if one["Type"] == "AWS::Lambda::Function":
            function = one["Properties"].pop("Code")["S3Key"]
            code = made["Resources"].get(name, {}).get("Properties", {}).pop("Code", {})
            if assets.get(str(code.get("S3Key", "")).removesuffix(".zip")) != function:
                yield f"{name}: its code is not that of {function}"
    for section in sorted(wanted.keys() | made.keys()):
        if not isinstance(wanted.get(section), dict) and section not in ADDED:
            if wanted.get(section) != made.get(section):
                yield f"{section} differs"
            continue
        ours, theirs = wanted.get(section, {}), made.get(section, {})
        for name in sorted((ours.keys() | theirs.keys()) - ADDED.get(section, set())):
            if ours.get(name) != theirs.get(name):
                yield f"{section}/{name} differs"


def main(folder):
    wanted = transformed(load(TEMPLATE))
    made = json.loads((folder / "reconnect.template.json").read_text())
    files = json.loads((folder / "reconnect.assets.json").read_text())["files"]
    # The test gives every function a folder with one file that holds its name.
    assets = {
        asset: (folder / one["source"]["path"] / "bootstrap").read_text().strip()
        for asset, one in files.items()
        if one["source"]["packaging"] == "zip"
    }
    failed = list(differences(wanted, made, assets))

    # It notices when they differ.
    for part in (("Resources", "Table"), ("Outputs", "ApiUrl"), ("Parameters", "AppUrl"), ("Conditions", "HasDomain")):
        broken = copy.deepcopy(made)
        del broken[part[0]][part[1]]
        if not any(part[1] in one for one in differences(wanted, broken, assets)):
            failed.append(f"a missing {part[1]} is not noticed")
    swapped = copy.deepcopy(made)
    swapped["Resources"]["ListAccounts"]["Properties"]["Code"] = made["Resources"]["OauthCallback"]["Properties"]["Code"]
    if not any("ListAccounts: its code" in one for one in differences(wanted, swapped, assets)):
        failed.append("another function's code is not noticed")

    print("\n".join(failed) or f"the CDK app makes the same {len(made['Resources'])} resources, with {len(assets)} functions' code")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
