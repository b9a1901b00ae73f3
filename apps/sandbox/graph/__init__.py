"""Microsoft Graph in small: calendars, events, places, batches. It translates; what it says is in the store.

Source: learn.microsoft.com/graph/api, version 1.0; each operation's module names its pages.
"""

from __future__ import annotations

from apps.sandbox.graph.service import respond

__all__ = ["respond"]
