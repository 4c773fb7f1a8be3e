import json
from pathlib import Path
from typing import Any

import pytest

from gateway.numbers.channels import Channel, Channels


class Seconds:
    """A clock that every read of the channels moves past the next check of the files."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def write(path: Path, **channel: Any) -> Path:
    path.write_text(json.dumps({"channels": [{"phone_number_id": "1", "access_token": "token", **channel}]}))
    return path


def over(*files: Path, fixed: tuple[Channel, ...] = ()) -> Channels:
    return Channels(fixed, files, clock=Seconds())


def token(channels: Channels, number: str = "1") -> str:
    channel = channels.get(number)
    assert channel is not None
    return channel.access_token.get_secret_value()


@pytest.fixture
def by_files(tmp_path: Path) -> Path:
    """A channels file as Kubernetes mounts it: each secret in its own file."""
    (tmp_path / "access-token").write_text("first-token\n")
    (tmp_path / "app-secret").write_text("new, old\n")
    (tmp_path / "verify-token").write_text("verify-this-number\n")
    names = {"access_token_file": "access-token", "app_secrets_file": "app-secret", "verify_token_file": "verify-token"}
    path = tmp_path / "channels.json"
    path.write_text(json.dumps({"channels": [{"phone_number_id": "1", **names}]}))
    return path


def test_secrets_may_stand_in_files_beside_the_channels_file(by_files: Path) -> None:
    channels = over(by_files)
    assert token(channels) == "first-token"
    assert channels.app_secrets() == ["new", "old"]
    assert channels.verify_tokens() == ["verify-this-number"]


def test_a_rotated_secret_is_taken_without_a_restart(by_files: Path) -> None:
    channels = over(by_files)
    assert token(channels) == "first-token"
    replace(by_files.with_name("access-token"), "second-token")
    assert token(channels) == "second-token"


def test_a_secret_file_that_is_gone_leaves_the_last_good_content_and_is_named(by_files: Path) -> None:
    channels = over(by_files)
    assert token(channels) == "first-token"
    by_files.with_name("verify-token").unlink()
    assert token(channels) == "first-token"
    assert "verify-token" in channels.problems[str(by_files)]
    by_files.with_name("verify-token").write_text("verify-this-later")
    assert channels.verify_tokens() == ["verify-this-later"]
    assert channels.problems == {}


def test_several_files_are_merged_and_one_may_come_later(tmp_path: Path) -> None:
    chart, operator = write(tmp_path / "chart.json"), tmp_path / "operator.json"
    channels = over(chart, operator)
    assert set(channels.all()) == {"1"}
    assert channels.problems == {}
    write(operator, phone_number_id="2")
    assert set(channels.all()) == {"1", "2"}
    operator.unlink()
    assert set(channels.all()) == {"1", "2"}
    assert channels.problems.keys() == {str(operator)}


def test_the_only_file_has_to_be_there(tmp_path: Path) -> None:
    channels = over(tmp_path / "channels.json")
    assert channels.all() == {}
    assert channels.problems


def test_a_problem_never_shows_a_secret(tmp_path: Path) -> None:
    channels = over(write(tmp_path / "channels.json", access_token="segredo-ç"))
    assert channels.all() == {}
    assert "segredo" not in str(channels.problems)


def replace(path: Path, text: str) -> None:
    """Replace a file as the kubelet does: another file under the same name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)
