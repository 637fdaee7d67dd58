"""What Schemathesis cannot know about this API. Loaded by schemathesis.toml, which says what each check stands in for."""

import re
from urllib.parse import parse_qs, urlsplit

import schemathesis
from schemathesis.core.parameters import ParameterLocation

STATE = re.compile("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # 32 bytes in base64url
CODE = re.compile("[!-~]{1,512}")
SEALED = {"/problems/cursor_invalid", "/problems/ticket_invalid"}


def broken(case):
    """Whether a part of the request was made up to break its schema."""
    return any(case.meta.is_negative_at(location) for location in ParameterLocation)


def as_described(response, case):
    """Whether the request took the method that the description gives the operation, and not another to see what happens."""
    return response.request.method == case.operation.method.upper()


@schemathesis.check
def unknown_method_is_not_found(ctx, response, case):
    method = response.request.method
    if as_described(response, case) or method in ("HEAD", "OPTIONS"):
        return
    if (method, case.operation.path) == ("GET", "/activations/complete"):
        return  # to the gateway, `complete` is an activation's id there
    assert response.status_code == 404, f"{method} is no method of this route"
    assert response.json() == {"message": "Not Found"}


@schemathesis.check
def refused_by_redirect(ctx, response, case):
    """A ticket for a well-formed way back, and for no other. Judged by what was sent: what was made up to be wrong may vanish."""
    if response.status_code != 303:
        return
    query = urlsplit(response.request.url).query
    sent = parse_qs(query, keep_blank_values=True)
    shapes = {"state": STATE, "auth_code": CODE, "code": CODE}
    known = {name: values for name, values in sent.items() if name in shapes}
    well_formed = "state" in known and len(known) > 1 and len(query) <= 4096
    well_formed &= all(len(values) == 1 and shapes[name].fullmatch(values[0]) for name, values in known.items())
    well_formed &= known.get("auth_code", known.get("code")) == known.get("code", known.get("auth_code"))

    outcome = response.headers["location"][0].partition("/#")[2]
    if well_formed and known == sent:
        assert outcome.startswith("activation_ticket="), f"a way back was refused: {outcome}"
    elif not well_formed:
        refusals = ("activation_error=link_invalid", "activation_error=consent_denied")
        assert outcome in refusals, f"a malformed way back was taken: {outcome}"


@schemathesis.check
def refused_for_its_seal(ctx, response, case):
    if response.status_code == 400 and as_described(response, case) and not broken(case):
        problem = response.json()
        assert problem["type"] in SEALED, f"valid, yet refused: {problem['type']}, {problem.get('field')}"
