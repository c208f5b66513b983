"""In and out: sign-in, sign-out, and the choice among the accounts a person works for."""

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts import sign_in as sign_ins
from app.accounts.known_browsers import KnownBrowsers
from app.client_address import Address, around, client_address
from app.engine_room import EngineRoom, engine_room
from app.metrics import sign_in_tried
from app.web.asking import (
    drop_secret,
    keep_known,
    keep_secret,
    known_browser,
    looking,
    now,
    person,
    safe_next,
    say,
    secret,
)

# One text for every reason: who is a user here is nobody's business.
PROBLEM = "This e-mail address and password do not go together, or there were too many tries. Try again later."
TRIES_PER_MINUTE = 300
"""Of one address, across all e-mail addresses; the slow hash is work that must not be had for free."""
TRIES_PER_MINUTE_AND_NETWORK = 900
"""Of the network around it: one list of stolen passwords, tried from many neighbours."""


def home() -> Response:
    """`/`: the call log."""
    return redirect(url_for("web.calls"))


def enter() -> Response | str | tuple[str, int, dict[str, str]]:
    """`/sign-in`: the form, and its evaluation."""
    target = safe_next(request.args.get("next"))
    if request.method == "GET":
        return redirect(target) if _signed_in() else render_template("sign_in.html", next=target, email="")
    room = engine_room()
    email, password = request.form.get("email", ""), request.form.get("password", "")
    address = client_address(request, room.settings)
    if not _may_try(room, address):
        sign_in_tried("refused")
        return _refuse(target, email, retry_after=60)
    given = sign_ins.Try(
        email=email,
        password=password,
        known=known_browser(),
        old_secret=secret(),
        address=str(address) if address else None,
    )
    done = sign_ins.sign_in(room.database, KnownBrowsers(room.settings), given, at=now())
    if isinstance(done, sign_ins.Refused):
        sign_in_tried("refused" if done.retry_after else "wrong")
        return _refuse(target, email, retry_after=done.retry_after)
    sign_in_tried("in")
    session.clear()  # the form token of the time before must not outlive it
    response = redirect(target)
    keep_secret(response, done.secret)
    keep_known(response, done.browser)
    return response


def _may_try(room: EngineRoom, address: Address | None) -> bool:
    """Whether another try from this address, and from the network around it, is no flood. Counts per process."""
    return room.within("sign-in", str(address), TRIES_PER_MINUTE) and room.within(
        "sign-in-network", str(around(address)), TRIES_PER_MINUTE_AND_NETWORK
    )


def _signed_in() -> bool:
    return person() is not None


def _refuse(target: str, email: str, *, retry_after: int | None) -> tuple[str, int, dict[str, str]]:
    page = render_template("sign_in.html", next=target, email=email[:320], problem=PROBLEM)
    return page, 429 if retry_after else 401, {"Retry-After": str(retry_after)} if retry_after else {}


def leave() -> Response:
    """`/sign-out`: ends the session here and in the database."""
    sign_ins.sign_out(engine_room().database, secret(), now())
    session.clear()
    response = redirect(url_for("web.enter"))
    drop_secret(response)
    return response


def accounts() -> str:
    """`/accounts`: the accounts this person works for."""
    with looking():
        choices = sign_ins.accounts_of(engine_room().database, person().user_id)
    return render_template("accounts.html", choices=choices)


def change_account() -> Response:
    """`/accounts` (POST): looks at another account from now on."""
    wanted = request.form.get("account", "")
    database, user_id = engine_room().database, person().user_id
    if not sign_ins.look_at(database, secret() or "", user_id=user_id, account_id=wanted, at=now()):
        abort(404, "there is no such account")
    say("You are looking at another account now.")
    return redirect(url_for("web.calls"))


def add_routes(web: Blueprint) -> None:
    """The ways in and out."""
    web.add_url_rule("/", view_func=home)
    web.add_url_rule("/sign-in", view_func=enter, methods=["GET", "POST"])
    web.add_url_rule("/sign-out", view_func=leave, methods=["POST"])
    web.add_url_rule("/accounts", view_func=accounts)
    web.add_url_rule("/accounts", view_func=change_account, methods=["POST"])
