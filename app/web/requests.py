"""The request of all sites: its form fields are cleaned before a view sees them."""

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict

from config.text_cleaning import clean

# fields of passwords: what was typed, to the character
_AS_TYPED = {"password", "again", "old"}


class CleanRequest(Request):
    """A request whose `form` holds cleaned texts (config/text_cleaning.py)."""

    def _load_form_data(self) -> None:
        # Werkzeug reads the body once, at the first use of form or files, and keeps the result
        if "form" in self.__dict__:
            return
        super()._load_form_data()
        pairs = self.__dict__["form"].items(multi=True)
        self.__dict__["form"] = ImmutableMultiDict(
            (name, value if name in _AS_TYPED else clean(value)) for name, value in pairs
        )
