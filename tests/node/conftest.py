from tests.delivery.conftest import engine, log

__all__ = ["engine", "log"]
