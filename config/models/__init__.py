"""Accounts, who holds which role, who stands in for whom, who was asked to come in."""

from config.models.appeal import BindingAppeal
from config.models.standing import Delegation, Invitation, RoleGrant, Tenure
from config.models.user import User

__all__ = ["BindingAppeal", "Delegation", "Invitation", "RoleGrant", "Tenure", "User"]
