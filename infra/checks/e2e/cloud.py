"""ministack, with a few things added that it lacks and this test is about.

* Which rows a call to DynamoDB concerns, and whose events are put on the bus: the roles in the template name them
  (`dynamodb:LeadingKeys`, `events:source`), and a policy cannot be held to what the evaluator is not told.
* That who may send a message may send ten: SQS has no actions for batches of their own.
* The time in a schedule's input: EventBridge Scheduler replaces `<aws.scheduler.scheduled-time>`, and it names the run.
* What becomes of an event for a function that fails: it is tried again, and goes to the dead letters at last.
"""

import json
import re
import time

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.services import eventbridge, lambda_svc

LEADING_KEYS = "dynamodb:LeadingKeys"
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"

service_context = iam_actions.dynamodb_service_context
transaction_checks = iam_actions.dynamodb_transaction_checks
tag_context = iam_actions.request_tag_context
buses = iam_actions.eventbridge_resource_arns
enforce = iam_evaluator.enforce
invoke_target = eventbridge._invoke_target


class Item(str):
    """The ARN of the table, for one item of a transaction, which is allowed or denied by itself."""

    keys = ()


def leading_keys(request):
    """The partition keys that a request names. In this table and its indexes their names end in `pk`."""
    keys = [one["pk"]["S"] for one in (request.get("Key"), request.get("Item")) if one]
    for of_table in (request.get("RequestItems") or {}).values():
        keys += [key["pk"]["S"] for key in of_table["Keys"]]
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for name, value in re.findall(r"(#?\w+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or ""):
        if names.get(name, name).endswith("pk"):
            keys.append(values[value]["S"])
    return keys


def service_context_with_keys(body):
    keys = leading_keys(json.loads(body or b"{}"))
    return {**service_context(body), **({LEADING_KEYS: keys} if keys else {})}


def transaction_checks_with_keys(action, body, region, account):
    checks = transaction_checks(action, body, region, account)
    if not checks:
        return checks
    items = [detail for item in json.loads(body)["TransactItems"] for detail in item.values()]
    found = []
    for (item_action, arn), detail in zip(checks, items, strict=True):
        item = Item(arn)
        item.keys = leading_keys(detail)
        found.append((item_action, item))
    return found


def tag_context_with_source(service, action, body, routing):
    context = tag_context(service, action, body, routing)
    if action == "events:PutEvents":
        sources = sorted({entry["Source"] for entry in json.loads(body)["Entries"]})
        context = {**context, "events:source": sources[0] if len(sources) == 1 else sources}
    return context


def different_buses(body, region, account):
    return list(dict.fromkeys(buses(body, region, account)))


def enforce_with_keys(access_key, action, service, region, resource_arn="*", service_context=None):
    if isinstance(resource_arn, Item):
        service_context = {**(service_context or {}), LEADING_KEYS: resource_arn.keys}
    if service == "sqs":
        action = action.removesuffix("Batch")
    denied = enforce(access_key, action, service, region, resource_arn=resource_arn, service_context=service_context)
    if denied:
        keys = (service_context or {}).get(LEADING_KEYS, "")
        print("DENIED", getattr(denied, "principal_arn", denied), action, resource_arn, keys, flush=True)
    return denied


def invoke_target_at(target, event, rule, view=None):
    if SCHEDULED_TIME in (target.get("Input") or ""):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event["Time"]))
        target = {**target, "Input": target["Input"].replace(SCHEDULED_TIME, at)}
    return invoke_target(target, event, rule, view)


def dispatch_to_lambda(arn, payload):
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function:
        raise LookupError(f"an event for {name}, which is not there")
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


if __name__ == "__main__":
    iam_actions.dynamodb_service_context = service_context_with_keys
    iam_actions.dynamodb_transaction_checks = transaction_checks_with_keys
    iam_actions.request_tag_context = tag_context_with_source
    iam_actions.eventbridge_resource_arns = different_buses
    iam_evaluator.enforce = enforce_with_keys
    eventbridge._invoke_target = invoke_target_at
    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    main()
