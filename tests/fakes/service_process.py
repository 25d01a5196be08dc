"""A process of its own that does one signing job, or signs one payload, and may be made to end in the middle.

Usage: service_process.py FOLDER ACTION [ARGUMENT], where FOLDER was made by the fixture `service_folder`. Actions:
``kill STEP`` ends by SIGKILL after a step; ``limit BYTES`` can make no file longer than that once the job is accepted,
``limit-all BYTES`` from the beginning; ``many COUNT`` does COUNT jobs and all that others left; ``measure`` does
one, and prints by how many KiB that raised the peak of memory.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from iotsign.app.service import OpenService, ServiceSettings, open_service
from iotsign.errors import StoreError
from iotsign.signer import Caller

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")


def start(opened: OpenService, folder: Path, token: str) -> str:
    """Start the job that the folder describes."""
    request: dict[str, Any] = json.loads((folder / "request.json").read_text())
    answer = opened.service.call(ME, "StartSigningJob", request | {"clientRequestToken": token}, request_id="r")
    return str(answer["jobId"])


def do(opened: OpenService, folder: Path, token: str) -> None:
    """Do what the folder describes: a job, or a payload."""
    request: dict[str, Any] = json.loads((folder / "request.json").read_text())
    if "payload" in request:
        payload = request | {"payload": request["payload"].encode()}
        opened.service.call(ME, "SignPayload", payload, request_id="r")
    else:
        opened.service.run_job(start(opened, folder, token))


def main(folder: Path, action: str, argument: str) -> None:
    """Do what is asked."""

    def on_step(step: str, _: str) -> None:
        if action == "kill" and step == argument:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_service(ServiceSettings(folder), on_step=on_step) as opened:
        if action == "many":
            for number in range(int(argument)):
                do(opened, folder, f"{os.getpid()}-{number}")
                for job_id in opened.service.recover():
                    opened.service.run_job(job_id)
            return
        if action == "kill":
            do(opened, folder, "token")
            return
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): forget the peak so far
        before = memory("VmRSS")
        try:
            if action == "limit-all":
                limit(int(argument))
            job_id = start(opened, folder, "token")
            if action == "limit":
                limit(int(argument))
            opened.service.run_job(job_id)
        except StoreError as error:
            sys.stdout.write(error.message)
        if action == "measure":
            sys.stdout.write(str(memory("VmHWM") - before))


def memory(field: str) -> int:
    """Give a size from the process's status, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def limit(size: int) -> None:
    """Let no file grow beyond so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
