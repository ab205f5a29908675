"""Before the first request: checks, migrations, the first organization. `python -m datalinx.up.prepare`.

A process of its own, so that whoever starts it needs no Django and sees either a result or one sentence.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from datalinx import env
from datalinx.up.refusal import OtherKeys, Refusal

_FIRST = (env.ADMIN_EMAIL, env.ADMIN_PASSWORD, env.ORGANIZATION)
# The number of the lock that keeps two machines from migrating at once: "dlx" and a counter.
_MIGRATION_LOCK = 0x646C7801


def prepare(*, new_keys: bool) -> dict[str, str]:
    """Bring the database up to date. Return `setup_token` when the first organization is still to be made.

    Raises Refusal with the sentence that a person is told.
    """
    _set_up_django()
    _migrate()
    return _ensure_first_organization(new_keys=new_keys)


def _set_up_django() -> None:
    import django
    from django.core.exceptions import ImproperlyConfigured

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datalinx.settings")
    try:
        django.setup()

        from datalinx.checks import stop_if_wrong

        stop_if_wrong()
    except (env.EnvironmentInvalid, ImproperlyConfigured) as error:
        raise Refusal(str(error)) from error


def _migrate() -> None:
    from django.conf import settings
    from django.core.cache import cache
    from django.core.management import call_command
    from django.db import Error, connection

    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # A migration may take longer than any statement of the platform itself.
                cursor.execute("SET statement_timeout = 0; SET lock_timeout = '120s'")
                cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        call_command("migrate", verbosity=0, interactive=False)
        connection.close()
    except Error as error:
        reason = " ".join(str(error).split())
        raise Refusal(f"The database cannot be used: {reason[:500]}") from error
    try:
        cache.set("prepared", settings.HOME.name, timeout=60)
    except Exception as error:
        raise Refusal(f"The cache of DATALINX_CACHE_URL does not answer: {error}") from error


def _ensure_first_organization(*, new_keys: bool) -> dict[str, str]:
    from datalinx.registry import registered
    from datalinx.up import setup

    if registered("is_set_up")():
        if new_keys:
            raise OtherKeys(
                f"The database has data of other keys than those of this home: set {env.SECRET_KEY.name} and "
                f"{env.ENCRYPTION_KEYS.name} to the ones it was made with."
            )
        return {}
    given = {setting.name: setting.read() for setting in _FIRST}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return {"setup_token": setup.make_token()}
    if missing:
        raise Refusal(
            f"{' and '.join(missing)} is missing: for the first start set {', '.join(given)}, or none of them."
        )
    form = setup.SetupForm(
        {"email": given[env.ADMIN_EMAIL.name], "organization": given[env.ORGANIZATION.name]}
        | dict.fromkeys(("password", "password_again"), given[env.ADMIN_PASSWORD.name])
    )
    if not form.create():
        field, sentences = next(iter(form.errors.items()))
        name = {"email": env.ADMIN_EMAIL.name, "organization": env.ORGANIZATION.name}.get(
            field, env.ADMIN_PASSWORD.name
        )
        raise Refusal(f"{name} cannot be used: {' '.join(map(str, sentences))}")
    return {}


def main() -> int:
    """Prepare, and tell the result: to the file `--report` as JSON, else to a person."""
    parser = argparse.ArgumentParser(prog="python -m datalinx.up.prepare", description=__doc__)
    parser.add_argument("--report", type=Path, help="write the result here, as JSON")
    parser.add_argument("--new-keys", action="store_true", help="the keys were made for this start")
    given = parser.parse_args()
    try:
        report = prepare(new_keys=given.new_keys)
    except Refusal as refusal:
        report = {"refusal": str(refusal), "kind": type(refusal).__name__}
    if given.report is not None:
        given.report.write_text(json.dumps(report))
    elif "refusal" in report:
        sys.stderr.write(f"datalinx: {report['refusal']}\n")
    elif "setup_token" in report:
        address = env.PUBLIC_URL.read().rstrip("/")
        sys.stdout.write(f"Make the first organization, once, at {address}/setup/{report['setup_token']}\n")
    return 1 if "refusal" in report else 0


if __name__ == "__main__":
    sys.exit(main())
