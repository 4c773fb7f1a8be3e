"""The operator's vocabulary, as plain values: no call to Meta or Kubernetes is made here.

`declared` holds the specs as types, `declarations` all specs of the cluster, `observed` the findings at Meta and in the
cluster, and `actions` the results of planning. `conditions`, `verdicts` and `last_seen` make the conditions of a
status. `channels_file` and `template_content` translate specs for the gateways and for Meta.
"""
