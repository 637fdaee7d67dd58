"""A person at the TikTok stand-in, over HTTP as a browser would."""

import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

APP_ID = "7000000000000000077"
SCOPES = [1, 4, 7043626160646815746, 7543056879933489153]
ADMIN_CENTER = "7241906835517320466"


class TikTok:
    def __init__(self, base, redirect_uri):
        self.base, self.redirect_uri, self.secret = base, redirect_uri, secrets.token_hex(20)
        self.control("apps", app_id=APP_ID, name="Reconnect", secret=self.secret, redirect_uris=[redirect_uri], scopes=SCOPES)

    def control(self, what, **body):
        answer = requests.post(f"{self.base}/control/{what}", json=body, timeout=10)
        assert answer.ok, f"/control/{what}: {answer.status_code} {answer.text}"

    def consent(self, query, login, accounts):
        """Signs in, ticks both permissions and these ad accounts, confirms. Gives the query that TikTok sends back."""
        browser = requests.Session()
        browser.post(f"{self.base}/portal/login", data={"login": login, "one_click": "yes", "query": query},
                     allow_redirects=False, timeout=10)
        form = [("query", query), ("business_center", ADMIN_CENTER), ("permission", "1"), ("permission", "4"), ("action", "confirm")]
        form += [("ad_account", account) for account in accounts]
        answer = browser.post(f"{self.base}/portal/consent", data=form, allow_redirects=False, timeout=10)
        back = answer.headers.get("location", "")
        assert back.startswith(self.redirect_uri + "?"), f"TikTok sent {login} to {answer.status_code} {back!r}"
        return urlsplit(back).query

    def connect(self, login, accounts):
        """What happened before Reconnect was there: somebody consented, and CreativeX kept the token."""
        query = urlencode({"app_id": APP_ID, "state": secrets.token_urlsafe(32), "redirect_uri": self.redirect_uri})
        code = parse_qs(self.consent(query, login, accounts))["auth_code"][0]
        body = {"app_id": APP_ID, "secret": self.secret, "auth_code": code}
        answer = requests.post(f"{self.base}/open_api/v1.3/oauth2/access_token/", json=body, timeout=10).json()
        assert answer["code"] == 0, answer
        scopes = [str(scope) for scope in answer["data"]["scope"]]
        return {"access_token": answer["data"]["access_token"], "scopes": scopes}
