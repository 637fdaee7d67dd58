"""What Schemathesis cannot know about this API. Loaded by schemathesis.toml, which says what each check stands in for."""

import schemathesis
from schemathesis.core.parameters import ParameterLocation

SEALED = {"/problems/cursor_invalid", "/problems/ticket_invalid"}


def broken(case, *locations):
    """Whether one of these parts of the request was made to break its schema."""
    return any(case.meta.is_negative_at(location) for location in locations)


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
    if response.status_code != 303:
        return
    location = response.headers["location"][0]
    outcome = location.partition("/#")[2]
    if broken(case, ParameterLocation.QUERY):
        refusals = ("activation_error=link_invalid", "activation_error=consent_denied")
        assert outcome in refusals, f"a malformed way back was taken: {location}"
    else:
        assert outcome.startswith("activation_"), f"the app is not told how it ended: {location}"


@schemathesis.check
def refused_for_its_seal(ctx, response, case):
    if response.status_code == 400 and as_described(response, case) and not broken(case, *ParameterLocation):
        problem = response.json()
        assert problem["type"] in SEALED, f"valid, yet refused: {problem['type']}, {problem.get('field')}"
