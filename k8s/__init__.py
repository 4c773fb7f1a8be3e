"""The operator: numbers, templates and agent settings, as the cluster declares them, brought to Meta and the gateway."""
