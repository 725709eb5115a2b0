"""The words that `naming_lint` knows: verbs that events are named with, in their forms, and words that say nothing."""

_REGULAR = """
abandon accept access achieve activate add adjust allow answer apply approve archive arrive ask assign attach attempt
authenticate authorise authorize award backup ban block book bookmark bounce browse call cancel capture change charge
chat check claim clear click clone close collapse collect comment compare complete confirm connect contact continue
convert copy create crash customise customize deactivate decline delete deliver demote deny deposit detect disable
discard disconnect dislike dismiss display donate downgrade download drag drop duplicate earn edit email embed enable
encounter end engage enter enroll escalate estimate exit expand expire export fail favorite favourite fetch fill filter
finish fire flag focus follow forward generate grant group highlight hover identify ignore import impress increase
initiate input insert inspect install invite invoke invoice join label land launch like link list load lock log mark
match mention merge minimize miss move mute navigate notify offer onboard open opt order pass paste pause pay perform
pick pin place plan play post preview press print process promote prompt publish pull purchase push queue rate reach
reactivate receive recommend record recover redeem redirect redo refer refresh refund register reject release reload
remind remove rename renew reopen reorder repeat replace reply report request resend reserve resize resolve respond
restart restore resume retry return reveal review revoke reward rotate save scan schedule scroll search select share
ship show sign skip snooze solve sort start stop store stream submit subscribe suggest suspend swipe switch sync
synchronise synchronize tag tap test toggle touch track transfer trash trigger trim turn type unarchive unblock
unfollow uninstall unlike unlink unlock unmute unpin unpost unsubscribe update upgrade upload upvote use validate
verify view visit vote wait warn watch zoom attribute foreground background impersonate react reset interact
"""
_IRREGULAR = {
    "begin": "begun", "bid": "bid", "bring": "brought", "build": "built", "buy": "bought", "catch": "caught",
    "choose": "chosen", "cut": "cut", "draw": "drawn", "find": "found", "forget": "forgotten", "get": "got",
    "give": "given", "go": "gone", "hide": "hidden", "hold": "held", "keep": "kept", "learn": "learned",
    "leave": "left", "lose": "lost", "make": "made", "meet": "met", "overwrite": "overwritten", "pay": "paid",
    "put": "put", "quit": "quit", "read": "read", "rebuild": "rebuilt", "redo": "redone", "resend": "resent",
    "reset": "reset", "run": "run", "see": "seen", "sell": "sold", "send": "sent", "set": "set", "shut": "shut",
    "speak": "spoken", "spend": "spent", "split": "split", "spin": "spun", "swim": "swum", "take": "taken",
    "teach": "taught", "tell": "told", "undo": "undone", "win": "won", "withdraw": "withdrawn", "write": "written",
    "show": "shown", "understand": "understood", "upset": "upset", "throw": "thrown", "wear": "worn",
}  # fmt: skip
_DOUBLED = frozenset(
    {
        "ban", "chat", "drag", "drop", "embed", "flag", "log", "opt", "pin", "plan", "refer", "scan", "ship", "skip",
        "stop", "submit", "tag", "tap", "transfer", "trim", "unpin", "cancel",
    }
)  # fmt: skip
_OTHER_PASTS = {
    "began": "begin", "canceled": "cancel", "chose": "choose", "gave": "give", "went": "go", "hid": "hide",
    "ran": "run", "saw": "see", "took": "take", "wrote": "write", "showed": "show", "sold": "sell", "embedded": "embed",
    "forgot": "forget", "drew": "draw", "withdrew": "withdraw", "spoke": "speak", "gotten": "get", "synced": "sync",
    "labelled": "label", "travelled": "travel", "modelled": "model",
}  # fmt: skip


def _past(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + verb[-1] * (verb in _DOUBLED) + "ed"


def _other_forms(verb: str) -> tuple[str, str]:
    """Return the verb's form in -ing and its third person."""
    stem = verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb + verb[-1] * (verb in _DOUBLED)
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb + "ing", verb[:-1] + "ies"
    return stem + "ing", verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "o", "z")) else "s")


PAST_OF = {verb: _past(verb) for verb in (*_REGULAR.split(), *_IRREGULAR)}
"""The past participle of every verb known, by its infinitive."""
VERB_OF_PAST = {past: verb for verb, past in PAST_OF.items()} | _OTHER_PASTS
"""The infinitive of every past form known."""
VERB_OF_OTHER_FORM = {form: verb for verb in PAST_OF for form in _other_forms(verb)}
"""The infinitive of every form in -ing or third person known."""
_NO_VERBS_IN_ED = """
bed bleed breed deed feed greed hundred indeed med need red seed shed speed unlimited weed wed newsfeed spreadsheed
embed biped moped sled
"""
NO_VERBS_IN_ED = frozenset(_NO_VERBS_IN_ED.split())
"""Words in -ed that are no past forms."""
_PARTICLES = """
up in out on off to from as by with into for at via over down again back through of away after before without
successfully manually automatically about
"""
PARTICLES = frozenset(_PARTICLES.split())
"""Words that may follow the verb: Signed Up, Product Added to Cart."""
SMALL_WORDS = PARTICLES | {"a", "an", "and", "or", "the", "vs"}
"""Words that Proper Case may leave small."""
WITHOUT_OBJECT = frozenset(
    {"signed up", "signed in", "signed out", "logged in", "logged out", "unsubscribed", "subscribed", "opted in",
     "opted out", "checked out", "upgraded", "downgraded", "registered", "checked in"}
)  # fmt: skip
"""Names that everybody understands although they have no object."""
EXCEPTIONS = frozenset({"video content playing", "video ad playing", "account added user", "account removed user"})
"""Segment's own names that keep to no rule."""
_VAGUE = """
event test action click clicked button untitled custom foo bar baz asdf qwerty track data temp tmp misc other default
unknown example sample thing stuff new my name demo dummy todo none hello interaction xxx abc
"""
VAGUE = frozenset(_VAGUE.split())
"""Words of which a name alone may not be made."""
_ABBREVIATIONS = """
btn clk pg usr evt acct cnt txt img pwd trx txn qty prd cust subm del upd msg dl reg conf req resp nav scr
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
OTHER_VOCABULARIES = {
    "add_payment_info": "Payment Info Entered",
    "add_shipping_info": "Checkout Step Completed",
    "add_to_cart": "Product Added",
    "add_to_wishlist": "Product Added to Wishlist",
    "begin_checkout": "Checkout Started",
    "checkout_completed": "Order Completed",
    "initiate_checkout": "Checkout Started",
    "login": "Signed In",
    "logout": "Signed Out",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "remove_from_cart": "Product Removed",
    "search": "Products Searched",
    "select_item": "Product Clicked",
    "select_promotion": "Promotion Clicked",
    "sign_in": "Signed In",
    "sign_out": "Signed Out",
    "sign_up": "Signed Up",
    "signup": "Signed Up",
    "view_cart": "Cart Viewed",
    "view_content": "Product Viewed",
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "view_promotion": "Promotion Viewed",
    "start_trial": "Trial Started",
}
"""Names that Google Analytics and ad networks fix, by their words in small letters, and Segment's for the same."""
