from __future__ import annotations

import sys
from typing import Any

from cryptography.fernet import InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from apps.exchange.secrets import SETTING, sealed_anew, sealed_columns


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew, with the first key in FIELD_ENCRYPTION_KEYS. "
        "After it the other keys can be removed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = 0, []
        try:
            for model, name in sealed_columns():
                for row in model._default_manager.exclude(**{name: ""}).values_list("pk", name):
                    if self._rotate(model, name, *row):
                        done += 1
                    else:
                        unreadable.append(f"{model._meta.verbose_name} {row[0]}")
        except ImproperlyConfigured as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{done} secrets are encrypted with the first key now.")
        if unreadable:
            self.stderr.write(
                f"No key in {SETTING} opens: {', '.join(unreadable)}. They are left as they are. "
                "Add the key that they were stored with, and run this again; or type these "
                "passwords, and grant access to Microsoft 365, again. Until then, keep the keys that "
                "you have."
            )
            sys.exit(1)

    def _rotate(self, model: Any, name: str, pk: int, sealed: str) -> bool:
        try:
            fresh = sealed_anew(sealed)
        except InvalidToken:
            return False
        # A password that was typed in the meantime is sealed with the first key already.
        model._default_manager.filter(pk=pk, **{name: sealed}).update(**{name: fresh})
        return True
