#!/bin/sh
# Refuses to deploy to anything but a kind cluster: skaffold takes whatever the current context is.
context=${SKAFFOLD_KUBE_CONTEXT:-$(kubectl config current-context)}
case $context in
kind-*) ;;
*)
  echo "The context is '$context'; only kind-… is allowed here: kubectl config use-context kind-…" >&2
  exit 1
  ;;
esac
