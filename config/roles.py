"""The one table of bureau roles and the rights each holds.

Enterprises and providers have seats instead, in the rooms that own them. A role never decides
alone: separation of duties compares natural persons inside the acts (reliability section 3).
"""

ROLE_TITLES = {
    "reviewer": "初审",
    "approver": "复审审定",
    "finance": "财务",
    "auditor": "审计",
    "platform": "平台管理",
}

ROLES: dict[str, tuple[str, ...]] = {
    "reviewer": (
        "vouchers.view_cases",
        "vouchers.review_application",
        "vouchers.handle_objection",
        "vouchers.keep_registers",
        "vouchers.publish_notice",
        "vouchers.open_programme",
        "providers.view_providers",
        "providers.propose_rate",
        "providers.propose_usage",
    ),
    "approver": (
        "vouchers.view_cases",
        "vouchers.assign_case",
        "vouchers.export_cases",
        "vouchers.approve_export",
        "vouchers.decide_application",
        "vouchers.handle_objection",
        "vouchers.keep_registers",
        "vouchers.publish_notice",
        "vouchers.issue_voucher",
        "vouchers.open_programme",
        "vouchers.grant_budget",
        "config.view_user",
        "config.confirm_role",  # together with the platform: see config.granting
        "providers.view_providers",
        "providers.admit_provider",
        "providers.approve_rate",
        "providers.confirm_key",
        "providers.propose_usage",
        "providers.decide_usage",
        "billing.view_settlement",
        "billing.approve_settlement",
        "billing.review_claim",
        "billing.view_reports",
        "ledger.change_log_key",  # together with another person: see ledger.rotating
        "ledger.view_incidents",
        "ledger.lift_safe_mode",
    ),
    "finance": (
        "vouchers.grant_budget",
        "providers.view_providers",  # who closes a month sees what stands in its way
        "billing.view_settlement",
        "billing.close_month",
        "billing.prepare_settlement",
        "billing.check_claim",
        "billing.release_payment",
        "billing.view_reports",
        "ledger.view_incidents",
    ),
    "auditor": (
        "vouchers.view_cases",
        "config.view_user",
        "vouchers.view_readings",
        "vouchers.export_cases",
        "providers.view_providers",
        "billing.view_settlement",
        "billing.view_reports",
        "ledger.inspect_log",
        "ledger.view_incidents",
        "ledger.lift_safe_mode",
    ),
    # No business right: accounts, keys of machines and the health of the house.
    "platform": (
        "config.view_user",
        "config.change_user",
        "config.confirm_role",
        "providers.confirm_key",
        "ledger.inspect_log",
        "ledger.change_log_key",
        "ledger.view_incidents",
    ),
}
