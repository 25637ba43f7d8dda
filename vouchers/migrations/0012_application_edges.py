"""The whole life cycle of an application in plain SQL: joint check, objection, waiting, second look.

The edges are written out here on purpose; a test holds them against the life cycle.
"""

from django.db import migrations

EDGES = {
    "application": (
        "draft>submitted submitted>accepted submitted>rejected accepted>supplement "
        "in_second_review>supplement supplement>accepted supplement>lapsed draft>lapsed "
        "accepted>proposed accepted>in_second_review in_second_review>accepted "
        "in_second_review>joint_check in_second_review>rejected joint_check>proposed "
        "joint_check>accepted proposed>in_notice in_notice>objection objection>in_notice "
        "objection>notice_done objection>rejected in_notice>notice_done notice_done>approved "
        "approved>waitlisted approved>issued waitlisted>issued approved>rejected "
        "waitlisted>rejected rejected>reconsider reconsider>rejected reconsider>accepted "
        "draft>withdrawn submitted>withdrawn accepted>withdrawn supplement>withdrawn "
        "in_second_review>withdrawn joint_check>withdrawn proposed>withdrawn"
    ),
}
BEFORE = (
    "draft>submitted submitted>accepted accepted>supplement supplement>accepted "
    "accepted>in_second_review in_second_review>accepted in_second_review>proposed "
    "in_second_review>rejected proposed>in_notice in_notice>notice_done "
    "notice_done>approved approved>issued draft>withdrawn submitted>withdrawn "
    "accepted>withdrawn supplement>withdrawn in_second_review>withdrawn proposed>withdrawn"
)


def _guard(edges: str) -> str:
    return f"""
DROP TRIGGER guard_edge ON vouchers_application;
CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_application
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{edges}');
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0011_application_states")]

    operations = [migrations.RunSQL(_guard(EDGES["application"]), _guard(BEFORE))]
