"""The operator: numbers, templates and agent settings that the cluster declares, brought to Meta and the gateway."""
