from pathlib import Path

import pytest
from pydantic import ValidationError

from graph.server.persistence import address
from graph.settings import SECRETS, Settings

pytestmark = pytest.mark.usefixtures("environment")


def test_without_an_address_the_error_names_the_settings() -> None:
    with pytest.raises(ValueError, match="AGENT_DATABASE_URL nor DATABASE_URL is set"):
        _ = Settings().agent_database
    with pytest.raises(ValueError, match="BUSINESS_DATABASE_URL nor DATABASE_URL is set"):
        _ = Settings().business_database


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_as_a_file(environment: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-file\n")
    environment.setenv(f"{name}_FILE", str(secret))
    value = getattr(Settings(), name.lower())
    assert value.get_secret_value() == "from-file"
    assert "from-file" not in repr(value)
    environment.setenv(name, "from-environment")
    assert getattr(Settings(), name.lower()).get_secret_value() == "from-environment"


def test_a_dotenv_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENT_MODEL=openai:from-dotenv\nUNKNOWN=1\n")
    assert Settings().agent_model == "openai:from-dotenv"


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_bounds_must_be_bounds(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MODEL_TIMEOUT_SECONDS", "0")
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("postgresql://u@h/d", "-c search_path=agent"),
        ("postgresql://u@h/d?options=-c%20statement_timeout%3D1000", "-c statement_timeout=1000 -c search_path=agent"),
        ("postgresql://u@h/d?options=-c%20search_path%3Dmine", None),
    ],
)
def test_checkpoints_live_in_a_schema_of_their_own(
    environment: pytest.MonkeyPatch, url: str, options: str | None
) -> None:
    environment.setenv("AGENT_DATABASE_URL", url)
    assert (url if options is None else f"options='{options}'") in address()


def test_a_time_zone_that_is_none_is_refused_by_name(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AGENT_TIMEZONE", "America/Sao_Paolo")
    with pytest.raises(ValidationError, match="'America/Sao_Paolo' is no time zone"):
        Settings()
