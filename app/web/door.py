"""In and out: sign-in, sign-out, and the choice among the accounts a person works for."""

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts import sign_in as sign_ins
from app.client_address import client_address
from app.engine_room import engine_room
from app.web.asking import drop_secret, keep_secret, looking, now, person, safe_next, say, secret

# One text for every reason: who is a user here is nobody's business.
PROBLEM = "This e-mail address and password do not go together, or there were too many tries. Try again later."
TRIES_PER_MINUTE = 300
"""Of one address, across all e-mail addresses; the slow hash is work that must not be had for free."""


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
    if not room.within("sign-in", str(client_address(request, room.settings)), TRIES_PER_MINUTE):
        return _refuse(target, email, retry_after=60)
    done = sign_ins.sign_in(room.database, email=email, password=password, old_secret=secret(), at=now())
    if isinstance(done, sign_ins.Refused):
        return _refuse(target, email, retry_after=done.retry_after)
    session.clear()  # the form token of the time before must not outlive it
    response = redirect(target)
    keep_secret(response, done.secret)
    return response


def _signed_in() -> bool:
    return person() is not None


def _refuse(target: str, email: str, *, retry_after: int | None) -> tuple[str, int, dict[str, str]]:
    page = render_template("sign_in.html", next=target, email=email[:320], problem=PROBLEM)
    return page, 429 if retry_after else 401, {"Retry-After": str(retry_after)} if retry_after else {}


def leave() -> Response:
    """`/sign-out`: ends the session here and in the database."""
    sign_ins.sign_out(engine_room().database, secret())
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
    if not sign_ins.look_at(engine_room().database, secret() or "", user_id=person().user_id, account_id=wanted):
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
