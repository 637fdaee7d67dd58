"""The stand-in as a process, steered by its control API, and a browser that signs in and consents on its pages."""

import contextlib
import json
import subprocess
import urllib.error
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

NO_PROXY = urllib.request.ProxyHandler({})


@contextlib.contextmanager
def running(binary):
    """A stand-in of its own, from beginning to end."""
    process = subprocess.Popen([binary], stdout=subprocess.PIPE, text=True)
    try:
        base = process.stdout.readline().strip()
        assert base.startswith("http://127.0.0.1:"), f"the stand-in began with {base!r}"
        yield StandIn(base)
    finally:
        process.terminate()
        process.wait()


class StandIn:
    def __init__(self, base):
        self.base = base
        self.opener = urllib.request.build_opener(NO_PROXY)

    def control(self, method, what, **body):
        # None where there is nothing to say: a body that nobody reads makes the stand-in reset the connection.
        request = urllib.request.Request(f"{self.base}/control/{what}", json.dumps(body).encode() if body else None, method=method)
        try:
            return json.load(self.opener.open(request))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} /control/{what}: {error.code} {error.read().decode()}") from None

    @contextlib.contextmanager
    def fault(self, fault, **aim):
        """The next call that the fault is aimed at suffers it."""
        self.control("POST", "faults", fault=fault, times=1, **aim)
        try:
            yield
        finally:
            self.control("DELETE", "faults")


class Forms(HTMLParser):
    """The forms of a page, as they would be sent untouched."""

    def __init__(self, page):
        super().__init__()
        self.forms, self.select = [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"method": attributes["method"], "action": attributes["action"], "fields": []})
        elif tag == "select":
            self.select = attributes["name"]
        elif tag == "option" and "selected" in attributes:
            self.add(self.select, attributes["value"])
        elif tag == "input" and "name" in attributes:
            if attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes:
                self.add(attributes["name"], attributes.get("value", ""))

    def add(self, name, value):
        self.forms[-1]["fields"].append((name, value))


class StopAt(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not back to the app: nobody is there."""

    def __init__(self, elsewhere):
        self.elsewhere = elsewhere

    def redirect_request(self, request, file, code, message, headers, url):
        return None if url.startswith(self.elsewhere) else super().redirect_request(request, file, code, message, headers, url)


class Browser:
    """One browser with its cookies."""

    def __init__(self, redirect_uri):
        self.redirect_uri = redirect_uri
        self.opener = urllib.request.build_opener(NO_PROXY, urllib.request.HTTPCookieProcessor(CookieJar()), StopAt(redirect_uri))

    def go(self, url, fields=None):
        """A page, or where it leads that is not the stand-in's."""
        body = None if fields is None else urlencode(fields).encode()
        try:
            with self.opener.open(url, body) as answer:
                self.url, self.page = answer.url, answer.read().decode()
        except urllib.error.HTTPError as answer:
            self.url, self.page = urljoin(url, answer.headers.get("location", "")), answer.read().decode()
            if not self.url.startswith(self.redirect_uri):
                raise AssertionError(f"{url}: {answer.code} {self.page}") from None

    def submit(self, action, change=(), leave_out=()):
        """Sends the first form that goes to `action`, with some fields filled in, and some unticked as (name, value)."""
        change = dict(change)
        form = next(form for form in Forms(self.page).forms if form["action"] == action)
        kept = [field for field in form["fields"] if field[0] not in change and field not in leave_out]
        fields = kept + list(change.items())
        url = urljoin(self.url, action)
        if form["method"] == "get":
            self.go(f"{url}?{urlencode(fields)}")
        else:
            self.go(url, fields)

    def consent(self, url, login, password, business_center, leave_out=()):
        """From the authorization link to the code that comes back, as a person does it who keeps all ticks but some."""
        self.go(url)
        if any(form["action"] == "/portal/login" for form in Forms(self.page).forms):
            self.submit("/portal/login", {"login": login, "password": password})
        self.submit("/portal/auth", {"business_center": business_center})
        self.submit("/portal/consent", {"action": "confirm"}, leave_out)
        back = parse_qs(urlsplit(self.url).query)
        sent = parse_qs(urlsplit(url).query)
        assert back["state"] == sent["state"], "TikTok sends the state back"
        return back["auth_code"][0]
