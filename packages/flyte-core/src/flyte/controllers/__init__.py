"""How a running task submits its children. Protocol here; what talks to a cluster joins with the devbox."""
