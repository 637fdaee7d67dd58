"""The real template with the real binaries, in the local CloudFormation."""

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import FUNCTIONS, TEMPLATE, load  # noqa: E402
from transform import transformed  # noqa: E402

STACK = "reconnect"
REGION = "eu-central-1"
# What ministack's CloudFormation does not know. Everything else of the template comes up.
UNKNOWN = ("AWS::Events::Archive",)


def spelled_out(value, meanings):
    """A copy in which some references stand for what they mean on AWS."""
    if isinstance(value, list):
        return [spelled_out(one, meanings) for one in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Ref"]:
        return meanings.get(value["Ref"], value)
    return {name: spelled_out(one, meanings) for name, one in value.items()}


def for_ministack(template, parameters):
    """The template without what ministack's CloudFormation does not know, and with what its references do not mean there."""
    resources = {name: one for name, one in template["Resources"].items() if one["Type"] not in UNKNOWN}
    # A secret's reference is its ARN, not its name.
    secrets = [name for name, one in resources.items() if one["Type"] == "AWS::SecretsManager::Secret"]
    resources = spelled_out(resources, {name: {"Fn::GetAtt": [name, "Id"]} for name in secrets})
    # A number is a number, not text, but for environment variables.
    kinds = template["Parameters"].items()
    numbers = {name: int(parameters.get(name, one.get("Default"))) for name, one in kinds if one["Type"] == "Number"}
    for one in resources.values():
        variables = one.get("Properties", {}).get("Environment")
        one["Properties"] = spelled_out(one.get("Properties", {}), numbers)
        if variables:
            one["Properties"]["Environment"] = variables
    return {**template, "Resources": resources}


class Stack:
    """A deployed stack: clients for what is in it, and its functions."""

    def __init__(self, endpoint, certificate):
        self.endpoint = endpoint
        self.session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self.certificate = certificate

    def client(self, service):
        return self.session.client(service, endpoint_url=self.endpoint, verify=self.certificate)

    def upload(self, binaries):
        """Puts each function's binary where the transformed template looks for it. Gives the size of each in bytes."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        sizes = {}
        for name in sorted(folder.name for folder in FUNCTIONS.iterdir() if (folder / "Cargo.toml").exists()):
            binary = binaries / name
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
                entry = zipfile.ZipInfo("bootstrap")
                entry.external_attr = 0o100755 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                zipped.writestr(entry, binary.read_bytes())
            s3.put_object(Bucket="code", Key=name, Body=archive.getvalue())
            sizes[name] = os.path.getsize(binary)
        return sizes

    def deploy(self, parameters):
        """Creates the stack. Gives the names of what is in it, and of what had to be left out."""
        os.environ["AWS_DEFAULT_REGION"] = REGION  # SAM asks for one
        template = transformed(load(TEMPLATE))
        left_out = [name for name, one in template["Resources"].items() if one["Type"] in UNKNOWN]
        template = for_ministack(template, parameters)
        self.client("s3").put_object(Bucket="code", Key="template.json", Body=json.dumps(template))
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=f"{self.endpoint}/code/template.json",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        try:
            waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        except Exception:
            for event in cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]:
                if "FAILED" in event["ResourceStatus"]:
                    print(event["LogicalResourceId"], event["ResourceType"], event.get("ResourceStatusReason"))
            raise
        resources = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}, left_out

    def invoke(self, function, event):
        """What a function answers."""
        answer = self.client("lambda").invoke(FunctionName=f"{STACK}-{function}", Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise AssertionError(f"{function} failed: {payload}")
        return payload

    def ask(self, function, method, route, who=None, query="", body=None, **path):
        """Invokes a function as the HTTP API would for this request. Gives status, headers and body of the answer."""
        at = route.format(**path)
        context = {
            "accountId": "000000000000", "apiId": "e2e", "domainName": "api.reconnect.example", "domainPrefix": "api",
            "http": {"method": method, "path": at, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "e2e"},
            "requestId": "e2e", "routeKey": f"{method} {route}", "stage": "$default",
            "time": "24/Nov/2026:00:00:00 +0000", "timeEpoch": 1795478400000,
        }
        if who:
            context["authorizer"] = {"jwt": {"claims": who, "scopes": None}}
        event = {
            "version": "2.0", "routeKey": f"{method} {route}", "rawPath": at, "rawQueryString": query,
            "headers": {"content-type": "application/json", "host": "api.reconnect.example"},
            "pathParameters": path, "requestContext": context, "isBase64Encoded": False,
        }
        if body is not None:
            event["body"] = json.dumps(body)
        answer = self.invoke(function, event)
        text = answer.get("body") or ""
        return answer["statusCode"], answer.get("headers", {}), json.loads(text) if text.startswith("{") else text
