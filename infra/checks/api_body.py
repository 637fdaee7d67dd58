"""The part of the API description that API Gateway reads, for the template.

HTTP APIs import OpenAPI 3.0 and validate no bodies, while `infra/openapi.yaml` is 3.1 with every schema. So the template holds an
extract: routes, scopes and the function behind each. This script writes it between two marks; without `--write` it fails
if what is there is not what it would write.
"""

import re
import sys

import yaml

from common import METHODS, OPENAPI, TEMPLATE

BEGIN = "        # >>> written by infra/checks/api_body.py from infra/openapi.yaml; edit that and run `just api-body`\n"
END = "        # <<<\n"

HEAD = """\
openapi: 3.0.1
info: {title: !Ref "AWS::StackName", version: "%s"}
components:
  securitySchemes:
    jwt:
      type: oauth2
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: $request.header.Authorization
        jwtConfiguration: {issuer: !Ref JwtIssuer, audience: !Ref JwtAudience}
paths:
"""

# The function is named, not referred to: it needs the API's address, and two resources cannot need one another.
OPERATION = """\
    %(method)s:
      operationId: %(id)s
      security: %(security)s
      responses: {default: {description: The function's answer}}
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        payloadFormatVersion: "2.0"
        timeoutInMillis: 30000
        uri: !Sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-%(function)s/invocations"
"""


def body(openapi):
    text = HEAD % openapi["info"]["version"]
    for path, operations in openapi["paths"].items():
        text += f"  {path}:\n"
        names = re.findall(r"{(\w+)}", path)
        if names:
            one = ", ".join(f"{{name: {name}, in: path, required: true, schema: {{type: string}}}}" for name in names)
            text += f"    parameters: [{one}]\n"
        for method in METHODS:
            operation = operations.get(method)
            if operation:
                scopes = [f"{{jwt: [\"{scope}\"]}}" for one in operation["security"] for scope in one["jwt"]]
                text += OPERATION % {
                    "method": method,
                    "id": operation["operationId"],
                    "security": "[" + ", ".join(scopes) + "]",
                    "function": operation["x-reconnect-function"],
                }
    return text


def up_to_date(template, openapi):
    indented = "".join("        " + line for line in body(openapi).splitlines(keepends=True))
    before, rest = template.split(BEGIN)
    return before + BEGIN + indented + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    there = TEMPLATE.read_text()
    wanted = up_to_date(there, yaml.safe_load(OPENAPI.read_text()))
    if "--write" in sys.argv:
        TEMPLATE.write_text(wanted)
    elif there != wanted:
        sys.exit("infra/template.yaml: the API is not that of infra/openapi.yaml; run `just api-body`")
