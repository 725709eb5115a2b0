"""Tracking plans: which events there are to be and what is in them, as files in `plans/` of the workspace.

`docs/tracking-plans.md` has the files' form. `load_plans` reads them, `PlanCheck` holds events against one.
"""

from trackway.workspace.plans.checking import PlanCheck, Violation
from trackway.workspace.plans.folder import Plans, load_plans, plans_stamp, read_plan
from trackway.workspace.plans.model import Controls, Plan, PlanError, Row, Rule

__all__ = [
    "Controls",
    "Plan",
    "PlanCheck",
    "PlanError",
    "Plans",
    "Row",
    "Rule",
    "Violation",
    "load_plans",
    "plans_stamp",
    "read_plan",
]
