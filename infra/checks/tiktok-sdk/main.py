"""Every call that we make to TikTok, made by TikTok's own SDK to the stand-in; README.md tells what is held to what.

    python main.py <the stand-in's binary>
"""

import datetime
import json
import re
import secrets
import socket
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import business_api_client as sdk
from business_api_client.rest import ApiException
from business_api_client.tiktok_business.tiktok_exceptions import TiktokSDKError

import codes
import shapes
from shapes import Wrong, hold, spoiled
from standin import Browser, running

OUR_ENDPOINTS = Path("shared/domain/src/checks.rs")
PREFIX = "/open_api/v1.3"
APP, REDIRECT_URI = "7300000000000000031", "http://127.0.0.1:9/callback"
# Both of the permissions that we need, one that exists, and one that no published table has and that no float can hold.
SCOPES = [1, 4, 7043626160646815746, 7543056879933489153]
GROUP, ELSEWHERE, GUEST, PARENT, CHILD = (f"72000000000000000{nth}" for nth in range(21, 26))
OWN = [f"71000000000000000{nth}" for nth in range(11, 66)]
SHARED, FOREIGN, GUESTS, CHILDS = (f"71000000000000001{nth}" for nth in range(11, 15))
PASSWORD = "a word of hers"
YESTERDAY = str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1))


class Elsewhere(Exception):
    """Somebody is to be reached who is not on this machine."""


def only_here(event, arguments):
    """For every attempt to reach somebody, by whatever library: nobody but 127.0.0.1."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else arguments[1]
    else:
        return
    if host != "127.0.0.1":
        raise Elsewhere(host)


@dataclass
class Question:
    """One of our calls, as the SDK makes it."""

    title: str
    endpoint: str
    ask: Callable
    # What `data` is held to.
    shape: dict
    # Takes out of `data` what has to be `wanted`, so that it is an answer to this question.
    found: Callable
    wanted: object


class Client:
    """The SDK, and our two calls that it has no method for."""

    def __init__(self, base):
        configuration = sdk.Configuration()
        configuration.host = base
        self.api = sdk.ApiClient(configuration)
        self.authentication = sdk.AuthenticationApi(self.api)
        self.account = sdk.AccountManagementApi(self.api)
        self.bc = sdk.BCApi(self.api)
        self.reporting = sdk.ReportingApi(self.api)

    def person(self, token):
        return self.without_method("/user/info/", "GET", token)

    def revoke(self, token, secret):
        return self.without_method("/oauth2/revoke_token/", "POST", token, {"app_id": APP, "secret": secret, "access_token": token})

    def without_method(self, endpoint, method, token, body=None):
        return self.api.call_api(
            PREFIX + endpoint, method, {}, [], {"Accept": "application/json", "Content-Type": "application/json", "Access-Token": token},
            body=body, post_params=[], files={}, response_type="InlineResponse200", auth_settings=[], _return_http_data_only=True,
            collection_formats={})

    def envelope(self, data):
        """The shape of an answer: its envelope as the SDK's model types it."""
        kinds = {"int": shapes.WHOLE, "str": shapes.TEXT, "object": data}
        shape = {name: kinds[kind] for name, kind in sdk.InlineResponse200.swagger_types.items()}
        return {**shape, "request_id": shapes.REFERENCE}

    def put(self, question):
        """Puts a question and gives the whole answer, once it is held to the SDK's model and to the documented members."""
        returned = question.ask()
        # What came over the wire, since the SDK turns "0" into 0 and 1 into "1" without a word.
        answer = json.loads(self.api.last_response.data)
        hold(answer, self.envelope(question.shape))
        self.hold_to_model(answer, "InlineResponse200", self.api.last_response)
        if "page_info" in answer["data"]:
            page_info = answer["data"]["page_info"]
            self.hold_to_model(page_info, "PageInfo", SimpleNamespace(data=json.dumps(page_info)))
        if returned != {"data": answer["data"], "request_id": answer["request_id"]}:
            raise Wrong(f"the SDK makes {returned} of {answer}")
        return answer

    def hold_to_model(self, value, model, response):
        """The SDK's model has every member that it knows, with the value that was sent."""
        for name, one in self.api.deserialize(response, model).to_dict().items():
            if one != value[name] or type(one) is not type(value[name]):
                raise Wrong(f"the SDK's {model} has {one!r} as {name} and not {value[name]!r}")


def seen(text):
    print(f"✓ {text}", flush=True)


def world(tiktok, secret):
    """Ana, Admin of three Business Centers and guest in a fourth; Ben, of whose ad accounts one is shared with hers."""
    def add(what, **body):
        tiktok.control("POST", what, **body)

    add("apps", app_id=APP, name="Reconnect", secret=secret, redirect_uris=[REDIRECT_URI], scopes=SCOPES)
    add("people", login="ana", display_name="Ana M", password=PASSWORD)
    add("people", login="ben", display_name="Ben O")
    for bc_id, name in ((GROUP, "Shop Group"), (ELSEWHERE, "Partner Agency"), (GUEST, "Brand House"), (PARENT, "Holding")):
        add("business-centers", bc_id=bc_id, name=name, company=f"{name} GmbH")
    add("business-centers", bc_id=CHILD, name="Daughter", company="Daughter GmbH", parent_bc_id=PARENT)
    add("memberships", bc_id=GROUP, login="ana", role="ADMIN", finance_role="MANAGER")
    add("memberships", bc_id=GROUP, login="ben", role="STANDARD", finance_role="ANALYST")
    add("memberships", bc_id=ELSEWHERE, login="ben", role="ADMIN")
    add("memberships", bc_id=GUEST, login="ben", role="ADMIN")
    add("memberships", bc_id=GUEST, login="ana", role="STANDARD")
    add("memberships", bc_id=PARENT, login="ana", role="ADMIN", finance_role="ANALYST")
    owners = {account: GROUP for account in OWN} | {SHARED: ELSEWHERE, FOREIGN: ELSEWHERE, GUESTS: GUEST, CHILDS: CHILD}
    for account, bc_id in owners.items():
        add("ad-accounts", advertiser_id=account, name=f"Shop {account[-3:]}", owner={"business_center": bc_id}, daily_spend=12.5)
    add("shares", advertiser_id=SHARED, bc_id=GROUP)


class Story:
    def __init__(self, tiktok):
        self.tiktok, self.secret = tiktok, secrets.token_hex(20)
        world(tiktok, self.secret)
        self.client = Client(tiktok.base)

    def code(self, leave_out=()):
        """A code, from a browser in which nobody is signed in."""
        query = urlencode({"app_id": APP, "state": secrets.token_urlsafe(32), "redirect_uri": REDIRECT_URI})
        return Browser(REDIRECT_URI).consent(f"{self.tiktok.base}/portal/auth?{query}", "ana", PASSWORD, GROUP, leave_out)

    def exchange(self, code, secret=None):
        """As we do it: without the list of ad accounts."""
        body = {"app_id": APP, "secret": secret or self.secret, "auth_code": code, "return_advertiser_ids": False}
        return self.client.authentication.oauth2_access_token(body=body)

    def token(self, leave_out=()):
        return self.exchange(self.code(leave_out))["data"]["access_token"]

    def exchanges(self):
        def with_the_sdks_model():
            body = sdk.Oauth2AccessTokenBody(app_id=APP, secret=self.secret, auth_code=self.code())
            return self.client.authentication.oauth2_access_token(body=body)

        return [
            Question("exchange, ad accounts left out", "/oauth2/access_token/", lambda: self.exchange(self.code()), shapes.EXCHANGE,
                     lambda data: sorted(data["scope"]), sorted(SCOPES)),
            Question("exchange with the SDK's own body", "/oauth2/access_token/", with_the_sdks_model, shapes.EXCHANGE_WITH_ACCOUNTS,
                     lambda data: sorted(data["advertiser_ids"]), [*OWN, SHARED]),
        ]

    def revocation(self):
        return Question("revoke", "/oauth2/revoke_token/", lambda: self.client.revoke(self.token(), self.secret), shapes.REVOCATION,
                        lambda data: sorted(data["advertiser_ids"]), [*OWN, SHARED])

    def owned(self, token, bc_id, **more):
        filtering = sdk.FilteringBcAssetAdminGet(relation_type="OWNER_BC")
        return self.client.bc.bc_asset_admin_get(bc_id, "ADVERTISER", token, filtering=filtering, page_size=50, **more)

    def members(self, token, bc_id, **filtering):
        filtering = sdk.FilteringBcMemberGet(relation_status="BOUND", **filtering)
        return self.client.bc.bc_member_get(bc_id, token, filtering=filtering, page=1, page_size=20)

    def report(self, token, account, dimensions=("advertiser_id", "stat_time_day"), **period):
        return self.client.reporting.report_integrated_get(
            "BASIC", token, service_type="AUCTION", data_level="AUCTION_ADVERTISER", advertiser_id=account, dimensions=list(dimensions),
            metrics=["spend", "impressions"], page=1, page_size=1, **(period or {"start_date": YESTERDAY, "end_date": YESTERDAY}))

    def reads(self, token):
        """Every read that we make, and how we make it; see `shared/src/tiktok/gather.rs` and `infos.rs`."""
        client = self.client

        def ids(name):
            return lambda data: sorted(entry[name] for entry in data["list"])

        def centers(data):
            return {entry["bc_info"]["bc_id"]: entry["user_role"] for entry in data["list"]}

        def owners(data):
            return {entry["advertiser_id"]: entry.get("owner_bc_id") for entry in data["list"]}

        def tiers(data):
            return data["parent_bc"]["bc_info"]["bc_id"], list(centers(data))

        in_group = {"bc_id": GROUP, "asset_type": "ADVERTISER", "access_token": token, "page_size": 50}
        return [
            Question("ad accounts of the token", "/oauth2/advertiser/get/",
                     lambda: client.authentication.oauth2_advertiser_get(APP, self.secret, token), shapes.AUTHORIZED,
                     ids("advertiser_id"), [*OWN, SHARED]),
            Question("who authorized", "/user/info/", lambda: client.person(token), shapes.PERSON,
                     lambda data: data["display_name"], "Ana M"),
            Question("Business Centers", "/bc/get/", lambda: client.bc.bc_get(token, page=1, page_size=50), shapes.BUSINESS_CENTERS,
                     centers, {GROUP: "ADMIN", GUEST: "STANDARD", PARENT: "ADMIN"}),
            Question("one by its id", "/bc/get/", lambda: client.bc.bc_get(token, bc_id=PARENT, page=1, page_size=50),
                     shapes.BUSINESS_CENTERS, centers, {PARENT: "ADMIN"}),
            Question("scene=TIERED_ACCOUNT", "/bc/get/",
                     lambda: client.bc.bc_get(token, scene="TIERED_ACCOUNT", page=1, page_size=50), shapes.TIERED,
                     tiers, (PARENT, [CHILD])),
            Question("owned, first page", "/bc/asset/admin/get/", lambda: self.owned(token, GROUP, page=1), shapes.OWNED,
                     ids("asset_id"), OWN[:50]),
            Question("owned, last page", "/bc/asset/admin/get/", lambda: self.owned(token, GROUP, page=2), shapes.OWNED,
                     ids("asset_id"), OWN[50:]),
            Question("owned by a child", "/bc/asset/admin/get/", lambda: self.owned(token, PARENT, child_bc_id=CHILD, page=1),
                     shapes.OWNED, ids("asset_id"), [CHILDS]),
            Question("reachable", "/bc/asset/get/", lambda: client.bc.bc_asset_get(**in_group, page=2), shapes.REACHABLE,
                     ids("asset_id"), [*OWN[50:], SHARED]),
            Question("members", "/bc/member/get/", lambda: self.members(token, GROUP), shapes.MEMBERS,
                     lambda data: sorted(entry["user_name"] for entry in data["list"]), ["Ana M", "Ben O"]),
            Question("Admins", "/bc/member/get/", lambda: self.members(token, GROUP, user_role="ADMIN"), shapes.MEMBERS,
                     lambda data: [entry["user_name"] for entry in data["list"]], ["Ana M"]),
            Question("one ad account", "/advertiser/info/", lambda: client.account.advertiser_info([SHARED], token), shapes.INFO,
                     owners, {SHARED: None}),
            Question("fifty ad accounts", "/advertiser/info/", lambda: client.account.advertiser_info(OWN[:50], token), shapes.INFO,
                     owners, {account: GROUP for account in OWN[:50]}),
            Question("one day of one ad account", "/report/integrated/get/", lambda: self.report(token, OWN[0]), shapes.REPORT,
                     lambda data: data["list"][0]["dimensions"], {"advertiser_id": OWN[0], "stat_time_day": f"{YESTERDAY} 00:00:00"}),
            # No call of ours, but `True` is what only Python's SDK writes.
            Question("all days of one ad account", "/report/integrated/get/",
                     lambda: self.report(token, OWN[0], dimensions=["advertiser_id"], query_lifetime=True), shapes.REPORT_WITHOUT_DAYS,
                     lambda data: data["list"][0]["dimensions"], {"advertiser_id": OWN[0]}),
        ]

    def answered(self, questions):
        """Puts the questions and holds the answers to their shapes and to what is so in the world."""
        for question in questions:
            answer = self.client.put(question)
            found = question.found(answer["data"])
            assert found == question.wanted, f"{question.endpoint}, {question.title}: {found}, and not {question.wanted}"
            seen(f"{question.endpoint:26}{question.title}")

    def every_fault_is_noticed(self, questions):
        """The check can fail: spoils every member of every answer by itself, and wants to hear of it."""
        noticed = Counter()
        for question in questions:
            shape = self.client.envelope(question.shape)
            for kind, pointer, value in spoiled(self.client.put(question), shape):
                fault = {kind: {"pointer": pointer} | ({"value": value} if kind == shapes.REPLACE else {})}
                with self.tiktok.fault(fault, endpoint=question.endpoint):
                    try:
                        self.client.put(question)
                    except Wrong as error:
                        assert pointer.rsplit("/", 1)[1] in str(error), f"{question.endpoint}, {fault}: {error}"
                        noticed["shapes"] += 1
                    except TiktokSDKError:
                        assert pointer == "/code", f"{question.endpoint}: the SDK minds {fault}"
                        noticed["sdk"] += 1
                    else:
                        raise AssertionError(f"{question.endpoint}, {question.title}: nobody notices {fault}")
        seen(f"{noticed.total()} times one thing in an answer was spoiled, and each was noticed: {noticed['shapes']} by what the answers "
             f"are held to, {noticed['sdk']} by the SDK itself")

    def refused(self, title, code, ask, says):
        """A refusal comes with HTTP 200 and out of the SDK as its own error with TikTok's code and text."""
        try:
            ask()
        except TiktokSDKError as error:
            told = re.match(r"Error Code: (\d+), message: (.*), request_id: ", str(error))
            assert told and int(told[1]) == code and says in told[2], f"{title}: {error}"
        else:
            raise AssertionError(f"{title}: not refused")
        answer = json.loads(self.client.api.last_response.data)
        hold(answer, self.client.envelope({}))
        assert self.client.api.last_response.status == 200 and answer["code"] == code
        seen(f"{code} {title}")

    def refusals(self, token, sdk_codes):
        client = self.client
        spent = self.code()
        self.exchange(spent)
        without_reports = self.token(leave_out=[("permission", "4")])
        for title, code, ask, says in [
            ("a code for the second time", 40110, lambda: self.exchange(spent), "auth_code"),
            ("a wrong app secret", 40101, lambda: self.exchange(self.code(), secret="0" * 40), "secret"),
            ("no token", 40104, lambda: client.person(""), "Access-Token"),
            ("a token that nobody has", 40105, lambda: client.bc.bc_get("0" * 40), "incorrect or has been revoked"),
            ("a permission that was switched off", 40001, lambda: self.report(without_reports, OWN[0]), "lacks the required scope"),
            ("somebody else's ad account", 40001, lambda: client.account.advertiser_info([OWN[0], FOREIGN], token),
             f"No permission to operate advertiser: {FOREIGN}"),
            ("the assets of a Business Center of which one is no Admin", 40001, lambda: self.owned(token, GUEST, page=1), "ermission"),
            ("the members of one", 40001, lambda: self.members(token, GUEST), "ermission"),
            ("too many on one page", 40002, lambda: client.bc.bc_get(token, page_size=51), "page_size"),
        ]:
            self.refused(title, code, ask, says)
        for code in sdk_codes:
            with self.tiktok.fault({"code": {"code": code}}, endpoint="/bc/get/"):
                try:
                    client.bc.bc_get(token)
                except TiktokSDKError as error:
                    assert str(error).startswith(f"Error Code: {code},"), f"{code}: {error}"
                else:
                    raise AssertionError(f"{code} is no error to the SDK")
        seen(f"each of the SDK's {len(sdk_codes)} codes, with HTTP 200, comes out of it as its own error with that code")
        for fault, status in (("too_many_requests", 429), ({"status": {"status": 503}}, 503), ("bad_gateway_html", 502)):
            with self.tiktok.fault(fault, endpoint="/bc/get/"):
                try:
                    client.bc.bc_get(token)
                except ApiException as error:
                    assert error.status == status, f"{status}: {error}"
                else:
                    raise AssertionError(f"HTTP {status} is no error to the SDK")
        seen("HTTP 429, 502 and 503 come out of it as its ApiException")

    def our_endpoints(self):
        """The SDK has called what our client calls, no more and no less."""
        ours = re.findall(r'Self::\w+ => "(/[^"]+)"', OUR_ENDPOINTS.read_text())
        called = [one["endpoint"] for one in self.tiktok.control("GET", "log")["endpoints"]]
        assert sorted(called) == sorted(ours), f"{OUR_ENDPOINTS} has {sorted(ours)}; called were {sorted(called)}"
        seen(f"these were all of our {len(ours)} endpoints")


def main(binary):
    socket.setdefaulttimeout(30)
    sys.addaudithook(only_here)
    # Seen to work: TikTok itself is where the SDK would go by default.
    try:
        sdk.BCApi(sdk.ApiClient(sdk.Configuration())).bc_get("0" * 40)
        raise AssertionError("the SDK could reach TikTok itself")
    except Elsewhere as host:
        seen(f"nobody but 127.0.0.1 can be reached: not {host}")
    sdk_codes = codes.of_the_sdk()
    seen(codes.compare(sdk_codes))
    seen(codes.faults_are_noticed(sdk_codes))
    with running(binary) as tiktok:
        story = Story(tiktok)
        exchanges, revocation = story.exchanges(), story.revocation()
        story.answered(exchanges)
        token = story.token()
        reads = story.reads(token)
        story.answered(reads)
        story.refusals(token, sdk_codes)
        story.every_fault_is_noticed(exchanges + reads)
        story.answered([revocation])
        story.refused("whatever is asked after it", 40105, lambda: story.client.person(token), "revoked")
        story.refused("revoked once more", 40105, lambda: story.client.revoke(token, story.secret), "revoked")
        story.every_fault_is_noticed([revocation])
        story.our_endpoints()
    print("TikTok's own SDK takes the stand-in for TikTok.")


if __name__ == "__main__":
    main(*sys.argv[1:])
