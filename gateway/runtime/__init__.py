"""What every process needs: loops, ports, health, metrics, traces."""
