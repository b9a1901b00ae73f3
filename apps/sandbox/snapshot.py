"""The whole state in one file, so that a sandbox comes back as it was. Plain JSON, written beside and put in place.

A field that holds its default is left out; what a file does not name gets its default. A file that cannot be read is
put aside, never overwritten.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import threading
import time
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from apps.sandbox.store import Item, Store
from apps.sandbox.store.microsoft import Identity
from apps.sandbox.store.model import Organisation

VERSION = 1
PAUSE_S = 1.0
REST = 20  # times what a snapshot took
log = logging.getLogger("apps.sandbox")


def default_path() -> Path:
    """Say where the snapshot lies: in OPTIXSYNC_VAR_DIR, or in `var` where the process runs."""
    return Path(os.environ.get("OPTIXSYNC_VAR_DIR") or "var") / "sandbox.json"


def save(store: Store, path: Path) -> int:
    """Write the state; answer the revision that was written. The store is held only while it is copied."""
    with store.lock:
        revision = store.revision
        organisations = [_copied(one) for one in store.organisations.values()]
        identity = encode(store.identity)
    text = json.dumps(
        {
            "version": VERSION,
            "revision": revision,
            "organisations": [encode(one) for one in organisations],
            "identity": identity,
        },
        separators=(",", ":"),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".writing")
    with beside.open("w", encoding="utf-8") as file:
        beside.chmod(0o600)  # the passwords of its accounts are in it
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return revision


def load(path: Path, store: Store) -> bool:
    """Fill an empty store from a file; answer whether there was one. A damaged one is put aside."""
    if not path.exists():
        return False
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if read["version"] != VERSION:
            raise ValueError(f"version {read['version']}")  # noqa: TRY301 -- as damaged as the rest
        found = [decode(Organisation, one) for one in read["organisations"]]
        identity = decode(Identity, read.get("identity", {}))  # there was none in earlier versions
        revision = int(read["revision"])
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        aside = _aside(path)
        path.replace(aside)
        log.warning(
            "The snapshot %s cannot be read (%s). It was put aside as %s; the sandbox starts afresh.",
            path,
            exc,
            aside.name,
        )
        return False
    with store.lock:
        store.organisations = {one.domain: one for one in found}
        store.identity = identity
        store.revision = revision
        store.index_again()
    return True


class Keeper:
    """Writes a snapshot some moments after a change, and one at the end. `start()`, then `stop()`."""

    def __init__(self, store: Store, path: Path, pause_s: float = PAUSE_S) -> None:
        self._store, self._path, self._pause_s = store, path, pause_s
        self._saved = -1
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshot", daemon=True)

    def start(self) -> None:
        """Begin to watch the store."""
        self._thread.start()

    def stop(self) -> None:
        """End watching, and write what is not written yet."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        self._save_if_changed()

    def _run(self) -> None:
        """Look again and again; after a snapshot that took long, all the later."""
        pause_s = self._pause_s
        while not self._end.wait(pause_s):
            begun = time.monotonic()
            self._save_if_changed()
            pause_s = max(self._pause_s, REST * (time.monotonic() - begun))

    def _save_if_changed(self) -> None:
        if self._store.revision == self._saved:
            return
        try:
            self._saved = save(self._store, self._path)
        except OSError as exc:
            log.warning("The snapshot %s cannot be written: %s", self._path, exc)


def encode(value: Any) -> Any:
    """Turn a dataclass and all that is in it into what JSON knows."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if is_dataclass(value):
        return {
            field.name: encode(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name) != _default(field)
        }
    if isinstance(value, Mapping):
        return [[encode(key), encode(one)] for key, one in value.items()]
    if isinstance(value, frozenset):
        return sorted(value)
    return [encode(one) for one in value]


def decode(hint: Any, value: Any) -> Any:
    """Turn it back, as the type says. Raises ValueError, KeyError or TypeError for what does not fit."""
    if is_dataclass(hint):
        return _decode_dataclass(hint, value)
    origin, inside = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _decode_union(inside, value)
    if origin in {dict, Mapping, tuple, list, frozenset}:
        return _decode_many(origin, inside, value)
    if hint in {dt.datetime, dt.date}:
        return hint.fromisoformat(value)
    if origin is not Literal and not isinstance(value, hint):
        raise TypeError(f"{value!r} is no {hint.__name__}")
    return value


def _decode_many(origin: Any, inside: tuple[Any, ...], value: list[Any]) -> Any:
    if origin in {dict, Mapping}:
        return {decode(inside[0], key): decode(inside[1], one) for key, one in value}
    return origin(
        decode(inside[0], one) for one in value
    )  # tuples are all of the form tuple[X, ...]


def _decode_union(hints: tuple[Any, ...], value: Any) -> Any:
    """None or one other type, or a string or several: the two unions that the model has."""
    if value is None or (isinstance(value, str) and str in hints):
        return value
    rest = [hint for hint in hints if hint not in {str, type(None)}]
    return decode(rest[0], value)


def _decode_dataclass(hint: Any, value: dict[str, Any]) -> Any:
    known = _hints(hint)
    given = {name: decode(known[name], one) for name, one in value.items() if name != "overrides"}
    if "overrides" in value:
        item = _hints(Item)
        given["overrides"] = {
            index: {name: decode(item[name], one) for name, one in changed}
            for index, changed in value["overrides"]
        }
    return hint(**given)


@cache
def _hints(hint: Any) -> dict[str, Any]:
    return get_type_hints(hint)


def _default(field: Field[Any]) -> Any:
    """Give a field's default; MISSING, which equals nothing, when it has none."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _copied(organisation: Organisation) -> Organisation:
    """Copy what changes in place; items are frozen and are shared."""
    mailboxes = {}
    for key, mailbox in organisation.mailboxes.items():
        folders = {
            role: replace(
                folder,
                slots={item_id: replace(slot) for item_id, slot in folder.slots.items()},
                gone=dict(folder.gone),
                first_ids=dict(folder.first_ids),
            )
            for role, folder in mailbox.folders.items()
        }
        mailboxes[key] = replace(mailbox, folders=folders)
    return replace(
        organisation,
        accounts={
            key: replace(one, rights=dict(one.rights)) for key, one in organisation.accounts.items()
        },
        microsoft_accounts={
            key: replace(one, rights=dict(one.rights))
            for key, one in organisation.microsoft_accounts.items()
        },
        apps={
            key: replace(one, by_account=dict(one.by_account))
            for key, one in organisation.apps.items()
        },
        subscriptions={key: replace(one) for key, one in organisation.subscriptions.items()},
        mailboxes=mailboxes,
        room_lists=dict(organisation.room_lists),
        outbox=list(organisation.outbox),
    )


def _aside(path: Path) -> Path:
    return next(
        aside
        for number in range(1, 10_000)
        if not (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists()
    )
