"""Sees every rule of `policy.py` fail on a project that breaks it, and none on the project as it is.

    python infra/checks/policy_test.py
"""

import copy
import sys

import api_body
from common import OPENAPI, TEMPLATE, Project, yaml
from policy import RULES, complaints

GOOD = Project()


def properties(project, name):
    return project.resources[name]["Properties"]


def statement(project, role, sid):
    policies = properties(project, role)["Policies"]
    return next(one for policy in policies for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == sid)


def variables(project, name):
    return properties(project, name)["Environment"]["Variables"]


def edit(files, name, old, new):
    assert old in files[name], f"{name} has no {old}"
    files[name] = files[name].replace(old, new)


def edit_dashboard(p, old, new):
    edit(properties(p, "Dashboard")["DashboardBody"], "Fn::Sub", old, new)


# What is broken, how, and what the complaint has to say.
BROKEN = []


def broken(complaint):
    def keep(how):
        BROKEN.append((how.__name__, how, complaint))
        return how

    return keep


@broken("ListAccountsRole/Rows: a wildcard without a reason")
def any_table(p):
    statement(p, "ListAccountsRole", "Rows")["Resource"] = "*"


@broken("a wildcard without a reason")
def any_action(p):
    statement(p, "LapseSweepRole", "Queue")["Action"] = "sqs:*"


@broken("Traces/Traces: a wildcard without a reason")
def reason_gone(p):
    del p.resources["Traces"]["Metadata"]


@broken("a reason for a wildcard that is not there")
def wildcard_gone(p):
    statement(p, "RelayEventsRole", "Streams")["Resource"] = {"Fn::GetAtt": ["Table", "Arn"]}


@broken("anybody may")
def open_queue(p):
    p.resources["QueuesOverTlsOnly"]["Properties"]["PolicyDocument"]["Statement"][0]["Effect"] = "Allow"


@broken("nobody may dynamodb:Scan")
def scan(p):
    statement(p, "ListAccountsRole", "Tabs")["Action"].append("dynamodb:Scan")


@broken("dynamodb:GetItem on any key")
def any_key(p):
    del statement(p, "ListAccountsRole", "Rows")["Condition"]


@broken("dynamodb:Query on any key")
def no_key_at_all(p):
    del statement(p, "ListAccountsRole", "Tabs")["Condition"]["Null"]


@broken("dynamodb:Query on any key")
def every_key(p):
    statement(p, "LapseSweepRole", "Due")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("*")


@broken("kms:Decrypt not only through a service")
def key_in_hand(p):
    del statement(p, "ListAccountsRole", "TableKey")["Condition"]


@broken("list-accounts: may read")
def list_reads_tokens(p):
    statement(p, "ListAccountsRole", "Secrets")["Resource"].append({"Ref": "TokenKeyringSecret"})
    variables(p, "ListAccounts")["TOKEN_KEYRING_SECRET_ID"] = {"Ref": "TokenKeyringSecret"}


@broken("start-activation: may read")
def told_of_what_it_may_not_read(p):
    statement(p, "StartActivationRole", "Secrets")["Resource"].pop()


@broken("shared by")
def shared_role(p):
    properties(p, "ListAccounts")["Role"] = {"Fn::GetAtt": ["OauthCallbackRole", "Arn"]}


@broken("managed policies beside Traces")
def managed_policy(p):
    properties(p, "ListAccountsRole")["ManagedPolicyArns"].append("arn:aws:iam::aws:policy/AdministratorAccess")


def paths(p):
    return properties(p, "HttpApi")["DefinitionBody"]["paths"]


@broken("GET /debug: described as None")
def extra_route(p):
    paths(p)["/debug"] = {"get": copy.deepcopy(paths(p)["/ad-accounts"]["get"])}


@broken("POST /activations/complete: described as")
def route_not_deployed(p):
    del paths(p)["/activations/complete"]


@broken("POST /ad-accounts/{advertiser_id}/validate: described as")
def other_scope(p):
    paths(p)["/ad-accounts/{advertiser_id}/validate"]["post"]["security"] = [{"jwt": ["ad-accounts:read"]}]


@broken("GET /ad-accounts: described as")
def other_function(p):
    uri = paths(p)["/ad-accounts"]["get"]["x-amazon-apigateway-integration"]["uri"]
    uri["Fn::Sub"] = uri["Fn::Sub"].replace("list-accounts", "start-activation")


@broken("anybody may call it")
def open_in_both(p):
    paths(p)["/ad-accounts"]["get"]["security"] = []
    p.openapi["paths"]["/ad-accounts"]["get"]["security"] = []


@broken("start-activation: handles")
def handler_with_another_route(p):
    old = '"GET /activations/{activation_id}" =>'
    edit(p.functions["start-activation"], "lib.rs", old, '"DELETE /activations/{activation_id}" =>')


@broken("list-accounts: handles")
def handler_without_a_route(p):
    edit(p.functions["list-accounts"], "lib.rs", "        HISTORY =>", "        // HISTORY =>")


@broken("RouteSettings: there is no")
def throttled_nothing(p):
    properties(p, "HttpApi")["RouteSettings"]["GET /nowhere"] = {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1}


@broken("relay-events: TIKTOK_QPS is set and not read")
def setting_nobody_reads(p):
    variables(p, "RelayEvents")["TIKTOK_QPS"] = 1


@broken("lapse-sweep: CHECK_QUEUE_URL is read and not set")
def setting_not_set(p):
    del variables(p, "LapseSweep")["CHECK_QUEUE_URL"]


@broken("check-grant: TOKEN_KEYRING_SECRET_ID is read and not set")
def setting_of_the_finisher_not_set(p):
    del variables(p, "CheckGrant")["TOKEN_KEYRING_SECRET_ID"]


@broken("validate-permissions: LATE_SETTLING_DAYS is set and not read")
def code_that_reads_no_more(p):
    edit(p.functions["validate-permissions"], "clients.rs", "env.late_settling_days()", "Ok(0)")


@broken("list-accounts: RUST_LOG is read and not set")
def global_gone(p):
    del p.template["Globals"]["Function"]["Environment"]["Variables"]["RUST_LOG"]


@broken("LATE_DAYS is described and no method reads it")
def described_setting(p):
    edit(p.shared, "config.rs", "//! | `LATE_SETTLING_DAYS`", "//! | `LATE_DAYS`")


@broken("list-accounts: is not both in functions/ and in the template")
def function_not_deployed(p):
    del p.resources["ListAccounts"]


@broken("keeps logs for ever")
def retention_gone(p):
    del properties(p, "OauthCallbackLogs")["RetentionInDays"]


@broken("oauth-callback: has no log group of the template")
def own_log_group(p):
    del properties(p, "OauthCallback")["LoggingConfig"]


@broken("oauth-callback: has no reserved concurrency")
def concurrency_gone(p):
    del properties(p, "OauthCallback")["ReservedConcurrentExecutions"]


@broken("import-accounts: has no alarm on Errors")
def alarm_gone(p):
    del p.resources["ImportAccountsErrorsAlarm"]


@broken("import-accounts: has no alarm on Throttles")
def alarm_tells_nobody(p):
    properties(p, "ImportAccountsThrottlesAlarm")["AlarmActions"] = []


@broken("list-accounts: has no alarm on its p99")
def slow_alarm_gone(p):
    del p.resources["ListAccountsSlowAlarm"]


@broken("validate-permissions: may take longer than the gateway waits")
def slow_function(p):
    properties(p, "ValidatePermissions")["Timeout"] = 31


@broken("lapse-sweep: what calls it has no dead-letter queue")
def schedule_without_dead_letters(p):
    del properties(p, "LapseSweepSchedule")["Target"]["DeadLetterConfig"]


@broken("import-accounts: what calls it has no dead-letter queue or no limit")
def rule_without_limit(p):
    del properties(p, "AdAccountRegistered")["Targets"][0]["RetryPolicy"]


@broken("relay-events: is called asynchronously and keeps no failures")
def asynchronous_without_destination(p):
    del properties(p, "RelayEvents")["EventInvokeConfig"]["DestinationConfig"]


@broken("check-grant: its queue has no dead-letter queue")
def queue_without_redrive(p):
    del properties(p, "ChecksQueue")["RedrivePolicy"]


@broken("six times its timeout")
def visible_too_soon(p):
    properties(p, "ChecksQueue")["VisibilityTimeout"] = 120


@broken("check-grant: a batch fails as a whole")
def whole_batches(p):
    del properties(p, "CheckGrant")["Events"]["Checks"]["Properties"]["FunctionResponseTypes"]


@broken("paces itself by another number")
def other_concurrency(p):
    properties(p, "CheckGrant")["Events"]["Checks"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 9


@broken("a bad record of the stream")
def stream_without_bisecting(p):
    del properties(p, "RelayEvents")["Events"]["Stream"]["Properties"]["BisectBatchOnFunctionError"]


@broken("ChecksDeadLetters: nobody notices")
def unwatched_dead_letters(p):
    del p.resources["ChecksDeadLettersAlarm"]


@broken("NoSweepAlarm: its line in the runbook is missing")
def runbook_line_gone(p):
    p.runbook = p.runbook.replace("## No sweep", "## No sweeping")


@broken("its line in the runbook is missing")
def alarm_without_runbook(p):
    properties(p, "GuardHoldingAlarm")["AlarmDescription"] = "The guard holds."


@broken("metric SweepFinished: is watched and never counted")
def metric_nobody_counts(p):
    properties(p, "NoSweepAlarm")["MetricName"] = "SweepFinished"


@broken("metric TimeToHeal: is watched and never counted")
def metric_counted_no_more(p):
    edit(p.shared, "healing.rs", '"TimeToHeal"', '"HealedAfter"')


@broken("metric ActivationsDone: is watched and never counted")
def searched_metric(p):
    edit_dashboard(p, "ActivationsEnded", "ActivationsDone")


@broken("metric GuardHolds: is counted and not on the dashboard")
def metric_nobody_sees(p):
    edit(p.functions["lapse-sweep"], "guard.rs", '"GuardHolding"', '"GuardHolds"')


@broken("metric OldestDueGrantAge: is counted and not on the dashboard")
def alarm_without_a_widget(p):
    edit_dashboard(p, '[["Reconnect", "OldestDueGrantAge"]]', "[]")


@broken("metric GrantsChecked: is watched by ['Status'] and counted by ['Outcome']")
def search_by_another_dimension(p):
    edit_dashboard(p, """{Reconnect,Outcome} MetricName=\\"GrantsChecked""", """{Reconnect,Status} MetricName=\\"GrantsChecked""")


@broken("metric AdAccounts: is watched by ['Tab'] and counted by ['Status']")
def short_form_of_another_dimension(p):
    edit_dashboard(p, '["Reconnect", "AdAccounts", "Status", "active", {"label": "active"}]', '["Reconnect", "GuardForced", "Tab", "x"]')
    edit_dashboard(p, '["...", "needs_connecting"', '[".", "AdAccounts", ".", "needs_connecting"')


@broken("metric AdAccounts: is watched by [] and counted by ['Status']")
def alarm_without_a_dimension(p):
    properties(p, "NoAnswersAlarm")["MetricName"] = "AdAccounts"


@broken("metric TikTokAnswers: is watched by ['Code', 'Endpoint'] and counted by ['Code']")
def code_that_leaves_a_dimension_out(p):
    edit(p.shared, "tiktok/counting.rs", '("Endpoint", endpoint.path()), ', "")


@broken("metric AppLevelCode: is counted by")
def same_metric_by_two_dimensions(p):
    edit(p.shared, "finishing/mod.rs", 'metrics::emit(&[], &[Metric { name: "AppLevelCode"', 'metrics::emit(&[("At", at)], &[Metric { name: "AppLevelCode"')


@broken("tiktok/counting.rs: writes metrics, and their names cannot be seen")
def metric_without_a_visible_name(p):
    edit(p.shared, "tiktok/counting.rs", 'name: "TikTokAnswers"', "name: TIKTOK_ANSWERS")


@broken("is not JSON")
def dashboard_cut(p):
    body = properties(p, "Dashboard")["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"][:-1]


@broken("Table: GlobalSecondaryIndexes is not that")
def index_differs(p):
    properties(p, "Table")["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"].pop()


@broken("Table: TimeToLiveSpecification is not that")
def ttl_differs(p):
    properties(p, "Table")["TimeToLiveSpecification"]["AttributeName"] = "expires"


@broken("Table: the stream carries rows as they were")
def old_images(p):
    for table in (p.table, properties(p, "Table")):
        table["StreamSpecification"]["StreamViewType"] = "NEW_AND_OLD_IMAGES"


@broken("Table: is not protected")
def no_recovery(p):
    del properties(p, "Table")["PointInTimeRecoverySpecification"]


@broken("TokenKeyringSecret: would go with the stack")
def secret_not_kept(p):
    del p.resources["TokenKeyringSecret"]["DeletionPolicy"]


@broken("other origins than that of AppUrl")
def any_origin(p):
    properties(p, "HttpApi")["CorsConfiguration"]["AllowOrigins"] = ["*"]


@broken("the access log holds more than it may")
def query_logged(p):
    properties(p, "HttpApi")["AccessLogSettings"]["Format"] += "$context.customDomain.queryString"


@broken("the default address stays open")
def default_address(p):
    properties(p, "HttpApi")["DisableExecuteApiEndpoint"] = False


@broken("is not throttled")
def throttle_gone(p):
    properties(p, "HttpApi")["RouteSettings"]["GET /oauth/tiktok/callback"] = {"DetailedMetricsEnabled": True}


def copied():
    project = copy.copy(GOOD)
    for part in ("template", "openapi", "table", "shared", "functions"):
        setattr(project, part, copy.deepcopy(getattr(GOOD, part)))
    return project


def main():
    failed = [f"as it is: {wrong}" for wrong in complaints(GOOD)]
    noticed = set()
    for name, breaks, expected in BROKEN:
        project = copied()
        breaks(project)
        wrong = complaints(project)
        matching = [one for one in wrong if expected in one]
        if not matching:
            failed.append(f"{name}: nobody noticed ({expected}); complaints: {wrong}")
        noticed |= {one.split(":")[0] for one in matching}
    failed += [f"{rule.__name__}: never seen failing" for rule in RULES if rule.__name__ not in noticed]

    # The API in the template follows the description.
    there, openapi = TEMPLATE.read_text(), yaml.safe_load(OPENAPI.read_text())
    del openapi["paths"]["/activations/complete"]
    if api_body.up_to_date(there, openapi) == there:
        failed.append("api_body: a route that is gone is not noticed")

    print("\n".join(failed) or f"{len(BROKEN)} broken projects, each noticed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
