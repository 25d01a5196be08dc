"""The audit log: a file of JSON lines, each holding the hash of the one before."""

from iotsign.stores.audit._log import FileAuditLog
from iotsign.stores.audit._verify import AuditReport, verify_audit_log

__all__ = ["AuditReport", "FileAuditLog", "verify_audit_log"]
