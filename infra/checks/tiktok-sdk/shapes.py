"""The members that TikTok documents for the answers to our calls, with their types.

The SDK's own model of an answer, `InlineResponse200`, types the envelope and leaves `data` an `object`; these are for inside it. A
member that is not documented is wrong too: TikTok may add some, but a stand-in that makes some up stands in for nobody.
"""

import re

REPLACE, REMOVE = "replace", "remove"


class Wrong(Exception):
    """An answer is not what TikTok's documentation and its SDK say."""


class Kind:
    """The type of a value that is no object and no list, and how to spoil such a value."""

    def __init__(self, name, fits, spoil):
        self.name, self.fits, self.spoil = name, fits, spoil


def is_text(value):
    return isinstance(value, str)


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def matching(name, pattern, spoil):
    return Kind(name, lambda value: is_text(value) and re.fullmatch(pattern, value), spoil)


def one_of(*words):
    return Kind(f"one of {words}", lambda value: value in words, str.lower)


def maybe(kind):
    return Kind(f"{kind.name}, or null", lambda value: value is None or kind.fits(value), lambda value: [value])


TEXT = Kind("text", is_text, lambda value: 1)
WHOLE = Kind("a whole number", is_whole, str)
NUMBER = Kind("a number", lambda value: is_whole(value) or isinstance(value, float), str)
# As text, since it has more digits than a JSON number keeps in some languages.
ID = matching("an id of digits as text", r"[1-9][0-9]{17,18}", int)
REFERENCE = matching("a time and 20 hexadecimal digits", r"[0-9]{14}[0-9A-F]{20}", lambda value: value[:-1])
AMOUNT = matching("an amount as text", r"[0-9]+(\.[0-9]+)?", float)
DAY = matching("a day with its beginning", r"\d{4}-\d\d-\d\d 00:00:00", lambda value: value[:10])
MAYBE_TEXT = maybe(TEXT)

# A member whose name ends in `?` may be missing.
PAGE_INFO = {"page": WHOLE, "page_size": WHOLE, "total_number": WHOLE, "total_page": WHOLE}

EXCHANGE = {"access_token": TEXT, "scope": [WHOLE]}
EXCHANGE_WITH_ACCOUNTS = {**EXCHANGE, "advertiser_ids": [ID]}
REVOCATION = {"app_id": ID, "advertiser_ids": [ID]}
AUTHORIZED = {"list": [{"advertiser_id": ID, "advertiser_name": TEXT}]}
PERSON = {"core_user_id": ID, "display_name": TEXT, "email": TEXT, "create_time": WHOLE, "avatar_url": TEXT}

STATUS = one_of(
    "STATUS_ENABLE", "STATUS_DISABLE", "STATUS_LIMIT", "STATUS_PENDING_CONFIRM", "STATUS_PENDING_VERIFIED", "STATUS_CONFIRM_FAIL",
    "STATUS_CONFIRM_FAIL_END", "STATUS_PENDING_CONFIRM_MODIFY", "STATUS_CONFIRM_MODIFY_FAIL", "STATUS_WAIT_FOR_BPM_AUDIT",
    "STATUS_WAIT_FOR_PUBLIC_AUTH", "STATUS_SELF_SERVICE_UNAUDITED", "STATUS_CONTRACT_PENDING",
)
ACCOUNT_TYPE = one_of("AUCTION", "RESERVATION")
INFO = {"list": [{
    "advertiser_id": ID, "name": TEXT, "status": STATUS,
    "role": maybe(one_of("ROLE_ADVERTISER", "ROLE_CHILD_ADVERTISER", "ROLE_CHILD_AGENT", "ROLE_AGENT")),
    "owner_bc_id?": ID, "country": TEXT, "currency": TEXT, "language": TEXT, "timezone": TEXT, "display_timezone": TEXT,
    "balance": NUMBER, "create_time": WHOLE, "advertiser_account_type": ACCOUNT_TYPE,
    **{name: MAYBE_TEXT for name in (
        "company", "address", "industry", "description", "rejection_reason", "license_no", "license_url", "brand", "contacter", "email",
        "cellphone_number", "telephone_number", "promotion_area", "promotion_center_city", "promotion_center_province", "license_city",
        "license_province",
    )},
}]}

USER_ROLE = one_of("ADMIN", "STANDARD")
FINANCE = {"finance_role": one_of("MANAGER", "ANALYST")}
# No null anywhere: `/bc/get/` leaves such members out.
MEMBERSHIP = {
    "bc_info": {
        "bc_id": ID, "name": TEXT, "company": TEXT, "currency": TEXT, "registered_area": TEXT, "timezone": TEXT,
        "status": one_of("ENABLE", "REVIEWING", "DENY", "PUNISH"),
        "type": one_of("NORMAL", "DIRECT", "AGENCY", "SELF_SERVICE", "SELF_SERVICE_AGENCY"),
        "organization_type?": TEXT,
        "verification_status?": one_of("NOT_SUBMITTED", "REVIEWING", "VERIFIED", "FAILED", "EXPIRED"),
    },
    "user_role": USER_ROLE, "ext_user_role?": FINANCE, "binding_status?": TEXT,
}
BUSINESS_CENTERS = {"list": [MEMBERSHIP], "page_info": PAGE_INFO}
TIERED = {**BUSINESS_CENTERS, "parent_bc": MEMBERSHIP}

ASSET = {
    "asset_id": ID, "asset_name": TEXT, "asset_type": one_of("ADVERTISER"),
    "advertiser_role": maybe(one_of("ADMIN", "OPERATOR", "ANALYST")), "advertiser_account_type": ACCOUNT_TYPE,
    "owner_bc_name": MAYBE_TEXT, "catalog_role": MAYBE_TEXT, "ad_creation_eligible": MAYBE_TEXT, "store_role": MAYBE_TEXT,
    "tt_account_roles": MAYBE_TEXT,
}
REACHABLE = {"list": [ASSET], "page_info": PAGE_INFO}
RELATION_STATUS = one_of("BOUND", "PENDING", "REJECTED", "UNBOUND")
OWNED = {"list": [{
    **ASSET, "relation_type": one_of("OWNER_BC", "OWNER_PARTNER", "OWNER_INDIVIDUAL"), "relation_status": RELATION_STATUS,
    "advertiser_status": STATUS, "pixel_code": MAYBE_TEXT,
}], "page_info": PAGE_INFO}
MEMBERS = {"list": [{
    "user_id": ID, "user_name": TEXT, "user_email": TEXT, "user_role": USER_ROLE, "relation_status": RELATION_STATUS,
    "ext_user_role?": FINANCE,
}], "page_info": PAGE_INFO}
METRICS = {"spend": AMOUNT, "impressions": AMOUNT}
REPORT = {"list": [{"dimensions": {"advertiser_id": ID, "stat_time_day": DAY}, "metrics": METRICS}], "page_info": PAGE_INFO}
REPORT_WITHOUT_DAYS = {"list": [{"dimensions": {"advertiser_id": ID}, "metrics": METRICS}], "page_info": PAGE_INFO}


def members(shape):
    """Every member of an object: its name, its shape and whether it may be missing."""
    return [(name.removesuffix("?"), inner, name.endswith("?")) for name, inner in shape.items()]


def hold(value, shape, at=""):
    """Holds a value to its shape; `at` is where it stands, as a JSON pointer."""
    if isinstance(shape, Kind):
        if not shape.fits(value):
            raise Wrong(f"{at} is {value!r} and not {shape.name}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Wrong(f"{at} is no list")
        for nth, entry in enumerate(value):
            hold(entry, shape[0], f"{at}/{nth}")
    else:
        if not isinstance(value, dict):
            raise Wrong(f"{at} is no object")
        unknown = value.keys() - {name for name, _, _ in members(shape)}
        if unknown:
            raise Wrong(f"{at} has {sorted(unknown)}, which nobody documents")
        for name, inner, optional in members(shape):
            if name in value:
                hold(value[name], inner, f"{at}/{name}")
            elif not optional:
                raise Wrong(f"{at}/{name} is missing")


def spoiled(value, shape, at=""):
    """Every way to spoil a good value by one thing: (replace or remove, JSON pointer, new value). Of a list, its first entry."""
    if isinstance(shape, Kind):
        yield REPLACE, at, shape.spoil(value)
    elif isinstance(shape, list):
        yield REPLACE, at, {}
        if value:
            yield from spoiled(value[0], shape[0], f"{at}/0")
    else:
        if at:
            yield REPLACE, at, []
        yield REPLACE, f"{at}/surprise", 1
        for name, inner, optional in members(shape):
            if name in value:
                yield from spoiled(value[name], inner, f"{at}/{name}")
                if not optional:
                    yield REMOVE, f"{at}/{name}", None
