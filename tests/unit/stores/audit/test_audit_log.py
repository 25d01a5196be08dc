"""The audit log: what is on record stays there, or it shows."""

import errno
import fcntl
import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iotsign.errors import DigestMismatchError, StoreError
from iotsign.signer import AuditEvent
from iotsign.stores.audit import FileAuditLog, verify_audit_log
from iotsign.stores.audit._chain import START


def event(number: int = 0) -> AuditEvent:
    details = {"number": number, "text": 'a "quoted"\nline \U0001f511'}
    return AuditEvent("Tested", datetime.now(UTC), "arn:x", "111122223333", "arn:me", "r", details)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of five records."""
    path = tmp_path / "iotsign.audit"
    log = FileAuditLog(path)
    for number in range(5):
        log.append(event(number))
    log.close()
    return path


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_records_are_json_lines(path: Path) -> None:
    records = [json.loads(line) for line in lines_of(path)]
    assert [record["sequence"] for record in records] == [1, 2, 3, 4, 5]
    assert records[0]["previous"] == "0" * 64
    assert records[1]["previous"] == records[0]["hash"]
    assert records[3]["details"] == {"number": 3, "text": 'a "quoted"\nline \U0001f511'}
    report = verify_audit_log(path)
    assert (report.records, report.last_hash, report.end_known) == (5, records[-1]["hash"], True)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("offset", range(0, 300, 7))
def test_every_changed_byte_is_located(path: Path, offset: int) -> None:  # threat 33
    data = bytearray(path.read_bytes())
    start = len(lines_of(path)[0]) + len(lines_of(path)[1])
    data[start + offset] ^= 1
    path.write_bytes(data)
    with pytest.raises(DigestMismatchError) as caught:
        verify_audit_log(path)
    assert caught.value.data["record"] == 3


@pytest.mark.parametrize(
    ("order", "record"),
    [
        ([0, 1, 3, 4], 3),  # deleted
        ([1, 2, 3, 4], 1),
        ([0, 2, 1, 3, 4], 2),  # reordered
        ([0, 1, 1, 2, 3, 4], 3),  # repeated
        ([0, 1, 2, 3], 5),  # cut off
        ([], 1),
    ],
)
def test_every_missing_record_is_located(path: Path, order: list[int], record: int) -> None:  # threat 33
    lines = lines_of(path)
    path.write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(DigestMismatchError) as caught:
        verify_audit_log(path)
    assert caught.value.data["record"] == record


def test_half_a_record_at_the_end_is_located(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DigestMismatchError) as caught:
        verify_audit_log(path)
    assert caught.value.data["record"] == 5


def test_a_rewritten_log_differs_from_what_was_seen(path: Path, tmp_path: Path) -> None:  # threat 33
    seen = verify_audit_log(path)
    other = tmp_path / "other"
    log = FileAuditLog(other)
    for number in range(6):
        log.append(event(number))
    log.close()
    with pytest.raises(DigestMismatchError, match="record 5 is whole but not the one") as caught:
        verify_audit_log(other, expected=(5, seen.last_hash))
    assert caught.value.data["record"] == 5
    path.with_name("iotsign.audit.head").unlink()
    path.write_bytes(b"".join(lines_of(path)[:3]))
    assert not verify_audit_log(path).end_known
    with pytest.raises(DigestMismatchError, match="records 4 to 5 are missing"):
        verify_audit_log(path, expected=(5, seen.last_hash))


def test_a_log_that_was_cut_off_takes_nothing_more(path: Path) -> None:  # threat 33
    path.write_bytes(b"".join(lines_of(path)[:4]))
    with pytest.raises(StoreError, match="has lost records at its end; nothing is signed"):
        FileAuditLog(path)
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="has lost records"):
        FileAuditLog(path)


def test_a_log_whose_last_record_was_changed_takes_nothing_more(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10] + b"x" + path.read_bytes()[-9:])
    with pytest.raises(StoreError, match=r"last record of the audit log .* is damaged"):
        FileAuditLog(path)


def test_what_a_crash_cut_short_was_never_on_record(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"sequence":6,"time":"2026')
    log = FileAuditLog(path)
    assert path.read_bytes() == whole
    log.append(event())
    assert verify_audit_log(path).records == 6
    log.close()


def test_the_note_may_be_behind(path: Path) -> None:
    head = path.with_name("iotsign.audit.head")
    before = head.read_bytes()
    log = FileAuditLog(path)
    log.append(event())
    log.close()
    head.write_bytes(before)
    assert verify_audit_log(path).records == 6
    FileAuditLog(path).close()


def test_threads_share_a_log(tmp_path: Path) -> None:
    log = FileAuditLog(tmp_path / "log")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log.append, map(event, range(200))))
    log.close()
    assert verify_audit_log(tmp_path / "log").records == 200
    numbers = {json.loads(line)["details"]["number"] for line in lines_of(tmp_path / "log")}
    assert numbers == set(range(200))


def _append_many(path: Path) -> None:
    log = FileAuditLog(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: log.append(event(number), durable=number % 2 == 0), range(200)))


def until_written(path: Path, records: int) -> None:
    """Wait for as many records to be in the file, synced or not."""
    deadline = time.monotonic() + 60
    while len(lines_of(path)) < records:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_need_not_last_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileAuditLog(tmp_path / "log")
    syncs: list[int] = []
    sync = os.fdatasync

    def counted(descriptor: int) -> None:
        syncs.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    log.append(event(1), durable=False)
    assert (len(lines_of(tmp_path / "log")), syncs) == (1, [])
    log.append(event(2))  # brings what is before it
    assert syncs == [(tmp_path / "log").stat().st_size]
    log.close()
    assert verify_audit_log(tmp_path / "log").records == 2


def test_records_that_wait_share_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileAuditLog(tmp_path / "log")
    syncs: list[int] = []
    began, go_on, sync = threading.Event(), threading.Event(), os.fdatasync

    def slow(descriptor: int) -> None:
        syncs.append(os.fstat(descriptor).st_size)
        began.set()
        assert go_on.wait(60)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(log.append, event())
        assert began.wait(60)
        others = [pool.submit(log.append, event(number)) for number in range(1, 9)]
        until_written(tmp_path / "log", 9)
        assert not any(done.done() for done in [first, *others])  # nobody goes on before the sync
        go_on.set()
        for done in [first, *others]:
            done.result(60)
    log.close()
    assert len(syncs) == 2
    assert verify_audit_log(tmp_path / "log").records == 9


def test_a_sync_that_fails_fails_for_all_who_waited_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileAuditLog(tmp_path / "log")
    began, go_on, sync = threading.Event(), threading.Event(), os.fdatasync

    def once(descriptor: int) -> None:
        if began.is_set():
            raise OSError(errno.EIO, "the disk is gone")
        began.set()
        assert go_on.wait(60)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", once)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(log.append, event())
        assert began.wait(60)
        others = [pool.submit(log.append, event(number)) for number in range(1, 4)]
        until_written(tmp_path / "log", 4)
        go_on.set()
        first.result(60)
        assert all(isinstance(done.exception(60), StoreError) for done in others)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="the disk is gone"):
        log.append(event(), durable=False)  # nobody knows what the disk has
    log.close()
    again = FileAuditLog(tmp_path / "log")
    again.append(event())
    again.close()
    assert verify_audit_log(tmp_path / "log").records == 5


def test_a_note_that_fails_stops_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileAuditLog(tmp_path / "log")
    log.append(event())
    head, write = log._head, os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if descriptor == head:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data, offset)

    with monkeypatch.context() as change:
        change.setattr(os, "pwrite", full)
        with pytest.raises(StoreError, match="No space left"):
            log.append(event())
    log.append(event())
    log.close()
    report = verify_audit_log(tmp_path / "log")
    assert (report.records, report.end_known) == (3, True)


def test_a_note_does_not_let_other_processes_into_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileAuditLog(tmp_path / "log")
    log.append(event())
    began, go_on, write = threading.Event(), threading.Event(), os.pwrite

    def slow(descriptor: int, data: bytes, offset: int) -> int:
        began.set()
        assert go_on.wait(60)
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    with ThreadPoolExecutor(2) as pool, (tmp_path / "log").open("rb") as other:
        writing = pool.submit(log.append, event(), durable=False)
        assert began.wait(60)
        noting = pool.submit(log._note, *log._end)
        with pytest.raises(TimeoutError):
            noting.result(0.05)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        go_on.set()
        writing.result(60)
        noting.result(60)
    log.close()


def test_processes_share_a_log(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(tmp_path / "log",)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0
    assert verify_audit_log(tmp_path / "log").records == 600


def test_a_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    log = FileAuditLog(tmp_path / "log")
    log.append(event())
    log.close()
    full = FileAuditLog(tmp_path / "log")
    os.close(full._file)
    full._file = os.open("/dev/full", os.O_RDWR)
    full._path = Path("/dev/full")
    full._end = (0, START)
    with pytest.raises(StoreError, match="so nothing is signed: No space left on device") as caught:
        full.append(event())
    assert caught.value.code == "ENOSPC"
    assert verify_audit_log(tmp_path / "log").records == 1


def test_a_log_that_was_moved_away_takes_nothing_more(path: Path) -> None:
    log = FileAuditLog(path)
    path.rename(path.with_name("elsewhere"))
    path.touch()
    with pytest.raises(StoreError, match="was replaced"):
        log.append(event())
    path.unlink()
    with pytest.raises(StoreError, match="No such file"):
        log.append(event())
    log.close()


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        FileAuditLog(tmp_path)
    with pytest.raises(StoreError, match="cannot read"):
        verify_audit_log(tmp_path / "nothing")
