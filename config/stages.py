"""A step of the sign-in that differs from allauth's own."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage


class AddressStage(EmailVerificationStage):
    """Ask for the confirmation of an address only of accounts that were opened with one.

    Accounts of the bureau and of the government identity come another way and may have none.
    """

    def handle(self) -> Any:
        """Pass on whoever never gave an address to confirm."""
        if not EmailAddress.objects.filter(user=self.login.user).exists():
            return None, True
        return super().handle()
