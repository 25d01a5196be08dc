"""Where the signing service keeps things: records in SQL, objects in directories or S3, keys, the audit log."""
