"""The run contract, the only coupling with the gateway: the input and context of a run, and its replies."""
