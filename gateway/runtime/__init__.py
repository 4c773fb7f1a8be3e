"""The parts that every process needs: loops, ports, health, metrics, traces."""
