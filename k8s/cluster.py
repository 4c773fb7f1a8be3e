"""Calls to Kubernetes besides kopf's own: Secrets and ConfigMaps by name, the channels Secret, resource statuses."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException

from k8s.model import channels_file
from k8s.model.declared import GROUP, MIN_VERIFY_TOKEN, VERIFY_TOKEN_KEY, VERSION, KeyRef, Number
from k8s.model.json_object import Json
from k8s.model.observed import Problem, Secrets

_MAX_WRITE_ATTEMPTS = 5
_LABELS = {
    "app.kubernetes.io/managed-by": "whatsapp-agent-operator",
    "app.kubernetes.io/part-of": "whatsapp-agent",
}


class ClusterError(Exception):
    """The API server refused a request or did not answer; problem: why, for the status."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


class MissingKeysError(Exception):
    """Keys that do not exist or cannot be read; missing: each with its Secret or ConfigMap."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(", ".join(self.missing))


@asynccontextmanager
async def connect(channels_secret: str) -> AsyncIterator[Cluster]:
    """Connect to the cluster that this pod runs in, else to the one that KUBECONFIG names."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]  # the library says nothing of it
    except config.ConfigException:
        await config.load_kube_config()
    async with client.ApiClient() as api:
        yield Cluster(api, channels_secret)


class Cluster:
    """The API server. channels_secret: name of the Secret that gateways read, in each namespace."""

    def __init__(self, api: client.ApiClient, channels_secret: str) -> None:
        self._core = client.CoreV1Api(api)
        self._custom = client.CustomObjectsApi(api)
        self.channels_secret = channels_secret
        self._writing = asyncio.Lock()  # one replica, but many numbers of one namespace

    async def secrets(self, namespace: str, number: Number) -> Secrets:
        """Read a number's credentials.

        Raises:
            MissingKeysError: Some of them do not exist or are empty, or may not be read.
            ClusterError: The API server does not answer.
        """
        verify = number.credentials.verify_token
        if not VERIFY_TOKEN_KEY.fullmatch(verify.key):
            refused = f"key {verify.key} of Secret {verify.name} (the key of a verify token ends with verify-token)"
            raise MissingKeysError([refused])
        found, missing = await self._keys(namespace, number.credentials.all())
        if missing:
            raise MissingKeysError(missing)
        parts = [one.strip() for ref in number.credentials.app_secrets for one in found[ref].split(",")]
        app_secrets = tuple(dict.fromkeys(part for part in parts if part))
        if not app_secrets:  # only commas: without one, gateways would refuse every webhook
            raise MissingKeysError([f"key {ref.key} of Secret {ref.name}" for ref in number.credentials.app_secrets])
        if len(found[verify]) < MIN_VERIFY_TOKEN:
            advice = f"a verify token has at least {MIN_VERIFY_TOKEN} characters: openssl rand -hex 16"
            raise MissingKeysError([f"key {verify.key} of Secret {verify.name} ({advice})"])
        return Secrets(
            access_token=found[number.credentials.access_token],
            app_secrets=app_secrets,
            verify_token=found[verify],
        )

    async def access_token(self, namespace: str, number: Number) -> str:
        """Read only a number's access token. Raises as `secrets`."""
        found, missing = await self._keys(namespace, [number.credentials.access_token])
        if missing:
            raise MissingKeysError(missing)
        return found[number.credentials.access_token]

    async def last_access_token(self, namespace: str, number: Number) -> str:
        """Read a number's access token for its last calls; without its Secret, the one that gateways have.

        Raises as `secrets`.
        """
        try:
            return await self.access_token(namespace, number)
        except MissingKeysError:
            files = await self.channels_files(namespace) or {}
            held = channels_file.read(files.get(channels_file.WHOLE_KEY)).get(number.phone_number_id)
            if held is None:
                raise
            return str(held["access_token"])

    async def file(self, namespace: str, ref: KeyRef) -> bytes:
        """Read a key of a ConfigMap. Raises as `secrets`."""
        described = f"key {ref.key} of ConfigMap {ref.name}"
        try:
            held = await self._core.read_namespaced_config_map(ref.name, namespace)
        except ApiException as error:
            refused = _refused(error, described, f"ConfigMap {ref.name}")
            blocked = isinstance(refused, ClusterError) and refused.problem.kind == "blocked"
            raise (MissingKeysError([f"{described} ({refused})"]) if blocked else refused) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _away(error) from None
        encoded, plain = (held.binary_data or {}).get(ref.key), (held.data or {}).get(ref.key)
        if encoded is None and plain is None:
            raise MissingKeysError([described])
        return base64.b64decode(encoded) if encoded is not None else (plain or "").encode()

    async def channels_files(self, namespace: str) -> dict[str, bytes] | None:
        """Read the channels files of a namespace by their keys; None where there is no Secret. Raises ClusterError."""
        held = await self._read_secret(namespace, self.channels_secret)
        return None if held is None else _all_decoded(held)

    async def change_channels_files(self, namespace: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replace the channels files by `change` of the whole one, also where others write meanwhile.

        Raises:
            ClusterError: They were not written.
        """
        async with self._writing:
            for _ in range(_MAX_WRITE_ATTEMPTS):
                held = await self._read_secret(namespace, self.channels_secret)
                files = {} if held is None else _all_decoded(held)
                made = channels_file.keys(change(files.get(channels_file.WHOLE_KEY)))
                if made.items() <= files.items() or await self._write_secret(namespace, held, made):
                    return
        raise ClusterError(Problem("temporary", "Conflict", f"Secret {self.channels_secret} is changed by others"))

    async def patch_status(self, plural: str, namespace: str, name: str, patch: Json) -> str | None:
        """Merge patch into the status; return the new resource version, None when the resource is gone.

        Raises:
            ClusterError: It was not written.
        """
        # The library's own choice would be JSON patch; its types do not know this parameter.
        how: Any = {"_content_type": "application/merge-patch+json"}
        try:
            patched: Any = await self._custom.patch_namespaced_custom_object_status(
                GROUP, VERSION, namespace, plural, name, {"status": patch}, **how
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise _refused(error, f"{plural} {name}", f"the status of {plural}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _away(error) from None
        return str(patched["metadata"]["resourceVersion"])

    async def check_definitions(self) -> None:
        """Check that the cluster knows our resources.

        Raises:
            RuntimeError: It does not; the sentence says what to do.
            ClusterError: The API server does not answer.
        """
        try:
            await self._custom.get_api_resources(GROUP, VERSION)
        except ApiException as error:
            if error.status != 404:
                raise _refused(error, GROUP, GROUP) from None
            raise RuntimeError(
                f"The cluster has no resources of {GROUP}/{VERSION}: kubectl apply -f k8s/crds"
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _away(error) from None

    async def _keys(self, namespace: str, refs: Iterable[KeyRef]) -> tuple[dict[KeyRef, str], list[str]]:
        """Return the values of keys of Secrets, and the missing keys; each Secret is read once."""
        refs = list(refs)
        held: dict[str, client.V1Secret | None] = {}
        missing = []
        for name in dict.fromkeys(ref.name for ref in refs):
            try:
                held[name] = await self._read_secret(namespace, name)
                missing += [] if held[name] else [f"Secret {name}"]
            except ClusterError as error:
                if error.problem.kind == "temporary":
                    raise
                missing.append(f"Secret {name} ({error.problem.message})")
        found = {ref: _text(held.get(ref.name), ref.key) for ref in refs}
        missing += [
            f"key {ref.key} of Secret {ref.name}" for ref, text in found.items() if held.get(ref.name) and not text
        ]
        return found, missing

    async def _read_secret(self, namespace: str, name: str) -> client.V1Secret | None:
        try:
            return await self._core.read_namespaced_secret(name, namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise _refused(error, f"Secret {name}", f"Secret {name}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _away(error) from None

    async def _write_secret(self, namespace: str, held: client.V1Secret | None, files: dict[str, bytes]) -> bool:
        """Return whether it was written; it is not when another writer was faster."""
        data = {key: base64.b64encode(content).decode() for key, content in files.items()}
        try:
            if held is None:
                meta = client.V1ObjectMeta(name=self.channels_secret, labels=_LABELS)
                await self._core.create_namespaced_secret(namespace, client.V1Secret(metadata=meta, data=data))
            else:
                # Only the data: the rest of the object belongs to its creator, Helm for example.
                patch = {"metadata": {"resourceVersion": held.metadata.resource_version}, "data": data}
                await self._core.patch_namespaced_secret(self.channels_secret, namespace, patch)
        except ApiException as error:
            if error.status == 409:
                return False
            raise _refused(error, f"Secret {self.channels_secret}", f"Secret {self.channels_secret}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _away(error) from None
        return True


def _all_decoded(secret: client.V1Secret) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (secret.data or {}).items()}


def _decoded(secret: client.V1Secret, key: str) -> bytes | None:
    value = (secret.data or {}).get(key)
    return None if value is None else base64.b64decode(value)


def _text(secret: client.V1Secret | None, key: str) -> str:
    return ((_decoded(secret, key) if secret else None) or b"").decode("utf-8", "replace").strip()


def _refused(error: ApiException, what: str, allowed: str) -> Exception:
    """Return the exception for an answer of the API server, without its body, which may show a Secret."""
    if error.status == 404:
        return MissingKeysError([what])
    if error.status == 403:
        message = (
            f"The operator may not access {allowed}: name it in the operator's Role (the chart's operator.secretNames)"
        )
        return ClusterError(Problem("blocked", "Forbidden", message))
    return ClusterError(Problem("temporary", "ClusterUnavailable", f"The API server answers {error.status} for {what}"))


def _away(error: Exception) -> ClusterError:
    return ClusterError(
        Problem("temporary", "ClusterUnavailable", f"The API server does not answer ({type(error).__name__})")
    )
