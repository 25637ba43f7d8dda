"""Read templates so that they can speak: every source is cut into units before it is compiled."""

from typing import Any

from django.template import Origin
from django.template.loaders import app_directories, filesystem

from config.cutting import cut

#: Official papers: they are Chinese for every reader, as the law wants them.
OFFICIAL = ("documents/", "letters/", "paper/", "mail/", "account/email/")


class Folder(filesystem.Loader):
    """Templates of the house."""

    def get_contents(self, origin: Origin) -> str:
        """Return a template's source, cut unless it is an official paper."""
        return _cut(super().get_contents(origin), origin.template_name)


class Rooms(app_directories.Loader):
    """Templates that come with installed packages, form widgets above all."""

    def get_contents(self, origin: Origin) -> str:
        """Return a template's source, cut."""
        return _cut(super().get_contents(origin), origin.template_name)


def is_official(name: str) -> bool:
    """Say whether a template makes an official paper, which stays Chinese."""
    return name.startswith(OFFICIAL)


def _cut(source: str, name: Any) -> str:
    return source if is_official(str(name)) else cut(source).source
