"""Our own rules for `infra/template.yaml`, each a function that yields what is wrong. `policy_test.py` sees each of them fail.

    python infra/checks/policy.py
"""

import json
import re
import sys

from common import METHODS, Project, routes_of

# Read by the code and not set by the template.
SET_BY_LAMBDA = {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
NOT_ON_AWS = {"AWS_CA_BUNDLE": "for endpoints behind a private CA; AWS and TikTok are behind public ones"}
# What a function may never be able to read, whatever its settings say.
SECRETS_OF = {"list-accounts": {"WebKeyringSecret"}, "lapse-sweep": set(), "relay-events": set()}
ON_A_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
FORBIDDEN = re.compile(r"dynamodb:(Scan|PartiQL\w*|\*|DeleteTable|Export\w*)|secretsmanager:(?!GetSecretValue$).*|iam:.*|sts:.*")
KEPT = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key")


def as_list(value):
    return value if isinstance(value, list) else [value]


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value)


def statements(project):
    """(resource, its metadata, statement) of every policy in the template."""
    for name, one in project.resources.items():
        properties = one.get("Properties", {})
        documents = [properties.get("KeyPolicy"), properties.get("PolicyDocument")]
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in filter(None, documents):
            for statement in document["Statement"]:
                yield name, one.get("Metadata", {}), statement


def role_statements(project, properties):
    role = properties["Role"]["Fn::GetAtt"][0]
    for policy in project.resources[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def wildcards_have_reasons(project):
    used = set()
    for name, metadata, statement in statements(project):
        reasons = metadata.get("Wildcards", {})
        sid = statement.get("Sid")
        actions, resources = as_list(statement["Action"]), [text_of(one) for one in as_list(statement["Resource"])]
        if any("*" in one for one in [*actions, *resources]):
            used.add((name, sid))
            if len(reasons.get(sid, "")) < 10:
                yield f"{name}/{sid}: a wildcard without a reason in Metadata.Wildcards: {actions} on {resources}"
        if statement["Effect"] == "Allow" and "*" in text_of(statement.get("Principal", "")):
            yield f"{name}/{sid}: anybody may"
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{name}/{sid}: says what it does not allow"
    for name, one in project.resources.items():
        for sid in one.get("Metadata", {}).get("Wildcards", {}):
            if (name, sid) not in used:
                yield f"{name}/{sid}: a reason for a wildcard that is not there"


def roles_are_narrow(project):
    roles = {}
    for function, (_, properties) in project.lambdas().items():
        if "Policies" in properties or "Role" not in properties:
            yield f"{function}: has no role of its own in the template"
            continue
        roles.setdefault(properties["Role"]["Fn::GetAtt"][0], []).append(function)
        role = project.resources[properties["Role"]["Fn::GetAtt"][0]]["Properties"]
        if role.get("ManagedPolicyArns") != [{"Ref": "Traces"}]:
            yield f"{function}: managed policies beside Traces"
        readable = set()
        for statement in role_statements(project, properties):
            sid = statement["Sid"]
            for action in as_list(statement["Action"]):
                if FORBIDDEN.fullmatch(action):
                    yield f"{function}/{sid}: nobody may {action}"
                if action.startswith("dynamodb:") and action not in ON_A_STREAM and not limits_keys(statement):
                    yield f"{function}/{sid}: {action} on any key"
                if action.startswith("kms:") and "kms:ViaService" not in json.dumps(statement.get("Condition", {})):
                    yield f"{function}/{sid}: {action} not only through a service"
                if action == "secretsmanager:GetSecretValue":
                    readable |= {one.get("Ref") for one in as_list(statement["Resource"])}
        wanted = {
            value["Ref"] for name, value in environment(properties).items() if name.endswith("_SECRET_ID")
        }
        if readable != wanted:
            yield f"{function}: may read {sorted(map(str, readable))} and is told of {sorted(wanted)}"
        if function in SECRETS_OF and readable != SECRETS_OF[function]:
            yield f"{function}: may read {sorted(map(str, readable))}, must not read more than {sorted(SECRETS_OF[function])}"
    for role, functions in roles.items():
        if len(functions) > 1:
            yield f"{role}: shared by {functions}"


def limits_keys(statement):
    condition = statement.get("Condition", {})
    keys = condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
    # For no key at all, "all values" is true: the second condition rules that out.
    some = condition.get("Null", {}).get("dynamodb:LeadingKeys") == "false"
    return bool(keys) and "*" not in keys and some


def routes_agree(project):
    described = routes_of(project.openapi)
    body = project.resources["HttpApi"]["Properties"]["DefinitionBody"]
    deployed = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            function = re.search(r"function:\$\{AWS::StackName\}-([a-z-]+)/invocations$", uri)
            scopes = [scope for one in operation["security"] for scope in one["jwt"]]
            deployed[f"{method.upper()} {path}"] = (function and function[1], scopes)
    for route in sorted(described.keys() | deployed.keys()):
        if described.get(route) != deployed.get(route):
            yield f"{route}: described as {described.get(route)}, deployed as {deployed.get(route)}"
    for route, (_, scopes) in deployed.items():
        if not scopes and route != "GET /oauth/tiktok/callback":
            yield f"{route}: anybody may call it"
    for function, files in project.functions.items():
        handled = handled_routes("\n".join(files.values()))
        wanted = {route for route, (behind, _) in described.items() if behind == function}
        if handled != wanted:
            yield f"{function}: handles {sorted(handled)}, described are {sorted(wanted)}"
    for route in project.resources["HttpApi"]["Properties"].get("RouteSettings", {}):
        if route not in described:
            yield f"RouteSettings: there is no {route}"


def handled_routes(rust):
    """The arms of `match request.route()`: texts, or constants that hold one."""
    found = re.search(r"match request\.route\(\) \{(.*?)\n    \}", rust, re.S)
    if not found:
        return set()
    arms = re.findall(r'^        ("[^"]+"|[A-Z][A-Z_]*) =>', found[1], re.M)
    constants = dict(re.findall(r'const ([A-Z_]+): &str = "([^"]+)";', rust))
    return {arm.strip('"') if arm.startswith('"') else constants.get(arm, arm) for arm in arms}


def environment(properties):
    return properties.get("Environment", {}).get("Variables", {})


def environment_is_what_the_code_reads(project):
    of_all = set(environment(project.template["Globals"]["Function"]))
    config = project.shared["config.rs"]
    settings = settings_by_method(config)
    # What a function's own code hands its environment to.
    finisher = methods_called(project.shared["finishing/mod.rs"])
    runtime = methods_called(project.shared["runtime.rs"])
    for function, (_, properties) in project.lambdas().items():
        rust = "\n".join(project.functions[function].values())
        called = methods_called(rust) | runtime | (finisher if "Finisher::new(" in rust else set())
        read = set().union(*(settings.get(method, set()) for method in called)) - set(NOT_ON_AWS) - SET_BY_LAMBDA
        told = of_all | set(environment(properties))
        for name in sorted(told - read):
            yield f"{function}: {name} is set and not read"
        for name in sorted(read - told):
            yield f"{function}: {name} is read and not set"
    known = set().union(*settings.values())
    for name in sorted(set(re.findall(r"`([A-Z][A-Z_]{3,})`", config)) - known - SET_BY_LAMBDA):
        yield f"shared/src/config.rs: {name} is described and no method reads it"


def settings_by_method(config):
    """`table_name` → {`TABLE_NAME`}, from the methods of `Environment`."""
    methods = re.findall(r"pub fn (\w+)\(&self\)[^{]*\{(.*?)\n    \}", config, re.S)
    return {name: set(re.findall(r'"([A-Z][A-Z0-9_]+)"', code)) for name, code in methods}


def methods_called(rust):
    return set(re.findall(r"\benv\s*\.\s*(\w+)\(\)", rust))


def functions_are_complete(project):
    lambdas = project.lambdas()
    for function in sorted(project.functions.keys() ^ lambdas.keys()):
        yield f"{function}: is not both in functions/ and in the template"
    logs = project.of_type("AWS::Logs::LogGroup")
    for name, group in logs.items():
        if "RetentionInDays" not in group["Properties"]:
            yield f"{name}: keeps logs for ever"
    behind_routes = {function for function, _ in routes_of(project.openapi).values()}
    for function, (logical_id, properties) in lambdas.items():
        if properties.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref") not in logs:
            yield f"{function}: has no log group of the template"
        if "ReservedConcurrentExecutions" not in properties:
            yield f"{function}: has no reserved concurrency"
        for metric in ("Errors", "Throttles"):
            if not any(watches(alarm, metric, "FunctionName", logical_id) for alarm in alarms(project)):
                yield f"{function}: has no alarm on {metric}"
        if function in behind_routes:
            if properties["Timeout"] > 28:
                yield f"{function}: may take longer than the gateway waits"
            if not any(watches(alarm, "Duration", "FunctionName", logical_id) for alarm in alarms(project)):
                yield f"{function}: has no alarm on its p99"
        yield from failures_are_kept(project, function, logical_id, properties)


def alarms(project):
    return [one["Properties"] for one in project.of_type("AWS::CloudWatch::Alarm").values()]


def watches(alarm, metric, dimension, logical_id):
    wanted = [{"Ref": logical_id}, {"Fn::GetAtt": [logical_id, "QueueName"]}]
    there = any(one["Name"] == dimension and one["Value"] in wanted for one in alarm.get("Dimensions", []))
    return alarm["MetricName"] == metric and there and bool(alarm.get("AlarmActions"))


def failures_are_kept(project, function, logical_id, properties):
    """Whatever calls a function without waiting for its answer says how often it tries and where it puts what fails."""
    arn = {"Fn::GetAtt": [logical_id, "Arn"]}
    schedules = [one["Properties"]["Target"] for one in project.of_type("AWS::Scheduler::Schedule").values()]
    rules = [target for one in project.of_type("AWS::Events::Rule").values() for target in one["Properties"]["Targets"]]
    callers = [target for target in schedules + rules if target["Arn"] == arn]
    for target in callers:
        if not target.get("DeadLetterConfig") or len(target.get("RetryPolicy", {})) < 2:
            yield f"{function}: what calls it has no dead-letter queue or no limit for attempts and age"
    config = properties.get("EventInvokeConfig", {})
    limits = {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"} <= config.keys()
    if callers and not (limits and config.get("DestinationConfig", {}).get("OnFailure")):
        yield f"{function}: is called asynchronously and keeps no failures"
    for event in properties.get("Events", {}).values():
        source = event["Properties"]
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{function}: a batch fails as a whole"
        if event["Type"] == "SQS":
            queue = project.resources[source["Queue"]["Fn::GetAtt"][0]]["Properties"]
            if "RedrivePolicy" not in queue:
                yield f"{function}: its queue has no dead-letter queue"
            if queue["VisibilityTimeout"] < 6 * properties["Timeout"]:
                yield f"{function}: its queue shows messages again before six times its timeout"
            at_once = source.get("ScalingConfig", {}).get("MaximumConcurrency")
            if not at_once == environment(properties)["CHECKS_AT_ONCE"] == properties["ReservedConcurrentExecutions"]:
                yield f"{function}: paces itself by another number than the queue is held to"
        elif event["Type"] == "DynamoDB":
            needed = {"BisectBatchOnFunctionError", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "FilterCriteria"}
            if needed - source.keys() or not source.get("DestinationConfig", {}).get("OnFailure"):
                yield f"{function}: a bad record of the stream holds up the others, or is lost"
        else:
            yield f"{function}: unknown source of events {event['Type']}"


def queues_are_watched(project):
    for name in project.of_type("AWS::SQS::Queue"):
        if name.endswith("DeadLetters"):
            metric = "ApproximateNumberOfMessagesVisible"
            if not any(watches(alarm, metric, "QueueName", name) for alarm in alarms(project)):
                yield f"{name}: nobody notices what is in it"


def alarms_say_what_to_do(project):
    anchors = {slug(title) for title in re.findall(r"^#+ (.+)$", project.runbook, re.M)}
    for name, one in project.of_type("AWS::CloudWatch::Alarm").items():
        anchor = re.search(r"docs/runbook\.md#([a-z0-9-]+)$", one["Properties"]["AlarmDescription"])
        if not anchor or anchor[1] not in anchors:
            yield f"{name}: its line in the runbook is missing: {one['Properties']['AlarmDescription']}"


def slug(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def metrics_exist(project):
    """Alarms and the dashboard name what the code counts, by the dimensions it is counted by, and the dashboard has all of it."""
    counted = {}
    for files in [project.shared, *project.functions.values()]:
        for file, rust in files.items():
            names = list(metrics_counted(rust))
            if "metrics::emit(" in rust and not names:
                yield f"{file}: writes metrics, and their names cannot be seen"
            for name, dimensions in names:
                if counted.setdefault(name, dimensions) != dimensions:
                    yield f"metric {name}: is counted by {sorted(dimensions)} in {file}, and elsewhere by {sorted(counted[name])}"
    watched = [
        (alarm["Namespace"], alarm["MetricName"], frozenset(one["Name"] for one in alarm.get("Dimensions", [])))
        for alarm in alarms(project)
    ]
    try:
        shown = list(metrics_shown(json.loads(project.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])))
    except ValueError as error:
        yield f"Dashboard: is not JSON: {error}"
        return
    for namespace, name, dimensions in watched + shown:
        if namespace != "Reconnect":
            continue
        if name not in counted:
            yield f"metric {name}: is watched and never counted"
        elif counted[name] != dimensions:
            yield f"metric {name}: is watched by {sorted(dimensions)} and counted by {sorted(counted[name])}"
    for name in sorted(counted.keys() - {name for _, name, _ in shown}):
        yield f"metric {name}: is counted and not on the dashboard"


def metrics_counted(rust):
    """(name, dimensions) of every metric that a file writes, with one set of dimensions in each function. A name that stands in another function than the call that writes
    it goes with the file's call that has no name beside it."""
    functions = re.split(r"^ *(?:pub(?:\(\w+\))? )?(?:async )?fn ", rust, flags=re.M)
    found = [
        (
            re.findall(r'(?:count\(|name: )"([A-Z]\w+)"', function),
            [frozenset(re.findall(r'\("(\w+)",', one)) for one in re.findall(r"metrics::emit\(\s*&\[(.*?)\],", function, re.S)],
        )
        for function in functions
    ]
    elsewhere = [dimensions for names, calls in found for dimensions in calls if not names]
    for names, calls in found:
        for name in names:
            for dimensions in calls or elsewhere:
                yield name, dimensions


def metrics_shown(dashboard):
    """(namespace, name, dimensions) of every metric on it: named, in short forms too, or searched for."""
    for widget in dashboard["widgets"]:
        before = []
        for entry in widget["properties"].get("metrics", []):
            fields = [field for field in entry if isinstance(field, str)]
            if fields[:1] == ["..."]:
                fields = before[: len(before) - len(fields) + 1] + fields[1:]
            before = fields = [old if new == "." else new for new, old in zip(fields, before + fields[len(before) :])]
            if fields:
                yield fields[0], fields[1], frozenset(fields[2::2])
            for one in entry:
                expression = one.get("expression", "") if isinstance(one, dict) else ""
                for schema, name in re.findall(r"SEARCH\('\{([^}]*)\}[^']*MetricName=\"(\w+)\"", expression):
                    namespace, *dimensions = schema.split(",")
                    yield namespace, name, frozenset(dimensions)


def table_is_the_same(project):
    local, deployed = project.table, project.resources["Table"]["Properties"]
    for part in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "TimeToLiveSpecification"):
        if local[part] != deployed[part]:
            yield f"Table: {part} is not that of infra/local/table.json"
    if local["StreamSpecification"]["StreamViewType"] != deployed["StreamSpecification"]["StreamViewType"]:
        yield "Table: StreamSpecification is not that of infra/local/table.json"
    relay = "\n".join(project.functions["relay-events"].values())
    if "old_image" not in relay and deployed["StreamSpecification"]["StreamViewType"] != "NEW_IMAGE":
        yield "Table: the stream carries rows as they were, and nobody reads that"
    recovery = deployed.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    if not (recovery and deployed.get("DeletionProtectionEnabled") and deployed.get("SSESpecification", {}).get("SSEEnabled")):
        yield "Table: is not protected against loss or not encrypted with its own key"
    for kind in KEPT:
        for name, one in project.of_type(kind).items():
            if one.get("DeletionPolicy") != "Retain" or one.get("UpdateReplacePolicy") != "Retain":
                yield f"{name}: would go with the stack"


def edge_is_closed(project):
    api = project.resources["HttpApi"]["Properties"]
    origins = api["CorsConfiguration"]["AllowOrigins"]
    if len(origins) != 1 or "AppUrl" not in json.dumps(origins) or "*" in json.dumps(origins):
        yield f"HttpApi: other origins than that of AppUrl: {origins}"
    if api["CorsConfiguration"].get("AllowCredentials"):
        yield "HttpApi: credentials across origins"
    logged = api["AccessLogSettings"]["Format"]
    if re.search(r"quer|\$context\.(integrationErrorMessage|requestOverride|protocol)|authorizer\.claims|header", logged, re.I):
        yield "HttpApi: the access log holds more than it may"
    if api.get("DisableExecuteApiEndpoint") != {"Fn::If": ["HasDomain", True, False]}:
        yield "HttpApi: the default address stays open beside an own domain"
    settings = api.get("DefaultRouteSettings", {})
    for route, limits in [("default", settings), *api.get("RouteSettings", {}).items()]:
        if not limits.get("ThrottlingRateLimit") or not limits.get("ThrottlingBurstLimit"):
            yield f"HttpApi: {route} is not throttled"


RULES = [
    wildcards_have_reasons, roles_are_narrow, routes_agree, environment_is_what_the_code_reads, functions_are_complete,
    queues_are_watched, alarms_say_what_to_do, metrics_exist, table_is_the_same, edge_is_closed,
]


def complaints(project):
    return [f"{rule.__name__}: {wrong}" for rule in RULES for wrong in rule(project)]


if __name__ == "__main__":
    wrong = complaints(Project())
    print("\n".join(wrong) or f"infra/template.yaml keeps all {len(RULES)} rules")
    sys.exit(bool(wrong))
