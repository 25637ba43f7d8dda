"""The guards of an edition's way to publication, in plain SQL.

- the edges of the longer life of a programme;
- rules stand still outside the draft, not only after publication: opinions and comments speak of
  the text whose digest they carry;
- nothing is published without two passing opinions on the very text, an answered consultation,
  a document number and a second person;
- opinions and comments are never changed; a consultation is answered once and else stands still.
"""

from django.db import migrations

EDGES = {
    "programme": (
        "draft>in_review in_review>draft in_review>consulting consulting>draft "
        "consulting>published published>paused paused>published published>closed paused>closed "
        "closed>settling settling>evaluated evaluated>archived"
    ),
}
BEFORE = "draft>published published>paused paused>published published>closed paused>closed"
APPEND_ONLY = ("editionopinion", "consultationcomment")

RULES = """
CREATE OR REPLACE FUNCTION vouchers_guard_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.locked_at IS NOT NULL OR OLD.state <> 'draft') AND (
        NEW.rules IS DISTINCT FROM OLD.rules OR NEW.digest <> OLD.digest
        OR NEW.slug <> OLD.slug OR NEW.edition_no <> OLD.edition_no OR NEW.kind <> OLD.kind
        OR NEW.cap_fen <> OLD.cap_fen
    ) OR (OLD.locked_at IS NOT NULL AND NEW.locked_at IS DISTINCT FROM OLD.locked_at) THEN
        RAISE EXCEPTION 'edition %/% is locked', OLD.slug, OLD.edition_no
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

OLD_RULES = """
CREATE OR REPLACE FUNCTION vouchers_guard_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.locked_at IS NOT NULL AND (
        NEW.rules IS DISTINCT FROM OLD.rules OR NEW.digest <> OLD.digest
        OR NEW.slug <> OLD.slug OR NEW.edition_no <> OLD.edition_no
        OR NEW.cap_fen <> OLD.cap_fen OR NEW.locked_at IS DISTINCT FROM OLD.locked_at
    ) THEN
        RAISE EXCEPTION 'edition %/% is locked', OLD.slug, OLD.edition_no
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

FUNCTIONS = """
CREATE FUNCTION vouchers_guard_publishing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'in_review' AND NEW.state = 'consulting' AND (
        SELECT count(*) FROM (
            SELECT DISTINCT ON (o.kind) o.kind, o.outcome FROM vouchers_editionopinion o
            WHERE o.programme_id = NEW.id AND o.digest = NEW.digest
            ORDER BY o.kind, o.given_at DESC, o.id DESC
        ) newest WHERE newest.outcome = 'pass'
    ) < 2 THEN
        RAISE EXCEPTION 'edition %/% was not passed by both reviews', NEW.slug, NEW.edition_no
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'consulting' AND NEW.state = 'published' AND (
        NEW.published_person = '' OR NEW.proposed_person = '' OR NEW.document_no = ''
        OR NEW.locked_at IS NULL OR NOT EXISTS (
            SELECT 1 FROM vouchers_consultation c
            WHERE c.programme_id = NEW.id AND c.digest = NEW.digest AND c.answered_at IS NOT NULL
        )
    ) THEN
        RAISE EXCEPTION 'edition %/% is not ready to be published', NEW.slug, NEW.edition_no
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION vouchers_guard_consultation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.answered_at IS NOT NULL OR NEW.programme_id <> OLD.programme_id
       OR NEW.digest <> OLD.digest OR NEW.notice <> OLD.notice OR NEW.opens_at <> OLD.opens_at
       OR NEW.ends_at <> OLD.ends_at OR NEW.last_day <> OLD.last_day THEN
        RAISE EXCEPTION 'a consultation is answered once and else never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION vouchers_guard_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM vouchers_consultation c
        WHERE c.id = NEW.consultation_id
          AND NEW.received_at >= c.opens_at AND NEW.received_at < c.ends_at
    ) THEN
        RAISE EXCEPTION 'a comment outside its consultation'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER guard_publishing BEFORE UPDATE OF state ON vouchers_programme
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_publishing();
CREATE TRIGGER guard_consultation BEFORE UPDATE OR DELETE ON vouchers_consultation
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_consultation();
CREATE TRIGGER guard_comment BEFORE INSERT ON vouchers_consultationcomment
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_comment();
"""

DROP = """
DROP FUNCTION vouchers_guard_comment, vouchers_guard_consultation,
    vouchers_guard_publishing CASCADE;
"""


def _append_only(table: str) -> str:
    return f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON vouchers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_refuse_change();
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only_table;
"""


def _loosened(table: str) -> str:
    return f"""
DROP TRIGGER append_only ON vouchers_{table};
DROP TRIGGER append_only_table ON vouchers_{table};
"""


def _edges(edges: str) -> str:
    return f"""
DROP TRIGGER guard_edge ON vouchers_programme;
CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_programme
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{edges}');
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0020_programme_life")]

    operations = [
        migrations.RunSQL(
            RULES
            + FUNCTIONS
            + _edges(EDGES["programme"])
            + "".join(_append_only(table) for table in APPEND_ONLY),
            OLD_RULES + DROP + _edges(BEFORE) + "".join(_loosened(table) for table in APPEND_ONLY),
        )
    ]
