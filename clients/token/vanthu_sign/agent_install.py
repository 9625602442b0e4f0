"""Starting with the person's session: a systemd user unit where there is systemd, else a desktop autostart entry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

UNIT = """[Unit]
Description=vanthu-sign: ký văn bản từ trình duyệt
PartOf=graphical-session.target
After=graphical-session.target

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=graphical-session.target
"""
ENTRY = """[Desktop Entry]
Type=Application
Name=vanthu-sign
Comment=Ký văn bản từ trình duyệt
Exec={command}
Terminal=false
X-GNOME-Autostart-enabled=true
"""


def install(arguments: list[str]) -> Path:
    """Writes the one of the two that this machine uses and, for systemd, has it begin now; the file's path."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    if shutil.which("systemctl") and Path("/run/systemd/system").exists():
        file = folder / "systemd" / "user" / "vanthu-sign.service"
        _write(file, UNIT.format(command=_command(arguments, '"{}"')))
        for act in (["daemon-reload"], ["enable", "--now", "vanthu-sign.service"]):
            subprocess.run(["systemctl", "--user", *act], check=False)
        return file
    file = folder / "autostart" / "vanthu-sign.desktop"
    _write(file, ENTRY.format(command=_command(arguments, '"{}"')))
    return file


def _command(arguments: list[str], quoted: str) -> str:
    """Both kinds of file take a double-quoted word; % has a meaning in both."""
    words = [sys.executable, "-m", "vanthu_sign", "agent", *arguments]
    return " ".join(quoted.format(word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")) for word in words)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
