"""Names of events as people give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.naming_lint import NamingLint, lint_name, suggest_name
from trackway.events.semantic import semantic_events

GOOD = """
Order Completed; Signed Up; Signed Out; Unsubscribed; Video Content Playing; Trial Started; Product Added to Cart;
PDF Downloaded; API Key Created; Newsletter Subscribed; User Logged In; Password Reset; Saved Search Viewed;
Report Exported to CSV; 2FA Enabled; Invite Sent; Feed Viewed; Email Marked as Spam; Account Deleted; Page Viewed;
Application Opened; Lead Created; Payment Failed; Invoice Paid; Workspace Created; iPhone Selected;
GitHub Repo Connected; Onboarding Step Completed; Article Bookmarked; Video Paused; Quiz Taken; File Uploaded;
Cart Abandoned; Abandoned Cart Email Opened; CTA Clicked; Live Chat Message Sent; Segment Consent Preference Updated;
Deep Link Opened; Coupon Applied""".replace("\n", " ")

BAD = [
    ("order_completed", "case", "Order Completed"),
    ("orderCompleted", "case", "Order Completed"),
    ("OrderCompleted", "case", "Order Completed"),
    ("ORDER COMPLETED", "case", "Order Completed"),
    ("Order completed", "case", "Order Completed"),
    ("order-completed", "case", "Order Completed"),
    ("subscription_cancelled", "case", "Subscription Cancelled"),
    ("subscription_canceled", "case", "Subscription Canceled"),
    ("user-logged-in", "case", "User Logged In"),
    ("form_submitted", "case", "Form Submitted"),
    ("payment.failed", "case", "Payment Failed"),
    ("CTA clicked", "case", "CTA Clicked"),
    ("Completed Order", "verb_first", "Order Completed"),
    ("Clicked Product", "verb_first", "Product Clicked"),
    ("Added Product to Cart", "verb_first", "Product Added to Cart"),
    ("Viewed Pricing Page", "verb_first", "Pricing Page Viewed"),
    ("Took Quiz", "verb_first", "Quiz Taken"),
    ("opened_email", "verb_first", "Email Opened"),
    ("Sign up", "not_past", "Signed Up"),
    ("sign_up", "not_past", "Signed Up"),
    ("signup", "not_past", "Signed Up"),
    ("Log In", "not_past", "Logged In"),
    ("login", "not_past", "Signed In"),
    ("Complete Order", "not_past", "Order Completed"),
    ("Add to Cart", "not_past", "Product Added"),
    ("add_to_cart", "not_past", "Product Added"),
    ("begin_checkout", "not_past", "Checkout Started"),
    ("Purchase", "not_past", "Order Completed"),
    ("page_view", "not_past", "Page Viewed"),
    ("Send Invite", "not_past", "Invite Sent"),
    ("Sending Invite", "not_past", "Invite Sent"),
    ("deleteAccount", "not_past", "Account Deleted"),
    ("App Open", "not_past", "App Opened"),
    ("session_start", "not_past", "Session Started"),
    ("Pause Video", "not_past", "Video Paused"),
    ("Form Submit", "not_past", "Form Submitted"),
    ("Submit Form", "not_past", "Form Submitted"),
    ("Apply Coupon", "not_past", "Coupon Applied"),
    ("Buy Ticket", "not_past", "Ticket Bought"),
    ("Click on CTA", "not_past", None),
    ("Viewed item 1234", "dynamic", "Item Viewed"),
    ("User Signed Up (11-01-2019)", "dynamic", "User Signed Up"),
    ("Step 2 Completed", "dynamic", "Step Completed"),
    ("order_completed2", "dynamic", "Order Completed"),
    ("Order Completed v2", "dynamic", "Order Completed"),
    ("Viewed /products/shoes/12", "dynamic", None),
    ("Email sent to bob@example.com", "dynamic", "Email Sent"),
    ("Opened https://shop.example/a", "dynamic", None),
    ("Item Purchased for $19.99", "dynamic", "Item Purchased"),
    ("Video Watch 50%", "dynamic", "Video Watched"),
    ("Invoice #1234 Paid", "dynamic", "Invoice Paid"),
    ("Product ID abc12345ef Viewed", "dynamic", "Product ID Viewed"),
    ("Order 7f3b7a52-1b60-4a8e-9d3c-2f6c1d0e8b77 Shipped", "dynamic", "Order Shipped"),
    ("Order {{order_id}} Shipped", "dynamic", "Order Shipped"),
    ("Clicked ${label}", "dynamic", None),
    ("undefined Clicked", "dynamic", None),
    ("Tab [object Object] Selected", "dynamic", "Tab Selected"),
    ("Event 12", "vague", None),
    ("TMDropd", "vague", None),
    ("btn_click", "vague", None),
    ("test", "vague", None),
    ("TEST EVENT", "vague", None),
    ("foo", "vague", None),
    ("Click", "vague", None),
    ("Button Click", "vague", None),
    ("A", "vague", None),
    ("", "vague", None),
    ("12345", "vague", None),
    ("Checkout", "no_action", None),
    ("Homepage Hero Banner", "no_action", None),
    ("Lead", "no_action", None),
]


@pytest.mark.parametrize("name", [name.strip() for name in GOOD.split(";")])
def test_good_names_have_no_problems(name: str):
    assert lint_name(name) == []


def test_the_specifications_own_names_are_good():
    assert [name for name in semantic_events() if lint_name(name)] == []


@pytest.mark.parametrize(("name", "code", "suggestion"), BAD)
def test_bad_names(name: str, code: str, suggestion: str | None):
    (problem,) = lint_name(name)
    assert (problem.code, problem.suggestion) == (code, suggestion)
    assert problem.message.endswith(".")


@pytest.mark.parametrize("suggestion", sorted({suggestion for _, _, suggestion in BAD if suggestion}))
def test_what_is_suggested_is_good(suggestion: str):
    assert lint_name(suggestion) == [] and suggest_name(suggestion) == suggestion


@pytest.mark.parametrize(("name", "others"), [
    ("order_completed", ["Order Completed"]),
    ("Completed Order", ["Order Completed"]),
    ("Orders Completed", ["Order Completed"]),
    ("Order Complete", ["Order Completed"]),
    ("ordercompleted", ["Order Completed"]),
    ("completedorder", ["Order Completed"]),
    ("Product Veiwed", ["Product Viewed"]),
    ("Prodcut Viewed", ["Product Viewed"]),
    ("Order Completed", []),
    ("Order Cancelled", []),
    ("Signed Out", []),
    ("Card Viewed", []),
    ("Product List Viewed", []),
    ("Product Reviewed", []),
])  # fmt: skip
def test_near_duplicates(name: str, others: list[str]):
    lint = NamingLint(["Order Completed", "Signed Up", "Signed In", "Cart Viewed", "Product Viewed"])
    assert lint.near_duplicates(name) == others


def test_of_two_names_for_one_event_the_better_is_suggested():
    lint = NamingLint(["order_completed", "Order Completed"])
    problem = lint.check("Completed Order")[-1]
    assert (problem.code, problem.suggestion) == ("near_duplicate", "Order Completed")
    assert "“Order Completed”, “order_completed”" in problem.message
    assert lint.check("Order Completed")[-1].code == "near_duplicate"
    assert NamingLint().check("Order Completed") == []


@given(st.text(max_size=40) | st.text(alphabet="aBed 1_-/.()#", max_size=30))
def test_any_name_can_be_judged(name: str):
    lint = NamingLint([name, "Order Completed"])
    lint.check(name)
    for problem in lint_name(name):
        assert problem.suggestion != name


def test_a_near_duplicate_is_not_told_to_take_a_bad_name():
    names = NamingLint(["Completed Foo"])
    assert [one.suggestion for one in names.check("foo_completed")] == ["Foo Completed", "Foo Completed"]
    assert [one.suggestion for one in names.check("Foo Completed")] == ["Completed Foo"]
