"""Channels from the environment and from files that change."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway import health_checks
from gateway.numbers.channels import Channel, Channels
from gateway.numbers.quiet_period import QuietPeriod
from gateway.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def write(path: Path, *channels: dict[str, Any]) -> None:
    path.write_text(json.dumps({"channels": channels}))


def channel(number: str, token: str = "t", **more: Any) -> dict[str, Any]:  # noqa: S107  # no real token
    return {"phone_number_id": number, "access_token": token, **more}


def test_files_and_the_short_form_are_merged_and_files_win(tmp_path: Path) -> None:
    write(tmp_path / "a.json", channel("1", "from-a"), channel("2", "from-a"))
    write(tmp_path / "b.json", channel("2", "from-b"))
    channels = Channels(
        [Channel.model_validate(channel("1", "short")), Channel.model_validate(channel("3", "short"))],
        [tmp_path / "a.json", tmp_path / "b.json"],
        Clock(),
    )
    tokens = {name: one.access_token.get_secret_value() for name, one in channels.all().items()}
    assert tokens == {"1": "from-a", "2": "from-b", "3": "short"}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "channels.json"
    write(path, channel("1", app_secrets=["old"]))
    channels = Channels((), [path], Clock())
    assert channels.app_secrets() == ["old"]
    write(path, channel("1", app_secrets=["new", "old"]), channel("2", app_secrets=["new"]))
    assert channels.app_secrets() == ["new", "old"]
    assert channels.get("2")
    write(path)
    assert channels.all() == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"channels": 3}', '{"channels": [{"phone_number_id": "1"}]}'])
def test_nonsense_leaves_the_last_good_content_and_says_so_without_secrets(tmp_path: Path, content: str) -> None:
    path = tmp_path / "channels.json"
    write(path, channel("1", "the-token"))
    channels = Channels((), [path], Clock())
    assert channels.get("1")
    path.write_text(content)
    assert channels.get("1")
    [problem] = channels.problems.values()
    assert "the-token" not in problem
    write(path, channel("2"))
    assert channels.get("2")
    assert channels.problems == {}


def test_a_missing_file_is_a_problem_until_it_is_there(tmp_path: Path) -> None:
    channels = Channels((), [tmp_path / "later.json"], Clock())
    assert channels.all() == {}
    assert channels.problems
    write(tmp_path / "later.json", channel("1"))
    assert channels.get("1")
    assert not channels.problems


def test_secrets_show_in_no_representation() -> None:
    one = Channel.model_validate(channel("1", "the-token", app_secrets=["the-secret"], verify_token="the-verify-token"))
    for secret in ("the-token", "the-secret", "the-verify"):
        assert secret not in repr(one)


def test_a_verify_token_that_could_be_guessed_is_refused_with_the_way_to_a_better_one(tmp_path: Path) -> None:
    write(tmp_path / "channels.json", channel("1", verify_token="v" * 15), channel("2", verify_token="v" * 16))
    channels = Channels(files=[tmp_path / "channels.json"])
    assert list(channels.all()) == ["2"]
    [problem] = channels.problems.values()
    assert "1: verify_token: a verify token has at least 16 characters: make one with `openssl rand -hex 16`" in problem
    with pytest.raises(ValidationError, match="at least 16 characters"):
        Settings(_env_file=None, database_url="postgresql://x", whatsapp_webhook_verify_token="v" * 15)


def test_a_channel_may_have_its_own_quiet_period() -> None:
    default = QuietPeriod(1.5, 8)
    assert Channel.model_validate(channel("1")).quiet(default) == default
    assert Channel.model_validate(channel("1", quiet_period_seconds=3)).quiet(default) == QuietPeriod(3, 8)
    assert Channel.model_validate(channel("1", quiet_period_seconds=30)).quiet(default) == QuietPeriod(30, 30)


def hours(zone: str = "America/Sao_Paulo", opens: str = "09:00", closes: str = "18:00") -> dict[str, Any]:
    return {"business_hours": {"timezone": zone, "open": [{"days": ["fri"], "from": opens, "to": closes}]}}


@pytest.mark.parametrize(
    ("context", "said"),
    [
        (hours("America/Sao_Paolo"), "'America/Sao_Paolo' is no time zone"),
        (hours("America"), "'America' is no time zone"),
        (hours(opens="9:00"), "business_hours.open.0.from"),
        (hours(opens="09:00", closes="09:00"), "the whole day is 00:00 to 24:00"),
        ({"business_hours": "always"}, "business_hours"),
    ],
)
def test_business_hours_that_would_fail_every_run_are_refused_by_name(
    tmp_path: Path, context: dict[str, Any], said: str
) -> None:
    path = tmp_path / "channels.json"
    write(path, channel("1", "before"), channel("2", "before"))
    channels = Channels((), [path], Clock())
    assert channels.get("1")
    write(path, channel("1", "after", context=context), channel("2", "after"), channel("3", context=context))
    tokens = {name: one.access_token.get_secret_value() for name, one in channels.all().items()}
    assert tokens == {"1": "before", "2": "after"}  # the other channels of the file are used
    [problem] = channels.problems.values()
    assert "1: context: " in problem
    assert "3: context: " in problem
    assert said in problem
    write(path, channel("1", "mended", context=hours(opens="22:00", closes="02:00")))
    assert channels.get("1").access_token.get_secret_value() == "mended"  # type: ignore[union-attr]
    assert channels.problems == {}


@pytest.mark.parametrize("rate", [0, -1, 0.01, 1001, 1e300, "NaN", "Infinity", "1e-9", "fast", None])
def test_a_rate_at_which_nothing_can_be_sent_is_refused_by_name(tmp_path: Path, rate: object) -> None:
    path = tmp_path / "channels.json"
    write(path, channel("1"))
    channels = Channels((), [path], Clock())
    assert channels.all()["1"].messages_per_second == 80
    write(path, channel("1", messages_per_second=rate))
    assert channels.all()["1"].messages_per_second == 80
    [problem] = channels.problems.values()
    assert "messages_per_second" in problem


@pytest.mark.parametrize("rate", [0.1, 20, 80, 1000])
def test_a_rate_of_meta_is_taken(rate: float) -> None:
    assert Channel.model_validate(channel("1", messages_per_second=rate)).messages_per_second == rate


async def test_a_number_without_an_app_secret_is_said_by_its_id(tmp_path: Path) -> None:
    path = tmp_path / "channels.json"
    write(path, channel("1", app_secrets=["s"]), channel("2"), channel("3", app_secrets=[""]))
    channels = Channels((), (path,), clock=Clock())
    assert (said := await health_checks.signed_numbers(channels)) is not None
    assert "no app secret for 2, 3" in said
    assert await health_checks.numbers(channels) is None  # as `work` is asked, which has no app secret
    path.write_text("{")
    assert (said := await health_checks.signed_numbers(channels)) is not None
    assert "is no channels file" in said
    assert "no app secret for 2, 3" in said
    write(path, channel("1", app_secrets=["s"]))
    assert await health_checks.signed_numbers(channels) is None


async def test_no_number_at_all_is_said_with_the_settings_that_name_one() -> None:
    assert (said := await health_checks.numbers(Channels())) is not None
    assert "WHATSAPP_PHONE_NUMBER_ID" in said


def test_a_process_holds_only_the_secrets_that_it_uses(tmp_path: Path) -> None:
    """The others are not demanded: their files are absent where the chart gives them to other processes only."""
    entry = {"phone_number_id": "1", "access_token_file": "absent", "app_secrets": ["s"], "verify_token": "v" * 16}
    file = tmp_path / "channels.json"
    file.write_text(json.dumps({"channels": [entry, {"phone_number_id": "2", "access_token": "t"}]}))
    serve = Channels(files=[file], secrets=("app_secrets", "verify_token"))
    assert {number: one.access_token.get_secret_value() for number, one in serve.all().items()} == {"1": "", "2": ""}
    assert (serve.app_secrets(), serve.verify_tokens(), serve.problems) == (["s"], ["v" * 16], {})
    (tmp_path / "absent").write_text("token")
    work = Channels(files=[file], secrets=("access_token",))
    assert [one.access_token.get_secret_value() for one in work.all().values()] == ["token", "t"]
    assert (work.app_secrets(), work.verify_tokens()) == ([], [])


def test_a_process_that_calls_meta_wants_an_access_token(tmp_path: Path) -> None:
    file = tmp_path / "channels.json"
    file.write_text(json.dumps({"channels": [{"phone_number_id": "1", "app_secrets": ["s"]}]}))
    channels = Channels(files=[file])
    assert channels.all() == {}
    assert "1: access_token" in channels.problems[str(file)]


def test_the_short_form_wants_no_token_where_the_process_uses_none() -> None:
    settings = Settings(_env_file=None, database_url="postgresql://x/y", whatsapp_phone_number_id="1")
    assert settings.channels(("app_secrets",)).all().keys() == {"1"}
    given = {"whatsapp_access_token": "t", "whatsapp_app_secret": "s", "whatsapp_webhook_verify_token": "v" * 16}
    whole = Settings(_env_file=None, database_url="postgresql://x/y", whatsapp_phone_number_id="1", **given)
    work = whole.channels(("access_token",))
    assert (work.app_secrets(), work.verify_tokens()) == ([], [])
    assert settings.channels().all() == {}
