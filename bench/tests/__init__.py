"""Tests of the harness itself: its arithmetic, its gates and its tables."""
