"""Vanthu for partners: send documents to agencies over Kafka, receive theirs, and say how each stands."""

from __future__ import annotations

from vanthu_integrator.files import FileDamaged, FileRefused, Files
from vanthu_integrator.partner import Credential, NotDelivered, Partner, Received

__version__ = "0.1.0"
__all__ = ["Credential", "FileDamaged", "FileRefused", "Files", "NotDelivered", "Partner", "Received", "__version__"]
