"""The part of a Kubernetes API server that the operator's own calls need, in memory. (A real one tests kopf's.)"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes_asyncio import client

from k8s.model.json_object import Json

_CUSTOM = "/apis/whatsapp-agent.io/v1alpha1"


class ApiServer:
    """Secrets and ConfigMaps by (namespace, name), and the patches of statuses that came in."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.patches: list[tuple[str, Json]] = []
        self.requests: list[str] = []
        self.forbidden: set[str] = set()
        self.away = False
        self.gone = False
        self.defined = True
        self.faster_writers = 0  # this many writes come after another writer's
        self._versions = count(1)

    def put(self, kind: str, namespace: str, name: str, data: dict[str, str | bytes]) -> None:
        """Set a Secret (`secrets`) or ConfigMap (`configmaps`, where bytes go to binaryData)."""
        encoded = {
            key: base64.b64encode(one if isinstance(one, bytes) else one.encode()).decode() for key, one in data.items()
        }
        content = {"data": encoded} if kind == "secrets" else {"binaryData": encoded}
        self.objects[kind, namespace, name] = {**content, "metadata": self._meta(namespace, name)}

    def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        held = self.objects["secrets", namespace, name]
        return {key: base64.b64decode(one) for key, one in held["data"].items()}

    def delete(self, kind: str, namespace: str, name: str) -> None:
        del self.objects[kind, namespace, name]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[client.ApiClient]:
        """Yield a client of the library over a real connection."""
        app = web.Application(middlewares=[self._trouble])
        objects = "/api/v1/namespaces/{namespace}/{kind}"
        app.router.add_get(objects + "/{name}", self._get)
        app.router.add_post(objects, self._create)
        app.router.add_patch(objects + "/{name}", self._patch_object)
        app.router.add_patch(_CUSTOM + "/namespaces/{namespace}/{kind}/{name}/status", self._patch_status)
        app.router.add_get(_CUSTOM, self._definitions)
        async with TestServer(app) as server:
            configuration = client.Configuration(host=str(server.make_url("")).rstrip("/"))
            configuration.retries = 0
            async with client.ApiClient(configuration) as api:
                yield api

    @web.middleware
    async def _trouble(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.match_info.get('name', '')}")
        if self.away:
            return self._status(503, "ServiceUnavailable")
        if request.match_info.get("name") in self.forbidden:
            return self._status(403, "Forbidden")
        return await handler(request)  # type: ignore[no-any-return]

    async def _get(self, request: web.Request) -> web.Response:
        held = self.objects.get(self._key(request))
        return self._status(404, "NotFound") if held is None else web.json_response(held)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        key = (request.match_info["kind"], request.match_info["namespace"], body["metadata"]["name"])
        if key in self.objects:
            return self._status(409, "AlreadyExists")
        return self._stored(key, body, 201)

    async def _patch_object(self, request: web.Request) -> web.Response:
        key, patch = self._key(request), await request.json()
        held = self.objects[key]
        if self.faster_writers:
            self.faster_writers -= 1
            held["metadata"]["resourceVersion"] = str(next(self._versions))
        if patch["metadata"]["resourceVersion"] != held["metadata"]["resourceVersion"]:
            return self._status(409, "Conflict")
        return self._stored(key, {**held, "data": {**held["data"], **patch["data"]}}, 200)

    async def _patch_status(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/merge-patch+json"
        if self.gone:
            return self._status(404, "NotFound")
        self.patches.append((request.match_info["name"], (await request.json())["status"]))
        return web.json_response({"metadata": {"resourceVersion": str(next(self._versions))}})

    async def _definitions(self, _: web.Request) -> web.Response:
        return (
            web.json_response({"groupVersion": "whatsapp-agent.io/v1alpha1", "resources": []})
            if self.defined
            else self._status(404, "NotFound")
        )

    def _stored(self, key: tuple[str, str, str], body: Json, status: int) -> web.Response:
        self.objects[key] = {**body, "metadata": {**body["metadata"], **self._meta(key[1], key[2])}}
        return web.json_response(self.objects[key], status=status)

    def _meta(self, namespace: str, name: str) -> Json:
        return {"namespace": namespace, "name": name, "resourceVersion": str(next(self._versions))}

    def _key(self, request: web.Request) -> tuple[str, str, str]:
        info = request.match_info
        return info["kind"], info["namespace"], info["name"]

    def _status(self, code: int, reason: str) -> web.Response:
        return web.json_response({"kind": "Status", "code": code, "reason": reason}, status=code)
