"""The run contract, the only coupling with the channel: what a run is given, and the replies that it gives."""
