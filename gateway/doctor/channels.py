"""The numbers as this process sees them, each with those of its secrets that the process has."""

from __future__ import annotations

from gateway.doctor.findings import Finding, problem
from gateway.numbers.channels import ALL_SECRETS, Channel
from gateway.settings import Settings


def known(settings: Settings) -> list[Channel]:
    """Return the numbers. A secret that this process is not given is empty in them, which is no fault."""
    numbers = dict(settings.channels(()).all())
    for field in sorted(ALL_SECRETS):
        for number, channel in settings.channels((field,)).all().items():
            base = numbers.get(number, channel)
            numbers[number] = base.model_copy(update={field: getattr(channel, field)})
    return list(numbers.values())


def channels(settings: Settings) -> list[Finding]:
    """Check that the channels files can be read, and that a number is configured."""
    read = settings.channels(())
    count = len(read.all())
    found = [
        problem("channels", f"{path} {what}", "mend the file; the processes read it again by themselves")
        for path, what in sorted(read.problems.items())
    ]
    if not count and not found:
        step = "set WHATSAPP_PHONE_NUMBER_ID and the secrets of the number, or CHANNELS_FILE"
        found.append(problem("channels", "no number is configured, so that nothing is received or sent", step))
    return found
