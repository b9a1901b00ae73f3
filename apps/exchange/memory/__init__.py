"""The port on a mailbox in memory: the reference that every wire is compared with. Pure."""

from apps.exchange.memory.mailbox import EVER, MemoryMailbox, Stored, occurrence
from apps.exchange.memory.outlook import Outlook
from apps.exchange.memory.port import MemoryCalendar

__all__ = ["EVER", "MemoryCalendar", "MemoryMailbox", "Outlook", "Stored", "occurrence"]
