"""A Meta with chosen answers, at httpx's transport."""

import httpx
import pytest
from hypothesis import HealthCheck, settings

from gateway.whatsapp.api.client import CloudApi

TOKEN = "EAABtoken"

# The same examples every time, however slow the machine: a failure means a defect. To look further:
# pytest --hypothesis-profile=default
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


class Meta:
    """Call it with the answers to come (responses, or exceptions to raise); it keeps the requests."""

    token = TOKEN

    def __init__(self):
        self.answers = []
        self.requests = []

    def __call__(self, *answers):
        self.answers.extend(answers)
        return self

    def handle(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def api(self, **options):
        # Over a mock transport a client holds nothing that would need closing.
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.handle))
        return CloudApi(http, access_token=TOKEN, **options)

    @property
    def asked(self):
        """Return method and address of each request, without the part that all share."""
        return [f"{r.method} {str(r.url).removeprefix('https://graph.facebook.com/v26.0')}" for r in self.requests]


@pytest.fixture
def meta():
    return Meta()
