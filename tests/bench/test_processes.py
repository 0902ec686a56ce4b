"""What a run has started ends with it, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest

from tests.streams import eventually

# As pg_ctl does: the process is another's child, and of another session.
RUN = """
import subprocess, sys, time
from bench.processes import end_with_us
start = "import subprocess as s; print(s.Popen(['sleep', '1000'], stdout=s.DEVNULL).pid)"
pid = int(subprocess.check_output([sys.executable, "-c", start], start_new_session=True))
end_with_us(pid)
end_with_us(pid)
print(pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere nobody watches.")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_is_no_child_ends_with_who_had_it_started(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE) as run:
        assert run.stdout
        server = psutil.Process(int(run.stdout.readline()))
        assert server.is_running()
        run.send_signal(how)
    eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
