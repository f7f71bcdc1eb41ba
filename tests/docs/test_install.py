"""`pip install .` gives the whole program: the command, the schema, the pages."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_pip_installs_is_whole_and_runs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("src", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", ROOT / name, source], check=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*pip, "-w", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = zipfile.ZipFile(wheel)
    files = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src/tollbook").rglob("*") if path.is_file()}
    missing = {name for name in files if "__pycache__" not in name} - set(packed.namelist())
    assert not missing
    packed.extractall(tmp_path / "installed")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}
    book = tmp_path / "book.db"
    command = [sys.executable, "-m", "tollbook", "init", "--db", str(book), "--json"]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert '"token"' in made.stdout
