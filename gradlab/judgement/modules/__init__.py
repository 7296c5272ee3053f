"""The verdict on somebody's own module."""
