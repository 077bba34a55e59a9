"""Programs that a test starts, and stops: ours and the reference's."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """A server on a port of its own."""

    def __init__(self, command: list[str], env: dict[str, str], port: int, ready: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while self._status(ready) != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{command[0]} is not ready")
            time.sleep(0.1)

    @classmethod
    def ours(cls, mongo_url: str, db_name: str, *options: str) -> "Service":
        port = free_port()
        command = [os.environ["TRACELLM_BINARY"], "start", "--no-browser", "--port", str(port), *options]
        return cls(command, {"MONGO_URL": mongo_url, "DB_NAME": db_name}, port, "/readyz")

    @classmethod
    def theirs(cls, mongo_url: str, db_name: str) -> "Service":
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning"]
        return cls(command, {"MONGO_URL": mongo_url, "DB_NAME": db_name}, port, "/")

    def _status(self, path: str) -> int:
        try:
            return urllib.request.urlopen(self.url + path, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def get(self, path: str) -> Any:
        return json.load(urllib.request.urlopen(self.url + path, timeout=120))

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        headers = {"content-type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request, timeout=60))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
