"""Typed code for the events of a plan, so that a compiler tells what the plan would have told later."""

from trackway.workspace.plans.codegen.python import python_code
from trackway.workspace.plans.codegen.typescript import typescript_code

__all__ = ["python_code", "typescript_code"]
