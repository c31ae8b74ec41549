"""Settings of all tests: properties have no time limit per example, since the machine may be busy with something else."""

from hypothesis import HealthCheck, settings

settings.register_profile("flyte", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flyte")
