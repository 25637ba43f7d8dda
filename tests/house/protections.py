"""What every answer says to the browser: nothing foreign runs, nothing private is kept."""

from typing import Any

from tests.house.addresses import Address

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
#: Of a file that is saved, never shown: stricter than of a page, nothing in it runs at all.
SAVED_POLICY = {
    "sandbox",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
#: Served without the strict policy: the page that draws the interface description of the API.
OWN_POLICY = {"api_docs"}
#: A file that is shown within the page of its case, and within no other site's.
WITHIN_A_PAGE = {"office_file_inline"}


def nothing_foreign_runs(address: Address, answer: Any) -> bool:
    policy = {each.strip() for each in answer.get("Content-Security-Policy", "").split(";")}
    if "sandbox" in policy:
        saved = answer.get("Content-Disposition", "").startswith("attachment")
        return saved and policy == SAVED_POLICY
    if address.name in WITHIN_A_PAGE:
        policy = {
            each.replace("frame-ancestors 'self'", "frame-ancestors 'none'") for each in policy
        }
    return policy >= POLICY or address.name in OWN_POLICY


def protected(address: Address, answer: Any) -> bool:
    framed = {"SAMEORIGIN", "DENY"} if address.name in WITHIN_A_PAGE else {"DENY"}
    return (
        answer.get("X-Content-Type-Options") == "nosniff"
        and answer.get("X-Frame-Options") in framed
        and answer.get("Referrer-Policy") == "same-origin"
        and answer.get("X-Request-ID") != ""
    )


def not_kept(address: Address, answer: Any) -> bool:
    """Say whether a shared computer forgets what somebody signed in was shown."""
    kept = answer.get("Cache-Control", "")
    return address.right == "public" or "no-store" in kept or "private" in kept
