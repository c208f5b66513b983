import gzip
import json
from pathlib import Path

import pytest

from app.demo.simulate import main


def test_the_command_writes_a_trace_and_its_truth_and_twice_the_same(tmp_path: Path):
    for name in ("one", "two"):
        assert main(["tiny", "4", str(tmp_path / name)]) == 0
    lines = [
        json.loads(line) for line in gzip.decompress((tmp_path / "one" / "trace.ndjson.gz").read_bytes()).splitlines()
    ]
    truth = [json.loads(line) for line in (tmp_path / "one" / "truth.ndjson").read_text().splitlines()]
    assert lines[0]["type"] == "site"
    assert [entry["call"] for entry in truth] == [line["id"] for line in lines if line["type"] == "call"]
    assert len(truth) > 5
    for file in ("trace.ndjson.gz", "truth.ndjson"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_unknown_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as refused:
        main(["no_such_kind", "4", str(tmp_path)])
    assert refused.value.code == 2
    assert "no_such_kind" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
