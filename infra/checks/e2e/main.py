"""The whole job in a local CloudFormation; README.md tells what is real here. `run` prepares what this needs.

    python main.py <folder of the functions' binaries> <folder of the local world's binaries> <folder for what it writes>
"""

import base64
import datetime
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from stack import REGION, STACK, Stack
from tiktok import ADMIN_CENTER, APP_ID, TikTok

HERE = Path(__file__).resolve().parent
PORT = int(os.environ.get("PORT", "4700"))
ENDPOINT = f"https://localhost:{PORT}"
TIKTOK = f"http://127.0.0.1:{PORT + 11}"
DOMAIN = "api.reconnect.example"
REDIRECT_URI = f"https://{DOMAIN}/oauth/tiktok/callback"
ACCOUNTS = "/ad-accounts"
ACCOUNT = "/ad-accounts/{advertiser_id}"
# Of the local world's story, all in one Business Center: Rosa's, which will lapse, Ana's, which will not, and a new one.
ROSAS, ANAS, REGISTERED = "7318204956617320411", "7318204956617320412", "7318204956617320426"
ANA = {
    "sub": "ana", "org_id": "org-aurora", "name": "Ana Moreau", "email": "ana@aurora.example", "iss": "https://id.example",
    "aud": "reconnect", "scope": "ad-accounts:read ad-accounts:manage",
}

started = time.monotonic()


def seen(text):
    print(f"✓ {time.monotonic() - started:5.0f} s  {text}", flush=True)


def until(what, seconds, question):
    """Asks every second until the answer is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(1)
    raise AssertionError(f"not within {seconds} s: {what}")


def start(name, command, folder, environment, ready):
    """Starts a process that ends with this one, and waits until it is there."""
    log = open(folder / f"{name}.log", "w")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment})

    def there():
        if process.poll() is not None:
            raise AssertionError(f"{name} ended: see {log.name}")
        try:
            return ready()
        except requests.RequestException:
            return False

    try:
        until(f"{name} is there", 120, there)
    except BaseException:
        process.terminate()
        raise
    return process


def start_world(binaries, folder):
    log = folder / "world.log"
    command = [binaries / "local", "--no-build", "--fresh", "--port", str(PORT + 10)]
    # Once the story is told, this line is printed.
    return start("world", command, folder, {}, lambda: "\nReconnect, locally" in log.read_text())


def start_cloud(folder):
    (folder / "tmp").mkdir(exist_ok=True)
    certificate = folder / "tmp/ministack-tls/server.crt"
    environment = {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(PORT), "MINISTACK_REGION": REGION, "TMPDIR": str(folder / "tmp"),
        # Every call is held to the role of who makes it, and every call is over TLS, as the queues' policies demand.
        "AUTH": "true", "USE_SSL": "1", "AWS_ENDPOINT_URL": ENDPOINT, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CA_BUNDLE": str(certificate), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0",
    }

    def ready():
        return certificate.exists() and requests.get(f"{ENDPOINT}/_ministack/health", verify=certificate, timeout=5).ok

    return start("cloud", [sys.executable, HERE / "cloud.py"], folder, environment, ready), certificate


def fill_secrets(stack, tiktok):
    manager = stack.client("secretsmanager")

    def keyring():
        return {"writer": "k1", "keys": {"k1": base64.b64encode(secrets.token_bytes(32)).decode()}}

    for name, value in [
        ("tiktok-app", {"app_id": APP_ID, "secret": tiktok.secret}), ("token-keyring", keyring()), ("web-keyring", keyring()),
    ]:
        manager.put_secret_value(SecretId=f"{STACK}/{name}", SecretString=json.dumps(value))


def listen_on_bus(stack):
    """A queue behind a rule on the bus, as another service would have it. Gives a function that takes what arrived."""
    sqs, events = stack.client("sqs"), stack.client("events")
    url = sqs.create_queue(QueueName="data-collection")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = json.dumps({"source": ["creativex.ad-accounts"]})
    events.put_rule(Name="data-collection", EventBusName=STACK, EventPattern=pattern)
    events.put_targets(Rule="data-collection", EventBusName=STACK, Targets=[{"Id": "queue", "Arn": arn}])
    arrived = []

    def event(kind, advertiser_id):
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            arrived.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        wanted = [one["detail"] for one in arrived if one["detail-type"] == kind]
        return next((one for one in wanted if one.get("advertiser_id") == advertiser_id), None)

    return event


def row(advertiser_id, name, login):
    return {
        "advertiser_id": advertiser_id, "name": name, "business_center_id": ADMIN_CENTER, "business_center_name": "Northwind Media",
        "brand": "shop", "market": "de", "connected_by": f"{login}@example.com",
    }


def import_accounts(stack, tiktok):
    rows = [row(ROSAS, "Rosa's", "rosa"), row(ANAS, "Ana's", "ana")]
    long_ago = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=3)
    for one, login in zip(rows, ["rosa", "ana"], strict=True):
        connected = tiktok.connect(login, [one["advertiser_id"]])
        one["connected"] = {**connected, "authorized_by": login.title(), "last_data_on": str(long_ago)}
    report = stack.invoke("import-accounts", {"org_id": ANA["org_id"], "accounts": rows})
    assert report["imported"] == 2 and not report.get("refused"), report
    seen(f"import-accounts took two ad accounts with their tokens: {report}")

    detail = {"org_id": ANA["org_id"], "account": row(REGISTERED, "Registered", "ana")}
    entry = {"EventBusName": STACK, "Source": "creativex.registry", "DetailType": "AdAccountRegistered", "Detail": json.dumps(detail)}
    answer = stack.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    until("the registered account is listed", 30, lambda: counts(stack) == {"active": 2, "needs_connecting": 1})
    seen("and a third one, not yet connected, by the rule on the bus")


def counts(stack):
    return listed(stack, "")["counts"]


def listed(stack, query):
    status, _, body = stack.ask("list-accounts", "GET", ACCOUNTS, ANA, query)
    assert status == 200, (status, body)
    return body


def needs_connecting(stack):
    found = listed(stack, f"status=needs_connecting&search={ROSAS}")["accounts"]
    return found[0] if found else None


def reconnect(stack, tiktok):
    status, _, begun = stack.ask("start-activation", "POST", ACCOUNT + "/activate", ANA, advertiser_id=ROSAS)
    assert status == 201 and begun["preflight"]["verdict"] == "consent_will_help", (status, begun)
    url = urlsplit(begun["authorization_url"])
    assert f"{url.scheme}://{url.netloc}" == TIKTOK and "reconnect.example" in url.query, begun["authorization_url"]
    seen("start-activation: consent will help, here is TikTok's address")

    back = tiktok.consent(url.query, "ana", [ROSAS])
    seen("Ana consented at the TikTok stand-in, which sent her back to the callback")

    status, headers, _ = stack.ask("oauth-callback", "GET", "/oauth/tiktok/callback", query=back)
    page, _, ticket = headers.get("location", "").partition("#activation_ticket=")
    assert (status, page) == (303, "https://app.reconnect.example/accounts") and ticket, (status, headers)
    seen("oauth-callback sealed what she brought into a ticket")

    status, _, receipt = stack.ask("oauth-callback", "POST", "/activations/complete", ANA, body={"ticket": ticket})
    assert status == 200 and receipt["outcome"] == "reconnected", (status, receipt)
    seen(f"complete: reconnected, the gap is {receipt['accounts'][0]['gap']}")

    assert counts(stack) == {"active": 2, "needs_connecting": 1}
    status, _, shown = stack.ask("start-activation", "GET", "/activations/{activation_id}", ANA, activation_id=begun["activation_id"])
    assert (status, shown["outcome"]) == (200, "reconnected"), (status, shown)
    status, _, history = stack.ask("list-accounts", "GET", ACCOUNT + "/history", ANA, advertiser_id=ROSAS)
    kinds = [one["kind"] for one in history["history"]]
    assert kinds == ["AdAccountReconnected", "AdAccountLapsed"], history
    status, _, result = stack.ask("validate-permissions", "POST", ACCOUNT + "/validate", ANA, advertiser_id=ROSAS)
    assert (status, result["verdict"]) == (200, "connected"), (status, result)
    seen("it is listed as Active, its history tells both, and validate-permissions finds it connected")


def roles_matter(stack, resources):
    """Without its role's rights a function is refused: so those that worked worked by theirs."""
    iam, role, policy = stack.client("iam"), resources["ListAccountsRole"], "list-accounts"
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    status, _, _ = stack.ask("list-accounts", "GET", ACCOUNTS, ANA)
    assert status == 503, f"list-accounts worked without a policy: {status}"
    other_rows = json.loads(json.dumps(document).replace("ORG#*", "ORG#another*"))
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(other_rows))
    status, _, _ = stack.ask("list-accounts", "GET", ACCOUNTS, ANA)
    assert status == 503, f"list-accounts read rows that its policy does not name: {status}"
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    assert counts(stack)["active"] == 2
    seen("the roles are the template's: without its policy, or with one for other rows, list-accounts answers 503")


def nobody_denied(folder, but=None):
    denied = [line for line in (folder / "cloud.log").read_text().splitlines() if line.startswith("DENIED")]
    unexpected = [line for line in denied if not (but and but in line)]
    assert not unexpected, "\n".join(["a role lacks something:", *sorted(set(unexpected))])


def nothing_left_over(stack, folder):
    sqs = stack.client("sqs")
    for name in ["checks", "runs", "events", "imports"]:
        url = sqs.get_queue_url(QueueName=f"{STACK}-{name}-dead-letters")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        assert attributes["ApproximateNumberOfMessages"] == "0", f"{name}: dead letters"
    nobody_denied(folder, but="ListAccountsRole")
    seen("no dead letters, and no role was denied anything else")


def walk(stack, tiktok, binaries, folder):
    sizes = stack.upload(binaries)
    seen(f"{len(sizes)} binaries, {sum(sizes.values()) / 1e6:.0f} MB")
    resources, left_out = stack.deploy({
        "JwtIssuer": "https://id.example", "JwtAudience": "reconnect", "AppUrl": "https://app.reconnect.example/accounts",
        "DomainName": DOMAIN, "CertificateArn": f"arn:aws:acm:{REGION}:000000000000:certificate/e2e",
        "TikTokApiBase": TIKTOK, "TikTokAuthBase": TIKTOK, "Architecture": "x86_64",
        # The least there is, so that two strikes fit into minutes.
        "CheckIntervalSeconds": "60", "StrikeSpacingSeconds": "10",
    })
    seen(f"the stack is up: {len(resources)} resources; not known to ministack: {', '.join(left_out)}")
    fill_secrets(stack, tiktok)
    event = listen_on_bus(stack)
    import_accounts(stack, tiktok)

    tiktok.control("revoke", login="rosa", app_id=APP_ID)
    seen("Rosa withdrew her authorization at the TikTok stand-in; from here on only the schedules act")
    lapsed = until("the account needs connecting", 300, lambda: nobody_denied(folder) or needs_connecting(stack))
    assert lapsed["cause"] == "authorization_revoked", lapsed
    seen("schedule → lapse-sweep → queue → check-grant: two strikes, and the account needs connecting")
    assert counts(stack) == {"active": 1, "needs_connecting": 2}
    told = until("AdAccountLapsed is at the bus", 120, lambda: event("AdAccountLapsed", ROSAS))
    assert told["cause"] == "authorization_revoked" and told["org_id"] == ANA["org_id"], told
    seen("stream → relay-events → bus → rule → queue: AdAccountLapsed arrived")

    reconnect(stack, tiktok)
    told = until("AdAccountReconnected is at the bus", 120, lambda: event("AdAccountReconnected", ROSAS))
    assert told["gap"]["from"] <= told["gap"]["to"], told
    seen("AdAccountReconnected arrived, with the days to fetch again")
    roles_matter(stack, resources)
    nothing_left_over(stack, folder)


def main():
    binaries, world_binaries, folder = (Path(one).resolve() for one in sys.argv[1:])
    processes = []
    try:
        processes.append(start_world(world_binaries, folder))
        cloud, certificate = start_cloud(folder)
        processes.append(cloud)
        seen("the TikTok stand-in and ministack are there")
        walk(Stack(ENDPOINT, str(certificate)), TikTok(TIKTOK, REDIRECT_URI), binaries, folder)
        seen("all of it")
    except AssertionError as wrong:
        sys.exit(f"✗ {time.monotonic() - started:5.0f} s  {wrong}\n  What they said: {folder}/cloud.log, {folder}/world.log")
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    main()
