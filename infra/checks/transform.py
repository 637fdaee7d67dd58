"""The template as CloudFormation will see it: what SAM makes of `infra/template.yaml`, as JSON on stdout, without AWS."""

import json
import logging
import sys

from samtranslator.public.parser import Parser
from samtranslator.public.translator import Translator

from common import TEMPLATE, load

CODE = "s3://code/"


def transformed(template):
    # SAM wants the code where `sam deploy` would have put it.
    for one in template["Resources"].values():
        if one["Type"] == "AWS::Serverless::Function":
            one["Properties"]["CodeUri"] = CODE + one["Properties"]["CodeUri"].rstrip("/").rsplit("/", 1)[-1]
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    # No function uses a managed policy by its short name, so nobody has to be asked for the list of them.
    translator = Translator({}, Parser())
    return translator.translate(template, {})


if __name__ == "__main__":
    json.dump(transformed(load(TEMPLATE)), sys.stdout, indent=1)
